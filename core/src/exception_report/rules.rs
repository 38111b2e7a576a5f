//! What an exception report needs, in which order a clerk handles it, and who works
//! on it (M41-M51).

use super::{
    CaseDuty, CaseStage, ExceptionAcknowledged, ExceptionCase, ExceptionKind, ExceptionReopened,
    ExceptionReported, MisdeliveryStep, PromiseMade, Promised,
};
use crate::decide::Circumstances;
use crate::parcel::rules::station_only;
use crate::refusal::{Refusal, Verdict, refuse_if};

impl ExceptionKind {
    /// Tells whether the kind is always about a parcel.
    pub fn needs_parcel(self) -> bool {
        !matches!(self, Self::Delay | Self::AgainstRule)
    }
}

/// Reporting: anybody may, at once (M42). What the kind asks to see may come afterwards: a report
/// does not wait for a photo.
pub(crate) fn may_report(known: bool, fact: &ExceptionReported) -> Verdict {
    refuse_if(fact.kind == ExceptionKind::AgainstRule, Refusal::KindReserved)?;
    refuse_if(known, Refusal::DuplicateCase)?;
    refuse_if(fact.kind.needs_parcel() && fact.waybill.is_none(), Refusal::ParcelNeeded)
}

fn open_case(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    station_only(at)?;
    refuse_if(case.stage.is_closed(), Refusal::CaseClosed)
}

/// Owning it, or setting the next step: every open case has an owner and a next action (C4.18).
pub(crate) fn may_acknowledge(
    case: &ExceptionCase,
    fact: &ExceptionAcknowledged,
    at: &Circumstances,
) -> Verdict {
    open_case(case, at)?;
    refuse_if(fact.next_action_ms <= at.now.ms, Refusal::NextActionPast)
}

/// Deciding: somebody owns it.
pub(crate) fn may_decide(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    open_case(case, at)?;
    refuse_if(case.owner.is_none(), Refusal::NotAcknowledged)
}

/// Resolving: it was decided, and what its kind asks for is done or excused (M44, M46, M51).
pub(crate) fn may_resolve(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    open_case(case, at)?;
    refuse_if(case.stage != CaseStage::Decided, Refusal::NotDecided)?;
    case.duties().first().map_or(Ok(()), |duty| {
        Err(match duty {
            CaseDuty::Show(_) => Refusal::EvidenceNeeded,
            CaseDuty::Notify(_) => Refusal::PartyNotTold,
            CaseDuty::Promise | CaseDuty::Step(_) => Refusal::PlaybookOpen,
            CaseDuty::Keep(_) => Refusal::PromiseOpen,
            CaseDuty::ErrorAnalysis => Refusal::ErrorAnalysisMissing,
        })
    })
}

/// Voiding: there was nothing wrong.
pub(crate) fn may_void(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    open_case(case, at)
}

/// Filing: it was resolved.
pub(crate) fn may_close(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    station_only(at)?;
    refuse_if(case.stage != CaseStage::Resolved, Refusal::NotResolved)
}

/// Opening again: it had ended, and somebody owns it from now on (C4.18).
pub(crate) fn may_reopen(
    case: &ExceptionCase,
    fact: &ExceptionReopened,
    at: &Circumstances,
) -> Verdict {
    station_only(at)?;
    refuse_if(!case.stage.is_closed(), Refusal::CaseStillOpen)?;
    refuse_if(fact.next_action_ms <= at.now.ms, Refusal::NextActionPast)
}

/// Working on it: the station, who reported it, and who was asked to take part (M49). To others the
/// case does not exist.
pub(crate) fn may_work(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    let outsider = at.actor.courier().is_some_and(|courier| !case.concerns(courier));
    refuse_if(outsider, Refusal::UnknownCase)?;
    refuse_if(!case.is_open(), Refusal::CaseClosed)
}

/// Working on it in words: they must be there.
pub(crate) fn may_write(case: &ExceptionCase, texts: &[&str], at: &Circumstances) -> Verdict {
    may_work(case, at)?;
    refuse_if(texts.iter().any(|text| text.trim().is_empty()), Refusal::WordsMissing)
}

/// Excusing what cannot be had, with a reason: something the kind asks for.
pub(crate) fn may_excuse(
    case: &ExceptionCase,
    duty: CaseDuty,
    reason: &str,
    at: &Circumstances,
) -> Verdict {
    may_write(case, &[reason], at)?;
    let owed = duty.can_be_excused() && case.duties().contains(&duty);
    refuse_if(!owed, Refusal::NothingToExcuse)
}

/// Promising: a time that is still to come, and one promise of a kind at a time.
pub(crate) fn may_promise(case: &ExceptionCase, fact: &PromiseMade, at: &Circumstances) -> Verdict {
    may_work(case, at)?;
    refuse_if(fact.until_ms <= at.now.ms, Refusal::PromisePast)?;
    refuse_if(has_open(case, fact.promise), Refusal::PromiseOpen)
}

/// Keeping a promise: there is one.
pub(crate) fn may_keep(case: &ExceptionCase, promise: Promised, at: &Circumstances) -> Verdict {
    may_work(case, at)?;
    refuse_if(!has_open(case, promise), Refusal::NoSuchPromise)
}

fn has_open(case: &ExceptionCase, promise: Promised) -> bool {
    case.promises.iter().any(|made| made.promise == promise && made.kept_at.is_none())
}

/// A step of the playbook: of a misdelivery, once (M51).
pub(crate) fn may_step(case: &ExceptionCase, step: MisdeliveryStep, at: &Circumstances) -> Verdict {
    may_work(case, at)?;
    refuse_if(case.kind != Some(ExceptionKind::Misdelivery), Refusal::NotAMisdelivery)?;
    let taken = case.steps.iter().any(|taken| taken.step == step);
    refuse_if(taken, Refusal::StepTakenBefore)
}

/// Asking a courier to take part: the station, of one who does not yet.
pub(crate) fn may_add_participant(
    case: &ExceptionCase,
    courier: &crate::id::CourierNo,
    at: &Circumstances,
) -> Verdict {
    open_case(case, at)?;
    refuse_if(case.concerns(courier), Refusal::AlreadyTakesPart)
}

/// Asking for somebody above the station: once, with a reason (C2).
pub(crate) fn may_escalate(case: &ExceptionCase, reason: &str, at: &Circumstances) -> Verdict {
    may_write(case, &[reason], at)?;
    refuse_if(case.escalated_at.is_some(), Refusal::AlreadyEscalated)
}
