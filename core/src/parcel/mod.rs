//! The parcel: who holds it, who is to deliver it, what stands in the way.
//!
//! One lane per waybill. This folder keeps announcement, custody, assignment, freeze and recall,
//! and the whole [`Parcel`] state; what happens at the door is in `delivery`, what happens at a
//! storage site in `temporary_storage`.

mod apply;
mod custody;
pub(crate) mod rules;
mod state;

pub use state::{
    Assignment, Claim, Collected, End, Frozen, Holder, Parcel, Recall, Recovery, Stage, TrackPoint,
};

use serde::{Deserialize, Serialize};

use crate::id::{CourierNo, EventId, StationId};
use crate::money::Fen;
use crate::privacy::VaultRef;

/// What kind of care the goods ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[expect(clippy::struct_excessive_bools, reason = "each is printed on the waybill by itself")]
pub struct GoodsFlags {
    /// Only a hand-over at the door is allowed (M28, 浙江省快递业促进条例 art. 31).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub door_only: bool,
    /// Fragile (易碎).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fragile: bool,
    /// Valuable (贵重).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub valuable: bool,
    /// Fresh (生鲜).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// The sender lets it be stored although it is fresh, valuable or damaged (C4.2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub storage_allowed: bool,
    /// The sender wants a paper form back that the recipient signed (签收回单, M37).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipt_form: bool,
}

/// A parcel is on its way to a station (预报). Opens the lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelAnnounced {
    /// The station that will deliver it.
    pub station: StationId,
    /// The recipient, in the vault.
    pub recipient: VaultRef,
    /// The sender, in the vault.
    pub sender: VaultRef,
    /// What care it asks for.
    #[serde(default)]
    pub goods: GoodsFlags,
    /// Promised delivery, UTC milliseconds; none if nothing was promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_ms: Option<i64>,
    /// Freight paid (运费).
    pub freight: Fen,
    /// Insured value (保价), if insured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insured: Option<Fen>,
}

/// Imported: the parcel reached a sorting hub (M14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelArrivedAtHub {
    /// The facility's code.
    pub facility: String,
    /// When the carrier's system says it happened, UTC milliseconds.
    pub at_ms: i64,
}

/// Imported: the parcel left a facility (M17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelDispatched {
    /// The facility's code.
    pub facility: String,
    /// When the carrier's system says it happened, UTC milliseconds.
    pub at_ms: i64,
}

/// Imported: the parcel is held at a facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelHeld {
    /// The facility's code.
    pub facility: String,
    /// When the carrier's system says it happened, UTC milliseconds.
    pub at_ms: i64,
}

/// What the outside of a parcel looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Condition {
    /// Intact.
    Sound,
    /// Visibly damaged.
    Damaged,
}

/// The station has it (到站接收, M19). Custody starts here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelReceivedAtStation {
    /// What it looked like.
    pub condition: Condition,
}

/// The station gave the parcel to a courier to deliver (M13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelAssigned {
    /// The courier.
    pub courier: CourierNo,
    /// Counts assignments of this parcel from 1.
    pub epoch: u32,
}

/// The station gave the parcel to another courier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelReassigned {
    /// Who had it.
    pub from: CourierNo,
    /// Who has it now.
    pub courier: CourierNo,
    /// Counts assignments of this parcel from 1.
    pub epoch: u32,
}

/// A courier took it out for delivery (派件). He holds it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelOutForDelivery {}

/// Why a parcel is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum FreezeReason {
    /// Suspected prohibited goods (禁寄物品): stop at once, 快递暂行条例 art. 33.
    ProhibitedGoods,
    /// A safety recall.
    SafetyRecall,
    /// Asked for by the police or another authority.
    Authority,
}

/// The parcel must not move on: only hold, hand in and release (M06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelFrozen {
    /// Why.
    pub reason: FreezeReason,
}

/// The station released a frozen parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelReleased {}

/// The sender or the company wants the parcel back (拦截/召回).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelRecalled {
    /// A safety recall freezes the parcel as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub safety: bool,
}

/// The station learned that the address, or the recipient, is another one (C6.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressCorrected {
    /// The recipient with the right address, in the vault.
    pub recipient: VaultRef,
}

/// A person looked at a conflict and said which fact counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictRuled {
    /// The event that made the conflict.
    pub conflict: EventId,
    /// The event that counts.
    pub stands: EventId,
    /// Why, in the vault.
    pub note: VaultRef,
}

#[cfg(test)]
mod tests;
