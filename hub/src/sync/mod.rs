//! `POST /v1/sync`: push and pull in one round trip, in one transaction.

mod chain;
mod judge;
mod ledger;
mod own;
mod park;
mod pull;
mod push;

pub(crate) use ledger::{Ledger, masked, parse, state_of};
pub(crate) use park::{reconsider_device, release};

use lastmile_core::sync::wire::{self, PROTOCOL, Push, ReplyHeader};

use crate::backup;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::secret;
use crate::store::{Device, Tx};

/// Answers a push, and the pull in it.
pub(crate) fn sync(hub: &Hub, request: &Request) -> Result<Response> {
    let limits = hub.settings.limits;
    let body = request.plain_body(limits.push_bytes)?;
    let push = Push::parse(&body).map_err(|_| HubError::malformed("a whole push"))?;
    if push.header.events > limits.push_events {
        return Err(HubError::asked(
            413,
            "TooManyEvents",
            format!("a push holds at most {} events; send the rest after it", limits.push_events),
        ));
    }
    // Hashing and reading need no lock: two pushes do it at the same time.
    let lines: Vec<_> = push.events.iter().map(|bytes| chain::Line::read(bytes)).collect();

    let tx = hub.store.begin()?;
    let device = Hub::device_of(&*tx, request)?;
    if device.id != push.header.device {
        return Err(HubError::asked(
            403,
            "OtherDevice",
            "the token belongs to another device than the push; open that device's store",
        ));
    }
    let epoch = Hub::epoch(&*tx)?;
    // On its way since before this hub was restored: what it follows upon is not here any more.
    let overdue = push.header.epoch.is_some_and(|meant| meant != epoch);
    let mut ledger = Ledger::new(hub, &*tx)?;
    let received = if overdue {
        push::Received::default()
    } else {
        push::receive(&mut ledger, &device, &push, &lines)?
    };
    let hub_ms = ledger.now.ms;
    ledger.settle()?;
    tx.note_contact(device.row, hub_ms, push.header.pending)?;
    backup::note_lost(&*tx, &device, &push.header.lost_acts)?;

    let asked = push.header.pull.as_ref().filter(|_| !overdue);
    let session = asked.is_some() && session_lives(&*tx, &device, request, hub_ms)?;
    let pulled = match asked {
        Some(pull) if session => pull::collect(hub, &*tx, &device, push.header.incarnation, pull)?,
        asked => {
            pull::Pulled { cursor: asked.map_or(0, |pull| pull.cursor), ..pull::Pulled::default() }
        }
    };
    let header = ReplyHeader {
        protocol: PROTOCOL,
        epoch,
        hub_ms,
        verdicts: received.verdicts,
        vault_refused: received.vault_refused,
        receipt: received.receipt,
        received_to: received.held_to,
        durable_to: tx.durable_to(device.row, push.header.incarnation)?,
        lane_seqs: pulled.lane_seqs,
        vault: u32::try_from(pulled.vault.len()).unwrap_or(u32::MAX),
        cursor: pulled.cursor,
        rest: pulled.rest,
        more: pulled.more,
        lanes: pulled.lanes,
        directory: pulled.directory,
        policy: pulled.policy,
        codes: pulled.codes,
        session_ended: asked.is_some() && !session,
        limits,
        retry_after_ms: None,
    };
    tx.commit()?;
    let lines: Vec<&[u8]> = pulled.lines.iter().map(Vec::as_slice).collect();
    let body = wire::body(&header, &lines, &pulled.vault);
    Ok(Response::new(200).header("Content-Type", "application/x-ndjson").with_body(body))
}

fn session_lives(tx: &dyn Tx, device: &Device, request: &Request, now_ms: i64) -> Result<bool> {
    match request.get("Lastmile-Session") {
        Some(token) => tx.session_lives(&secret::hash(token), device.row, now_ms),
        None => Ok(false),
    }
}
