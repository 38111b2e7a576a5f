//! List rows: just the columns a screen filters or sorts by. Everything here can be rebuilt.

use rusqlite::{Connection, params};

use crate::error::Result;
use crate::fold::LaneState;
use crate::id::CourierNo;
use crate::waybill::Waybill;

/// Writes the list row of one lane, as `me` should see it.
pub(crate) fn write(db: &Connection, lane: i64, state: &LaneState, me: &CourierNo) -> Result<()> {
    match state {
        LaneState::Parcel(parcel) => {
            let mine = parcel.assigned_to(me) || parcel.held_by(me);
            db.prepare_cached(
                "INSERT INTO parcel (lane, stage, open, mine, due_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (lane) DO UPDATE SET stage = excluded.stage, open = excluded.open,
                     mine = excluded.mine, due_ms = excluded.due_ms",
            )?
            .execute(params![
                lane,
                name(&parcel.stage),
                !parcel.stage.is_terminal(),
                mine,
                parcel.promise_ms
            ])?;
        }
        LaneState::Exception(case) => {
            db.prepare_cached(
                "INSERT INTO exception_case (lane, waybill, stage, open) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (lane) DO UPDATE SET waybill = excluded.waybill,
                     stage = excluded.stage, open = excluded.open",
            )?
            .execute(params![
                lane,
                case.waybill.as_ref().map(Waybill::as_str),
                name(&case.stage),
                !case.stage.is_closed()
            ])?;
        }
        LaneState::Complaint(complaint) => {
            db.prepare_cached(
                "INSERT INTO complaint (lane, waybill, stage, open, received_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (lane) DO UPDATE SET waybill = excluded.waybill,
                     stage = excluded.stage, open = excluded.open,
                     received_ms = excluded.received_ms",
            )?
            .execute(params![
                lane,
                complaint.waybill.as_ref().map(Waybill::as_str),
                name(&complaint.stage),
                complaint.closed.is_none(),
                complaint.received_at.map(|at| at.ms)
            ])?;
        }
        // A courier has few orders: they are read from their lanes.
        LaneState::Pickup(_) | LaneState::Log { .. } => {}
    }
    Ok(())
}

/// Returns a stage's name as it is written everywhere, such as `out_for_delivery`.
pub(crate) fn name(stage: &impl serde::Serialize) -> String {
    // A unit variant serialises to its quoted name.
    let text = serde_json::to_string(stage).unwrap_or_default();
    text.trim_matches('"').to_owned()
}
