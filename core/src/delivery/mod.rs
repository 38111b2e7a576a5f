//! At the door: contact, arrival, hand-over, a failed attempt, a refusal, a return.

pub(crate) mod rules;
mod state;

pub use state::{
    Appointment, ContactTried, Delivered, DeliveredHow, DeliveryTask, FailedAttempt, RefusedBy,
};

use serde::{Deserialize, Serialize};

use crate::evidence::EvidenceRef;
use crate::privacy::VaultRef;

/// How a person was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Channel {
    /// Spoken, by phone.
    Phone,
    /// Text message.
    Sms,
    /// Message in the company's app or official account.
    App,
    /// Face to face.
    InPerson,
}

/// Who was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Party {
    /// The recipient (收件人).
    Recipient,
    /// The sender (寄件人).
    Sender,
}

/// A person of the waybill answered (M21).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientContacted {
    /// How.
    pub channel: Channel,
    /// Who.
    pub party: Party,
}

/// Nobody answered (M21).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientContactFailed {
    /// How it was tried.
    pub channel: Channel,
    /// Who was called.
    pub party: Party,
}

/// The courier stands at the address (M20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressArrived {}

/// How the parcel changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum HandoverMethod {
    /// Into the recipient's own hands (本人签收).
    FaceToFace,
    /// Into the hands of an agent the recipient named (代收).
    Agent,
    /// Left at a place the recipient named, with his consent (指定地点).
    NamedPlace,
}

/// How the taker was recognised (M22). The number of an ID card is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum IdentityMethod {
    /// Asked for the name.
    Name,
    /// Asked for the phone number or its last digits.
    Phone,
    /// Looked at an ID card.
    IdCard,
    /// Known to the courier in person.
    Known,
    /// Nobody was there to be asked (a named place).
    NotPresent,
}

/// The identity check (M22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct IdentityCheck {
    /// How.
    pub method: IdentityMethod,
    /// Whether it matched the waybill.
    pub matched: bool,
}

/// What became of the reminder that the parcel may be inspected (M23, 快递市场管理办法 art. 27).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Inspection {
    /// Opened in front of the courier and found sound.
    OpenedSound,
    /// Opened in front of the courier and found damaged or short.
    OpenedDamaged,
    /// Offered; the taker did not want to open it.
    Declined,
    /// Nobody was there to be offered it (a named place).
    NotPresent,
}

/// One thing that shows the hand-over happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ProofKind {
    /// A signature on the screen.
    Signature,
    /// A photo of the hand-over or of the parcel in its place.
    Photo,
    /// A code only the recipient has (签收码).
    Pin,
    /// An ID card was shown and matched.
    IdCheck,
}

/// One item of proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ProofItem {
    /// What it is.
    pub kind: ProofKind,
    /// The photo or signature; a PIN and an ID check leave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRef>,
}

/// The parcel is in the taker's hands, or in the place he named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParcelDelivered {
    /// How.
    pub method: HandoverMethod,
    /// The agent or the named place, in the vault; none for the recipient himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker: Option<VaultRef>,
    /// Who took it, as checked.
    pub identity: IdentityCheck,
    /// The address on the label was compared a second time at the door (M51).
    pub address_checked: bool,
    /// The offer to inspect and its outcome.
    pub inspection: Inspection,
    /// What shows it.
    pub proof: Vec<ProofItem>,
    /// Metres between the phone and the address, if both places are known. A flag, never a gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_gap_m: Option<u32>,
    /// Metres between the phone and the station, if both places are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station_gap_m: Option<u32>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum AttemptFailure {
    /// Nobody at home (M29).
    Absent,
    /// The address does not exist or is incomplete (M45).
    BadAddress,
    /// No way in: gate, lift, flood.
    NoAccess,
    /// Could not be reached in time.
    OutOfTime,
}

/// The parcel did not change hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAttemptFailed {
    /// Why.
    pub cause: AttemptFailure,
}

/// A new appointment was agreed (M29).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeliveryScheduled {
    /// The agreed window's start, UTC milliseconds.
    pub from_ms: i64,
    /// The agreed window's end, UTC milliseconds.
    pub to_ms: i64,
    /// How it was agreed.
    pub channel: Channel,
}

/// What the recipient does not want (M35).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum RefusalClass {
    /// The goods: damaged, wrong, not as ordered.
    Goods,
    /// The delivery: late, rude, wrong way.
    Delivery,
    /// The customer's own reason.
    Customer,
    /// No reason was given.
    NoReason,
}

/// The recipient refuses the parcel (拒收, M35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRefused {
    /// What he does not want.
    pub class: RefusalClass,
    /// In his words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VaultRef>,
}

/// The station allows the return (M35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnAuthorised {}

/// The parcel goes back to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnStarted {}

/// The sender has it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParcelReturned {}

#[cfg(test)]
mod tests;
