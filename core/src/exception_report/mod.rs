//! Exception report (异常上报): something is wrong with a parcel, and a person must look at it.
//!
//! One lane per case. A draft lives in the app and counts for nothing; the case begins with
//! `ExceptionReported` (M41-M43, M47). A report is taken at once, however little it shows yet; what
//! the kind asks for before the case may be resolved stands in `checklist.rs` (M44), what is counted
//! and handed out afterwards in `review.rs` (M47, M48, M50).

mod checklist;
mod review;
pub(crate) mod rules;
mod state;

pub use checklist::{
    CaseDuty, CaseParty, Checklist, ChecklistItem, MisdeliveryStep, Shown, exception_checklist,
};
pub use review::{ClaimItem, ClaimPacket, OpenCase, ReviewLine, agenda, claim_packet, review};
pub use state::{
    CaseEvidence, CaseNote, CasePromise, CaseStage, ClaimConsent, ErrorAnalysis, ExceptionCase,
    PartyTold, StepTaken,
};

use serde::{Deserialize, Serialize};

use crate::delivery::Channel;
use crate::evidence::EvidenceRef;
use crate::id::{CaseId, ClerkNo, CourierNo, EventId};
use crate::privacy::VaultRef;
use crate::waybill::Waybill;

/// What is wrong (M41).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// What each of them shows, in the same order; those beyond its end show nothing in particular.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<Shown>,
    /// What the courier saw, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<VaultRef>,
}

/// More evidence for the case; comes at any time, even late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceAdded {
    /// The item.
    pub evidence: EvidenceRef,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<Shown>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// What the customer wants with a parcel that is damaged at his door (M24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DoorWish {
    /// He takes it all the same.
    Accepts,
    /// He does not take it.
    Refuses,
}

/// Something the kind asks for cannot be had, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyExcused {
    /// What is not done.
    pub duty: CaseDuty,
    /// Why, in the vault.
    pub reason: VaultRef,
}

/// Somebody concerned was told of the case (M44).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyNotified {
    /// Who.
    pub party: CaseParty,
    /// How.
    pub channel: Channel,
}

/// What a customer is promised (M51).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Promised {
    /// The parcel is brought to him.
    BringParcel,
    /// He is called back.
    CallBack,
    /// He is paid.
    Pay,
}

/// A promise was made: its clock runs as said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseMade {
    /// What.
    pub promise: Promised,
    /// By when, UTC milliseconds.
    pub until_ms: i64,
}

/// A promise was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseKept {
    /// Which.
    pub promise: Promised,
}

/// One step of what is done about a misdelivery (M51).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MisdeliveryStepTaken {
    /// Which.
    pub step: MisdeliveryStep,
}

/// Why it went wrong, and what is done so that it does not again (错派分析, M51).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnalysisReported {
    /// What happened, in the vault.
    pub what: VaultRef,
    /// Why, in the vault.
    pub why: VaultRef,
    /// What is done against it, in the vault.
    pub remedy: VaultRef,
    /// It asks for a second look at the address before each hand-over.
    pub second_address_check: bool,
}

/// The customer was asked whether the claim is to be helped along (协助理赔, M48).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimConsentRecorded {
    /// He agreed.
    pub agreed: bool,
    /// How he said so.
    pub channel: Channel,
}

/// A courier of this station takes part in the case (M49).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantAdded {
    /// Who.
    pub courier: CourierNo,
}

/// What was done or found out (跟进记录, M49).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressNoted {
    /// In words, in the vault.
    pub note: VaultRef,
}

/// It needs somebody above the station (升级).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionEscalated {
    /// Why, in the vault.
    pub reason: VaultRef,
}

/// A resolved case was looked over and is filed (关闭).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionClosed {}

/// A case that had ended goes on (重开); somebody owns it at once (C4.18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionReopened {
    /// The owner.
    pub owner: ClerkNo,
    /// When he will act next, UTC milliseconds.
    pub next_action_ms: i64,
    /// Why, in the vault.
    pub reason: VaultRef,
}

#[cfg(test)]
mod tests;
