//! What a clerk sees and does: lanes, the park, the phones, media, bundles.

use lastmile_core::id::Digest;
use serde_json::{Value, json};

use super::media::{begin, upload};
use super::parcels::{import, row};
use crate::Request;
use crate::conform::answer::{
    Checked, Reply, accepted, fault, field, holds, known, leaf, parked, same,
};
use crate::conform::kit::{Kit, now_ms};
use crate::conform::phone::{Phone, line, new_case, new_id};
use crate::{Bundle, verify};

cases! {
    Station "8. The clerk's side: `/v1/clerk/…`" a_clerk_with_a_wrong_token_is_refused;
    Station "8. The clerk's side: `/v1/clerk/…`" a_clerk_acts_at_his_own_station_alone;
    Station "8. The clerk's side: `/v1/clerk/…`" a_code_is_good_for_half_an_hour;
    Station "8. The clerk's side: `/v1/clerk/…`" a_command_that_nobody_knows_is_malformed;
    Station "8. The clerk's side: `/v1/clerk/…`" a_command_that_a_rule_speaks_against_is_refused_by_its_code;
    Station "8. The clerk's side: `/v1/clerk/…`" a_command_is_answered_with_its_events_and_their_places;
    Station "8. The clerk's side: `/v1/clerk/…`" a_lane_is_shown_with_its_state_its_events_and_its_persons;
    Station "8. The clerk's side: `/v1/clerk/…`" a_lane_without_events_is_not_found;
    Station "8. The clerk's side: `/v1/clerk/…`" lists_come_in_pages;
    Station "8. The clerk's side: `/v1/clerk/…`" a_reported_case_is_in_the_list_of_open_ones;
    Station "8. The clerk's side: `/v1/clerk/…`" a_clerk_is_no_admin;
    Station "8. The clerk's side: `/v1/clerk/…`" the_policy_is_shown_byte_for_byte;
    Station "8. The clerk's side: `/v1/clerk/…`" a_phone_is_shown_with_what_is_still_on_it;
    Station "The park" a_phone_under_quarantine_is_parked;
    Station "The park" what_a_quarantine_parked_gets_its_place_afterwards;
    Station "8. The clerk's side: `/v1/clerk/…`" a_parked_event_is_listed_with_its_reason;
    Station "8. The clerk's side: `/v1/clerk/…`" a_parked_event_is_shown_byte_for_byte;
    Station "The park" a_released_event_gets_its_place_whatever_its_reason;
    Station "The park" what_was_behind_a_released_event_follows_it;
    Station "The park" a_released_event_is_sent_to_its_phone;
    Station "The park" opaque_bytes_are_never_released;
    Station "8. The clerk's side: `/v1/clerk/…`" an_event_is_released_once;
    Station "8. The clerk's side: `/v1/clerk/…`" a_confirmed_file_is_given_out_byte_for_byte;
    Station "8. The clerk's side: `/v1/clerk/…`" an_unfinished_file_is_given_out_to_nobody;
    Station "The park" an_event_whose_lost_media_the_hub_has_is_accepted;
    Station "9. The evidence bundle" a_bundle_is_verified_without_the_hub;
    Station "9. The evidence bundle" a_bundle_names_persons_only_where_that_was_asked_for;
}

fn a_clerk_with_a_wrong_token_is_refused(kit: &Kit) -> Checked {
    let request = Request::new("GET", "/v1/clerk/parked").bearer(&"00".repeat(32));
    kit.send(&request)?.problem(401, "Unauthorised")
}

fn a_clerk_acts_at_his_own_station_alone(kit: &Kit) -> Checked {
    kit.clerk_at("ANOTHER-STATION", "parked")?.problem(403, "OtherStation")
}

fn a_code_is_good_for_half_an_hour(kit: &Kit) -> Checked {
    let made = kit.clerk("POST", "codes", &json!({ "courier": "conform-nobody" }))?.json()?;
    let left = made["expires_ms"].as_i64().unwrap_or_default() - now_ms();
    holds((left - 1_800_000).abs() < 300_000, "a code ends after 30 minutes")
}

fn a_command_that_nobody_knows_is_malformed(kit: &Kit) -> Checked {
    kit.clerk("POST", "commands", &json!({ "do": "teleport" }))?.problem(400, "Malformed")
}

fn a_command_that_a_rule_speaks_against_is_refused_by_its_code(kit: &Kit) -> Checked {
    let assign = json!({ "do": "assign", "waybill": kit.waybill(), "courier": "conform-nobody" });
    kit.clerk("POST", "commands", &assign)?.problem(409, "UnknownParcel")
}

fn a_command_is_answered_with_its_events_and_their_places(kit: &Kit) -> Checked {
    let (waybill, lane) = import(kit, "conform-nobody")?;
    let recall = json!({ "do": "recall", "waybill": waybill, "safety": false });
    let answer = kit.clerk("POST", "commands", &recall)?;
    answer.status(201)?;
    let recorded = &answer.json()?["events"][0];
    field(recorded, "lane", lane)?;
    field(recorded, "lane_seq", 3)
}

fn a_lane_is_shown_with_its_state_its_events_and_its_persons(kit: &Kit) -> Checked {
    let (_, lane) = import(kit, "conform-nobody")?;
    let shown = kit.clerk_get(&format!("lanes/{lane}"))?;
    field(&shown, "lane_seq", 2)?;
    let announced = &shown["events"][0]["line"];
    field(announced, "kind", "ParcelAnnounced")?;
    let reference = announced["data"]["recipient"].as_str().unwrap_or_default();
    field(&shown["vault"][reference]["person"], "name", "Recipient")?;
    field(&shown["state"]["parcel"]["assignment"], "courier", "conform-nobody")
}

fn a_lane_without_events_is_not_found(kit: &Kit) -> Checked {
    let path = format!("lanes/{}", new_case());
    kit.clerk("GET", &path, &Value::Null)?.problem(404, "NotFound")
}

fn lists_come_in_pages(kit: &Kit) -> Checked {
    let rows: Vec<_> = (0..3).map(|_| row(&kit.waybill(), "conform-nobody")).collect();
    kit.clerk("POST", "manifest", &json!({ "parcels": rows }))?.status(201)?;
    let first = kit.clerk_get("parcels?limit=2")?;
    same("the first page", first["items"].as_array().map(Vec::len), Some(2))?;
    let after = first["next"].as_str().unwrap_or_default();
    holds(!after.is_empty(), "a page that is not the last says how to go on")?;
    let second = kit.clerk_get(&format!("parcels?limit=2&after={after}"))?;
    holds(second["items"][0] != first["items"][0], "the second page goes on")?;
    holds(second["items"][0]["lane"].is_string(), "the second page has a parcel")
}

fn a_reported_case_is_in_the_list_of_open_ones(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?;
    let open = kit.clerk_get("exceptions?open=1&limit=1000")?;
    let items = open["items"].as_array().cloned().unwrap_or_default();
    holds(items.iter().any(|item| item["lane"] == json!(case)), "the case is listed")
}

fn a_clerk_is_no_admin(kit: &Kit) -> Checked {
    let clerk = json!({ "clerk": "conform-2", "station": "CONFORM" });
    kit.clerk("POST", "clerks", &clerk)?.problem(403, "AdminOnly")?;
    kit.clerk("PUT", "policy", &json!({}))?.problem(403, "AdminOnly")
}

fn the_policy_is_shown_byte_for_byte(kit: &Kit) -> Checked {
    let answer = kit.clerk("GET", "policy", &Value::Null)?;
    answer.status(200)?;
    let sent = kit.phone()?.pull()?.header["policy"]["body"].clone();
    same("the policy", String::from_utf8_lossy(&answer.0.body).into_owned(), sent)
}

/// Finds a phone in the station's list.
fn listed(kit: &Kit, phone: &Phone) -> Checked<Value> {
    let list = kit.clerk_get("devices")?["devices"].as_array().cloned().unwrap_or_default();
    let found = list.iter().find(|it| it["device"] == json!(phone.device())).cloned();
    found.ok_or_else(|| fault("the list of devices", "the phone", "others"))
}

fn a_phone_is_shown_with_what_is_still_on_it(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[phone.report(&new_case())])?;
    let mut header = phone.header(&[]);
    header["pending"] = json!(17);
    phone.send(&header, &[])?.status(200)?;
    let shown = listed(kit, &phone)?;
    field(&shown, "unsynced", 17)?;
    field(&shown, "courier", phone.no())?;
    field(&shown, "received_to", 1)
}

fn quarantine(kit: &Kit, phone: &Phone, on: bool) -> Checked {
    let path = format!("devices/{}/quarantine", phone.device());
    kit.clerk("POST", &path, &json!({ "quarantined": on }))?.status(204)
}

fn a_phone_under_quarantine_is_parked(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    quarantine(kit, &phone, true)?;
    phone.push(&[phone.report(&new_case())])?.verdicts(&[parked("Quarantined")])?;
    field(&listed(kit, &phone)?, "quarantined", true)
}

fn what_a_quarantine_parked_gets_its_place_afterwards(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case)];
    quarantine(kit, &phone, true)?;
    phone.offer(&lines)?;
    quarantine(kit, &phone, false)?;
    phone.offer(&lines)?.verdicts(&[known(1), known(2)])
}

/// What a phone has parked, as its clerk sees it, in the order of its chain.
fn waiting(kit: &Kit, phone: &Phone) -> Checked<Vec<Value>> {
    let list = kit.clerk_get("parked")?["parked"].as_array().cloned().unwrap_or_default();
    let mut own: Vec<_> =
        list.into_iter().filter(|it| it["device"] == json!(phone.device())).collect();
    own.sort_by_key(|it| it["seq"].as_u64());
    Ok(own)
}

/// A phone whose case has an event parked, and one behind it.
fn held_up(kit: &Kit) -> Checked<(Phone<'_>, String, Vec<Vec<u8>>)> {
    let mut phone = kit.phone()?;
    let case = new_case();
    let mut must = phone.event("DroneLanded", &case, json!({}));
    must["must"] = json!(true);
    let lines = vec![phone.report(&case), line(&must), phone.note(&case)];
    let verdicts = [accepted(1), parked("UnknownKind"), parked("Behind")];
    phone.push(&lines)?.verdicts(&verdicts)?;
    Ok((phone, case, lines))
}

fn a_parked_event_is_listed_with_its_reason(kit: &Kit) -> Checked {
    let (phone, case, lines) = held_up(kit)?;
    let waiting = waiting(kit, &phone)?;
    same("how many are parked", waiting.len(), 2)?;
    field(&waiting[0], "reason", "UnknownKind")?;
    field(&waiting[0], "lane", case)?;
    field(&waiting[0], "leaf", leaf(&lines[1]))?;
    field(&waiting[0], "seq", 2)?;
    field(&waiting[1], "reason", "Behind")
}

/// The path of the first event that a phone has parked.
fn first_parked(kit: &Kit, phone: &Phone) -> Checked<String> {
    let waiting = waiting(kit, phone)?;
    let row = waiting.first().map(|it| it["row"].clone());
    row.map(|row| format!("parked/{row}")).ok_or_else(|| fault("the park", "an event", "none"))
}

fn a_parked_event_is_shown_byte_for_byte(kit: &Kit) -> Checked {
    let (phone, _, lines) = held_up(kit)?;
    let answer = kit.clerk("GET", &first_parked(kit, &phone)?, &Value::Null)?;
    answer.status(200)?;
    holds(answer.0.body == lines[1], "the bytes are those that were pushed")?;
    same("Lastmile-Leaf", answer.header("Lastmile-Leaf")?, leaf(&lines[1]).to_string())
}

/// Releases the first event that a phone has parked.
fn release(kit: &Kit, phone: &Phone) -> Checked<u64> {
    let path = format!("{}/release", first_parked(kit, phone)?);
    let answer = kit.clerk("POST", &path, &Value::Null)?;
    answer.status(200)?;
    let place = answer.json()?["lane_seq"].as_u64();
    place.ok_or_else(|| fault("the release", "a lane_seq", "none"))
}

fn a_released_event_gets_its_place_whatever_its_reason(kit: &Kit) -> Checked {
    let (phone, _, _) = held_up(kit)?;
    same("its place", release(kit, &phone)?, 2)
}

fn what_was_behind_a_released_event_follows_it(kit: &Kit) -> Checked {
    let (mut phone, case, _) = held_up(kit)?;
    release(kit, &phone)?;
    same("what is still parked", waiting(kit, &phone)?.len(), 0)?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(4)])
}

fn a_released_event_is_sent_to_its_phone(kit: &Kit) -> Checked {
    let (mut phone, _, lines) = held_up(kit)?;
    release(kit, &phone)?;
    let reply = phone.pull()?;
    holds(reply.lines == lines[1..], "the phone is sent both of its own events")?;
    same("lane_seqs", reply.lane_seqs()?, [2, 3])
}

fn opaque_bytes_are_never_released(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[b"\xff\x00 no event".to_vec()])?;
    let path = first_parked(kit, &phone)?;
    let release = kit.clerk("POST", &format!("{path}/release"), &Value::Null)?;
    release.problem(409, "Unparseable")?;
    let shown = kit.clerk("GET", &path, &Value::Null)?;
    holds(shown.0.body == b"\xff\x00 no event", "the bytes are those that were pushed")
}

fn an_event_is_released_once(kit: &Kit) -> Checked {
    let (phone, _, _) = held_up(kit)?;
    let path = format!("{}/release", first_parked(kit, &phone)?);
    kit.clerk("POST", &path, &Value::Null)?.status(200)?;
    kit.clerk("POST", &path, &Value::Null)?.problem(404, "NotFound")
}

/// A photo and its hash.
fn photo() -> (Vec<u8>, String) {
    let file = [b"\xff\xd8\xff\xe0", new_id().as_bytes()].concat();
    let sha256 = leaf(&file).to_string();
    (file, sha256)
}

fn a_confirmed_file_is_given_out_byte_for_byte(kit: &Kit) -> Checked {
    let (phone, (file, sha256)) = (kit.phone()?, photo());
    upload(&phone, &file, "jpeg")?;
    let answer = kit.clerk("GET", &format!("media/{}/{sha256}", phone.device()), &Value::Null)?;
    answer.status(200)?;
    holds(answer.0.body == file, "the bytes are those that were uploaded")
}

fn an_unfinished_file_is_given_out_to_nobody(kit: &Kit) -> Checked {
    let (phone, (file, sha256)) = (kit.phone()?, photo());
    begin(&phone, &file, "jpeg")?;
    let path = format!("media/{}/{sha256}", phone.device());
    kit.clerk("GET", &path, &Value::Null)?.problem(404, "NotFound")
}

fn an_event_whose_lost_media_the_hub_has_is_accepted(kit: &Kit) -> Checked {
    let (phone, (file, sha256)) = (kit.phone()?, photo());
    upload(&phone, &file, "jpeg")?;
    let event = phone.event("CaseSniffed", &new_case(), json!({ "sha256": sha256 }));
    let shown = phone.event(
        "ExceptionReported",
        event["lane"].as_str().unwrap_or_default(),
        json!({ "kind": "damage" }),
    );
    let lines = [line(&shown), line(&event)];
    let mut header = phone.header(&lines);
    header["media_lost"] = json!([sha256]);
    let reply = Reply::read(&phone.send(&header, &lines)?)?;
    reply.verdicts(&[accepted(1), accepted(2)])
}

/// The bundle of a parcel that a courier took out.
fn bundle(kit: &Kit, query: &str) -> Checked<(Bundle, String)> {
    let mut phone = kit.signing_phone()?;
    let (waybill, lane) = import(kit, phone.no())?;
    let out = line(&phone.event("ParcelOutForDelivery", &lane, json!({})));
    phone.push(&[out])?.verdicts(&[accepted(3)])?;
    let bundle = serde_json::from_value(kit.clerk_get(&format!("bundle/{waybill}{query}"))?);
    let bundle =
        bundle.map_err(|error| fault("the bundle", "JSON of section 9", error.to_string()));
    Ok((bundle?, phone.enrolment.root_key))
}

fn a_bundle_is_verified_without_the_hub(kit: &Kit) -> Checked {
    let (bundle, root_key) = bundle(kit, "")?;
    let report = verify(&bundle, Some(&root_key), &|_| None::<Digest>);
    same("what contradicts itself", report.failed, Vec::<String>::new())?;
    let told = report.proven.iter().any(|it| it.contains("ParcelOutForDelivery"));
    holds(told, "the courier's act is proven")
}

fn a_bundle_names_persons_only_where_that_was_asked_for(kit: &Kit) -> Checked {
    same("the persons", bundle(kit, "")?.0.vault.len(), 0)?;
    same("the persons", bundle(kit, "?persons=1")?.0.vault.len(), 2)
}
