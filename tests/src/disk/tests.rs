//! What the disk keeps and what it loses.

mod lives;

use rusqlite::{Connection, ErrorCode, Result, ffi};

use super::{Disk, Op, registry};
use lives::six_lives;

/// Opens the database as a courier's app would.
fn open(disk: &Disk, synchronous: &str, page_size: u32) -> Result<Connection> {
    let db = disk.open("courier.db")?;
    db.pragma_update(None, "page_size", page_size)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(db)
}

/// Opens the database with an empty table `event`.
fn open_with_events(disk: &Disk) -> Connection {
    let db = open(disk, "FULL", 4096).unwrap();
    db.execute_batch("CREATE TABLE event (id INTEGER PRIMARY KEY, bytes BLOB)").unwrap();
    db
}

fn record(db: &Connection) -> Result<usize> {
    db.execute("INSERT INTO event (bytes) VALUES (zeroblob(300))", [])
}

fn recorded(db: &Connection) -> Result<u32> {
    db.query_row("SELECT count(*) FROM event", [], |row| row.get(0))
}

fn failing_seeds(seeds: u64, synchronous: &str) -> Vec<(u64, String)> {
    let failed = |seed| six_lives(seed, synchronous).err().map(|wrong| (seed, wrong));
    (0..seeds).filter_map(failed).collect()
}

#[test]
fn with_full_sync_no_committed_transaction_is_lost_or_halved() {
    assert_eq!(failing_seeds(500, "FULL"), []);
}

#[test]
fn with_normal_sync_transactions_are_lost_but_never_halved() {
    let failed = failing_seeds(200, "NORMAL");

    assert!(failed.len() > 50, "only {} seeds lost something", failed.len());
    for (seed, wrong) in failed {
        assert!(wrong.contains(" committed"), "seed {seed}: {wrong}");
    }
}

#[test]
fn without_sync_the_same_lives_lose_data() {
    let failed = failing_seeds(200, "OFF");

    assert!(failed.len() > 150, "only {} seeds lost something", failed.len());
    assert!(failed.iter().any(|(_, wrong)| !wrong.contains(" committed")), "none was corrupted");
}

#[test]
fn every_storage_call_of_a_day_can_be_the_last() {
    let day = |disk: &Disk| -> Result<()> {
        let db = open(disk, "FULL", 4096)?;
        db.execute_batch("CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, bytes BLOB)")?;
        record(&db)?;
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        record(&db)?;
        db.close().map_err(|(_, error)| error)?;
        Ok(())
    };
    let whole = Disk::new();
    day(&whole).unwrap();

    for call in 1..=whole.calls() {
        let disk = Disk::new();
        disk.crash_after(call);
        // Closing hides its own failures, so the last calls may fail unseen.
        let _ = day(&disk);
        assert!(disk.crashed(), "call {call} was not made");
        disk.power_loss(&mut fastrand::Rng::with_seed(call));

        day(&disk).unwrap();
        let found = recorded(&disk.open("courier.db").unwrap()).unwrap();
        assert!((2..=4).contains(&found), "call {call} left {found} rows");
    }
}

#[test]
fn a_commit_syncs_once_between_checkpoints() {
    let disk = Disk::new();
    let db = open_with_events(&disk);
    let before = disk.counts();

    for _ in 0..100 {
        record(&db).unwrap();
    }

    let counts = disk.counts().since(&before);
    assert_eq!((counts.wal.syncs, counts.syncs()), (100, 100));
    assert_eq!((counts.db.writes, counts.journal.writes), (0, 0));
    assert!(counts.wal.bytes >= 100 * (4096 + 24), "{} bytes", counts.wal.bytes);
}

#[test]
fn a_commit_found_after_a_kill_is_durable_only_with_the_next_sync() {
    let lost = (0..100).filter(|&seed| {
        let disk = Disk::new();
        let db = open_with_events(&disk);
        record(&db).unwrap();
        let before = disk.calls();
        record(&db).unwrap();
        disk.crash_after(disk.calls() - before);
        record(&db).unwrap_err();

        disk.process_kill();
        let alive = open(&disk, "FULL", 4096).unwrap();
        assert_eq!(recorded(&alive).unwrap(), 3);
        disk.power_loss(&mut fastrand::Rng::with_seed(seed));
        recorded(&open(&disk, "FULL", 4096).unwrap()).unwrap() == 2
    });

    assert!(lost.count() > 20);
}

#[test]
fn a_log_that_a_killed_process_made_is_durable_with_the_next_sync() {
    for seed in 0..100 {
        let disk = Disk::new();
        record(&open_with_events(&disk)).unwrap();
        let made = open(&disk, "FULL", 4096).unwrap();
        disk.fail_next(Op::Sync, ffi::SQLITE_IOERR_FSYNC);
        record(&made).unwrap_err();
        disk.process_kill();
        drop(made);

        record(&open(&disk, "FULL", 4096).unwrap()).unwrap();
        disk.power_loss(&mut fastrand::Rng::with_seed(seed));

        assert_eq!(recorded(&open(&disk, "FULL", 4096).unwrap()).unwrap(), 2, "seed {seed}");
    }
}

#[test]
fn a_reader_sees_what_the_writer_committed() {
    let disk = Disk::new();
    let writer = open_with_events(&disk);
    let reader = open(&disk, "FULL", 4096).unwrap();

    record(&writer).unwrap();
    let snapshot = reader.unchecked_transaction().unwrap();
    assert_eq!(recorded(&snapshot).unwrap(), 1);
    record(&writer).unwrap();

    assert_eq!(recorded(&snapshot).unwrap(), 1, "a read transaction stands still");
    drop(snapshot);
    assert_eq!(recorded(&reader).unwrap(), 2);
}

#[test]
fn a_second_writer_is_busy() {
    let disk = Disk::new();
    let first = open_with_events(&disk);
    let second = open(&disk, "FULL", 4096).unwrap();
    second.busy_timeout(std::time::Duration::ZERO).unwrap();

    first.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = record(&second);
    first.execute_batch("COMMIT").unwrap();

    assert_eq!(busy.unwrap_err().sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    assert_eq!(record(&second), Ok(1));
}

#[test]
fn threads_share_a_database() {
    let disk = Disk::new();
    let writer = open_with_events(&disk);

    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let reader = open(&disk, "FULL", 4096).unwrap();
                let counts: Vec<u32> = (0..100).map(|_| recorded(&reader).unwrap()).collect();
                assert!(counts.is_sorted(), "a count went back");
            });
        }
        for _ in 0..100 {
            record(&writer).unwrap();
        }
    });

    assert_eq!(recorded(&writer).unwrap(), 100);
}

#[test]
fn a_connection_from_before_a_power_loss_fails_and_changes_nothing() {
    let disk = Disk::new();
    let stale = open_with_events(&disk);
    record(&stale).unwrap();
    disk.power_loss(&mut fastrand::Rng::with_seed(1));
    let fresh = open(&disk, "FULL", 4096).unwrap();
    record(&fresh).unwrap();
    let before = disk.counts();

    for failed in [record(&stale).map(|_| ()), recorded(&stale).map(|_| ())] {
        assert_eq!(failed.unwrap_err().sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    }
    drop(stale);

    assert_eq!(disk.counts(), before);
    assert_eq!(recorded(&fresh).unwrap(), 2);
}

#[test]
fn disks_do_not_see_each_other() {
    let disks = [Disk::new(), Disk::new()];
    let dbs = disks.each_ref().map(open_with_events);

    record(&dbs[0]).unwrap();
    let copy = disks[0].duplicate();
    record(&dbs[0]).unwrap();
    disks[1].power_loss(&mut fastrand::Rng::with_seed(1));

    assert_eq!(recorded(&dbs[0]).unwrap(), 2);
    assert_eq!(recorded(&disks[1].open("courier.db").unwrap()).unwrap(), 0);
    assert_eq!(recorded(&copy.open("courier.db").unwrap()).unwrap(), 1);
}

#[test]
fn a_dropped_disk_leaves_nothing_behind() {
    for _ in 0..1000 {
        open_with_events(&Disk::new());
    }

    assert!(registry::count() < 500, "{} disks are left", registry::count());
}

#[test]
fn a_full_disk_refuses_and_takes_again() {
    let disk = Disk::new();
    let db = open_with_events(&disk);
    disk.fail_full_after(20_000);

    let refused = (0..100).find_map(|_| record(&db).err()).unwrap();
    let kept = recorded(&db).unwrap();
    disk.lift_full();

    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DiskFull));
    assert!(kept > 0);
    record(&db).unwrap();
    assert_eq!(recorded(&db).unwrap(), kept + 1);
}

#[test]
fn removing_a_file_makes_room() {
    let disk = Disk::new();
    let files = disk.files();
    for name in ["old", "new"] {
        files.create(name).unwrap();
    }
    files.append("old", &[1; 1000]).unwrap();
    disk.fail_full_after(500);
    let refused = files.append("new", &[2; 1000]);

    files.remove("old").unwrap();

    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    files.append("new", &[2; 1000]).unwrap();
}

#[test]
fn a_failed_sync_fails_the_commit_once() {
    let disk = Disk::new();
    let db = open_with_events(&disk);
    disk.fail_next(Op::Sync, ffi::SQLITE_IOERR_FSYNC);

    let failed = record(&db);

    assert_eq!(failed.unwrap_err().sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    assert_eq!(record(&db), Ok(1));
    assert_eq!(recorded(&db).unwrap(), 1);
}

#[test]
fn a_plain_file_needs_its_own_sync_and_its_folders() {
    let (mut whole, mut torn, mut missing) = (0, 0, 0);
    for seed in 0..200 {
        let disk = Disk::new();
        let files = disk.files();
        for name in ["media/safe", "media/unsynced"] {
            files.create(name).unwrap();
            files.append(name, &[7; 10_000]).unwrap();
        }
        files.sync("media/safe").unwrap();
        files.sync_dir("media").unwrap();
        files.create("media/unnamed").unwrap();
        files.append("media/unnamed", &[7; 10_000]).unwrap();
        files.sync("media/unnamed").unwrap();

        disk.power_loss(&mut fastrand::Rng::with_seed(seed));

        let files = disk.files();
        assert_eq!(content(&files, "media/safe"), [7; 10_000]);
        if content(&files, "media/unsynced") == [7; 10_000] {
            whole += 1;
        } else {
            torn += 1;
        }
        missing += usize::from(files.len("media/unnamed").is_err());
    }
    assert!(whole > 20 && torn > 20 && missing > 20, "{whole} whole, {torn} torn, {missing} gone");
}

#[test]
fn a_rename_is_found_whole_or_not_at_all() {
    let mut outcomes = std::collections::BTreeMap::new();
    for seed in 0..100 {
        let disk = Disk::new();
        let files = disk.files();
        for (name, byte) in [("photo", 1), ("photo.new", 2)] {
            files.create(name).unwrap();
            files.append(name, &[byte; 600]).unwrap();
            files.sync(name).unwrap();
        }
        files.sync_dir("").unwrap();
        files.rename("photo.new", "photo").unwrap();

        disk.power_loss(&mut fastrand::Rng::with_seed(seed));

        let files = disk.files();
        let found = (files.list("").unwrap(), content(&files, "photo")[0]);
        *outcomes.entry(found).or_insert(0) += 1;
    }
    let outcomes: Vec<_> = outcomes.into_keys().collect();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(outcomes, [(names(&["photo"]), 2), (names(&["photo", "photo.new"]), 1)]);
}

#[test]
fn the_plain_files_of_a_dead_app_are_closed_to_it() {
    let disk = Disk::new();
    let dead = disk.files();
    dead.create("photo").unwrap();
    disk.process_kill();

    assert!(dead.append("photo", b"late").is_err());
    assert_eq!(disk.files().len("photo").unwrap(), 0);
}

#[test]
fn a_seed_loses_the_same_each_time() {
    let after = |seed| {
        let disk = Disk::new();
        let files = disk.files();
        files.create("photo").unwrap();
        files.sync_dir("").unwrap();
        for byte in 0..100 {
            files.append("photo", &[byte; 700]).unwrap();
        }
        disk.power_loss(&mut fastrand::Rng::with_seed(seed));
        content(&disk.files(), "photo")
    };

    assert!((0..20).all(|seed| after(seed) == after(seed)));
    assert!((0..20).any(|seed| after(seed) != after(seed + 1)));
}

fn content(files: &super::Files, name: &str) -> Vec<u8> {
    let mut content = vec![0; files.len(name).unwrap()];
    files.read_at(name, 0, &mut content).unwrap();
    content
}
