//! What a courier's phones are sent: his feed, page by page, with the exact bytes.

use lastmile_core::event::Lane;
use lastmile_core::id::Digest;
use lastmile_core::sync::wire::{LaneDigest, lanes_digest};
use serde_json::{Value, json};

use super::park::complaint;
use crate::conform::answer::{Checked, Reply, accepted, field, holds, known, leaf, parked, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_complaint, new_id};

cases! {
    Core "4. `POST /v1/sync`: push and pull in one round trip" the_couriers_other_phone_is_sent_the_exact_bytes;
    Core "4. `POST /v1/sync`: push and pull in one round trip" a_cursor_moves_on_and_nothing_comes_twice;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_phone_is_not_sent_what_it_pushed_itself;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_new_incarnation_is_sent_its_own_events_again;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_feed_comes_in_pages_and_leaves_nothing_out;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_cursor_beyond_the_feed_is_read_as_0;
    Device "4. `POST /v1/sync`: push and pull in one round trip" todays_lanes_first_leave_nothing_out;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_mark_that_means_nothing_has_the_feed_sent_from_its_start;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_device_that_holds_otherwise_is_told_the_lanes;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_device_that_holds_the_same_is_told_nothing;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_reply_that_got_lost_is_sent_again;
    Device "4. `POST /v1/sync`: push and pull in one round trip" one_round_trip_pushes_and_pulls;
    Device "1. An event is a line of bytes" spaces_and_the_order_of_fields_are_kept;
    Device "1. An event is a line of bytes" escapes_and_other_scripts_are_kept;
    Device "1. An event is a line of bytes" numbers_are_kept_as_they_were_written;
    Device "Lastmile: the protocol" unknown_kinds_and_fields_are_passed_on;
    Device "The park" a_parked_event_is_sent_to_nobody;
    Device "The park" what_was_parked_comes_back_to_its_own_phone_with_its_place;
    Device "Who is sent what" another_courier_is_sent_nothing_of_a_case;
    Device "Who is sent what" what_another_courier_adds_to_a_case_is_sent_to_its_reporter;
    Device "Who is sent what" the_phones_of_a_courier_share_one_feed;
    Device "Who is sent what" a_shift_is_sent_to_the_couriers_other_phone;
    Device "Who is sent what" the_lane_of_a_device_is_sent_to_nobody;
    Device "Who is sent what" a_complaint_is_sent_to_the_courier_it_is_about;
    Device "Who is sent what" a_complaint_about_manners_is_withheld_from_him;
    Device "Who is sent what" a_complaint_about_a_leak_is_withheld_from_him;
    Device "Who is sent what" a_withheld_line_names_its_lane_and_its_leaf;
    Device "Who is sent what" a_lane_stays_dense_when_a_line_is_withheld;
}

/// Two phones of one courier.
fn two_phones(kit: &Kit) -> Checked<[Phone<'_>; 2]> {
    let courier = kit.courier()?;
    Ok([courier.phone()?, courier.phone()?])
}

/// Checks what was sent, line by line and byte by byte.
fn sent(reply: &Reply, lines: &[Vec<u8>], lane_seqs: &[u64]) -> Checked {
    let text = |lines: &[Vec<u8>]| -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    same("the lines sent", text(&reply.lines), text(lines))?;
    same("lane_seqs", reply.lane_seqs()?, lane_seqs.to_vec())
}

fn the_couriers_other_phone_is_sent_the_exact_bytes(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let lines = [first.report(&case), first.note(&case)];
    first.push(&lines)?;
    sent(&second.pull()?, &lines, &[1, 2])
}

fn a_cursor_moves_on_and_nothing_comes_twice(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    first.push(&[first.report(&case)])?;
    same("the events of the first pull", second.pull()?.lines.len(), 1)?;
    same("the events of the second pull", second.pull()?.lines.len(), 0)?;
    let later = [first.note(&case)];
    first.push(&later)?;
    sent(&second.pull()?, &later, &[2])
}

fn a_phone_is_not_sent_what_it_pushed_itself(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.push(&[phone.report(&new_case())])?;
    same("the events sent", phone.pull()?.lines.len(), 0)
}

fn a_new_incarnation_is_sent_its_own_events_again(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let case = new_case();
    let lines = [phone.report(&case), phone.note(&case)];
    phone.push(&lines)?;
    phone.reborn();
    sent(&phone.pull()?, &lines, &[1, 2])
}

fn a_feed_comes_in_pages_and_leaves_nothing_out(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let mut lines = vec![first.report(&case)];
    lines.extend((0..6).map(|_| first.note(&case)));
    first.push(&lines)?;
    let mut seen = Vec::new();
    for page in [3, 3, 1] {
        let mut header = second.pull_header(&[]);
        header["pull"]["max_events"] = json!(3);
        let reply = Reply::read(&second.send(&header, &[])?)?;
        same("the events of a page", reply.lines.len(), page)?;
        same("more", reply.header["more"] == json!(true), page == 3)?;
        second.cursor = reply.number("cursor")?;
        seen.extend(reply.lines);
    }
    holds(seen == lines, "the pages together are the feed")
}

fn a_cursor_beyond_the_feed_is_read_as_0(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let lines = [first.report(&new_case())];
    first.push(&lines)?;
    second.cursor = 1_000_000_000;
    sent(&second.pull()?, &lines, &[1])?;
    holds(second.cursor < 1_000_000_000, "the cursor is one of this feed again")
}

fn todays_lanes_first_leave_nothing_out(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let mut pushed = Vec::new();
    let mut push = |first: &mut Phone| -> Checked {
        let case = new_case();
        let lines = [first.report(&case), first.note(&case), first.note(&case)];
        first.push(&lines)?;
        pushed.extend(lines);
        Ok(())
    };
    push(&mut first)?;
    push(&mut first)?;
    let (mut rest, mut seen) = (json!(""), Vec::new());
    for page in 0.. {
        holds(page < 30, "it comes to an end")?;
        let mut header = second.pull_header(&[]);
        header["pull"]["max_events"] = json!(4);
        if !rest.is_null() {
            header["pull"]["rest"] = rest;
        }
        let reply = Reply::read(&second.send(&header, &[])?)?;
        second.cursor = reply.number("cursor")?;
        rest = reply.header["rest"]["mark"].clone();
        for (line, at) in reply.lines.iter().zip(reply.lane_seqs()?) {
            let lane = serde_json::from_slice::<Value>(line).unwrap_or_default()["lane"].clone();
            let before = seen.iter().filter(|(_, other, _)| *other == lane);
            let here: Vec<u64> = before.map(|(_, _, at)| *at).collect();
            holds(at == 1 || here.contains(&(at - 1)), "no lane lacks its beginning")?;
            seen.push((line.clone(), lane, at));
        }
        if page == 0 {
            push(&mut first)?;
        } else if reply.header["more"] != json!(true) {
            break;
        }
    }
    let all = pushed.iter().all(|line| seen.iter().any(|(seen, _, _)| seen == line));
    holds(all, "everything comes")
}

fn a_mark_that_means_nothing_has_the_feed_sent_from_its_start(kit: &Kit) -> Checked {
    let [mut first, second] = two_phones(kit)?;
    let lines = [first.report(&new_case())];
    first.push(&lines)?;
    for mark in ["what another server wrote", "feed 9-1", "feed 0-1000000000", "lanes 0-1000000000"]
    {
        let mut header = second.pull_header(&[]);
        header["pull"]["rest"] = json!(mark);
        sent(&Reply::read(&second.send(&header, &[])?)?, &lines, &[1])?;
    }
    Ok(())
}

/// Asks what the server says of a digest of the courier's open lanes.
fn compared(phone: &mut Phone, digest: Digest) -> Checked<Reply> {
    phone.pull()?;
    let mut header = phone.pull_header(&[]);
    header["pull"]["digest"] = json!(digest);
    Reply::read(&phone.send(&header, &[])?)
}

fn a_device_that_holds_otherwise_is_told_the_lanes(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let lines = [first.report(&case), first.note(&case)];
    first.push(&lines)?;
    let reply = compared(&mut second, lanes_digest(&[]))?;
    let lane = Lane::parse(&case);
    let theirs = LaneDigest::of(lane.clone(), &lines.each_ref().map(|line| leaf(line)));
    if reply.header["lanes"].is_null() {
        return Ok(());
    }
    same("lanes", &reply.header["lanes"], &json!([theirs]))?;
    let mut header = second.pull_header(&[]);
    header["pull"]["again"] = json!([lane]);
    sent(&Reply::read(&second.send(&header, &[])?)?, &lines, &[1, 2])
}

fn a_device_that_holds_the_same_is_told_nothing(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let lines = [first.report(&case), first.note(&case)];
    first.push(&lines)?;
    let lane = Lane::parse(&case);
    let ours = LaneDigest::of(lane, &lines.each_ref().map(|line| leaf(line)));
    let reply = compared(&mut second, lanes_digest(&[ours]))?;
    holds(reply.header["lanes"].is_null(), "nothing differs")
}

fn a_reply_that_got_lost_is_sent_again(kit: &Kit) -> Checked {
    let [mut first, second] = two_phones(kit)?;
    let lines = [first.report(&new_case())];
    first.push(&lines)?;
    sent(&second.clone().pull()?, &lines, &[1])?;
    sent(&second.clone().pull()?, &lines, &[1])
}

fn one_round_trip_pushes_and_pulls(kit: &Kit) -> Checked {
    let [mut first, second] = two_phones(kit)?;
    let case = new_case();
    let theirs = [first.report(&case)];
    first.push(&theirs)?;
    let own = [second.note(&case)];
    let reply = Reply::read(&second.send(&second.pull_header(&own), &own)?)?;
    reply.verdicts(&[accepted(2)])?;
    sent(&reply, &theirs, &[1])
}

/// Pushes a first event of a case whose bytes were changed by hand, and pulls it elsewhere.
fn kept(kit: &Kit, change: impl Fn(&str) -> String) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let mut event = first.event("ExceptionReported", &new_case(), json!({ "kind": "delay" }));
    event["extra"] = json!("here");
    let changed = change(&event.to_string()).into_bytes();
    holds(changed != line(&event), "the bytes are other ones than a writer makes")?;
    let lines = [changed];
    first.push(&lines)?.verdicts(&[accepted(1)])?;
    sent(&second.pull()?, &lines, &[1])
}

fn spaces_and_the_order_of_fields_are_kept(kit: &Kit) -> Checked {
    kept(kit, |text| {
        let (first, rest) = text[1..text.len() - 1].split_once(",\"by\"").unwrap_or_default();
        format!("{{ \"by\"{rest} ,\t{first} }}")
    })
}

fn escapes_and_other_scripts_are_kept(kit: &Kit) -> Checked {
    kept(kit, |text| text.replace("\"here\"", r#""\u0041\/ 龙 \ud83d\ude9a""#))
}

fn numbers_are_kept_as_they_were_written(kit: &Kit) -> Checked {
    kept(kit, |text| text.replace("\"here\"", "[1.0, 1e3, 12345678901234567890, -0]"))
}

fn unknown_kinds_and_fields_are_passed_on(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let mut sniffed = first.event("ParcelSniffed", &case, json!({ "by": { "a": ["dog"] } }));
    sniffed["v"] = json!(3);
    sniffed["weather"] = json!("rain");
    let lines = [first.report(&case), line(&sniffed)];
    first.push(&lines)?;
    sent(&second.pull()?, &lines, &[1, 2])
}

fn a_parked_event_is_sent_to_nobody(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let case = new_case();
    let mut must = first.event("DroneLanded", &case, json!({}));
    must["must"] = json!(true);
    let report = first.report(&case);
    first.push(&[report.clone(), line(&must), b"opaque".to_vec()])?;
    sent(&second.pull()?, &[report], &[1])
}

fn what_was_parked_comes_back_to_its_own_phone_with_its_place(kit: &Kit) -> Checked {
    let [mut early, mut late] = two_phones(kit)?;
    let case = new_case();
    let note = early.note(&case);
    early.push(std::slice::from_ref(&note))?.verdicts(&[parked("UnknownLane")])?;
    let report = late.report(&case);
    late.push(std::slice::from_ref(&report))?;
    sent(&early.pull()?, &[report, note], &[1, 2])
}

fn another_courier_is_sent_nothing_of_a_case(kit: &Kit) -> Checked {
    let (mut reporter, mut other) = (kit.phone()?, kit.phone()?);
    reporter.push(&[reporter.report(&new_case())])?;
    same("the events sent", other.pull()?.lines.len(), 0)
}

fn what_another_courier_adds_to_a_case_is_sent_to_its_reporter(kit: &Kit) -> Checked {
    let (mut reporter, mut other) = (kit.phone()?, kit.phone()?);
    let case = new_case();
    reporter.push(&[reporter.report(&case)])?;
    let added = [other.note(&case)];
    other.push(&added)?;
    sent(&reporter.pull()?, &added, &[2])?;
    same("the events sent to him who added", other.pull()?.lines.len(), 0)
}

fn the_phones_of_a_courier_share_one_feed(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    first.push(&[first.report(&new_case()), first.report(&new_case())])?;
    first.pull()?;
    second.pull()?;
    same("the cursor of both", first.cursor, second.cursor)
}

fn a_shift_is_sent_to_the_couriers_other_phone(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let lines = [first.note(&format!("shift:{}/2026-11-21", first.no()))];
    first.push(&lines)?;
    sent(&second.pull()?, &lines, &[1])
}

fn the_lane_of_a_device_is_sent_to_nobody(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    first.push(&[first.note(&format!("device:{}", first.device()))])?.verdicts(&[accepted(1)])?;
    same("the events sent", second.pull()?.lines.len(), 0)
}

fn a_complaint_is_sent_to_the_courier_it_is_about(kit: &Kit) -> Checked {
    let (mut receiver, mut about) = (kit.phone()?, kit.phone()?);
    let lines = [complaint(&receiver, &new_complaint(), "delay", about.no())];
    receiver.push(&lines)?;
    sent(&about.pull()?, &lines, &[1])
}

/// Pushes a complaint of a class that hides who complains, and returns what the one it is about
/// is sent.
fn hidden(kit: &Kit, class: &str) -> Checked<(String, Vec<u8>, Reply)> {
    let (mut receiver, mut about) = (kit.phone()?, kit.phone()?);
    let lane = new_complaint();
    let received = complaint(&receiver, &lane, class, about.no());
    receiver.push(std::slice::from_ref(&received))?;
    Ok((lane, received, about.pull()?))
}

fn a_complaint_about_manners_is_withheld_from_him(kit: &Kit) -> Checked {
    same("the kinds sent", hidden(kit, "attitude")?.2.kinds(), ["-"])
}

fn a_complaint_about_a_leak_is_withheld_from_him(kit: &Kit) -> Checked {
    same("the kinds sent", hidden(kit, "privacy_leak")?.2.kinds(), ["-"])
}

fn a_withheld_line_names_its_lane_and_its_leaf(kit: &Kit) -> Checked {
    let (lane, received, reply) = hidden(kit, "attitude")?;
    let line = reply.lines.first().map(Vec::as_slice).unwrap_or_default();
    let withheld: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    field(&withheld, "lane", lane)?;
    field(&withheld, "withheld", leaf(&received))?;
    same("the fields of the line", withheld.as_object().map_or(0, serde_json::Map::len), 2)
}

fn a_lane_stays_dense_when_a_line_is_withheld(kit: &Kit) -> Checked {
    let (mut receiver, mut about) = (kit.phone()?, kit.phone()?);
    let lane = new_complaint();
    let reached = json!({ "channel": "phone", "reached": true });
    let sniffed = line(&receiver.event("ComplaintSniffed", &lane, json!({ "id": new_id() })));
    let lines = [
        complaint(&receiver, &lane, "attitude", about.no()),
        line(&receiver.event("CustomerFirstContacted", &lane, reached)),
        sniffed.clone(),
    ];
    receiver.push(&lines)?.verdicts(&[accepted(1), accepted(2), accepted(3)])?;
    let reply = about.pull()?;
    same("lane_seqs", reply.lane_seqs()?, [1, 2, 3])?;
    same("the kinds sent", reply.kinds(), ["-", "-", "ComplaintSniffed"])?;
    holds(reply.lines[2] == sniffed, "what only a newer release knows is passed on")?;
    receiver.offer(&[])?.verdicts(&[])?;
    let again = Phone { next_seq: 1, link: lastmile_core::id::Digest::default(), ..receiver };
    again.offer(&lines[..1])?.verdicts(&[known(1)])
}
