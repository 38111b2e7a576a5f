//! What happened at the door, as a part of the parcel's state.

use serde::{Deserialize, Serialize};

use super::{AttemptFailure, Channel, HandoverMethod, Inspection, Party, RefusalClass};
use crate::conflict::{ConflictRow, Incoming, Mark, Ruling, is_default};
use crate::event::{Actor, Fact};
use crate::parcel::{Claim, Holder, Parcel, Stage};
use crate::privacy::VaultRef;
use crate::time::Moment;

/// A way in which a person of the waybill was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactTried {
    /// How.
    pub channel: Channel,
    /// Who.
    pub party: Party,
    /// Somebody answered.
    pub reached: bool,
}

/// The last failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// Why.
    pub cause: AttemptFailure,
    /// The event.
    pub mark: Mark,
}

/// An agreed second delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// Start of the window, UTC milliseconds.
    pub from_ms: i64,
    /// End of the window, UTC milliseconds.
    pub to_ms: i64,
    /// The event.
    pub mark: Mark,
}

/// The recipient's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedBy {
    /// What he does not want.
    pub class: RefusalClass,
    /// In his words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VaultRef>,
    /// The event.
    pub mark: Mark,
}

/// How the recipient got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveredHow {
    /// By a courier.
    Handover(HandoverMethod),
    /// Collected at a storage site; its label was scanned or not.
    Collected {
        /// The label was scanned.
        scanned: bool,
    },
}

/// The hand-over or collection that ended the parcel's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The event and the device that recorded it.
    pub mark: Mark,
    /// Who did it.
    pub actor: Actor,
    /// When, as the device knew it.
    pub at: Moment,
    /// How.
    pub how: DeliveredHow,
    /// Metres between the phone and the address, if both places are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_gap_m: Option<u32>,
}

/// The delivery task's part of a parcel.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryTask {
    /// The ways in which people were tried, each once.
    #[serde(skip_serializing_if = "is_default")]
    pub contacts: Vec<ContactTried>,
    /// How many attempts failed.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: u32,
    /// The last of them.
    #[serde(skip_serializing_if = "is_default")]
    pub last_attempt: Option<FailedAttempt>,
    /// The second delivery that is agreed.
    #[serde(skip_serializing_if = "is_default")]
    pub appointment: Option<Appointment>,
    /// The refusal that waits for the station.
    #[serde(skip_serializing_if = "is_default")]
    pub refusal: Option<RefusedBy>,
    /// The station's authorisation of the return.
    #[serde(skip_serializing_if = "is_default")]
    pub return_authorised: Option<Mark>,
    /// The hand-over.
    #[serde(skip_serializing_if = "is_default")]
    pub delivered: Option<Delivered>,
    /// The return to the sender.
    #[serde(skip_serializing_if = "is_default")]
    pub returned: Option<Mark>,
}

impl DeliveryTask {
    /// Counts the different channels on which the recipient or the sender was tried (M45).
    pub fn channels_tried(&self) -> usize {
        let mut channels: Vec<Channel> = Vec::new();
        for contact in &self.contacts {
            if !channels.contains(&contact.channel) {
                channels.push(contact.channel);
            }
        }
        channels.len()
    }
}

impl Parcel {
    /// Adds a fact of the delivery task. Tells whether it was one.
    pub(crate) fn apply_at_the_door(&mut self, fact: &Fact, act: &Incoming) -> bool {
        match fact {
            Fact::RecipientContacted(fact) => self.contacted(fact.channel, fact.party, true),
            Fact::RecipientContactFailed(fact) => self.contacted(fact.channel, fact.party, false),
            Fact::AddressArrived(_) => {
                if self.in_hand(act) {
                    self.stage = Stage::Arrived;
                }
            }
            Fact::ParcelDelivered(fact) => self.handed_over(fact, act),
            Fact::DeliveryAttemptFailed(fact) => {
                self.delivery.attempts += 1;
                self.delivery.last_attempt =
                    Some(FailedAttempt { cause: fact.cause, mark: act.mark });
                if self.in_hand(act) {
                    self.delivery.appointment = None;
                    self.stage = Stage::AttemptFailed;
                }
            }
            Fact::RedeliveryScheduled(fact) => {
                self.delivery.appointment =
                    Some(Appointment { from_ms: fact.from_ms, to_ms: fact.to_ms, mark: act.mark });
                self.storage.redelivery_arranged(act.envelope.at);
                if self.stage.is_on_the_way() {
                    self.stage = Stage::RedeliveryScheduled;
                }
            }
            Fact::DeliveryRefused(fact) => self.refused(fact, act),
            Fact::ReturnAuthorised(_) => self.return_authorised(act),
            Fact::ReturnStarted(_) => self.return_started(act),
            Fact::ParcelReturned(_) => self.returned(act),
            _ => return false,
        }
        true
    }

    fn contacted(&mut self, channel: Channel, party: Party, reached: bool) {
        let contact = ContactTried { channel, party, reached };
        if !self.delivery.contacts.contains(&contact) {
            self.delivery.contacts.push(contact);
        }
    }

    /// Tells whether the actor acts on a parcel he has with him; notes it when he has not.
    fn in_hand(&mut self, act: &Incoming) -> bool {
        if let Some(end) = self.ended().copied() {
            let ruling = if act.knew(&end) { Ruling::Open } else { Ruling::Settled };
            self.margin.clash(ConflictRow::NotTheHolder, act.id(), Some(end.event), ruling);
            return false;
        }
        let held = act.courier().is_some_and(|courier| self.held_by(courier))
            && (self.stage.is_on_the_way() || self.stage == Stage::Assigned);
        if !held {
            let other = self.held_since.map(|since| since.event);
            self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, Ruling::Settled);
        }
        held
    }

    fn handed_over(&mut self, fact: &super::ParcelDelivered, act: &Incoming) {
        let delivered = Delivered {
            mark: act.mark,
            actor: act.envelope.actor.clone(),
            at: act.envelope.at,
            how: DeliveredHow::Handover(fact.method),
            address_gap_m: fact.address_gap_m,
        };
        let claim = Claim {
            delivered: Some(delivered),
            ..Claim::new(act, Stage::Delivered, Holder::Recipient)
        };
        if self.blocked_by_end(&claim, act) || self.blocked_by_holder(&claim, act) {
            return;
        }
        self.check_orders(act, true);
        // Row 9: brought to the old address by one who could not know of the new one.
        if let Some(corrected) = self.address_corrected.filter(|corrected| !act.knew(corrected)) {
            let other = Some(corrected.event);
            self.margin.clash(ConflictRow::AddressCorrected, act.id(), other, Ruling::Settled);
        }
        self.damaged |= fact.inspection == Inspection::OpenedDamaged;
        self.settle(claim);
    }

    fn refused(&mut self, fact: &super::DeliveryRefused, act: &Incoming) {
        if let Some(end) = self.ended().copied() {
            let ruling = if act.knew(&end) { Ruling::Open } else { Ruling::Settled };
            let other = Some(end.event);
            return self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, ruling);
        }
        self.delivery.refusal =
            Some(RefusedBy { class: fact.class, reason: fact.reason, mark: act.mark });
        if matches!(self.holder, Holder::Courier(_) | Holder::Station)
            && !matches!(self.stage, Stage::ReturnAuthorised | Stage::Returning)
        {
            self.stage = Stage::RefusedHeld;
        }
    }

    fn return_authorised(&mut self, act: &Incoming) {
        if let Some(end) = self.ended() {
            let other = Some(end.event);
            return self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, Ruling::Settled);
        }
        self.delivery.return_authorised = Some(act.mark);
        if matches!(self.holder, Holder::Courier(_) | Holder::Station)
            && self.stage != Stage::Returning
        {
            self.stage = Stage::ReturnAuthorised;
        }
    }

    fn return_started(&mut self, act: &Incoming) {
        let holder = match act.courier() {
            Some(courier) => Holder::Courier(courier.clone()),
            None => Holder::Station,
        };
        let claim = Claim::new(act, Stage::Returning, holder);
        if self.blocked_by_end(&claim, act) || self.blocked_by_holder(&claim, act) {
            return;
        }
        if self.delivery.return_authorised.is_none() && act.envelope.against.is_none() {
            self.out_of_place(act, Ruling::Open);
        }
        self.check_orders(act, false);
        self.settle(claim);
    }

    fn returned(&mut self, act: &Incoming) {
        let claim = Claim::new(act, Stage::Returned, Holder::Sender);
        if !self.blocked_by_end(&claim, act) {
            self.settle(claim);
        }
    }
}
