//! Which notices may be recorded.

use super::NoticeHandedToHub;
use crate::decide::Circumstances;
use crate::delivery::Channel;
use crate::parcel::Parcel;
use crate::parcel::rules::concerns;
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::temporary_storage::rules as storage;

/// The template is named, not quoted: an event never holds a text.
pub(crate) fn is_named(template: &str) -> Verdict {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let quoted = template.is_empty() || template.len() > 16 || !template.chars().all(named);
    refuse_if(quoted, Refusal::TemplateNotNamed)
}

/// Handing a message to the hub: it writes and does not speak, and it sends nothing twice.
pub(crate) fn may_hand_to_hub(
    parcel: &Parcel,
    fact: &NoticeHandedToHub,
    text: &str,
    at: &Circumstances,
) -> Verdict {
    is_named(&fact.template)?;
    if fact.tells_of_a_stay() {
        storage::may_tell_of_stay(parcel, at)?;
    }
    may_tell(parcel, at)?;
    let written = matches!(fact.channel, Channel::Sms | Channel::App) && !text.trim().is_empty();
    refuse_if(!written, Refusal::NoMessage)?;
    let same =
        |waiting: &NoticeHandedToHub| (&waiting.template, waiting.to) == (&fact.template, fact.to);
    let waits = parcel.waiting_notices.iter().any(|waiting| same(&waiting.notice));
    refuse_if(waits, Refusal::NoticeWaiting)
}

/// Telling somebody of a parcel: at any time, by whom it concerns.
pub(crate) fn may_tell(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)
}
