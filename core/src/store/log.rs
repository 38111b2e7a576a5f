//! The log: own events in their chain, the hub's word about each, and what others did.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::{Key, rewind};
use crate::bug::{Bug, planted};
use crate::error::{Error, Result};
use crate::event::{Event, leaf, link};
use crate::id::{Digest, EventId};
use crate::sync::FeedRead;
use crate::sync::wire::{ParkReason, Withheld};

/// The end of this device's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Counts the lives of this store.
    pub(crate) incarnation: u32,
    /// Position of the last event; 0 before the first.
    pub(crate) seq: u64,
    /// The link after it.
    pub(crate) link: Digest,
}

impl Head {
    /// Before the first event of a new device.
    pub(crate) const FIRST: Self = Self { incarnation: 1, seq: 0, link: Digest([0; 32]) };

    /// Reads where the chain ends: in the outbox, or where the hub last answered.
    pub(crate) fn load(db: &Connection) -> Result<Self> {
        let settled = Key::SettledHead.get::<Self>(db)?.unwrap_or(Self::FIRST);
        let last = db
            .prepare_cached(
                "SELECT seq, link FROM event WHERE n =
                     (SELECT max(+n) FROM event WHERE lane_seq IS NULL AND park IS NULL)",
            )?
            .query_row([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let Some((seq, link)) = last else { return Ok(settled) };
        let link = Digest::from_slice(&link).ok_or(Error::Corrupt)?;
        Ok(Self { incarnation: settled.incarnation, seq, link })
    }

    /// Appends own bytes to the log; returns the new head and the event's row.
    pub(crate) fn append(self, db: &Connection, lane: i64, bytes: &[u8]) -> Result<(Self, i64)> {
        let next = self.next(bytes);
        db.prepare_cached(
            "INSERT INTO event (lane, inc, seq, link, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![lane, next.incarnation, next.seq, &next.link.0, bytes])?;
        Ok((next, db.last_insert_rowid()))
    }

    fn next(self, bytes: &[u8]) -> Self {
        Self {
            incarnation: self.incarnation,
            seq: self.seq + 1,
            link: link(&self.link, &leaf(bytes)),
        }
    }

    /// Starts the next incarnation: everything pending gets a new place in a new chain that
    /// begins at the old head, and new rows in that order. Ids and bytes stay; the feed is read
    /// again from its start, for another device may have written under this name what is not known
    /// here.
    pub(crate) fn reincarnate(self, db: &Connection) -> Result<Self> {
        let mut head = Self { incarnation: self.incarnation + 1, seq: 0, link: self.link };
        Key::SettledHead.set(db, &head)?;
        FeedRead::forget(db)?;
        let mut pending = Vec::new();
        {
            let mut rows = db.prepare_cached(
                "SELECT n, bytes FROM event
                 WHERE lane_seq IS NULL AND park IS NULL ORDER BY inc, seq",
            )?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                pending.push((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
            }
        }
        let mut last: i64 =
            db.query_row("SELECT coalesce(max(n), 0) FROM event", [], |row| row.get(0))?;
        for (n, mut bytes) in pending {
            if planted(Bug::NewIdsAfterFork) {
                bytes = under_new_id(db, n, &bytes)?;
            }
            head = head.next(&bytes);
            last += 1;
            db.prepare_cached(
                "UPDATE event SET n = ?1, inc = ?2, seq = ?3, link = ?4 WHERE n = ?5",
            )?
            .execute(params![last, head.incarnation, head.seq, &head.link.0, n])?;
            for sql in [
                "UPDATE vault SET event = ?1 WHERE event = ?2",
                "UPDATE media SET event = ?1 WHERE event = ?2",
            ] {
                db.prepare_cached(sql)?.execute([last, n])?;
            }
        }
        Ok(head)
    }
}

/// What [`Bug::NewIdsAfterFork`] does.
fn under_new_id(db: &Connection, n: i64, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut event = Event::parse(bytes).map_err(|_| Error::Corrupt)?;
    event.envelope.id = EventId(uuid::Uuid::new_v5(&event.envelope.id.0, b"again"));
    let bytes = event.to_bytes();
    db.execute("UPDATE event SET bytes = ?1 WHERE n = ?2", params![bytes, n])?;
    Ok(bytes)
}

/// One own event that has yet to be answered.
pub(crate) struct Outgoing {
    pub(crate) n: i64,
    pub(crate) lane: i64,
    pub(crate) seq: u64,
    pub(crate) link: Digest,
    pub(crate) bytes: Vec<u8>,
}

impl Outgoing {
    /// Reads the outbox in chain order, from its start, at most `limit` events.
    pub(crate) fn load(db: &Connection, limit: u32) -> Result<Vec<Self>> {
        // Where it starts is read from the index, the rest is read as it lies. Without the `+` SQLite
        // would look for the first row of the log that is open: all of it, if none is.
        let mut rows = db.prepare_cached(
            "SELECT n, lane, seq, link, bytes FROM event NOT INDEXED
             WHERE n >= (SELECT min(+n) FROM event WHERE lane_seq IS NULL AND park IS NULL)
                 AND lane_seq IS NULL AND park IS NULL
             ORDER BY n LIMIT ?1",
        )?;
        let rows = rows.query_map([limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?, row.get(4)?))
        })?;
        rows.map(|row| {
            let (n, lane, seq, link, bytes) = row?;
            let link = Digest::from_slice(&link).ok_or(Error::Corrupt)?;
            Ok(Self { n, lane, seq, link, bytes })
        })
        .collect()
    }

    /// Counts the outbox.
    pub(crate) fn count(db: &Connection) -> Result<u64> {
        Ok(db
            .prepare_cached("SELECT count(*) FROM event WHERE lane_seq IS NULL AND park IS NULL")?
            .query_row([], |row| row.get(0))?)
    }
}

/// Writes the hub's position for an own event.
///
/// What stands there already goes: the same event, brought by the feed before (a restored phone),
/// or one that a restored hub does not have any more.
pub(crate) fn accept(db: &Connection, n: i64, lane: i64, lane_seq: u64) -> Result<()> {
    let gave_way = db
        .prepare_cached("DELETE FROM event WHERE lane = ?1 AND lane_seq = ?2 AND n <> ?3")?
        .execute(params![lane, lane_seq, n])?;
    if gave_way > 0 {
        rewind::unfold(db, lane)?;
    }
    db.prepare_cached("UPDATE event SET lane_seq = ?1, park = NULL WHERE n = ?2")?
        .execute(params![lane_seq, n])?;
    Ok(())
}

/// Writes the hub's reason for giving an own event no position.
pub(crate) fn park(db: &Connection, n: i64, reason: ParkReason) -> Result<()> {
    let reason = serde_json::to_string(&reason).unwrap_or_default();
    db.prepare_cached("UPDATE event SET park = ?1 WHERE n = ?2")?.execute(params![reason, n])?;
    Ok(())
}

/// Stores what the feed brought. Returns false if it was here already, or has left the phone since.
/// The event that a withheld line stood for takes its place, and the lane is folded anew.
///
/// `own` says the event carries this device's name: it may be one that is pending or parked here
/// and was accepted all the same.
pub(crate) fn receive(
    db: &Connection,
    lane: i64,
    lane_seq: u64,
    bytes: &[u8],
    own: bool,
) -> Result<bool> {
    let sent = rewind::leaf_of(bytes);
    rewind::seen(db, &sent)?;
    let here: Option<(i64, Vec<u8>)> = db
        .prepare_cached("SELECT n, bytes FROM event WHERE lane = ?1 AND lane_seq = ?2")?
        .query_row(params![lane, lane_seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((n, here)) = here {
        if rewind::leaf_of(&here) != sent {
            // The doubted one gives way: to an event that is parked here, or to a new one.
            if let Some((parked, true)) = own_open(db, lane, bytes, own)?
                && rewind::confirm(db, n)?
            {
                accept(db, parked, lane, lane_seq)?;
                return Ok(true);
            }
            return rewind::replace(db, n, lane, bytes);
        }
        rewind::confirm(db, n)?;
        let shown = Withheld::parse(&here).is_some() && sent == leaf(bytes);
        if shown {
            db.prepare_cached("UPDATE event SET bytes = ?2 WHERE n = ?1")?
                .execute(params![n, bytes])?;
            db.prepare_cached("UPDATE lane SET fold_version = 0 WHERE n = ?1")?.execute([lane])?;
        }
        return Ok(shown);
    }
    let has_left: bool = db
        .prepare_cached("SELECT 1 FROM lane WHERE n = ?1 AND folded_seq >= ?2")?
        .exists(params![lane, lane_seq])?;
    if has_left {
        return Ok(false);
    }
    match own_open(db, lane, bytes, own)? {
        Some((n, true)) => {
            accept(db, n, lane, lane_seq)?;
            return Ok(true);
        }
        // A pending one is answered by its own verdict, so that the chain stays in order.
        Some((_, false)) => return Ok(false),
        None => {}
    }
    db.prepare_cached("INSERT INTO event (lane, lane_seq, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![lane, lane_seq, bytes])?;
    Ok(true)
}

/// Returns the leaves of a lane's events that have a place, in order.
pub(crate) fn leaves(db: &Connection, lane: i64) -> Result<Vec<Digest>> {
    let mut rows = db.prepare_cached(
        "SELECT bytes FROM event WHERE lane = ?1 AND lane_seq IS NOT NULL ORDER BY lane_seq",
    )?;
    let rows = rows.query_map([lane], |row| {
        Ok(rewind::leaf_of(row.get_ref(0)?.as_blob().unwrap_or_default()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Tells whether any event here has no place, pending or parked.
pub(crate) fn any_open(db: &Connection) -> Result<bool> {
    Ok(db.prepare_cached("SELECT 1 FROM event WHERE lane_seq IS NULL LIMIT 1")?.exists([])?)
}

/// Puts a lane into the state that the hub has it in: `theirs` are all of its lines by position, and
/// whether this device wrote them. An own event that is as it was recorded stays, whatever the hub
/// has in its place.
pub(crate) fn mend(
    db: &Connection,
    lane: i64,
    theirs: &BTreeMap<u64, (&[u8], bool)>,
) -> Result<()> {
    let placed: Vec<(i64, u64, bool, Vec<u8>)> = {
        let mut rows = db.prepare_cached(
            "SELECT n, lane_seq, inc IS NOT NULL, bytes FROM event
             WHERE lane = ?1 AND lane_seq IS NOT NULL",
        )?;
        let rows =
            rows.query_map([lane], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (n, at, own, bytes) in placed {
        match theirs.get(&at) {
            Some((held, _)) if rewind::leaf_of(held) == rewind::leaf_of(&bytes) => {}
            _ if own && is_in_chain(db, n, &bytes)? => {}
            Some((held, by_us)) if !own || *by_us => {
                db.prepare_cached("UPDATE event SET bytes = ?2 WHERE n = ?1")?
                    .execute(params![n, held])?;
            }
            None if !own => {
                db.prepare_cached("DELETE FROM event WHERE n = ?1")?.execute([n])?;
            }
            _ => {}
        }
    }
    rewind::fold_anew(db, lane)?;
    for (at, (held, by_us)) in theirs {
        receive(db, lane, *at, held, *by_us)?;
    }
    Ok(())
}

/// Tells whether the bytes of an own event are those that its place in the chain was made of.
fn is_in_chain(db: &Connection, n: i64, bytes: &[u8]) -> Result<bool> {
    let links: Option<(Vec<u8>, Vec<u8>)> = db
        .prepare_cached(
            "SELECT before.link, own.link FROM event own
             JOIN event before ON before.inc = own.inc AND before.seq = own.seq - 1
             WHERE own.n = ?1",
        )?
        .query_row([n], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let links = links
        .and_then(|(before, own)| Some((Digest::from_slice(&before)?, Digest::from_slice(&own)?)));
    Ok(links.is_some_and(|(before, own)| link(&before, &leaf(bytes)) == own))
}

/// Finds an own event that has no place yet by its bytes, and whether it is parked.
fn own_open(db: &Connection, lane: i64, bytes: &[u8], own: bool) -> Result<Option<(i64, bool)>> {
    if !own {
        return Ok(None);
    }
    Ok(db
        .prepare_cached(
            "SELECT n, park IS NOT NULL FROM event
             WHERE lane = ?1 AND lane_seq IS NULL AND bytes = ?2",
        )?
        .query_row(params![lane, bytes], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::store::journal;

    #[test]
    fn an_event_that_was_parked_takes_the_place_of_a_doubted_one() {
        let mut db = Connection::open_in_memory().unwrap();
        crate::store::migrate(&mut db).unwrap();
        db.execute_batch(
            "INSERT INTO event (n, lane, lane_seq, bytes) VALUES (3, 1, 4, x'6f74686572');
             INSERT INTO doubted VALUES (3);
             INSERT INTO event (n, lane, inc, seq, park, bytes)
             VALUES (7, 1, 2, 1, '\"Quarantined\"', x'6f776e');",
        )
        .unwrap();
        assert!(receive(&db, 1, 4, b"own", true).unwrap());
        let rows: Vec<(i64, Option<u64>)> = db
            .prepare("SELECT n, lane_seq FROM event")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<std::result::Result<_, _>>()
            .unwrap();
        assert_eq!(rows, [(7, Some(4))], "once, and in its place");
    }

    #[test]
    fn a_long_history_costs_nothing_where_the_outbox_is_asked_for() {
        let (db, _) = crate::store::in_memory();
        let steps = |events: u32| {
            db.execute(
                "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?1)
                 INSERT INTO event (lane, lane_seq, bytes)
                 SELECT 1, i + (SELECT count(*) FROM event), x'00' FROM c",
                [events],
            )
            .unwrap();
            let steps = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&steps);
            let count = move || counted.fetch_add(1, Ordering::Relaxed) == u64::MAX;
            db.progress_handler(1, Some(count)).unwrap();
            Head::load(&db).unwrap();
            assert_eq!(Outgoing::load(&db, 500).unwrap().len(), 0);
            assert_eq!(journal::pending(&db, 0).unwrap().len(), 0);
            db.progress_handler(0, None::<fn() -> bool>).unwrap();
            steps.load(Ordering::Relaxed)
        };
        let (_, short, long) = (steps(10), steps(10), steps(5_000));
        assert_eq!(short, long, "steps of SQLite's machine");
    }

    #[test]
    fn a_new_chain_puts_the_outbox_into_its_order_and_takes_what_travels_along() {
        let (db, _) = crate::store::in_memory();
        // Written in this life, then one of an earlier life that came by the feed and is offered
        // again: it goes first.
        db.execute_batch(
            "INSERT INTO event (n, lane, inc, seq, link, bytes)
             VALUES (7, 1, 2, 1, zeroblob(32), x'6c617465'), (9, 1, 0, 9, zeroblob(32), x'6561726c79');
             INSERT INTO vault VALUES (x'01', 1, 7, x''), (x'02', 1, 9, x'');",
        )
        .unwrap();
        let old = Head { incarnation: 2, seq: 1, link: leaf(b"before") };
        let head = old.reincarnate(&db).unwrap();
        assert_eq!(Head::load(&db).unwrap(), head);
        let outbox = Outgoing::load(&db, 10).unwrap();
        let lines: Vec<_> = outbox.iter().map(|line| line.bytes.as_slice()).collect();
        assert_eq!(lines, [b"early".as_slice(), b"late"]);
        assert_eq!(Outgoing::count(&db).unwrap(), 2);
        let entry = |line: &Outgoing| -> Vec<u8> {
            db.query_row("SELECT ref FROM vault WHERE event = ?1", [line.n], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(outbox.iter().map(entry).collect::<Vec<_>>(), [[2], [1]]);
    }
}
