//! What is so now with one parcel: where it is, who holds it, what stands in its way.
//!
//! The fold is total. A fact about the parcel's whereabouts (physical) always counts against an
//! order of the station; two such facts that exclude each other become an open conflict, and the
//! first counts until a person rules. Rows of DOMAIN.md C6 placed here: 1, 2, 3, 4 (flags), 6, 7,
//! 9, 10 and 14. What a recall after delivery sets going elsewhere is in `react.rs`.

use serde::{Deserialize, Serialize};

use super::{Condition, FreezeReason, GoodsFlags};
use crate::conflict::{ConflictRow, Incoming, Margin, Mark, Ruling, is_default};
use crate::delivery::{Delivered, DeliveryTask};
use crate::event::{Event, Fact};
use crate::id::{CaseId, CourierNo, EventId, SiteId, StationId};
use crate::money::Fen;
use crate::privacy::VaultRef;
use crate::temporary_storage::{Stay, Storage};

/// Where the delivery task stands (DOMAIN.md C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Stage {
    /// On its way to the station (预报).
    #[default]
    Announced,
    /// At the station, given to nobody.
    AtStation,
    /// At the station, or still in a hand, and given to a courier.
    Assigned,
    /// In a courier's hands, on its way (派件).
    OutForDelivery,
    /// The courier stands at the address.
    Arrived,
    /// An attempt failed; the courier still has it.
    AttemptFailed,
    /// A second delivery is agreed; the courier still has it.
    RedeliveryScheduled,
    /// At a storage site (暂存).
    Stored,
    /// The recipient refused it (拒收); waits for the station's decision.
    RefusedHeld,
    /// The station allowed the return.
    ReturnAuthorised,
    /// On its way back to the sender.
    Returning,
    /// Handed over (签收). Nothing leaves this stage but a correction.
    Delivered,
    /// Collected at a storage site. Nothing leaves this stage but a correction.
    PickedUp,
    /// The sender has it again. Nothing leaves this stage but a correction.
    Returned,
}

impl Stage {
    /// Tells whether the parcel's way has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::PickedUp | Self::Returned)
    }

    /// Tells whether a courier has it with him on his round.
    pub fn is_on_the_way(self) -> bool {
        matches!(
            self,
            Self::OutForDelivery | Self::Arrived | Self::AttemptFailed | Self::RedeliveryScheduled
        )
    }
}

/// Who has the parcel. Exactly one at any time (C4.1).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Holder {
    /// The network before the station.
    #[default]
    Carrier,
    /// The station.
    Station,
    /// A courier.
    Courier(CourierNo),
    /// A storage site.
    Site(SiteId),
    /// The recipient, or who took it for him.
    Recipient,
    /// The sender.
    Sender,
}

/// Who is to deliver it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The courier.
    pub courier: CourierNo,
    /// Counts assignments of this parcel from 1.
    pub epoch: u32,
    /// The event that made it.
    pub mark: Mark,
}

/// Why it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The reason.
    pub reason: FreezeReason,
    /// The event that froze it.
    pub mark: Mark,
}

/// It is wanted back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// For safety.
    pub safety: bool,
    /// The event that recalled it.
    pub mark: Mark,
}

/// A recovery the hub asked for, because the parcel was recalled and delivered all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The case about it.
    pub case: CaseId,
    /// Safety or prohibited goods.
    pub urgent: bool,
}

/// What would be so if an event counted that does not, until a person rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The event.
    pub mark: Mark,
    /// The stage it claims.
    pub stage: Stage,
    /// The holder it claims.
    pub holder: Holder,
    /// The delivery it claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivered>,
    /// The stay it claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay: Option<Box<Stay>>,
}

impl Claim {
    pub(crate) fn new(act: &Incoming, stage: Stage, holder: Holder) -> Self {
        Self { mark: act.mark, stage, holder, delivered: None, stay: None }
    }
}

/// The last word of an imported track (M14, M17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackPoint {
    /// The facility's code.
    pub facility: String,
    /// When, as the carrier's system says, UTC milliseconds.
    pub at_ms: i64,
    /// It is held there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub held: bool,
}

/// One parcel, as its lane tells it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Parcel {
    /// The station that delivers it.
    #[serde(skip_serializing_if = "is_default")]
    pub station: Option<StationId>,
    /// The recipient, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub recipient: Option<VaultRef>,
    /// The sender, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub sender: Option<VaultRef>,
    /// What care it asks for.
    #[serde(skip_serializing_if = "is_default")]
    pub goods: GoodsFlags,
    /// Promised delivery, UTC milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub promise_ms: Option<i64>,
    /// Freight paid.
    #[serde(skip_serializing_if = "is_default")]
    pub freight: Fen,
    /// Insured value, if insured.
    #[serde(skip_serializing_if = "is_default")]
    pub insured: Option<Fen>,
    /// Where the carrier's system last saw it.
    #[serde(skip_serializing_if = "is_default")]
    pub track: Option<TrackPoint>,
    /// It was visibly damaged when it was received or inspected.
    #[serde(skip_serializing_if = "is_default")]
    pub damaged: bool,
    /// Where the delivery task stands.
    pub stage: Stage,
    /// Who has it.
    pub holder: Holder,
    /// The event since which he has it.
    #[serde(skip_serializing_if = "is_default")]
    pub held_since: Option<Mark>,
    /// Who is to deliver it.
    #[serde(skip_serializing_if = "is_default")]
    pub assignment: Option<Assignment>,
    /// Couriers who held it, or were to deliver it, before.
    #[serde(skip_serializing_if = "is_default")]
    pub former: Vec<CourierNo>,
    /// It is stopped.
    #[serde(skip_serializing_if = "is_default")]
    pub frozen: Option<Frozen>,
    /// It is wanted back.
    #[serde(skip_serializing_if = "is_default")]
    pub recalled: Option<Recall>,
    /// The hub asked to have it brought back.
    #[serde(skip_serializing_if = "is_default")]
    pub recovery: Option<Recovery>,
    /// At the door.
    #[serde(skip_serializing_if = "is_default")]
    pub delivery: DeliveryTask,
    /// At a storage site.
    #[serde(skip_serializing_if = "is_default")]
    pub storage: Storage,
    /// What else would be so, if a person ruled so.
    #[serde(skip_serializing_if = "is_default")]
    pub claims: Vec<Claim>,
    /// Conflicts, acts against a rule, corrections.
    #[serde(skip_serializing_if = "is_default")]
    pub margin: Margin,
}

impl Parcel {
    /// Tells whether this courier has the parcel.
    pub fn held_by(&self, courier: &CourierNo) -> bool {
        matches!(&self.holder, Holder::Courier(holder) if holder == courier)
    }

    /// Tells whether this courier is to deliver it.
    pub fn assigned_to(&self, courier: &CourierNo) -> bool {
        self.assignment.as_ref().is_some_and(|assignment| &assignment.courier == courier)
    }

    /// Returns the assignment epoch, if it was ever given to a courier.
    pub fn epoch(&self) -> Option<u32> {
        self.assignment.as_ref().map(|assignment| assignment.epoch)
    }

    /// Returns the hand-over or collection that ended its way.
    pub fn delivered(&self) -> Option<&Delivered> {
        self.delivery.delivered.as_ref()
    }

    /// Returns the event that ended its way, if it has ended.
    pub fn ended(&self) -> Option<&Mark> {
        match self.stage {
            Stage::Delivered | Stage::PickedUp => {
                self.delivery.delivered.as_ref().map(|delivered| &delivered.mark)
            }
            Stage::Returned => self.delivery.returned.as_ref(),
            _ => None,
        }
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        if !self.margin.note(event) {
            return;
        }
        let act = Incoming::new(&event.envelope, lane_seq);
        match &event.fact {
            Fact::ParcelAnnounced(fact) => self.announced(fact, &act),
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
            Fact::ConflictRuled(fact) => self.ruled(fact.conflict, fact.stands, &act),
            Fact::CorrectionDeclared(_) | Fact::Unknown { .. } | Fact::EvidenceLost(_) => {}
            fact if self.apply_at_the_door(fact, &act) => {}
            fact if self.apply_at_a_site(fact, &act) => {}
            _ => self.out_of_place(&act, Ruling::Settled),
        }
    }

    fn announced(&mut self, fact: &super::ParcelAnnounced, act: &Incoming) {
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

    fn tracked(&mut self, facility: &str, at_ms: i64, held: bool) {
        self.track = Some(TrackPoint { facility: facility.to_owned(), at_ms, held });
    }

    fn received(&mut self, fact: &super::ParcelReceivedAtStation, act: &Incoming) {
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
                stage: self.stage,
                holder: self.holder.clone(),
                delivered: self.delivery.delivered.take(),
                stay: self.storage.current_stay().cloned().map(Box::new),
            });
            self.settle(winner);
        }
    }
}
