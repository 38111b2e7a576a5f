//! Folding: a lane's state is what its facts come to, in order.
//!
//! Total: no sequence of events makes it fail. The phone and the hub run this same code.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;
use crate::conflict::Margin;
use crate::event::{Actor, CorrectionReason, Event, Fact, Lane};
use crate::exception_report::ExceptionCase;
use crate::id::EventId;
use crate::parcel::Parcel;
use crate::pickup::PickupOrder;

/// Raised when a fold changes its mind about the same events; every lane is then folded anew.
pub const FOLD_VERSION: u32 = 4;

/// The state of one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// One parcel.
    Parcel(Box<Parcel>),
    /// One pick-up order.
    Pickup(Box<PickupOrder>),
    /// One exception case.
    Exception(Box<ExceptionCase>),
    /// One complaint.
    Complaint(Box<Complaint>),
    /// A lane of which only the length is kept: shifts, stations, devices, and kinds this version
    /// does not know.
    Log {
        /// How many events it has.
        events: u64,
        /// A newer release wrote something here that must be understood.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        needs_update: bool,
    },
}

impl LaneState {
    /// The state before the first event.
    pub fn empty(lane: &Lane) -> Self {
        match lane {
            Lane::Parcel(_) => Self::Parcel(Box::default()),
            Lane::Pickup(_) => Self::Pickup(Box::default()),
            Lane::Exception(_) => Self::Exception(Box::default()),
            Lane::Complaint(_) => Self::Complaint(Box::default()),
            Lane::Shift(..) | Lane::Station(_) | Lane::Device(_) | Lane::Other(_) => {
                Self::Log { events: 0, needs_update: false }
            }
        }
    }

    /// Adds one event. `lane_seq` is its confirmed position, `None` while it is pending here.
    ///
    /// What an event that [`needs_refold`] takes back is *not* handled here: see [`carry_on`].
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        match self {
            Self::Parcel(parcel) => parcel.apply(event, lane_seq),
            Self::Pickup(order) => order.apply(event, lane_seq),
            Self::Exception(case) => case.apply(event, lane_seq),
            Self::Complaint(complaint) => complaint.apply(event, lane_seq),
            Self::Log { events, needs_update } => {
                *events += 1;
                *needs_update |= !event.is_understood();
            }
        }
    }

    /// Tells whether anything is still to be done about it; never of a log.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Parcel(parcel) => !parcel.stage.is_terminal(),
            Self::Pickup(order) => !order.stage.is_closed(),
            Self::Exception(case) => !case.stage.is_closed(),
            Self::Complaint(complaint) => complaint.closed.is_none(),
            Self::Log { .. } => false,
        }
    }

    /// Tells whether a newer release wrote something here that must be understood. Rules then
    /// let only physical facts pass.
    pub fn needs_update(&self) -> bool {
        match self {
            Self::Log { needs_update, .. } => *needs_update,
            _ => self.margin().is_some_and(|margin| margin.needs_update),
        }
    }

    /// Returns the conflicts, acts against a rule and corrections; a log keeps none.
    pub fn margin(&self) -> Option<&Margin> {
        match self {
            Self::Parcel(parcel) => Some(&parcel.margin),
            Self::Pickup(order) => Some(&order.margin),
            Self::Exception(case) => Some(&case.margin),
            Self::Complaint(complaint) => Some(&complaint.margin),
            Self::Log { .. } => None,
        }
    }

    /// Returns the parcel, if the lane is one.
    pub fn parcel(&self) -> Option<&Parcel> {
        match self {
            Self::Parcel(parcel) => Some(parcel),
            _ => None,
        }
    }

    /// Returns the pick-up order, if the lane is one.
    pub fn pickup(&self) -> Option<&PickupOrder> {
        match self {
            Self::Pickup(order) => Some(order),
            _ => None,
        }
    }

    /// Returns the exception case, if the lane is one.
    pub fn exception(&self) -> Option<&ExceptionCase> {
        match self {
            Self::Exception(case) => Some(case),
            _ => None,
        }
    }

    /// Returns the complaint, if the lane is one.
    pub fn complaint(&self) -> Option<&Complaint> {
        match self {
            Self::Complaint(complaint) => Some(complaint),
            _ => None,
        }
    }
}

/// Tells whether an event takes another back, or is one that `state` knows to be taken back (a
/// correction may come first), so that the whole lane must be folded again instead of being
/// carried on by [`LaneState::apply`].
pub fn needs_refold(state: &LaneState, event: &Event) -> bool {
    let Some(margin) = state.margin() else { return false };
    takes_back(event)
        || margin.corrections.iter().any(|correction| {
            correction.event == event.envelope.id
                && correction.reason == CorrectionReason::DidNotOccur
        })
}

fn takes_back(event: &Event) -> bool {
    matches!(&event.fact, Fact::CorrectionDeclared(c) if c.reason == CorrectionReason::DidNotOccur)
}

/// Folds a whole lane, leaving out events that a correction says did not occur. A log keeps all.
///
/// A correction that was itself taken back undoes nothing. A courier takes back only what he
/// recorded himself; a correction of anything else is kept in the margin and has no effect.
pub fn fold<'a, I>(lane: &Lane, events: I) -> LaneState
where
    I: IntoIterator<Item = (&'a Event, Option<u64>)>,
{
    let events: Vec<_> = events.into_iter().collect();
    let mut state = LaneState::empty(lane);
    carry_on(&mut state, lane, &events, 0);
    state
}

/// Carries the fold of a lane's first `folded` events on to its end.
///
/// A code that was spent once stays spent, also when what spent it is taken back: it has left the
/// vaults by then.
pub fn carry_on<E>(state: &mut LaneState, lane: &Lane, events: &[(E, Option<u64>)], folded: usize)
where
    E: Borrow<Event>,
{
    for (n, (event, lane_seq)) in events.iter().enumerate().skip(folded) {
        let event = event.borrow();
        if needs_refold(state, event) {
            let mut anew = without_undone(lane, &events[..=n]);
            if let (LaneState::Parcel(anew), LaneState::Parcel(before)) = (&mut anew, &*state) {
                anew.storage.spend(before.storage.spent_codes.iter().copied());
            }
            *state = anew;
        } else {
            state.apply(event, *lane_seq);
        }
    }
}

fn without_undone<E: Borrow<Event>>(lane: &Lane, events: &[(E, Option<u64>)]) -> LaneState {
    let mut state = LaneState::empty(lane);
    let undone = state.margin().map(|_| undone(events)).unwrap_or_default();
    for (event, lane_seq) in events {
        if !undone.contains(&event.borrow().envelope.id) {
            state.apply(event.borrow(), *lane_seq);
        }
    }
    state
}

/// Returns what is taken back, in whatever order events and corrections stand. What corrects each
/// other in a circle has no effect.
fn undone<E: Borrow<Event>>(events: &[(E, Option<u64>)]) -> HashSet<EventId> {
    let mut undone = HashSet::new();
    let events = || events.iter().map(|(event, _)| event.borrow());
    if !events().any(takes_back) {
        return undone;
    }
    let actors: HashMap<EventId, &Actor> =
        events().map(|event| (event.envelope.id, &event.envelope.actor)).collect();
    // Each correction that may be one, with what it corrects.
    let corrections: HashMap<EventId, EventId> = events()
        .filter_map(|event| {
            let (id, actor) = (event.envelope.id, &event.envelope.actor);
            let Fact::CorrectionDeclared(correction) = &event.fact else { return None };
            let may = actor.is_station() || actors.get(&correction.event) == Some(&actor);
            (takes_back(event) && may).then_some((id, correction.event))
        })
        .collect();
    // A correction counts once all that correct it are decided, and none of them took it back.
    let mut undecided: HashMap<EventId, usize> = HashMap::new();
    for target in corrections.values() {
        *undecided.entry(*target).or_default() += 1;
    }
    let mut decided: Vec<EventId> =
        corrections.keys().filter(|id| !undecided.contains_key(id)).copied().collect();
    while let Some(correction) = decided.pop() {
        let target = corrections[&correction];
        if !undone.contains(&correction) {
            undone.insert(target);
        }
        if let Some(left) = undecided.get_mut(&target) {
            *left -= 1;
            if *left == 0 && corrections.contains_key(&target) {
                decided.push(target);
            }
        }
    }
    undone
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
