//! Templates are data; this file reads them and finds every fault before one is used.
//!
//! A text holds `{slot}` and `[optional part]`. An optional part is left out
//! when one of its slots is empty, so each optional slot stands in one, and no
//! mandatory slot does.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use super::slot::{Slot, SlotKind};
use super::{Language, NoticeError, Telling};
use crate::policy::Policy;

/// The templates in force, each checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates(Vec<Template>);

/// One template, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) version: u32,
    /// Anyone may read it over a shoulder: no name, no room, for no audience.
    pub(super) public: bool,
    mandatory: Vec<Slot>,
    optional: Vec<Slot>,
    zh: Vec<Part>,
    en: Vec<Part>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    Slot(Slot),
    Optional(Vec<Part>),
}

/// Every fault of a list of templates at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the notice templates have faults: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct TemplateFaults(pub Vec<TemplateFault>);

impl TemplateFaults {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        "NoticeTemplateFaults"
    }
}

/// One fault and the template it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// The id as written; empty when the list itself cannot be read.
    pub template: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not the JSON of a list of templates.
    #[error("not a list of templates (line {line})")]
    Unreadable {
        /// Where reading stopped, counted from 1.
        line: usize,
    },
    /// An id that is empty or not of letters, digits and hyphens.
    #[error("an id has letters, digits and hyphens only")]
    BadId,
    /// Two templates with one id.
    #[error("the id is used twice")]
    DoubleId,
    /// Version 0 or none.
    #[error("versions start at 1")]
    NoVersion,
    /// A placeholder or a listed slot that does not exist.
    #[error("there is no slot {{{0}}}")]
    UnknownSlot(String),
    /// A slot that is listed twice.
    #[error("{{{0}}} is listed twice")]
    DoubleSlot(Slot),
    /// A text uses a slot that the template does not list.
    #[error("{{{1}}} is used in {0:?} and not listed")]
    Unlisted(Language, Slot),
    /// A listed slot that a text does not use.
    #[error("{{{1}}} is listed and not used in {0:?}")]
    Unused(Language, Slot),
    /// A brace or bracket without its partner, or one optional part inside another.
    #[error("braces or brackets do not match in {0:?}")]
    Unbalanced(Language),
    /// An optional part without a slot.
    #[error("an optional part without a slot in {0:?}")]
    EmptyPart(Language),
    /// A mandatory slot inside an optional part.
    #[error("{{{1}}} is mandatory and stands in an optional part in {0:?}")]
    MandatoryInPart(Language, Slot),
    /// An optional slot outside an optional part.
    #[error("{{{1}}} is optional and stands outside an optional part in {0:?}")]
    OptionalOutside(Language, Slot),
    /// A text without words.
    #[error("no text in {0:?}")]
    NoText(Language),
    /// T01 is read by anyone and must say so.
    #[error("a storage notice must be public")]
    NotPublic,
    /// A public text with a name or an address.
    #[error("{{{0}}} tells of a person and the template is public")]
    PersonInPublic(Slot),
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.template, self.fault)
    }
}

static BUILT_IN: LazyLock<Templates> = LazyLock::new(|| {
    Templates::load(include_str!("templates.json")).expect("templates.json is loaded by a test")
});

impl Templates {
    /// Returns the templates that come with the library.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads and checks a list of templates, and lists all faults at once.
    pub fn load(json: &str) -> Result<Self, TemplateFaults> {
        let written: Vec<Written> = serde_json::from_str(json).map_err(|error| {
            let fault = Fault::Unreadable { line: error.line() };
            TemplateFaults(vec![TemplateFault { template: String::new(), fault }])
        })?;
        let mut faults = Vec::new();
        let mut ids = BTreeSet::new();
        let mut templates = Vec::new();
        for template in &written {
            let mut found = Vec::new();
            if !ids.insert(&template.id) {
                found.push(Fault::DoubleId);
            }
            templates.push(template.read(&mut found));
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| TemplateFault { template: template.id.clone(), fault }),
            );
        }
        if faults.is_empty() { Ok(Self(templates)) } else { Err(TemplateFaults(faults)) }
    }

    /// Returns the ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|template| template.id.as_str())
    }

    /// Returns the slots that must be filled before `template` can be rendered.
    pub fn mandatory_slots(&self, template: &str) -> Result<&[Slot], NoticeError> {
        self.find(template).map(|template| template.mandatory.as_slice())
    }

    pub(super) fn find(&self, id: &str) -> Result<&Template, NoticeError> {
        self.0.iter().find(|template| template.id == id).ok_or(NoticeError::UnknownTemplate)
    }
}

impl Template {
    pub(super) fn text(&self, language: Language) -> &[Part] {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }

    /// Returns the slots that must be filled: its own mandatory ones and, of a storage notice, those
    /// that the policy wants filled too (M32).
    pub(super) fn asked_for(&self, policy: &Policy) -> impl Iterator<Item = Slot> {
        let of_storage = Telling::of(&self.id) == Telling::Stored;
        let wanted =
            move |slot: &&Slot| of_storage && policy.notice_required_fields.contains(slot.name());
        self.mandatory.iter().chain(self.optional.iter().filter(wanted)).copied()
    }
}

/// A template as it is written in JSON.
#[derive(Deserialize)]
struct Written {
    id: String,
    #[serde(default)]
    version: u32,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    mandatory: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
}

impl Written {
    fn read(&self, faults: &mut Vec<Fault>) -> Template {
        let plain = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'-';
        if self.id.is_empty() || !self.id.bytes().all(plain) {
            faults.push(Fault::BadId);
        }
        if self.version == 0 {
            faults.push(Fault::NoVersion);
        }
        if self.id.starts_with("T01") && !self.public {
            faults.push(Fault::NotPublic);
        }
        let mandatory = listed(&self.mandatory, faults);
        let optional = listed(&self.optional, faults);
        let mut seen = BTreeSet::new();
        for &slot in mandatory.iter().chain(&optional) {
            if !seen.insert(slot) {
                faults.push(Fault::DoubleSlot(slot));
            }
            if self.public && matches!(slot.kind(), SlotKind::Name | SlotKind::Address) {
                faults.push(Fault::PersonInPublic(slot));
            }
        }
        let mut text = |language, text: &str| {
            let parts = read_text(language, text, faults);
            check_text(language, &parts, &mandatory, &optional, faults);
            parts
        };
        let (zh, en) = (text(Language::Zh, &self.zh), text(Language::En, &self.en));
        Template {
            id: self.id.clone(),
            version: self.version,
            public: self.public,
            mandatory,
            optional,
            zh,
            en,
        }
    }
}

fn listed(names: &[String], faults: &mut Vec<Fault>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for name in names {
        match Slot::named(name) {
            Some(slot) => slots.push(slot),
            None => faults.push(Fault::UnknownSlot(name.clone())),
        }
    }
    slots
}

/// Cuts a text into parts; what cannot be read is reported and left out.
fn read_text(language: Language, text: &str, faults: &mut Vec<Fault>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut open: Option<Vec<Part>> = None;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '[', ']']) {
        let (words, after) = rest.split_at(at);
        rest = &after[1..];
        let inside = open.is_some();
        let target = open.as_mut().unwrap_or(&mut parts);
        if !words.is_empty() {
            target.push(Part::Words(words.to_owned()));
        }
        match (after.as_bytes()[0], inside) {
            (b'{', _) => {
                let Some((name, behind)) = rest.split_once('}') else {
                    faults.push(Fault::Unbalanced(language));
                    return parts;
                };
                rest = behind;
                match Slot::named(name) {
                    Some(slot) => target.push(Part::Slot(slot)),
                    None => faults.push(Fault::UnknownSlot(name.to_owned())),
                }
            }
            (b'[', false) => open = Some(Vec::new()),
            (b']', true) => parts.extend(open.take().map(Part::Optional)),
            _ => faults.push(Fault::Unbalanced(language)),
        }
    }
    if open.is_some() {
        faults.push(Fault::Unbalanced(language));
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    parts
}

fn check_text(
    language: Language,
    parts: &[Part],
    mandatory: &[Slot],
    optional: &[Slot],
    faults: &mut Vec<Fault>,
) {
    let mut used = BTreeSet::new();
    let mut words = false;
    for part in parts {
        match part {
            Part::Words(text) => words |= !text.trim().is_empty(),
            Part::Slot(slot) => {
                used.insert(*slot);
                if optional.contains(slot) {
                    faults.push(Fault::OptionalOutside(language, *slot));
                }
            }
            Part::Optional(inner) => {
                let slots: Vec<Slot> = slots_of(inner).collect();
                if slots.is_empty() {
                    faults.push(Fault::EmptyPart(language));
                }
                let fixed = slots.iter().filter(|slot| mandatory.contains(slot));
                faults.extend(fixed.map(|&slot| Fault::MandatoryInPart(language, slot)));
                used.extend(slots);
            }
        }
    }
    if !words {
        faults.push(Fault::NoText(language));
    }
    let listed: BTreeSet<Slot> = mandatory.iter().chain(optional).copied().collect();
    faults.extend(used.difference(&listed).map(|&slot| Fault::Unlisted(language, slot)));
    faults.extend(listed.difference(&used).map(|&slot| Fault::Unused(language, slot)));
}

/// Returns the slots of an optional part.
pub(super) fn slots_of(parts: &[Part]) -> impl Iterator<Item = Slot> {
    parts.iter().filter_map(|part| match part {
        Part::Slot(slot) => Some(*slot),
        Part::Words(_) | Part::Optional(_) => None,
    })
}
