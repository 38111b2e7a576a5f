//! From the report to the end of a case.

use super::*;
use crate::command::Command;
use crate::conflict::{ConflictRow, Ruling};
use crate::event::{Fact, Lane};
use crate::parcel::GoodsFlags;
use crate::refusal::Refusal;
use crate::testing::{
    Scene, Tale, case, clerk, clerk_acts, handed_over, moment, parcel_lane, photo, waybill,
};

fn report(kind: ExceptionKind) -> Command {
    let evidence = if kind.needs_evidence() { vec![photo()] } else { Vec::new() };
    Command::ReportException {
        case: case(),
        kind,
        waybill: Some(waybill()),
        evidence,
        note: Some("the corner is wet".into()),
    }
}

fn reported() -> Tale {
    let mut tale = Tale::new(Lane::Exception(case()));
    tale.by("A").tells(ExceptionReported {
        kind: ExceptionKind::Damage,
        waybill: Some(waybill()),
        about: None,
        evidence: vec![photo()],
        note: None,
    });
    tale
}

fn acknowledged() -> Tale {
    let mut tale = reported();
    tale.station().tells(ExceptionAcknowledged { owner: clerk(), next_action_ms: moment(90).ms });
    tale
}

fn state(tale: &Tale) -> ExceptionCase {
    tale.state().exception().unwrap().clone()
}

#[test]
fn a_report_opens_a_case_of_its_own() {
    let tale = Tale::out_for_delivery();
    let groups = Scene::new().facts("A", &report(ExceptionKind::Damage), &[&tale]);
    assert_eq!(groups.len(), 1);
    let [draft] = groups[0].as_slice() else { panic!("the parcel's lane is left alone") };
    assert_eq!(draft.lane, Lane::Exception(case()));
    let state = state(&reported());
    assert_eq!((state.stage, state.evidence.len()), (CaseStage::Reported, 1));
}

#[test]
fn prohibited_goods_stop_in_the_same_act() {
    let tale = Tale::out_for_delivery();
    let groups = Scene::new().facts("A", &report(ExceptionKind::ProhibitedFound), &[&tale]);
    let [_, frozen] = groups[0].as_slice() else { panic!("one group of two") };
    assert_eq!(frozen.lane, parcel_lane());
    assert!(matches!(frozen.fact, Fact::ParcelFrozen(_)));

    let unknown = Tale::new(parcel_lane());
    let groups = Scene::new().facts("A", &report(ExceptionKind::ProhibitedFound), &[&unknown]);
    assert_eq!(groups[0].len(), 1, "an unknown parcel has no lane to stop in");
}

#[test]
fn a_report_says_which_parcel_and_shows_the_damage() {
    let tale = Tale::announced(GoodsFlags::default());
    let without = |kind| Command::ReportException {
        case: case(),
        kind,
        waybill: None,
        evidence: Vec::new(),
        note: None,
    };
    let scene = Scene::new();
    let refusal = scene.refusal("A", &without(ExceptionKind::Loss), &tale);
    assert_eq!(refusal, Some(Refusal::ParcelNeeded));
    assert_eq!(scene.refusal("A", &without(ExceptionKind::Delay), &tale), None);

    let mut blind = report(ExceptionKind::Damage);
    if let Command::ReportException { evidence, .. } = &mut blind {
        evidence.clear();
    }
    assert_eq!(scene.refusal("A", &blind, &tale), Some(Refusal::EvidenceNeeded));
}

#[test]
fn a_case_is_opened_once_and_its_own_kind_is_the_librarys() {
    let scene = Scene::new();
    let refusal = scene.refusal("A", &report(ExceptionKind::Damage), &reported());
    assert_eq!(refusal, Some(Refusal::DuplicateCase));
    let refusal = scene.refusal("A", &report(ExceptionKind::AgainstRule), &reported());
    assert_eq!(refusal, Some(Refusal::KindReserved));
}

#[test]
fn a_misdelivery_names_the_hand_over_it_is_about() {
    let mut tale = Tale::out_for_delivery();
    let delivered = tale.by("A").tells(handed_over());
    let groups = Scene::new().facts("A", &report(ExceptionKind::Misdelivery), &[&tale]);
    let Fact::ExceptionReported(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!(fact.about, Some(delivered));
}

#[test]
fn a_case_is_acknowledged_decided_and_resolved_in_this_order_by_the_station() {
    let scene = Scene::new();
    let clerk_says =
        |command: &Command, tale: &Tale| scene.refusal_to(&clerk_acts(), command, tale);
    let acknowledge =
        |next_action_ms| Command::Acknowledge { case: case(), owner: clerk(), next_action_ms };
    let decide =
        Command::DecideException { case: case(), decision: Decision::Compensate, note: None };
    let resolve = Command::ResolveException { case: case(), cause: Cause::Operations };
    let tale = reported();
    let soon = acknowledge(moment(90).ms);
    assert_eq!(scene.refusal("A", &soon, &tale), Some(Refusal::NotForThisActor));
    let past = acknowledge(moment(60).ms);
    assert_eq!(clerk_says(&past, &tale), Some(Refusal::NextActionPast));
    assert_eq!(clerk_says(&decide, &tale), Some(Refusal::NotAcknowledged));
    assert_eq!(clerk_says(&soon, &tale), None);

    let mut tale = acknowledged();
    assert_eq!(clerk_says(&resolve, &tale), Some(Refusal::NotDecided));
    assert_eq!(clerk_says(&decide, &tale), None);
    tale.tells(ExceptionDecided { decision: Decision::Compensate, note: None });
    assert_eq!(clerk_says(&resolve, &tale), None);
    tale.tells(ExceptionResolved { cause: Cause::Operations });
    assert_eq!(clerk_says(&resolve, &tale), Some(Refusal::CaseClosed));
    assert_eq!(clerk_says(&soon, &tale), Some(Refusal::CaseClosed));
}

#[test]
fn late_evidence_is_kept_and_shown() {
    let mut tale = acknowledged();
    tale.station().tells(ExceptionVoided {});
    let add = Command::AddEvidence { case: case(), evidence: photo() };
    assert_eq!(Scene::new().refusal("A", &add, &tale), None);

    let mut late = photo();
    late.id = crate::id::EvidenceId(uuid::Uuid::from_u128(1));
    tale.by("A").tells(EvidenceAdded { evidence: late });
    let state = state(&tale);
    assert_eq!(state.evidence.len(), 2);
    let conflict = &state.margin.conflicts[0];
    assert_eq!((conflict.row, conflict.ruling), (ConflictRow::LateEvidence, Ruling::Open));
}

#[test]
fn an_unknown_case_is_not_added_to() {
    let nothing = Tale::new(Lane::Exception(case()));
    let add = Command::AddEvidence { case: case(), evidence: photo() };
    assert_eq!(Scene::new().refusal("A", &add, &nothing), Some(Refusal::UnknownCase));
}
