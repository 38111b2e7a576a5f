//! The fold of a parcel's facts.
//!
//! Total: a fact about the parcel's whereabouts (physical) always counts against an order of the
//! station; two such facts that exclude each other become an open conflict, and the first counts
//! until a person rules. Rows of DOMAIN.md C6 placed here and in the files beside it: 1, 2, 3, 4
//! (flags), 6 to 10 and 14, and row 21, two receivers of one offer. What a recall after delivery
//! sets going elsewhere is in `react.rs`.

use super::{
    Assignment, Claim, Collected, Condition, FreezeReason, Frozen, Holder, Parcel, ParcelAnnounced,
    ParcelReceivedAtStation, Recall, Recovery, Stage, TrackPoint,
};
use crate::conflict::{ConflictRow, Incoming, Ruling};
use crate::delivery::Channel;
use crate::event::{Event, Fact};
use crate::id::{CourierNo, Digest, EventId};
use crate::notice::{Told, WaitingNotice};
use crate::pickup::{ParcelCollected, freight};
use crate::privacy::{ContactRevealed, Reveal, VaultRef};

impl Parcel {
    /// Adds one event.
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        if !self.margin.note(event) {
            return;
        }
        let act = Incoming::new(&event.envelope, lane_seq);
        self.note_silence(&event.fact, &act);
        self.note_station_knows(&act);
        self.note_sent_by_hub(&act);
        if self.apply_before_transfer(&event.fact, &act) {
            return;
        }
        match &event.fact {
            Fact::ParcelAnnounced(fact) => self.announced(fact, &act),
            Fact::ParcelCollected(fact) => self.fetched(fact, &act),
            Fact::AddressCorrected(fact) => self.address_corrected(fact.recipient, &act),
            Fact::ParcelArrivedAtHub(fact) => self.tracked(&fact.facility, fact.at_ms, false),
            Fact::ParcelDispatched(fact) => self.tracked(&fact.facility, fact.at_ms, false),
            Fact::ParcelHeld(fact) => self.tracked(&fact.facility, fact.at_ms, true),
            Fact::ParcelReceivedAtStation(fact) => self.received(fact, &act),
            Fact::ParcelAssigned(fact) => self.assigned(&fact.courier, fact.epoch, &act),
            Fact::ParcelReassigned(fact) => self.assigned(&fact.courier, fact.epoch, &act),
            Fact::ParcelOutForDelivery(_) => self.out_for_delivery(&act),
            Fact::ParcelFrozen(fact) => self.freeze(fact.reason, &act),
            Fact::ParcelReleased(_) => self.released(&act),
            Fact::ParcelRecalled(fact) => self.recall(fact.safety, &act),
            Fact::RecoveryRequested(fact) => {
                self.recovery = Some(Recovery { case: fact.case, urgent: fact.urgent });
            }
            Fact::ContactRevealed(fact) => self.revealed(fact, &act),
            Fact::ErasureHeld(fact) => {
                if !self.erasure_held.contains(&fact.party) {
                    self.erasure_held.push(fact.party);
                }
            }
            Fact::NoticeSent(fact) => {
                self.told(&fact.template, fact.channel, Some(fact.text), &act);
            }
            Fact::NoticeFailed(fact) => self.told(&fact.template, fact.channel, None, &act),
            Fact::NoticeHandedToHub(fact) => {
                let (event, at) = (act.id(), act.envelope.at);
                self.waiting_notices.push(WaitingNotice { event, at, notice: fact.clone() });
            }
            Fact::ConflictRuled(fact) => self.ruled(fact.conflict, fact.stands, &act),
            Fact::CorrectionDeclared(_)
            | Fact::Unknown { .. }
            | Fact::EvidenceLost(_)
            | Fact::PersonErased(_) => {}
            fact if self.apply_at_the_door(fact, &act) => {}
            fact if self.apply_at_a_site(fact, &act) => {}
            fact if self.apply_between_couriers(fact, &act) => {}
            _ => self.out_of_place(&act, Ruling::Settled),
        }
    }

    fn announced(&mut self, fact: &ParcelAnnounced, act: &Incoming) {
        if self.station.is_some()
            && let Some(end) = self.ended().copied()
        {
            self.margin.clash(
                ConflictRow::AddressCorrected,
                act.id(),
                Some(end.event),
                Ruling::Open,
            );
        }
        self.station = Some(fact.station.clone());
        self.recipient = Some(fact.recipient);
        self.sender = Some(fact.sender);
        self.goods = fact.goods;
        self.promise_ms = fact.promise_ms;
        self.freight = fact.freight;
        self.insured = fact.insured;
    }

    /// Fetched from the sender: the parcel's way begins in the courier's hands. Where it is known to
    /// have gone on already, only the beginning is written down.
    fn fetched(&mut self, fact: &ParcelCollected, act: &Incoming) {
        let Some(courier) = act.courier() else { return self.out_of_place(act, Ruling::Settled) };
        if self.collected.is_some() && self.held_by(courier) {
            let other = self.collected.as_ref().map(|collected| collected.mark.event);
            return self.margin.clash(ConflictRow::RecordedTwice, act.id(), other, Ruling::Settled);
        }
        if self.collected.is_none() {
            self.collected = Some(Collected {
                order: fact.order.clone(),
                at: act.envelope.at,
                weight_g: fact.weight_g,
                fees: fact.fees.clone(),
                mark: act.mark,
            });
            self.goods = fact.goods;
            self.freight = freight(&fact.fees);
            self.insured = fact.insured;
            self.promise_ms = fact.promise_ms.or(self.promise_ms);
            self.sender.get_or_insert(fact.sender);
            self.recipient.get_or_insert(fact.recipient);
        }
        let claim = Claim::new(act, Stage::Collected, Holder::Courier(courier.clone()));
        if self.blocked_by_end(&claim, act) || self.blocked_by_holder(&claim, act) {
            return;
        }
        if let Some(since) = self.held_since {
            // It has been seen further on its way.
            let other = Some(since.event);
            return self.margin.clash(ConflictRow::NotTheHolder, act.id(), other, Ruling::Settled);
        }
        self.check_orders(act, false);
        self.settle(claim);
    }

    /// Row 9 from the station's side; from the courier's it is in `delivery/state.rs`.
    fn address_corrected(&mut self, recipient: VaultRef, act: &Incoming) {
        self.recipient = Some(recipient);
        self.address_corrected = Some(act.mark);
        if let Some(end) = self.delivered().map(|delivered| delivered.mark) {
            let other = Some(end.event);
            self.margin.clash(ConflictRow::AddressCorrected, act.id(), other, Ruling::Settled);
        }
    }

    fn tracked(&mut self, facility: &str, at_ms: i64, held: bool) {
        self.track = Some(TrackPoint { facility: facility.to_owned(), at_ms, held });
    }

    fn received(&mut self, fact: &ParcelReceivedAtStation, act: &Incoming) {
        self.damaged |= fact.condition == Condition::Damaged;
        if let Some(end) = self.ended().copied() {
            // Scanned at the station by somebody who knew that it had gone: two facts that
            // cannot both be true. By somebody who did not know: it was there before it went.
            let ruling = if act.knew(&end) { Ruling::Open } else { Ruling::Settled };
            return self.margin.clash(ConflictRow::NotTheHolder, act.id(), Some(end.event), ruling);
        }
        match (&self.holder, self.held_since) {
            (Holder::Station | Holder::Carrier, _) | (_, None) => {}
            (_, Some(since)) if act.knew(&since) => {
                if self.storage.end_stay(act.mark) {
                    self.margin.clash(
                        ConflictRow::NotTheHolder,
                        act.id(),
                        Some(since.event),
                        Ruling::Settled,
                    );
                }
            }
            // An older receipt that comes late: it was at the station before it went out.
            (_, Some(since)) => {
                return self.margin.clash(
                    ConflictRow::NotTheHolder,
                    act.id(),
                    Some(since.event),
                    Ruling::Settled,
                );
            }
        }
        self.hand_to(Holder::Station, act);
        if self.delivery.return_authorised.is_some() && self.stage != Stage::Returning {
            self.stage = Stage::ReturnAuthorised;
        } else if !matches!(self.stage, Stage::RefusedHeld | Stage::Returning) {
            self.stage = if self.assignment.is_some() { Stage::Assigned } else { Stage::AtStation };
        }
    }

    fn assigned(&mut self, courier: &CourierNo, epoch: u32, act: &Incoming) {
        if let Some(end) = self.ended().copied() {
            // Row 1 from the other side: the order came after the act, and is closed by it.
            return self.margin.clash(
                ConflictRow::Reassigned,
                act.id(),
                Some(end.event),
                Ruling::Settled,
            );
        }
        if let Some(current) = &self.assignment {
            if epoch <= current.epoch {
                let other = Some(current.mark.event);
                return self.margin.clash(
                    ConflictRow::OutOfPlace,
                    act.id(),
                    other,
                    Ruling::Settled,
                );
            }
            let before = current.courier.clone();
            self.remember(before, courier);
        }
        self.assignment = Some(Assignment { courier: courier.clone(), epoch, mark: act.mark });
        if matches!(self.stage, Stage::AtStation | Stage::RefusedHeld) {
            // Given out after a refusal: the station decided to deliver it again.
            self.delivery.refusal = None;
            self.stage = Stage::Assigned;
        }
    }

    fn out_for_delivery(&mut self, act: &Incoming) {
        let Some(courier) = act.courier() else {
            return self.out_of_place(act, Ruling::Settled);
        };
        let claim = Claim::new(act, Stage::OutForDelivery, Holder::Courier(courier.clone()));
        if self.blocked_by_end(&claim, act) || self.blocked_by_holder(&claim, act) {
            return;
        }
        self.check_orders(act, false);
        self.delivery.appointment = None;
        self.settle(claim);
    }

    /// What became of a notice is told under an id of its own; its text has served then.
    fn note_sent_by_hub(&mut self, act: &Incoming) {
        if act.envelope.actor.is_station()
            && let Some(at) = self.waiting_notices.iter().position(|w| w.outcome_id() == act.id())
        {
            let sent = self.waiting_notices.remove(at);
            self.storage.spend([sent.notice.text]);
        }
    }

    fn told(&mut self, template: &str, channel: Channel, text: Option<Digest>, act: &Incoming) {
        self.told.push(Told { template: template.to_owned(), channel, at: act.envelope.at, text });
    }

    /// Notes an order that came after the parcel's way had ended, from one who could not know.
    fn order_after_end(&mut self, row: ConflictRow, act: &Incoming) {
        if let Some(end) = self.ended().copied().filter(|end| !act.knew(end)) {
            self.margin.clash(row, act.id(), Some(end.event), Ruling::Settled);
        }
    }

    fn freeze(&mut self, reason: FreezeReason, act: &Incoming) {
        self.order_after_end(ConflictRow::Frozen, act);
        if self.frozen.is_none() {
            self.frozen = Some(Frozen { reason, mark: act.mark });
        }
    }

    fn released(&mut self, act: &Incoming) {
        if self.frozen.take().is_none() {
            self.out_of_place(act, Ruling::Settled);
        }
    }

    fn recall(&mut self, safety: bool, act: &Incoming) {
        self.order_after_end(ConflictRow::Recalled, act);
        let safety = safety || self.recalled.as_ref().is_some_and(|recall| recall.safety);
        if safety && self.frozen.is_none() {
            self.frozen = Some(Frozen { reason: FreezeReason::SafetyRecall, mark: act.mark });
        }
        self.recalled = Some(Recall { safety, mark: act.mark });
    }

    fn revealed(&mut self, fact: &ContactRevealed, act: &Incoming) {
        let by = act.envelope.actor.clone();
        let last = Reveal { by, party: fact.party, reason: fact.reason, at: act.envelope.at };
        self.reveals
            .retain(|was| (&was.by, was.party, was.reason) != (&last.by, last.party, last.reason));
        self.reveals.push(last);
    }

    fn ruled(&mut self, conflict: EventId, stands: EventId, act: &Incoming) {
        let mut found = false;
        for ruled in self.margin.conflicts.iter_mut().filter(|c| c.event == conflict) {
            ruled.ruling = Ruling::Stands(stands);
            found = true;
        }
        if !found {
            return self.out_of_place(act, Ruling::Settled);
        }
        // What counted until now becomes the claim, so that a second ruling can bring it back.
        if let Some(at) = self.claims.iter().position(|claim| claim.mark.event == stands) {
            let winner = self.claims.remove(at);
            self.claims.push(Claim {
                mark: self.held_since.unwrap_or(act.mark),
                at: self.end.as_ref().map_or(act.envelope.at, |end| end.at),
                stage: self.stage,
                holder: self.holder.clone(),
                delivered: self.delivery.delivered.take(),
                stay: self.storage.current_stay().cloned().map(Box::new),
            });
            let counts = winner.mark;
            self.settle(winner);
            self.give_work_to_receiver(&counts);
        }
    }
}
