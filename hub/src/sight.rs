//! Who sees a lane, and how much of each event he is shown.

use lastmile_core::event::{Event, Fact, Lane};
use lastmile_core::fold::LaneState;
use lastmile_core::id::CourierNo;

use crate::store::Shown;

/// A courier's standing towards a lane; the text is kept beside his name.
pub(crate) type Viewers = Vec<(CourierNo, String)>;

const SEES: &str = "sees";

/// Returns who sees the lane after `event`, given who saw it before.
pub(crate) fn viewers(
    _lane: &Lane,
    _state: &LaneState,
    event: &Event,
    before: &Viewers,
) -> Viewers {
    let mut viewers = before.clone();
    let mut add = |no: &CourierNo| {
        if !viewers.iter().any(|(known, _)| known == no) {
            viewers.push((no.clone(), SEES.to_owned()));
        }
    };
    match &event.fact {
        Fact::ParcelAssigned(assigned) => add(&assigned.courier),
        Fact::ParcelReassigned(reassigned) => {
            add(&reassigned.courier);
            viewers.retain(|(known, _)| *known != reassigned.from);
        }
        _ => {
            if let Some(courier) = event.envelope.actor.courier() {
                add(courier);
            }
        }
    }
    viewers.sort();
    viewers
}

/// Returns how much of `event` someone in this standing is shown.
pub(crate) fn shown(_event: &Event, _relation: &str) -> Shown {
    Shown::FactAndPerson
}
