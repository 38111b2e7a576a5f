//! What is held without a place: each reason, and whom it holds up.

use serde_json::json;

use crate::conform::answer::{Checked, Reply, accepted, holds, known, leaf, parked, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_complaint, new_id};

const LONGEST_EVENT: usize = 65_536;

cases! {
    Core "The park" a_line_that_is_no_event_is_parked_and_blocks_nothing;
    Core "The park" an_unknown_kind_that_must_be_understood_is_parked;
    Device "The park" a_parked_line_keeps_its_verdict;
    Device "The park" json_that_is_no_event_is_unparseable;
    Device "The park" an_empty_line_is_unparseable;
    Device "The park" a_line_that_is_not_utf_8_is_unparseable;
    Device "The park" an_event_of_the_greatest_length_is_accepted;
    Device "The park" a_longer_line_is_too_large_and_blocks_nothing;
    Device "The park" a_lane_without_its_first_event_is_unknown;
    Device "The park" a_known_kind_of_lane_with_a_bad_key_is_never_opened;
    Device "The park" a_complaint_opens_with_its_receipt_alone;
    Device "The park" a_lane_of_a_kind_nobody_knows_is_open_to_all;
    Device "The park" what_waits_for_a_lane_gets_its_place_when_it_opens;
    Device "The park" later_events_of_a_parked_lane_are_behind;
    Device "The park" a_parked_event_holds_up_no_other_lane;
    Device "The park" a_parked_event_holds_up_no_other_device;
    Device "The park" an_event_recorded_by_another_courier_is_not_yours;
    Device "The park" an_event_recorded_by_a_clerk_is_not_yours;
    Device "The park" an_event_of_another_device_is_not_yours;
    Device "The park" the_shift_of_another_courier_is_not_yours;
    Device "The park" the_lane_of_another_device_is_not_yours;
    Device "The park" the_lane_of_another_station_is_not_yours;
    Device "The park" a_couriers_own_shift_opens_with_anything;
    Device "The park" a_devices_own_lane_opens_with_anything;
    Device "The park" his_own_stations_lane_opens_with_anything;
    Device "The park" an_act_of_the_station_is_not_a_couriers;
    Device "The park" a_courier_announces_no_parcel;
    Device "The park" a_courier_may_take_a_complaint_and_give_it_to_nobody;
    Device "The park" an_event_whose_media_are_lost_is_parked;
    Device "The park" lost_media_that_no_event_names_hold_nothing_up;
}

fn a_line_that_is_no_event_is_parked_and_blocks_nothing(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), b"not an event".to_vec(), phone.note(&case)];
    let reply = phone.push(&lines)?;
    reply.verdicts(&[accepted(1), parked("Unparseable"), accepted(2)])?;
    same("received_to", reply.number("received_to")?, 3)
}

/// An event of a kind that no server knows and that says that it must be understood.
fn must(phone: &Phone, lane: &str) -> Vec<u8> {
    let mut event = phone.event("DroneLanded", lane, json!({ "on": "roof" }));
    event["must"] = json!(true);
    line(&event)
}

fn an_unknown_kind_that_must_be_understood_is_parked(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), must(&phone, &case), phone.report(&new_case())];
    phone.push(&lines)?.verdicts(&[accepted(1), parked("UnknownKind"), accepted(1)])
}

fn a_parked_line_keeps_its_verdict(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let lines = [b"opaque".to_vec(), phone.note(&case), phone.note(&case)];
    let verdicts = [parked("Unparseable"), parked("UnknownLane"), parked("UnknownLane")];
    phone.offer(&lines)?.verdicts(&verdicts)?;
    phone.offer(&lines)?.verdicts(&verdicts)
}

fn json_that_is_no_event_is_unparseable(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut without_id = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    without_id.as_object_mut().map(|event| event.remove("id"));
    let mut bad_device = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    bad_device["dev"] = json!(7);
    let mut no_data = phone.event("ExceptionReported", &new_case(), json!({}));
    no_data.as_object_mut().map(|event| event.remove("data"));
    let lines = [
        b"{}".to_vec(),
        b"[1,2]".to_vec(),
        b"7".to_vec(),
        line(&without_id),
        line(&bad_device),
        line(&no_data),
    ];
    let verdicts = vec![parked("Unparseable"); lines.len()];
    phone.push(&lines)?.verdicts(&verdicts)
}

fn an_empty_line_is_unparseable(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [Vec::new(), phone.report(&new_case())];
    phone.push(&lines)?.verdicts(&[parked("Unparseable"), accepted(1)])
}

fn a_line_that_is_not_utf_8_is_unparseable(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event["weather"] = json!("rain");
    let mut bytes = line(&event);
    let at = bytes.windows(4).position(|four| four == b"rain").unwrap_or_default();
    bytes[at] = 0xff;
    phone.push(&[bytes, phone.report(&new_case())])?.verdicts(&[parked("Unparseable"), accepted(1)])
}

/// The first event of a case, `length` bytes long.
fn long(phone: &Phone, length: usize) -> Vec<u8> {
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event["padding"] = json!("");
    event["padding"] = json!("x".repeat(length - line(&event).len()));
    line(&event)
}

fn an_event_of_the_greatest_length_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[long(&phone, LONGEST_EVENT)])?.verdicts(&[accepted(1)])
}

fn a_longer_line_is_too_large_and_blocks_nothing(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [long(&phone, LONGEST_EVENT + 1), phone.report(&new_case())];
    phone.push(&lines)?.verdicts(&[parked("TooLarge"), accepted(1)])
}

fn a_lane_without_its_first_event_is_unknown(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let parcel = format!("parcel:{}", kit.waybill());
    let out = line(&phone.event("ParcelOutForDelivery", &parcel, json!({})));
    let told = line(&phone.event("OwnerTaken", &new_complaint(), json!({ "owner": "clerk:C1" })));
    let verdicts = vec![parked("UnknownLane"); 3];
    phone.push(&[phone.note(&new_case()), out, told])?.verdicts(&verdicts)
}

fn a_known_kind_of_lane_with_a_bad_key_is_never_opened(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[phone.report("exception:not-a-uuid")])?.verdicts(&[parked("UnknownLane")])
}

/// The first event of a complaint's lane, about a courier.
pub(super) fn complaint(phone: &Phone, lane: &str, class: &str, about: &str) -> Vec<u8> {
    line(&phone.event(
        "ComplaintReceived",
        lane,
        json!({
            "waybill": phone.kit.waybill(), "complainant": "aa".repeat(32),
            "demand": "bb".repeat(32), "source": "customer", "class": class, "about": about,
        }),
    ))
}

fn a_complaint_opens_with_its_receipt_alone(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lane = new_complaint();
    let wrong = phone.report(&new_complaint());
    let lines = [complaint(&phone, &lane, "delay", "somebody"), wrong];
    phone.push(&lines)?.verdicts(&[accepted(1), parked("UnknownLane")])
}

fn a_lane_of_a_kind_nobody_knows_is_open_to_all(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lane = format!("drone:{}", new_id());
    let lines = [phone.note(&lane), phone.note(&lane)];
    phone.push(&lines)?.verdicts(&[accepted(1), accepted(2)])
}

fn what_waits_for_a_lane_gets_its_place_when_it_opens(kit: &Kit) -> Checked {
    let (mut early, mut late) = (kit.phone()?, kit.phone()?);
    let case = new_case();
    let lines = [early.note(&case)];
    early.offer(&lines)?.verdicts(&[parked("UnknownLane")])?;
    late.push(&[late.report(&case)])?.verdicts(&[accepted(1)])?;
    early.push(&lines)?.verdicts(&[known(2)])?;
    early.push(&[early.note(&case)])?.verdicts(&[accepted(3)])
}

fn later_events_of_a_parked_lane_are_behind(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case), must(&phone, &case), phone.note(&case)])?.verdicts(&[
        accepted(1),
        parked("UnknownKind"),
        parked("Behind"),
    ])?;
    phone.push(&[phone.note(&case)])?.verdicts(&[parked("Behind")])
}

fn a_parked_event_holds_up_no_other_lane(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (held, free) = (new_case(), new_case());
    phone.push(&[phone.report(&held), must(&phone, &held), phone.report(&free)])?;
    phone.push(&[phone.note(&free)])?.verdicts(&[accepted(2)])
}

fn a_parked_event_holds_up_no_other_device(kit: &Kit) -> Checked {
    let (mut one, mut two) = (kit.phone()?, kit.phone()?);
    let case = new_case();
    one.push(&[one.report(&case), must(&one, &case)])?;
    two.push(&[two.note(&case)])?.verdicts(&[accepted(2)])
}

/// Pushes the first event of a case with another value of one of its fields.
fn with(kit: &Kit, field: &str, value: &str) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event[field] = json!(value);
    phone.push(&[line(&event)])?.verdicts(&[parked("NotYourLane")])
}

fn an_event_recorded_by_another_courier_is_not_yours(kit: &Kit) -> Checked {
    with(kit, "by", "courier:somebody-else")
}

fn an_event_recorded_by_a_clerk_is_not_yours(kit: &Kit) -> Checked {
    with(kit, "by", "clerk:C1")
}

fn an_event_of_another_device_is_not_yours(kit: &Kit) -> Checked {
    with(kit, "dev", &new_id())
}

/// Pushes the plainest event into a lane that this phone has nothing to say in.
fn not_mine(kit: &Kit, lane: &str) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[phone.note(lane)])?.verdicts(&[parked("NotYourLane")])
}

fn the_shift_of_another_courier_is_not_yours(kit: &Kit) -> Checked {
    not_mine(kit, "shift:somebody-else/2026-11-21")
}

fn the_lane_of_another_device_is_not_yours(kit: &Kit) -> Checked {
    not_mine(kit, &format!("device:{}", new_id()))
}

fn the_lane_of_another_station_is_not_yours(kit: &Kit) -> Checked {
    not_mine(kit, "station:ANOTHER-STATION")
}

fn a_couriers_own_shift_opens_with_anything(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lane = format!("shift:{}/2026-11-21", phone.no());
    phone.push(&[phone.note(&lane)])?.verdicts(&[accepted(1)])
}

fn a_devices_own_lane_opens_with_anything(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lane = format!("device:{}", phone.device());
    phone.push(&[phone.note(&lane)])?.verdicts(&[accepted(1)])
}

fn his_own_stations_lane_opens_with_anything(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lane = format!("station:{}", phone.enrolment.station);
    let reply = phone.offer(&[phone.note(&lane)])?;
    holds(reply.header["verdicts"][0]["a"].is_u64(), "the event is accepted")
}

fn an_act_of_the_station_is_not_a_couriers(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    for (kind, data) in [
        ("ExceptionAcknowledged", json!({ "owner": "C1", "next_action_ms": 1 })),
        ("ParticipantAdded", json!({ "courier": phone.no() })),
        ("ExceptionClosed", json!({})),
    ] {
        let case = new_case();
        let act = line(&phone.event(kind, &case, data));
        let reply = phone.push(&[phone.report(&case), act])?;
        reply.verdicts(&[accepted(1), parked("NotYourLane")])?;
    }
    Ok(())
}

fn a_courier_announces_no_parcel(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let data = json!({
        "station": phone.enrolment.station, "recipient": "aa".repeat(32),
        "sender": "bb".repeat(32), "goods": {}, "freight": 800,
    });
    let event = phone.event("ParcelAnnounced", &format!("parcel:{}", kit.waybill()), data);
    phone.push(&[line(&event)])?.verdicts(&[parked("NotYourLane")])
}

fn a_courier_may_take_a_complaint_and_give_it_to_nobody(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lane = new_complaint();
    let taken = |owner: &str| line(&phone.event("OwnerTaken", &lane, json!({ "owner": owner })));
    let lines = [
        complaint(&phone, &lane, "delay", "somebody"),
        taken(&format!("courier:{}", phone.no())),
        taken("courier:somebody-else"),
    ];
    phone.push(&lines)?.verdicts(&[accepted(1), accepted(2), parked("NotYourLane")])
}

/// A report that names a photo, and the photo's hash.
fn with_photo(phone: &Phone) -> (Vec<u8>, String) {
    let sha256 = leaf(new_id().as_bytes()).to_string();
    let photo = json!({
        "id": new_id(), "sha256": sha256, "kind": "jpeg", "bytes": 1000, "source": "camera",
        "at": { "ms": 1_795_000_000_000_i64, "off": 480 },
    });
    let data = json!({ "kind": "damage", "evidence": [photo] });
    (line(&phone.event("ExceptionReported", &new_case(), data)), sha256)
}

fn an_event_whose_media_are_lost_is_parked(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let (report, sha256) = with_photo(&phone);
    let lines = [report, phone.report(&new_case())];
    let mut header = phone.header(&lines);
    header["media_lost"] = json!([sha256]);
    let reply = Reply::read(&phone.send(&header, &lines)?)?;
    reply.verdicts(&[parked("MediaMissing"), accepted(1)])
}

fn lost_media_that_no_event_names_hold_nothing_up(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [with_photo(&phone).0];
    let mut header = phone.header(&lines);
    header["media_lost"] = json!(["cc".repeat(32)]);
    let reply = Reply::read(&phone.send(&header, &lines)?)?;
    reply.verdicts(&[accepted(1)])
}
