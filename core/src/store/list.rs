//! List rows: just the columns a screen filters or sorts by. Everything here can be rebuilt.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::deadline;
use crate::error::Result;
use crate::fold::LaneState;
use crate::id::CourierNo;
use crate::policy::Policies;
use crate::waybill::Waybill;

/// For whom list rows are written, and by which values his deadlines run.
pub(crate) struct Onlooker {
    pub(crate) me: CourierNo,
    pub(crate) policies: Arc<Policies>,
}

/// What a list row is written after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// An act of the courier: as few pages as can be.
    Act,
    /// The hub's word.
    Answer,
}

/// Writes the list row of one lane, as the onlooker should see it.
pub(crate) fn write(
    db: &Connection,
    lane: i64,
    state: &LaneState,
    Onlooker { me, policies }: &Onlooker,
    after: After,
) -> Result<()> {
    let (open, due_ms) = (state.is_open(), deadline::next_due(state, policies));
    match state {
        LaneState::Parcel(parcel) => {
            let mine = parcel.assigned_to(me) || parcel.held_by(me);
            let today = open && mine;
            db.prepare_cached(
                "INSERT INTO parcel (lane, stage, open, mine, today, promise_ms, due_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (lane) DO UPDATE SET stage = excluded.stage, open = excluded.open,
                     mine = excluded.mine, promise_ms = excluded.promise_ms,
                     due_ms = excluded.due_ms",
            )?
            .execute(params![
                lane,
                name(&parcel.stage),
                open,
                mine,
                today,
                parcel.due_ms(),
                due_ms
            ])?;
            if today || after == After::Answer {
                db.prepare_cached("UPDATE parcel SET today = ?2 WHERE lane = ?1 AND today <> ?2")?
                    .execute(params![lane, today])?;
            }
        }
        LaneState::Exception(case) => {
            db.prepare_cached(
                "INSERT INTO exception_case (lane, waybill, stage, open, due_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (lane) DO UPDATE SET waybill = excluded.waybill,
                     stage = excluded.stage, open = excluded.open, due_ms = excluded.due_ms",
            )?
            .execute(params![
                lane,
                case.waybill.as_ref().map(Waybill::as_str),
                name(&case.stage),
                open,
                due_ms
            ])?;
        }
        LaneState::Complaint(complaint) => {
            db.prepare_cached(
                "INSERT INTO complaint (lane, waybill, stage, open, received_ms, due_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (lane) DO UPDATE SET waybill = excluded.waybill,
                     stage = excluded.stage, open = excluded.open,
                     received_ms = excluded.received_ms, due_ms = excluded.due_ms",
            )?
            .execute(params![
                lane,
                complaint.waybill.as_ref().map(Waybill::as_str),
                name(&complaint.stage),
                open,
                complaint.received_at.map(|at| at.ms),
                due_ms
            ])?;
        }
        LaneState::Pickup(order) => {
            db.prepare_cached(
                "INSERT INTO pickup (lane, open, mine, to_ms, due_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (lane) DO UPDATE SET open = excluded.open, mine = excluded.mine,
                     to_ms = excluded.to_ms, due_ms = excluded.due_ms",
            )?
            .execute(params![
                lane,
                open,
                order.courier.as_ref() == Some(me),
                order.to_ms,
                due_ms
            ])?;
        }
        LaneState::Log { .. } => {}
    }
    Ok(())
}

/// Returns the rows of the lanes about which the courier has something to do.
pub(crate) fn open(db: &Connection) -> Result<Vec<i64>> {
    let mut rows = db.prepare_cached(
        "SELECT lane FROM parcel WHERE today = 1
         UNION ALL SELECT lane FROM exception_case WHERE open = 1
         UNION ALL SELECT lane FROM complaint WHERE open = 1
         UNION ALL SELECT lane FROM pickup WHERE open = 1 AND mine = 1",
    )?;
    let rows = rows.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Returns the rows of the lanes of the courier's parcels that lie at a site.
pub(crate) fn stored(db: &Connection) -> Result<Vec<i64>> {
    let mut rows =
        db.prepare_cached("SELECT lane FROM parcel WHERE today = 1 AND stage = 'stored'")?;
    let rows = rows.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Returns a stage's name as it is written everywhere, such as `out_for_delivery`.
pub(crate) fn name(stage: &impl serde::Serialize) -> String {
    // A unit variant serialises to its quoted name.
    let text = serde_json::to_string(stage).unwrap_or_default();
    text.trim_matches('"').to_owned()
}
