//! A device's chain: what is held already, what is new, and what only a second device can say.

use lastmile_core::id::Digest;
use serde_json::json;

use crate::conform::answer::{Checked, accepted, fork, known, leaf, parked, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case};

cases! {
    Core "Verdicts" other_bytes_at_a_held_position_are_a_fork_and_are_not_stored;
    Core "2. Chains and positions" after_a_fork_a_new_incarnation_offers_its_events_again;
    Device "Verdicts" all_lines_after_a_fork_are_forks;
    Device "Verdicts" lines_before_a_fork_are_taken;
    Device "Verdicts" a_held_id_with_other_bytes_is_a_fork;
    Device "Verdicts" an_id_that_comes_twice_in_a_push_with_other_bytes_is_a_fork;
    Device "Verdicts" a_held_event_at_another_position_is_known_and_stands_at_both;
    Device "Verdicts" the_same_line_twice_in_a_push_takes_effect_once;
    Device "Verdicts" an_older_incarnation_is_over;
    Device "Verdicts" what_an_older_incarnation_pushed_keeps_its_verdict;
    Device "2. Chains and positions" each_incarnation_counts_its_positions_from_one;
    Device "Verdicts" a_push_may_overlap_what_is_held;
    Device "Verdicts" a_push_may_begin_in_the_middle_of_what_is_held;
    Device "Verdicts" a_push_that_leaves_positions_out_is_stored_with_a_gap;
    Device "Verdicts" a_push_with_another_previous_link_is_stored_with_a_gap;
    Device "Verdicts" a_stretch_that_comes_late_fills_its_gap;
    Device "5. Receipts" a_chain_that_goes_on_has_no_gap;
    Device "2. Chains and positions" a_new_incarnation_goes_on_from_the_old_ones_head;
    Device "2. Chains and positions" a_new_incarnation_that_does_not_name_the_old_head_has_a_gap;
    Device "Verdicts" another_devices_line_cannot_take_its_id;
    Device "Verdicts" bytes_that_are_no_event_are_known_again_in_a_new_incarnation;
}

/// A phone that pushed the first event of a case.
fn begun(kit: &Kit) -> Checked<(Phone<'_>, String)> {
    let mut phone = kit.phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case)])?.verdicts(&[accepted(1)])?;
    Ok((phone, case))
}

fn other_bytes_at_a_held_position_are_a_fork_and_are_not_stored(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let twin = phone.clone();
    phone.push(&[phone.report(&case)])?;
    twin.offer(&[twin.note(&case)])?.verdicts(&[fork()])?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(2)])
}

fn after_a_fork_a_new_incarnation_offers_its_events_again(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    let mut twin = phone.clone();
    phone.push(&[phone.note(&case)])?;
    let own = [twin.note(&case)];
    twin.push(&own)?.verdicts(&[fork()])?;
    twin.reborn();
    twin.push(&own)?.verdicts(&[accepted(3)])
}

fn all_lines_after_a_fork_are_forks(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let twin = phone.clone();
    phone.push(&[phone.report(&new_case())])?;
    let lines = [twin.report(&new_case()), twin.report(&new_case()), b"opaque".to_vec()];
    let reply = twin.offer(&lines)?;
    reply.verdicts(&[fork(), fork(), fork()])?;
    same("received_to", reply.number("received_to")?, 1)
}

fn lines_before_a_fork_are_taken(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    let mut event = phone.event("ProgressNoted", &case, json!({ "note": "00".repeat(32) }));
    phone.push(&[line(&event)])?;
    event["seen"] = json!(5);
    let lines = [phone.note(&case), line(&event), phone.note(&case)];
    let reply = phone.push(&lines)?;
    reply.verdicts(&[accepted(3), fork(), fork()])?;
    same("received_to", reply.number("received_to")?, 3)
}

fn a_held_id_with_other_bytes_is_a_fork(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    phone.push(&[line(&event)])?.verdicts(&[accepted(1)])?;
    event["data"]["kind"] = json!("loss");
    phone.push(&[line(&event)])?.verdicts(&[fork()])
}

fn an_id_that_comes_twice_in_a_push_with_other_bytes_is_a_fork(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let mut event = phone.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    let first = line(&event);
    event["data"]["kind"] = json!("loss");
    phone.push(&[first, line(&event)])?.verdicts(&[accepted(1), fork()])
}

fn a_held_event_at_another_position_is_known_and_stands_at_both(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let report = phone.report(&case);
    phone.push(std::slice::from_ref(&report))?;
    let again = phone.clone();
    let reply = phone.push(std::slice::from_ref(&report))?;
    reply.verdicts(&[known(1)])?;
    same("received_to", reply.number("received_to")?, 2)?;
    again.offer(&[report])?.verdicts(&[known(1)])?;
    again.offer(&[again.note(&case)])?.verdicts(&[fork()])
}

fn the_same_line_twice_in_a_push_takes_effect_once(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let report = phone.report(&case);
    phone.push(&[report.clone(), report, phone.note(&case)])?.verdicts(&[
        accepted(1),
        known(1),
        accepted(2),
    ])
}

fn an_older_incarnation_is_over(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    let old = phone.clone();
    phone.reborn();
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(2)])?;
    old.offer(&[old.note(&case)])?.verdicts(&[fork()])
}

fn what_an_older_incarnation_pushed_keeps_its_verdict(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let (old, report) = (phone.clone(), phone.report(&case));
    phone.push(std::slice::from_ref(&report))?;
    phone.reborn();
    phone.push(&[phone.note(&case)])?;
    old.offer(&[report])?.verdicts(&[known(1)])
}

fn each_incarnation_counts_its_positions_from_one(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    phone.push(&[phone.note(&case), phone.note(&case)])?;
    phone.reborn();
    same("received_to before", phone.offer(&[])?.number("received_to")?, 0)?;
    let reply = phone.push(&[phone.note(&case)])?;
    same("received_to after", reply.number("received_to")?, 1)
}

fn a_push_may_overlap_what_is_held(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case), phone.note(&case)];
    phone.offer(&lines[..2])?;
    let reply = phone.offer(&lines)?;
    reply.verdicts(&[known(1), known(2), accepted(3)])?;
    reply.receipted(&phone, &lines, "aaa", false)
}

fn a_push_may_begin_in_the_middle_of_what_is_held(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case), phone.note(&case)];
    phone.offer(&lines[..2])?;
    phone.move_on(&lines[..1]);
    let reply = phone.offer(&lines[1..])?;
    reply.verdicts(&[known(2), accepted(3)])?;
    reply.receipted(&phone, &lines[1..], "aa", false)
}

fn a_push_that_leaves_positions_out_is_stored_with_a_gap(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    phone.next_seq = 5;
    let lines = [phone.note(&case)];
    let reply = phone.offer(&lines)?;
    reply.verdicts(&[accepted(2)])?;
    same("received_to", reply.number("received_to")?, 5)?;
    reply.receipted(&phone, &lines, "a", true)
}

fn a_push_with_another_previous_link_is_stored_with_a_gap(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    phone.link = leaf(b"another life");
    let lines = [phone.note(&case)];
    let reply = phone.offer(&lines)?;
    reply.verdicts(&[accepted(2)])?;
    reply.receipted(&phone, &lines, "a", true)
}

fn a_stretch_that_comes_late_fills_its_gap(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case), phone.report(&new_case())];
    let mut ahead = phone.clone();
    ahead.move_on(&lines[..2]);
    ahead.push(&lines[2..])?.verdicts(&[accepted(1)])?;
    let reply = phone.push(&lines[..2])?;
    reply.verdicts(&[accepted(1), accepted(2)])?;
    same("received_to", reply.number("received_to")?, 3)
}

fn a_chain_that_goes_on_has_no_gap(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    for lines in [[phone.report(&case)], [phone.note(&case)]] {
        phone.offer(&lines)?.receipted(&phone, &lines, "a", false)?;
        phone.move_on(&lines);
    }
    Ok(())
}

fn a_new_incarnation_goes_on_from_the_old_ones_head(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    phone.reborn();
    let lines = [phone.note(&case)];
    phone.offer(&lines)?.receipted(&phone, &lines, "a", false)
}

fn a_new_incarnation_that_does_not_name_the_old_head_has_a_gap(kit: &Kit) -> Checked {
    let (mut phone, case) = begun(kit)?;
    phone.reborn();
    phone.link = Digest::default();
    let lines = [phone.note(&case)];
    let reply = phone.offer(&lines)?;
    reply.verdicts(&[accepted(2)])?;
    reply.receipted(&phone, &lines, "a", true)
}

fn another_devices_line_cannot_take_its_id(kit: &Kit) -> Checked {
    let (mut owner, mut thief) = (kit.phone()?, kit.phone()?);
    let stolen = [owner.report(&new_case())];
    thief.push(&stolen)?.verdicts(&[parked("NotYourLane")])?;
    owner.push(&stolen)?.verdicts(&[accepted(1)])
}

fn bytes_that_are_no_event_are_known_again_in_a_new_incarnation(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [b"opaque".to_vec(), phone.report(&new_case())];
    phone.push(&lines)?;
    phone.reborn();
    let reply = phone.push(&lines)?;
    reply.verdicts(&[parked("Unparseable"), known(1)])
}
