//! Folding a lane again, and what hangs on its state: its list row, and whose persons stay here.

use rusqlite::{Connection, TransactionBehavior, params};

use super::list::{self, Onlooker};
use super::{Key, LaneRow, Media, Store, vault};
use crate::bug::{Bug, planted};
use crate::error::Result;
use crate::fold::FOLD_VERSION;
use crate::visibility;

/// Lanes folded in one transaction.
const LANES_A_TIME: usize = 50;

/// Folds what is confirmed now, writes the list row, and forgets persons out of sight.
pub(crate) fn refold(db: &Connection, lane: i64, onlooker: &Onlooker) -> Result<()> {
    let mut row = LaneRow::by_row(db, lane)?;
    let live = row.advance_live(db)?;
    list::write(db, lane, &live, onlooker, list::After::Answer)?;
    for code in live.parcel().iter().flat_map(|parcel| &parcel.storage.spent_codes) {
        vault::forget(db, *code)?;
    }
    // What is parked may never come to anything, and keeps nobody's person on the phone.
    let sight = if row.has_parked(db)? { &row.confirmed } else { &live };
    if visibility::loses_sight(sight, &onlooker.me) && !planted(Bug::PersonsKept) {
        vault::forget_lane(db, lane)?;
    }
    if let Some(erasure) = live.margin().and_then(|margin| margin.erasure.as_ref()) {
        vault::erase(db, &erasure.references)?;
        let name = row.lane.to_string();
        for sha256 in &erasure.media {
            Media::erase(db, &name, sha256)?;
        }
    }
    Ok(())
}

impl Store {
    /// Rebuilds every list row from the log. What it writes equals what is there already.
    pub(crate) fn rebuild_lists(&self, onlooker: &Onlooker) -> Result<()> {
        let lanes: Vec<i64> = self
            .db
            .prepare("SELECT n FROM lane ORDER BY n")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for lane in lanes {
            refold(&self.db, lane, onlooker)?;
        }
        Ok(())
    }

    /// Folds every lane that another release folded, and writes its list row: some at a time, so
    /// that a phone that dies goes on where it was.
    pub(crate) fn refold_outdated(&mut self, onlooker: &Onlooker) -> Result<()> {
        if Key::Folded.get::<u32>(&self.db)? == Some(FOLD_VERSION) {
            return Ok(());
        }
        let mut done = 0;
        loop {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let lanes: Vec<i64> = tx
                .prepare_cached(
                    "SELECT n FROM lane WHERE n > ?1 AND fold_version <> ?2 ORDER BY n LIMIT ?3",
                )?
                .query_map(params![done, FOLD_VERSION, LANES_A_TIME], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            for lane in &lanes {
                refold(&tx, *lane, onlooker)?;
            }
            if lanes.is_empty() {
                Key::Folded.set(&tx, &FOLD_VERSION)?;
            }
            tx.commit()?;
            match lanes.last() {
                Some(last) => done = *last,
                None => return Ok(()),
            }
        }
    }
}
