//! Groups: neighbours in the chain that are accepted or parked together.

use serde_json::{Value, json};

use crate::conform::answer::{Checked, accepted, fork, known, parked, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_id};

cases! {
    Device "Verdicts" a_group_that_a_fork_cuts_is_not_held_in_part;
    Device "The park" half_a_group_is_parked;
    Device "The park" a_group_is_accepted_as_a_whole;
    Device "The park" a_group_may_open_a_lane_and_go_on_in_it;
    Device "The park" a_group_is_parked_as_a_whole;
    Device "The park" a_parked_group_holds_up_each_of_its_lanes;
    Device "The park" a_group_without_its_first_event_is_parked;
}

/// Makes events one group.
fn group(mut events: Vec<Value>) -> Vec<Vec<u8>> {
    let group = json!({ "first": events[0]["id"], "size": events.len() });
    for event in &mut events {
        event["group"] = group.clone();
    }
    events.iter().map(line).collect()
}

/// Two events of a group: the first of a case, and one of another lane.
fn pair(phone: &Phone, first: &str, second: &str) -> Vec<Vec<u8>> {
    group(vec![
        phone.event("ExceptionReported", first, json!({ "kind": "delay" })),
        phone.event("ProgressNoted", second, json!({ "note": "00".repeat(32) })),
    ])
}

fn half_a_group_is_parked(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let members = pair(&phone, &case, &case);
    phone.push(&members[..1])?.verdicts(&[parked("Unparseable")])
}

fn a_group_is_accepted_as_a_whole(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (one, two) = (new_case(), new_case());
    phone.push(&[phone.report(&two)])?;
    phone.push(&pair(&phone, &one, &two))?.verdicts(&[accepted(1), accepted(2)])
}

fn a_group_may_open_a_lane_and_go_on_in_it(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&pair(&phone, &case, &case))?.verdicts(&[accepted(1), accepted(2)])
}

fn a_group_is_parked_as_a_whole(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let members = pair(&phone, &new_case(), &new_case());
    phone.push(&members)?.verdicts(&[parked("Behind"), parked("UnknownLane")])
}

fn a_parked_group_holds_up_each_of_its_lanes(kit: &Kit) -> Checked {
    let (mut phone, mut other) = (kit.phone()?, kit.phone()?);
    let (open, closed) = (new_case(), new_case());
    phone.push(&[phone.report(&open)])?;
    let members = pair(&phone, &open, &closed);
    phone.push(&members)?.verdicts(&[parked("Behind"), parked("UnknownLane")])?;
    let after = [phone.note(&open)];
    phone.offer(&after)?.verdicts(&[parked("Behind")])?;
    other.push(&[other.report(&closed)])?.verdicts(&[accepted(1)])?;
    phone.push(&after)?.verdicts(&[known(3)])
}

fn a_group_without_its_first_event_is_parked(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?;
    let mut event = phone.event("ProgressNoted", &case, json!({ "note": "00".repeat(32) }));
    event["group"] = json!({ "first": new_id(), "size": 1 });
    phone.push(&[line(&event)])?.verdicts(&[parked("Unparseable")])
}

fn a_group_that_a_fork_cuts_is_not_held_in_part(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?;
    let held = phone.event("ProgressNoted", &case, json!({ "note": "00".repeat(32) }));
    phone.push(&[line(&held)])?;
    let mut twice = held;
    twice["seen"] = json!(9);
    let first = phone.event("ProgressNoted", &case, json!({ "note": "11".repeat(32) }));
    let members = group(vec![first, twice]);
    let reply = phone.offer(&members)?;
    reply.verdicts(&[fork(), fork()])?;
    same("received_to", reply.number("received_to")?, 2)?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(3)])
}
