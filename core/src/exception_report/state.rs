//! What is so now with one exception case (DOMAIN.md C2).

use serde::{Deserialize, Serialize};

use super::{
    CaseDuty, CaseParty, Cause, Decision, ExceptionKind, MisdeliveryStep, Promised, Shown,
};
use crate::conflict::{ConflictRow, Incoming, Margin, Mark, Ruling, is_default};
use crate::delivery::Channel;
use crate::event::{Actor, Event, Fact};
use crate::evidence::EvidenceRef;
use crate::id::{ClerkNo, CourierNo, Digest, EventId, EvidenceId};
use crate::privacy::VaultRef;
use crate::time::Moment;
use crate::waybill::Waybill;

/// Where the case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CaseStage {
    /// Nothing was reported; a draft counts for nothing.
    #[default]
    Unreported,
    /// Reported (已上报).
    Reported,
    /// A clerk owns it.
    Acknowledged,
    /// Somebody works on it (处理中).
    InProgress,
    /// Decided.
    Decided,
    /// Done.
    Resolved,
    /// Looked over and filed (已关闭).
    Closed,
    /// There was nothing wrong.
    Voided,
}

impl CaseStage {
    /// Tells whether nothing more is to be done.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed | Self::Voided)
    }
}

/// One item of evidence in a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEvidence {
    /// The item.
    pub id: EvidenceId,
    /// It was lost on the phone before it reached the hub.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lost: bool,
    /// It was erased with the person it may show.
    #[serde(default, skip_serializing_if = "is_default")]
    pub erased: bool,
    /// What it shows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shows: Option<Shown>,
    /// SHA-256 of the file as it was captured.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sha256: Option<Digest>,
}

impl CaseEvidence {
    /// Tells whether it can be looked at: neither lost nor erased.
    pub fn is_here(&self) -> bool {
        !self.lost && !self.erased
    }
}

/// Somebody who was told of the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyTold {
    /// Who.
    pub party: CaseParty,
    /// How.
    pub channel: Channel,
    /// When.
    pub at: Moment,
}

/// A promise to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasePromise {
    /// What.
    pub promise: Promised,
    /// When it was made.
    pub made_at: Moment,
    /// By when it is to be kept, UTC milliseconds.
    pub until_ms: i64,
    /// When it was kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kept_at: Option<Moment>,
}

/// A step of the misdelivery playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// Which.
    pub step: MisdeliveryStep,
    /// When.
    pub at: Moment,
}

/// The error analysis, its words in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnalysis {
    /// What happened.
    pub what: VaultRef,
    /// Why.
    pub why: VaultRef,
    /// What is done against it.
    pub remedy: VaultRef,
    /// It asks for a second look at the address.
    pub second_address_check: bool,
}

/// What the customer said about help with the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimConsent {
    /// He agreed.
    pub agreed: bool,
    /// How he said so.
    pub channel: Channel,
    /// When.
    pub at: Moment,
}

/// A note of somebody who works on the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Moment,
    /// In words, in the vault.
    pub note: VaultRef,
}

/// One exception case, as its lane tells it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExceptionCase {
    /// What is wrong; none for a recovery, or before the report.
    #[serde(skip_serializing_if = "is_default")]
    pub kind: Option<ExceptionKind>,
    /// The parcel.
    #[serde(skip_serializing_if = "is_default")]
    pub waybill: Option<Waybill>,
    /// The event it is about.
    #[serde(skip_serializing_if = "is_default")]
    pub about: Option<EventId>,
    /// Who reported it.
    #[serde(skip_serializing_if = "is_default")]
    pub reporter: Option<Actor>,
    /// When it was reported: capture time, not arrival.
    #[serde(skip_serializing_if = "is_default")]
    pub reported_at: Option<Moment>,
    /// What the reporter saw, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub note: Option<VaultRef>,
    /// Where it stands.
    pub stage: CaseStage,
    /// It cannot wait: safety or prohibited goods.
    #[serde(skip_serializing_if = "is_default")]
    pub urgent: bool,
    /// It asks for a parcel to be brought back that was delivered by this event.
    #[serde(skip_serializing_if = "is_default")]
    pub recovers: Option<EventId>,
    /// Who owns it (M47).
    #[serde(skip_serializing_if = "is_default")]
    pub owner: Option<ClerkNo>,
    /// When he will act next, UTC milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub next_action_ms: Option<i64>,
    /// When a clerk first owned it.
    #[serde(skip_serializing_if = "is_default")]
    pub acknowledged_at: Option<Moment>,
    /// What is to be done.
    #[serde(skip_serializing_if = "is_default")]
    pub decision: Option<Decision>,
    /// Where it came from.
    #[serde(skip_serializing_if = "is_default")]
    pub cause: Option<Cause>,
    /// Photos and videos.
    #[serde(skip_serializing_if = "is_default")]
    pub evidence: Vec<CaseEvidence>,
    /// What the kind asks for and cannot be had, each with a reason.
    #[serde(skip_serializing_if = "is_default")]
    pub excused: Vec<CaseDuty>,
    /// Who was told of it.
    #[serde(skip_serializing_if = "is_default")]
    pub told: Vec<PartyTold>,
    /// What was promised.
    #[serde(skip_serializing_if = "is_default")]
    pub promises: Vec<CasePromise>,
    /// The steps taken about a misdelivery.
    #[serde(skip_serializing_if = "is_default")]
    pub steps: Vec<StepTaken>,
    /// The error analysis, the last one.
    #[serde(skip_serializing_if = "is_default")]
    pub analysis: Option<ErrorAnalysis>,
    /// What the customer said last about help with the claim.
    #[serde(skip_serializing_if = "is_default")]
    pub claim_consent: Option<ClaimConsent>,
    /// Couriers who take part, besides the reporter.
    #[serde(skip_serializing_if = "is_default")]
    pub participants: Vec<CourierNo>,
    /// What was done and found out.
    #[serde(skip_serializing_if = "is_default")]
    pub notes: Vec<CaseNote>,
    /// When somebody above the station was asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub escalated_at: Option<Moment>,
    /// How often it was opened again.
    #[serde(skip_serializing_if = "is_default")]
    pub reopened: u32,
    /// The event that closed it.
    #[serde(skip_serializing_if = "is_default")]
    pub closed: Option<Mark>,
    /// When it was closed.
    #[serde(skip_serializing_if = "is_default")]
    pub closed_at: Option<Moment>,
    /// Conflicts, acts against a rule, corrections.
    #[serde(skip_serializing_if = "is_default")]
    pub margin: Margin,
}

impl ExceptionCase {
    /// Tells whether it was reported and has not ended.
    pub fn is_open(&self) -> bool {
        self.stage != CaseStage::Unreported && !self.stage.is_closed()
    }

    /// Tells whether this courier reported it or takes part.
    pub fn concerns(&self, courier: &CourierNo) -> bool {
        self.reporter.as_ref().and_then(Actor::courier) == Some(courier)
            || self.participants.contains(courier)
    }

    /// Tells whether evidence came after its end, so that somebody should look whether it is to be
    /// opened again (C6.13). Proposed, never forced.
    pub fn reopening_proposed(&self) -> bool {
        self.margin.open_conflicts().any(|conflict| conflict.row == ConflictRow::LateEvidence)
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        if !self.margin.note(event) {
            return;
        }
        let act = Incoming::new(&event.envelope, lane_seq);
        match &event.fact {
            Fact::ExceptionReported(fact) => self.reported(fact, &act),
            Fact::RecoveryRequested(fact) => {
                self.urgent |= fact.urgent;
                self.recovers = Some(fact.delivered);
                self.waybill.get_or_insert_with(|| fact.waybill.clone());
                self.open(&act);
            }
            Fact::EvidenceAdded(fact) => self.add(&fact.evidence, fact.shows, &act),
            Fact::EvidenceLost(fact) => {
                for item in self.evidence.iter_mut().filter(|item| item.id == fact.evidence) {
                    item.lost = true;
                }
            }
            Fact::ExceptionAcknowledged(fact) => {
                if self.moves_on(&act) {
                    self.owner = Some(fact.owner.clone());
                    self.next_action_ms = Some(fact.next_action_ms);
                    self.acknowledged_at.get_or_insert(act.envelope.at);
                    if self.stage == CaseStage::Reported {
                        self.stage = CaseStage::Acknowledged;
                    }
                }
            }
            Fact::ExceptionDecided(fact) => {
                if self.moves_on(&act) {
                    self.decision = Some(fact.decision);
                    self.stage = CaseStage::Decided;
                }
            }
            Fact::ExceptionResolved(fact) => {
                if self.moves_on(&act) {
                    self.cause = Some(fact.cause);
                    self.close(CaseStage::Resolved, &act);
                }
            }
            Fact::ExceptionVoided(_) => {
                if self.moves_on(&act) {
                    self.close(CaseStage::Voided, &act);
                }
            }
            Fact::ExceptionClosed(_) => {
                if self.stage == CaseStage::Resolved {
                    self.close(CaseStage::Closed, &act);
                } else {
                    self.misfit(&act);
                }
            }
            Fact::ExceptionReopened(fact) => self.reopen(fact, &act),
            Fact::PersonErased(fact) => {
                let named = |item: &&mut CaseEvidence| {
                    item.sha256.is_some_and(|sha256| fact.media.contains(&sha256))
                };
                self.evidence.iter_mut().filter(named).for_each(|item| item.erased = true);
            }
            Fact::CorrectionDeclared(_) | Fact::Unknown { .. } => {}
            fact if self.apply_work(fact, &act) => {}
            _ => self.misfit(&act),
        }
    }

    /// Adds a fact of the work on the case. What was done or said counts at any time, even if the
    /// case had ended elsewhere. Tells whether it was one.
    fn apply_work(&mut self, fact: &Fact, act: &Incoming) -> bool {
        let at = act.envelope.at;
        match fact {
            Fact::DutyExcused(fact) => {
                if !self.excused.contains(&fact.duty) {
                    self.excused.push(fact.duty);
                }
            }
            Fact::PartyNotified(fact) => {
                self.told.push(PartyTold { party: fact.party, channel: fact.channel, at });
            }
            Fact::PromiseMade(fact) => self.promises.push(CasePromise {
                promise: fact.promise,
                made_at: at,
                until_ms: fact.until_ms,
                kept_at: None,
            }),
            Fact::PromiseKept(fact) => {
                let open = |promise: &&mut CasePromise| {
                    promise.promise == fact.promise && promise.kept_at.is_none()
                };
                match self.promises.iter_mut().find(open) {
                    Some(promise) => promise.kept_at = Some(at),
                    None => self.misfit(act),
                }
            }
            Fact::MisdeliveryStepTaken(fact) => self.steps.push(StepTaken { step: fact.step, at }),
            Fact::ErrorAnalysisReported(fact) => {
                self.analysis = Some(ErrorAnalysis {
                    what: fact.what,
                    why: fact.why,
                    remedy: fact.remedy,
                    second_address_check: fact.second_address_check,
                });
            }
            Fact::ClaimConsentRecorded(fact) => {
                self.claim_consent =
                    Some(ClaimConsent { agreed: fact.agreed, channel: fact.channel, at });
            }
            Fact::ParticipantAdded(fact) => {
                if !self.participants.contains(&fact.courier) {
                    self.participants.push(fact.courier.clone());
                }
            }
            Fact::ProgressNoted(fact) => {
                let by = act.envelope.actor.clone();
                self.notes.push(CaseNote { by, at, note: fact.note });
            }
            Fact::ExceptionEscalated(_) => {
                self.escalated_at.get_or_insert(at);
            }
            _ => return false,
        }
        if self.stage == CaseStage::Unreported {
            self.misfit(act);
        }
        if self.stage == CaseStage::Acknowledged && !matches!(fact, Fact::ParticipantAdded(_)) {
            self.stage = CaseStage::InProgress;
        }
        true
    }

    fn reopen(&mut self, fact: &super::ExceptionReopened, act: &Incoming) {
        if !self.stage.is_closed() {
            return self.misfit(act);
        }
        self.stage = CaseStage::InProgress;
        self.owner = Some(fact.owner.clone());
        self.next_action_ms = Some(fact.next_action_ms);
        self.acknowledged_at.get_or_insert(act.envelope.at);
        self.closed = None;
        self.reopened += 1;
        // What was proposed is done.
        for conflict in &mut self.margin.conflicts {
            if conflict.row == ConflictRow::LateEvidence && conflict.ruling == Ruling::Open {
                conflict.ruling = Ruling::Settled;
            }
        }
    }

    fn reported(&mut self, fact: &super::ExceptionReported, act: &Incoming) {
        if self.reporter.is_some() && self.kind.is_some() {
            return self.margin.clash(ConflictRow::RecordedTwice, act.id(), None, Ruling::Settled);
        }
        self.kind = Some(fact.kind);
        self.urgent |= fact.kind == ExceptionKind::ProhibitedFound;
        if fact.waybill.is_some() {
            self.waybill.clone_from(&fact.waybill);
        }
        // Recorded in one act with what it is about: the first event of the group is that.
        let group = act.envelope.group.map(|group| group.first);
        self.about = fact.about.or(group.filter(|first| *first != act.id()));
        self.note = fact.note;
        self.open(act);
        for (n, evidence) in fact.evidence.iter().enumerate() {
            self.add(evidence, fact.shows.get(n).copied(), act);
        }
    }

    fn open(&mut self, act: &Incoming) {
        if self.reporter.is_none() {
            self.reporter = Some(act.envelope.actor.clone());
            self.reported_at = Some(act.envelope.at);
        }
        if self.stage == CaseStage::Unreported {
            self.stage = CaseStage::Reported;
        }
    }

    /// Evidence is attached at any time. Row 13: late evidence says so, and a person may want to
    /// open the case again.
    fn add(&mut self, evidence: &EvidenceRef, shows: Option<Shown>, act: &Incoming) {
        if !self.evidence.iter().any(|item| item.id == evidence.id) {
            let (id, sha256) = (evidence.id, Some(evidence.sha256));
            self.evidence.push(CaseEvidence { id, lost: false, erased: false, shows, sha256 });
        }
        if let Some(closed) = self.closed {
            let other = Some(closed.event);
            self.margin.clash(ConflictRow::LateEvidence, act.id(), other, Ruling::Open);
        }
    }

    /// Tells whether the case can take a next step; notes it when it cannot.
    fn moves_on(&mut self, act: &Incoming) -> bool {
        let open = self.is_open();
        if !open {
            self.misfit(act);
        }
        open
    }

    fn close(&mut self, stage: CaseStage, act: &Incoming) {
        self.stage = stage;
        self.next_action_ms = None;
        self.closed = Some(act.mark);
        self.closed_at = Some(act.envelope.at);
    }

    fn misfit(&mut self, act: &Incoming) {
        let other = self.closed.map(|closed| closed.event);
        self.margin.clash(ConflictRow::OutOfPlace, act.id(), other, Ruling::Settled);
    }
}
