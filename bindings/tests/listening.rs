//! Who listens is told what changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lastmile_core::Durability;
use lastmile_core::event::Lane;
use lastmile_core::id::CourierNo;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_ffi::{ChangeListener, Lastmile, LastmileError};
use lastmile_hub::Request;
use lastmile_tests::world::{Station, TrueTime, reply_of};

#[derive(Default)]
struct Counter(AtomicU32);

impl ChangeListener for Counter {
    fn on_change(&self, _: Vec<Lane>) -> Result<(), LastmileError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_listener_is_told_of_a_reply_that_is_refused() {
    let station = Station::new(&TrueTime::at(1_790_000_000_000), 1);
    let enrolment = station.enrol(&CourierNo::new("4849").expect("a courier's number"), None);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store").to_string_lossy().into_owned();
    let (identity, key) = (enrolment.identity(), vec![7; 32]);
    let app = Lastmile::open(path, key, identity, 480, Durability::Full, None, None);
    let app = app.expect("a new store");
    let counter = Arc::new(Counter::default());
    let _subscription = app.subscribe(counter.clone()).expect("it listens");
    let before = counter.0.load(Ordering::Relaxed);

    let next = app.next_request(SyncChannel::Events).expect("a good disk");
    let Next::Send { request } = next else { panic!("a new phone asks for news") };
    let without_tokens = Request::new(&request.method, &request.path);
    let refused = app.apply_reply(request.id, reply_of(station.ask(&without_tokens)));

    assert!(refused.is_err());
    assert_eq!(counter.0.load(Ordering::Relaxed), before + 1, "its status is another");
}
