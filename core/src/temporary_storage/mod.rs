//! Temporary storage (暂存): a parcel left at a site instead of in a hand.
//!
//! Storing is a legal act. It needs consent for one site and one period, from the recipient and
//! never from the courier, and it moves the liability (M28, M31-M33). The checks are in
//! `rules.rs`, the fold in `state.rs`, pickup codes in `codes.rs`, the slots of lockers in `slot.rs`,
//! what an app asks in `view.rs`.

mod codes;
pub(crate) mod rules;
mod slot;
mod state;
mod stay;
mod view;

pub use codes::{CodeBook, CodeCheck, CodeIssuer, CodeKey, CodeLease, CodesWanted, SiteCodes};
pub use slot::{InSlot, LockerSlot};
pub use state::Storage;
pub use stay::{Asked, Consent, Notice, OwedAnew, Reminder, Stay, StayEnd};
pub use view::StorageView;

use serde::{Deserialize, Serialize};

use crate::delivery::Channel;
use crate::evidence::EvidenceRef;
use crate::id::{ConsentId, Digest, EventId, SiteId};
use crate::privacy::VaultRef;
use crate::waybill::Waybill;

/// What kind of place a site is (M28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum SiteKind {
    /// A parcel station with staff (驿站).
    Station,
    /// A locker (智能快件箱).
    Locker,
    /// The desk of a property company (物业).
    PropertyDesk,
    /// A neighbour (邻居).
    Neighbour,
    /// Another place the recipient named.
    NamedPlace,
    /// A gate, a stairwell, a pavement: never allowed.
    UnattendedPublic,
}

/// Who carries the risk while the parcel lies there (M31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Liability {
    /// The courier company.
    Company,
    /// The keeper of the site.
    Site,
    /// The recipient, who asked for it.
    Recipient,
}

/// Who agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ConsentGiver {
    /// The recipient.
    Recipient,
    /// Somebody the recipient named.
    Deputy,
    /// The sender, for a recipient who counts as unreachable (浙江省快递业促进条例 art. 33).
    Sender,
    /// The courier himself: always refused, and named here so that a record can say so.
    Courier,
}

/// The recipient was asked whether the parcel may be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageConsentAsked {
    /// How.
    pub channel: Channel,
    /// The place offered.
    pub site: SiteId,
}

/// The recipient agreed to one place and one period (M31).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StorageConsented {
    /// The consent's own id.
    pub consent: ConsentId,
    /// Who agreed. Never the courier.
    pub given_by: ConsentGiver,
    /// The one place agreed on.
    pub site: SiteId,
    /// The end of the agreed period, UTC milliseconds.
    pub until_ms: i64,
    /// Who carries the risk while it lies there.
    pub liability: Liability,
    /// How consent was given.
    pub channel: Channel,
    /// The call record, message or signature that shows it, if the app has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRef>,
}

/// The recipient does not want it stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageDeclined {
    /// How he said so.
    pub channel: Channel,
}

/// The recipient took his consent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageConsentRevoked {
    /// The consent.
    pub consent: ConsentId,
}

/// The parcel lies at the site (M31, M33).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParcelStored {
    /// The consent it rests on; `None` only against a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// Where.
    pub site: SiteId,
    /// The last moment to collect it, UTC milliseconds (M33).
    pub collect_before_ms: i64,
    /// The pickup code's HMAC under the site's key; the code itself is in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<Digest>,
    /// The sealed pickup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<VaultRef>,
    /// A photo of it in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<EvidenceRef>,
    /// The slot, if it lies in a locker and the courier said which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<LockerSlot>,
}

/// The recipient was told where it is (T01, M32). Only the sender of the message records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNoticeSent {
    /// How.
    pub channel: Channel,
    /// The template's id and version, such as `T01.1`.
    pub template: String,
    /// SHA-256 of the text as sent.
    pub text: Digest,
}

/// The message could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageNoticeFailed {
    /// How it was tried.
    pub channel: Channel,
}

/// The recipient was reminded that it still lies there. Only the sender of the message records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageReminderSent {
    /// How.
    pub channel: Channel,
    /// The template's id and version, such as `T01R.1`.
    pub template: String,
    /// SHA-256 of the text as sent.
    pub text: Digest,
    /// The step of the ladder, in days since it was stored; 0 before the first step.
    pub day: u32,
}

/// It may lie there longer, on the same consent or on a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageExtended {
    /// The consent it rests on; `None` only against a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// The last moment to collect it, UTC milliseconds (M33).
    pub collect_before_ms: i64,
}

/// The last moment to collect it is over. The station says so, never a phone; it still lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageExpired {}

/// It has another pickup code, or none any more: the courier's number is shown instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupCodeReplaced {
    /// The new code's HMAC under the site's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<Digest>,
    /// The sealed new code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<VaultRef>,
    /// Another parcel at the site had the same code (C6.12).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clashed: bool,
}

/// It lies in this slot of its locker, whatever was said before (C6.12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageSlotCorrected {
    /// The slot.
    pub slot: LockerSlot,
}

/// Another parcel is said to lie in the same slot (C6.12). The hub says so in the lanes of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageSlotClashed {
    /// The slot.
    pub slot: LockerSlot,
    /// The other parcel.
    pub waybill: Waybill,
    /// The event of its lane that says so.
    pub other: EventId,
    /// This parcel was said to lie there later than the other: somebody must look where it lies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub later: bool,
}

/// The recipient collected it (取件).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredParcelPickedUp {
    /// The parcel's label was scanned as it was given out.
    pub scanned: bool,
    /// HMAC under the site's key of the code that was shown, if one was and the key is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<Digest>,
}

/// A courier took it out of the site again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredParcelRetrieved {
    /// The parcel's label was scanned as it was taken.
    pub scanned: bool,
}

/// The keeper of the site gave it back at the end of the stay: to a courier, or to the station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageHandedBack {
    /// The parcel's label was scanned as it was taken.
    pub scanned: bool,
}

#[cfg(test)]
mod tests;
