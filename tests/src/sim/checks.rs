//! What must hold after a simulated day has healed.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_core::event::{Event, leaf, link};
use lastmile_core::id::{Digest, EventId};

use super::{PLANTED, Sim};
use crate::world::Everything;

/// Checks every invariant; the first that fails is told.
pub fn check(sim: &mut Sim) -> Result<(), String> {
    let hub = sim.station.everything();
    nothing_lost(sim, &hub)?;
    nothing_twice(&hub)?;
    for who in 0..sim.phones.len() {
        nothing_stuck(sim, who)?;
        chain_holds(sim, who)?;
        same_fold(sim, who, &hub)?;
        nothing_personal(sim, who)?;
    }
    for row in conflicts(&hub) {
        sim.tally.count("conflict", row);
    }
    Ok(())
}

/// Names every conflict in the hub's states.
fn conflicts(hub: &Everything) -> Vec<String> {
    let rows = |state: &serde_json::Value| -> Vec<String> {
        let Some(kind) = state.as_object().and_then(|state| state.values().next()) else {
            return Vec::new();
        };
        let conflicts = kind["margin"]["conflicts"].as_array().cloned().unwrap_or_default();
        conflicts.iter().filter_map(|c| Some(c["row"].as_str()?.to_owned())).collect()
    };
    hub.states.values().flat_map(rows).collect()
}

fn nothing_lost(sim: &Sim, hub: &Everything) -> Result<(), String> {
    let held: BTreeSet<EventId> = hub
        .placed
        .iter()
        .map(|(_, _, bytes)| bytes)
        .chain(&hub.parked)
        .filter_map(|bytes| Event::parse(bytes).ok())
        .map(|event| event.envelope.id)
        .collect();
    match sim.recorded.iter().find(|(event, _)| !held.contains(event)) {
        Some((event, lane)) => Err(format!("lost: {event} in {lane} was recorded")),
        None => Ok(()),
    }
}

fn nothing_twice(hub: &Everything) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for (lane, lane_seq, bytes) in &hub.placed {
        let expected = next.entry(lane).or_insert(1);
        if lane_seq != expected {
            return Err(format!("{lane}: position {lane_seq} where {expected} was due"));
        }
        *expected += 1;
        let event = Event::parse(bytes).map_err(|error| format!("{lane}: {error}"))?;
        if !seen.insert(event.envelope.id) {
            return Err(format!("doubled: {} counts twice", event.envelope.id));
        }
    }
    Ok(())
}

fn nothing_stuck(sim: &mut Sim, who: usize) -> Result<(), String> {
    let status = sim.phones[who]
        .courier()
        .and_then(|courier| courier.sync_status())
        .map_err(|error| error.to_string())?;
    if status.pending > 0 || status.media_pending > 0 {
        return Err(format!("stuck: phone {who} has {status:?}"));
    }
    Ok(())
}

/// Own events make an unbroken chain in each incarnation.
fn chain_holds(sim: &mut Sim, who: usize) -> Result<(), String> {
    let log = sim.phones[who].courier().and_then(|courier| courier.log());
    let log = log.map_err(|error| error.to_string())?;
    let mut own: Vec<_> = log
        .iter()
        .filter_map(|line| Some((line.incarnation?, line.seq?, line.link?, &line.bytes)))
        .collect();
    own.sort_by_key(|(incarnation, seq, ..)| (*incarnation, *seq));
    let mut previous: Option<(u32, u64, Digest)> = None;
    for (incarnation, seq, found, bytes) in own {
        if let Some((i, s, before)) = previous
            && (i, s + 1) == (incarnation, seq)
            && link(&before, &leaf(bytes)) != found
        {
            return Err(format!("phone {who}: the chain breaks at {incarnation}/{seq}"));
        }
        previous = Some((incarnation, seq, found));
    }
    Ok(())
}

/// What a phone folds of a lane is what the hub folds of the same events; where the phone has the
/// whole lane, it is what the hub has.
fn same_fold(sim: &mut Sim, who: usize, hub: &Everything) -> Result<(), String> {
    let courier = sim.phones[who].courier().map_err(|error| error.to_string())?;
    let log = courier.log().map_err(|error| error.to_string())?;
    let mut lanes: BTreeMap<String, Vec<(u64, &[u8])>> = BTreeMap::new();
    for line in &log {
        if let Some(lane_seq) = line.lane_seq {
            lanes.entry(line.lane.to_string()).or_default().push((lane_seq, &line.bytes));
        }
    }
    let mut at_hub: BTreeMap<&str, BTreeMap<u64, &[u8]>> = BTreeMap::new();
    for (lane, lane_seq, bytes) in &hub.placed {
        at_hub.entry(lane).or_default().insert(*lane_seq, bytes);
    }
    // A phone shows what is parked as its courier recorded it; the hub gives it no place.
    for line in log.iter().filter(|line| line.lane_seq.is_none()) {
        lanes.remove(&line.lane.to_string());
    }
    for (lane, events) in lanes {
        let hub_events = at_hub.get(lane.as_str());
        let mut withheld = false;
        for (lane_seq, bytes) in &events {
            if Event::parse(bytes).is_err() {
                withheld = true;
                continue;
            }
            let theirs = hub_events.and_then(|events| events.get(lane_seq));
            if theirs != Some(bytes) {
                return Err(format!("diverged: phone {who} has other bytes at {lane} {lane_seq}"));
            }
        }
        let whole = hub_events.is_some_and(|theirs| theirs.len() == events.len()) && !withheld;
        if whole {
            let state = courier
                .lane(&lastmile_core::event::Lane::parse(&lane))
                .map_err(|error| error.to_string())?;
            let mine = serde_json::to_value(&state).map_err(|error| error.to_string())?;
            if hub.states.get(&lane) != Some(&mine) {
                return Err(format!(
                    "diverged: phone {who} folds {lane} differently: {}, at the hub {}",
                    mine,
                    hub.states.get(&lane).unwrap_or(&serde_json::Value::Null)
                ));
            }
        }
    }
    Ok(())
}

/// No event on the phone holds a word that belongs into the vault.
fn nothing_personal(sim: &mut Sim, who: usize) -> Result<(), String> {
    let log = sim.phones[who].courier().and_then(|courier| courier.log());
    let log = log.map_err(|error| error.to_string())?;
    for line in log {
        if line.bytes.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes()) {
            return Err(format!("personal: an event of {} holds planted text", line.lane));
        }
    }
    Ok(())
}
