//! The policy pack: the numbers and lists that rules ask for, each with its source (C7).
//!
//! Rules read a flat [`Policy`]. It is resolved from layers: the law's floors, the company, the
//! station, and a peak while it is on (M83). A layer may only tighten a floor. The table of all
//! values with their defaults is in `values.rs`: a new value is one line there. The legal floors
//! are in `law.json`, `pack.rs` reads a pack, and `resolve.rs` lays the layers on each other and
//! explains what comes out.
//!
//! An event names the version it was decided under, so that a later change never blames an
//! earlier act.

mod pack;
#[cfg(test)]
mod readers;
mod resolve;
#[cfg(test)]
mod tests;
mod values;

pub use pack::{FORMAT, Layer, Pack, Peak, Scope, Setting, Window};
pub(crate) use resolve::Adopted;
pub use resolve::{Explanation, Policies, Resolved, value_names, value_of};
pub use values::{Policy, Proofs, Stricter, Words};

use resolve::Stack;

use crate::delivery::HandoverMethod;
use crate::notice::{WordList, word_lists};
use crate::privacy::Mask;

impl Policy {
    /// Returns the ways to prove a hand-over by `method`.
    pub fn proofs(&self, method: HandoverMethod, valuable: bool) -> &Proofs {
        match (method, valuable) {
            (HandoverMethod::FaceToFace, false) => &self.proof_face_to_face,
            (HandoverMethod::FaceToFace, true) => &self.proof_face_to_face_valuable,
            (HandoverMethod::Agent, false) => &self.proof_agent,
            (HandoverMethod::Agent, true) => &self.proof_agent_valuable,
            (HandoverMethod::NamedPlace, _) => &self.proof_named_place,
        }
    }

    /// Returns how much of a person is hidden (M02).
    pub fn mask(&self) -> Mask {
        Mask {
            name_chars: self.mask_name_chars as usize,
            phone_digits: self.mask_phone_digits as usize,
            doors: self.mask_rooms,
        }
    }

    /// Returns the words to warn about, for [`lint_message`](crate::notice::lint_message) (M03).
    pub fn word_lists(&self) -> Vec<WordList> {
        let list = |name: &str, words: &Words| WordList {
            name: name.to_owned(),
            words: words.iter().cloned().collect(),
            // Phrases in which a word is harmless belong to the language, not to a company.
            except: word_lists()
                .iter()
                .find(|list| list.name == name)
                .map(|list| list.except.clone())
                .unwrap_or_default(),
        };
        vec![list("evasive", &self.forbidden_words), list("vague", &self.vague_words)]
    }
}
