//! What can go wrong on the way between a phone and its hub, and must do no harm.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use Verdict::{Accepted, AlreadyKnown, DeviceForked, Parked};
use common::{World, answer, parcel};
use lastmile_core::event::{self, CorrectionDeclared, CorrectionReason, Event, Fact};
use lastmile_core::id::Digest;
use lastmile_core::privacy::{VaultBody, VaultEntry, VaultRef};
use lastmile_core::sync::wire::{ParkReason, Verdict, verdict_list};

#[test]
fn a_feed_comes_in_pages_and_nothing_is_left_out() {
    let world = World::new();
    let mut a = world.phone("A");
    for n in 1..=7 {
        world.announce(n);
        world.assign(n, "A");
    }
    let mut seen = Vec::new();
    loop {
        let mut header = a.header(&[]);
        header.pull.as_mut().unwrap().max_events = 4;
        let page = answer(&world.hub.handle(&a.request(&header, &[], &[])));
        assert!(page.lines.len() <= 4);
        seen.extend(page.lines.iter().map(|line| Event::parse(line).unwrap().envelope.lane));
        a.cursor = page.header.cursor;
        if !page.header.more {
            break;
        }
    }
    assert_eq!(seen, (1..=7).flat_map(|n| [parcel(n), parcel(n)]).collect::<Vec<_>>());
}

#[test]
fn a_cursor_beyond_the_feed_starts_again_and_a_new_epoch_says_why() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.assign(1, "A");
    let before = a.pull(&world).header.epoch;
    a.cursor = 900;

    let epoch = world.hub.new_epoch().unwrap();

    let again = a.pull(&world);
    assert_eq!(again.lines.len(), 2);
    assert_eq!((again.header.cursor, again.header.epoch), (2, epoch));
    assert_ne!(epoch, before);
}

#[test]
fn a_forged_vault_entry_is_refused_by_name_and_garbage_is_left_out() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let body = VaultBody::Text("a note".to_owned());
    let good = VaultEntry::new(parcel(1), &body, &*world.entropy);
    let mut forged = VaultEntry::new(parcel(1), &body, &*world.entropy);
    forged.body = r#"{"text":"another note"}"#.to_owned();
    let lines = [a.out(1).to_bytes()];
    let mut header = a.header(&lines);
    header.vault = 3;
    let mut request = a.request(&header, &lines, &[good, forged.clone()]);
    request.body.extend_from_slice(b"garbage\n");

    let reply = answer(&world.hub.handle(&request));

    assert_eq!(reply.header.verdicts, [Accepted(2)]);
    assert_eq!(reply.header.vault_refused, [forged.reference]);
    a.next_seq = 2;
}

#[test]
fn another_devices_event_cannot_take_its_id() {
    let world = World::new();
    let (mut a, mut thief) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    let stolen = [a.out(1).to_bytes()];

    let theirs = thief.push_lines(&world, &stolen).header.verdicts;

    assert_eq!(theirs, [Parked(ParkReason::NotYourLane)]);
    assert_eq!(a.push_lines(&world, &stolen).header.verdicts, [Accepted(2)]);
    thief.next_seq = 1;
    thief.link = Digest::default();
    assert_eq!(thief.try_lines(&world, &stolen).header.verdicts, theirs);
}

#[test]
fn a_stretch_that_comes_late_fills_its_gap() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let lines: Vec<_> = (0..3).map(|_| a.out(1).to_bytes()).collect();
    let mut ahead = a.clone();
    ahead.next_seq = 3;
    assert_eq!(ahead.push_lines(&world, &lines[2..]).header.verdicts, [Accepted(2)]);

    let late = a.push_lines(&world, &lines[..2]);

    assert_eq!(late.header.verdicts, [Accepted(3), Accepted(4)]);
    assert_eq!(late.header.received_to, 3);
    a.next_seq = 1;
    a.link = Digest::default();
    let all = a.try_lines(&world, &lines).header.verdicts;
    assert_eq!(all, [AlreadyKnown(3), AlreadyKnown(4), AlreadyKnown(2)]);
}

#[test]
fn the_same_event_twice_in_one_push_takes_effect_once() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let line = a.out(1).to_bytes();
    let twice = [line.clone(), line.clone(), b"opaque".to_vec(), b"opaque".to_vec()];
    let opaque = Parked(ParkReason::Unparseable);

    let verdicts = a.push_lines(&world, &twice).header.verdicts;

    assert_eq!(verdicts, [Accepted(2), AlreadyKnown(2), opaque, opaque]);
    let mut other: Event = Event::parse(&line).unwrap();
    other.envelope.seen = 3;
    let third = a.out(1);
    assert_eq!(a.push(&world, &[third, other]), [Accepted(3), DeviceForked]);
}

#[test]
fn a_receipt_for_a_fork_says_what_was_not_taken() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let twin = a.clone();
    a.push(&world, &[a.out(1)]);
    let lines = [twin.out(1).to_bytes()];

    let header = twin.try_lines(&world, &lines).header;

    let list = verdict_list([(&event::leaf(&lines[0]), &DeviceForked)]);
    assert!(list.ends_with(" f\n"));
    let body = twin.receipt(&world.hub, &lines, &header);
    assert_eq!(body.verdicts, Digest::of(&[list.as_bytes()]));
}

#[test]
fn what_did_not_occur_is_folded_out() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "A");
    let clerk = lastmile_core::id::ClerkNo::new("c1").unwrap();
    let token = world.hub.new_clerk(clerk, Some(common::station())).unwrap();
    let path = format!("/v1/clerk/lanes/{}", parcel(1));
    let holder = || {
        let lane = world.hub.handle(&lastmile_hub::Request::new("GET", &path).bearer(&token));
        let lane: serde_json::Value = serde_json::from_slice(&lane.body).unwrap();
        lane["state"]["parcel"]["holder"].clone()
    };
    let before = holder();
    let mistake = b.out(1);
    b.push(&world, std::slice::from_ref(&mistake));
    assert_eq!(holder(), serde_json::json!({ "courier": "B" }));
    let taken_back = CorrectionDeclared {
        event: mistake.envelope.id,
        reason: CorrectionReason::DidNotOccur,
        note: VaultRef(Digest::of(&[b"why"])),
    };

    b.push(&world, &[b.event(&parcel(1), taken_back)]);

    assert_eq!(holder(), before);
    let told = a.pull(&world);
    assert!(matches!(told.facts().last(), Some(Fact::CorrectionDeclared(_))));
}

#[test]
fn a_new_incarnation_that_does_not_name_the_old_head_is_marked() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    a.push(&world, &[a.out(1)]);
    a.incarnation = 2;
    a.next_seq = 1;
    let honest = a.try_lines(&world, &[a.out(1).to_bytes()]);
    let gap = |answer: &common::Answer| answer.header.receipt.as_ref().unwrap().chain_gap;
    assert!(!gap(&honest));

    a.incarnation = 3;
    a.link = Digest::default();
    assert!(gap(&a.try_lines(&world, &[a.out(1).to_bytes()])));
}
