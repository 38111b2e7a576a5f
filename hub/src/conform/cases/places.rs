//! What a push is answered with, and where its events stand in their lanes.

use serde_json::json;

use crate::conform::answer::{Checked, Reply, accepted, fault, field, holds, known, parked, same};
use crate::conform::kit::{Kit, now_ms};
use crate::conform::phone::{line, new_case, new_id};

/// How far the kit's clock and the server's may differ.
const CLOCKS_MS: i64 = 5 * 60_000;

cases! {
    Core "Verdicts" a_pushed_event_gets_its_place;
    Core "2. Chains and positions" places_in_a_lane_are_dense_and_each_lane_counts_for_itself;
    Core "Verdicts" a_push_that_comes_again_is_known_and_takes_effect_once;
    Device "4. `POST /v1/sync`: push and pull in one round trip" every_line_has_its_verdict_in_order;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_push_of_nothing_has_no_verdicts_and_no_receipt;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_push_without_a_pull_is_sent_nothing;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_reply_names_the_epoch_of_the_enrolment;
    Device "4. `POST /v1/sync`: push and pull in one round trip" of_a_push_for_another_epoch_nothing_is_taken;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_reply_tells_the_hubs_time;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_reply_says_what_the_hub_allows;
    Device "4. `POST /v1/sync`: push and pull in one round trip" received_to_is_the_highest_position_held;
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_protocol_header_may_be_missing;
    Device "Lastmile: the protocol" fields_nobody_knows_do_not_hinder_a_push;
    Device "Lastmile: the protocol" a_field_that_is_null_is_read_as_absent;
    Device "2. Chains and positions" two_phones_share_the_places_of_a_lane;
    Device "Verdicts" an_event_that_does_not_fit_its_lanes_state_is_accepted;
    Device "1. An event is a line of bytes" an_unknown_kind_is_accepted;
    Device "1. An event is a line of bytes" an_unknown_version_of_a_kind_is_accepted;
    Device "1. An event is a line of bytes" an_event_with_fields_nobody_knows_is_accepted;
    Device "1. An event is a line of bytes" an_event_with_every_field_of_the_table_is_accepted;
    Device "1. An event is a line of bytes" the_time_of_an_event_orders_nothing;
}

fn a_pushed_event_gets_its_place(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let reply = phone.push(&[phone.report(&new_case())])?;
    reply.verdicts(&[accepted(1)])?;
    same("received_to", reply.number("received_to")?, 1)
}

fn places_in_a_lane_are_dense_and_each_lane_counts_for_itself(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (one, two) = (new_case(), new_case());
    let first = [phone.report(&one), phone.note(&one), phone.report(&two), phone.note(&one)];
    let verdicts = [accepted(1), accepted(2), accepted(1), accepted(3)];
    phone.push(&first)?.verdicts(&verdicts)?;
    phone.push(&[phone.note(&two), phone.note(&one)])?.verdicts(&[accepted(2), accepted(4)])
}

fn a_push_that_comes_again_is_known_and_takes_effect_once(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case)];
    phone.offer(&lines)?.verdicts(&[accepted(1), accepted(2)])?;
    phone.push(&lines)?.verdicts(&[known(1), known(2)])?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(3)])
}

fn every_line_has_its_verdict_in_order(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (one, two) = (new_case(), new_case());
    let lines = [
        phone.report(&one),
        b"opaque".to_vec(),
        phone.report(&two),
        phone.note(&one),
        phone.note(&new_case()),
        phone.note(&two),
    ];
    phone.push(&lines)?.verdicts(&[
        accepted(1),
        parked("Unparseable"),
        accepted(1),
        accepted(2),
        parked("UnknownLane"),
        accepted(2),
    ])
}

fn a_push_of_nothing_has_no_verdicts_and_no_receipt(kit: &Kit) -> Checked {
    let reply = kit.phone()?.offer(&[])?;
    reply.verdicts(&[])?;
    reply.lacks("receipt")?;
    same("received_to", reply.number("received_to")?, 0)
}

fn a_push_without_a_pull_is_sent_nothing(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (mut first, mut second) = (courier.phone()?, courier.phone()?);
    first.push(&[first.report(&new_case())])?;
    let reply = second.push(&[second.report(&new_case())])?;
    same("the lines sent", reply.lines.len() + reply.vault.len(), 0)?;
    ["directory", "policy", "session_ended", "more"].iter().try_for_each(|name| reply.lacks(name))
}

fn a_reply_names_the_epoch_of_the_enrolment(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let epoch = json!(phone.enrolment.epoch.to_string());
    field(&phone.offer(&[])?.header, "epoch", &epoch)?;
    field(&phone.offer(&[phone.report(&new_case())])?.header, "epoch", &epoch)
}

fn of_a_push_for_another_epoch_nothing_is_taken(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let epoch = phone.enrolment.epoch.to_string();
    let mut header = phone.header(&lines);
    header["epoch"] = new_id().into();
    let reply = Reply::read(&phone.send(&header, &lines)?)?;
    field(&reply.header, "epoch", epoch.as_str())?;
    reply.verdicts(&[])?;
    reply.lacks("receipt")?;
    header["epoch"] = epoch.into();
    Reply::read(&phone.send(&header, &lines)?)?.verdicts(&[accepted(1)])?;
    phone.move_on(&lines);
    phone.push(&[phone.report(&new_case())])?.verdicts(&[accepted(1)])
}

fn a_reply_tells_the_hubs_time(kit: &Kit) -> Checked {
    let reply = kit.phone()?.offer(&[])?;
    let hub_ms = reply.header["hub_ms"].as_i64().unwrap_or_default();
    let off = (hub_ms - now_ms()).abs();
    if off <= CLOCKS_MS { Ok(()) } else { Err(fault("hub_ms", "the time now", hub_ms)) }
}

fn a_reply_says_what_the_hub_allows(kit: &Kit) -> Checked {
    let reply = kit.phone()?.offer(&[])?;
    field(&reply.header, "protocol", 1)?;
    let limits = reply.limits()?;
    let counts = [u64::from(limits.push_events), limits.push_bytes, limits.media_chunk];
    holds(counts.iter().all(|limit| *limit > 0), "each of the limits lets something pass")
}

fn received_to_is_the_highest_position_held(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case), b"opaque".to_vec()])?;
    same("received_to", phone.offer(&[])?.number("received_to")?, 2)?;
    same("received_to", phone.push(&[phone.note(&case)])?.number("received_to")?, 3)
}

fn the_protocol_header_may_be_missing(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut request = phone.request(&phone.header(&lines), &lines, &[]);
    request.headers.retain(|(name, _)| name != "Lastmile-Protocol");
    Reply::read(&kit.send(&request)?)?.verdicts(&[accepted(1)])
}

fn fields_nobody_knows_do_not_hinder_a_push(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut header = phone.pull_header(&lines);
    header["battery"] = json!(81);
    header["pull"]["colour"] = json!("green");
    Reply::read(&phone.send(&header, &lines)?)?.verdicts(&[accepted(1)])
}

fn a_field_that_is_null_is_read_as_absent(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let mut event = phone.event("ExceptionReported", &case, json!({ "kind": "delay" }));
    for field in ["boot", "place", "epoch", "group", "against"] {
        event[field] = json!(null);
    }
    let lines = [line(&event)];
    let mut header = phone.header(&lines);
    header["signature"] = json!(null);
    header["pull"] = json!(null);
    Reply::read(&phone.send(&header, &lines)?)?.verdicts(&[accepted(1)])
}

fn two_phones_share_the_places_of_a_lane(kit: &Kit) -> Checked {
    let (mut one, mut two) = (kit.phone()?, kit.phone()?);
    let case = new_case();
    one.push(&[one.report(&case)])?.verdicts(&[accepted(1)])?;
    two.push(&[two.note(&case), two.note(&case)])?.verdicts(&[accepted(2), accepted(3)])?;
    one.push(&[one.note(&case)])?.verdicts(&[accepted(4)])
}

fn an_event_that_does_not_fit_its_lanes_state_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let mut early = phone.event("ExceptionReported", &case, json!({ "kind": "loss" }));
    early["seen"] = json!(900);
    phone.push(&[phone.report(&case), phone.report(&case), line(&early)])?.verdicts(&[
        accepted(1),
        accepted(2),
        accepted(3),
    ])
}

fn an_unknown_kind_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let sniffed = line(&phone.event("ParcelSniffed", &case, json!({ "by": ["a", "dog"] })));
    phone.push(&[phone.report(&case), sniffed])?.verdicts(&[accepted(1), accepted(2)])
}

fn an_unknown_version_of_a_kind_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let mut newer = phone.event("ProgressNoted", &case, json!({ "rating": 5 }));
    newer["v"] = json!(9);
    phone.push(&[phone.report(&case), line(&newer)])?.verdicts(&[accepted(1), accepted(2)])
}

fn an_event_with_fields_nobody_knows_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event["weather"] = json!({ "rain": true });
    event["data"]["floor"] = json!(7);
    phone.push(&[line(&event)])?.verdicts(&[accepted(1)])
}

fn an_event_with_every_field_of_the_table_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event["boot"] = json!({ "id": new_id(), "ms": 4_560_000 });
    event["place"] = json!({ "lng": 126_549, "lat": 43_838 });
    event["seen"] = json!(0);
    event["epoch"] = json!(1);
    event["group"] = json!({ "first": event["id"], "size": 1 });
    event["against"] = json!({ "code": "Frozen", "reason": "00".repeat(32) });
    event["must"] = json!(true);
    phone.push(&[line(&event)])?.verdicts(&[accepted(1)])
}

fn the_time_of_an_event_orders_nothing(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let mut early = phone.event("ExceptionReported", &case, json!({ "kind": "delay" }));
    early["at"] = json!({ "ms": 1_000, "off": -720 });
    phone.push(&[phone.report(&case)])?;
    phone.push(&[line(&early)])?.verdicts(&[accepted(2)])
}
