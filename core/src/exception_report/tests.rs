//! From the report to the end of a case.

use super::*;
use crate::command::Command;
use crate::conflict::{ConflictRow, Ruling};
use crate::deadline::{self, Timeliness};
use crate::delivery::{IdentityCheck, IdentityMethod, Inspection, ProofItem, ProofKind};
use crate::event::{Fact, Group, Lane};
use crate::parcel::GoodsFlags;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::testing::{
    Scene, Tale, case, clerk, clerk_acts, courier, handed_over, moment, parcel_lane, photo, vault,
    waybill,
};
use crate::visibility::{Relation, viewers};

fn report(kind: ExceptionKind) -> Command {
    Command::ReportException {
        case: case(),
        kind,
        waybill: Some(waybill()),
        evidence: vec![photo()],
        shows: vec![Shown::OuterBox],
        note: Some("the corner is wet".into()),
    }
}

fn reported() -> Tale {
    reported_as(ExceptionKind::Damage)
}

fn reported_as(kind: ExceptionKind) -> Tale {
    let mut tale = Tale::new(Lane::Exception(case()));
    tale.by("A").tells(ExceptionReported {
        kind,
        waybill: Some(waybill()),
        about: None,
        evidence: vec![photo()],
        shows: vec![Shown::OuterBox],
        note: None,
    });
    tale
}

fn acknowledged() -> Tale {
    acknowledged_as(ExceptionKind::Damage)
}

fn acknowledged_as(kind: ExceptionKind) -> Tale {
    let mut tale = reported_as(kind);
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
fn a_report_says_which_parcel_and_waits_for_no_photo() {
    let tale = Tale::announced(GoodsFlags::default());
    let without = |kind| Command::ReportException {
        case: case(),
        kind,
        waybill: None,
        evidence: Vec::new(),
        shows: Vec::new(),
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
    assert_eq!(scene.refusal("A", &blind, &tale), None);
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

    let mut tale = acknowledged_as(ExceptionKind::AgainstRule);
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
    let add = Command::AddEvidence { case: case(), evidence: photo(), shows: None };
    assert_eq!(Scene::new().refusal("A", &add, &tale), None);

    let mut late = photo();
    late.id = crate::id::EvidenceId(uuid::Uuid::from_u128(1));
    tale.by("A").tells(EvidenceAdded { evidence: late, shows: None });
    let state = state(&tale);
    assert_eq!(state.evidence.len(), 2);
    let conflict = &state.margin.conflicts[0];
    assert_eq!((conflict.row, conflict.ruling), (ConflictRow::LateEvidence, Ruling::Open));
}

#[test]
fn an_unknown_case_is_not_added_to() {
    let nothing = Tale::new(Lane::Exception(case()));
    let add = Command::AddEvidence { case: case(), evidence: photo(), shows: None };
    assert_eq!(Scene::new().refusal("A", &add, &nothing), Some(Refusal::UnknownCase));
}

fn all_kinds() -> [ExceptionKind; 11] {
    use ExceptionKind::{
        AddressUnclear, AgainstRule, Damage, Delay, Loss, MisSorted, Misdelivery, Missent,
        ProhibitedFound, Refusal, Shortage,
    };
    [
        Damage,
        Shortage,
        Loss,
        Missent,
        MisSorted,
        Delay,
        AddressUnclear,
        Refusal,
        ProhibitedFound,
        Misdelivery,
        AgainstRule,
    ]
}

#[test]
fn every_kind_of_exception_but_the_librarys_own_tells_somebody() {
    for kind in all_kinds() {
        let checklist = exception_checklist(kind);
        assert_eq!(checklist.notify.is_empty(), kind == ExceptionKind::AgainstRule, "{kind:?}");
        assert_eq!(checklist.steps.is_empty(), kind != ExceptionKind::Misdelivery, "{kind:?}");
    }
    let damage = exception_checklist(ExceptionKind::Damage);
    let must = damage.evidence.iter().filter(|item| item.mandatory).map(|item| item.shows);
    assert_eq!(must.collect::<Vec<_>>(), [Shown::OuterBox, Shown::Label, Shown::Contents]);
}

#[test]
fn a_case_says_what_is_missing_and_is_not_resolved_before() {
    let scene = Scene::new();
    let mut tale = acknowledged();
    tale.tells(ExceptionDecided { decision: Decision::Compensate, note: None });
    let resolve = Command::ResolveException { case: case(), cause: Cause::Operations };
    assert_eq!(
        state(&tale).duties(),
        [
            CaseDuty::Show(Shown::Label),
            CaseDuty::Show(Shown::Contents),
            CaseDuty::Notify(CaseParty::Sender)
        ]
    );
    let refusal = scene.refusal_to(&clerk_acts(), &resolve, &tale);
    assert_eq!(refusal, Some(Refusal::EvidenceNeeded));

    let mut label = photo();
    label.id = crate::id::EvidenceId(uuid::Uuid::from_u128(2));
    tale.by("A").tells(EvidenceAdded { evidence: label, shows: Some(Shown::Label) });
    let duty = CaseDuty::Show(Shown::Contents);
    tale.tells(DutyExcused { duty, reason: vault(1) });
    let refusal = scene.refusal_to(&clerk_acts(), &resolve, &tale);
    assert_eq!(refusal, Some(Refusal::PartyNotTold));
    tale.tells(PartyNotified { party: CaseParty::Sender, channel: Channel::Phone });
    assert_eq!(state(&tale).duties(), []);
    assert_eq!(scene.refusal_to(&clerk_acts(), &resolve, &tale), None);
}

#[test]
fn a_photo_that_was_lost_shows_nothing() {
    let mut tale = reported();
    let lost = crate::event::EvidenceLost { evidence: photo().id, sha256: photo().sha256 };
    tale.tells(lost);
    assert!(state(&tale).duties().contains(&CaseDuty::Show(Shown::OuterBox)));
}

#[test]
fn only_what_is_owed_is_excused_and_with_a_reason() {
    let scene = Scene::new();
    let tale = reported();
    let excuse =
        |duty, reason: &str| Command::ExcuseDuty { case: case(), duty, reason: reason.to_owned() };
    let label = CaseDuty::Show(Shown::Label);
    assert_eq!(scene.refusal("A", &excuse(label, "it is torn off"), &tale), None);
    assert_eq!(scene.refusal("A", &excuse(label, "  "), &tale), Some(Refusal::WordsMissing));
    for duty in [CaseDuty::Show(Shown::OuterBox), CaseDuty::ErrorAnalysis] {
        let refusal = scene.refusal("A", &excuse(duty, "no time"), &tale);
        assert_eq!(refusal, Some(Refusal::NothingToExcuse));
    }
}

#[test]
fn a_case_is_worked_on_by_its_reporter_the_station_and_who_was_asked() {
    let scene = Scene::new();
    let note = Command::NoteProgress { case: case(), note: "the box is dry".into() };
    let mut tale = reported();
    assert_eq!(scene.refusal("A", &note, &tale), None);
    assert_eq!(scene.refusal_to(&clerk_acts(), &note, &tale), None);
    assert_eq!(scene.refusal("B", &note, &tale), Some(Refusal::UnknownCase));
    let ask = Command::AddParticipant { case: case(), courier: courier("B") };
    assert_eq!(scene.refusal("A", &ask, &tale), Some(Refusal::NotForThisActor));
    assert_eq!(scene.refusal_to(&clerk_acts(), &ask, &tale), None);
    tale.station().tells(ParticipantAdded { courier: courier("B") });
    assert_eq!(scene.refusal("B", &note, &tale), None);
    let refusal = scene.refusal_to(&clerk_acts(), &ask, &tale);
    assert_eq!(refusal, Some(Refusal::AlreadyTakesPart));
    assert_eq!(
        viewers(&tale.lane, &tale.state()),
        [(courier("A"), Relation::Owner), (courier("B"), Relation::Owner)]
    );
    tale.by("B").tells(ProgressNoted { note: vault(1) });
    assert_eq!(state(&tale).notes.len(), 1);
}

#[test]
fn work_on_an_owned_case_brings_it_into_progress() {
    let mut tale = acknowledged();
    tale.tells(ParticipantAdded { courier: courier("B") });
    assert_eq!(state(&tale).stage, CaseStage::Acknowledged);
    tale.tells(ProgressNoted { note: vault(1) });
    assert_eq!(state(&tale).stage, CaseStage::InProgress);
}

#[test]
fn a_promise_is_made_for_a_time_to_come_and_kept_once() {
    let scene = Scene::new();
    let mut tale = reported();
    let promise =
        |until_ms| Command::MakePromise { case: case(), promise: Promised::BringParcel, until_ms };
    let keep = Command::KeepPromise { case: case(), promise: Promised::BringParcel };
    let in_two_hours = moment(180).ms;
    assert_eq!(scene.refusal("A", &promise(moment(60).ms), &tale), Some(Refusal::PromisePast));
    assert_eq!(scene.refusal("A", &keep, &tale), Some(Refusal::NoSuchPromise));
    assert_eq!(scene.refusal("A", &promise(in_two_hours), &tale), None);
    tale.tells(PromiseMade { promise: Promised::BringParcel, until_ms: in_two_hours });
    assert_eq!(scene.refusal("A", &promise(in_two_hours), &tale), Some(Refusal::PromiseOpen));
    assert!(state(&tale).duties().contains(&CaseDuty::Keep(Promised::BringParcel)));
    let made = state(&tale).promises[0];
    assert_eq!(deadline::promise(&made, &moment(60)).1, Timeliness::Running);
    assert_eq!(deadline::promise(&made, &moment(181)).1, Timeliness::Late);

    tale.tells(PromiseKept { promise: Promised::BringParcel });
    assert_eq!(scene.refusal("A", &keep, &tale), Some(Refusal::NoSuchPromise));
    assert_eq!(deadline::promise(&state(&tale).promises[0], &moment(500)).1, Timeliness::OnTime);
}

#[test]
fn a_misdelivery_is_resolved_by_its_playbook_only() {
    let scene = Scene::new();
    let mut tale = acknowledged_as(ExceptionKind::Misdelivery);
    tale.tells(ExceptionDecided { decision: Decision::Redeliver, note: None });
    let resolve = Command::ResolveException { case: case(), cause: Cause::Courier };
    let says = |tale: &Tale| scene.refusal_to(&clerk_acts(), &resolve, tale);
    let mut place = photo();
    place.id = crate::id::EvidenceId(uuid::Uuid::from_u128(3));
    tale.by("A").tells(EvidenceAdded { evidence: place, shows: Some(Shown::Place) });
    for party in [CaseParty::Recipient, CaseParty::WrongTaker] {
        tale.tells(PartyNotified { party, channel: Channel::Phone });
    }
    assert_eq!(says(&tale), Some(Refusal::PlaybookOpen), "nothing is promised");
    let until_ms = moment(180).ms;
    tale.tells(PromiseMade { promise: Promised::BringParcel, until_ms });
    let steps = exception_checklist(ExceptionKind::Misdelivery).steps;
    assert_eq!(steps[0], MisdeliveryStep::RecipientContacted);
    for step in steps {
        assert_eq!(says(&tale), Some(Refusal::PlaybookOpen));
        let command = Command::TakeMisdeliveryStep { case: case(), step };
        assert_eq!(scene.refusal("A", &command, &tale), None);
        tale.tells(MisdeliveryStepTaken { step });
        assert_eq!(scene.refusal("A", &command, &tale), Some(Refusal::StepTakenBefore));
    }
    assert_eq!(says(&tale), Some(Refusal::PromiseOpen));
    tale.tells(PromiseKept { promise: Promised::BringParcel });
    assert_eq!(says(&tale), Some(Refusal::ErrorAnalysisMissing));
    tale.tells(ErrorAnalysisReported {
        what: vault(1),
        why: vault(2),
        remedy: vault(3),
        second_address_check: true,
    });
    assert_eq!(says(&tale), None);
}

#[test]
fn the_recipient_of_a_misdelivery_is_spoken_to_in_a_quarter_of_an_hour() {
    let policy = Policy::default();
    let mut tale = reported_as(ExceptionKind::Misdelivery);
    let standing = |tale: &Tale, now| {
        deadline::misdelivery_contact(&state(tale), &policy, &moment(now)).map(|(_, how)| how)
    };
    assert_eq!(standing(&tale, 15), Some(Timeliness::Running));
    assert_eq!(standing(&tale, 16), Some(Timeliness::Late));
    tale.tells(MisdeliveryStepTaken { step: MisdeliveryStep::RecipientContacted });
    assert_eq!(standing(&tale, 16), Some(Timeliness::OnTime));
    assert_eq!(standing(&reported(), 16), None, "another kind has no such clock");
}

#[test]
fn feedback_runs_from_the_acknowledgement_once_the_policy_says_how_long() {
    let mut tale = acknowledged();
    let none = Policy::default();
    assert_eq!(deadline::exception_feedback(&state(&tale), &none, &moment(30)), None);
    let policy = Policy { exception_feedback_min: Some(30), ..Policy::default() };
    let standing = |tale: &Tale, now| {
        deadline::exception_feedback(&state(tale), &policy, &moment(now)).map(|(_, how)| how)
    };
    assert_eq!(standing(&reported(), 5), None, "nobody owns it");
    assert_eq!(standing(&tale, 31), Some(Timeliness::Running));
    assert_eq!(standing(&tale, 32), Some(Timeliness::Late));
    tale.tells(PartyNotified { party: CaseParty::Sender, channel: Channel::Phone });
    assert_eq!(standing(&tale, 99), Some(Timeliness::OnTime));
}

#[test]
fn steps_of_a_misdelivery_belong_to_one() {
    let step = MisdeliveryStep::TakerAgreed;
    let take = Command::TakeMisdeliveryStep { case: case(), step };
    let refusal = Scene::new().refusal("A", &take, &reported());
    assert_eq!(refusal, Some(Refusal::NotAMisdelivery));
}

#[test]
fn an_analysis_says_what_why_and_what_against_it() {
    let analyse = |remedy: &str| Command::ReportErrorAnalysis {
        case: case(),
        what: "the neighbour got it".into(),
        why: "the labels were alike".into(),
        remedy: remedy.into(),
        second_address_check: true,
    };
    let (scene, tale) = (Scene::new(), reported_as(ExceptionKind::Misdelivery));
    assert_eq!(scene.refusal("A", &analyse(" "), &tale), Some(Refusal::WordsMissing));
    let groups = scene.facts("A", &analyse("read the room number aloud"), &[&tale]);
    let Fact::ErrorAnalysisReported(fact) = &groups[0][0].fact else { panic!() };
    assert!(fact.second_address_check);
}

#[test]
fn a_case_ends_is_filed_and_goes_on_with_an_owner() {
    let scene = Scene::new();
    let says = |command: &Command, tale: &Tale| scene.refusal_to(&clerk_acts(), command, tale);
    let close = Command::CloseException { case: case() };
    let reopen = |next_action_ms| Command::ReopenException {
        case: case(),
        owner: clerk(),
        next_action_ms,
        reason: "a neighbour called".into(),
    };
    let mut tale = acknowledged();
    assert_eq!(says(&close, &tale), Some(Refusal::NotResolved));
    assert_eq!(says(&reopen(moment(90).ms), &tale), Some(Refusal::CaseStillOpen));
    tale.tells(ExceptionDecided { decision: Decision::Hold, note: None });
    tale.tells(ExceptionResolved { cause: Cause::Sender });
    assert_eq!(says(&close, &tale), None);
    tale.tells(ExceptionClosed {});
    assert_eq!(state(&tale).stage, CaseStage::Closed);
    assert_eq!(says(&close, &tale), Some(Refusal::NotResolved));
    assert_eq!(says(&reopen(moment(60).ms), &tale), Some(Refusal::NextActionPast));
    assert_eq!(says(&reopen(moment(90).ms), &tale), None);
    assert_eq!(scene.refusal("A", &reopen(moment(90).ms), &tale), Some(Refusal::NotForThisActor));
    let next_action_ms = moment(90).ms;
    tale.tells(ExceptionReopened { owner: clerk(), next_action_ms, reason: vault(1) });
    let case = state(&tale);
    assert_eq!((case.stage, case.reopened), (CaseStage::InProgress, 1));
    assert_eq!((case.owner, case.next_action_ms), (Some(clerk()), Some(next_action_ms)));
}

#[test]
fn late_evidence_proposes_to_open_the_case_again_and_opening_settles_it() {
    let mut tale = acknowledged();
    tale.tells(ExceptionVoided {});
    let mut late = photo();
    late.id = crate::id::EvidenceId(uuid::Uuid::from_u128(1));
    tale.by("A").tells(EvidenceAdded { evidence: late, shows: Some(Shown::Contents) });
    assert!(state(&tale).reopening_proposed());
    assert_eq!(state(&tale).stage, CaseStage::Voided, "proposed, not forced");
    tale.station().tells(ExceptionReopened {
        owner: clerk(),
        next_action_ms: moment(90).ms,
        reason: vault(1),
    });
    assert!(!state(&tale).reopening_proposed());
}

#[test]
fn a_case_is_escalated_once() {
    let escalate = Command::EscalateException { case: case(), reason: "the value".into() };
    let (scene, mut tale) = (Scene::new(), reported());
    assert_eq!(scene.refusal("A", &escalate, &tale), None);
    tale.tells(ExceptionEscalated { reason: vault(1) });
    assert_eq!(state(&tale).escalated_at, Some(moment(1)));
    assert_eq!(scene.refusal("A", &escalate, &tale), Some(Refusal::AlreadyEscalated));
}

#[test]
fn the_agenda_lists_orphans_first_and_then_by_the_next_action() {
    let id = |n| CaseId(uuid::Uuid::from_u128(n));
    let (orphan, mut later, mut ended) = (reported(), acknowledged(), acknowledged());
    let sooner = state(&later);
    later.tells(ExceptionAcknowledged { owner: clerk(), next_action_ms: moment(300).ms });
    ended.tells(ExceptionVoided {});
    let (orphan, later, ended) = (state(&orphan), state(&later), state(&ended));
    let list = agenda([(id(1), &later), (id(2), &sooner), (id(3), &ended), (id(4), &orphan)]);
    let order: Vec<_> = list.iter().map(|open| (open.case, open.orphan)).collect();
    assert_eq!(order, [(id(4), true), (id(2), false), (id(1), false)]);
}

#[test]
fn a_review_counts_kinds_causes_couriers_and_weeks_and_names_no_customer() {
    let mut done = acknowledged();
    done.tells(ExceptionDecided { decision: Decision::Hold, note: None });
    done.tells(ExceptionResolved { cause: Cause::Sender });
    let (open, done) = (state(&reported()), state(&done));
    let lines = review([&open, &done, &done]);
    let counts: Vec<_> = lines.iter().map(|line| (line.cause, line.count)).collect();
    assert_eq!(counts, [(None, 1), (Some(Cause::Sender), 2)]);
    assert_eq!((lines[0].week.as_str(), &lines[0].courier), ("2026-W47", &Some(courier("A"))));
    let text = serde_json::to_string(&lines).unwrap();
    assert!(!text.contains(waybill().as_str()) && !text.contains(&case().to_string()));
}

#[test]
fn a_claim_is_put_together_once_the_customer_agreed() {
    let mut tale = reported();
    let none = claim_packet(case(), &state(&tale), None);
    assert_eq!(none, Err(Refusal::ClaimNotAgreed));
    tale.tells(ClaimConsentRecorded { agreed: true, channel: Channel::InPerson });
    let parcel = Tale::out_for_delivery().parcel();
    let packet = claim_packet(case(), &state(&tale), Some(&parcel)).unwrap();
    assert_eq!(packet.evidence.len(), 1);
    assert_eq!(packet.evidence[0].sha256, Some(photo().sha256));
    assert_eq!((packet.freight, packet.agreed_at), (parcel.freight, moment(1)));
    tale.tells(ClaimConsentRecorded { agreed: false, channel: Channel::InPerson });
    assert!(claim_packet(case(), &state(&tale), None).is_err(), "his last word counts");
}

fn door_damage(wants: DoorWish) -> Command {
    Command::ReportDoorDamage {
        waybill: waybill(),
        case: case(),
        evidence: vec![photo()],
        shows: vec![Shown::Contents],
        wants,
        identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
        address_checked: true,
        proof: vec![ProofItem { kind: ProofKind::Pin, evidence: None }],
        note: Some("the glass is broken".into()),
    }
}

#[test]
fn damage_at_the_door_is_one_act_whatever_the_customer_wants() {
    let (scene, tale) = (Scene::new(), Tale::out_for_delivery());
    for wants in [DoorWish::Accepts, DoorWish::Refuses] {
        let groups = scene.facts("A", &door_damage(wants), &[&tale]);
        let [group] = groups.as_slice() else { panic!("one group") };
        let [act, report] = group.as_slice() else { panic!("two lanes") };
        assert_eq!((&act.lane, &report.lane), (&parcel_lane(), &Lane::Exception(case())));
        match (&act.fact, wants) {
            (Fact::ParcelDelivered(fact), DoorWish::Accepts) => {
                assert_eq!(fact.inspection, Inspection::OpenedDamaged);
            }
            (Fact::DeliveryRefused(_), DoorWish::Refuses) => {}
            (fact, _) => panic!("{}", fact.kind()),
        }
        let Fact::ExceptionReported(fact) = &report.fact else { panic!() };
        assert_eq!((fact.kind, fact.evidence.len()), (ExceptionKind::Damage, 1));
    }
    let again = scene.decide(
        &crate::event::Actor::Courier(courier("A")),
        &door_damage(DoorWish::Refuses),
        &[&tale, &reported()],
    );
    assert_eq!(again.err(), Some(Refusal::DuplicateCase));
    let mut without = door_damage(DoorWish::Accepts);
    if let Command::ReportDoorDamage { proof, .. } = &mut without {
        proof.clear();
    }
    assert_eq!(scene.refusal("A", &without, &tale), Some(Refusal::ProofMissing));
}

#[test]
fn a_case_reported_in_one_act_with_something_else_is_about_that() {
    let mut tale = reported();
    let first = crate::id::EventId(uuid::Uuid::from_u128(0xD00E));
    tale.events[0].envelope.group = Some(Group { first, size: 2 });
    assert_eq!(state(&tale).about, Some(first));
    let itself = tale.events[0].envelope.id;
    tale.events[0].envelope.group = Some(Group { first: itself, size: 2 });
    assert_eq!(state(&tale).about, None, "the report itself came first");
}
