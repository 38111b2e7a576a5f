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
mod resolve;
#[cfg(test)]
mod tests;
mod values;

pub use pack::{FORMAT, Layer, Pack, Peak, Scope, Setting, Window};
pub(crate) use resolve::Adopted;
pub use resolve::{Explanation, Policies, Resolved, value_names, value_of};
pub use values::{Policy, Stricter, Words};

use resolve::Stack;

use crate::delivery::{HandoverMethod, ProofKind};
use crate::notice::{WordList, word_lists};

impl Policy {
    /// Returns the sets of proof that satisfy a method; any one of them is enough (C4.6, C4.7).
    ///
    /// A valuable parcel asks for a signature or an identity check besides a photo. A PIN or an
    /// ID check never goes with a parcel left at a place: nobody was there to give it.
    pub fn proof_matrix(&self, method: HandoverMethod, valuable: bool) -> &[&[ProofKind]] {
        use ProofKind::{IdCheck, Photo, Pin, Signature};
        match (method, valuable) {
            (HandoverMethod::FaceToFace, false) => &[&[Signature], &[Pin], &[Photo], &[IdCheck]],
            (HandoverMethod::FaceToFace, true) => {
                &[&[Signature, IdCheck], &[Signature, Photo], &[Pin, Photo]]
            }
            (HandoverMethod::Agent, false) => &[&[Signature], &[Photo]],
            (HandoverMethod::Agent, true) => &[&[Signature, IdCheck], &[Signature, Photo]],
            (HandoverMethod::NamedPlace, _) => &[&[Photo]],
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
