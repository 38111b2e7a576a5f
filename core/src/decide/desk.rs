//! The desk at which a command is decided: the lanes as they stand, and what is written.

use super::{Circumstances, Decided, Decision, Draft, LaneStates};
use crate::complaint::Complaint;
use crate::event::{Fact, Lane};
use crate::exception_report::ExceptionCase;
use crate::fold::LaneState;
use crate::id::CaseId;
use crate::parcel::Parcel;
use crate::privacy::{VaultBody, VaultRef};
use crate::refusal::{Refusal, Verdict};
use crate::waybill::Waybill;

pub(super) struct Desk<'a> {
    pub(super) lanes: &'a LaneStates,
    pub(super) at: &'a Circumstances<'a>,
    pub(super) decided: Decided,
}

impl<'a> Desk<'a> {
    pub(super) fn new(lanes: &'a LaneStates, at: &'a Circumstances<'a>) -> Self {
        Self { lanes, at, decided: Decided::default() }
    }

    pub(super) fn parcel(&self, waybill: &Waybill) -> Result<&'a Parcel, Refusal> {
        let state = self.lanes.get(&Lane::Parcel(waybill.clone()));
        state.and_then(LaneState::parcel).ok_or(Refusal::UnknownParcel)
    }

    pub(super) fn case(&self, case: CaseId) -> Result<&'a ExceptionCase, Refusal> {
        let state = self.lanes.get(&Lane::Exception(case));
        state.and_then(LaneState::exception).ok_or(Refusal::UnknownCase)
    }

    pub(super) fn complaint(&self, case: CaseId) -> Result<&'a Complaint, Refusal> {
        let state = self.lanes.get(&Lane::Complaint(case));
        state.and_then(LaneState::complaint).ok_or(Refusal::UnknownCase)
    }

    pub(super) fn is_known(&self, lane: &Lane) -> bool {
        self.lanes.contains_key(lane)
    }

    /// Seals a free text; blank text is none.
    pub(super) fn text(&mut self, lane: &Lane, text: Option<&str>) -> Option<VaultRef> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        Some(self.decided.seal(lane, &VaultBody::Text(text.to_owned()), self.at))
    }

    /// Seals a free text that is always there.
    pub(super) fn words(&mut self, lane: &Lane, text: &str) -> VaultRef {
        self.decided.seal(lane, &VaultBody::Text(text.trim().to_owned()), self.at)
    }

    /// Records one fact of a parcel, as the rule that judged it allows.
    pub(super) fn tell(
        self,
        verdict: Verdict,
        waybill: &Waybill,
        fact: impl Into<Fact>,
    ) -> Result<Decision, Refusal> {
        self.tell_in(verdict, Lane::Parcel(waybill.clone()), fact)
    }

    /// Records one fact.
    pub(super) fn tell_in(
        self,
        verdict: Verdict,
        lane: Lane,
        fact: impl Into<Fact>,
    ) -> Result<Decision, Refusal> {
        self.tell_all(verdict, vec![vec![Draft { lane, fact: fact.into() }]])
    }

    /// Records groups of facts. A refusal that leaves nothing to record leaves nothing here.
    pub(super) fn tell_all(
        mut self,
        verdict: Verdict,
        groups: Vec<Vec<Draft>>,
    ) -> Result<Decision, Refusal> {
        let refusal = match verdict {
            Err(refusal) if !refusal.can_be_recorded_against() => return Err(refusal),
            verdict => verdict.err(),
        };
        self.decided.groups = groups;
        Ok(Decision { decided: self.decided, refusal, left_out: Vec::new() })
    }
}
