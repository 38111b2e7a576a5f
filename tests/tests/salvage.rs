//! A file of the store is damaged: what was recorded and is not at the hub yet is still there.

use std::collections::BTreeSet;
use std::path::Path;

use lastmile_core::event::{Event, Lane};
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::EventId;
use lastmile_core::{Command, Courier, Result};
use lastmile_hub::client::Carried;
use lastmile_tests::invented::{complaint, report};
use lastmile_tests::place::Place;
use rusqlite::Connection;

/// Acts that the hub has, and acts that it does not have yet.
const SENT: u32 = 40;
const PENDING: u32 = 30;

/// The files of a store, of which one is damaged at a time.
const FILES: [&str; 5] =
    ["lastmile.db", "lastmile.db-wal", "lastmile.journal", "lastmile.key", "lastmile.key.copy"];

fn act(courier: &mut Courier, n: u32) -> EventId {
    let case = courier.new_case();
    let command = if n.is_multiple_of(4) {
        let jpeg = [b"\xff\xd8\xff\xe0".as_slice(), &n.to_le_bytes().repeat(100)].concat();
        let lane = Lane::Exception(case);
        let photo = courier.capture_bytes(&lane, &jpeg, MediaSource::Camera).unwrap();
        report(case, vec![photo])
    } else {
        complaint(case, n as usize)
    };
    courier.record(&command).unwrap().events[0]
}

/// A phone in the middle of its day, whose app was ended without notice.
fn day() -> (Place, BTreeSet<EventId>) {
    let place = Place::new();
    let mut courier = place.open().unwrap();
    for n in 0..SENT {
        act(&mut courier, n);
    }
    place.client(place.url()).sync(&mut courier, &mut Carried::default()).unwrap();
    let pending = (0..PENDING).map(|n| act(&mut courier, SENT + n)).collect();
    // Its files stay as they are now: nothing is closed in order.
    std::mem::forget(courier);
    (place, pending)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Damages a file as worn flash does: a bit, a byte, a sector, or everything from somewhere on.
fn damage(file: &Path, rng: &mut fastrand::Rng) {
    let mut bytes = std::fs::read(file).unwrap();
    let at = rng.usize(..bytes.len());
    match rng.u32(..5) {
        0 => bytes[at] ^= 1 << rng.u32(..8),
        1 => bytes[at] = rng.u8(..),
        2 => {
            let sector = at / 512 * 512;
            let end = (sector + 512).min(bytes.len());
            rng.fill(&mut bytes[sector..end]);
        }
        3 => {
            let page = at / 4096 * 4096;
            let end = (page + 4096).min(bytes.len());
            bytes[page..end].fill(0);
        }
        _ => bytes.truncate(at),
    }
    std::fs::write(file, bytes).unwrap();
}

/// The acts that wait to be sent.
fn pending(folder: &Path) -> BTreeSet<EventId> {
    let db = Connection::open(folder.join("lastmile.db")).unwrap();
    let mut rows =
        db.prepare("SELECT bytes FROM event WHERE lane_seq IS NULL AND park IS NULL").unwrap();
    let rows = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Event::parse(&bytes.unwrap()).unwrap().envelope.id).collect()
}

/// Damages one file of a copy `times` times; returns of how many acts how many were there.
fn wear(times: u64) -> (usize, usize) {
    let (place, expected) = day();
    let (mut all, mut there) = (0, 0);
    for seed in 0..times {
        let mut rng = fastrand::Rng::with_seed(seed);
        let folder = place.folder().join("worn");
        copy(&place.phone(), &folder);
        let file = FILES[rng.usize(..FILES.len())];
        damage(&folder.join(file), &mut rng);
        all += expected.len();
        match place.open_in(&folder) {
            Ok(courier) => {
                drop(courier);
                let found = pending(&folder);
                there += expected.intersection(&found).count();
                if !expected.is_subset(&found) {
                    println!("seed {seed}, {file}: {} of {}", found.len(), expected.len());
                }
            }
            Err(error) => println!("seed {seed}, {file}: {error}"),
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
    (there, all)
}

#[test]
fn what_is_not_at_the_hub_survives_a_damaged_file() {
    let (there, all) = wear(400);
    assert!(there * 1000 >= all * 999, "{there} of {all}");
}

#[test]
#[ignore = "ten thousand damaged files: some minutes"]
fn what_is_not_at_the_hub_survives_ten_thousand_damaged_files() {
    let (there, all) = wear(10_000);
    println!("{there} of {all} acts");
    assert!(there * 1000 >= all * 999, "{there} of {all}");
}

/// Each lane is one act here, and has its event once at the hub.
fn once_at_the_hub(place: &Place, lanes: &[Lane]) {
    let db = Connection::open(place.hub().join("hub.db")).unwrap();
    for lane in lanes {
        let count: u32 = db
            .query_row(
                "SELECT count(*) FROM event e JOIN lane l ON l.row = e.lane
                 WHERE l.key = ?1 AND e.lane_seq IS NOT NULL",
                [lane.to_string()],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(count, 1, "{lane}");
    }
}

#[test]
fn what_was_saved_reaches_the_hub_once() -> Result<()> {
    for (file, aside) in [("lastmile.db", true), ("lastmile.db-wal", false)] {
        let (place, expected) = day();
        let folder = place.folder().join("worn");
        copy(&place.phone(), &folder);
        let bytes = std::fs::read(folder.join(file)).unwrap().len();
        std::fs::write(folder.join(file), b"worn".repeat(bytes / 4)).unwrap();

        let mut courier = place.open_in(&folder)?;

        let salvaged = courier.salvaged()?.expect("it was damaged");
        let damaged = salvaged.set_aside.map(|name| folder.join(name));
        assert_eq!(damaged.is_some(), aside, "{file}");
        let lanes = courier.open_complaints()?.into_iter().map(Lane::Complaint);
        let lanes: Vec<_> =
            lanes.chain(courier.open_exceptions()?.into_iter().map(Lane::Exception)).collect();
        assert!(lanes.len() >= expected.len(), "{file}: they are on the screen at once");
        act(&mut courier, 99);
        place.client(place.url()).sync(&mut courier, &mut Carried::default())?;
        let status = courier.sync_status()?;
        assert_eq!((status.pending, status.media_pending), (0, 0), "{file}");
        once_at_the_hub(&place, &lanes);
        if let Some(damaged) = damaged {
            courier.tidy()?;
            assert!(damaged.exists(), "it is kept for a while");
            let file = std::fs::File::options().write(true).open(&damaged).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            courier.tidy()?;
            assert!(!damaged.exists(), "and not for ever: persons are erased");
        }
        drop(courier);
        assert_eq!(place.open_in(&folder)?.salvaged()?, None, "{file}: it is whole again");
    }
    Ok(())
}

#[test]
fn a_database_that_was_seen_to_be_damaged_is_replaced_the_next_time() -> Result<()> {
    let (place, expected) = day();
    let folder = place.folder().join("worn");
    copy(&place.phone(), &folder);
    let mut courier = place.open_in(&folder)?;
    // What is not pending is not looked at when a store is opened.
    let db = Connection::open(folder.join("lastmile.db")).unwrap();
    db.execute("UPDATE lane SET state = 'worn'", []).unwrap();
    drop(db);
    let case = courier.open_complaints()?[0];
    let contact = Command::ContactCustomer {
        case,
        channel: lastmile_core::delivery::Channel::Phone,
        reached: true,
    };
    assert_eq!(courier.record(&contact).unwrap_err().code(), "Corrupt");
    drop(courier);

    let courier = place.open_in(&folder)?;

    assert!(courier.salvaged()?.is_some());
    assert!(expected.is_subset(&pending(&folder)));
    Ok(())
}
