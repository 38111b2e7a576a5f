//! Persons and texts: they travel beside events, by their salted digest.

use lastmile_core::id::Digest;
use serde_json::{Value, json};

use super::park::complaint;
use crate::conform::answer::{Checked, Reply, accepted, field, holds, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_complaint, new_id};

cases! {
    Device "1. An event is a line of bytes" a_text_travels_with_its_event;
    Device "1. An event is a line of bytes" an_entry_keeps_its_exact_body;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_forged_entry_is_refused_by_name;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_forged_entry_is_sent_to_nobody;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_good_entry_beside_a_forged_one_is_taken;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_vault_line_that_is_no_entry_holds_nothing_up;
    Device "4. `POST /v1/sync`: push and pull in one round trip" an_entry_may_come_after_its_event;
    Device "4. `POST /v1/sync`: push and pull in one round trip" an_entry_may_come_twice;
    Device "Who is sent what" a_text_is_sent_to_no_other_courier;
    Device "Who is sent what" who_is_complained_of_is_sent_the_persons_of_the_complaint;
    Device "Who is sent what" a_withheld_complaint_comes_without_its_persons;
}

/// Makes an entry of a lane, with 16 bytes of salt.
pub(super) fn entry(lane: &str, body: &Value) -> Value {
    let salt = *uuid::Uuid::parse_str(&new_id()).unwrap_or_default().as_bytes();
    let body = body.to_string();
    json!({
        "ref": Digest::of(&[&salt, body.as_bytes()]).to_string(), "lane": lane,
        "salt": data_encoding::HEXLOWER.encode(&salt), "body": body,
    })
}

/// A note of a case and the entry with its text.
fn note(phone: &Phone, case: &str) -> (Vec<u8>, Value) {
    let entry = entry(case, &json!({ "text": "the box is wet, 纸箱湿了" }));
    (line(&phone.event("ProgressNoted", case, json!({ "note": entry["ref"] }))), entry)
}

/// A courier's phone with a case of its own, and his other phone.
fn begun(kit: &Kit) -> Checked<(Phone<'_>, Phone<'_>, String)> {
    let courier = kit.courier()?;
    let (mut first, second) = (courier.phone()?, courier.phone()?);
    let case = new_case();
    first.push(&[first.report(&case)])?;
    Ok((first, second, case))
}

fn refused(reply: &Reply) -> Vec<Value> {
    reply.header["vault_refused"].as_array().cloned().unwrap_or_default()
}

fn a_text_travels_with_its_event(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let (event, entry) = note(&first, &case);
    let reply = first.push_with(&event, std::slice::from_ref(&entry))?;
    reply.verdicts(&[accepted(2)])?;
    reply.lacks("vault_refused")?;
    let sent = second.pull()?.vault;
    same("the entries sent", sent.len(), 1)?;
    field(&sent[0], "ref", &entry["ref"])
}

fn an_entry_keeps_its_exact_body(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let salt = [7u8; 16];
    let body = "{ \"text\" : \"a\\u0020b\" , \"new\":1.0 }";
    let reference = Digest::of(&[&salt, body.as_bytes()]).to_string();
    let salt = data_encoding::HEXLOWER.encode(&salt);
    let entry = json!({ "ref": reference, "lane": case, "salt": salt, "body": body });
    let event = first.event("ProgressNoted", &case, json!({ "note": reference }));
    first.push_with(&line(&event), std::slice::from_ref(&entry))?.lacks("vault_refused")?;
    let vault = second.pull()?.vault;
    same("the entries sent", vault.len(), 1)?;
    ["ref", "lane", "salt", "body"]
        .iter()
        .try_for_each(|name| same(name, &vault[0][name], &entry[name]))
}

/// A note whose entry says something else than its digest.
fn forged(phone: &Phone, case: &str) -> (Vec<u8>, Value) {
    let (event, mut entry) = note(phone, case);
    entry["body"] = json!(json!({ "text": "the box is dry" }).to_string());
    (event, entry)
}

fn a_forged_entry_is_refused_by_name(kit: &Kit) -> Checked {
    let (mut first, _, case) = begun(kit)?;
    let (event, entry) = forged(&first, &case);
    let reply = first.push_with(&event, std::slice::from_ref(&entry))?;
    reply.verdicts(&[accepted(2)])?;
    same("vault_refused", refused(&reply), vec![entry["ref"].clone()])
}

fn a_forged_entry_is_sent_to_nobody(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let (event, entry) = forged(&first, &case);
    first.push_with(&event, &[entry])?;
    same("the entries sent", second.pull()?.vault.len(), 0)
}

fn a_good_entry_beside_a_forged_one_is_taken(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let ((_, bad), (event, good)) = (forged(&first, &case), note(&first, &case));
    let reply = first.push_with(&event, &[bad.clone(), good.clone()])?;
    same("vault_refused", refused(&reply), vec![bad["ref"].clone()])?;
    same("the entries sent", second.pull()?.vault.len(), 1)
}

fn a_vault_line_that_is_no_entry_holds_nothing_up(kit: &Kit) -> Checked {
    let (mut first, _, case) = begun(kit)?;
    let (event, entry) = note(&first, &case);
    let reply = first.push_with(&event, &[json!("garbage"), entry])?;
    reply.verdicts(&[accepted(2)])?;
    reply.lacks("vault_refused")
}

fn an_entry_may_come_after_its_event(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let (event, entry) = note(&first, &case);
    first.push(&[event])?.verdicts(&[accepted(2)])?;
    let request = first.request(&first.header(&[]), &[], &[entry]);
    Reply::read(&kit.send(&request)?)?.lacks("vault_refused")?;
    same("the entries sent", second.pull()?.vault.len(), 1)
}

fn an_entry_may_come_twice(kit: &Kit) -> Checked {
    let (mut first, mut second, case) = begun(kit)?;
    let (event, entry) = note(&first, &case);
    first.push_with(&event, std::slice::from_ref(&entry))?;
    let request = first.request(&first.header(&[]), &[], &[entry.clone(), entry]);
    Reply::read(&kit.send(&request)?)?.lacks("vault_refused")?;
    same("the entries sent", second.pull()?.vault.len(), 1)
}

fn a_text_is_sent_to_no_other_courier(kit: &Kit) -> Checked {
    let (mut first, _, case) = begun(kit)?;
    let mut other = kit.phone()?;
    other.push(&[other.note(&case)])?;
    let (event, entry) = note(&first, &case);
    first.push_with(&event, &[entry])?;
    let reply = other.pull()?;
    same("what was sent", reply.lines.len() + reply.vault.len(), 0)
}

/// Has one courier receive a complaint about another one, whose pull is returned.
fn complained_of(kit: &Kit, class: &str) -> Checked<Reply> {
    let (mut receiver, mut about) = (kit.phone()?, kit.phone()?);
    let lane = new_complaint();
    let person = entry(&lane, &json!({ "person": { "name": "Somebody", "phone": "13900000000" } }));
    let demand = entry(&lane, &json!({ "text": "An apology" }));
    let text =
        String::from_utf8_lossy(&complaint(&receiver, &lane, class, about.no())).into_owned();
    let reference = |entry: &Value| entry["ref"].as_str().unwrap_or_default().to_owned();
    let text = text.replace(&"aa".repeat(32), &reference(&person));
    let text = text.replace(&"bb".repeat(32), &reference(&demand));
    receiver.push_with(text.as_bytes(), &[person, demand])?.verdicts(&[accepted(1)])?;
    about.pull()
}

fn who_is_complained_of_is_sent_the_persons_of_the_complaint(kit: &Kit) -> Checked {
    same("the entries sent", complained_of(kit, "delay")?.vault.len(), 2)
}

fn a_withheld_complaint_comes_without_its_persons(kit: &Kit) -> Checked {
    let reply = complained_of(kit, "attitude")?;
    same("the lines sent", reply.lines.len(), 1)?;
    holds(reply.vault.is_empty(), "no person is sent")
}
