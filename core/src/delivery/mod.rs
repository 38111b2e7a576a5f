//! At the door: contact, arrival, hand-over, a failed attempt, a refusal, a return.
//!
//! What the recipient wishes, and where he wants it instead, is in `wish`; when he counts as
//! unreachable in `unreachable.rs`; what a screen shows of it in `view.rs`.

pub(crate) mod rules;
mod state;
mod unreachable;
mod view;
pub(crate) mod wish;

pub use state::{
    Appointment, ContactTried, DelayTold, Delivered, DeliveredHow, DeliveryTask, FailedAttempt,
    ReceiptForm, RefusedBy,
};
pub use unreachable::{Unreachable, unreachable};
pub use view::{DeliveryView, RedirectView, WishView};
pub use wish::{
    DeclineClass, DeliveryRedirected, Preference, PreferenceSet, Redirect, RedirectAnswer,
    RedirectAnswered, RedirectReply, RedirectRequested, Wish,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Metres between the phone and the address, if both places are known; of a batch, to the
    /// farthest of its addresses. A flag, never a gate.
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

/// A second delivery was offered to a recipient who was not there (M29). His answer is a fact of
/// its own: an appointment, a wish, or a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentOffered {
    /// The offered window's start, UTC milliseconds.
    pub from_ms: i64,
    /// The offered window's end, UTC milliseconds.
    pub to_ms: i64,
    /// How it was offered.
    pub channel: Channel,
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

/// The courier told the station by phone or in person (M35): what waits on the parcel is reported,
/// even without a signal for the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationCalled {
    /// How.
    pub channel: Channel,
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

/// Why a parcel comes late (M27).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DelayCause {
    /// Rain, snow, storm (恶劣天气). Force majeure.
    Weather,
    /// Traffic control (交通管制). Force majeure.
    TrafficControl,
    /// Flood, earthquake, fire (自然灾害). Force majeure.
    Disaster,
    /// An order of an authority: a closed quarter, a lockdown. Force majeure.
    PublicOrder,
    /// The vehicle broke down.
    Breakdown,
    /// More parcels than could be carried.
    Volume,
    /// Sorted or sent wrongly.
    Missent,
}

impl DelayCause {
    /// Tells whether nobody could have prevented it (不可抗力).
    pub fn is_force_majeure(self) -> bool {
        matches!(self, Self::Weather | Self::TrafficControl | Self::Disaster | Self::PublicOrder)
    }
}

/// The customer was told that it comes late, and when it will come (M27).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayNotified {
    /// Why.
    pub cause: DelayCause,
    /// When it will come, UTC milliseconds.
    pub eta_ms: i64,
    /// Where it is now, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<VaultRef>,
    /// How he was told.
    pub channel: Channel,
}

/// The recipient signed the sender's paper form (签收回单, M37).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptFormSigned {
    /// The signature is clear and complete.
    pub clear: bool,
    /// A photo of the signed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<EvidenceRef>,
}

/// The signed form is at the station (M37).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFormHandedIn {}

#[cfg(test)]
mod tests;
