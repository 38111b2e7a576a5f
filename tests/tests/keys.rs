//! The hub takes new keys while a phone sends to it: each receipt holds, and nothing waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{HubKey, Receipt};
use lastmile_hub::client::{Ask, Carried, agent};
use lastmile_tests::invented::report;
use lastmile_tests::place::Place;
use rusqlite::Connection;

const ROTATIONS: usize = 10;

#[test]
fn the_hub_takes_new_keys_while_a_phone_sends() {
    let place = Place::new();
    let (mut courier, client) = (place.open().unwrap(), place.client(place.url()));
    let (sent, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROTATIONS {
                // The second of two was begun under the key of now; the next may be under way.
                let before = sent.load(Ordering::SeqCst);
                while sent.load(Ordering::SeqCst) < before + 2 {
                    std::thread::yield_now();
                }
                place.serving().rotate_key().unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let case = courier.new_case();
            courier.record(&report(case, Vec::new())).unwrap();
            client.sync(&mut courier, &mut Carried::default()).unwrap();
            assert_eq!(courier.sync_status().unwrap().pending, 0);
            sent.fetch_add(1, Ordering::SeqCst);
        }
    });
    drop(courier);

    let keys = Ask::new("GET", &format!("{}/v1/keys", place.url()));
    let keys: Vec<HubKey> = keys.read(&agent()).unwrap();
    assert_eq!(keys.len(), ROTATIONS + 1);
    let db = Connection::open(place.phone().join("lastmile.db")).unwrap();
    let mut receipts = db.prepare("SELECT receipt FROM receipt").unwrap();
    let receipts = receipts.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut used = BTreeSet::new();
    for receipt in receipts {
        let receipt: Receipt = serde_json::from_str(&receipt.unwrap()).unwrap();
        let key = keys.iter().find(|key| key.key == receipt.key).unwrap();
        assert!(key.is_certified_by(&place.enrolment.root_key));
        assert!(verifies(&key.public, receipt.body.as_bytes(), &receipt.signature));
        used.insert(receipt.key);
    }
    assert!(used.len() >= ROTATIONS, "{} keys signed", used.len());
}
