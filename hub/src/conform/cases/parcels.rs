//! Parcels as the station gives them out: who is sent them, with whose names.

use serde_json::{Value, json};

use super::park::complaint;
use crate::Request;
use crate::conform::answer::{Checked, Reply, accepted, field, holds, known, parked, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_complaint};

cases! {
    Station "8. The clerk's side: `/v1/clerk/…`" an_imported_parcel_reaches_its_courier_with_its_persons;
    Station "8. The clerk's side: `/v1/clerk/…`" an_import_with_a_mistake_names_each_and_imports_nothing;
    Station "8. The clerk's side: `/v1/clerk/…`" an_import_that_comes_again_announces_nothing_twice;
    Station "Who is sent what" a_parcel_reaches_nobody_but_its_courier;
    Station "Who is sent what" who_gets_a_parcel_is_sent_its_whole_lane_with_its_persons;
    Station "Who is sent what" who_loses_a_parcel_hears_of_it;
    Station "Who is sent what" persons_that_wait_are_not_sent_to_who_lost_the_parcel_meanwhile;
    Station "Who is sent what" what_is_said_with_the_customer_is_withheld_from_the_former_holder;
    Station "Who is sent what" who_gets_a_parcel_back_is_sent_what_was_withheld;
    Station "Who is sent what" who_received_a_complaint_is_told_that_another_took_it_and_no_more;
    Station "The park" what_waits_for_a_parcel_gets_its_place_when_it_is_announced;
    Station "Verdicts" a_couriers_event_about_a_parcel_of_another_is_accepted;
    Station "5. Receipts" what_the_hub_adds_by_itself_it_adds_once;
    Station "Who is sent what" an_erased_person_is_told_and_sent_no_more;
    Station "Who is sent what" an_erased_entry_is_not_taken_again;
}

/// A parcel as a station imports it.
pub(super) fn row(waybill: &str, courier: &str) -> Value {
    json!({
        "waybill": waybill, "courier": courier, "freight": 800,
        "recipient": { "name": "Recipient", "phone": "13900000000",
                       "address": "1 Example Road, room 101" },
        "sender": { "name": "Sender", "phone": "13700000000" },
    })
}

/// Imports a parcel for a courier and returns its number and its lane.
pub(super) fn import(kit: &Kit, courier: &str) -> Checked<(String, String)> {
    let waybill = kit.waybill();
    let rows = json!({ "parcels": [row(&waybill, courier)] });
    kit.clerk("POST", "manifest", &rows)?.status(201)?;
    let lane = format!("parcel:{waybill}");
    Ok((waybill, lane))
}

fn assign(kit: &Kit, waybill: &str, to: &Phone) -> Checked {
    kit.command(&json!({ "do": "assign", "waybill": waybill, "courier": to.no() }))
}

fn out(phone: &Phone, lane: &str) -> Vec<u8> {
    line(&phone.event("ParcelOutForDelivery", lane, json!({})))
}

fn contacted(phone: &Phone, lane: &str) -> Vec<u8> {
    line(&phone.event(
        "RecipientContacted",
        lane,
        json!({ "channel": "phone", "party": "recipient" }),
    ))
}

fn sent(reply: &Reply, kinds: &[&str], persons: usize) -> Checked {
    same("the kinds sent", reply.kinds(), kinds)?;
    same("the persons sent", reply.vault.len(), persons)
}

fn an_imported_parcel_reaches_its_courier_with_its_persons(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    import(kit, phone.no())?;
    let reply = phone.pull()?;
    sent(&reply, &["ParcelAnnounced", "ParcelAssigned"], 2)?;
    same("lane_seqs", reply.lane_seqs()?, [1, 2])?;
    let body = reply.vault[0]["body"].as_str().unwrap_or_default();
    let person: Value = serde_json::from_str(body).unwrap_or_default();
    holds(person["person"]["name"].is_string(), "an entry's body is {\"person\": {name, …}}")
}

fn an_import_with_a_mistake_names_each_and_imports_nothing(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (good, mut bad) = (row(&kit.waybill(), phone.no()), row(&kit.waybill(), phone.no()));
    bad["recipient"]["phone"] = json!("twelve");
    bad["freight"] = json!(-1);
    let answer = kit.clerk("POST", "manifest", &json!({ "parcels": [good, bad] }))?;
    answer.problem(422, "BadManifest")?;
    let errors = answer.json()?["errors"].as_array().cloned().unwrap_or_default();
    let named: Vec<_> =
        errors.iter().map(|it| (it["index"].clone(), it["field"].clone())).collect();
    let mistake = |name: &str| (json!(1), json!(name));
    same("the mistakes", named, [mistake("recipient.phone"), mistake("freight")])?;
    same("the events sent", phone.pull()?.lines.len(), 0)
}

fn an_import_that_comes_again_announces_nothing_twice(kit: &Kit) -> Checked {
    let rows = json!({ "parcels": [row(&kit.waybill(), "conform-nobody")] });
    kit.clerk("POST", "manifest", &rows)?.status(201)?;
    let again = kit.clerk("POST", "manifest", &rows)?.json()?;
    field(&again, "announced", 0)?;
    field(&again, "known", 1)
}

fn a_parcel_reaches_nobody_but_its_courier(kit: &Kit) -> Checked {
    let (phone, mut other) = (kit.phone()?, kit.phone()?);
    import(kit, phone.no())?;
    sent(&other.pull()?, &[], 0)
}

fn who_gets_a_parcel_is_sent_its_whole_lane_with_its_persons(kit: &Kit) -> Checked {
    let (mut first, mut second) = (kit.phone()?, kit.phone()?);
    let (waybill, lane) = import(kit, first.no())?;
    first.push(&[out(&first, &lane), contacted(&first, &lane)])?;
    assign(kit, &waybill, &second)?;
    let reply = second.pull()?;
    same("lane_seqs", reply.lane_seqs()?, [1, 2, 3, 4, 5])?;
    let kinds = [
        "ParcelAnnounced",
        "ParcelAssigned",
        "ParcelOutForDelivery",
        "RecipientContacted",
        "ParcelReassigned",
    ];
    sent(&reply, &kinds, 2)
}

fn who_loses_a_parcel_hears_of_it(kit: &Kit) -> Checked {
    let (mut first, second) = (kit.phone()?, kit.phone()?);
    let (waybill, _) = import(kit, first.no())?;
    first.pull()?;
    assign(kit, &waybill, &second)?;
    sent(&first.pull()?, &["ParcelReassigned"], 0)
}

fn persons_that_wait_are_not_sent_to_who_lost_the_parcel_meanwhile(kit: &Kit) -> Checked {
    let (mut first, mut second) = (kit.phone()?, kit.phone()?);
    let (waybill, lane) = import(kit, first.no())?;
    first.push(&[out(&first, &lane)])?;
    assign(kit, &waybill, &second)?;
    second.push(&[out(&second, &lane)])?;
    let kinds = ["ParcelAnnounced", "ParcelAssigned", "ParcelReassigned", "ParcelOutForDelivery"];
    sent(&first.pull()?, &kinds, 0)
}

/// A parcel that was one courier's and is another's, who spoke with the customer.
fn passed_on(kit: &Kit) -> Checked<(Phone<'_>, Phone<'_>, String)> {
    let (mut first, mut second) = (kit.phone()?, kit.phone()?);
    let (waybill, lane) = import(kit, first.no())?;
    first.push(&[out(&first, &lane)])?;
    first.pull()?;
    assign(kit, &waybill, &second)?;
    second.push(&[out(&second, &lane), contacted(&second, &lane)])?;
    Ok((first, second, waybill))
}

fn what_is_said_with_the_customer_is_withheld_from_the_former_holder(kit: &Kit) -> Checked {
    let (mut first, _, _) = passed_on(kit)?;
    sent(&first.pull()?, &["ParcelReassigned", "ParcelOutForDelivery", "-"], 0)
}

fn who_gets_a_parcel_back_is_sent_what_was_withheld(kit: &Kit) -> Checked {
    let (mut first, _, waybill) = passed_on(kit)?;
    first.pull()?;
    assign(kit, &waybill, &first)?;
    let reply = first.pull()?;
    sent(&reply, &["ParcelAnnounced", "RecipientContacted", "ParcelReassigned"], 2)?;
    same("lane_seqs", reply.lane_seqs()?, [1, 6, 7])
}

fn who_received_a_complaint_is_told_that_another_took_it_and_no_more(kit: &Kit) -> Checked {
    let mut receiver = kit.phone()?;
    let lane = new_complaint();
    let received = complaint(&receiver, &lane, "delay", "conform-nobody");
    receiver.push(&[received])?.verdicts(&[accepted(1)])?;
    let case = lane.trim_start_matches("complaint:");
    kit.command(&json!({ "do": "take_complaint", "case": case }))?;
    sent(&receiver.pull()?, &["OwnerTaken"], 0)?;
    let told =
        json!({ "do": "contact_customer", "case": case, "channel": "phone", "reached": true });
    kit.command(&told)?;
    sent(&receiver.pull()?, &[], 0)
}

fn what_waits_for_a_parcel_gets_its_place_when_it_is_announced(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let waybill = kit.waybill();
    let lines = [out(&phone, &format!("parcel:{waybill}"))];
    phone.offer(&lines)?.verdicts(&[parked("UnknownLane")])?;
    let rows = json!({ "parcels": [row(&waybill, phone.no())] });
    kit.clerk("POST", "manifest", &rows)?.status(201)?;
    let reply = phone.push(&lines)?;
    let place = reply.header["verdicts"][0]["k"].as_u64();
    holds(place.is_some(), "it has its place now")?;
    holds(phone.pull()?.lines.contains(&lines[0]), "its own phone is sent it with its place")
}

fn a_couriers_event_about_a_parcel_of_another_is_accepted(kit: &Kit) -> Checked {
    let (holder, mut other) = (kit.phone()?, kit.phone()?);
    let (_, lane) = import(kit, holder.no())?;
    other.push(&[out(&other, &lane)])?.verdicts(&[accepted(3)])
}

fn what_the_hub_adds_by_itself_it_adds_once(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (waybill, lane) = import(kit, phone.no())?;
    phone.push(&[out(&phone, &lane)])?;
    kit.command(&json!({ "do": "recall", "waybill": waybill, "safety": false }))?;
    let delivered = json!({
        "method": "face_to_face", "identity": { "method": "name", "matched": true },
        "address_checked": true, "inspection": "declined", "proof": [{ "kind": "pin" }],
    });
    let lines = [line(&phone.event("ParcelDelivered", &lane, delivered))];
    phone.offer(&lines)?.verdicts(&[accepted(5)])?;
    phone.push(&lines)?.verdicts(&[known(5)])?;
    let kinds = phone.pull()?.kinds();
    let recoveries = kinds.iter().filter(|kind| *kind == "RecoveryRequested").count();
    same("the recoveries asked for", recoveries, 1)
}

/// Imports a parcel, pulls it with its persons, and has its recipient erased.
fn erased(kit: &Kit) -> Checked<(Phone<'_>, Vec<Value>)> {
    let mut phone = kit.phone()?;
    let (_, lane) = import(kit, phone.no())?;
    let entries = phone.pull()?.vault;
    same("the persons sent", entries.len(), 2)?;
    let wish = json!({
        "do": "erase_person", "lane": lane, "party": "recipient", "reason": "asked",
    });
    kit.command(&wish)?;
    Ok((phone, entries))
}

fn an_erased_person_is_told_and_sent_no_more(kit: &Kit) -> Checked {
    let (mut phone, _) = erased(kit)?;
    sent(&phone.pull()?, &["PersonErased"], 0)?;
    phone.cursor = 0;
    same("the persons sent", phone.pull()?.vault.len(), 1)
}

fn an_erased_entry_is_not_taken_again(kit: &Kit) -> Checked {
    let (mut phone, entries) = erased(kit)?;
    let request: Request = phone.request(&phone.header(&[]), &[], &entries);
    Reply::read(&kit.send(&request)?)?.lacks("vault_refused")?;
    phone.push(&[phone.report(&new_case())])?;
    phone.cursor = 0;
    same("the persons sent", phone.pull()?.vault.len(), 1)
}
