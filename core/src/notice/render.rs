//! Filling in a template, and showing each reader no more than he may see.

use std::collections::BTreeMap;

use super::slot::{Slot, SlotKind};
use super::template::{Part, Template, Templates, slots_of};
use super::{Audience, Notice, NoticeDraft, NoticeError};
use crate::id::Digest;
use crate::policy::Policy;
use crate::privacy::mask::doors;
use crate::privacy::{Mask, Person};

/// What stands for a code or the goods where a third party reads.
const HIDDEN: &str = "***";

impl Templates {
    /// Renders a notice.
    ///
    /// Refuses an unknown template and one whose mandatory slots are not all
    /// filled, naming every empty one: the template's own and, of a storage notice, what the policy
    /// wants said and the template has a slot for. The caller sends the text and records template
    /// and hash; nothing is kept here.
    pub fn render(&self, draft: &NoticeDraft, policy: &Policy) -> Result<Notice, NoticeError> {
        let template = self.find(&draft.template)?;
        let values = values(template, draft, &policy.mask());
        let empty: Vec<Slot> =
            template.asked_for(policy).filter(|slot| !values.contains_key(slot)).collect();
        if !empty.is_empty() {
            return Err(NoticeError::EmptySlots { template: template.id.clone(), slots: empty });
        }
        let mut text = String::new();
        write_parts(&mut text, template.text(draft.language), &values);
        Ok(Notice {
            template_id: template.id.clone(),
            template_version: template.version,
            template: format!("{}.{}", template.id, template.version),
            language: draft.language,
            audience: draft.audience,
            sha256: Digest::of(&[text.as_bytes()]),
            text,
        })
    }
}

fn write_parts(text: &mut String, parts: &[Part], values: &BTreeMap<Slot, String>) {
    for part in parts {
        match part {
            Part::Words(words) => text.push_str(words),
            Part::Slot(slot) => text.push_str(values.get(slot).map_or("", String::as_str)),
            Part::Optional(inner) => {
                if slots_of(inner).all(|slot| values.contains_key(&slot)) {
                    write_parts(text, inner, values);
                }
            }
        }
    }
}

/// Returns the values that are not empty, as this reader may see them. Of two
/// values for one slot the later one counts.
fn values(template: &Template, draft: &NoticeDraft, mask: &Mask) -> BTreeMap<Slot, String> {
    let third = draft.audience == Audience::ThirdParty;
    let clear: BTreeMap<Slot, String> =
        draft.slots.iter().map(|value| (value.slot, one_line(&value.text))).collect();
    let shown = |(slot, text): (Slot, String)| {
        let own_code = !third && slot.kind() == SlotKind::Secret;
        let shielded = (third || template.public) && !own_code;
        (slot, if shielded { masked(slot.kind(), &text, &draft.about, mask) } else { text })
    };
    let filled = |(_, text): &(Slot, String)| !text.trim().is_empty();
    // A mask may leave nothing: 无 is no phone.
    clear.into_iter().filter(filled).map(shown).filter(filled).collect()
}

fn masked(kind: SlotKind, text: &str, about: &[Person], mask: &Mask) -> String {
    let text = mask_people(kind, text, about, mask);
    match kind {
        SlotKind::Name => mask.name(&text),
        SlotKind::Phone => mask.phone(&text),
        SlotKind::Address => mask.address(&text),
        SlotKind::Secret => HIDDEN.to_owned(),
        SlotKind::Plain => mask.place(&text),
        SlotKind::Fixed => text,
    }
}

/// Masks what a value tells of the people it is about, for it may stand in any
/// slot. A courier's number may hold the digits of a room by chance: numbers and
/// times are searched for names and phones only.
fn mask_people(kind: SlotKind, text: &str, about: &[Person], mask: &Mask) -> String {
    let mut text = text.to_owned();
    for person in about {
        let (name, phone) = (one_line(&person.name), one_line(&person.phone));
        text = replaced(&text, &name, &mask.name(&name));
        text = replaced(&text, &phone, &mask.phone(&phone));
        if kind != SlotKind::Fixed {
            for door in doors(&one_line(&person.address)) {
                text = replaced(&text, &door, HIDDEN);
            }
        }
    }
    text
}

/// Replaces `clear` where it stands alone: not inside a longer number, and not
/// when it is so short that it would hit other words.
fn replaced(text: &str, clear: &str, masked: &str) -> String {
    if clear.chars().count() < 2 {
        return text.to_owned();
    }
    let digit = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_digit());
    let mut shown = String::new();
    let mut from = 0;
    for (start, hit) in text.match_indices(clear) {
        let end = start + hit.len();
        let inside_number = digit(clear.chars().next()) && digit(text[..start].chars().next_back())
            || digit(clear.chars().next_back()) && digit(text[end..].chars().next());
        if !inside_number {
            shown.push_str(&text[from..start]);
            shown.push_str(masked);
            from = end;
        }
    }
    shown + &text[from..]
}

/// Brings a value to one line: runs of spaces, line ends and invisible signs
/// become one space, so that no value can look like a second message.
fn one_line(text: &str) -> String {
    let blank = |sign: char| {
        sign.is_whitespace()
            || sign.is_control()
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
