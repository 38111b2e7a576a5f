//! What stands in the margin of a lane: facts that do not fit, acts against a rule, corrections.
//!
//! A fact is never dropped. One that no longer fits becomes a visible [`Conflict`], placed in a
//! row of DOMAIN.md C6. Two facts that cannot both be true go to a person; the first in the
//! lane's order counts until somebody rules.

use serde::{Deserialize, Serialize};

use crate::event::{CorrectionReason, Envelope, Event, Fact};
use crate::id::{CourierNo, DeviceId, Digest, EventId};
use crate::privacy::{Erasure, VaultRef};

/// Tells whether a field may be left out of the stored state.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is kept of an event so that a later one can be asked whether its actor knew of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The event.
    pub event: EventId,
    /// The device that recorded it.
    #[serde(rename = "dev")]
    pub device: DeviceId,
    /// Its position in the lane; `None` while it is pending on this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

impl Mark {
    /// Marks an event.
    pub(crate) fn of(envelope: &Envelope, lane_seq: Option<u64>) -> Self {
        Self { event: envelope.id, device: envelope.device, seq: lane_seq }
    }

    /// Tells whether the actor of a later event could know of this one: his own device recorded
    /// it, or had folded it when he acted.
    ///
    /// A pending event is only ever followed by events of its own device, so the answer is the
    /// same before and after the hub has given the positions.
    pub fn known_to(&self, later: &Envelope) -> bool {
        self.device == later.device || self.seq.is_some_and(|seq| later.seen >= seq)
    }
}

/// Which case of DOMAIN.md C6 a conflict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ConflictRow {
    /// The event fits no row: its subject does not know what it speaks of.
    OutOfPlace,
    /// Row 1: the parcel had been given to another courier, and he could not know.
    Reassigned,
    /// Row 2: the parcel had been given to another courier, and he could know.
    ReassignedAndSeen,
    /// Row 3: the parcel had been recalled.
    Recalled,
    /// Row 4: the parcel was frozen.
    Frozen,
    /// Row 5: two people took one complaint.
    TwoOwners,
    /// Row 6: picked up at the site and taken out of it by a courier.
    PickedUpAndRetrieved,
    /// Row 7: stored after consent was withdrawn, or a parcel for the door only.
    StoredWithoutConsent,
    /// Row 8: the recipient had said another wish, and the actor could not know.
    PreferenceChanged,
    /// Row 9: the address was corrected after the delivery.
    AddressCorrected,
    /// Row 10: somebody acted who did not hold the parcel.
    NotTheHolder,
    /// Row 12: two parcels at one site had the same pickup code.
    CodeTwice,
    /// Row 12 too: two parcels are said to lie in the same slot of a locker.
    SlotTwice,
    /// Row 13: evidence came after the case was closed.
    LateEvidence,
    /// Row 14: the same act was recorded twice.
    RecordedTwice,
    /// Row 21 (ours): two couriers claim to have got the parcel from one hand.
    TwoReceivers,
}

impl ConflictRow {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::OutOfPlace,
        Self::Reassigned,
        Self::ReassignedAndSeen,
        Self::Recalled,
        Self::Frozen,
        Self::TwoOwners,
        Self::PickedUpAndRetrieved,
        Self::StoredWithoutConsent,
        Self::PreferenceChanged,
        Self::AddressCorrected,
        Self::NotTheHolder,
        Self::CodeTwice,
        Self::SlotTwice,
        Self::LateEvidence,
        Self::RecordedTwice,
        Self::TwoReceivers,
    ];

    /// Returns the row's number in DOMAIN.md C6; 0 for none.
    pub fn number(self) -> u8 {
        match self {
            Self::OutOfPlace => 0,
            Self::Reassigned => 1,
            Self::ReassignedAndSeen => 2,
            Self::Recalled => 3,
            Self::Frozen => 4,
            Self::TwoOwners => 5,
            Self::PickedUpAndRetrieved => 6,
            Self::StoredWithoutConsent => 7,
            Self::PreferenceChanged => 8,
            Self::AddressCorrected => 9,
            Self::NotTheHolder => 10,
            Self::CodeTwice | Self::SlotTwice => 12,
            Self::LateEvidence => 13,
            Self::RecordedTwice => 14,
            Self::TwoReceivers => 21,
        }
    }
}

/// What became of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The rule settles it, and nobody is to blame.
    Settled,
    /// The rule settles it, and the actor could have known better.
    Breach,
    /// Two facts that cannot both be true: a person must rule. Until then the first counts.
    Open,
    /// A person ruled that this event counts.
    Stands(EventId),
}

/// An event that did not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The case.
    pub row: ConflictRow,
    /// The event that did not fit.
    pub event: EventId,
    /// The event it is at odds with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<EventId>,
    /// What became of it.
    pub ruling: Ruling,
}

/// An act recorded although a rule spoke against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgainstRule {
    /// The event.
    pub event: EventId,
    /// The code of the refusal.
    pub code: String,
}

/// A correction declared in this lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The event that is corrected.
    pub event: EventId,
    /// The event that corrects it.
    pub by: EventId,
    /// What is wrong.
    pub reason: CorrectionReason,
}

/// An event a courier recorded here: he may correct it, nobody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The event.
    pub event: EventId,
    /// Who recorded it.
    pub courier: CourierNo,
}

/// The margin of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Margin {
    /// Events that did not fit.
    #[serde(skip_serializing_if = "is_default")]
    pub conflicts: Vec<Conflict>,
    /// Acts recorded against a rule.
    #[serde(skip_serializing_if = "is_default")]
    pub against: Vec<AgainstRule>,
    /// Corrections.
    #[serde(skip_serializing_if = "is_default")]
    pub corrections: Vec<Correction>,
    /// What couriers recorded here.
    #[serde(skip_serializing_if = "is_default")]
    pub acts: Vec<Act>,
    /// What was erased here.
    #[serde(skip_serializing_if = "is_default")]
    pub erasure: Option<Erasure>,
    /// A newer release wrote something here that must be understood: only physical facts go on.
    #[serde(skip_serializing_if = "is_default")]
    pub needs_update: bool,
}

impl Margin {
    /// Notes what every event may carry. Tells whether its fact may be acted on.
    pub(crate) fn note(&mut self, event: &Event) -> bool {
        let Envelope { id, actor, against, .. } = &event.envelope;
        if let Some(courier) = actor.courier() {
            self.acts.push(Act { event: *id, courier: courier.clone() });
        }
        if let Some(against) = against {
            self.against.push(AgainstRule { event: *id, code: against.code.clone() });
        }
        if let Fact::CorrectionDeclared(correction) = &event.fact {
            let (by, reason) = (*id, correction.reason);
            self.corrections.push(Correction { event: correction.event, by, reason });
        }
        if let Fact::PersonErased(erased) = &event.fact {
            let at = event.envelope.at;
            let new = || Erasure { at, references: Vec::new(), media: Vec::new() };
            let erasure = self.erasure.get_or_insert_with(new);
            erasure.references.extend(&erased.references);
            erasure.media.extend(&erased.media);
        }
        self.needs_update |= !event.is_understood();
        event.is_understood()
    }

    /// Tells whether a vault entry of this lane was erased.
    pub fn is_erased(&self, reference: VaultRef) -> bool {
        self.erasure.as_ref().is_some_and(|erasure| erasure.references.contains(&reference))
    }

    /// Tells whether a photo, video or signature of this lane was erased.
    pub fn is_erased_media(&self, sha256: &Digest) -> bool {
        self.erasure.as_ref().is_some_and(|erasure| erasure.media.contains(sha256))
    }

    /// Notes that an event did not fit.
    pub(crate) fn clash(
        &mut self,
        row: ConflictRow,
        event: EventId,
        other: Option<EventId>,
        ruling: Ruling,
    ) {
        self.conflicts.push(Conflict { row, event, other, ruling });
    }

    /// Returns the conflicts that wait for a person.
    pub fn open_conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.iter().filter(|conflict| conflict.ruling == Ruling::Open)
    }

    /// Returns the courier who recorded an event here, if a courier did.
    pub fn recorded_by(&self, event: EventId) -> Option<&CourierNo> {
        self.acts.iter().find(|act| act.event == event).map(|act| &act.courier)
    }
}

/// One event on its way into a state.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) mark: Mark,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(envelope: &'a Envelope, lane_seq: Option<u64>) -> Self {
        Self { envelope, mark: Mark::of(envelope, lane_seq) }
    }

    pub(crate) fn id(&self) -> EventId {
        self.mark.event
    }

    pub(crate) fn courier(&self) -> Option<&'a CourierNo> {
        self.envelope.actor.courier()
    }

    /// Tells whether the actor could know of an earlier event.
    pub(crate) fn knew(&self, earlier: &Mark) -> bool {
        earlier.known_to(self.envelope)
    }

    /// The ruling of a conflict that the rule settles.
    pub(crate) fn settled(&self, earlier: &Mark) -> Ruling {
        if self.knew(earlier) { Ruling::Breach } else { Ruling::Settled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::AddressArrived;
    use crate::testing::{Tale, parcel_lane};

    #[test]
    fn an_event_is_known_to_its_own_device_and_to_who_had_folded_it() {
        let mut tale = Tale::new(parcel_lane());
        tale.by("A").tells(AddressArrived {});
        tale.by("A").having_seen(0).tells(AddressArrived {});
        tale.by("B").having_seen(0).tells(AddressArrived {});
        tale.by("B").having_seen(1).tells(AddressArrived {});
        let envelope = |n: usize| &tale.events[n].envelope;
        let (pending, first) = (Mark::of(envelope(0), None), Mark::of(envelope(0), Some(1)));
        assert!(pending.known_to(envelope(1)) && first.known_to(envelope(1)));
        assert!(!first.known_to(envelope(2)));
        assert!(first.known_to(envelope(3)));
    }

    #[test]
    fn every_row_has_a_number_of_its_own_but_the_two_halves_of_row_12() {
        let mut seen = std::collections::BTreeMap::new();
        let shared = ConflictRow::ALL.into_iter().filter_map(|row| {
            seen.insert(row.number(), row).map(|first| (row.number(), first, row))
        });
        let halves = (12, ConflictRow::CodeTwice, ConflictRow::SlotTwice);
        assert_eq!(shared.collect::<Vec<_>>(), [halves]);
    }
}
