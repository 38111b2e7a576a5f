//! What holds for every command, and for those of several parcels.

use super::*;
use crate::command::Command;
use crate::delivery::{AttemptFailure, DeliveryAttemptFailed};
use crate::event::CorrectionReason;
use crate::id::{EventId, ManifestId};
use crate::parcel::{
    Condition, FreezeReason, GoodsFlags, ParcelFrozen, ParcelRecalled, ParcelReceivedAtStation,
};
use crate::testing::{Scene, Tale, clerk_acts, courier, handed_over, waybill};
use crate::waybill::Waybill;

fn number(n: u32) -> Waybill {
    Waybill::parse(&format!("SF{n:013}")).unwrap()
}

/// A parcel under another number, announced and given to A.
fn expected(n: u32) -> Tale {
    let mut tale = Tale::announced(GoodsFlags::default());
    tale.lane = Lane::Parcel(number(n));
    tale.assign("A", 1);
    for event in &mut tale.events {
        event.envelope.lane = tale.lane.clone();
    }
    tale
}

fn count(expected: &[Waybill], scanned: &[Waybill], damaged: &[Waybill]) -> Command {
    Command::ReconcileManifest {
        manifest: ManifestId(uuid::Uuid::from_u128(1)),
        expected: expected.to_vec(),
        scanned: scanned.to_vec(),
        damaged: damaged.to_vec(),
    }
}

#[test]
fn a_count_lists_what_is_missing_extra_and_damaged() {
    let (one, two) = (expected(1), expected(2));
    let command =
        count(&[number(1), number(2), number(3)], &[number(1), number(1), number(9)], &[number(2)]);
    let groups = Scene::new().facts("A", &command, &[&one, &two]);
    let Fact::ManifestReconciled(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!(groups[0][0].lane, Lane::Shift(courier("A"), "2026-11-21".into()));
    assert_eq!((fact.expected, fact.received), (3, 2));
    assert_eq!(
        (fact.missing.as_slice(), fact.extra.as_slice(), fact.damaged.as_slice()),
        (&[number(3)][..], &[number(9)][..], &[number(2)][..])
    );
    let received: Vec<_> = groups[1..].iter().map(|group| &group[0].fact).collect();
    assert_eq!(
        received,
        [
            &Fact::from(ParcelReceivedAtStation { condition: Condition::Sound }),
            &Fact::from(ParcelReceivedAtStation { condition: Condition::Damaged })
        ],
        "an extra parcel that is not known here is listed only"
    );
}

#[test]
fn a_count_repeated_records_no_receipt_twice() {
    let mut tale = expected(1);
    tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
    let again = count(&[number(1)], &[number(1)], &[]);
    assert_eq!(Scene::new().facts("A", &again, &[&tale]).len(), 1);
    let now_damaged = count(&[number(1)], &[number(1)], &[number(1)]);
    assert_eq!(Scene::new().facts("A", &now_damaged, &[&tale]).len(), 2);
}

#[test]
fn a_count_that_fits_into_no_event_is_split() {
    let scene = Scene::new();
    let nothing = Tale::new(crate::testing::parcel_lane());
    let many: Vec<_> = (0..5_000).map(number).collect();
    let refusal = scene.refusal("A", &count(&many, &[], &[]), &nothing);
    assert_eq!(refusal, Some(Refusal::BatchTooLarge));
    let refusal = scene.refusal("A", &count(&[], &[], &[]), &nothing);
    assert_eq!(refusal, Some(Refusal::NothingGiven));
}

#[test]
fn a_stopped_parcel_may_be_handed_in() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    let groups = Scene::new().facts("A", &count(&[], &[waybill()], &[]), &[&tale]);
    assert_eq!(groups.len(), 2);
}

#[test]
fn parcels_are_taken_out_all_or_none_each_in_its_own_group() {
    let (mut one, mut two) = (expected(1), expected(2));
    let both = Command::TakeOut { waybills: vec![number(2), number(1), number(2)] };
    one.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
    let actor = Actor::Courier(courier("A"));
    let refused = Scene::new().decide(&actor, &both, &[&one, &two]);
    assert_eq!(refused.err(), Some(Refusal::NotAtStation), "of several none is recorded");

    two.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
    let groups = Scene::new().facts("A", &both, &[&one, &two]);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_parcel_is_taken_out_by_its_courier_once() {
    let scene = Scene::new();
    let out = Command::TakeOut { waybills: vec![waybill()] };
    let mut tale = Tale::out_for_delivery();
    assert_eq!(scene.refusal("A", &out, &tale), Some(Refusal::AlreadyOut));
    assert_eq!(scene.refusal("B", &out, &tale), Some(Refusal::NotAssignedToYou));
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::NoAccess });
    assert_eq!(scene.refusal("A", &out, &tale), None, "a second round starts with a scan");
    tale.station().tells(ParcelRecalled { safety: false });
    assert_eq!(scene.refusal("A", &out, &tale), Some(Refusal::Recalled));
}

#[test]
fn a_stopped_parcel_refuses_every_act_that_moves_it_on() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::ProhibitedGoods });
    let waybill = waybill();
    let scene = Scene::new();
    for command in [
        Command::TakeOut { waybills: vec![waybill.clone()] },
        Command::Arrive { waybill: waybill.clone() },
        Command::FailAttempt { waybill: waybill.clone(), cause: AttemptFailure::Absent },
        Command::Refuse {
            waybill: waybill.clone(),
            class: crate::delivery::RefusalClass::Goods,
            reason: None,
        },
        Command::StartReturn { waybill: waybill.clone() },
        Command::PickUp { waybill: waybill.clone(), scanned: true, code: None },
    ] {
        assert_eq!(scene.refusal("A", &command, &tale), Some(Refusal::Frozen));
    }
    for command in [
        Command::Assign { waybill: waybill.clone(), courier: courier("B") },
        Command::AuthoriseReturn { waybill: waybill.clone() },
    ] {
        let refusal = scene.refusal_to(&clerk_acts(), &command, &tale);
        assert_eq!(refusal, Some(Refusal::Frozen));
    }
    let release = Command::Release { waybill };
    assert_eq!(scene.refusal("A", &release, &tale), Some(Refusal::NotForThisActor));
    assert_eq!(scene.refusal_to(&clerk_acts(), &release, &tale), None);
}

#[test]
fn the_stations_orders_are_the_stations() {
    let scene = Scene::new();
    let tale = Tale::out_for_delivery();
    let waybill = waybill();
    for command in [
        Command::Assign { waybill: waybill.clone(), courier: courier("B") },
        Command::Freeze { waybill: waybill.clone(), reason: FreezeReason::Authority },
        Command::Recall { waybill: waybill.clone(), safety: false },
    ] {
        assert_eq!(scene.refusal("A", &command, &tale), Some(Refusal::NotForThisActor));
        assert_eq!(scene.refusal_to(&clerk_acts(), &command, &tale), None);
    }
    let elsewhere = StationId::new("JL99").unwrap();
    let mut other = Tale::out_for_delivery();
    if let Fact::ParcelAnnounced(fact) = &mut other.events[0].fact {
        fact.station = elsewhere;
    }
    let recall = Command::Recall { waybill, safety: false };
    let refusal = scene.refusal_to(&clerk_acts(), &recall, &other);
    assert_eq!(refusal, Some(Refusal::NotYourStation));
}

#[test]
fn only_safety_recalls_a_delivered_parcel() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(handed_over());
    let scene = Scene::new();
    let recall = |safety| Command::Recall { waybill: waybill(), safety };
    let refusal = scene.refusal_to(&clerk_acts(), &recall(false), &tale);
    assert_eq!(refusal, Some(Refusal::AlreadyDelivered));
    assert_eq!(scene.refusal_to(&clerk_acts(), &recall(true), &tale), None);
}

#[test]
fn a_second_assignment_is_a_reassignment_with_the_next_epoch() {
    let tale = Tale::out_for_delivery();
    let give = |to| Command::Assign { waybill: waybill(), courier: courier(to) };
    let decision = Scene::new().decide(&clerk_acts(), &give("B"), &[&tale]).ok().unwrap();
    let Fact::ParcelReassigned(fact) = &decision.decided.groups[0][0].fact else { panic!() };
    assert_eq!((&fact.from, fact.epoch), (&courier("A"), 2));
    let refusal = Scene::new().refusal_to(&clerk_acts(), &give("A"), &tale);
    assert_eq!(refusal, Some(Refusal::AlreadyAssigned));
}

#[test]
fn a_courier_corrects_what_he_recorded_and_nothing_else() {
    let scene = Scene::new();
    let mut tale = Tale::out_for_delivery();
    let his = tale.by("A").tells(handed_over());
    let order = tale.station().tells(ParcelRecalled { safety: true });
    let correct = |event| Command::Correct {
        lane: tale.lane.clone(),
        event,
        reason: CorrectionReason::DidNotOccur,
        note: "wrong parcel".into(),
    };
    assert_eq!(scene.refusal("A", &correct(his), &tale), None);
    for (no, event) in [("B", his), ("A", order), ("A", EventId(uuid::Uuid::nil()))] {
        let refusal = scene.refusal(no, &correct(event), &tale);
        assert_eq!(refusal, Some(Refusal::NotYourRecord));
    }
    assert_eq!(scene.refusal_to(&clerk_acts(), &correct(order), &tale), None);
}

#[test]
fn a_conflict_is_ruled_for_one_of_its_two_events() {
    let scene = Scene::new();
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    tale.by("B").tells(crate::parcel::ParcelOutForDelivery {});
    let first = tale.by("B").tells(handed_over());
    let second = tale.by("A").having_seen(4).tells(handed_over());
    let rule = |conflict, stands| Command::RuleConflict {
        waybill: waybill(),
        conflict,
        stands,
        note: "the label shows B".into(),
    };
    assert_eq!(scene.refusal_to(&clerk_acts(), &rule(second, first), &tale), None);
    assert_eq!(scene.refusal_to(&clerk_acts(), &rule(second, second), &tale), None);
    let nonsense = scene.refusal_to(&clerk_acts(), &rule(first, second), &tale);
    assert_eq!(nonsense, Some(Refusal::NoSuchConflict));
}

#[test]
fn a_lane_that_needs_an_update_takes_physical_facts_only() {
    let scene = Scene::new();
    let mut tale = Tale::out_for_delivery();
    tale.tells(Fact::Unknown { kind: "ParcelFlown".into(), v: 1, data: "{}".into() });
    tale.events.last_mut().unwrap().envelope.must_understand = true;
    let arrive = Command::Arrive { waybill: waybill() };
    assert_eq!(scene.refusal("A", &arrive, &tale), None);
    let recall = Command::Recall { waybill: waybill(), safety: false };
    let refusal = scene.refusal_to(&clerk_acts(), &recall, &tale);
    assert_eq!(refusal, Some(Refusal::UpdateApp));
}

#[test]
fn an_act_against_a_rule_opens_a_case_in_its_own_group() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    let arrive = Command::Arrive { waybill: waybill() };
    let actor = Actor::Courier(courier("A"));
    let mut decision = Scene::new().decide(&actor, &arrive, &[&tale]).ok().unwrap();
    let refusal = decision.refusal.unwrap();
    assert_eq!(refusal, Refusal::NotAssignedToYou);

    let (scene, station) = (Scene::new(), crate::testing::station());
    let entropy = crate::testing::Counted::default();
    let at = Circumstances {
        now: crate::testing::moment(60),
        actor: &actor,
        station: &station,
        root_key: "",
        policy: &scene.policy,
        directory: &scene.directory,
        codes: &scene.codes,
        slots_taken: Vec::new(),
        address_gap_m: None,
        station_gap_m: None,
        entries: &[],
        pictures: &[],
        entropy: &entropy,
    };
    let mark = against(&mut decision.decided, &refusal, "the list was old", &at);
    assert_eq!(mark.code, "NotAssignedToYou");
    let [act, case] = decision.decided.groups[0].as_slice() else { panic!("two facts") };
    assert_eq!(act.lane, tale.lane);
    let Fact::ExceptionReported(fact) = &case.fact else { panic!() };
    assert_eq!((fact.kind, &fact.waybill), (ExceptionKind::AgainstRule, &Some(waybill())));
    let sealed: Vec<_> = decision.decided.vault.iter().map(|entry| entry.reference).collect();
    assert_eq!(sealed, [mark.reason, fact.note.unwrap()]);
}
