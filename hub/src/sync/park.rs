//! The park: events that are held, chained and receipted, but have no place in their lane yet.
//!
//! What is parked is looked at again when its reason may be gone: its lane was opened, its device
//! left quarantine, a clerk says so. Always in device order, and a group only as a whole.

use std::collections::BTreeSet;

use lastmile_core::event::{Event, Lane};
use lastmile_core::sync::wire::ParkReason;

use super::judge::judge;
use super::ledger::{Arrival, Ledger};
use crate::problem::{HubError, Result};
use crate::store::{Device, Held, Row};

/// Looks again at everything that waits for a lane.
pub(crate) fn reconsider_lane(ledger: &mut Ledger, lane: &Lane) -> Result<()> {
    let row = ledger.lane_row(lane)?;
    for device in ledger.tx.waiting_for(row)? {
        let device = ledger.tx.device(device)?;
        reconsider(ledger, &device, vec![row])?;
    }
    Ok(())
}

/// Looks again at everything a device has parked.
pub(crate) fn reconsider_device(ledger: &mut Ledger, device: &Device) -> Result<()> {
    let lanes = ledger.tx.parked_lanes(device.row)?;
    reconsider(ledger, device, lanes)
}

/// Gives a parked event its place because a clerk says so, whatever its reason was, and then
/// looks again at those behind it. Returns its position.
///
/// A lane keeps the order in which the device recorded: what is parked before it goes first.
pub(crate) fn release(ledger: &mut Ledger, held: &Held) -> Result<u64> {
    let opaque = || {
        HubError::asked(
            409,
            "Unparseable",
            "the bytes are not an event and can only be exported; record the act by hand",
        )
    };
    let lane = held.lane.ok_or_else(opaque)?;
    let device = ledger.tx.device(held.origin.device)?;
    let group = whole_group(ledger, held)?;
    for (row, event) in &group {
        if is_known_from_elsewhere(ledger, *row, event)? {
            return Err(HubError::asked(
                409,
                "AlreadyKnown",
                "this event has its place already, from another device",
            ));
        }
        if let Some(ahead) = ahead_of(ledger, &device, &group, event)? {
            return Err(HubError::asked(
                409,
                "Behind",
                format!(
                    "the device recorded another event of this lane before; release row {ahead} first"
                ),
            ));
        }
    }
    let mut lanes = BTreeSet::from([lane]);
    let mut place = None;
    for (row, event) in group {
        let placed = ledger.accept(&event, Arrival::Released(row), &device.station)?;
        if row == held.row {
            place = Some(placed.lane_seq);
        }
        lanes.insert(ledger.lane_row(&event.envelope.lane)?);
    }
    reconsider(ledger, &device, lanes.into_iter().collect())?;
    place.ok_or_else(opaque)
}

/// Tells whether an event has its place from another device: its own row never gets one.
fn is_known_from_elsewhere(ledger: &Ledger, row: Row, event: &Event) -> Result<bool> {
    Ok(ledger.tx.event_by_id(event.envelope.id)?.is_some_and(|known| known.row != row))
}

/// Returns what is parked before a member of a group in the member's lane, and can have a place.
fn ahead_of(
    ledger: &mut Ledger,
    device: &Device,
    group: &[(Row, Event)],
    member: &Event,
) -> Result<Option<Row>> {
    let lane = ledger.lane_row(&member.envelope.lane)?;
    for held in ledger.tx.parked_in(device.row, lane)? {
        if group.iter().any(|(row, _)| *row == held.row) {
            break;
        }
        let Ok(event) = Event::parse(&held.bytes) else { continue };
        if !is_known_from_elsewhere(ledger, held.row, &event)? {
            return Ok(Some(held.row));
        }
    }
    Ok(None)
}

/// Takes in, lane by lane, what a device has parked there and has no reason to be any more. What has
/// to stay says why from now on.
fn reconsider(ledger: &mut Ledger, device: &Device, mut lanes: Vec<Row>) -> Result<()> {
    while let Some(lane) = lanes.pop() {
        loop {
            let parked = ledger.tx.parked_in(device.row, lane)?;
            let Some(front) = parked.first() else { break };
            let group = whole_group(ledger, front)?;
            if !may_pass(ledger, device, &group)? {
                for held in &parked {
                    say_why(ledger, device, held, front.row)?;
                }
                break;
            }
            for (row, event) in group {
                ledger.accept(&event, Arrival::Released(row), &device.station)?;
                let other = ledger.lane_row(&event.envelope.lane)?;
                if other != lane {
                    lanes.push(other);
                }
            }
        }
    }
    Ok(())
}

/// Returns a parked event with the parked members of its group, in device order.
fn whole_group(ledger: &Ledger, held: &Held) -> Result<Vec<(Row, Event)>> {
    let tx = ledger.tx;
    let read = |row: Row| -> Result<Option<(Row, Event)>> {
        Ok(Event::parse(&tx.event(row)?.bytes).ok().map(|event| (row, event)))
    };
    let Some((row, event)) = read(held.row)? else { return Ok(Vec::new()) };
    let Some(group) = event.envelope.group else { return Ok(vec![(row, event)]) };
    let size = u64::from(group.size);
    let at = held.origin;
    let (from, to) = (at.seq.saturating_sub(size - 1), at.seq + size);
    let mut members = Vec::new();
    for (_, _, neighbour) in tx.positions(at.device, at.incarnation, from, to)? {
        if neighbour.place.is_err()
            && let Some((row, member)) = read(neighbour.row)?
            && member.envelope.group == Some(group)
        {
            members.push((row, member));
        }
    }
    Ok(members)
}

/// Tells whether all members of a group are there.
fn is_whole(group: &[(Row, Event)]) -> bool {
    group.first().is_some_and(|(_, event)| {
        let size = event.envelope.group.map_or(1, |group| usize::from(group.size));
        let first = event.envelope.group.is_none_or(|group| group.first == event.envelope.id);
        first && group.len() == size
    })
}

/// Tells whether a reason is not in the event itself: only a clerk can say that it does not matter.
fn is_for_a_clerk(reason: ParkReason) -> bool {
    matches!(reason, ParkReason::BadSignature | ParkReason::MediaMissing)
}

/// Judges a member of a group again.
fn judge_member(
    ledger: &mut Ledger,
    device: &Device,
    group: &[(Row, Event)],
    n: usize,
) -> Result<std::result::Result<(), ParkReason>> {
    let (_, event) = &group[n];
    let root_key = ledger.hub.root_key();
    let mut facts = ledger.lane_facts(&event.envelope.lane)?;
    // A group may open a lane and go on in it.
    facts.known |= group[..n].iter().any(|(_, it)| it.envelope.lane == event.envelope.lane);
    Ok(judge(event, device, facts, &root_key))
}

/// Tells whether every member of a group may have its place now.
fn may_pass(ledger: &mut Ledger, device: &Device, group: &[(Row, Event)]) -> Result<bool> {
    if !is_whole(group) {
        return Ok(false);
    }
    for (n, (row, _)) in group.iter().enumerate() {
        let held = ledger.tx.event(*row)?;
        if held.place.is_err_and(is_for_a_clerk) || judge_member(ledger, device, group, n)?.is_err()
        {
            return Ok(false);
        }
        // A member must not overtake what is parked before it in a lane of its own.
        let Some(lane) = held.lane else { return Ok(false) };
        let ahead = ledger.tx.parked_in(device.row, lane)?.into_iter().next();
        if ahead.is_some_and(|ahead| !group.iter().any(|(row, _)| *row == ahead.row)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives an event that stays parked the reason that it has now: the one it came with may have ended,
/// and another holds it up. `front` is the first that is parked in its lane.
fn say_why(ledger: &mut Ledger, device: &Device, held: &Held, front: Row) -> Result<()> {
    let group = whole_group(ledger, held)?;
    let (Err(before), Some(n)) = (held.place, group.iter().position(|(row, _)| *row == held.row))
    else {
        return Ok(());
    };
    if is_for_a_clerk(before) {
        return Ok(());
    }
    let is_behind = is_whole(&group) || !group.iter().any(|(row, _)| *row == front);
    let reason = match judge_member(ledger, device, &group, n)? {
        Err(reason) => reason,
        Ok(()) if is_behind => ParkReason::Behind,
        // The others of its group never came.
        Ok(()) => ParkReason::Unparseable,
    };
    if reason != before {
        ledger.tx.park_event(held.row, reason)?;
    }
    Ok(())
}
