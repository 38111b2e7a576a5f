//! What must hold at the hub.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_core::event::{Event, Fact};
use lastmile_core::id::{DeviceId, Digest};

use super::count_previews;
use crate::sim::Sim;
use crate::world::{Chained, Everything};

pub(super) fn check(sim: &Sim, hub: &Everything) -> Result<(), String> {
    nothing_lost(sim, hub)?;
    nothing_twice(hub)?;
    nothing_overtakes(sim, hub)?;
    nothing_parked_for_nothing(sim, hub)?;
    nothing_spent_is_kept(hub)?;
    no_preview_left(sim)?;
    every_photo(sim, hub)
}

/// Every act whose recording returned is at the hub, and so is what a broken app sent.
fn nothing_lost(sim: &Sim, hub: &Everything) -> Result<(), String> {
    let held = super::places(hub);
    if let Some((who, event, lane)) =
        sim.recorded.iter().find(|(_, event, _)| !held.contains_key(event))
    {
        return Err(format!("lost: phone {who} recorded {event} in {lane}"));
    }
    let bytes: BTreeSet<&[u8]> = hub.chained.iter().map(|held| held.bytes.as_slice()).collect();
    match sim.rogue.sent.iter().find(|line| !bytes.contains(line.as_slice())) {
        Some(_) => Err("lost: a broken app's line was answered and is not held".to_owned()),
        None => Ok(()),
    }
}

/// Positions are dense, each event has one, and no act stands there under two ids.
fn nothing_twice(hub: &Everything) -> Result<(), String> {
    let (mut ids, mut acts) = (BTreeSet::new(), BTreeSet::new());
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for (lane, lane_seq, bytes) in &hub.placed {
        let expected = next.entry(lane).or_insert(1);
        if lane_seq != expected {
            return Err(format!("{lane}: position {lane_seq} where {expected} was due"));
        }
        *expected += 1;
        let event = Event::parse(bytes).map_err(|error| format!("{lane}: {error}"))?;
        if !ids.insert(event.envelope.id) {
            return Err(format!("doubled: {} counts twice", event.envelope.id));
        }
        // What a phone records at one moment of its boot clock in one lane is one act.
        if let Some(boot) = event.envelope.boot
            && !acts.insert((lane, boot.id, boot.ms, format!("{:?}", event.fact)))
        {
            return Err(format!("doubled: an act in {lane} counts twice under two ids"));
        }
    }
    Ok(())
}

/// In each lane a device's events stand in the order in which it recorded them, and none stands
/// behind one that is parked. Two phones that go on as one device have no common order.
fn nothing_overtakes(sim: &Sim, hub: &Everything) -> Result<(), String> {
    if sim.cloned.is_some() {
        return Ok(());
    }
    let mut last: BTreeMap<(DeviceId, &str), &Result<u64, String>> = BTreeMap::new();
    for Chained { device, lane, place, .. } in &hub.chained {
        if lane.is_empty() {
            continue;
        }
        let before = last.insert((*device, lane), place);
        match (before, place) {
            (Some(Err(reason)), Ok(here)) => {
                return Err(format!("overtaken: {lane} {here} came before one parked: {reason}"));
            }
            (Some(Ok(before)), Ok(here)) if before > here => {
                return Err(format!("overtaken: {lane} {here} was recorded after {before}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A phone whose library is whole gives the hub no reason to park but these.
fn nothing_parked_for_nothing(sim: &Sim, hub: &Everything) -> Result<(), String> {
    let rogue = sim.rogue.device();
    for Chained { lane, place, .. } in hub.chained.iter().filter(|held| held.device != rogue) {
        if let Err(reason) = place
            && !matches!(reason.as_str(), "MediaMissing" | "Behind" | "UnknownLane")
        {
            return Err(format!("parked: an event of {lane} for {reason}"));
        }
    }
    Ok(())
}

/// A code whose stay has ended is in no vault (C4.8).
fn nothing_spent_is_kept(hub: &Everything) -> Result<(), String> {
    for (lane, state) in &hub.states {
        let state = super::read_state(state)?;
        let spent = state.parcel().map(|parcel| &parcel.storage.spent_codes);
        if spent.is_some_and(|spent| spent.iter().any(|code| hub.vault.contains_key(code))) {
            return Err(format!("personal: a spent code of {lane} is kept"));
        }
    }
    Ok(())
}

/// A preview is gone when its file is there.
fn no_preview_left(sim: &Sim) -> Result<(), String> {
    let sql = "SELECT count(*) FROM preview p JOIN upload u USING (device, sha256)
         WHERE u.confirmed = 1 OR u.erased = 1";
    match count_previews(&sim.station.database(), sql) {
        0 => Ok(()),
        left => Err(format!("personal: {left} previews of photos that are there")),
    }
}

/// Of every photo that a placed event names the hub has the bytes, or it was told that it is gone;
/// and no photo is gone but those that somebody took from a phone.
fn every_photo(sim: &Sim, hub: &Everything) -> Result<(), String> {
    let rogue = sim.rogue.device();
    let events: Vec<(DeviceId, bool, Event)> = hub
        .chained
        .iter()
        .filter(|held| held.device != rogue)
        .filter_map(|held| Some((held.device, held.place.is_ok(), Event::parse(&held.bytes).ok()?)))
        .collect();
    let told: BTreeSet<Digest> = events
        .iter()
        .filter_map(|(_, _, event)| match &event.fact {
            Fact::EvidenceLost(lost) => Some(lost.sha256),
            _ => None,
        })
        .collect();
    for gone in &told {
        if !sim.photos_gone.iter().any(|name| name.starts_with(&gone.to_string())) {
            return Err(format!("lost: the photo {gone}"));
        }
    }
    for (device, _, event) in events.iter().filter(|(_, placed, _)| *placed) {
        for item in event.fact.evidence() {
            if !told.contains(&item.sha256) && !sim.station.has_photo(*device, &item.sha256) {
                return Err(format!("lost: the hub lacks the photo {}", item.sha256));
            }
        }
    }
    Ok(())
}
