//! Laws of the fold that hold for every lane.

use super::*;
use crate::delivery::{AddressArrived, AttemptFailure, DeliveryAttemptFailed};
use crate::event::Actor;
use crate::parcel::{FreezeReason, Holder, ParcelFrozen, Stage};
use crate::testing::{Tale, courier, station};

#[test]
fn a_correction_takes_the_event_back_and_nothing_else() {
    let mut tale = Tale::out_for_delivery();
    let failed = tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    tale.tells(AddressArrived {});
    tale.correct(failed, CorrectionReason::DidNotOccur);

    let parcel = tale.parcel();
    assert_eq!((parcel.delivery.attempts, parcel.stage), (0, Stage::Arrived));
    assert_eq!(parcel.margin.corrections.len(), 1, "the correction itself stays visible");
}

#[test]
fn a_correction_that_comes_first_is_remembered() {
    let mut tale = Tale::out_for_delivery();
    let failed = tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    tale.correct(failed, CorrectionReason::DidNotOccur);
    let correction = tale.events.pop().unwrap();
    let attempt = tale.events.pop().unwrap();
    tale.events.push(correction);
    assert!(needs_refold(&tale.state(), &attempt));
    tale.events.push(attempt);
    assert_eq!(tale.parcel().delivery.attempts, 0);
}

#[test]
fn a_correction_taken_back_undoes_nothing() {
    let mut tale = Tale::out_for_delivery();
    let failed = tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    let correction = tale.correct(failed, CorrectionReason::DidNotOccur);
    tale.correct(correction, CorrectionReason::DidNotOccur);
    assert_eq!(tale.parcel().delivery.attempts, 1);
}

#[test]
fn wrong_data_are_marked_and_stand() {
    let mut tale = Tale::out_for_delivery();
    let failed = tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    tale.correct(failed, CorrectionReason::IncorrectData);
    assert_eq!(tale.parcel().delivery.attempts, 1);
    assert_eq!(tale.parcel().margin.corrections[0].event, failed);
}

#[test]
fn a_courier_cannot_take_back_the_stations_order() {
    let mut tale = Tale::out_for_delivery();
    let frozen = tale.station().tells(ParcelFrozen { reason: FreezeReason::ProhibitedGoods });
    tale.by("A").correct(frozen, CorrectionReason::DidNotOccur);
    assert!(tale.parcel().frozen.is_some());
}

#[test]
fn a_kind_from_the_future_is_passed_over_unless_it_must_be_understood() {
    let mut tale = Tale::out_for_delivery();
    let drone = || Fact::Unknown { kind: "ParcelFlown".into(), v: 1, data: "{}".into() };
    tale.tells(drone());
    assert!(!tale.state().needs_update());

    tale.tells(drone());
    tale.events.last_mut().unwrap().envelope.must_understand = true;
    assert!(tale.state().needs_update());
    assert_eq!(tale.parcel().holder, Holder::Courier(courier("A")));
}

#[test]
fn a_state_reads_back_from_what_was_stored() {
    let state = Tale::out_for_delivery().state();
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<LaneState>(&stored).unwrap(), state);
}

#[test]
fn a_log_counts_its_events() {
    let mut tale = Tale::new(Lane::Station(station()));
    tale.tells(AddressArrived {});
    assert_eq!(tale.state(), LaneState::Log { events: 1, needs_update: false });
    assert!(matches!(tale.events[0].envelope.actor, Actor::Station(_)));
}
