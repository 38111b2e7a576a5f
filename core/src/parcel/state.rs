//! What is so now with one parcel: where it is, who holds it, what stands in its way.

use serde::{Deserialize, Serialize};

use super::{FreezeReason, GoodsFlags};
use crate::conflict::{Incoming, Margin, Mark, is_default};
use crate::delivery::{Delivered, DeliveryTask, Party};
use crate::id::{CaseId, CourierNo, OrderNo, SiteId, StationId};
use crate::money::Fen;
use crate::notice::{Told, WaitingNotice};
use crate::pickup::FeeLine;
use crate::privacy::{PersonSight, Reveal, VaultRef};
use crate::temporary_storage::{Stay, Storage};
use crate::time::Moment;
use crate::transfer::{CustodyLink, Offer};

/// Where the delivery task stands (DOMAIN.md C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Stage {
    /// On its way to the station (预报).
    #[default]
    Announced,
    /// Fetched from its sender, in the courier's hands (已揽收).
    Collected,
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

/// How its way ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The hand-over, collection or return.
    pub mark: Mark,
    /// When: the days until its persons are erased start here (M02).
    pub at: Moment,
}

/// What would be so if an event counted that does not, until a person rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The event.
    pub mark: Mark,
    /// When it happened.
    pub at: Moment,
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
        let at = act.envelope.at;
        Self { mark: act.mark, at, stage, holder, delivered: None, stay: None }
    }
}

/// How it was fetched from its sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// The order.
    pub order: OrderNo,
    /// When: the 24 hours of a same-city delivery start here (M25).
    pub at: Moment,
    /// Its weight, grams.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weight_g: Option<u32>,
    /// The parts of what was paid (M09).
    #[serde(default, skip_serializing_if = "is_default")]
    pub fees: Vec<FeeLine>,
    /// The event.
    pub mark: Mark,
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
    /// How it was fetched from its sender, if a courier of this network did.
    #[serde(skip_serializing_if = "is_default")]
    pub collected: Option<Collected>,
    /// The last correction of its address.
    #[serde(skip_serializing_if = "is_default")]
    pub address_corrected: Option<Mark>,
    /// Where the carrier's system last saw it.
    #[serde(skip_serializing_if = "is_default")]
    pub track: Option<TrackPoint>,
    /// It was visibly damaged when it was received or inspected.
    #[serde(skip_serializing_if = "is_default")]
    pub damaged: bool,
    /// Where the delivery task stands.
    pub stage: Stage,
    /// How its way ended, if it has.
    #[serde(skip_serializing_if = "is_default")]
    pub end: Option<End>,
    /// Who has it.
    pub holder: Holder,
    /// The event since which he has it.
    #[serde(skip_serializing_if = "is_default")]
    pub held_since: Option<Mark>,
    /// Who is to deliver it.
    #[serde(skip_serializing_if = "is_default")]
    pub assignment: Option<Assignment>,
    /// It is offered to another courier; the holder has it until that one's word is known.
    #[serde(skip_serializing_if = "is_default")]
    pub offer: Option<Offer>,
    /// Its ways from courier to courier, in the lane's order, the disputed ones too.
    #[serde(skip_serializing_if = "is_default")]
    pub links: Vec<CustodyLink>,
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
    /// When its persons were last shown in the clear, to whom and why.
    #[serde(skip_serializing_if = "is_default")]
    pub reveals: Vec<Reveal>,
    /// Who is to be erased and waits for a case to be closed.
    #[serde(skip_serializing_if = "is_default")]
    pub erasure_held: Vec<Party>,
    /// What was told of it, but for its storage.
    #[serde(skip_serializing_if = "is_default")]
    pub told: Vec<Told>,
    /// What the hub has yet to send.
    #[serde(skip_serializing_if = "is_default")]
    pub waiting_notices: Vec<WaitingNotice>,
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

    /// Returns where a person of the waybill is in the vault.
    pub fn person(&self, party: Party) -> Option<VaultRef> {
        match party {
            Party::Recipient => self.recipient,
            Party::Sender => self.sender,
        }
    }

    /// Tells how far a person of the waybill may be shown, wherever the vault has him.
    pub fn sight_of(&self, party: Party) -> PersonSight {
        match self.person(party) {
            None => PersonSight::NotHere,
            Some(reference) if self.margin.is_erased(reference) => PersonSight::Erased,
            Some(_) if self.erasure_held.contains(&party) => PersonSight::Held,
            Some(_) => PersonSight::Masked,
        }
    }

    /// Returns the event that ended its way, if it has ended.
    pub fn ended(&self) -> Option<&Mark> {
        self.end.as_ref().map(|end| &end.mark)
    }
}
