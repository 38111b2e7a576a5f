//! What becomes of a push, and what a courier is sent.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use Verdict::{Accepted, AlreadyKnown, DeviceForked, Parked};
use common::{
    Phone, World, answer, courier, example, group, handed_over, parcel, problem, station,
};
use lastmile_core::event::{self, Event, Fact};
use lastmile_core::id::{Digest, StationId};
use lastmile_core::sync::wire::{PROTOCOL, ParkReason, PushHeader, ReceiptBody, Verdict};
use lastmile_hub::Request;

#[test]
fn an_assigned_parcel_reaches_its_courier_with_its_persons_and_only_him() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "A");

    let pulled = a.pull(&world);

    assert_eq!(pulled.header.lane_seqs, [1, 2]);
    assert!(matches!(pulled.facts()[..], [Fact::ParcelAnnounced(_), Fact::ParcelAssigned(_)]));
    assert_eq!(pulled.vault.len(), 2, "recipient and sender");
    assert!(pulled.header.directory.is_some() && pulled.header.policy.is_some());
    assert!(b.pull(&world).lines.is_empty());
    assert!(a.pull(&world).lines.is_empty(), "the cursor has moved");
}

#[test]
fn events_get_dense_positions_in_their_lanes() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.announce(2);

    let events = [a.out(1), a.out(2), a.out(1), a.out(1)];

    assert_eq!(a.push(&world, &events), [Accepted(2), Accepted(2), Accepted(3), Accepted(4)]);
}

#[test]
fn a_push_that_comes_twice_takes_effect_once() {
    let world = World::new();
    let a = world.phone("A");
    world.announce(1);
    let lines = [a.out(1).to_bytes(), a.out(1).to_bytes()];

    let first = a.try_lines(&world, &lines);
    let again = a.try_lines(&world, &lines);

    assert_eq!(first.header.verdicts, [Accepted(2), Accepted(3)]);
    assert_eq!(again.header.verdicts, [AlreadyKnown(2), AlreadyKnown(3)]);
    assert_eq!(again.header.received_to, 2);
}

#[test]
fn a_device_is_not_sent_its_own_events_back() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.assign(1, "A");
    a.pull(&world);

    let event = a.out(1);
    a.push(&world, std::slice::from_ref(&event));

    assert!(a.pull(&world).lines.is_empty());
    a.incarnation = 2;
    a.next_seq = 1;
    a.cursor = 0;
    let restored = a.try_lines(&world, &[]);
    assert_eq!(restored.lines.len(), 3, "a restored phone lost them, and gets them");
}

#[test]
fn other_bytes_at_a_held_position_are_a_fork_and_are_not_stored() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let mut twin = a.clone();
    a.push(&world, &[a.out(1)]);

    let events = [twin.out(1), twin.out(1)];
    let verdicts = twin.push(&world, &events);

    assert_eq!(verdicts, [DeviceForked, DeviceForked]);
    assert_eq!(a.push(&world, &[a.out(1)]), [Accepted(3)], "the lane is as before");
}

#[test]
fn after_a_fork_a_new_incarnation_offers_its_events_again_under_their_old_ids() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let mut twin = a.clone();
    let shared = a.out(1).to_bytes();
    a.push_lines(&world, &[shared.clone(), a.out(1).to_bytes()]);
    let own = twin.out(1).to_bytes();
    let both = [shared, own];
    assert_eq!(twin.try_lines(&world, &both).header.verdicts, [AlreadyKnown(2), DeviceForked]);

    twin.incarnation = 2;
    let answer = twin.push_lines(&world, &both);

    assert_eq!(answer.header.verdicts, [AlreadyKnown(2), Accepted(4)]);
    assert_eq!(answer.header.received_to, 2);
    assert_eq!(a.push(&world, &[a.out(1)]), [DeviceForked], "the older incarnation is over");
}

#[test]
fn a_known_id_with_other_bytes_is_a_fork() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let mut event = a.out(1);
    a.push(&world, std::slice::from_ref(&event));

    event.envelope.seen = 7;

    assert_eq!(a.push(&world, &[event]), [DeviceForked]);
}

#[test]
fn a_group_that_a_fork_cuts_is_not_held_in_part() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let mut twin = a.clone();
    let lost = a.out(1);
    a.push(&world, std::slice::from_ref(&lost));
    let mut twice = lost;
    twice.envelope.seen = 9;
    let members = group(vec![twin.out(1), twice]);
    twin.next_seq = 2;
    twin.link = a.link;

    assert_eq!(twin.push(&world, &members), [DeviceForked, DeviceForked]);
    assert_eq!(a.push(&world, &[a.out(1)]), [Accepted(3)]);
}

#[test]
fn a_gap_in_the_chain_is_stored_and_marked() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    a.push(&world, &[a.out(1)]);
    a.next_seq = 5;

    let lines = [a.out(1).to_bytes()];
    let header = a.try_lines(&world, &lines).header;

    assert_eq!(header.verdicts, [Accepted(3)]);
    assert_eq!(header.received_to, 5);
    assert!(a.receipt(&world.hub, &lines, &header).chain_gap);
}

#[test]
fn a_push_of_any_protocol_is_taken() {
    let world = World::new();
    world.announce(1);
    let mut a = world.phone("A");
    // Those released, and one that is not yet: its phone was upgraded before the hub.
    for (protocol, place) in (1..=PROTOCOL + 1).zip(2..) {
        let lines = [a.out(1).to_bytes()];
        let header = PushHeader { protocol, ..a.header(&lines) };
        let mut request = a.request(&header, &lines, &[]);
        let numbers = request.headers.iter_mut().filter(|(name, _)| name == "Lastmile-Protocol");
        numbers.for_each(|(_, number)| *number = protocol.to_string());

        let answer = answer(&world.hub.handle(&request));

        assert_eq!(answer.header.verdicts, [Accepted(place)], "{protocol}");
        a.move_on(&lines);
    }
}

#[test]
fn bad_events_are_parked_and_block_nothing_else() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.announce_at(3, &StationId::new("JL99").unwrap());
    let mut newer = a.event(
        &parcel(1),
        Fact::Unknown { kind: "ParcelTeleported".into(), v: 1, data: "{}".into() },
    );
    newer.envelope.must_understand = true;
    let stranger = {
        let mut event = a.out(1);
        event.envelope.actor = event::Actor::Courier(courier("B"));
        event
    };
    let mut lines = vec![b"not an event".to_vec(), vec![b'x'; event::MAX_EVENT_BYTES + 1]];
    lines.extend([a.out(2), a.out(3), stranger, newer, a.out(1)].iter().map(Event::to_bytes));
    world.announce(4);
    lines.push(a.out(4).to_bytes());

    let answer = a.push_lines(&world, &lines);

    let expected = [
        Parked(ParkReason::Unparseable),
        Parked(ParkReason::TooLarge),
        Parked(ParkReason::UnknownLane),
        Parked(ParkReason::NotYourLane),
        Parked(ParkReason::NotYourLane),
        Parked(ParkReason::UnknownKind),
        Parked(ParkReason::Behind),
        Accepted(2),
    ];
    assert_eq!(answer.header.verdicts, expected);
    assert_eq!(answer.header.received_to, 8, "every one of them is held");
    let again = {
        a.next_seq = 1;
        a.link = Digest::default();
        a.try_lines(&world, &lines)
    };
    assert_eq!(again.header.verdicts[..7], expected[..7]);
    assert_eq!(again.header.verdicts[7], AlreadyKnown(2));
}

/// What becomes of the events of lanes 1 to 100, ten each in turns, pushed as a phone would: 500 at
/// a time. `bad` gives the line that stands in place of a lane's second one.
fn thousand(bad: impl Fn(&World, &Phone, u32) -> Option<Vec<u8>>) -> Vec<Vec<Verdict>> {
    let world = World::new();
    (1..=100).for_each(|n| world.announce(n));
    let mut a = world.phone("A");
    let lines: Vec<Vec<u8>> = (0..1000)
        .map(|i| {
            let n = 1 + i % 100;
            let bad = if i / 100 == 1 { bad(&world, &a, n) } else { None };
            bad.unwrap_or_else(|| a.out(n).to_bytes())
        })
        .collect();
    let mut verdicts = vec![Vec::new(); 100];
    let mut n = 0;
    for lines in lines.chunks(500) {
        let mut header = a.header(lines);
        header.media_lost = vec![Digest::of(&[b"lost"])];
        let answer = answer(&world.hub.handle(&a.request(&header, lines, &[])));
        a.move_on(lines);
        for verdict in answer.header.verdicts {
            verdicts[n % 100].push(verdict);
            n += 1;
        }
    }
    verdicts
}

#[test]
fn ten_bad_events_among_a_thousand_hold_up_no_other_lane() {
    let bad = |world: &World, a: &Phone, n: u32| {
        let mut event = a.out(n);
        match n {
            1 | 8 => return Some(b"not an event".to_vec()),
            2 => return Some(vec![b'x'; event::MAX_EVENT_BYTES + 1]),
            3 | 9 => event.envelope.actor = event::Actor::Courier(courier("B")),
            4 | 10 => {
                event.fact = Fact::Unknown { kind: "New".into(), v: 1, data: "{}".into() };
                event.envelope.must_understand = true;
            }
            5 => event.fact = handed_over(vec![world.photo(b"lost")]).into(),
            6 => event.fact = example("CustodyTransferred").fact,
            7 => event = a.out(500),
            _ => return None,
        }
        Some(event.to_bytes())
    };
    let reasons = [
        ParkReason::Unparseable,
        ParkReason::TooLarge,
        ParkReason::NotYourLane,
        ParkReason::UnknownKind,
        ParkReason::MediaMissing,
        ParkReason::BadSignature,
        ParkReason::UnknownLane,
        ParkReason::Unparseable,
        ParkReason::NotYourLane,
        ParkReason::UnknownKind,
    ];
    let (found, clean) = (thousand(bad), thousand(|_, _, _| None));

    assert_eq!(found[10..], clean[10..], "in the same two pushes, at the same positions");
    for (verdicts, reason) in found.iter().zip(reasons) {
        assert_eq!(verdicts[..2], [Accepted(2), Parked(reason)]);
        let lost_its_lane =
            [ParkReason::Unparseable, ParkReason::TooLarge, ParkReason::UnknownLane];
        let rest: Vec<_> = if lost_its_lane.contains(&reason) {
            (3..11).map(Accepted).collect()
        } else {
            vec![Parked(ParkReason::Behind); 8]
        };
        assert_eq!(verdicts[2..], rest, "{reason:?}");
    }
}

#[test]
fn an_unknown_kind_that_need_not_be_understood_is_kept_and_passed_on() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "B");
    let unknown = Fact::Unknown { kind: "ParcelSniffed".into(), v: 3, data: r#"{"by":1}"#.into() };
    let event = a.event(&parcel(1), unknown);

    assert_eq!(a.push(&world, std::slice::from_ref(&event)), [Accepted(3)]);
    assert_eq!(b.pull(&world).lines[2], event.to_bytes());
}

#[test]
fn what_waits_for_a_lane_is_taken_in_when_the_lane_opens() {
    let world = World::new();
    let mut a = world.phone("A");
    let events = [a.out(1), a.out(1)];
    let parked = Parked(ParkReason::UnknownLane);
    assert_eq!(a.push(&world, &events), [parked, parked]);

    world.announce(1);

    let pulled = a.pull(&world);
    assert_eq!(pulled.header.lane_seqs, [1, 2, 3], "its own too: it did not know their place");
    assert_eq!(a.push(&world, &[a.out(1)]), [Accepted(4)], "the lane is free");
}

#[test]
fn a_group_is_accepted_or_parked_as_a_whole() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let members = group(vec![a.out(1), a.out(2)]);
    assert_eq!(
        a.push(&world, &members),
        [Parked(ParkReason::Behind), Parked(ParkReason::UnknownLane)]
    );
    assert_eq!(a.push(&world, &[a.out(1)]), [Parked(ParkReason::Behind)]);

    world.announce(2);

    assert_eq!(a.push(&world, &[a.out(1), a.out(2)]), [Accepted(4), Accepted(3)]);
}

#[test]
fn half_a_group_is_parked() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let members = group(vec![a.out(1), a.out(1)]);

    assert_eq!(a.push(&world, &members[..1]), [Parked(ParkReason::Unparseable)]);
}

#[test]
fn a_phone_with_a_key_must_sign_and_may_sign_later() {
    let world = World::new();
    let mut a = world.signing_phone("A");
    world.announce(1);
    let lines = [a.out(1).to_bytes()];
    let mut unsigned = a.clone();
    unsigned.key = None;
    let verdicts = unsigned.try_lines(&world, &lines).header.verdicts;
    assert_eq!(verdicts, [Parked(ParkReason::BadSignature)]);

    let answer = a.push_lines(&world, &lines);

    assert_eq!(answer.header.verdicts, [AlreadyKnown(2)]);
    assert_eq!(a.push(&world, &[a.out(1)]), [Accepted(3)]);
}

#[test]
fn an_ended_session_pushes_and_does_not_pull() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.assign(1, "A");
    world.wait_ms(13 * 3_600_000);

    let answer = a.push_lines(&world, &[a.out(1).to_bytes()]);

    assert_eq!(answer.header.verdicts, [Accepted(3)]);
    assert!(answer.header.session_ended && answer.lines.is_empty() && answer.vault.is_empty());

    let code = world.hub.new_code(courier("A"), station()).unwrap();
    let renew = Request::new("POST", "/v1/session").bearer(&a.enrolment.device_token);
    let granted = world.hub.handle(&renew.json(&serde_json::json!({ "code": code })));
    let granted: lastmile_core::sync::wire::SessionGrant =
        serde_json::from_slice(&granted.body).unwrap();
    a.enrolment.session_token = granted.session_token;
    assert_eq!(a.pull(&world).lines.len(), 2);
}

#[test]
fn a_wrong_token_is_refused_and_a_code_works_once() {
    let world = World::new();
    let a = world.phone("A");
    let header = a.header(&[]);
    let mut wrong = a.clone();
    wrong.enrolment.device_token = "00".repeat(32);
    let answer = world.hub.handle(&wrong.request(&header, &[], &[]));
    assert_eq!((answer.status, problem(&answer).code.as_str()), (401, "Unauthorised"));

    let code = world.hub.new_code(courier("C"), station()).unwrap();
    let enrol = Request::new("POST", "/v1/enrol").json(&serde_json::json!({ "code": code }));
    assert_eq!(world.hub.handle(&enrol).status, 201);
    let again = world.hub.handle(&enrol);
    assert_eq!((again.status, problem(&again).code.as_str()), (401, "CodeSpent"));

    let late = world.hub.new_code(courier("C"), station()).unwrap();
    world.wait_ms(31 * 60_000);
    let enrol = Request::new("POST", "/v1/enrol").json(&serde_json::json!({ "code": late }));
    assert_eq!(world.hub.handle(&enrol).status, 401);
}

#[test]
fn a_cut_or_malformed_body_writes_nothing() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    let lines = [a.out(1).to_bytes()];
    let mut request = a.request(&a.header(&lines), &lines, &[]);
    request.body.truncate(request.body.len() - 5);

    assert_eq!(world.hub.handle(&request).status, 400);
    assert_eq!(a.push_lines(&world, &lines).header.verdicts, [Accepted(2)]);
}

#[test]
fn a_receipt_covers_what_was_pushed_and_verifies() {
    let world = World::new();
    let a = world.phone("A");
    world.announce(1);
    let lines = [a.out(1).to_bytes(), b"opaque".to_vec()];

    let header = a.try_lines(&world, &lines).header;

    let body = a.receipt(&world.hub, &lines, &header);
    assert!(!body.chain_gap);
    assert_eq!(ReceiptBody::parse(&body.text()), Some(body));
}

#[test]
fn the_same_push_gzipped_is_the_same_push() {
    use std::io::Write as _;
    let world = World::new();
    let a = world.phone("A");
    world.announce(1);
    let lines = [a.out(1).to_bytes()];
    let mut request = a.request(&a.header(&lines), &lines, &[]);
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(&request.body).unwrap();
    request.body = zip.finish().unwrap();
    let request = request.header("Content-Encoding", "gzip");

    assert_eq!(answer(&world.hub.handle(&request)).header.verdicts, [Accepted(2)]);
}
