//! Pick-up (揽收): a courier fetches a parcel from its sender.
//!
//! One lane per order, `pickup:<order number>`. What the sender hands over is checked face to face
//! before it is taken: once it is in the van, nobody can say any more what was in the box or how it
//! was packed. Collecting ends the order and opens the parcel's own lane, in one group (M04-M10).
//! What is missing on a waybill is listed by `check.rs`; the rules are in `rules.rs`.

mod check;
mod fees;
pub(crate) mod rules;
mod state;

pub use check::{FieldError, waybill_errors};
pub(crate) use fees::freight;
pub use fees::{FeeKind, FeeLine, fees_add_up};
pub use state::{PickupDelay, PickupItem, PickupOrder, PickupStage};

use serde::{Deserialize, Serialize};

use crate::delivery::Channel;
use crate::directory::GoodsClass;
use crate::evidence::EvidenceRef;
use crate::id::{CourierNo, OrderNo, StationId};
use crate::money::Fen;
use crate::parcel::GoodsFlags;
use crate::privacy::VaultRef;
use crate::waybill::Waybill;

/// Where an order came from (M11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum OrderSource {
    /// A shop's or a platform's system (平台).
    Platform,
    /// A telephone call.
    Phone,
    /// The company's own app.
    App,
    /// At the counter (门店).
    Outlet,
}

/// A sender wants a parcel fetched. Opens the lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupAnnounced {
    /// The station that fetches it.
    pub station: StationId,
    /// Where the order came from.
    pub source: OrderSource,
    /// The sender, in the vault.
    pub sender: VaultRef,
    /// What he sends, in his words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<VaultRef>,
    /// How many pieces; at least 1.
    pub quantity: u32,
    /// What care it asks for.
    #[serde(default)]
    pub goods: GoodsFlags,
    /// Start of the window he wishes, UTC milliseconds.
    pub from_ms: i64,
    /// End of the window he wishes, UTC milliseconds.
    pub to_ms: i64,
}

/// The station gave the order to a courier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupAssigned {
    /// The courier.
    pub courier: CourierNo,
}

/// A window was agreed with the sender (预约上门, M10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupScheduled {
    /// Start of the window, UTC milliseconds.
    pub from_ms: i64,
    /// End of the window, UTC milliseconds.
    pub to_ms: i64,
    /// How it was agreed.
    pub channel: Channel,
}

/// Why a courier will be late at the sender's door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum LateReason {
    /// Weather.
    Weather,
    /// Traffic, or traffic control.
    Traffic,
    /// The stops before took longer.
    EarlierStops,
    /// The vehicle broke down.
    Vehicle,
}

/// The sender was told, with an apology, that the courier comes later (M10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupDelayTold {
    /// Why.
    pub reason: LateReason,
    /// When he will be there, UTC milliseconds.
    pub eta_ms: i64,
    /// How the sender was told.
    pub channel: Channel,
}

/// What kind of thing is sent (M04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ItemKind {
    /// Papers (文件).
    Document,
    /// Everyday goods (日用品).
    Goods,
    /// Food (食品).
    Food,
    /// Electronics, with or without a battery (电子产品).
    Electronics,
    /// Fresh goods (生鲜).
    Fresh,
    /// Something else.
    Other,
}

/// Whether the sender wants it insured (保价, M04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum InsuredNeed {
    /// Asked, and he does not.
    Declined,
    /// He declares this value.
    Wanted(Fen),
}

/// What became of the packing (M07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Packing {
    /// Fit as it is.
    Fit,
    /// Made stronger together with the sender.
    Repacked,
    /// The sender was told, and does not want it made stronger.
    Declined,
    /// So unfit that the courier does not take it.
    Refused,
}

/// What the catalogue of prohibited and restricted goods says of the contents (M06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum GoodsCheck {
    /// Looked at, and nothing of it is listed.
    Ordinary,
    /// It is in the catalogue.
    Listed {
        /// The entry's code.
        code: String,
        /// What the entry asks for was done: papers, packing, quantity.
        rule_followed: bool,
    },
}

/// What the goods look like (M05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum GoodsState {
    /// Nothing is wrong with them.
    Clean,
    /// Something is: scratched, opened, leaking.
    Anomalous,
}

/// The answers of the pick-up check (收寄验视, M04, M05). An answer left out is still open: the
/// check may be recorded in parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[serde(default)]
pub struct PickupAnswers {
    /// What kind of thing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemKind>,
    /// Its weight, grams; 0 is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Whether it is to be insured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insured: Option<InsuredNeed>,
    /// What became of the packing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<Packing>,
    /// It was looked at in front of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_to_face: Option<bool>,
    /// What is inside is what the waybill says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_matches: Option<bool>,
    /// What the catalogue says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods: Option<GoodsCheck>,
    /// How many pieces were counted; 0 is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// What the goods look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<GoodsState>,
}

/// The courier looked at what is to be sent (验视, M04, M05, M07).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupInspected {
    /// What was answered.
    pub answers: PickupAnswers,
    /// The class of the listed goods, as the catalogue had it on that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<GoodsClass>,
    /// What is wrong with it, confirmed by the sender, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<VaultRef>,
    /// A photo of the packing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<EvidenceRef>,
}

/// Why a courier does not take it (拒收寄).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CollectionRefusal {
    /// Prohibited goods (M06).
    Prohibited,
    /// Restricted goods without what their rule asks for (M06).
    Restricted,
    /// The sender does not let it be looked at (快递暂行条例 art. 31).
    InspectionRefused,
    /// It is not what the waybill says (M05).
    NameMismatch,
    /// The packing is unfit and stays so (M07).
    PackingUnfit,
    /// The waybill is not complete and stays so (M08).
    WaybillIncomplete,
    /// Nobody was there.
    SenderAbsent,
    /// The sender does not send it any more.
    Cancelled,
}

/// It was not taken (M05, M06). Ends the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionRefused {
    /// Why.
    pub reason: CollectionRefusal,
    /// More of it, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<VaultRef>,
}

/// It was taken. Ends the order; told in the order's own lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupCompleted {
    /// The parcel.
    pub waybill: Waybill,
}

/// The courier has the parcel from its sender (已揽收). Opens the parcel's lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelCollected {
    /// The order.
    pub order: OrderNo,
    /// The sender, in the vault.
    pub sender: VaultRef,
    /// The recipient, in the vault.
    pub recipient: VaultRef,
    /// What care it asks for.
    #[serde(default)]
    pub goods: GoodsFlags,
    /// Its weight, grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Insured value (保价), if insured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insured: Option<Fen>,
    /// The parts of what was paid (M09).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<FeeLine>,
    /// What was paid: the sum of the parts.
    pub total: Fen,
    /// Promised delivery, UTC milliseconds; none if nothing was promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_ms: Option<i64>,
}

#[cfg(test)]
mod tests;
