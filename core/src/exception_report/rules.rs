//! What an exception report needs, and in which order a clerk handles it (M41-M47).

use super::{CaseStage, ExceptionAcknowledged, ExceptionCase, ExceptionKind, ExceptionReported};
use crate::decide::Circumstances;
use crate::parcel::rules::station_only;
use crate::refusal::{Refusal, Verdict, refuse_if};

impl ExceptionKind {
    /// Tells whether the kind is always about a parcel.
    pub fn needs_parcel(self) -> bool {
        !matches!(self, Self::Delay | Self::AgainstRule)
    }

    /// Tells whether the kind must be shown (M44): what nobody saw on a picture is hard to claim.
    pub fn needs_evidence(self) -> bool {
        matches!(self, Self::Damage | Self::Shortage)
    }
}

/// Reporting: anybody may, at once. Prohibited goods need no photo first: stopping them does not
/// wait for one.
pub(crate) fn may_report(known: bool, fact: &ExceptionReported) -> Verdict {
    refuse_if(fact.kind == ExceptionKind::AgainstRule, Refusal::KindReserved)?;
    refuse_if(known, Refusal::DuplicateCase)?;
    refuse_if(fact.kind.needs_parcel() && fact.waybill.is_none(), Refusal::ParcelNeeded)?;
    refuse_if(fact.kind.needs_evidence() && fact.evidence.is_empty(), Refusal::EvidenceNeeded)
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

/// Resolving: it was decided.
pub(crate) fn may_resolve(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    open_case(case, at)?;
    refuse_if(case.stage != CaseStage::Decided, Refusal::NotDecided)
}

/// Voiding: there was nothing wrong.
pub(crate) fn may_void(case: &ExceptionCase, at: &Circumstances) -> Verdict {
    open_case(case, at)
}
