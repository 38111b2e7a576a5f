//! What leaves the phone: closed lanes, when their time is over and the hub has all of them.
//!
//! A lane that left keeps its row: what it came to, and up to where. So rules and lists go on as
//! before, and an event that comes later is folded on top. What left are its events, its persons
//! and its files; the hub has them all.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::courier::Courier;
use crate::error::Result;
use crate::event::Event;
use crate::store::{Key, LaneRow, Location, Media, Outgoing, SealedFolder, forget_aside};

/// Lanes that leave in one call, so that the courier's own act never waits long for it.
const PER_CALL: usize = 50;

const DAY_MS: i64 = 86_400_000;

impl Courier {
    /// Lets closed lanes leave the phone `retention_days` after their last event (M02), a few at a
    /// time: parcels that are over and owe nothing or are no longer this courier's, and closed cases
    /// and complaints. Returns how many left; call it again until it is 0, when the phone is idle.
    ///
    /// Nothing leaves of a lane that holds an event or a file that the hub has not confirmed, nor an
    /// event of this phone's that is in none of the hub's backups, where it takes some; and nothing
    /// at all while the phone has not compared its clock with the hub's. A damaged database that was
    /// set aside goes after the same days, once nothing is pending.
    pub fn tidy(&mut self) -> Result<u32> {
        let now = self.now();
        if now.unsure_ms.is_none() {
            return Ok(0);
        }
        let before_ms = now.ms - i64::from(self.policy().retention_days) * DAY_MS;
        if let Location::Folder(folder) = &self.options.location
            && Outgoing::count(&self.store()?.db)? == 0
        {
            forget_aside(folder, before_ms);
        }
        let store = self.store_mut()?;
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut left = 0;
        let durable = Key::Durable.get(&tx)?.unwrap_or((u32::MAX, u64::MAX));
        for (lane, name) in closed(&tx, durable)? {
            if left as usize == PER_CALL {
                break;
            }
            if last_event_ms(&tx, lane)?.is_some_and(|last_ms| last_ms < before_ms) {
                forget(&tx, &store.media, lane, &name)?;
                left += 1;
            }
        }
        tx.commit()?;
        Ok(left)
    }

    /// Deletes photos and videos that the hub has, the oldest first, until those that are left take
    /// at most so many bytes. Returns how many they take then: more, if nothing else may go.
    ///
    /// None goes that the hub has not confirmed, nor one that is in none of its backups, where it
    /// takes some. What the acts say of a picture stays, and so does its digest.
    pub fn shrink_media(&mut self, at_most: u64) -> Result<u64> {
        let store = self.store()?;
        let durable = Key::Durable.get(&store.db)?.unwrap_or((u32::MAX, u64::MAX));
        let mut bytes = Media::bytes(&store.db)?;
        let mut droppable = Media::droppable(&store.db, durable)?.into_iter();
        while bytes > at_most {
            let Some(item) = droppable.next() else { break };
            Media::drop_file(&store.db, &store.media, &item)?;
            bytes = bytes.saturating_sub(item.bytes);
        }
        Ok(bytes)
    }
}

/// Returns the lanes of which nothing more is to be done and all is confirmed, the oldest first.
fn closed(db: &Connection, durable: (u32, u64)) -> Result<Vec<(i64, String)>> {
    let mut rows = db.prepare_cached(
        "SELECT l.n, l.name FROM lane l WHERE l.n IN (
             SELECT lane FROM parcel WHERE (open = 0 AND due_ms IS NULL) OR mine = 0
             UNION SELECT lane FROM exception_case WHERE open = 0
             UNION SELECT lane FROM complaint WHERE open = 0)
         AND NOT EXISTS (SELECT 1 FROM event WHERE lane = l.n AND lane_seq IS NULL)
         AND EXISTS (SELECT 1 FROM event WHERE lane = l.n AND lane_seq = l.folded_seq)
         AND NOT EXISTS (SELECT 1 FROM event WHERE lane = l.n AND lane_seq > l.folded_seq)
         AND l.name NOT IN (SELECT lane FROM media WHERE state = 1)
         AND NOT EXISTS (SELECT 1 FROM event WHERE lane = l.n AND (inc, seq) > (?1, ?2))
         ORDER BY l.n",
    )?;
    let durable = params![durable.0, i64::try_from(durable.1).unwrap_or(i64::MAX)];
    let rows = rows.query_map(durable, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns when the last event that may be seen of a lane happened.
fn last_event_ms(db: &Connection, lane: i64) -> Result<Option<i64>> {
    let mut rows =
        db.prepare_cached("SELECT bytes FROM event WHERE lane = ?1 ORDER BY lane_seq DESC")?;
    let mut rows = rows.query([lane])?;
    while let Some(row) = rows.next()? {
        if let Ok(event) = Event::parse(row.get_ref(0)?.as_blob().unwrap_or_default()) {
            return Ok(Some(event.envelope.at.ms));
        }
    }
    Ok(None)
}

/// Deletes all but the row of a lane. Files go first: if the phone dies in between, the rows that
/// name them are still there and go the next time.
fn forget(db: &Connection, folder: &SealedFolder, lane: i64, name: &str) -> Result<()> {
    LaneRow::by_row(db, lane)?.advance(db)?;
    for file in Media::files_of(db, name)? {
        folder.remove(&file)?;
    }
    for sql in ["DELETE FROM event WHERE lane = ?1", "DELETE FROM vault WHERE lane = ?1"] {
        db.prepare_cached(sql)?.execute([lane])?;
    }
    db.prepare_cached("DELETE FROM media WHERE lane = ?1")?.execute(params![name])?;
    Ok(())
}
