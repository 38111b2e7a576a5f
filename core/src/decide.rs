//! Decides a command: the one door to every subject's rules.
//!
//! Pure: the states, the circumstances and the random bytes come in, drafts of facts or a refusal
//! go out. The phone and the hub run the same code.

mod acts;
mod at_a_site;
mod cases;
mod custody;
mod desk;
mod lanes;
mod pickups;
mod several;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::directory::Directory;
use crate::event::{Actor, Against, Fact, Lane};
use crate::exception_report::{ExceptionKind, ExceptionReported};
use crate::fold::LaneState;
use crate::id::{CaseId, SiteId, StationId};
use crate::policy::Policy;
use crate::privacy::{Picture, VaultBody, VaultEntry, VaultRef};
use crate::refusal::Refusal;
use crate::temporary_storage::{CodeBook, LockerSlot};
use crate::time::{Entropy, Moment};
use crate::waybill::Waybill;

pub use acts::decide;
pub use lanes::lanes_of;
pub use several::left_out;

/// What is so around a command, apart from the lanes.
#[derive(Clone)]
pub struct Circumstances<'a> {
    /// When, as the device knows it.
    pub now: Moment,
    /// Who acts.
    pub actor: &'a Actor,
    /// The station he belongs to.
    pub station: &'a StationId,
    /// The hub's root key, P-256 SEC1 uncompressed, hexadecimal: what signed codes rest on.
    pub root_key: &'a str,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The sites known.
    pub directory: &'a Directory,
    /// Metres between the phone and the parcel's address, if both places are known; of a batch, the
    /// farthest.
    pub address_gap_m: Option<u32>,
    /// Metres between the phone and the station, if both places are known.
    pub station_gap_m: Option<u32>,
    /// The vault entries of the lanes a person is erased in: the hub names them, a phone none.
    pub entries: &'a [(Lane, VaultRef)],
    /// The photos, videos and signatures of those lanes: the hub names them, a phone none.
    pub pictures: &'a [Picture],
    /// The pickup codes this device may check and give out.
    pub codes: &'a CodeBook,
    /// Where a command names a slot of a locker: those in which, by what is known here, other parcels
    /// lie than the ones it names.
    pub slots_taken: Vec<(SiteId, LockerSlot)>,
    /// Random bytes for salts and ids.
    pub entropy: &'a dyn Entropy,
}

/// The lanes a command reads, as they stand. A lane without events is absent.
pub type LaneStates = BTreeMap<Lane, LaneState>;

/// A fact to be recorded, not yet an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its lane.
    pub lane: Lane,
    /// The fact.
    pub fact: Fact,
}

/// What a command leads to.
#[derive(Default)]
pub struct Decided {
    /// Groups of facts; each group is accepted or parked as a whole.
    pub groups: Vec<Vec<Draft>>,
    /// The vault entries the facts point at.
    pub vault: Vec<VaultEntry>,
}

impl Decided {
    /// Seals `body` for `lane` and returns the reference a fact may hold.
    pub fn seal(&mut self, lane: &Lane, body: &VaultBody, at: &Circumstances) -> VaultRef {
        let entry = VaultEntry::new(lane.clone(), body, at.entropy);
        let reference = entry.reference;
        self.vault.push(entry);
        reference
    }

    /// Seals the actor's own words about the act, in the lane of its first fact.
    pub fn explain(&mut self, words: &str, at: &Circumstances) -> VaultRef {
        let lane = self.groups.iter().flatten().next().map(|draft| draft.lane.clone());
        let lane = lane.unwrap_or(Lane::Station(at.station.clone()));
        self.seal(&lane, &VaultBody::Text(words.trim().to_owned()), at)
    }
}

/// A command's facts, and the refusal that stands against them, if any.
///
/// The facts are there even when a rule refuses, so that an act already done can be recorded
/// against the refusal; only a refusal that leaves nothing to record comes as `Err`. With
/// [`Refusal::ErasureHeld`] comes the wish to be erased: the hub records it and refuses.
pub struct Decision {
    /// What to record.
    pub decided: Decided,
    /// The rule that speaks against it.
    pub refusal: Option<Refusal>,
    /// Of a batch, the parcels that a rule speaks against. The facts are without them.
    pub left_out: Vec<LeftOut>,
}

/// A parcel of a batch that was not recorded, and the rule that speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct LeftOut {
    /// The parcel.
    pub waybill: Waybill,
    /// The rule.
    pub refusal: Refusal,
}

/// Turns what was decided into the record of an act done against `refusal`.
///
/// Each group gets, in the same act, an exception case of its own that tells of it. The caller
/// sets the returned mark on every event it makes of `decided`.
pub fn against(
    decided: &mut Decided,
    refusal: &Refusal,
    reason: &str,
    at: &Circumstances,
) -> Against {
    let sealed = decided.explain(reason, at);
    let reason = VaultBody::Text(reason.trim().to_owned());
    for n in 0..decided.groups.len() {
        let case = CaseId::new(at.now.ms, at.entropy);
        let note = decided.seal(&Lane::Exception(case), &reason, at);
        let draft = against_case(case, &decided.groups[n], note);
        decided.groups[n].push(draft);
    }
    Against { code: refusal.code().to_owned(), reason: sealed }
}

/// The exception case that an act against a rule opens, for the act's own group.
fn against_case(case: CaseId, group: &[Draft], note: VaultRef) -> Draft {
    let waybill = group.iter().find_map(|draft| match &draft.lane {
        Lane::Parcel(waybill) => Some(waybill.clone()),
        _ => None,
    });
    let fact = ExceptionReported {
        kind: ExceptionKind::AgainstRule,
        waybill,
        about: None,
        evidence: Vec::new(),
        shows: Vec::new(),
        note: Some(note),
    };
    Draft { lane: Lane::Exception(case), fact: fact.into() }
}
