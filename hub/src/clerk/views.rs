//! What a clerk looks at: lanes with all that is known of them, lists, and media.

use std::collections::BTreeMap;

use lastmile_core::event::{Event, Lane, digests};
use lastmile_core::evidence::MediaKind;
use lastmile_core::exception_report::{self, ExceptionCase};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{CaseId, DeviceId, Digest};
use lastmile_core::privacy::{VaultBody, VaultRef};
use lastmile_core::waybill::Waybill;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Acting;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Device, Held, Tx};
use crate::sync;

/// Lanes on one page, if the asker names no other number.
const PAGE: u32 = 200;

#[derive(Serialize)]
struct EventView {
    lane_seq: u64,
    leaf: Digest,
    device: DeviceId,
    incarnation: u32,
    seq: u64,
    line: Box<RawValue>,
}

#[derive(Serialize)]
struct LaneView {
    lane: Lane,
    /// The position of its last event.
    lane_seq: u64,
    state: LaneState,
    events: Vec<EventView>,
    vault: BTreeMap<String, VaultBody>,
    media: Vec<MediaView>,
}

/// A photo, video or signature that an event of a lane names.
#[derive(Serialize)]
struct MediaView {
    device: DeviceId,
    sha256: Digest,
    /// The file is here.
    whole: bool,
    /// Until it is, there is a small picture of it.
    preview: bool,
}

/// `GET /v1/clerk/lanes/{lane}`.
pub(super) fn lane(hub: &Hub, tx: &dyn Tx, acting: &Acting, name: &str) -> Result<Response> {
    let lane = Lane::parse(name);
    let found = tx.find_lane(&lane)?;
    let found = found.filter(|row| row.next > 1 && row.station.as_ref() == Some(&acting.station));
    let row = found.ok_or_else(|| HubError::not_found("the lane"))?;
    let state = sync::state_of(tx, &lane, &row)?;
    let masked = sync::masked(&state);
    let mask = hub.policy(tx, &acting.station)?.mask();
    let mut events = Vec::new();
    let mut vault = BTreeMap::new();
    let mut media = Vec::new();
    for held in tx.lane_events(row.row)? {
        media.extend(media_of(tx, &held)?);
        for digest in digests(&held.bytes) {
            let entry = tx.entry(&VaultRef(digest), &lane)?;
            let body = match entry.and_then(|entry| entry.read()) {
                Some(VaultBody::Person(person)) if masked.contains(&VaultRef(digest)) => {
                    Some(VaultBody::Person(person.masked(&mask)))
                }
                body => body,
            };
            if let Some(body) = body {
                vault.insert(digest.to_string(), body);
            }
        }
        let damaged = |_| HubError::Damaged("an event");
        let line = String::from_utf8(held.bytes).map_err(|_| HubError::Damaged("an event"))?;
        events.push(EventView {
            lane_seq: held.place.unwrap_or_default(),
            leaf: held.leaf,
            device: tx.device(held.origin.device)?.id,
            incarnation: held.origin.incarnation,
            seq: held.origin.seq,
            line: RawValue::from_string(line).map_err(damaged)?,
        });
    }
    let view = LaneView { lane, lane_seq: row.next - 1, state, events, vault, media };
    Ok(Response::json(200, &view))
}

/// Says of each file that an event names, and that was not erased, what is there of it.
fn media_of(tx: &dyn Tx, held: &Held) -> Result<Vec<MediaView>> {
    let Ok(event) = Event::parse(&held.bytes) else { return Ok(Vec::new()) };
    let mut media = Vec::new();
    for item in event.fact.evidence() {
        let (row, sha256) = (held.origin.device, item.sha256);
        if tx.is_erased_media(&sha256)? {
            continue;
        }
        media.push(MediaView {
            device: tx.device(row)?.id,
            sha256,
            whole: tx.upload_of(row, &sha256)?.is_some_and(|upload| upload.confirmed),
            preview: tx.preview(row, &sha256)?.is_some(),
        });
    }
    Ok(media)
}

#[derive(Serialize)]
struct Item {
    lane: Lane,
    lane_seq: u64,
    state: LaneState,
}

#[derive(Serialize)]
struct List {
    items: Vec<Item>,
    /// Ask again with `after` set to this for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /v1/clerk/parcels`, `…/pickups`, `…/exceptions`, `…/complaints`, with `?after=`, `limit=` and `open=1`.
pub(super) fn list(
    tx: &dyn Tx,
    acting: &Acting,
    kind: &str,
    request: &Request,
) -> Result<Response> {
    let prefix = format!("{}:", kind.trim_end_matches('s'));
    let after = request.query("after").unwrap_or_default();
    let limit = request.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE);
    let limit = limit.clamp(1, 1000);
    let only_open = request.query("open") == Some("1");
    let found = tx.lanes_of(&prefix, &acting.station, after, limit)?;
    let full = found.len() == limit as usize;
    let next = found.last().filter(|_| full).map(|(lane, _)| lane.to_string());
    let mut items = Vec::new();
    for (lane, row) in found.into_iter().filter(|(_, row)| row.next > 1) {
        let state = sync::state_of(tx, &lane, &row)?;
        if !only_open || is_open(&state) {
            items.push(Item { lane, lane_seq: row.next - 1, state });
        }
    }
    Ok(Response::json(200, &List { items, next }))
}

fn is_open(state: &LaneState) -> bool {
    use lastmile_core::complaint::ComplaintStage;
    match state {
        LaneState::Parcel(parcel) => !parcel.stage.is_terminal(),
        LaneState::Pickup(order) => !order.stage.is_closed(),
        LaneState::Exception(case) => !case.stage.is_closed(),
        LaneState::Complaint(complaint) => complaint.stage != ComplaintStage::Closed,
        LaneState::Log { .. } => true,
    }
}

/// Every exception case of the station.
fn cases(tx: &dyn Tx, acting: &Acting) -> Result<Vec<(CaseId, ExceptionCase)>> {
    let mut cases = Vec::new();
    let mut after = String::new();
    loop {
        let found = tx.lanes_of("exception:", &acting.station, &after, PAGE)?;
        let Some((last, _)) = found.last() else { return Ok(cases) };
        after = last.to_string();
        for (lane, row) in found {
            let state = sync::state_of(tx, &lane, &row)?;
            if let (Lane::Exception(id), LaneState::Exception(case)) = (lane, state) {
                cases.push((id, *case));
            }
        }
    }
}

/// `GET /v1/clerk/agenda`: the open cases, those without an owner first, then by the time of the
/// next action (M47).
pub(super) fn agenda(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let cases = cases(tx, acting)?;
    let open = exception_report::agenda(cases.iter().map(|(id, case)| (*id, case)));
    Ok(Response::json(200, &serde_json::json!({ "cases": open })))
}

/// `GET /v1/clerk/review`: counts by week, kind, cause and courier (M50).
pub(super) fn review(tx: &dyn Tx, acting: &Acting) -> Result<Response> {
    let cases = cases(tx, acting)?;
    let lines = exception_report::review(cases.iter().map(|(_, case)| case));
    Ok(Response::json(200, &serde_json::json!({ "lines": lines })))
}

/// A confirmed file of a device of the station.
pub(super) struct File {
    device: DeviceId,
    sha256: Digest,
    kind: MediaKind,
}

/// Reads which file of which device of the station is asked for.
fn file_of(
    tx: &dyn Tx,
    acting: &Acting,
    device: &str,
    sha256: &str,
) -> Result<Option<(Device, Digest)>> {
    let (Ok(device), Ok(sha256)) = (device.parse::<DeviceId>(), sha256.parse::<Digest>()) else {
        return Ok(None);
    };
    let device = tx.device_by_id(device)?.filter(|device| device.station == acting.station);
    Ok(device.map(|device| (device, sha256)))
}

pub(super) fn find_media(tx: &dyn Tx, acting: &Acting, device: &str, sha256: &str) -> Result<File> {
    let missing = || HubError::not_found("the file");
    let (device, sha256) = file_of(tx, acting, device, sha256)?.ok_or_else(missing)?;
    let upload = tx.upload_of(device.row, &sha256)?.filter(|upload| upload.confirmed);
    Ok(File { device: device.id, sha256, kind: upload.ok_or_else(missing)?.kind })
}

/// `GET /v1/clerk/media/{device}/{sha256}`.
pub(super) fn media(hub: &Hub, file: &File) -> Result<Response> {
    let mut body = Vec::new();
    std::io::Read::read_to_end(&mut hub.media.open(file.device, &file.sha256)?, &mut body)?;
    Ok(Response::new(200).header("Content-Type", file.kind.content_type()).with_body(body))
}

/// `GET /v1/clerk/previews/{device}/{sha256}`: until the file itself is there.
pub(super) fn preview(
    tx: &dyn Tx,
    acting: &Acting,
    device: &str,
    sha256: &str,
) -> Result<Response> {
    let missing = || HubError::not_found("the preview");
    let (device, sha256) = file_of(tx, acting, device, sha256)?.ok_or_else(missing)?;
    let picture = tx.preview(device.row, &sha256)?.ok_or_else(missing)?;
    let kind = MediaKind::of(&picture).ok_or_else(missing)?;
    let answer = Response::new(200).header("Content-Type", kind.content_type());
    Ok(answer.header("Cache-Control", "no-store").with_body(picture))
}

/// `GET /v1/clerk/bundle/{waybill}`, with `?persons=1` for the vault entries too.
pub(super) fn bundle(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    waybill: &str,
    request: &Request,
) -> Result<Response> {
    let waybill = Waybill::parse(waybill).map_err(|_| HubError::not_found("the parcel"))?;
    let persons = request.query("persons") == Some("1");
    let bundle = crate::bundle::make(hub, tx, &acting.station, &waybill, persons)?;
    Ok(Response::json(200, &bundle))
}
