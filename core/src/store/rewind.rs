//! After the hub was restored from a backup: what is this phone's own is offered again, and what
//! others did is doubted until the hub has sent it again.
//!
//! Nothing leaves the screen in between: a doubted event stays in its place until another takes
//! it, or until the whole feed was read again and it was not in it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Head, SealedFolder, vault};
use crate::bug::{Bug, planted};
use crate::error::{Error, Result};
use crate::event::{Actor, Envelope, Event, digests, leaf};
use crate::evidence::EvidenceRef;
use crate::id::{DeviceId, Digest};
use crate::sync::wire::{LostAct, Withheld};

/// Reported acts in one push.
const PER_REPORT: u32 = 100;

/// Opens the doubt; returns the chain's new head and the lanes to be folded anew.
pub(crate) fn begin(
    db: &Connection,
    folder: &SealedFolder,
    device: DeviceId,
    head: Head,
) -> Result<(Head, Vec<i64>)> {
    // A lane of which events left the phone keeps what was folded: there is nothing to fold anew.
    let lanes = numbers(db, "SELECT lane FROM event WHERE lane_seq = 1")?;
    let mut own = Vec::new();
    {
        let mut rows = db.prepare(
            "SELECT n, inc, bytes FROM event WHERE lane_seq IS NOT NULL OR park IS NOT NULL",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (n, chained, bytes): (i64, Option<u32>, Vec<u8>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if chained.is_some() || wrote(&bytes, device) {
                own.push((n, bytes));
            } else {
                db.prepare_cached("INSERT OR IGNORE INTO doubted VALUES (?1)")?.execute([n])?;
                doubt_act(db, &bytes)?;
            }
        }
    }
    for (n, bytes) in own {
        offer_again(db, folder, n, &bytes)?;
    }
    for lane in &lanes {
        fold_anew(db, *lane)?;
    }
    Ok((head.reincarnate(db)?, lanes))
}

fn numbers(db: &Connection, sql: &str) -> Result<Vec<i64>> {
    let mut rows = db.prepare_cached(sql)?;
    let rows = rows.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn wrote(bytes: &[u8], device: DeviceId) -> bool {
    serde_json::from_slice::<Envelope>(bytes).is_ok_and(|envelope| envelope.device == device)
}

/// Puts an own event back into the outbox, with its vault entries and its files. One of an earlier
/// life of this phone that came by the feed comes first in the chain that follows.
fn offer_again(db: &Connection, folder: &SealedFolder, n: i64, bytes: &[u8]) -> Result<()> {
    db.prepare_cached(
        "UPDATE event SET lane_seq = NULL, park = NULL, inc = coalesce(inc, 0),
             seq = coalesce(seq, n), link = coalesce(link, zeroblob(32)) WHERE n = ?1",
    )?
    .execute([n])?;
    for digest in digests(bytes).filter(|_| !planted(Bug::VaultLeftBehind)) {
        db.prepare_cached("UPDATE vault SET event = ?1 WHERE ref = ?2 AND event IS NULL")?
            .execute(params![n, digest.0])?;
    }
    let mut items = db.prepare_cached("SELECT item FROM media WHERE event = ?1 AND state = 2")?;
    let items = items.query_map([n], |row| row.get::<_, String>(0))?;
    for item in items.collect::<Result<Vec<_>, _>>()? {
        let item: EvidenceRef = serde_json::from_str(&item).map_err(|_| Error::Corrupt)?;
        // A file that has gone since the hub confirmed it cannot be sent again, and need not.
        if folder.has(&item)? {
            db.prepare_cached("UPDATE media SET state = 1, upload = NULL WHERE id = ?1")?
                .execute([item.id.0.as_bytes()])?;
        }
    }
    Ok(())
}

/// Remembers an act of the station until it comes again.
fn doubt_act(db: &Connection, bytes: &[u8]) -> Result<()> {
    let Ok(Event { envelope, fact }) = Event::parse(bytes) else { return Ok(()) };
    if matches!(envelope.actor, Actor::Courier(_)) {
        return Ok(());
    }
    let act = LostAct {
        id: envelope.id,
        leaf: leaf(bytes),
        lane: envelope.lane,
        kind: fact.kind().to_owned(),
        actor: envelope.actor,
        at_ms: envelope.at.ms,
    };
    db.prepare_cached("INSERT OR IGNORE INTO absent VALUES (?1, ?2)")?
        .execute(params![act.leaf.0, serde_json::to_string(&act).unwrap_or_default()])?;
    Ok(())
}

/// Has a lane folded anew from its start.
pub(crate) fn fold_anew(db: &Connection, lane: i64) -> Result<()> {
    db.prepare_cached("UPDATE lane SET folded_seq = 0, fold_version = 0 WHERE n = ?1")?
        .execute([lane])?;
    Ok(())
}

/// Returns the leaf that a line of the feed stands for.
pub(crate) fn leaf_of(line: &[u8]) -> Digest {
    Withheld::parse(line).map_or_else(|| leaf(line), |withheld| withheld.withheld)
}

/// Notes that the hub sent an event, in whatever place.
pub(crate) fn seen(db: &Connection, leaf: &Digest) -> Result<()> {
    db.prepare_cached("DELETE FROM absent WHERE leaf = ?1")?.execute([leaf.0])?;
    Ok(())
}

/// Ends the doubt about the event of row `n`, which the hub sent again in its place.
pub(crate) fn confirm(db: &Connection, n: i64) -> Result<bool> {
    Ok(db.prepare_cached("DELETE FROM doubted WHERE event = ?1")?.execute([n])? > 0)
}

/// Lets the event that the hub sent take the place of the doubted one in row `n`. Returns false if
/// that one is not doubted.
pub(crate) fn replace(db: &Connection, n: i64, lane: i64, bytes: &[u8]) -> Result<bool> {
    if !confirm(db, n)? {
        return Ok(false);
    }
    db.prepare_cached("UPDATE event SET bytes = ?2 WHERE n = ?1")?.execute(params![n, bytes])?;
    unfold(db, lane)?;
    Ok(true)
}

/// Has a lane folded anew, for an event below what was folded gave way to another.
pub(crate) fn unfold(db: &Connection, lane: i64) -> Result<()> {
    let whole = db
        .prepare_cached("SELECT 1 FROM event WHERE lane = ?1 AND lane_seq = 1")?
        .exists([lane])?;
    if whole { fold_anew(db, lane) } else { Ok(()) }
}

/// Tells whether anything is in doubt.
pub(crate) fn doubts(db: &Connection) -> Result<bool> {
    Ok(db
        .prepare_cached("SELECT 1 FROM doubted UNION ALL SELECT 1 FROM absent LIMIT 1")?
        .exists([])?)
}

/// Ends the doubt when the feed was read to its end: what the hub does not have is not in its lane
/// any more, nor are the persons and texts that only it named. Returns the lanes to be folded anew.
pub(crate) fn end(db: &Connection) -> Result<Vec<i64>> {
    if !doubts(db)? {
        return Ok(Vec::new());
    }
    let lanes = numbers(
        db,
        "SELECT DISTINCT e.lane FROM doubted d JOIN event e ON e.n = d.event
         WHERE EXISTS (SELECT 1 FROM event WHERE lane = e.lane AND lane_seq = 1)",
    )?;
    db.prepare_cached("DELETE FROM event WHERE n IN (SELECT event FROM doubted)")?.execute([])?;
    db.prepare_cached("DELETE FROM doubted")?.execute([])?;
    vault::forget_unnamed(db)?;
    for lane in &lanes {
        fold_anew(db, *lane)?;
    }
    Ok(lanes)
}

/// Returns the acts of the station that never came again, when that is certain.
pub(crate) fn lost(db: &Connection) -> Result<Vec<LostAct>> {
    let doubt: Option<i64> = db
        .prepare_cached("SELECT event FROM doubted")?
        .query_row([], |row| row.get(0))
        .optional()?;
    if doubt.is_some() {
        return Ok(Vec::new());
    }
    let mut rows = db.prepare_cached("SELECT act FROM absent LIMIT ?1")?;
    let rows = rows.query_map([PER_REPORT], |row| row.get::<_, String>(0))?;
    rows.map(|act| serde_json::from_str(&act?).map_err(|_| Error::Corrupt)).collect()
}
