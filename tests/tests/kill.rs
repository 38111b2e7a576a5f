//! Real processes, really killed, on a real file system: what had returned is there.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lastmile_core::event::{Event, leaf, link};
use lastmile_core::id::{CourierNo, StationId};
use lastmile_core::sync::wire::EnrolRequest;
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_core::{Courier, Options};
use lastmile_hub::client::{self, Carried, Client};
use lastmile_hub::{Hub, Settings, serve};

/// DESIGN asks for 200.
const RUNS: u32 = 200;

#[test]
fn after_200_kills_nothing_that_returned_is_gone_and_nothing_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::in_folder(
        &folder.path().join("hub"),
        Arc::new(SystemClock::new(480)),
        Arc::new(SystemEntropy),
        Settings::default(),
    )
    .unwrap();
    let hub = Arc::new(hub);
    let running = serve::in_background(hub.clone()).unwrap();
    let address = running.url();

    let courier = CourierNo::new("4849").unwrap();
    let code = hub.new_code(courier, StationId::new("JL31").unwrap()).unwrap();
    let enrolment = client::enrol(address, &EnrolRequest { code, public_key: None }).unwrap();
    let enrolment_file = folder.path().join("enrolment.json");
    std::fs::write(&enrolment_file, serde_json::to_vec(&enrolment).unwrap()).unwrap();
    let store = folder.path().join("phone");

    let mut returned = BTreeSet::new();
    let mut rng = fastrand::Rng::with_seed(7);
    for run in 0..RUNS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_recorder"))
            .args([store.as_os_str(), address.as_ref(), enrolment_file.as_os_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // After a few acts, however long they take here, and at any moment of the one that follows.
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        for _ in 0..rng.u32(..8) {
            said.read_line(&mut printed).unwrap();
        }
        std::thread::sleep(Duration::from_micros(rng.u64(..20_000)));
        child.kill().unwrap();
        said.read_to_string(&mut printed).unwrap();
        let mut complaints = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        child.wait().unwrap();
        assert_eq!(complaints, "", "run {run} stopped by itself");
        // The last line may be cut; only whole ones have been said.
        let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
        returned.extend(whole.lines().map(str::to_owned));
    }
    assert!(returned.len() > 500, "only {} events: the runs were too short", returned.len());

    let mut courier = Courier::open(Options::folder(&store, 480), enrolment.identity()).unwrap();
    Client::new(address, &enrolment).sync(&mut courier, &mut Carried::default()).unwrap();

    let mut here = BTreeSet::new();
    let mut head = lastmile_core::id::Digest::default();
    for (expected, line) in (1..).zip(courier.log().unwrap()) {
        assert_eq!((line.incarnation, line.seq), (Some(1), Some(expected)), "the chain is dense");
        head = link(&head, &leaf(&line.bytes));
        assert_eq!(line.link, Some(head), "the chain verifies at {expected}");
        assert!(line.lane_seq.is_some(), "the hub has {expected}");
        let id = Event::parse(&line.bytes).unwrap().envelope.id.to_string();
        assert!(here.insert(id), "an event stands twice in the log");
    }
    let gone: Vec<_> = returned.difference(&here).collect();
    assert!(gone.is_empty(), "returned and gone: {gone:?}");

    let status = courier.sync_status().unwrap();
    assert_eq!((status.pending, status.parked, status.media_pending), (0, 0, 0));
    let placed: usize = rusqlite::Connection::open(folder.path().join("hub/hub.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM event WHERE lane_seq IS NOT NULL", [], |row| row.get(0))
        .unwrap();
    assert_eq!(placed, here.len(), "the hub has each event once");
    println!("{RUNS} kills, {} events returned, {} in the log", returned.len(), here.len());
}
