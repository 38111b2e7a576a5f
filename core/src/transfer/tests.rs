//! Codes that are shown and scanned, and what the lane says whoever syncs first.

use super::*;
use crate::conflict::{ConflictRow, Ruling};
use crate::delivery::{AttemptFailure, DeliveryAttemptFailed};
use crate::event::Fact;
use crate::parcel::{
    Condition, ConflictRuled, FreezeReason, Holder, ParcelAssigned, ParcelFrozen,
    ParcelOutForDelivery, ParcelReceivedAtStation, Stage,
};
use crate::testing::{
    Issuer, Key, MORNING_MS, Scene, Tale, clerk_acts, courier, handed_over, moment, vault, waybill,
};

/// The key of A's phone.
const KEY_A: u8 = 7;

fn transfer(n: u128) -> TransferId {
    TransferId(uuid::Uuid::from_u128(n))
}

fn offered_parcels(numbers: &[&str]) -> Vec<OfferedParcel> {
    let waybills = numbers.iter().map(|number| Waybill::recorded(number).unwrap());
    waybills.map(|waybill| OfferedParcel { waybill, goods: GoodsFlags::default() }).collect()
}

/// An offer of A to B, good from 10:00 to 10:30; the scenes play at 10:00.
fn offer() -> Token {
    signed(Token {
        kind: TokenKind::Offer,
        badge: Issuer::new(1).badge("A", Some(KEY_A)),
        transfer: transfer(1),
        to: courier("B"),
        until_ms: moment(90).ms,
        parcels: offered_parcels(&[waybill().as_str()]),
        signature: String::new(),
    })
}

fn signed(mut token: Token) -> Token {
    token.signature = Key::new(KEY_A).sign_hex(&token.text());
    token
}

fn accept(token: &Token) -> Command {
    Command::AcceptCustody { code: token.code().unwrap(), missing: Vec::new() }
}

/// B's phone has never heard of the parcel.
fn nothing() -> Tale {
    Tale::new(crate::testing::parcel_lane())
}

fn refusal(no: &str, token: &Token) -> Option<Refusal> {
    Scene::new().refusal(no, &accept(token), &nothing())
}

fn offer_of(count: u32, number: impl Fn(u32) -> String) -> Token {
    let numbers: Vec<_> = (0..count).map(number).collect();
    let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    let mut token = offer();
    token.parcels = offered_parcels(&numbers);
    token.badge.profile.courier = courier("1234567890");
    token.badge.profile.station = crate::id::StationId::new("JL31-00001").unwrap();
    token.to = courier("0987654321");
    token.parcels.sort_by(|one, two| one.waybill.cmp(&two.waybill));
    signed(token)
}

#[test]
fn a_code_reads_back_as_it_was_signed() {
    let mut token = offer();
    let goods = GoodsFlags { door_only: true, fresh: true, ..GoodsFlags::default() };
    token.parcels.push(OfferedParcel { waybill: waybill(), goods });
    let token = signed(token);
    assert_eq!(Token::read(&token.code().unwrap()), Ok(token.clone()));
    assert_eq!(token.verify(&Issuer::new(1).root()), Ok(()));
}

#[test]
fn twenty_parcels_fit_into_a_code_however_little_their_numbers_have_in_common() {
    let scatter = |n: u32| u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for token in [
        offer_of(20, |n| format!("SF{:013}", scatter(n) % 10_000_000_000_000)),
        offer_of(20, |n| format!("JDVA{:011}", scatter(n) % 100_000_000_000)),
        offer_of(20, |n| format!("{:018}", scatter(n) % 1_000_000_000_000_000_000)),
        offer_of(u32::try_from(MOST_OFFERED).unwrap(), |n| format!("SF10000000{n:05}")),
    ] {
        let code = token.code().unwrap();
        assert!(code.len() <= 900, "{}", code.len());
        assert_eq!(Token::read(&code), Ok(token));
    }
}

#[test]
fn more_than_fit_are_refused_before_anything_is_signed_over() {
    let many = offer_of(u32::try_from(MOST_OFFERED).unwrap() + 1, |n| format!("SF10000000{n:05}"));
    assert_eq!(many.code(), Err(Refusal::BatchTooLarge));
    let scatter = |n: u32| u64::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let long = offer_of(30, |n| format!("{:020}{:020}", scatter(n), scatter(n + 30)));
    assert_eq!(long.code(), Err(Refusal::BatchTooLarge));
}

#[test]
fn no_bytes_make_the_reader_fail() {
    let code = offer().code().unwrap();
    for end in 0..code.len() {
        assert_eq!(Token::read(&code[..end]), Err(Refusal::CodeUnreadable), "cut at {end}");
    }
    assert_eq!(Token::read("重庆"), Err(Refusal::CodeUnreadable));
    assert_eq!(Token::read(&"A".repeat(901)), Err(Refusal::CodeUnreadable));
}

#[test]
fn every_changed_letter_of_a_code_is_noticed() {
    let code = offer().code().unwrap();
    let root = Issuer::new(1).root();
    for at in 0..code.len() {
        let other = if code.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &code[..at], &code[at + 1..]);
        let verdict = Token::read(&changed).and_then(|token| token.verify(&root));
        assert!(verdict.is_err(), "letter {at}");
    }
}

#[test]
fn a_code_holds_no_more_than_numbers() {
    let text = offer().text();
    assert_eq!(text.lines().count(), 7, "{text}");
}

#[test]
fn an_offer_is_accepted_for_parcels_never_heard_of() {
    let token = offer();
    let groups = Scene::new().facts("B", &accept(&token), &[&nothing()]);
    let Fact::CustodyTransferred(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!((&fact.from, &fact.to), (&courier("A"), &courier("B")));
    let root = Issuer::new(1).root();
    assert!(fact.is_proven(&waybill(), &courier("B"), &root));
    assert!(fact.is_for(&courier("B")));
    assert!(!fact.is_proven(&waybill(), &courier("A"), &root), "A cannot prove it to himself");
    let other = Waybill::parse("SF1000000000002").unwrap();
    assert!(!fact.is_proven(&other, &courier("B"), &root), "it was not offered");
    assert!(!fact.is_proven(&waybill(), &courier("B"), &Issuer::new(2).root()));
}

#[test]
fn what_was_not_there_is_not_taken() {
    let parcels = offered_parcels(&[waybill().as_str(), "SF1000000000002"]);
    let token = signed(Token { parcels, ..offer() });
    let command = Command::AcceptCustody { code: token.code().unwrap(), missing: vec![waybill()] };
    let groups = Scene::new().facts("B", &command, &[]);
    assert_eq!(groups.len(), 1);
    assert_ne!(groups[0][0].lane, crate::testing::parcel_lane());
}

#[test]
fn a_code_of_another_hub_or_a_changed_one_is_refused() {
    let mut foreign = offer();
    foreign.badge = Issuer::new(2).badge("A", Some(KEY_A));
    assert_eq!(refusal("B", &signed(foreign)), Some(Refusal::CodeForeign));
    let mut changed = offer();
    changed.until_ms += 1;
    assert_eq!(refusal("B", &changed), Some(Refusal::CodeTampered));
    let mut unsigned = offer();
    unsigned.badge = Issuer::new(1).badge("A", None);
    assert_eq!(refusal("B", &signed(unsigned)), Some(Refusal::CodeTampered));
    for refusal in [Refusal::CodeForeign, Refusal::CodeTampered, Refusal::CodeUnreadable] {
        assert!(!refusal.can_be_recorded_against());
    }
}

#[test]
fn an_offer_is_for_one_courier_and_for_half_an_hour() {
    assert_eq!(refusal("C", &offer()), Some(Refusal::CodeForAnother));
    assert_eq!(refusal("A", &offer()), Some(Refusal::OfferToYourself));
    let old = signed(Token { until_ms: moment(60).ms, ..offer() });
    assert_eq!(refusal("B", &old), Some(Refusal::OfferExpired));
    assert_eq!(
        refusal("B", &signed(Token { kind: TokenKind::Answer, ..offer() })),
        Some(Refusal::CodeUnreadable)
    );
    let mut scene = Scene::new();
    scene.minute = 13 * 60;
    let late = signed(Token { until_ms: moment(14 * 60).ms, ..offer() });
    let refused = scene.refusal("B", &accept(&late), &nothing());
    assert_eq!(refused, Some(Refusal::BadgeEnded));
}

#[test]
fn a_courier_of_another_station_takes_nothing() {
    let mut elsewhere = offer();
    elsewhere.badge.profile.station = crate::id::StationId::new("JL99").unwrap();
    // The hub has not signed that.
    assert_eq!(refusal("B", &signed(elsewhere)), Some(Refusal::CodeTampered));
}

#[test]
fn a_stopped_parcel_is_not_taken_by_one_who_knows() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    assert_eq!(Scene::new().refusal("B", &accept(&offer()), &tale), Some(Refusal::Frozen));
}

#[test]
fn a_code_is_used_once() {
    let mut tale = nothing();
    tale.by("B").tells(transferred(1, "A", "B"));
    assert_eq!(Scene::new().refusal("B", &accept(&offer()), &tale), Some(Refusal::AlreadyTaken));
}

fn offer_to(to: &str) -> Command {
    Command::OfferCustody {
        transfer: transfer(1),
        waybills: vec![waybill()],
        to: courier(to),
        until_ms: moment(90).ms,
    }
}

#[test]
fn only_what_is_in_his_hands_and_free_to_go_is_offered() {
    let (scene, mut tale) = (Scene::new(), Tale::out_for_delivery());
    assert_eq!(scene.refusal("A", &offer_to("B"), &tale), None);
    assert_eq!(scene.refusal("A", &offer_to("A"), &tale), Some(Refusal::OfferToYourself));
    assert_eq!(scene.refusal("B", &offer_to("C"), &tale), Some(Refusal::NotHeldByYou));
    let clerk = scene.refusal_to(&clerk_acts(), &offer_to("B"), &tale);
    assert_eq!(clerk, Some(Refusal::NotForThisActor));
    let stored = scene.refusal("A", &offer_to("B"), &Tale::in_storage());
    assert_eq!(stored, Some(Refusal::InStorage));
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    assert_eq!(scene.refusal("A", &offer_to("B"), &tale), Some(Refusal::Frozen));
}

#[test]
fn a_parcel_is_on_offer_to_one_courier_at_a_time() {
    let (mut scene, mut tale) = (Scene::new(), Tale::out_for_delivery());
    tale.by("A").tells(offered(1, "B"));
    assert_eq!(scene.refusal("A", &offer_to("C"), &tale), Some(Refusal::AlreadyOffered));
    assert_eq!(scene.refusal("A", &offer_to("B"), &tale), None, "the code was lost");
    scene.minute = 89;
    assert_eq!(scene.refusal("A", &offer_to("C"), &tale), Some(Refusal::AlreadyOffered));
    scene.minute = 90;
    assert_eq!(scene.refusal("A", &offer_to("C"), &tale), None, "he did not come");
}

#[test]
fn the_answer_moves_it_on_the_givers_phone() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(offered(1, "B"));
    let answer = Token {
        kind: TokenKind::Answer,
        badge: Issuer::new(1).badge("B", Some(KEY_A)),
        to: courier("A"),
        ..offer()
    };
    let confirm = |token: Token| Command::ConfirmCustody { code: signed(token).code().unwrap() };
    let scene = Scene::new();
    let groups = scene.facts("A", &confirm(answer.clone()), &[&tale]);
    let Fact::CustodyTransferred(fact) = &groups[0][0].fact else { panic!() };
    assert!(fact.is_proven(&waybill(), &courier("A"), &Issuer::new(1).root()));
    let other = Token { transfer: transfer(2), ..answer.clone() };
    assert_eq!(scene.refusal("A", &confirm(other), &tale), Some(Refusal::AnswerToNoOffer));
    let to_c = Token { to: courier("C"), ..answer.clone() };
    assert_eq!(scene.refusal("A", &confirm(to_c), &tale), Some(Refusal::AnswerToNoOffer));

    tale.by("A").tells(groups[0][0].fact.clone());
    assert_eq!(tale.parcel().holder, Holder::Courier(courier("B")));
    assert_eq!(scene.refusal("A", &confirm(answer), &tale), Some(Refusal::AlreadyTaken));
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    assert_eq!(tale.parcel().margin.conflicts, [], "both phones tell of one transfer");
}

fn offered(n: u128, to: &str) -> CustodyOffered {
    CustodyOffered { transfer: transfer(n), to: courier(to), until_ms: moment(90).ms }
}

fn transferred(n: u128, from: &str, to: &str) -> CustodyTransferred {
    CustodyTransferred {
        transfer: transfer(n),
        from: courier(from),
        to: courier(to),
        goods: GoodsFlags::default(),
        proof: String::new(),
    }
}

#[test]
fn it_is_the_givers_until_the_receivers_word_is_there() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(offered(1, "B"));
    assert!(tale.parcel().held_by(&courier("A")));
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    let parcel = tale.parcel();
    assert!(parcel.held_by(&courier("B")) && parcel.assigned_to(&courier("B")));
    assert_eq!((parcel.stage, parcel.offer), (Stage::OutForDelivery, None));
    assert_eq!(parcel.margin.conflicts, []);
    assert_eq!(parcel.former, [courier("A")]);
}

#[test]
fn the_receiver_delivers_what_he_took_before_his_phone_knew_the_parcel() {
    let mut tale = nothing();
    let goods = GoodsFlags { door_only: true, ..GoodsFlags::default() };
    tale.by("B").tells(CustodyTransferred { goods, ..transferred(1, "A", "B") });
    assert_eq!(Scene::new().refusal("B", &Command::Arrive { waybill: waybill() }, &tale), None);
    assert!(tale.parcel().goods.door_only);
    tale.by("B").tells(handed_over());
    assert_eq!(tale.parcel().margin.conflicts, []);
}

#[test]
fn the_givers_morning_may_come_after_the_receivers_word() {
    let mut tale = Tale::announced(GoodsFlags::default());
    tale.assign("A", 1);
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    tale.by("A").having_seen(2).tells(ParcelReceivedAtStation { condition: Condition::Sound });
    tale.by("A").having_seen(2).tells(ParcelOutForDelivery {});
    let cause = AttemptFailure::Absent;
    tale.by("A").having_seen(2).tells(DeliveryAttemptFailed { cause });
    tale.by("A").having_seen(2).tells(offered(1, "B"));
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.conflicts, []);
    assert!(parcel.held_by(&courier("B")));
    assert_eq!((parcel.stage, parcel.delivery.attempts), (Stage::AttemptFailed, 1));

    // What he does after his offer is no history: he cannot have it.
    tale.by("A").having_seen(2).tells(handed_over());
    assert!(!tale.parcel().margin.conflicts.is_empty());
}

#[test]
fn a_late_morning_ends_in_the_state_of_a_timely_one() {
    let acts = |tale: &mut Tale| {
        tale.by("A").having_seen(2).tells(ParcelReceivedAtStation { condition: Condition::Sound });
        tale.by("A").having_seen(2).tells(ParcelOutForDelivery {});
        let cause = AttemptFailure::Absent;
        tale.by("A").having_seen(2).tells(DeliveryAttemptFailed { cause });
        tale.by("A").having_seen(2).tells(offered(1, "B"));
    };
    let start = || {
        let mut tale = Tale::announced(GoodsFlags::default());
        tale.assign("A", 1);
        tale
    };
    let (mut timely, mut late) = (start(), start());
    acts(&mut timely);
    timely.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    late.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    acts(&mut late);
    let (timely, late) = (timely.parcel(), late.parcel());
    assert_eq!((timely.stage, &timely.holder), (late.stage, &late.holder));
    assert_eq!(timely.delivery.attempts, late.delivery.attempts);
    assert_eq!(timely.links[0].offered, late.links[0].offered);
}

#[test]
fn two_receivers_are_a_dispute_that_a_person_rules() {
    for second in [1, 2] {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(offered(1, "B"));
        let first = tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
        // Even if he could know.
        let rival = tale.by("C").having_seen(6).tells(transferred(second, "A", "C"));
        let parcel = tale.parcel();
        let conflict = &parcel.margin.conflicts[0];
        assert_eq!((conflict.row, conflict.ruling), (ConflictRow::TwoReceivers, Ruling::Open));
        assert!(parcel.held_by(&courier("B")), "the first counts");
        let viewers = crate::visibility::viewers(&tale.lane, &tale.state());
        assert_eq!(viewers.len(), 3, "all three see it");

        let rule = |stands| ConflictRuled { conflict: rival, stands, note: vault(1) };
        tale.station().tells(rule(rival));
        let ruled = tale.parcel();
        assert!(ruled.held_by(&courier("C")) && ruled.assigned_to(&courier("C")));
        assert_eq!(ruled.epoch(), Some(1), "the epoch counts the station's orders");

        tale.tells(rule(first));
        let back = tale.parcel();
        assert!(back.held_by(&courier("B")) && back.assigned_to(&courier("B")));

        tale.assign("D", 2);
        tale.tells(rule(rival));
        assert!(tale.parcel().assigned_to(&courier("D")), "the station's later order stays");
    }
}

#[test]
fn a_missing_link_is_a_dispute_until_it_comes() {
    let mut tale = Tale::out_for_delivery();
    tale.by("C").having_seen(0).tells(transferred(2, "B", "C"));
    assert_eq!(tale.parcel().margin.open_conflicts().count(), 1);
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.open_conflicts().count(), 0);
    assert!(parcel.held_by(&courier("C")) && parcel.assigned_to(&courier("C")));
}

#[test]
fn a_link_that_comes_settles_its_own_dispute_and_no_other() {
    let mut tale = Tale::out_for_delivery();
    tale.by("C").having_seen(0).tells(transferred(2, "B", "C"));
    let other = tale.by("D").having_seen(0).tells(transferred(4, "E", "D"));
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    let parcel = tale.parcel();
    let open: Vec<_> = parcel.margin.open_conflicts().map(|conflict| conflict.event).collect();
    assert_eq!(open, [other]);
}

#[test]
fn a_parcel_comes_back_by_a_transfer_of_its_own() {
    let mut tale = Tale::out_for_delivery();
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    tale.by("A").tells(transferred(2, "B", "A"));
    tale.by("C").having_seen(0).tells(transferred(3, "A", "C"));
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.conflicts, []);
    assert!(parcel.held_by(&courier("C")));
}

#[test]
fn the_station_may_have_given_it_to_a_third_meanwhile() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("C", 2);
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    let parcel = tale.parcel();
    assert!(parcel.held_by(&courier("B")), "a physical fact is never dropped");
    assert!(parcel.assigned_to(&courier("C")), "the hub orders ownership");
    assert_eq!(parcel.margin.conflicts[0].row, ConflictRow::Reassigned);
    assert_eq!(parcel.margin.conflicts[0].ruling, Ruling::Settled);
}

#[test]
fn what_the_recipient_has_nobody_takes_over() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(offered(1, "B"));
    tale.tells(handed_over());
    tale.by("B").having_seen(0).tells(transferred(1, "A", "B"));
    let parcel = tale.parcel();
    assert_eq!(parcel.holder, Holder::Recipient);
    assert_eq!(parcel.margin.conflicts.len(), 1);
}

#[test]
fn a_parcel_taken_over_first_is_announced_and_given_later() {
    let mut tale = nothing();
    tale.by("B").tells(transferred(1, "A", "B"));
    let announce = Command::Announce {
        waybill: waybill(),
        recipient: crate::testing::person(),
        sender: crate::testing::person(),
        goods: GoodsFlags::default(),
        promise_ms: Some(MORNING_MS),
        freight: crate::Fen(1),
        insured: None,
    };
    assert_eq!(Scene::new().refusal_to(&clerk_acts(), &announce, &tale), None);
    tale.station().tells(ParcelAssigned { courier: courier("B"), epoch: 1 });
    assert_eq!(tale.parcel().margin.conflicts, []);
}

/// A clock that stands at 10:00, when the scenes play.
struct Still;

impl crate::time::Clock for Still {
    fn read(&self) -> crate::time::ClockReading {
        let (wall_ms, boot_id) = (moment(60).ms, uuid::Uuid::from_u128(1));
        crate::time::ClockReading { wall_ms, offset_min: 480, boot_id, boot_ms: 0 }
    }
}

impl crate::courier::DeviceSigner for Key {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        Ok(Key::sign(self, text))
    }
}

/// A phone of the hub's, with the key of this number and no badge yet.
fn phone(folder: &std::path::Path, no: &str, key: u8) -> Courier {
    let identity = crate::Identity {
        device: crate::id::DeviceId(uuid::Uuid::from_u128(u128::from(key))),
        courier: courier(no),
        station: crate::testing::station(),
        root_key: Issuer::new(1).root(),
        epoch: crate::id::HubEpoch(uuid::Uuid::nil()),
    };
    let mut options = crate::Options::folder(folder.join(no), crate::testing::key(), 480);
    options.clock = std::sync::Arc::new(Still);
    options.signer = Some(std::sync::Arc::new(Key::new(key)));
    Courier::open(options, identity).unwrap()
}

#[test]
fn two_phones_without_a_signal_agree_on_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut b, mut c) = (phone(folder.path(), "B", 8), phone(folder.path(), "C", 9));
    let hub = Issuer::new(1);
    b.record(&accept(&offer())).unwrap();
    c.keep_badge(&hub.badge("C", Some(9)).code()).unwrap();
    b.keep_badge(&hub.badge("B", Some(8)).code()).unwrap();
    let (shown, _) = b.offer_custody(&[waybill()], &courier("C")).unwrap();
    let scanned = c.read_transfer(&shown.code).unwrap();
    assert_eq!((&scanned.from, &scanned.parcels), (&courier("B"), &vec![waybill()]));
    let missing = b.shift_reconciliation(&[]).unwrap();
    assert_eq!(missing.unaccounted[0].outcome, crate::shift::ShiftOutcome::Offered);

    let code = shown.code;
    c.record(&Command::AcceptCustody { code: code.clone(), missing: Vec::new() }).unwrap();
    assert!(c.parcel(&waybill()).unwrap().unwrap().held_by(&courier("C")));
    let answer = c.answer_offer(&code).unwrap();
    b.record(&Command::ConfirmCustody { code: answer.code }).unwrap();
    assert!(b.parcel(&waybill()).unwrap().unwrap().held_by(&courier("C")));
    let counts = b.shift_reconciliation(&[]).unwrap().counts;
    assert_eq!((counts.handed_over, counts.unaccounted), (1, 0));
}

#[test]
fn a_phone_vouches_only_with_a_badge_and_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = phone(folder.path(), "B", 8);
    let hub = Issuer::new(1);
    let code = |result: Result<()>| result.unwrap_err().code();
    b.record(&accept(&offer())).unwrap();
    let offers = |b: &mut Courier| b.offer_custody(&[waybill()], &courier("C")).map(|_| ());
    assert_eq!(code(offers(&mut b)), "BadgeEnded");
    for (badge, refusal) in [
        (hub.badge("A", Some(8)), "CodeForAnother"),
        (hub.badge("B", Some(9)), "CodeForAnother"),
        (Issuer::new(2).badge("B", Some(8)), "CodeForeign"),
    ] {
        assert_eq!(code(b.keep_badge(&badge.code())), refusal);
    }
    assert_eq!(b.badge().unwrap(), None);
    b.keep_badge(&hub.badge("B", Some(8)).code()).unwrap();
    assert!(b.badge().unwrap().unwrap().valid);
    b.options.signer = None;
    assert_eq!(code(offers(&mut b)), "NoDeviceKey");
    assert_eq!(b.parcel(&waybill()).unwrap().unwrap().offer, None, "nothing was written");
}
