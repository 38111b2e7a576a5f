//! Exception report (异常上报): something is wrong with a parcel, and a person must look at it.
//!
//! One lane per case. A draft lives in the app and counts for nothing; the case begins with
//! `ExceptionReported` (M41-M43, M47).

pub(crate) mod rules;
mod state;

pub use state::{CaseEvidence, CaseStage, ExceptionCase};

use serde::{Deserialize, Serialize};

use crate::evidence::EvidenceRef;
use crate::id::{CaseId, ClerkNo, EventId};
use crate::privacy::VaultRef;
use crate::waybill::Waybill;

/// What is wrong (M41).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ExceptionKind {
    /// Damage (破损).
    Damage,
    /// Contents are short (短少).
    Shortage,
    /// Loss (丢失).
    Loss,
    /// Sent to the wrong place (错发).
    Missent,
    /// Sorted wrongly (错分).
    MisSorted,
    /// Delay (延误).
    Delay,
    /// Address unclear or wrong (地址不详).
    AddressUnclear,
    /// Refused (拒收).
    Refusal,
    /// Prohibited goods found later (禁寄物品).
    ProhibitedFound,
    /// Delivered to the wrong person or door (错派).
    Misdelivery,
    /// An act recorded against a refusal; opened by the library itself.
    AgainstRule,
}

/// The case begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExceptionReported {
    /// What is wrong.
    pub kind: ExceptionKind,
    /// The parcel; none for a case about a site or a shift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waybill: Option<Waybill>,
    /// The event it is about, if one was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<EventId>,
    /// Photos and videos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceRef>,
    /// What the courier saw, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<VaultRef>,
}

/// More evidence for the case; comes at any time, even late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceAdded {
    /// The item.
    pub evidence: EvidenceRef,
}

/// A clerk has seen it and owns it now (M47).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionAcknowledged {
    /// The owner.
    pub owner: ClerkNo,
    /// When he will act next, UTC milliseconds.
    pub next_action_ms: i64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Decision {
    /// Deliver it after all.
    Redeliver,
    /// Return it to the sender.
    Return,
    /// Keep it at the station.
    Hold,
    /// Compensate.
    Compensate,
    /// Nothing further.
    NoAction,
}

/// The owner decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionDecided {
    /// What is to be done.
    pub decision: Decision,
    /// Why, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<VaultRef>,
}

/// Where it came from (M46: mandatory at the end).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Cause {
    /// The courier.
    Courier,
    /// The station or a sorting hub.
    Operations,
    /// The sender: packing, address, goods.
    Sender,
    /// The recipient.
    Recipient,
    /// Weather, traffic control, force majeure.
    ForceMajeure,
    /// Could not be found out.
    Unknown,
}

/// It was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionResolved {
    /// Where it came from.
    pub cause: Cause,
}

/// There was nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionVoided {}

/// The hub asks somebody to bring a parcel back: it was recalled, and delivered all the same
/// (DOMAIN C6 row 3). Opens a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRequested {
    /// The parcel.
    pub waybill: Waybill,
    /// The delivery that came after the recall.
    pub delivered: EventId,
    /// The case is urgent: a safety recall or prohibited goods (row 4).
    pub urgent: bool,
    /// The case about it, for the parcel's own lane.
    pub case: CaseId,
}

#[cfg(test)]
mod tests;
