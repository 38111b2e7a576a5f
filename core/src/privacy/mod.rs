//! Personal data: where it is kept, how it is shown, who may see it, how it goes.
//!
//! Names, phones and addresses belong to the customer (M02). They are shown
//! masked unless a courier asks for them and the asking is recorded, they leave
//! the phone only for people who may see them, and they are erased in time.
//! The vault (`vault.rs`) keeps them; `mask.rs` hides the parts that
//! GB/T 41833-2022 wants hidden; `rules.rs` says who may see and who may erase.
//!
//! Erasing deletes vault entries, photos, videos and signatures, on the hub and on
//! every phone. The events stay whole: the salted digest that they hold tells
//! nothing without its salt, and that of a file nothing without the file.

pub mod mask;
pub(crate) mod rules;
#[cfg(test)]
mod tests;
mod vault;

pub use mask::Mask;
pub use vault::{Person, VaultBody, VaultEntry, VaultRef};

use serde::{Deserialize, Serialize};

use crate::delivery::Party;
use crate::event::{Actor, Event, Lane};
use crate::id::Digest;
use crate::time::Moment;

/// Why a courier asks for a person in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum RevealReason {
    /// To call or to write to him.
    Call,
    /// To find his door.
    Navigate,
    /// To compare the taker with the waybill.
    HandoverCheck,
    /// To answer his complaint.
    Complaint,
    /// Something else, said in words.
    Other,
}

/// A courier was shown a person of the waybill in the clear (M02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRevealed {
    /// Who was shown.
    pub party: Party,
    /// Why.
    pub reason: RevealReason,
    /// Why in words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<VaultRef>,
}

/// Why a person is erased (个人信息保护法 art. 47).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ErasureReason {
    /// He asked for it.
    Asked,
    /// He took back that his data may be used.
    ConsentWithdrawn,
    /// What it was kept for is done, and its time is over.
    RetentionOver,
}

/// A person is to be erased, but a case about the parcel is open: from now on he is masked for
/// everybody (C6 row 20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureHeld {
    /// Who.
    pub party: Party,
    /// Why he is to be erased.
    pub reason: ErasureReason,
}

/// A person's vault entries of this lane were deleted, and the files that show him or his home. The
/// events that point at them stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonErased {
    /// Who.
    pub party: Party,
    /// Why.
    pub reason: ErasureReason,
    /// The entries: what is sent of them later is not kept again.
    pub references: Vec<VaultRef>,
    /// The photos, videos and signatures, by SHA-256: what is sent of them later is not kept again,
    /// unless an act of another lane names the same file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Digest>,
}

/// The last time somebody was shown a person for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// Who was shown him.
    pub by: Actor,
    /// Who was shown.
    pub party: Party,
    /// Why.
    pub reason: RevealReason,
    /// When.
    pub at: Moment,
}

/// What was erased of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// When, the first time.
    pub at: Moment,
    /// The entries.
    pub references: Vec<VaultRef>,
    /// The photos, videos and signatures, by SHA-256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Digest>,
}

/// A photo, video or signature that an act names, and whom it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The lane of the act.
    pub lane: Lane,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Who, or whose home, is on it; none if the act does not tell.
    pub of: Option<Party>,
}

impl Picture {
    /// Returns the pictures that an event names.
    pub fn named_by(event: &Event) -> impl Iterator<Item = Self> + '_ {
        let of = rules::shown_by(&event.fact);
        let lane = &event.envelope.lane;
        let items = event.fact.evidence().into_iter();
        items.map(move |item| Self { lane: lane.clone(), sha256: item.sha256, of })
    }
}

/// How a person can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum PersonSight {
    /// Masked; `reveal` shows him.
    Masked,
    /// Masked, and `reveal` is refused: he is to be erased.
    Held,
    /// He was erased.
    Erased,
    /// This phone does not have him: he was never for this courier, or is no longer.
    NotHere,
}
