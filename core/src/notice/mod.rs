//! Notices: what a customer is told, in words that were read before (M27, M32, M33, M39).
//!
//! The texts are data (`templates.json`), Chinese with English beside. A
//! template has a closed list of slots, and a notice with an empty mandatory
//! slot does not exist: a half-filled message is worse than none, because it
//! counts as told. Third parties read masked data, and a text that anyone may
//! read over a shoulder never shows a full name or a room.
//!
//! `template.rs` loads and checks the texts, `fill.rs` finds what the phone knows for their slots,
//! `render.rs` fills them in, `lint.rs` warns about words that evade or stay vague (M03).

mod fill;
mod lint;
mod render;
pub(crate) mod rules;
mod slot;
mod template;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use lint::{Finding, WordList, lint_message, without_address, word_lists};
pub use slot::{Slot, SlotKind};
pub use template::{Fault, TemplateFault, TemplateFaults, Templates};

use crate::delivery::{Channel, Party};
use crate::event::Fact;
use crate::id::{Digest, EventId};
use crate::parcel::Parcel;
use crate::policy::Policy;
use crate::privacy::{Person, VaultRef};
use crate::react::id_from;
use crate::temporary_storage::{StorageNoticeFailed, StorageNoticeSent, StorageReminderSent};
use crate::time::Moment;

/// Somebody was told of a parcel (M27, M40), of anything but its storage. Only the sender of the
/// message records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSent {
    /// How.
    pub channel: Channel,
    /// The template's id and version, such as `T04.1`.
    pub template: String,
    /// SHA-256 of the text as sent.
    pub text: Digest,
}

/// Such a message, or a reminder of storage, could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// How it was tried.
    pub channel: Channel,
    /// The template's id and version, such as `T04.1`.
    pub template: String,
}

/// A notice was handed to the hub to be sent (M27, M32). The hub sends it and records that, or that
/// it could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeHandedToHub {
    /// Who gets it.
    pub to: Party,
    /// How: by text message, or in the company's app.
    pub channel: Channel,
    /// The template's id and version, such as `T01.1`.
    pub template: String,
    /// The text, in the vault until it is sent.
    pub text: VaultRef,
}

/// A notice that the hub has yet to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingNotice {
    /// The event that handed it over.
    pub event: EventId,
    /// When.
    pub at: Moment,
    /// What was handed over.
    #[serde(flatten)]
    pub notice: NoticeHandedToHub,
}

impl NoticeHandedToHub {
    /// Tells whether it is about a stay at a site, and so about nothing once that has ended.
    pub fn tells_of_a_stay(&self) -> bool {
        Telling::of(&self.template) != Telling::Other
    }
}

impl WaitingNotice {
    /// Returns the id of the event that says what became of it: one and the same, however often the
    /// hub tries.
    pub fn outcome_id(&self) -> EventId {
        EventId(id_from(self.event, "notice"))
    }
}

/// Returns the fact that tells of a notice: that it was sent, with its text's digest, or could not
/// be. The clocks of a stay ask for theirs by name.
pub fn told(
    parcel: &Parcel,
    channel: Channel,
    template: String,
    text: Option<Digest>,
    policy: &Policy,
    now: &Moment,
) -> Fact {
    let stay = parcel.storage.current_stay();
    match (Telling::of(&template), text, stay) {
        (Telling::Stored, Some(text), Some(_)) => {
            StorageNoticeSent { channel, template, text }.into()
        }
        (Telling::Stored, None, Some(_)) => StorageNoticeFailed { channel }.into(),
        (Telling::StillStored, Some(text), Some(stay)) => {
            let day = stay.reminder_step(policy, now);
            StorageReminderSent { channel, template, text, day }.into()
        }
        (_, Some(text), _) => NoticeSent { channel, template, text }.into(),
        (_, None, _) => NoticeFailed { channel, template }.into(),
    }
}

/// A notice that was sent, as a parcel remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The template's id and version.
    pub template: String,
    /// How.
    pub channel: Channel,
    /// When.
    pub at: Moment,
    /// SHA-256 of the text as sent; none if it could not be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Digest>,
}

/// What a template tells of. A company's own templates follow the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// T01 and its like: the parcel is stored (M32).
    Stored,
    /// T01R: it still lies there.
    StillStored,
    /// Anything else.
    Other,
}

impl Telling {
    pub(crate) fn of(template: &str) -> Self {
        match template.split('.').next() {
            Some(id) if id.starts_with("T01R") => Self::StillStored,
            Some(id) if id.starts_with("T01") => Self::Stored,
            _ => Self::Other,
        }
    }
}

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// Who reads a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The recipient: the data are the reader's own.
    Recipient,
    /// Anyone else, the sender included: names, phones, addresses, rooms and codes are masked.
    ThirdParty,
}

/// One filled slot.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SlotValue {
    /// Which one.
    pub slot: Slot,
    /// Its text, in the clear; masking is the renderer's work.
    pub text: String,
}

impl std::fmt::Debug for SlotValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SlotValue({})", self.slot)
    }
}

/// What to render, and for whom.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct NoticeDraft {
    /// The id of the template, such as `T01`.
    pub template: String,
    /// The language of the text.
    pub language: Language,
    /// Who reads it.
    pub audience: Audience,
    /// The values. A slot that the template does not have is passed over.
    pub slots: Vec<SlotValue>,
    /// The people it is about. Where the reader may not see their data, their
    /// names, phones and rooms are masked in every free text too.
    pub about: Vec<Person>,
}

/// A finished text and where it came from.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Notice {
    /// The id of the template, such as `T01`.
    pub template_id: String,
    /// Its version.
    pub template_version: u32,
    /// Both, as an event names them: `T01.1`.
    pub template: String,
    /// The language of the text.
    pub language: Language,
    /// Whom it was written for.
    pub audience: Audience,
    /// The text to send.
    pub text: String,
    /// SHA-256 of the text as UTF-8: what is kept once it is sent.
    pub sha256: Digest,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notice({}, {})", self.template, self.sha256)
    }
}

/// Why a notice was not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// There is no such template.
    #[error("there is no such notice template; choose one of the list")]
    UnknownTemplate,
    /// Mandatory slots are empty.
    #[error("the notice {template} cannot be sent yet; fill in: {}", slot::list(slots))]
    EmptySlots {
        /// The template.
        template: String,
        /// Every empty one, in the template's order.
        slots: Vec<Slot>,
    },
}

impl NoticeError {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTemplate => "NoticeTemplateUnknown",
            Self::EmptySlots { .. } => "NoticeSlotEmpty",
        }
    }
}
