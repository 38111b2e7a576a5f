//! What any engine under the hub must keep: see `lastmile_hub::store`.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use common::{parcel, station};
use lastmile_core::id::{CourierNo, Digest};
use lastmile_core::visibility::Sight;
use lastmile_hub::store::{Head, HubStore, SqliteStore};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(&folder.join("hub.db")).unwrap()
}

#[test]
fn two_connections_share_one_order_without_holes_or_doubles() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path()), open(folder.path()));
    let take = |store: &SqliteStore, rounds: u64| -> Vec<u64> {
        (0..rounds)
            .flat_map(|round| {
                let tx = store.begin().unwrap();
                let lane = tx.lane(&parcel(1)).unwrap();
                let count = 1 + round % 3;
                let first = tx.advance(lane.row, count).unwrap();
                assert!(first >= lane.next, "nobody advances a lane that is locked");
                if round % 5 == 4 {
                    return Vec::new(); // Dropped: what it took is given out again.
                }
                tx.commit().unwrap();
                (first..first + count).collect()
            })
            .collect()
    };

    let (mut all, others) = std::thread::scope(|scope| {
        let other = scope.spawn(|| take(&two, 200));
        (take(&one, 200), other.join().unwrap())
    });

    assert!(!all.is_empty() && !others.is_empty());
    all.extend(others);
    all.sort_unstable();
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_feed_is_dense_and_never_shows_a_later_entry_before_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path()), open(folder.path()));
    let no = CourierNo::new("A").unwrap();
    let event = |store: &SqliteStore, n: u64| {
        use lastmile_hub::store::{NewEvent, Origin};
        let tx = store.begin().unwrap();
        let lane = tx.lane(&parcel(1)).unwrap();
        let lane_seq = tx.advance(lane.row, 1).unwrap();
        let leaf = Digest::of(&[&n.to_be_bytes()]);
        let origin = Origin { device: 1, incarnation: 1, seq: n };
        let new = NewEvent {
            id: None,
            leaf: &leaf,
            lane: Some(lane.row),
            place: Ok(lane_seq),
            origin,
            bytes: b"",
        };
        let row = tx.add_event(&new).unwrap();
        let courier = tx.courier(&no).unwrap();
        tx.add_to_feed(courier, &[(row, Sight::Fact, false)]).unwrap();
        tx.commit().unwrap();
    };

    let seen = std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..200).for_each(|n| event(&one, n)));
        let mut cursor = 0;
        let mut seen = Vec::new();
        while seen.len() < 200 {
            let tx = two.begin().unwrap();
            let courier = tx.courier(&no).unwrap();
            for entry in tx.feed_after(courier, cursor, 7).unwrap() {
                cursor = entry.pos;
                seen.push(entry.pos);
            }
        }
        writer.join().unwrap();
        seen
    });

    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

#[test]
fn what_is_not_committed_never_happened() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let head = Head { incarnation: 1, received_to: 4, link: Digest::default() };
    let tx = store.begin().unwrap();
    tx.put_head(1, &head).unwrap();
    tx.put_meta("epoch", "x").unwrap();
    drop(tx);

    let tx = store.begin().unwrap();

    assert!(tx.head(1, 1).unwrap().is_none());
    assert!(tx.meta("epoch").unwrap().is_none());
    assert!(tx.station(&station()).unwrap().is_none());
}

#[test]
fn a_database_of_a_newer_release_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let raw = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);

    let refused = SqliteStore::open(&folder.path().join("hub.db"));

    assert!(matches!(refused.err(), Some(lastmile_hub::HubError::NewerStore)));
}
