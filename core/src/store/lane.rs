//! Lanes: the confirmed fold is kept, what is pending is folded on top when it is read.
//!
//! Recording an act therefore writes no lane row at all; only the hub's answer does.

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use crate::bug::{Bug, planted};
use crate::error::{Error, Result};
use crate::event::{Event, Lane};
use crate::fold::{self, FOLD_VERSION, LaneState};

/// The highest position there can be.
const LAST_PLACE: u64 = i64::MAX.cast_unsigned();

/// A lane as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct LaneRow {
    pub(crate) n: i64,
    pub(crate) lane: Lane,
    /// Highest position folded into `confirmed`; what an event says it has `seen`.
    pub(crate) folded_seq: u64,
    pub(crate) confirmed: LaneState,
}

impl LaneRow {
    /// Reads a lane; `None` if it has no event here.
    pub(crate) fn load(db: &Connection, lane: &Lane) -> Result<Option<Self>> {
        let row = db
            .prepare_cached("SELECT n, folded_seq, fold_version, state FROM lane WHERE name = ?1")?
            .query_row([lane.to_string()], |row| {
                let state: String = row.get(3)?;
                Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)?, state))
            })
            .optional()?;
        let Some((n, folded_seq, version, state)) = row else { return Ok(None) };
        let mut found =
            Self { n, lane: lane.clone(), folded_seq, confirmed: LaneState::empty(lane) };
        if version == FOLD_VERSION && !state.is_empty() {
            found.confirmed = serde_json::from_str(&state).map_err(|_| Error::Corrupt)?;
        } else if found.has_left(db)? {
            // Its events left the phone: what another release made of them is all there is.
            found.confirmed = serde_json::from_str(&state).unwrap_or(found.confirmed);
        } else {
            // It is over, or another release folded it. Each read folds it again, which is cheap for
            // one lane.
            found.folded_seq = 0;
            found.fold_confirmed(db)?;
        }
        Ok(Some(found))
    }

    /// Reads a lane, or makes its empty row.
    pub(crate) fn load_or_create(db: &Connection, lane: &Lane) -> Result<Self> {
        if let Some(row) = Self::load(db, lane)? {
            return Ok(row);
        }
        let n = db
            .prepare_cached("INSERT INTO lane (name, fold_version, state) VALUES (?1, ?2, '')")?
            .insert(params![lane.to_string(), FOLD_VERSION])?;
        Ok(Self { n, lane: lane.clone(), folded_seq: 0, confirmed: LaneState::empty(lane) })
    }

    /// Reads a lane by its row.
    pub(crate) fn by_row(db: &Connection, n: i64) -> Result<Self> {
        let name: String = db
            .prepare_cached("SELECT name FROM lane WHERE n = ?1")?
            .query_row([n], |row| row.get(0))?;
        Self::load(db, &Lane::parse(&name))?.ok_or(Error::Corrupt)
    }

    /// Returns the state as the courier sees it: confirmed, then what is his own and pending.
    pub(crate) fn live(mut self, db: &Connection) -> Result<LaneState> {
        let mut rest = self.placed(db, self.folded_seq, LAST_PLACE)?;
        rest.extend(self.open(db)?);
        self.carry_on(db, rest)?;
        Ok(self.confirmed)
    }

    /// Tells whether an own event of the lane is parked, and every later one behind it.
    pub(crate) fn has_parked(&self, db: &Connection) -> Result<bool> {
        Ok(db
            .prepare_cached(
                "SELECT 1 FROM event WHERE lane = ?1 AND lane_seq IS NULL AND park IS NOT NULL",
            )?
            .exists([self.n])?)
    }

    /// Tells whether the lane's events left the phone (see `keep.rs`): what was folded is without
    /// its beginning. What takes an old event back is then noted, and undone at the hub alone.
    fn has_left(&self, db: &Connection) -> Result<bool> {
        let first = db
            .prepare_cached("SELECT 1 FROM event WHERE lane = ?1 AND lane_seq = 1")?
            .exists([self.n])?;
        Ok(self.folded_seq > 0 && !first)
    }

    /// Folds what the hub confirmed without a gap, and stores the result.
    pub(crate) fn advance(&mut self, db: &Connection) -> Result<()> {
        self.fold_confirmed(db)?;
        self.write(db, &serde_json::to_string(&self.confirmed).unwrap_or_default())
    }

    /// The same, and returns the state as the courier sees it. A lane that is over is stored without
    /// its state, which is the greater part of a phone's history: it is folded when somebody asks.
    pub(crate) fn advance_live(&mut self, db: &Connection) -> Result<LaneState> {
        self.fold_confirmed(db)?;
        let live = self.clone().live(db)?;
        let over = !live.is_open() && !matches!(live, LaneState::Log { .. });
        if over && !self.has_left(db)? {
            self.write(db, "")?;
        } else {
            self.write(db, &serde_json::to_string(&self.confirmed).unwrap_or_default())?;
        }
        Ok(live)
    }

    fn write(&self, db: &Connection, state: &str) -> Result<()> {
        db.prepare_cached(
            "UPDATE lane SET folded_seq = ?1, fold_version = ?2, state = ?3 WHERE n = ?4",
        )?
        .execute(params![self.folded_seq, FOLD_VERSION, state, self.n])?;
        Ok(())
    }

    fn fold_confirmed(&mut self, db: &Connection) -> Result<()> {
        let mut reached = self.folded_seq;
        let mut rest = Vec::new();
        let mut rows = db.prepare_cached(
            "SELECT lane_seq, bytes FROM event
             WHERE lane = ?1 AND lane_seq > ?2 ORDER BY lane_seq",
        )?;
        let mut rows = rows.query(params![self.n, reached])?;
        while let Some(row) = rows.next()? {
            let lane_seq: u64 = row.get(0)?;
            if lane_seq != reached + 1 && !planted(Bug::FoldsOverGap) {
                break;
            }
            reached = lane_seq;
            rest.extend(readable(row)?);
        }
        self.carry_on(db, rest)?;
        self.folded_seq = reached;
        Ok(())
    }

    /// Carries on what was folded to position `folded_seq` with `rest`.
    fn carry_on(&mut self, db: &Connection, rest: Vec<(Event, Option<u64>)>) -> Result<()> {
        let undoes = rest.iter().any(|(event, _)| fold::needs_refold(&self.confirmed, event));
        if undoes && !self.has_left(db)? {
            let mut events = self.placed(db, 0, self.folded_seq)?;
            let folded = events.len();
            events.extend(rest);
            fold::carry_on(&mut self.confirmed, &self.lane, &events, folded);
        } else {
            for (event, lane_seq) in &rest {
                self.confirmed.apply(event, *lane_seq);
            }
        }
        Ok(())
    }

    /// Reads the events in the places behind `after`, to `last`.
    fn placed(&self, db: &Connection, after: u64, last: u64) -> Result<Vec<(Event, Option<u64>)>> {
        events(
            db,
            "SELECT lane_seq, bytes FROM event
             WHERE lane = ?1 AND lane_seq > ?2 AND lane_seq <= ?3 ORDER BY lane_seq",
            params![self.n, after, last],
        )
    }

    /// Reads the own events that have no place yet, in the device's order.
    fn open(&self, db: &Connection) -> Result<Vec<(Event, Option<u64>)>> {
        events(
            db,
            "SELECT lane_seq, bytes FROM event WHERE lane = ?1 AND lane_seq IS NULL ORDER BY n",
            params![self.n],
        )
    }
}

fn events(db: &Connection, sql: &str, with: &[&dyn ToSql]) -> Result<Vec<(Event, Option<u64>)>> {
    let mut events = Vec::new();
    let mut rows = db.prepare_cached(sql)?;
    let mut rows = rows.query(with)?;
    while let Some(row) = rows.next()? {
        events.extend(readable(row)?);
    }
    Ok(events)
}

/// Reads an event and its position. A line that this release cannot read, or that the courier may
/// not see, keeps its place and says nothing.
fn readable(row: &Row) -> Result<Option<(Event, Option<u64>)>> {
    let lane_seq = row.get(0)?;
    let event = Event::parse(row.get_ref(1)?.as_blob().unwrap_or_default());
    Ok(event.ok().map(|event| (event, lane_seq)))
}
