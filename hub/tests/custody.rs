//! Parcels that go from courier to courier: the hub believes what the other one signed.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Phone, START_MS, World, answer, courier, parcel, station, waybill};
use lastmile_core::badge::{Badge, verify_badge};
use lastmile_core::event::{Against, Event, Fact};
use lastmile_core::id::{ClerkNo, Digest, StationId, TransferId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::VaultRef;
use lastmile_core::sync::wire::{ParkReason, SessionGrant, SessionRequest, Verdict};
use lastmile_core::transfer::{
    CustodyOffered, CustodyTransferred, OfferedParcel, Token, TokenKind,
};
use lastmile_hub::Request;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

fn transfer(n: u128) -> TransferId {
    TransferId(uuid::Uuid::from_u128(n))
}

fn badge(phone: &Phone) -> Badge {
    Badge::read(phone.enrolment.badge.as_ref().unwrap()).unwrap()
}

/// A code of one parcel, signed by `phone`.
fn code(kind: TokenKind, phone: &Phone, to: &Phone, n: u32) -> Token {
    let goods = GoodsFlags::default();
    sign(
        Token {
            kind,
            badge: badge(phone),
            transfer: transfer(1),
            to: to.no().clone(),
            until_ms: START_MS + 1_800_000,
            parcels: vec![OfferedParcel { waybill: waybill(n), goods }],
            signature: String::new(),
        },
        phone.key.as_ref().unwrap(),
    )
}

fn sign(mut token: Token, key: &SigningKey) -> Token {
    let signature: DerSignature = key.sign(token.text().as_bytes());
    token.signature = data_encoding::HEXLOWER.encode(&signature.to_bytes());
    token
}

/// What `phone` records of a transfer.
fn transferred(phone: &Phone, from: &Phone, to: &Phone, n: u32, token: &Token) -> Event {
    phone.event(
        &parcel(n),
        CustodyTransferred {
            transfer: token.transfer,
            from: from.no().clone(),
            to: to.no().clone(),
            goods: GoodsFlags::default(),
            proof: token.code().unwrap(),
        },
    )
}

/// The parcel as the hub folds it.
fn at_the_hub(world: &World, n: u32) -> serde_json::Value {
    let clerk = ClerkNo::new("clerk-1").unwrap();
    let token = world.hub.new_clerk(clerk, Some(station())).unwrap();
    let path = format!("/v1/clerk/lanes/{}", parcel(n));
    let view = world.hub.handle(&Request::new("GET", &path).bearer(&token));
    let mut view: serde_json::Value = serde_json::from_slice(&view.body).unwrap();
    view["state"]["parcel"].take()
}

fn couriers(world: &World) -> [Phone; 3] {
    ["4849", "5021", "6607"].map(|no| world.signing_phone(no))
}

#[test]
fn an_enrolment_and_a_session_bring_a_badge_under_the_root_key() {
    let world = World::new();
    let [a, ..] = couriers(&world);
    let shown = verify_badge(a.enrolment.badge.as_ref().unwrap(), &a.enrolment.root_key).unwrap();
    assert_eq!((shown.courier_no, shown.station), (courier("4849"), station()));
    assert_eq!(shown.valid_until_ms, START_MS + 12 * 3_600_000);
    assert_eq!(badge(&a).profile.device, a.enrolment.device);

    world.wait_ms(3_600_000);
    let code = world.hub.new_code(courier("4849"), station()).unwrap();
    let request = Request::new("POST", "/v1/session").bearer(&a.enrolment.device_token);
    let grant = world.hub.handle(&request.json(&SessionRequest { code }));
    let grant: SessionGrant = serde_json::from_slice(&grant.body).unwrap();
    let shown = verify_badge(&grant.badge.unwrap(), &a.enrolment.root_key).unwrap();
    assert_eq!(shown.valid_until_ms, grant.expires_ms);
}

#[test]
fn the_receivers_word_is_taken_before_the_giver_has_synced() {
    let world = World::new();
    let [mut a, mut b, _] = couriers(&world);
    world.announce(1);
    world.assign(1, "4849");
    let token = code(TokenKind::Offer, &a, &b, 1);
    let moved = transferred(&b, &a, &b, 1, &token);
    let reply = b.push_lines(&world, &[moved.to_bytes()]);
    assert_eq!(reply.header.verdicts, [Verdict::Accepted(3)]);
    let waybill = |fact: &Fact| matches!(fact, Fact::ParcelAnnounced(_));
    assert!(reply.facts().iter().any(waybill), "he is sent what he must know");
    assert_eq!(reply.vault.len(), 2, "with the persons: he is to find the door");

    let (transfer, to) = (token.transfer, b.no().clone());
    let offered = CustodyOffered { transfer, to, until_ms: token.until_ms };
    let events = [a.out(1), a.event(&parcel(1), offered)].map(|event| event.to_bytes());
    let reply = a.push_lines(&world, &events);
    assert_eq!(reply.header.verdicts, [Verdict::Accepted(4), Verdict::Accepted(5)]);
    let told = |fact: &Fact| matches!(fact, Fact::CustodyTransferred(_));
    assert!(reply.facts().iter().any(told), "he learns that it is in other hands");
    assert_eq!(at_the_hub(&world, 1)["margin"]["conflicts"], serde_json::Value::Null);
}

#[test]
fn a_parcel_the_hub_has_not_heard_of_is_taken_on_the_givers_signature() {
    let world = World::new();
    let [a, mut b, _] = couriers(&world);
    let token = code(TokenKind::Offer, &a, &b, 9);
    let events = [transferred(&b, &a, &b, 9, &token), b.out(9)];
    assert_eq!(b.push(&world, &events), [Verdict::Accepted(1), Verdict::Accepted(2)]);
    world.announce(9);
    let state = at_the_hub(&world, 9);
    assert_eq!(state["holder"]["courier"], "5021");
    assert_eq!(state["station"], "JL31");
}

#[test]
fn the_givers_phone_may_tell_it_with_the_receivers_answer() {
    let world = World::new();
    let [mut a, mut b, _] = couriers(&world);
    world.announce(1);
    world.assign(1, "4849");
    let answer = code(TokenKind::Answer, &b, &a, 1);
    let told = transferred(&a, &a, &b, 1, &answer);
    assert_eq!(a.push(&world, &[told]), [Verdict::Accepted(3)]);
    let token = code(TokenKind::Offer, &a, &b, 1);
    let told_again = transferred(&b, &a, &b, 1, &token);
    assert_eq!(b.push(&world, &[told_again]), [Verdict::Accepted(4)]);
}

#[test]
fn what_the_other_one_has_not_signed_is_parked() {
    let world = World::new();
    let [a, mut b, c] = couriers(&world);
    for n in 1..=5 {
        world.announce(n);
        world.assign(n, "4849");
    }
    // Signed with another key than the badge's.
    let forged = sign(code(TokenKind::Offer, &a, &b, 1), c.key.as_ref().unwrap());
    // Under another hub's root.
    let strange = lastmile_hub::Keys::generate(&*world.entropy);
    let strange = Badge::read(&strange.badge(badge(&a).profile)).unwrap();
    let key = a.key.as_ref().unwrap();
    let foreign = sign(Token { badge: strange, ..code(TokenKind::Offer, &a, &b, 2) }, key);
    // His own word.
    let own = code(TokenKind::Offer, &b, &b, 3);
    // A true offer of A, told as one of C.
    let other = code(TokenKind::Offer, &a, &b, 4);
    // Another parcel than the one that was offered.
    let parcel_4 = code(TokenKind::Offer, &a, &b, 4);
    let events = [
        transferred(&b, &a, &b, 1, &forged),
        transferred(&b, &a, &b, 2, &foreign),
        transferred(&b, &a, &b, 3, &own),
        transferred(&b, &c, &b, 4, &other),
        transferred(&b, &a, &b, 5, &parcel_4),
    ];
    let bad = Verdict::Parked(ParkReason::BadSignature);
    assert_eq!(b.push(&world, &events), [bad; 5]);
}

#[test]
fn an_offer_made_for_another_is_taken_only_from_one_who_says_so() {
    let world = World::new();
    let [a, b, mut c] = couriers(&world);
    for n in 1..=2 {
        world.announce(n);
        world.assign(n, "4849");
    }
    let silent = transferred(&c, &a, &c, 1, &code(TokenKind::Offer, &a, &b, 1));
    let mut open = transferred(&c, &a, &c, 2, &code(TokenKind::Offer, &a, &b, 2));
    let reason = VaultRef(Digest([1; 32]));
    open.envelope.against = Some(Against { code: "CodeForAnother".into(), reason });
    let verdicts = c.push(&world, &[silent, open]);
    assert_eq!(verdicts, [Verdict::Parked(ParkReason::NotYourLane), Verdict::Accepted(3)]);
}

#[test]
fn two_receivers_of_one_offer_are_disputed_and_all_three_see_it() {
    let world = World::new();
    let [mut a, mut b, mut c] = couriers(&world);
    world.announce(1);
    world.assign(1, "4849");
    a.push(&world, &[a.out(1)]);
    let first = transferred(&b, &a, &b, 1, &code(TokenKind::Offer, &a, &b, 1));
    let second = Token { transfer: transfer(2), ..code(TokenKind::Offer, &a, &c, 1) };
    let second = sign(second, a.key.as_ref().unwrap());
    let second = transferred(&c, &a, &c, 1, &second);
    assert_eq!(b.push(&world, &[first]), [Verdict::Accepted(4)]);
    assert_eq!(c.push(&world, &[second]), [Verdict::Accepted(5)]);
    let state = at_the_hub(&world, 1);
    let conflict = &state["margin"]["conflicts"][0];
    assert_eq!((&conflict["row"], &conflict["ruling"]), (&"two_receivers".into(), &"open".into()));
    assert_eq!(state["holder"]["courier"], "5021", "the first counts");
    for phone in [&mut a, &mut b] {
        let seen = answer(&world.hub.handle(&phone.request(&phone.header(&[]), &[], &[])));
        let seen = seen.facts();
        let his =
            |fact: &Fact| matches!(fact, Fact::CustodyTransferred(t) if t.to == courier("6607"));
        assert!(seen.iter().any(his), "{} sees it", phone.no());
    }
}

#[test]
fn a_lane_of_another_station_stays_closed() {
    let world = World::new();
    let [a, mut b, _] = couriers(&world);
    let elsewhere = StationId::new("JL99").unwrap();
    world.hub.add_station(&elsewhere).unwrap();
    world.announce_at(1, &elsewhere);
    let taken = transferred(&b, &a, &b, 1, &code(TokenKind::Offer, &a, &b, 1));
    assert_eq!(b.push(&world, &[taken]), [Verdict::Parked(ParkReason::NotYourLane)]);
}
