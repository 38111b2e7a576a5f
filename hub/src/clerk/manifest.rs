//! `POST /v1/clerk/manifest`: the morning's parcels with their persons and what other systems
//! know of their way. Either all of it is right, or nothing is imported and every mistake is named
//! at once, by its place and never by its content.

use std::collections::HashSet;

use lastmile_core::Fen;
use lastmile_core::command::Command;
use lastmile_core::decide::Draft;
use lastmile_core::event::{Actor, Fact, Lane};
use lastmile_core::id::{CourierNo, SiteId};
use lastmile_core::parcel::{GoodsFlags, ParcelArrivedAtHub, ParcelDispatched, ParcelHeld};
use lastmile_core::privacy::Person;
use lastmile_core::waybill::Waybill;
use serde::Serialize;
use serde_json::Value;

use super::{Acting, act};
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::station::record_groups;
use crate::store::Tx;
use crate::sync::Ledger;

/// Fewer characters are no address that a courier could find.
const SHORTEST_ADDRESS: usize = 5;
/// Digits of a telephone number, without country code at least.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

#[derive(Serialize)]
struct Mistake {
    index: usize,
    field: String,
    code: &'static str,
    advice: String,
}

#[derive(Serialize)]
struct Refused {
    code: &'static str,
    advice: &'static str,
    errors: Vec<Mistake>,
}

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
        let mut reader = Reader { index, row, errors: &mut errors };
        if let Some(parcel) = reader.parcel(&mut seen) {
            parcels.push(parcel);
        }
    }
    if !errors.is_empty() {
        let advice = "nothing was imported; mend what is listed and send all of it again";
        return Ok(Response::json(422, &Refused { code: "BadManifest", advice, errors }));
    }

    let mut ledger = Ledger::new(hub, tx)?;
    let mut imported = Imported::default();
    for parcel in parcels {
        let lane = Lane::Parcel(parcel.waybill.clone());
        if ledger.state(&lane)?.is_some() {
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

/// Reads one row and collects its mistakes.
struct Reader<'a> {
    index: usize,
    row: &'a Value,
    errors: &'a mut Vec<Mistake>,
}

impl Reader<'_> {
    fn mistake(&mut self, field: &str, code: &'static str, advice: impl Into<String>) {
        let (index, field) = (self.index, field.to_owned());
        self.errors.push(Mistake { index, field, code, advice: advice.into() });
    }

    fn parcel(&mut self, seen: &mut HashSet<Waybill>) -> Option<Parcel> {
        let before = self.errors.len();
        let waybill = self.waybill(seen);
        let recipient = self.person("recipient", true);
        let sender = self.person("sender", false);
        let goods = match self.row.get("goods") {
            None | Some(Value::Null) => Some(GoodsFlags::default()),
            Some(goods) => serde_json::from_value(goods.clone()).ok(),
        };
        if goods.is_none() {
            self.mistake(
                "goods",
                "BadGoods",
                "an object of door_only, fragile, valuable, fresh, receipt_form",
            );
        }
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

    fn person(&mut self, who: &str, with_address: bool) -> Option<Person> {
        let Some(found) = self.row.get(who).filter(|found| found.is_object()) else {
            self.mistake(who, "Missing", "an object of name, phone, address");
            return None;
        };
        let Ok(person) = serde_json::from_value::<Person>(found.clone()) else {
            self.mistake(
                who,
                "BadPerson",
                "name, phone and address are texts, lng and lat numbers",
            );
            return None;
        };
        let before = self.errors.len();
        if person.name.trim().is_empty() {
            self.mistake(&format!("{who}.name"), "Missing", "a name");
        }
        let digits = person.phone.chars().filter(char::is_ascii_digit).count();
        let plain = |c: char| c.is_ascii_digit() || " +-()".contains(c);
        if !PHONE_DIGITS.contains(&digits) || !person.phone.chars().all(plain) {
            self.mistake(&format!("{who}.phone"), "BadPhone", "7 to 15 digits");
        }
        if with_address && person.address.trim().chars().count() < SHORTEST_ADDRESS {
            self.mistake(&format!("{who}.address"), "BadAddress", "an address down to the door");
        }
        let out = |value: Option<f64>, most: f64| value.is_some_and(|value| value.abs() > most);
        if out(person.lng, 180.0) || out(person.lat, 90.0) {
            self.mistake(&format!("{who}.lng"), "BadPlace", "degrees, WGS-84");
        }
        (self.errors.len() == before).then_some(person)
    }

    fn number(&mut self, field: &str) -> Option<i64> {
        match self.row.get(field) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_i64().filter(|number| *number >= 0);
                if number.is_none() {
                    self.mistake(field, "BadNumber", "a whole number, not below zero");
                }
                number
            }
        }
    }

    fn courier(&mut self) -> Option<CourierNo> {
        let courier = match self.row.get("courier") {
            None | Some(Value::Null) => return None,
            Some(value) => value.as_str().and_then(|text| CourierNo::new(text).ok()),
        };
        if courier.is_none() {
            self.mistake("courier", "BadCourier", "1 to 40 letters, digits, '_', '.' or '-'");
        }
        courier
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
