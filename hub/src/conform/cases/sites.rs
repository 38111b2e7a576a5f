//! A station's sites: the directory that phones are sent, and the keys and numbers for pickup codes.

use serde_json::{Value, json};

use crate::conform::answer::{Checked, Reply, fault, field, holds, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, new_id};

cases! {
    Station "4. `POST /v1/sync`: push and pull in one round trip" a_new_directory_reaches_the_phones;
    Station "4. `POST /v1/sync`: push and pull in one round trip" two_phones_get_the_same_key_of_a_site;
    Station "4. `POST /v1/sync`: push and pull in one round trip" pickup_code_numbers_are_never_lent_twice;
    Station "4. `POST /v1/sync`: push and pull in one round trip" a_lease_that_did_not_arrive_is_sent_again;
    Station "4. `POST /v1/sync`: push and pull in one round trip" a_site_with_codes_of_its_own_lends_no_numbers;
}

/// Gives the station a site and returns the version of its directory.
fn with_site(kit: &Kit, site: &str, codes: &str) -> Checked<u64> {
    let mut directory = kit.clerk_get("directory")?;
    let new = json!({
        "id": site, "name": "Example site", "kind": "station", "codes": codes,
        "hours": "08:00-21:00", "keeps_h": 72,
    });
    if let Some(sites) = directory["sites"].as_array_mut() {
        sites.push(new);
    }
    let answer = kit.clerk("PUT", "directory", &directory)?;
    answer.status(200)?;
    answer.json()?["version"].as_u64().ok_or_else(|| fault("the directory", "a version", "none"))
}

fn a_new_directory_reaches_the_phones(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let before = kit.clerk_get("directory")?["version"].as_u64().unwrap_or_default();
    let site = new_id();
    let version = with_site(kit, &site, "site")?;
    holds(version > before, "the version was raised")?;
    let mut header = phone.pull_header(&[]);
    header["pull"]["directory"] = json!(before);
    let reply = Reply::read(&phone.send(&header, &[])?)?;
    let body = reply.header["directory"]["body"].as_str().unwrap_or_default();
    holds(body.contains(&site), "the phone is sent the new site")
}

/// Asks for the key and codes of a site.
fn codes(phone: &Phone, site: &str, to: u64) -> Checked<Value> {
    let mut header = phone.pull_header(&[]);
    header["pull"]["codes"] = json!([{ "site": site, "to": to }]);
    Ok(Reply::read(&phone.send(&header, &[])?)?.header["codes"][0].clone())
}

fn two_phones_get_the_same_key_of_a_site(kit: &Kit) -> Checked {
    let site = new_id();
    with_site(kit, &site, "library")?;
    let (one, two) = (codes(&kit.phone()?, &site, 0)?, codes(&kit.phone()?, &site, 0)?);
    field(&one, "site", &site)?;
    holds(
        one["key"].as_str().is_some_and(|key| key.len() == 64),
        "a key is 32 bytes in hexadecimal",
    )?;
    field(&two, "key", &one["key"])
}

/// The numbers of a lease: its first one and the one after its last.
fn lease(codes: &Value) -> Checked<(u64, u64)> {
    let (first, count) = (codes["lease"]["first"].as_u64(), codes["lease"]["count"].as_u64());
    let lease = first.zip(count).map(|(first, count)| (first, first + count));
    lease.ok_or_else(|| fault("the lease", "first and count", codes))
}

fn pickup_code_numbers_are_never_lent_twice(kit: &Kit) -> Checked {
    let site = new_id();
    with_site(kit, &site, "library")?;
    let (one, two) = (kit.phone()?, kit.phone()?);
    let first = lease(&codes(&one, &site, 0)?)?;
    let other = lease(&codes(&two, &site, 0)?)?;
    let next = lease(&codes(&one, &site, first.1)?)?;
    let apart = |a: (u64, u64), b: (u64, u64)| a.1 <= b.0 || b.1 <= a.0;
    holds(apart(first, other) && apart(first, next) && apart(other, next), "leases are apart")
}

fn a_lease_that_did_not_arrive_is_sent_again(kit: &Kit) -> Checked {
    let site = new_id();
    with_site(kit, &site, "library")?;
    let phone = kit.phone()?;
    same("the lease", lease(&codes(&phone, &site, 0)?)?, lease(&codes(&phone, &site, 0)?)?)
}

fn a_site_with_codes_of_its_own_lends_no_numbers(kit: &Kit) -> Checked {
    let site = new_id();
    with_site(kit, &site, "site")?;
    let codes = codes(&kit.phone()?, &site, 0)?;
    holds(codes["key"].is_string(), "the key is sent")?;
    holds(codes["lease"].is_null(), "no numbers are lent")
}
