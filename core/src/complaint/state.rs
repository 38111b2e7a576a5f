//! What is so now with one complaint (DOMAIN.md C2).

use serde::{Deserialize, Serialize};

use super::{ComplaintClass, ComplaintReceived, ComplaintSource};
use crate::conflict::{ConflictRow, Incoming, Margin, Mark, Ruling, is_default};
use crate::delivery::Channel;
use crate::event::{Actor, Event, Fact};
use crate::id::{CourierNo, EventId};
use crate::privacy::VaultRef;
use crate::time::Moment;
use crate::waybill::Waybill;

/// Where the complaint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ComplaintStage {
    /// Nothing was received; a draft counts for nothing.
    #[default]
    Unreceived,
    /// Received (已受理). The one-hour clock runs.
    Received,
    /// The customer was spoken to.
    FirstContacted,
    /// Closed.
    Closed,
}

/// One contact with the customer that reached him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerContact {
    /// The event.
    pub event: EventId,
    /// How.
    pub channel: Channel,
    /// When.
    pub at: Moment,
}

/// Who owns the complaint, and since which event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The owner: one person (C4.15).
    pub owner: Actor,
    /// The event that made him so.
    pub mark: Mark,
}

/// One complaint, as its lane tells it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Complaint {
    /// The parcel.
    #[serde(skip_serializing_if = "is_default")]
    pub waybill: Option<Waybill>,
    /// Name and phone of the complainant, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub complainant: Option<VaultRef>,
    /// What he wants, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub demand: Option<VaultRef>,
    /// Where it came from.
    #[serde(skip_serializing_if = "is_default")]
    pub source: Option<ComplaintSource>,
    /// What it is about.
    #[serde(skip_serializing_if = "is_default")]
    pub class: Option<ComplaintClass>,
    /// The courier it is about.
    #[serde(skip_serializing_if = "is_default")]
    pub about: Option<CourierNo>,
    /// Who received it.
    #[serde(skip_serializing_if = "is_default")]
    pub received_by: Option<Actor>,
    /// When it was received. All clocks start here.
    #[serde(skip_serializing_if = "is_default")]
    pub received_at: Option<Moment>,
    /// Where it stands.
    pub stage: ComplaintStage,
    /// Who owns it.
    #[serde(skip_serializing_if = "is_default")]
    pub ownership: Option<Ownership>,
    /// The contacts that reached the customer, whoever made them.
    #[serde(skip_serializing_if = "is_default")]
    pub contacts: Vec<CustomerContact>,
    /// How often he was tried and not reached. Stops no clock.
    #[serde(skip_serializing_if = "is_default")]
    pub tried: u32,
    /// How it ended, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub outcome: Option<VaultRef>,
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

impl Complaint {
    /// Tells whether the complained-of must not learn who complains.
    pub fn hides_complainant(&self) -> bool {
        self.class.is_some_and(ComplaintClass::hides_complainant)
    }

    /// Tells whether it is about this courier.
    pub fn is_about(&self, courier: &CourierNo) -> bool {
        self.about.as_ref() == Some(courier)
    }

    /// Returns who owns it.
    pub fn owner(&self) -> Option<&Actor> {
        self.ownership.as_ref().map(|ownership| &ownership.owner)
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        if !self.margin.note(event) {
            return;
        }
        let act = Incoming::new(&event.envelope, lane_seq);
        match &event.fact {
            Fact::ComplaintReceived(fact) => self.received(fact, &act),
            Fact::OwnerTaken(fact) => self.taken(&fact.owner, &act),
            Fact::CustomerFirstContacted(fact) => {
                if fact.reached {
                    let at = act.envelope.at;
                    let contact = CustomerContact { event: act.id(), channel: fact.channel, at };
                    self.contacts.push(contact);
                    if self.stage == ComplaintStage::Received {
                        self.stage = ComplaintStage::FirstContacted;
                    }
                } else {
                    self.tried += 1;
                }
            }
            Fact::ComplaintClosed(fact) => {
                if self.stage == ComplaintStage::Closed {
                    return self.misfit(ConflictRow::RecordedTwice, &act);
                }
                self.outcome = Some(fact.outcome);
                self.closed = Some(act.mark);
                self.closed_at = Some(act.envelope.at);
                self.stage = ComplaintStage::Closed;
            }
            Fact::CorrectionDeclared(_)
            | Fact::EvidenceLost(_)
            | Fact::Unknown { .. }
            | Fact::PersonErased(_) => {}
            _ => self.misfit(ConflictRow::OutOfPlace, &act),
        }
    }

    fn received(&mut self, fact: &ComplaintReceived, act: &Incoming) {
        if self.received_by.is_some() {
            return self.misfit(ConflictRow::RecordedTwice, act);
        }
        self.waybill = Some(fact.waybill.clone());
        self.complainant = Some(fact.complainant);
        self.demand = Some(fact.demand);
        self.source = Some(fact.source);
        self.class = Some(fact.class);
        self.about.clone_from(&fact.about);
        self.received_by = Some(act.envelope.actor.clone());
        self.received_at = Some(act.envelope.at);
        if self.stage == ComplaintStage::Unreceived {
            self.stage = ComplaintStage::Received;
        }
        // First receiver's duty (M55). A station as such is no person, and nobody handles a
        // complaint about his own manners.
        let receiver = &act.envelope.actor;
        let person = !matches!(receiver, Actor::Station(_));
        let about_himself = receiver.courier().is_some_and(|courier| self.is_about(courier));
        if person && !(about_himself && self.hides_complainant()) && self.ownership.is_none() {
            self.ownership = Some(Ownership { owner: receiver.clone(), mark: act.mark });
        }
    }

    /// Row 5: the hub's order decides. Somebody who knew the owner takes it over from him; of two
    /// who did not know of each other the first owns it.
    fn taken(&mut self, owner: &Actor, act: &Incoming) {
        if let Some(current) = &self.ownership
            && &current.owner != owner
            && !act.knew(&current.mark)
        {
            let other = Some(current.mark.event);
            let row = ConflictRow::TwoOwners;
            return self.margin.clash(row, act.id(), other, Ruling::Settled);
        }
        self.ownership = Some(Ownership { owner: owner.clone(), mark: act.mark });
    }

    fn misfit(&mut self, row: ConflictRow, act: &Incoming) {
        let other = self.closed.map(|closed| closed.event);
        self.margin.clash(row, act.id(), other, Ruling::Settled);
    }
}
