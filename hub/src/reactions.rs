//! What an accepted event sets going in other lanes.

use lastmile_core::event::{Event, Fact, Lane};
use lastmile_core::fold::LaneState;
use lastmile_core::id::EventId;

/// A fact the hub adds by itself.
pub(crate) struct Reaction {
    /// Made from the id of the event that caused it: the same cause adds nothing twice.
    pub id: EventId,
    /// Its lane.
    pub lane: Lane,
    /// What it says.
    pub fact: Fact,
}

/// Returns what `event` sets going.
pub(crate) fn react(_before: &LaneState, _after: &LaneState, _event: &Event) -> Vec<Reaction> {
    Vec::new()
}
