//! What must hold after a simulated day has healed.

mod hub;
mod phone;

use std::collections::BTreeMap;

use lastmile_core::event::Event;
use lastmile_core::fold::LaneState;
use lastmile_core::id::EventId;
use lastmile_hub::lastmile_core::fold::LaneState as StateAtHub;
use rusqlite::Connection;
use serde_json::Value;

use super::Sim;
use crate::world::{Everything, at_hub};

/// Checks every invariant; the first that fails is told.
pub fn check(sim: &mut Sim) -> Result<(), String> {
    let hub = sim.station.everything();
    hub::check(sim, &hub)?;
    for who in 0..sim.phones.len() {
        phone::check(sim, who, &hub)?;
    }
    for row in conflicts(&hub) {
        sim.tally.count("conflict", row);
    }
    Ok(())
}

/// What waits on a phone in the middle of its day is explained: every event and file by a code, and
/// nothing personal is in what a support desk is sent.
pub fn check_explained(sim: &mut Sim, who: usize) -> Result<(), String> {
    let phone = &mut sim.phones[who];
    let signed_in = phone.signed_in;
    let Ok(courier) = phone.courier() else { return Ok(()) };
    let stalls = phone::explained(courier, signed_in);
    for stall in stalls.map_err(|what| format!("phone {who}: {what}"))? {
        sim.tally.count("stall", stall.code);
    }
    Ok(())
}

fn read_state(state: &Value) -> Result<LaneState, String> {
    serde_json::from_value(state.clone()).map_err(|error| error.to_string())
}

/// Tells whether two folds of a lane are the same, as far as both releases know what they tell.
fn same_state(one: &Value, other: &Value) -> bool {
    let as_both_know = |state: &Value| -> serde_json::Result<Value> {
        let of_phone: LaneState = serde_json::from_value(state.clone())?;
        serde_json::to_value(at_hub::<StateAtHub>(&of_phone))
    };
    one == other
        || matches!((as_both_know(one), as_both_know(other)), (Ok(one), Ok(other)) if one == other)
}

/// Counts previews by a query; none in a store of a release that knows none.
fn count_previews(db: &Connection, sql: &str) -> u32 {
    let table = "SELECT 1 FROM sqlite_schema WHERE name = 'preview'";
    let known = db.prepare(table).and_then(|mut table| table.exists([])).expect("a good disk");
    if known { db.query_row(sql, [], |row| row.get(0)).expect("today's schema") } else { 0 }
}

/// Names every conflict in the hub's states.
fn conflicts(hub: &Everything) -> Vec<String> {
    let rows = |state: &Value| -> Vec<String> {
        let Some(kind) = state.as_object().and_then(|state| state.values().next()) else {
            return Vec::new();
        };
        let conflicts = kind["margin"]["conflicts"].as_array().cloned().unwrap_or_default();
        conflicts.iter().filter_map(|c| Some(c["row"].as_str()?.to_owned())).collect()
    };
    hub.states.values().flat_map(rows).collect()
}

/// The place of every event that the hub holds, or why it has none.
fn places(hub: &Everything) -> BTreeMap<EventId, &Result<u64, String>> {
    let events = hub.chained.iter().map(|held| (Event::parse(&held.bytes), &held.place));
    events.filter_map(|(event, place)| Some((event.ok()?.envelope.id, place))).collect()
}
