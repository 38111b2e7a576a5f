//! Custody and the rows of DOMAIN.md C6 that a parcel's fold answers.

use super::*;
use crate::conflict::{ConflictRow, Ruling};
use crate::delivery::{
    AttemptFailure, DeliveryAttemptFailed, DeliveryRefused, RefusalClass, ReturnAuthorised,
    ReturnStarted,
};
use crate::event::CorrectionReason;
use crate::id::EventId;
use crate::temporary_storage::{
    StorageConsentRevoked, StoredParcelPickedUp, StoredParcelRetrieved,
};
use crate::testing::{
    Tale, consent, courier, handed_over, moment, site, stored, vault, without_positions,
};

fn conflicts(parcel: &Parcel) -> Vec<(ConflictRow, Ruling)> {
    parcel.margin.conflicts.iter().map(|conflict| (conflict.row, conflict.ruling)).collect()
}

#[test]
fn custody_goes_from_hand_to_hand() {
    let mut tale = Tale::announced(GoodsFlags::default());
    assert_eq!(tale.parcel().holder, Holder::Carrier);
    tale.assign("A", 1);
    assert_eq!(tale.parcel().stage, Stage::Announced);
    tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Damaged });
    assert_eq!((tale.parcel().stage, tale.parcel().holder), (Stage::Assigned, Holder::Station));
    tale.tells(ParcelOutForDelivery {});
    assert!(tale.parcel().held_by(&courier("A")));
    tale.tells(handed_over());

    let parcel = tale.parcel();
    assert_eq!((parcel.stage, &parcel.holder), (Stage::Delivered, &Holder::Recipient));
    assert_eq!(parcel.delivered().unwrap().at, moment(4));
    assert!(parcel.damaged && parcel.margin.conflicts.is_empty());
}

#[test]
fn a_delivery_stands_when_the_new_assignment_could_not_be_known() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    tale.by("A").having_seen(4).tells(handed_over());

    let parcel = tale.parcel();
    assert_eq!(parcel.stage, Stage::Delivered);
    assert_eq!(conflicts(&parcel), [(ConflictRow::Reassigned, Ruling::Settled)]);
    assert_eq!(parcel.former, [courier("A")]);
}

#[test]
fn a_delivery_against_a_known_assignment_stands_as_a_breach() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    tale.by("A").having_seen(5).tells(handed_over());
    assert_eq!(tale.parcel().stage, Stage::Delivered);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::ReassignedAndSeen, Ruling::Breach)]);
}

#[test]
fn two_deliveries_go_to_a_person_and_his_ruling_counts() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    tale.by("B").tells(ParcelOutForDelivery {});
    let first = tale.by("B").tells(handed_over());
    let second = tale.by("A").having_seen(4).tells(handed_over());
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::Reassigned, Ruling::Open)]);
    assert_eq!(tale.parcel().delivered().unwrap().mark.event, first);

    tale.station().tells(ConflictRuled { conflict: second, stands: second, note: vault(5) });
    assert_eq!(tale.parcel().delivered().unwrap().mark.event, second);
    tale.tells(ConflictRuled { conflict: second, stands: first, note: vault(5) });
    assert_eq!(tale.parcel().delivered().unwrap().mark.event, first);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::Reassigned, Ruling::Stands(first))]);
    assert_eq!(tale.parcel().stage, Stage::Delivered);
}

#[test]
fn a_recalled_parcel_that_was_delivered_stays_delivered() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelRecalled { safety: true });
    tale.by("A").having_seen(4).tells(handed_over());

    let parcel = tale.parcel();
    assert_eq!(parcel.stage, Stage::Delivered);
    assert_eq!(
        conflicts(&parcel),
        [(ConflictRow::Frozen, Ruling::Settled), (ConflictRow::Recalled, Ruling::Settled)]
    );
}

#[test]
fn of_pick_up_and_retrieval_the_scanned_one_counts() {
    let mut tale = Tale::in_storage();
    tale.by("A").tells(StoredParcelRetrieved { scanned: false });
    tale.station().having_seen(6).tells(StoredParcelPickedUp { scanned: true, code_hash: None });
    assert_eq!(tale.parcel().stage, Stage::PickedUp);

    let mut tale = Tale::in_storage();
    tale.station().tells(StoredParcelPickedUp { scanned: false, code_hash: None });
    tale.by("A").having_seen(6).tells(StoredParcelRetrieved { scanned: true });
    let parcel = tale.parcel();
    assert_eq!(parcel.stage, Stage::OutForDelivery);
    assert!(parcel.delivered().is_none() && parcel.held_by(&courier("A")));
    assert_eq!(conflicts(&parcel), [(ConflictRow::PickedUpAndRetrieved, Ruling::Settled)]);
}

#[test]
fn of_pick_up_and_retrieval_both_scanned_a_person_rules() {
    let mut tale = Tale::in_storage();
    tale.station().tells(StoredParcelPickedUp { scanned: true, code_hash: None });
    tale.by("A").having_seen(6).tells(StoredParcelRetrieved { scanned: true });
    assert_eq!(tale.parcel().stage, Stage::PickedUp);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::PickedUpAndRetrieved, Ruling::Open)]);
}

#[test]
fn a_store_after_an_unseen_withdrawal_stands_and_asks_for_redelivery() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(consent());
    tale.station().tells(StorageConsentRevoked { consent: consent().consent });
    tale.by("A").having_seen(5).tells(stored());

    let parcel = tale.parcel();
    assert_eq!(parcel.stage, Stage::Stored);
    assert!(parcel.storage.current_stay().unwrap().redelivery_asked.is_some());
    assert_eq!(conflicts(&parcel), [(ConflictRow::StoredWithoutConsent, Ruling::Settled)]);
}

#[test]
fn a_withdrawal_after_placing_keeps_the_stay_and_asks_for_redelivery() {
    let mut tale = Tale::in_storage();
    let asked = tale.station().tells(StorageConsentRevoked { consent: consent().consent });
    let parcel = tale.parcel();
    assert_eq!(parcel.holder, Holder::Site(site("YZ-1")));
    assert!(parcel.storage.current_stay().unwrap().redelivery_asked.is_some());
    assert_eq!(parcel.storage.consents[0].withdrawn.unwrap().event, asked);
}

#[test]
fn the_same_hand_over_recorded_twice_counts_once() {
    let mut tale = Tale::out_for_delivery();
    let first = tale.by("A").tells(handed_over());
    tale.tells(handed_over());
    assert_eq!(tale.parcel().delivered().unwrap().mark.event, first);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::RecordedTwice, Ruling::Settled)]);
}

#[test]
fn a_scan_at_the_station_of_a_delivered_parcel_goes_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(handed_over());
    tale.station().tells(ParcelReceivedAtStation { condition: Condition::Sound });
    assert_eq!(tale.parcel().stage, Stage::Delivered);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::NotTheHolder, Ruling::Open)]);
}

#[test]
fn a_receipt_that_comes_late_does_not_take_the_parcel_back() {
    let mut tale = Tale::out_for_delivery();
    tale.by("B").having_seen(2).tells(ParcelReceivedAtStation { condition: Condition::Sound });
    assert!(tale.parcel().held_by(&courier("A")));
}

#[test]
fn a_refused_parcel_given_out_again_is_to_be_delivered_again() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryRefused { class: RefusalClass::Delivery, reason: None });
    assert_eq!(tale.parcel().stage, Stage::RefusedHeld);
    tale.assign("A", 2);
    assert_eq!(tale.parcel().stage, Stage::Assigned);
    assert!(tale.parcel().delivery.refusal.is_none());
}

#[test]
fn a_return_without_authorisation_stands_and_goes_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(ReturnStarted {});
    assert_eq!(tale.parcel().stage, Stage::Returning);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::OutOfPlace, Ruling::Open)]);

    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ReturnAuthorised {});
    tale.by("A").tells(ReturnStarted {});
    assert!(tale.parcel().margin.conflicts.is_empty());
}

#[test]
fn who_took_a_parcel_out_before_he_could_know_of_its_return_has_it() {
    let mut tale = Tale::announced(GoodsFlags::default());
    tale.assign("A", 1);
    tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
    tale.station().tells(ReturnAuthorised {});
    tale.tells(ReturnStarted {});
    assert!(tale.parcel().margin.conflicts.is_empty());
    tale.by("A").having_seen(3).tells(ParcelOutForDelivery {});

    assert!(tale.parcel().held_by(&courier("A")));
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::NotTheHolder, Ruling::Settled)]);
}

#[test]
fn an_address_corrected_after_the_delivery_goes_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(handed_over());
    let corrected = tale.events[0].fact.clone();
    tale.station().tells(corrected);

    assert_eq!(tale.parcel().stage, Stage::Delivered);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::AddressCorrected, Ruling::Open)]);
}

#[test]
fn an_act_against_a_rule_is_marked_for_ever() {
    let mut tale = Tale::out_for_delivery();
    let event = tale.by("A").against("ProofMissing").tells(handed_over());
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.against[0].event, event);
    assert_eq!(parcel.margin.against[0].code, "ProofMissing");
}

#[test]
fn the_outcome_is_the_same_before_and_after_the_hub_gave_positions() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    tale.having_seen(4).tells(consent());
    let done = tale.having_seen(4).tells(stored());
    tale.having_seen(4).tells(StoredParcelRetrieved { scanned: true });
    tale.having_seen(4).correct(done, CorrectionReason::IncorrectData);
    tale.having_seen(4).tells(handed_over());

    let confirmed = tale.state();
    let pending = crate::fold::fold(
        &tale.lane,
        tale.confirmed().map(|(event, seq)| (event, seq.filter(|seq| *seq <= 4))),
    );
    assert_eq!(without_positions(&pending), without_positions(&confirmed));
}

#[test]
fn a_ruling_on_nothing_is_noted() {
    let mut tale = Tale::out_for_delivery();
    let nothing = EventId(uuid::Uuid::from_u128(99));
    tale.station().tells(ConflictRuled { conflict: nothing, stands: nothing, note: vault(5) });
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::OutOfPlace, Ruling::Settled)]);
}

#[test]
fn a_ruling_for_a_store_brings_its_stay() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    tale.by("B").tells(ParcelOutForDelivery {});
    tale.by("B").tells(handed_over());
    tale.by("A").having_seen(4).tells(consent());
    let store = tale.by("A").having_seen(4).tells(stored());
    assert_eq!(tale.parcel().stage, Stage::Delivered);

    tale.station().tells(ConflictRuled { conflict: store, stands: store, note: vault(5) });
    let parcel = tale.parcel();
    assert_eq!((parcel.stage, &parcel.holder), (Stage::Stored, &Holder::Site(site("YZ-1"))));
    assert_eq!(parcel.storage.current_stay().unwrap().mark.event, store);
    assert!(parcel.delivered().is_none());
}

#[test]
fn an_order_after_the_end_is_a_conflict_only_of_one_who_could_not_know() {
    for (seen, conflicts) in [(4, 1), (5, 0)] {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(handed_over());
        tale.station().having_seen(seen);
        tale.tells(ParcelFrozen { reason: FreezeReason::ProhibitedGoods });
        assert_eq!(tale.parcel().margin.conflicts.len(), conflicts);
    }
}
