//! What became of each parcel at the end of the day.

use super::*;
use crate::command::Command;
use crate::delivery::{Channel, RedeliveryScheduled};
use crate::event::Actor;
use crate::id::TransferId;
use crate::parcel::{ParcelOutForDelivery, ParcelReceivedAtStation};
use crate::refusal::Refusal;
use crate::testing::{Scene, Tale, courier, handed_over, waybill};
use crate::transfer::{CustodyOffered, CustodyTransferred};

fn outcome_of(tale: &Tale, counted: bool) -> ShiftOutcome {
    outcome(&courier("A"), Some(&tale.parcel()), counted).0
}

fn offered() -> CustodyOffered {
    CustodyOffered { transfer: TransferId(uuid::Uuid::nil()), to: courier("B"), until_ms: 0 }
}

fn transferred() -> CustodyTransferred {
    CustodyTransferred {
        transfer: TransferId(uuid::Uuid::nil()),
        from: courier("A"),
        to: courier("B"),
        goods: crate::parcel::GoodsFlags::default(),
        proof: String::new(),
    }
}

#[test]
fn what_is_with_him_is_kept_if_it_was_counted_and_missing_if_not() {
    let tale = Tale::out_for_delivery();
    assert_eq!(outcome_of(&tale, true), ShiftOutcome::Kept);
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::Missing);
    assert!(!ShiftOutcome::Missing.is_accounted_for());
}

#[test]
fn an_agreed_second_delivery_is_told_from_the_rest() {
    let mut tale = Tale::out_for_delivery();
    let channel = Channel::Phone;
    tale.by("A").tells(RedeliveryScheduled { from_ms: 1, to_ms: 2, channel });
    assert_eq!(outcome_of(&tale, true), ShiftOutcome::Appointment);
}

#[test]
fn what_others_have_is_where_the_record_says() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(handed_over());
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::Delivered);
    assert_eq!(outcome_of(&tale, true), ShiftOutcome::Unexpected, "it should not be in the van");
    assert_eq!(outcome_of(&Tale::in_storage(), false), ShiftOutcome::Stored);
    let mut tale = Tale::out_for_delivery();
    let condition = crate::parcel::Condition::Sound;
    tale.by("A").tells(ParcelReceivedAtStation { condition });
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::HandedIn);
}

#[test]
fn an_offer_is_no_hand_over_before_the_other_has_said_so() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(offered());
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::Offered);
    assert_eq!(outcome_of(&tale, true), ShiftOutcome::Kept, "he did not come");
    tale.by("B").having_seen(0).tells(transferred());
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::HandedOver);
}

#[test]
fn a_dispute_is_a_persons_business() {
    let mut tale = Tale::out_for_delivery();
    tale.by("B").having_seen(1).tells(ParcelOutForDelivery {});
    assert_eq!(outcome_of(&tale, false), ShiftOutcome::Disputed);
}

#[test]
fn a_shift_is_closed_when_every_parcel_is_accounted_for_or_against_the_rule() {
    let (scene, tale) = (Scene::new(), Tale::out_for_delivery());
    let close =
        |counted: &[Waybill]| Command::CloseShift { had: vec![waybill()], counted: counted.into() };
    let groups = scene.facts("A", &close(&[waybill()]), &[&tale]);
    let Fact::ShiftClosed(closed) = &groups[0][0].fact else { panic!() };
    assert_eq!(groups[0][0].lane, Lane::Shift(courier("A"), "2026-11-21".into()));
    assert_eq!(closed.counts, ShiftCounts { kept: 1, ..ShiftCounts::default() });

    let missing = scene.decide(&Actor::Courier(courier("A")), &close(&[]), &[&tale]);
    let missing = missing.ok().unwrap();
    assert_eq!(missing.refusal, Some(Refusal::ShiftUnaccounted));
    assert!(Refusal::ShiftUnaccounted.can_be_recorded_against());
    let Fact::ShiftClosed(closed) = &missing.decided.groups[0][0].fact else { panic!() };
    assert_eq!(closed.unaccounted, [waybill()]);
}

#[test]
fn a_parcel_nobody_knows_here_is_named() {
    let elsewhere = Waybill::parse("SF9000000000009").unwrap();
    let close = Command::CloseShift { had: Vec::new(), counted: vec![elsewhere] };
    let refusal = Scene::new().refusal("A", &close, &Tale::out_for_delivery());
    assert_eq!(refusal, Some(Refusal::ShiftUnaccounted));
}

#[test]
fn a_parcel_is_handed_in_by_who_has_it_stopped_or_not() {
    let (scene, mut tale) = (Scene::new(), Tale::out_for_delivery());
    let hand_in = Command::HandIn { waybills: vec![waybill()] };
    assert_eq!(scene.refusal("B", &hand_in, &tale), Some(Refusal::NotHeldByYou));
    let reason = crate::parcel::FreezeReason::ProhibitedGoods;
    tale.station().tells(crate::parcel::ParcelFrozen { reason });
    assert_eq!(scene.refusal("A", &hand_in, &tale), None);
    let groups = scene.facts("A", &hand_in, &[&tale]);
    tale.by("A").tells(groups[0][0].fact.clone());
    assert_eq!(tale.parcel().holder, Holder::Station);
    assert_eq!(scene.refusal("A", &hand_in, &tale), Some(Refusal::NotHeldByYou));
    let refusal = scene.refusal("A", &hand_in, &Tale::in_storage());
    assert_eq!(refusal, Some(Refusal::InStorage));
}
