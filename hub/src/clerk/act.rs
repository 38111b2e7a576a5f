//! A clerk's acts: the same commands, the same rules and the same log as a courier's.

use lastmile_core::Refusal;
use lastmile_core::command::Command;
use lastmile_core::decide::{Circumstances, Decided, Decision, LaneStates, decide, lanes_of};
use lastmile_core::event::{Actor, Lane};
use lastmile_core::id::StationId;
use lastmile_core::privacy::Picture;
use serde::Serialize;

use super::Acting;
use crate::codes;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::station::{RecordedFact, record_groups};
use crate::store::Tx;
use crate::sync::{Ledger, parse};

#[derive(Serialize)]
struct Recorded {
    events: Vec<RecordedFact>,
}

/// `POST /v1/clerk/commands`.
pub(super) fn command(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    request: &Request,
) -> Result<Response> {
    let command: Command = request.read_json("a command")?;
    let mut ledger = Ledger::new(hub, tx)?;
    let answer = match act(&mut ledger, acting, &command) {
        Ok(events) => Response::json(201, &Recorded { events }),
        // The wish to be erased was recorded, and must wait.
        Err(held @ HubError::Refused(Refusal::ErasureHeld)) => Response::from(&held),
        Err(error) => return Err(error),
    };
    ledger.settle()?;
    Ok(answer)
}

/// Decides a command and records what it comes to. A rule that speaks against it is final: an act
/// already done is recorded by whoever did it.
pub(super) fn act(
    ledger: &mut Ledger,
    acting: &Acting,
    command: &Command,
) -> Result<Vec<RecordedFact>> {
    let (actor, station) = (acting.actor(), &acting.station);
    let decision = judge(ledger, &actor, station, command)?;
    let Decided { groups, vault } = decision.decided;
    match decision.refusal {
        None => record_groups(ledger, station, &actor, groups, &vault),
        Some(refusal) => {
            if refusal == Refusal::ErasureHeld {
                record_groups(ledger, station, &actor, groups, &vault)?;
            }
            Err(refusal.into())
        }
    }
}

/// Decides a command of somebody at a station, with all that the hub knows around it.
pub(crate) fn judge(
    ledger: &mut Ledger,
    actor: &Actor,
    station: &StationId,
    command: &Command,
) -> Result<Decision> {
    let (hub, tx) = (ledger.hub, ledger.tx);
    let policy = hub.policy(tx, station)?;
    let directory = hub.station(tx, station)?.directory;
    let mut lanes = LaneStates::new();
    let (mut entries, mut pictures) = (Vec::new(), Vec::new());
    if let Command::ErasePerson { lane, .. } = command {
        for lane in with_its_cases(tx, lane)? {
            let Some(state) = ledger.state(&lane)?.cloned() else { continue };
            if is_at(ledger, station, &lane)? {
                let held = tx.entries_of(&lane)?.into_iter();
                entries.extend(held.map(|entry| (lane.clone(), entry)));
                for held in tx.lane_events(ledger.lane_row(&lane)?)? {
                    pictures.extend(Picture::named_by(&parse(&held.bytes)?));
                }
            }
            lanes.insert(lane, state);
        }
    }
    let codes = hub.clerk_codes(tx, station, &directory, command)?;
    let slots_taken = codes::slots_taken(ledger, station, command)?;
    let at = Circumstances {
        now: ledger.now,
        actor,
        station,
        root_key: &hub.root_key(),
        policy: &policy,
        directory: &directory,
        codes: &codes,
        slots_taken,
        address_gap_m: None,
        station_gap_m: None,
        entries: &entries,
        pictures: &pictures,
        entropy: &*hub.entropy,
    };
    for lane in lanes_of(command, &at) {
        if !is_at(ledger, station, &lane)? {
            return Err(HubError::not_found("the parcel or case"));
        }
        if let Some(state) = ledger.state(&lane)? {
            let state = state.clone();
            lanes.insert(lane, state);
        }
    }
    Ok(decide(command, &lanes, &at)?)
}

/// Tells whether a lane is no other station's.
fn is_at(ledger: &mut Ledger, station: &StationId, lane: &Lane) -> Result<bool> {
    Ok(ledger.lane_facts(lane)?.station.is_none_or(|of| of == station))
}

/// Returns a lane, and the cases and complaints about it if it is a parcel's.
fn with_its_cases(tx: &dyn Tx, lane: &Lane) -> Result<Vec<Lane>> {
    let mut lanes = vec![lane.clone()];
    if let Lane::Parcel(waybill) = lane {
        lanes.extend(tx.lanes_about(waybill)?.into_iter().map(|(case, _)| case));
    }
    Ok(lanes)
}
