//! Decides a command: the one door to every subject's rules.
//!
//! Pure: the states, the circumstances and the random bytes come in, drafts of facts or a refusal
//! go out. The phone and the hub run the same code.

use std::collections::BTreeMap;

use crate::command::Command;
use crate::directory::Directory;
use crate::event::{Actor, Fact, Lane};
use crate::fold::LaneState;
use crate::id::StationId;
use crate::policy::Policy;
use crate::privacy::{VaultBody, VaultEntry, VaultRef};
use crate::refusal::Refusal;
use crate::time::{Entropy, Moment};

/// What is so around a command, apart from the lanes.
pub struct Circumstances<'a> {
    /// When, as the device knows it.
    pub now: Moment,
    /// Who acts.
    pub actor: &'a Actor,
    /// The station he belongs to.
    pub station: &'a StationId,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The sites known.
    pub directory: &'a Directory,
    /// Metres between the phone and the parcel's address, if both places are known.
    pub address_gap_m: Option<u32>,
    /// Metres between the phone and the station, if both places are known.
    pub station_gap_m: Option<u32>,
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
}

/// A command's facts, and the refusal that stands against them, if any.
///
/// The facts are there even when a rule refuses, so that an act already done can be recorded
/// against the refusal; only a refusal that leaves nothing to record comes as `Err`.
pub struct Decision {
    /// What to record.
    pub decided: Decided,
    /// The rule that speaks against it.
    pub refusal: Option<Refusal>,
}

/// Returns the lanes that [`decide`] reads for `command`.
pub fn lanes_of(command: &Command, at: &Circumstances) -> Vec<Lane> {
    let _ = (command, at);
    Vec::new()
}

/// Decides `command`.
pub fn decide(
    command: &Command,
    lanes: &LaneStates,
    at: &Circumstances,
) -> Result<Decision, Refusal> {
    let _ = (command, lanes, at);
    Err(Refusal::NotForThisActor)
}
/// STUB
pub fn against(
    _d: &mut Decided,
    _r: &Refusal,
    _reason: &str,
    _at: &Circumstances,
) -> crate::event::Against {
    unreachable!()
}
