//! What happened at the door, as a part of the parcel's state.

use serde::{Deserialize, Serialize};

use super::{
    AttemptFailure, Channel, DelayCause, HandoverMethod, Inspection, Party, Preference, Redirect,
    RefusalClass, Wish,
};
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
    /// When he refused it.
    pub at: Moment,
    /// When the courier called the station about it, if the hub had not received it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_at: Option<Moment>,
    /// When the station first acted in knowledge of it: it was told by then at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Moment>,
    /// The event.
    pub mark: Mark,
}

/// What the customer was last told about a delay (M27).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayTold {
    /// Why it comes late.
    pub cause: DelayCause,
    /// The new promise, UTC milliseconds.
    pub eta_ms: i64,
    /// The promise it took the place of, UTC milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of_ms: Option<i64>,
    /// Where it was, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<VaultRef>,
    /// When he was told.
    pub at: Moment,
    /// The event.
    pub mark: Mark,
}

/// The signed return form (M37).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptForm {
    /// When it was signed.
    pub signed_at: Moment,
    /// The signature is clear and complete.
    pub clear: bool,
    /// A photo shows it.
    pub photographed: bool,
    /// The event.
    pub mark: Mark,
    /// When it was handed in at the station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_in_at: Option<Moment>,
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
    /// The second delivery that was offered since the last failed attempt.
    #[serde(skip_serializing_if = "is_default")]
    pub offered: Option<Appointment>,
    /// The second delivery that is agreed.
    #[serde(skip_serializing_if = "is_default")]
    pub appointment: Option<Appointment>,
    /// Messages to the recipient that he has not answered.
    #[serde(skip_serializing_if = "is_default")]
    pub messages: Vec<Moment>,
    /// How he wants it.
    #[serde(skip_serializing_if = "is_default")]
    pub preference: Option<Preference>,
    /// The last redirection.
    #[serde(skip_serializing_if = "is_default")]
    pub redirect: Option<Redirect>,
    /// The last word to the customer about a delay.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Option<DelayTold>,
    /// The signed return form.
    #[serde(skip_serializing_if = "is_default")]
    pub receipt_form: Option<ReceiptForm>,
    /// The refusal that waits for the station.
    #[serde(skip_serializing_if = "is_default")]
    pub refusal: Option<RefusedBy>,
    /// The station's authorisation of the return.
    #[serde(skip_serializing_if = "is_default")]
    pub return_authorised: Option<Mark>,
    /// The hand-over.
    #[serde(skip_serializing_if = "is_default")]
    pub delivered: Option<Delivered>,
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
    /// Returns what the customer was last promised, UTC milliseconds: the new time he was told, or
    /// the hub's promise.
    pub fn promised_ms(&self) -> Option<i64> {
        self.delivery.delay.as_ref().map(|told| told.eta_ms).or(self.promise_ms)
    }

    /// Returns when the courier is to be there at the latest, UTC milliseconds (M20): the end of
    /// the window that was agreed on or wished for, or what was promised.
    pub fn due_ms(&self) -> Option<i64> {
        let agreed = self.delivery.appointment.as_ref().map(|window| window.to_ms);
        let wished = || match self.delivery.preference.as_ref()?.wish {
            Wish::Window { to_ms, .. } => Some(to_ms),
            _ => None,
        };
        agreed.or_else(wished).or_else(|| self.promised_ms())
    }

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
                self.delivery.offered = None;
                if self.in_hand(act) {
                    self.delivery.appointment = None;
                    self.stage = Stage::AttemptFailed;
                }
            }
            Fact::AppointmentOffered(fact) => {
                self.delivery.offered =
                    Some(Appointment { from_ms: fact.from_ms, to_ms: fact.to_ms, mark: act.mark });
            }
            Fact::RedeliveryScheduled(fact) => self.appointed(fact, act),
            Fact::DeliveryRefused(fact) => self.refused(fact, act),
            Fact::ReturnAuthorised(_) => self.return_authorised(act),
            Fact::ReturnStarted(_) => self.return_started(act),
            Fact::ParcelReturned(_) => self.returned(act),
            Fact::StationCalled(_) => self.station_called(act),
            Fact::DelayNotified(fact) => {
                self.delivery.delay = Some(DelayTold {
                    cause: fact.cause,
                    eta_ms: fact.eta_ms,
                    instead_of_ms: self.promised_ms(),
                    position: fact.position,
                    at: act.envelope.at,
                    mark: act.mark,
                });
            }
            Fact::ReceiptFormSigned(fact) => self.form_signed(fact, act),
            Fact::ReceiptFormHandedIn(_) => self.form_handed_in(act),
            fact => return self.apply_wish(fact, act),
        }
        true
    }

    fn appointed(&mut self, fact: &super::RedeliveryScheduled, act: &Incoming) {
        // Row 10 from the other side: the station has sent it back meanwhile. Who holds the parcel
        // wins, and somebody must tell the customer.
        let ended = self.ended().copied();
        let back = self.held_since.filter(|_| self.stage == Stage::Returning);
        if let Some(end) = ended.or(back) {
            let other = Some(end.event);
            return self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, Ruling::Open);
        }
        self.storage.redelivery_arranged(act.envelope.at);
        self.delivery.appointment =
            Some(Appointment { from_ms: fact.from_ms, to_ms: fact.to_ms, mark: act.mark });
        if self.stage.is_on_the_way() {
            self.stage = Stage::RedeliveryScheduled;
        }
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
        self.check_wishes(fact.method, act);
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
        self.delivery.refusal = Some(RefusedBy {
            class: fact.class,
            reason: fact.reason,
            at: act.envelope.at,
            called_at: None,
            known_at: None,
            mark: act.mark,
        });
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
        if self.blocked_by_end(&claim, act) {
            return;
        }
        // Row 10: a courier has it with him on his round, perhaps on his way to an appointment.
        // Who holds the parcel wins; the station's record goes to a person.
        if matches!(self.holder, Holder::Courier(_)) && self.stage != Stage::Returning {
            let appointment = self.delivery.appointment.as_ref().map(|agreed| agreed.mark);
            let other = appointment.or(self.held_since).map(|mark| mark.event);
            self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, Ruling::Open);
            return self.claims.push(claim);
        }
        self.settle(claim);
    }

    /// A call counts for the report of a refusal if it came before the hub had the record.
    fn station_called(&mut self, act: &Incoming) {
        if let Some(refusal) = &mut self.delivery.refusal {
            let received = refusal.mark.seq.is_some_and(|seq| act.envelope.seen >= seq);
            if !received {
                refusal.called_at.get_or_insert(act.envelope.at);
            }
        }
    }

    /// Keeps the station's first act in knowledge of a refusal.
    pub(crate) fn note_station_knows(&mut self, act: &Incoming) {
        if act.envelope.actor.is_station()
            && let Some(refusal) = &mut self.delivery.refusal
            && act.knew(&refusal.mark)
        {
            refusal.known_at.get_or_insert(act.envelope.at);
        }
    }

    /// A form signed once more counts if the first signature was not clear.
    fn form_signed(&mut self, fact: &super::ReceiptFormSigned, act: &Incoming) {
        if let Some(first) = &self.delivery.receipt_form
            && (first.clear || first.handed_in_at.is_some())
        {
            let other = Some(first.mark.event);
            let row = ConflictRow::RecordedTwice;
            return self.margin.clash(row, act.id(), other, Ruling::Settled);
        }
        self.delivery.receipt_form = Some(ReceiptForm {
            signed_at: act.envelope.at,
            clear: fact.clear,
            photographed: fact.photo.is_some(),
            mark: act.mark,
            handed_in_at: None,
        });
    }

    fn form_handed_in(&mut self, act: &Incoming) {
        match &mut self.delivery.receipt_form {
            None => self.out_of_place(act, Ruling::Settled),
            Some(form) if form.handed_in_at.is_none() => {
                form.handed_in_at = Some(act.envelope.at);
            }
            Some(form) => {
                let other = Some(form.mark.event);
                self.margin.clash(ConflictRow::RecordedTwice, act.id(), other, Ruling::Settled);
            }
        }
    }
}
