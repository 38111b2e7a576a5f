//! The policy pack and the directory: signed, and sent to who has an older version.

use lastmile_core::document::{Document, Signed};
use serde_json::{Value, json};

use crate::conform::answer::{Checked, Reply, fault, field, holds};
use crate::conform::kit::Kit;
use crate::conform::phone::Phone;
use crate::http::Request;

cases! {
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_policy_comes_signed_under_the_root_key;
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_directory_comes_signed_under_the_root_key;
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_directory_is_the_couriers_stations;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_policy_that_the_phone_has_is_not_sent_again;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_directory_that_the_phone_has_is_not_sent_again;
    Device "4. `POST /v1/sync`: push and pull in one round trip" codes_of_a_site_nobody_knows_are_left_out;
    Device "4. `POST /v1/sync`: push and pull in one round trip" an_ended_session_is_sent_no_document;
    Device "4. `POST /v1/sync`: push and pull in one round trip" successions_lead_to_the_present_epoch_and_are_signed;
}

/// Pulls and checks a document, whose body is returned.
fn pulled(phone: &mut Phone, name: &str, document: Document) -> Checked<Value> {
    let reply = phone.pull()?;
    let signed: Signed = serde_json::from_value(reply.header[name].clone())
        .map_err(|_| fault(name, "body, key and signature", &reply.header[name]))?;
    let body = signed.verified(document, &phone.enrolment.root_key);
    holds(body.is_ok(), "the document is signed by a key that the root key certifies")?;
    let body: Value = serde_json::from_str(&signed.body).unwrap_or_default();
    holds(body["version"].as_u64().is_some_and(|it| it > 0), "the document says its version")?;
    Ok(body)
}

fn the_policy_comes_signed_under_the_root_key(kit: &Kit) -> Checked {
    pulled(&mut kit.phone()?, "policy", Document::Policy).map(drop)
}

fn the_directory_comes_signed_under_the_root_key(kit: &Kit) -> Checked {
    pulled(&mut kit.phone()?, "directory", Document::Directory).map(drop)
}

fn the_directory_is_the_couriers_stations(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let directory = pulled(&mut phone, "directory", Document::Directory)?;
    field(&directory, "station", &phone.enrolment.station)
}

/// Pulls once more, with the version that came first.
fn sent_once(kit: &Kit, name: &str, document: Document) -> Checked {
    let mut phone = kit.phone()?;
    let body = pulled(&mut phone, name, document)?;
    let mut header = phone.pull_header(&[]);
    header["pull"][name] = body["version"].clone();
    Reply::read(&phone.send(&header, &[])?)?.lacks(name)
}

fn a_policy_that_the_phone_has_is_not_sent_again(kit: &Kit) -> Checked {
    sent_once(kit, "policy", Document::Policy)
}

fn a_directory_that_the_phone_has_is_not_sent_again(kit: &Kit) -> Checked {
    sent_once(kit, "directory", Document::Directory)
}

fn codes_of_a_site_nobody_knows_are_left_out(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let mut header = phone.pull_header(&[]);
    header["pull"]["codes"] = json!([{ "site": "NOWHERE", "to": 0 }]);
    Reply::read(&phone.send(&header, &[])?)?.lacks("codes")
}

fn an_ended_session_is_sent_no_document(kit: &Kit) -> Checked {
    let reply = kit.phone()?.pull_with_session(None)?;
    reply.lacks("policy")?;
    reply.lacks("directory")
}

/// A server that was never restored has none, and says so with an empty list.
fn successions_lead_to_the_present_epoch_and_are_signed(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let now = phone.pull()?.header["epoch"].clone();
    let answer = kit.send(&Request::new("GET", "/v1/successions"))?;
    answer.status(200)?;
    let list = answer.json()?;
    let steps: Vec<Signed> = serde_json::from_value(list.clone())
        .map_err(|_| fault("the successions", "a list of signed documents", list))?;
    let mut end: Option<Value> = None;
    for step in steps {
        let body = step.verified(Document::Succession, &phone.enrolment.root_key);
        holds(body.is_ok(), "a succession is signed by a key that the root key certifies")?;
        let body: Value = serde_json::from_str(&step.body).unwrap_or_default();
        if let Some(end) = end {
            field(&body, "from", &end)?;
        }
        end = Some(body["to"].clone());
    }
    match end {
        Some(end) if end != now => Err(fault("the last succession", now, end)),
        _ => Ok(()),
    }
}
