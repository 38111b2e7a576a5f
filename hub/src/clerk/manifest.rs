//! `POST /v1/clerk/manifest`: the morning's parcels with their persons and what other systems
//! know of their way. Either all of it is right, or nothing is imported and every mistake is named
//! at once, by its place and never by its content.

use std::collections::HashSet;

use lastmile_core::Fen;
use lastmile_core::command::Command;
use lastmile_core::decide::Draft;
use lastmile_core::event::{Actor, Fact, Lane};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{CourierNo, SiteId};
use lastmile_core::parcel::{ParcelArrivedAtHub, ParcelDispatched, ParcelHeld};
use lastmile_core::waybill::Waybill;
use serde::Serialize;
use serde_json::Value;

use super::rows::{Rows, refused};
use super::{Acting, act};
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::station::record_groups;
use crate::store::Tx;
use crate::sync::Ledger;

#[derive(Serialize, Default)]
struct Imported {
    announced: usize,
    known: usize,
    assigned: usize,
}

/// One parcel that was read without a mistake.
struct Parcel {
    announce: Command,
    waybill: Waybill,
    track: Vec<Fact>,
    courier: Option<CourierNo>,
}

pub(super) fn import(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    request: &Request,
) -> Result<Response> {
    let body: Value = request.read_json("a manifest")?;
    let rows = body.get("parcels").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| HubError::malformed("a manifest; it has a list \"parcels\""))?;
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    let mut parcels = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut reader = Rows { index, row, errors: &mut errors };
        if let Some(parcel) = reader.parcel(&mut seen) {
            parcels.push(parcel);
        }
    }
    if !errors.is_empty() {
        return Ok(refused("BadManifest", &errors));
    }

    let mut ledger = Ledger::new(hub, tx)?;
    let mut imported = Imported::default();
    for parcel in parcels {
        let lane = Lane::Parcel(parcel.waybill.clone());
        // A courier may have it from another before its papers are here.
        let announced = |state: &LaneState| state.parcel().is_some_and(|p| p.station.is_some());
        if ledger.state(&lane)?.is_some_and(announced) {
            imported.known += 1;
        } else {
            act::act(&mut ledger, acting, &parcel.announce)?;
            imported.announced += 1;
            let drafts = parcel.track.into_iter();
            let groups = drafts.map(|fact| vec![Draft { lane: lane.clone(), fact }]).collect();
            let station = Actor::Station(acting.station.clone());
            record_groups(&mut ledger, &acting.station, &station, groups, &[])?;
        }
        let assigned = |ledger: &mut Ledger, courier: &CourierNo| -> Result<bool> {
            let state = ledger.state(&lane)?.and_then(|state| state.parcel());
            Ok(state.is_some_and(|parcel| parcel.assigned_to(courier)))
        };
        if let Some(courier) = parcel.courier
            && !assigned(&mut ledger, &courier)?
        {
            act::act(&mut ledger, acting, &Command::Assign { waybill: parcel.waybill, courier })?;
            imported.assigned += 1;
        }
    }
    ledger.settle()?;
    Ok(Response::json(201, &imported))
}

impl Rows<'_> {
    fn parcel(&mut self, seen: &mut HashSet<Waybill>) -> Option<Parcel> {
        let before = self.errors.len();
        let waybill = self.waybill(seen);
        let recipient = self.person("recipient", true);
        let sender = self.person("sender", false);
        let goods = self.goods();
        let promise_ms = self.number("promise_ms");
        let freight = self.number("freight");
        let insured = self.number("insured");
        let track = self.track();
        let courier = self.courier();
        if self.errors.len() > before {
            return None;
        }
        let waybill = waybill?;
        let announce = Command::Announce {
            waybill: waybill.clone(),
            recipient: recipient?,
            sender: sender?,
            goods: goods?,
            promise_ms,
            freight: Fen(freight.unwrap_or(0)),
            insured: insured.map(Fen),
        };
        Some(Parcel { announce, waybill, track, courier })
    }

    fn waybill(&mut self, seen: &mut HashSet<Waybill>) -> Option<Waybill> {
        let Some(text) = self.row.get("waybill").and_then(Value::as_str) else {
            self.mistake("waybill", "Missing", "a waybill number");
            return None;
        };
        match Waybill::parse(text) {
            Ok(waybill) if seen.insert(waybill.clone()) => Some(waybill),
            Ok(_) => {
                self.mistake("waybill", "Twice", "this number is in the list twice");
                None
            }
            Err(error) => {
                self.mistake("waybill", error.code(), error.to_string());
                None
            }
        }
    }

    fn track(&mut self) -> Vec<Fact> {
        let points = match self.row.get("track") {
            None | Some(Value::Null) => return Vec::new(),
            Some(value) => value.as_array().cloned(),
        };
        let Some(points) = points else {
            self.mistake("track", "BadTrack", "a list of kind, facility, at_ms");
            return Vec::new();
        };
        let mut facts = Vec::new();
        for (n, point) in points.iter().enumerate() {
            match track_point(point) {
                Some(fact) => facts.push(fact),
                None => self.mistake(
                    &format!("track[{n}]"),
                    "BadTrack",
                    "kind arrived_at_hub, dispatched or held; a facility's code; at_ms",
                ),
            }
        }
        facts
    }
}

/// Reads what another system says of the parcel's way. A facility is named by a code, so that no
/// text of another system, with whatever it may hold, gets into the log.
fn track_point(point: &Value) -> Option<Fact> {
    let facility = SiteId::new(point.get("facility")?.as_str()?).ok()?.to_string();
    let at_ms = point.get("at_ms")?.as_i64()?;
    match point.get("kind")?.as_str()? {
        "arrived_at_hub" => Some(ParcelArrivedAtHub { facility, at_ms }.into()),
        "dispatched" => Some(ParcelDispatched { facility, at_ms }.into()),
        "held" => Some(ParcelHeld { facility, at_ms }.into()),
        _ => None,
    }
}
