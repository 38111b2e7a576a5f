//! Drift: a phone that holds other events of a lane than the hub, by a damaged disk or a mistake.
//!
//! A phone that has nothing to send and has read its feed to the end sends one digest of the
//! courier's open lanes, after each start and once a day. A hub that comes to another one tells its
//! own, lane by lane, and the lanes that differ are fetched again, whole.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, TransactionBehavior};

use super::inbox::address;
use super::wire::{LaneDigest, lanes_digest};
use super::{EventsInFlight, FeedRead};
use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::error::Result;
use crate::event::Lane;
use crate::id::{CourierNo, Digest};
use crate::store::{Key, LaneRow, list, log, refold, rewind};
use crate::time::ClockReading;
use crate::visibility::{Relation, relation};

/// How long a comparison is good for.
const GOOD_FOR_MS: i64 = 24 * 3_600_000;

/// Lanes fetched again with one request.
const PER_REQUEST: usize = 10;

impl Courier {
    /// Returns the digest to be sent, if it is time for one and nothing is on its way or in doubt.
    pub(super) fn digest_due(
        &self,
        db: &Connection,
        read: &FeedRead,
        reading: &ClockReading,
    ) -> Result<Option<Digest>> {
        let good = self.machine.compared_boot_ms.is_some_and(|(boot, ms)| {
            boot == reading.boot_id && reading.boot_ms - ms < GOOD_FOR_MS
        });
        let settled = read.cursor > 0 && read.rest.is_none();
        if good || !settled || log::any_open(db)? || rewind::doubts(db)? {
            return Ok(None);
        }
        Ok(Some(lanes_digest(&lanes_here(db, &self.identity.courier)?)))
    }

    /// Puts the lanes that were asked for again into the state that the hub has them in.
    pub(super) fn mend(&mut self, open: &EventsInFlight, lines: &[(u64, Vec<u8>)]) -> Result<()> {
        let again = open.asked.as_ref().map_or(&[][..], |asked| &asked.again);
        if again.is_empty() {
            return Ok(());
        }
        let (device, onlooker) = (self.identity.device, self.onlooker());
        let mut theirs: BTreeMap<Lane, BTreeMap<u64, (&[u8], bool)>> = BTreeMap::new();
        for (at, line) in lines {
            if let Some((lane, own)) = address(line, device) {
                theirs.entry(lane).or_default().insert(*at, (line, own));
            }
        }
        let tx = self.store_mut()?.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut left = Key::Again.get::<Vec<Lane>>(&tx)?.unwrap_or_default();
        left.retain(|lane| !again.contains(lane));
        Key::Again.set(&tx, &left)?;
        let mut mended = Key::Mended.get::<u64>(&tx)?.unwrap_or(0);
        for lane in again {
            let Some(lines) = theirs.get(lane) else { continue };
            let row = LaneRow::load_or_create(&tx, lane)?;
            log::mend(&tx, row.n, lines)?;
            refold(&tx, row.n, &onlooker)?;
            mended += 1;
        }
        Key::Mended.set(&tx, &mended)?;
        tx.commit()?;
        Ok(())
    }
}

/// Notes which lanes are to be fetched again: those that the hub holds otherwise, and those that it
/// does not name.
pub(super) fn compare(db: &Connection, me: &CourierNo, theirs: &[LaneDigest]) -> Result<()> {
    let mut differ = BTreeSet::new();
    for held in theirs {
        let here = LaneRow::load(db, &held.lane)?;
        let leaves = here.map(|row| log::leaves(db, row.n)).transpose()?.unwrap_or_default();
        if LaneDigest::of(held.lane.clone(), &leaves) != *held {
            differ.insert(held.lane.clone());
        }
    }
    let named: BTreeSet<_> = theirs.iter().map(|held| &held.lane).collect();
    let unnamed = lanes_here(db, me)?.into_iter().map(|held| held.lane);
    differ.extend(unnamed.filter(|lane| !named.contains(lane)));
    if planted(Bug::DriftIgnored) {
        return Ok(());
    }
    Key::Again.set(db, &differ)
}

/// Returns the lanes to be asked for with the next request.
pub(super) fn again(db: &Connection) -> Result<Vec<Lane>> {
    let mut lanes = Key::Again.get::<Vec<Lane>>(db)?.unwrap_or_default();
    lanes.truncate(PER_REQUEST);
    Ok(lanes)
}

/// The courier's open lanes as this phone holds them. Right only while nothing is pending.
fn lanes_here(db: &Connection, me: &CourierNo) -> Result<Vec<LaneDigest>> {
    let mut lanes = Vec::new();
    for n in list::open(db)? {
        let row = LaneRow::by_row(db, n)?;
        let relation = relation(&row.lane, &row.confirmed, me);
        let now = relation.is_some_and(|relation| relation != Relation::FormerHolder);
        if now && row.confirmed.is_open() {
            lanes.push(LaneDigest::of(row.lane, &log::leaves(db, n)?));
        }
    }
    Ok(lanes)
}
