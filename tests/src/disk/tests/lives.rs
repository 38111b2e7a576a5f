//! A phone that works, dies at a seeded storage call, and works again.

use rusqlite::{Connection, Result};

use super::{Disk, open};

/// What went wrong, if anything did.
type Outcome = std::result::Result<(), String>;

/// What a phone's owner was told, to be held against what the disk still has.
struct Diary {
    rng: fastrand::Rng,
    /// How many transactions were begun; the last may be in doubt.
    begun: u32,
    /// How many commits have returned.
    committed: u32,
}

impl Diary {
    /// Works until the disk fails. Transaction `n` writes one to five rows and moves a counter from `n - 1` to `n`.
    fn live(&mut self, disk: &Disk, synchronous: &str, page_size: u32) -> Result<()> {
        let mut db = open(disk, synchronous, page_size)?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS event (txn INTEGER, part INTEGER, parts INTEGER, bytes BLOB);
             CREATE TABLE IF NOT EXISTS lane (only INTEGER PRIMARY KEY, txn INTEGER);
             INSERT OR IGNORE INTO lane VALUES (1, 0)",
        )?;
        for _ in 0..40 {
            let txn = db.transaction()?;
            let n: u32 = txn.query_row("SELECT txn + 1 FROM lane", [], |row| row.get(0))?;
            let parts = self.rng.u32(1..=5);
            for part in 1..=parts {
                let len = self.rng.u32(..3000);
                let row = [n, part, parts, len];
                txn.execute("INSERT INTO event VALUES (?1, ?2, ?3, randomblob(?4))", row)?;
            }
            txn.execute("UPDATE lane SET txn = ?1", [n])?;
            if self.rng.u8(..8) == 0 {
                // An old row goes, so that pages are freed and used again.
                let old = self.rng.u32(1..=n);
                txn.execute("UPDATE event SET bytes = NULL WHERE txn = ?1", [old])?;
            }
            self.begun = n;
            txn.commit()?;
            self.committed = n;
            match self.rng.u8(..16) {
                0 => db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?,
                1 => db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?,
                2 => db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?,
                3 => db = reopen(db, disk, synchronous, page_size)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Says what is wrong with the disk, if anything.
    fn check(&mut self, disk: &Disk) -> Outcome {
        let db = open(disk, "FULL", 4096).map_err(|error| format!("does not open: {error}"))?;
        let found = found(&db).map_err(|error| format!("cannot be read: {error}"))?;
        let (integrity, counter, whole, half) = found;
        if integrity != "ok" {
            return Err(format!("integrity: {integrity}"));
        }
        if half > 0 || whole != counter {
            return Err(format!("{half} half transactions, {whole} whole ones, counter {counter}"));
        }
        if counter < self.committed || counter > self.begun.max(self.committed) {
            return Err(format!("{counter} found, {} committed", self.committed));
        }
        // The one in doubt is found out about; no one may take it back from here on.
        self.committed = counter;
        db.query_row("PRAGMA wal_checkpoint", [], |_| Ok(())).map_err(|error| error.to_string())
    }
}

/// Returns the integrity, the counter, and how many transactions are there whole and in part.
fn found(db: &Connection) -> Result<(String, u32, u32, u32)> {
    let integrity = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let tables: u32 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'lane'", [], |row| {
            row.get(0)
        })?;
    if tables == 0 {
        return Ok((integrity, 0, 0, 0));
    }
    let counter = db.query_row("SELECT coalesce(max(txn), 0) FROM lane", [], |row| row.get(0))?;
    let (whole, half) = db.query_row(
        "SELECT coalesce(sum(rows = parts), 0), coalesce(sum(rows <> parts), 0)
         FROM (SELECT count(*) AS rows, max(parts) AS parts FROM event GROUP BY txn)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok((integrity, counter, whole, half))
}

fn reopen(db: Connection, disk: &Disk, synchronous: &str, page_size: u32) -> Result<Connection> {
    db.close().map_err(|(_, error)| error)?;
    open(disk, synchronous, page_size)
}

/// Lets a phone die six times at seeded storage calls and checks it after each.
pub(super) fn six_lives(seed: u64, synchronous: &str) -> Outcome {
    let mut diary = Diary { rng: fastrand::Rng::with_seed(seed), begun: 0, committed: 0 };
    let page_size = 1024 << diary.rng.u32(..5);
    let disk = Disk::new();
    for life in 1..=6 {
        let calls = diary.rng.u64(1..=400);
        disk.crash_after(calls);
        let end = diary.live(&disk, synchronous, page_size);
        if let Err(error) = end
            && !disk.crashed()
        {
            return Err(format!("life {life} ended by itself: {error}"));
        }
        if diary.rng.u8(..4) == 0 {
            disk.process_kill();
        } else {
            disk.power_loss(&mut diary.rng);
        }
        diary.check(&disk).map_err(|wrong| format!("life {life}, call {calls}: {wrong}"))?;
    }
    Ok(())
}
