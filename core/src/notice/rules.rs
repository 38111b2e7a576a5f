//! Which notices may be recorded.

use crate::decide::Circumstances;
use crate::parcel::Parcel;
use crate::parcel::rules::concerns;
use crate::refusal::{Refusal, Verdict, refuse_if};

/// The template is named, not quoted: an event never holds a text.
pub(crate) fn is_named(template: &str) -> Verdict {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let quoted = template.is_empty() || template.len() > 16 || !template.chars().all(named);
    refuse_if(quoted, Refusal::TemplateNotNamed)
}

/// Telling somebody of a parcel: at any time, by whom it concerns.
pub(crate) fn may_tell(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)
}
