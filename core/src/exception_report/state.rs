//! What is so now with one exception case (DOMAIN.md C2).

use serde::{Deserialize, Serialize};

use super::{Cause, Decision, ExceptionKind};
use crate::conflict::{ConflictRow, Incoming, Margin, Mark, Ruling, is_default};
use crate::event::{Actor, Event, Fact};
use crate::evidence::EvidenceRef;
use crate::id::{ClerkNo, EventId, EvidenceId};
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
    /// Decided.
    Decided,
    /// Done.
    Resolved,
    /// There was nothing wrong.
    Voided,
}

impl CaseStage {
    /// Tells whether nothing more is to be done.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Resolved | Self::Voided)
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
            Fact::EvidenceAdded(fact) => self.add(&fact.evidence, &act),
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
            Fact::CorrectionDeclared(_) | Fact::Unknown { .. } | Fact::PersonErased(_) => {}
            _ => self.misfit(&act),
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
        self.about = fact.about;
        self.note = fact.note;
        self.open(act);
        for evidence in &fact.evidence {
            self.add(evidence, act);
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
    fn add(&mut self, evidence: &EvidenceRef, act: &Incoming) {
        if !self.evidence.iter().any(|item| item.id == evidence.id) {
            self.evidence.push(CaseEvidence { id: evidence.id, lost: false });
        }
        if let Some(closed) = self.closed {
            let other = Some(closed.event);
            self.margin.clash(ConflictRow::LateEvidence, act.id(), other, Ruling::Open);
        }
    }

    /// Tells whether the case can take a next step; notes it when it cannot.
    fn moves_on(&mut self, act: &Incoming) -> bool {
        let open = self.stage != CaseStage::Unreported && !self.stage.is_closed();
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
