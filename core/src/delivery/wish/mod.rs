//! What the recipient wishes: how he wants his parcel, and where he wants it instead.
//!
//! A wish is versioned and the latest counts (M38). Said while the parcel is out, a new wish is a
//! redirection (改派) like a new address: it asks for an answer within the hour (M34), and an act
//! of somebody who could not know of it is nobody's fault (C6.8).

pub(crate) mod rules;
mod state;

pub use state::{Preference, Redirect, RedirectAnswer};

use serde::{Deserialize, Serialize};

use super::Channel;
use crate::evidence::EvidenceRef;
use crate::id::{ConsentId, EventId, SiteId};
use crate::privacy::VaultRef;
use crate::temporary_storage::{ConsentGiver, Liability};

/// How the recipient wants his parcel (M38).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Wish {
    /// At his door.
    Door,
    /// At his door, in this window (预约派送).
    Window {
        /// Its start, UTC milliseconds.
        from_ms: i64,
        /// Its end, UTC milliseconds.
        to_ms: i64,
    },
    /// He collects it himself (代收点自提): at a station counter, a locker or another storage site.
    /// His standing consent to storage there (C4.2).
    AtSite {
        /// The site.
        site: SiteId,
        /// Who carries the risk while it lies there (M31).
        liability: Liability,
    },
    /// Left at a place he names (放至指定位置). His standing consent to that (C4.2); the risk is his.
    NamedPlace,
}

/// The recipient said how he wants his parcel (M38). Who wrote it down, and when, says the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreferenceSet {
    /// Counts the wishes for this parcel from 1. The highest counts.
    pub version: u32,
    /// What he wants.
    pub wish: Wish,
    /// The place he names, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<VaultRef>,
    /// The consent that a wish for a site is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// Who said it. Never the courier.
    pub said_by: ConsentGiver,
    /// How he said it.
    pub channel: Channel,
    /// The call record, message or signature that shows it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRef>,
}

/// The customer wants it delivered elsewhere (改派, M34). Starts the one-hour clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectRequested {
    /// The person and the address it is to go to, in the vault.
    pub to: VaultRef,
    /// How he said so.
    pub channel: Channel,
}

/// Why a redirection is declined (M34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DeclineClass {
    /// Another station delivers there.
    OutsideArea,
    /// It cannot be brought there in time.
    OutOfTime,
    /// The sender, the goods or the law do not allow it.
    NotAllowed,
    /// It has changed hands already.
    TooLate,
    /// Another reason; it is written down.
    Other,
}

/// The answer to a redirection (M34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum RedirectReply {
    /// It will be done.
    Accept,
    /// It cannot be done.
    Decline {
        /// Why.
        class: DeclineClass,
    },
}

/// A redirection was answered (M34). Stops the one-hour clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectAnswered {
    /// The event that asked.
    pub request: EventId,
    /// The answer.
    pub reply: RedirectReply,
    /// Why, in words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VaultRef>,
}

/// The parcel goes to another address from now on (M34). The former address stays in its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRedirected {
    /// The event that asked.
    pub request: EventId,
    /// Whom it is for now, and where: another version of the person, in the vault.
    pub recipient: VaultRef,
}

#[cfg(test)]
mod tests;
