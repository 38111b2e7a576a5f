//! A clerk's acts: the same commands, the same rules and the same log as a courier's.

use lastmile_core::command::Command;
use lastmile_core::decide::{Circumstances, Decided, LaneStates, decide, lanes_of};
use serde::Serialize;

use super::Acting;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::station::{RecordedFact, record_groups};
use crate::store::Tx;
use crate::sync::Ledger;

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
    let events = act(&mut ledger, acting, &command)?;
    ledger.settle()?;
    Ok(Response::json(201, &Recorded { events }))
}

/// Decides a command and records what it comes to. A rule that speaks against it is final: an act
/// already done is recorded by whoever did it.
pub(super) fn act(
    ledger: &mut Ledger,
    acting: &Acting,
    command: &Command,
) -> Result<Vec<RecordedFact>> {
    let actor = acting.actor();
    let (hub, tx) = (ledger.hub, ledger.tx);
    let policy = hub.policy(tx, &acting.station)?;
    let directory = hub.station(tx, &acting.station)?.directory;
    let codes = hub.clerk_codes(tx, &acting.station, &directory, command)?;
    let at = Circumstances {
        now: ledger.now,
        actor: &actor,
        station: &acting.station,
        policy: &policy,
        directory: &directory,
        codes: &codes,
        address_gap_m: None,
        station_gap_m: None,
        entropy: &*hub.entropy,
    };
    let mut lanes = LaneStates::new();
    for lane in lanes_of(command, &at) {
        if ledger.lane_facts(&lane)?.station.is_some_and(|station| *station != acting.station) {
            return Err(HubError::not_found("the parcel or case"));
        }
        if let Some(state) = ledger.state(&lane)? {
            let state = state.clone();
            lanes.insert(lane, state);
        }
    }
    let decision = decide(command, &lanes, &at)?;
    if let Some(refusal) = decision.refusal {
        return Err(refusal.into());
    }
    let Decided { groups, vault } = decision.decided;
    record_groups(ledger, &acting.station, &actor, groups, &vault)
}
