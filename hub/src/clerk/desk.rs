//! The station's devices, codes and directory, and what is parked.

use lastmile_core::directory::Directory;
use lastmile_core::document::Unfit;
use lastmile_core::event::Lane;
use lastmile_core::id::{ClerkNo, CourierNo, DeviceId, Digest, StationId};
use lastmile_core::sync::wire::ParkReason;
use serde::{Deserialize, Serialize};

use super::Acting;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::secret;
use crate::store::{Clerk, Code, Device, Held, Row, Tx};
use crate::sync::{self, Ledger};

#[derive(Serialize)]
struct ParkedEvent {
    row: Row,
    device: DeviceId,
    courier: Option<CourierNo>,
    incarnation: u32,
    seq: u64,
    lane: Option<Lane>,
    reason: ParkReason,
    leaf: Digest,
}

/// `GET /v1/clerk/parked`.
pub(super) fn parked(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let mut list = Vec::new();
    for held in tx.parked(Some(&acting.station))? {
        let Err(reason) = held.place else { continue };
        let device = tx.device(held.origin.device)?;
        list.push(ParkedEvent {
            row: held.row,
            device: device.id,
            courier: device.courier,
            incarnation: held.origin.incarnation,
            seq: held.origin.seq,
            lane: held.lane.map(|lane| tx.lane_name(lane)).transpose()?,
            reason,
            leaf: held.leaf,
        });
    }
    Ok(Response::json(200, &serde_json::json!({ "parked": list })))
}

/// Finds a parked event of a device of the clerk's station, by its row or its id.
fn find_parked(tx: &dyn Tx, acting: &Acting, name: &str) -> Result<Held> {
    let missing = || HubError::not_found("the parked event");
    let row = if let Ok(row) = name.parse::<Row>() {
        row
    } else {
        let id = name.parse().map_err(|_| missing())?;
        tx.event_by_id(id)?.ok_or_else(missing)?.row
    };
    let held = tx.find_event(row)?.filter(|held| held.place.is_err()).ok_or_else(missing)?;
    own_device(tx.device(held.origin.device)?, acting)?;
    Ok(held)
}

fn own_device(device: Device, acting: &Acting) -> Result<Device> {
    if device.station == acting.station && device.courier.is_some() {
        Ok(device)
    } else {
        Err(HubError::not_found("the device"))
    }
}

/// `GET /v1/clerk/parked/{event}`: the exact bytes, whatever they are.
pub(super) fn export(tx: &dyn Tx, acting: &Acting, name: &str) -> Result<Response> {
    let held = find_parked(tx, acting, name)?;
    Ok(Response::new(200)
        .header("Content-Type", "application/octet-stream")
        .header("Lastmile-Leaf", held.leaf.to_string())
        .with_body(held.bytes))
}

/// `POST /v1/clerk/parked/{event}/release`.
pub(super) fn release(hub: &Hub, tx: &dyn Tx, acting: &Acting, name: &str) -> Result<Response> {
    let held = find_parked(tx, acting, name)?;
    let mut ledger = Ledger::new(hub, tx)?;
    let lane_seq = sync::release(&mut ledger, &held)?;
    ledger.settle()?;
    tracing::info!(row = held.row, clerk = %acting.clerk.no, "a parked event was released");
    Ok(Response::json(200, &serde_json::json!({ "lane_seq": lane_seq })))
}

/// `GET /v1/clerk/lost`: the station's acts that phones know of and this database does not, since
/// it was restored from a backup. They are to be done again.
pub(super) fn lost(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let mut lost = tx.lost(&acting.station)?;
    lost.sort_by_key(|act| act.at_ms);
    Ok(Response::json(200, &serde_json::json!({ "lost": lost })))
}

#[derive(Serialize)]
struct DeviceView {
    device: DeviceId,
    courier: Option<CourierNo>,
    quarantined: bool,
    signs: bool,
    enrolled_ms: i64,
    seen_ms: i64,
    /// What the device said was still on it when it was last heard of.
    unsynced: u64,
    incarnation: u32,
    received_to: u64,
}

/// `GET /v1/clerk/devices`.
pub(super) fn devices(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let mut list = Vec::new();
    for device in tx.devices(Some(&acting.station))? {
        let head = tx.head_before(device.row, u32::MAX)?;
        list.push(DeviceView {
            device: device.id,
            courier: device.courier,
            quarantined: device.quarantined,
            signs: device.public_key.is_some(),
            enrolled_ms: device.enrolled_ms,
            seen_ms: device.seen_ms,
            unsynced: device.pending,
            incarnation: head.map_or(1, |head| head.incarnation),
            received_to: head.map_or(0, |head| head.received_to),
        });
    }
    Ok(Response::json(200, &serde_json::json!({ "devices": list })))
}

#[derive(Deserialize)]
struct Quarantine {
    quarantined: bool,
}

/// `POST /v1/clerk/devices/{id}/quarantine`: what a lost or stolen phone sends is parked. Taken
/// back, what was parked for that reason gets its place.
pub(super) fn quarantine(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    id: &str,
    request: &Request,
) -> Result<Response> {
    let Quarantine { quarantined } = request.read_json("{\"quarantined\": true or false}")?;
    let missing = || HubError::not_found("the device");
    let id: DeviceId = id.parse().map_err(|_| missing())?;
    let device = own_device(tx.device_by_id(id)?.ok_or_else(missing)?, acting)?;
    tx.set_quarantine(device.row, quarantined)?;
    if !quarantined {
        let mut ledger = Ledger::new(hub, tx)?;
        sync::reconsider_device(&mut ledger, &Device { quarantined, ..device })?;
        ledger.settle()?;
    }
    Ok(Response::new(204))
}

#[derive(Deserialize)]
struct CodeFor {
    courier: CourierNo,
}

/// `POST /v1/clerk/codes`.
pub(super) fn code(hub: &Hub, tx: &dyn Tx, acting: &Acting, request: &Request) -> Result<Response> {
    let CodeFor { courier } = request.read_json("{\"courier\": his number}")?;
    let code = secret::new_code(&*hub.entropy);
    let expires_ms = hub.now_ms() + hub.settings.code_ms;
    let station = acting.station.clone();
    tx.put_code(&secret::hash(&code), &Code { courier, station, expires_ms })?;
    Ok(Response::json(201, &serde_json::json!({ "code": code, "expires_ms": expires_ms })))
}

#[derive(Deserialize)]
struct NewClerk {
    clerk: ClerkNo,
    station: StationId,
}

/// `POST /v1/clerk/clerks`: for an admin.
pub(super) fn clerk(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    request: &Request,
) -> Result<Response> {
    admin_only(acting)?;
    let NewClerk { clerk, station } = request.read_json("{\"clerk\": …, \"station\": …}")?;
    hub.station(tx, &station)?;
    let token = secret::new_token(&*hub.entropy);
    tx.put_clerk(&secret::hash(&token), &Clerk { no: clerk, station: Some(station) })?;
    Ok(Response::json(201, &serde_json::json!({ "token": token })))
}

fn admin_only(acting: &Acting) -> Result<()> {
    match acting.clerk.station {
        Some(_) => Err(HubError::asked(403, "AdminOnly", "ask an admin to do this")),
        None => Ok(()),
    }
}

/// `GET /v1/clerk/policy`: the exact bytes of the pack in force.
pub(super) fn policy(tx: &dyn Tx) -> Result<Response> {
    let text = Hub::policy_text(tx)?;
    Ok(Response::new(200).header("Content-Type", "application/json").with_body(text.into_bytes()))
}

/// `PUT /v1/clerk/policy`: for an admin. A pack with a fault is refused whole.
pub(super) fn put_policy(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    request: &Request,
) -> Result<Response> {
    admin_only(acting)?;
    let body = request.plain_body(hub.settings.clerk_bytes)?;
    let text = std::str::from_utf8(&body).map_err(|_| HubError::malformed("a policy pack"))?;
    let version = Hub::adopt(tx, text)?;
    Ok(Response::json(200, &serde_json::json!({ "version": version })))
}

/// `GET /v1/clerk/directory`.
pub(super) fn directory(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let station = tx.station(&acting.station)?;
    let station = station.ok_or_else(|| HubError::not_found("the station"))?;
    Ok(Response::json(200, &station.directory))
}

/// `PUT /v1/clerk/directory`: its version is the hub's to raise, whatever the body says.
pub(super) fn put_directory(tx: &dyn Tx, acting: &Acting, request: &Request) -> Result<Response> {
    let directory: Directory = request.read_json("a directory")?;
    let station = tx.station(&acting.station)?;
    let station = station.ok_or_else(|| HubError::not_found("the station"))?;
    let version = station.directory.version + 1;
    let directory = Directory { version, station: acting.station.clone(), ..directory };
    let faults = directory.faults();
    if !faults.is_empty() {
        return Err(Unfit::Faulty { faults }.into());
    }
    tx.put_station(&acting.station, station.device.row, &directory)?;
    Ok(Response::json(200, &directory))
}
