//! Commands of an exception case that is worked on, and damage seen at the door.

use super::desk::Desk;
use super::{Decision, Draft};
use crate::command::Command;
use crate::delivery::{
    DeliveryRefused, HandoverMethod, Inspection, ParcelDelivered, RefusalClass, rules as delivery,
};
use crate::event::{Fact, Lane};
use crate::exception_report::{
    ClaimConsentRecorded, DoorWish, DutyExcused, ErrorAnalysisReported, ExceptionClosed,
    ExceptionEscalated, ExceptionKind, ExceptionReopened, ExceptionReported, MisdeliveryStepTaken,
    ParticipantAdded, PartyNotified, ProgressNoted, PromiseKept, PromiseMade, rules,
};
use crate::id::CaseId;
use crate::refusal::{Refusal, Verdict};

pub(super) fn decide(mut desk: Desk, command: &Command) -> Result<Decision, Refusal> {
    let at = desk.at;
    match command {
        Command::ReportDoorDamage { .. } => door_damage(desk, command),
        Command::ExcuseDuty { case, duty, reason } => {
            let verdict = rules::may_excuse(desk.case(*case)?, *duty, reason, at);
            let reason = desk.words(&Lane::Exception(*case), reason);
            tell(desk, verdict, *case, DutyExcused { duty: *duty, reason })
        }
        Command::NotifyParty { case, party, channel } => {
            let verdict = rules::may_work(desk.case(*case)?, at);
            tell(desk, verdict, *case, PartyNotified { party: *party, channel: *channel })
        }
        Command::MakePromise { case, promise, until_ms } => {
            let fact = PromiseMade { promise: *promise, until_ms: *until_ms };
            let verdict = rules::may_promise(desk.case(*case)?, &fact, at);
            tell(desk, verdict, *case, fact)
        }
        Command::KeepPromise { case, promise } => {
            let verdict = rules::may_keep(desk.case(*case)?, *promise, at);
            tell(desk, verdict, *case, PromiseKept { promise: *promise })
        }
        Command::TakeMisdeliveryStep { case, step } => {
            let verdict = rules::may_step(desk.case(*case)?, *step, at);
            tell(desk, verdict, *case, MisdeliveryStepTaken { step: *step })
        }
        Command::ReportErrorAnalysis { case, what, why, remedy, second_address_check } => {
            let lane = Lane::Exception(*case);
            let verdict = rules::may_write(desk.case(*case)?, &[what, why, remedy], at);
            let fact = ErrorAnalysisReported {
                what: desk.words(&lane, what),
                why: desk.words(&lane, why),
                remedy: desk.words(&lane, remedy),
                second_address_check: *second_address_check,
            };
            tell(desk, verdict, *case, fact)
        }
        Command::RecordClaimConsent { case, agreed, channel } => {
            let verdict = rules::may_work(desk.case(*case)?, at);
            tell(desk, verdict, *case, ClaimConsentRecorded { agreed: *agreed, channel: *channel })
        }
        Command::AddParticipant { case, courier } => {
            let verdict = rules::may_add_participant(desk.case(*case)?, courier, at);
            tell(desk, verdict, *case, ParticipantAdded { courier: courier.clone() })
        }
        Command::NoteProgress { case, note } => {
            let verdict = rules::may_write(desk.case(*case)?, &[note], at);
            let note = desk.words(&Lane::Exception(*case), note);
            tell(desk, verdict, *case, ProgressNoted { note })
        }
        Command::EscalateException { case, reason } => {
            let verdict = rules::may_escalate(desk.case(*case)?, reason, at);
            let reason = desk.words(&Lane::Exception(*case), reason);
            tell(desk, verdict, *case, ExceptionEscalated { reason })
        }
        Command::CloseException { case } => {
            let verdict = rules::may_close(desk.case(*case)?, at);
            tell(desk, verdict, *case, ExceptionClosed {})
        }
        Command::ReopenException { case, owner, next_action_ms, reason } => {
            let fact = ExceptionReopened {
                owner: owner.clone(),
                next_action_ms: *next_action_ms,
                reason: desk.words(&Lane::Exception(*case), reason),
            };
            let verdict = rules::may_reopen(desk.case(*case)?, &fact, at);
            tell(desk, verdict, *case, fact)
        }
        _ => Err(Refusal::NotForThisActor),
    }
}

fn tell(
    desk: Desk,
    verdict: Verdict,
    case: CaseId,
    fact: impl Into<Fact>,
) -> Result<Decision, Refusal> {
    desk.tell_in(verdict, Lane::Exception(case), fact)
}

/// Damage at the door (M24, M44): what became of the parcel, then the case with its evidence. One
/// group, so that neither is ever seen without the other; the case is about the group's first event.
fn door_damage(mut desk: Desk, command: &Command) -> Result<Decision, Refusal> {
    let Command::ReportDoorDamage {
        waybill,
        case,
        evidence,
        shows,
        wants,
        identity,
        address_checked,
        proof,
        note,
    } = command
    else {
        return Err(Refusal::UnknownCase);
    };
    let at = desk.at;
    let parcel = desk.parcel(waybill)?;
    let (here, about) = (Lane::Parcel(waybill.clone()), Lane::Exception(*case));
    let reported = ExceptionReported {
        kind: ExceptionKind::Damage,
        waybill: Some(waybill.clone()),
        about: None,
        evidence: evidence.clone(),
        shows: shows.clone(),
        note: desk.text(&about, note.as_deref()),
    };
    rules::may_report(desk.is_known(&about), &reported)?;
    let (verdict, act) = match wants {
        DoorWish::Accepts => {
            let fact = ParcelDelivered {
                method: HandoverMethod::FaceToFace,
                taker: None,
                identity: *identity,
                address_checked: *address_checked,
                inspection: Inspection::OpenedDamaged,
                proof: proof.clone(),
                address_gap_m: at.address_gap_m,
                station_gap_m: at.station_gap_m,
            };
            (delivery::may_deliver(parcel, &fact, at), Fact::from(fact))
        }
        DoorWish::Refuses => {
            let reason = desk.text(&here, note.as_deref());
            let fact = DeliveryRefused { class: RefusalClass::Goods, reason };
            (delivery::may_refuse(parcel, at), Fact::from(fact))
        }
    };
    let group = vec![Draft { lane: here, fact: act }, Draft { lane: about, fact: reported.into() }];
    desk.tell_all(verdict, vec![group])
}
