//! What may be done with a parcel as such, and the checks that every act on one shares.
//!
//! A rule judges the fact that would be recorded. Checks run in the order in which the person who
//! acts can do something about them.

use super::{ConflictRuled, Holder, Parcel, ParcelRecalled, Stage};
use crate::decide::Circumstances;
use crate::id::CourierNo;
use crate::refusal::{Refusal, Verdict, refuse_if};

/// Returns the courier who acts; clerks are sent away.
pub(crate) fn courier<'a>(at: &'a Circumstances) -> Result<&'a CourierNo, Refusal> {
    at.actor.courier().ok_or(Refusal::NotForThisActor)
}

/// Sends couriers away.
pub(crate) fn station_only(at: &Circumstances) -> Verdict {
    refuse_if(!at.actor.is_station(), Refusal::NotForThisActor)
}

/// A clerk gives orders for his own station's parcels.
fn own_station(parcel: &Parcel, at: &Circumstances) -> Verdict {
    station_only(at)?;
    let other = parcel.station.as_ref().is_some_and(|station| station != at.station);
    refuse_if(other, Refusal::NotYourStation)
}

/// Its way has not ended.
pub(crate) fn still_open(parcel: &Parcel) -> Verdict {
    match parcel.stage {
        Stage::Delivered | Stage::PickedUp => Err(Refusal::AlreadyDelivered),
        Stage::Returning | Stage::Returned => Err(Refusal::AlreadyReturned),
        _ => Ok(()),
    }
}

/// It may go on: open, not stopped, not wanted back (C4.5).
pub(crate) fn may_go_on(parcel: &Parcel) -> Verdict {
    still_open(parcel)?;
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)?;
    refuse_if(parcel.recalled.is_some(), Refusal::Recalled)
}

/// The courier concerned: he holds it or is to deliver it. A clerk of the station always is.
pub(crate) fn concerns(parcel: &Parcel, at: &Circumstances) -> Verdict {
    match at.actor.courier() {
        None => own_station(parcel, at),
        Some(courier) => refuse_if(
            !parcel.held_by(courier) && !parcel.assigned_to(courier),
            Refusal::NotAssignedToYou,
        ),
    }
}

/// It was not given to another courier.
pub(crate) fn not_given_away(parcel: &Parcel, courier: &CourierNo) -> Verdict {
    let given_away = parcel.assignment.is_some() && !parcel.assigned_to(courier);
    refuse_if(given_away, Refusal::NotAssignedToYou)
}

/// It is in the acting courier's hands, and rightly so.
pub(crate) fn in_your_hands(parcel: &Parcel, at: &Circumstances) -> Verdict {
    let courier = courier(at)?;
    match &parcel.holder {
        Holder::Courier(holder) if holder == courier => {}
        Holder::Site(_) => return Err(Refusal::InStorage),
        Holder::Courier(_) => return Err(Refusal::NotHeldByYou),
        _ => return Err(Refusal::NotOutForDelivery),
    }
    not_given_away(parcel, courier)?;
    refuse_if(
        matches!(parcel.stage, Stage::RefusedHeld | Stage::ReturnAuthorised),
        Refusal::RefusalPending,
    )?;
    // Given to him anew while he still has it, or only just fetched: the round starts with a scan.
    let not_out = matches!(parcel.stage, Stage::Assigned | Stage::Collected);
    refuse_if(not_out, Refusal::NotOutForDelivery)
}

/// Taking out for delivery: received, given to him, and not out already.
pub(crate) fn may_take_out(parcel: &Parcel, at: &Circumstances) -> Verdict {
    let courier = courier(at)?;
    may_go_on(parcel)?;
    refuse_if(parcel.stage == Stage::Stored, Refusal::InStorage)?;
    refuse_if(parcel.stage == Stage::RefusedHeld, Refusal::RefusalPending)?;
    refuse_if(parcel.stage == Stage::ReturnAuthorised, Refusal::AlreadyReturned)?;
    refuse_if(!parcel.assigned_to(courier), Refusal::NotAssignedToYou)?;
    let out = matches!(parcel.stage, Stage::OutForDelivery | Stage::Arrived);
    refuse_if(out && parcel.held_by(courier), Refusal::AlreadyOut)?;
    refuse_if(parcel.holder == Holder::Carrier, Refusal::NotAtStation)
}

/// Handing it in at the station: what is in his hands, stopped and recalled parcels too.
pub(crate) fn may_hand_in(parcel: &Parcel, at: &Circumstances) -> Verdict {
    let courier = courier(at)?;
    if !parcel.held_by(courier) {
        still_open(parcel)?;
        return Err(match parcel.holder {
            Holder::Site(_) => Refusal::InStorage,
            _ => Refusal::NotHeldByYou,
        });
    }
    Ok(())
}

/// Giving it to a courier. A refused parcel may be given to the same courier again: that is how
/// the station says that it is to be delivered after all.
pub(crate) fn may_assign(parcel: &Parcel, to: &CourierNo, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    may_go_on(parcel)?;
    let same = parcel.assigned_to(to) && parcel.stage != Stage::RefusedHeld;
    refuse_if(same, Refusal::AlreadyAssigned)
}

/// Stopping it: at any time before it is back with the sender, even after a delivery.
pub(crate) fn may_freeze(parcel: &Parcel, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    refuse_if(parcel.stage == Stage::Returned, Refusal::AlreadyReturned)?;
    refuse_if(parcel.frozen.is_some(), Refusal::AlreadyFrozen)
}

/// Releasing it.
pub(crate) fn may_release(parcel: &Parcel, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    refuse_if(parcel.frozen.is_none(), Refusal::NotFrozen)
}

/// Wanting it back. Once it is known to be delivered, only safety still asks for it.
pub(crate) fn may_recall(parcel: &Parcel, fact: &ParcelRecalled, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    match still_open(parcel) {
        Err(Refusal::AlreadyDelivered) if fact.safety => {}
        verdict => verdict?,
    }
    let already = parcel.recalled.as_ref().is_some_and(|recall| recall.safety || !fact.safety);
    refuse_if(already, Refusal::AlreadyRecalled)
}

/// Correcting the address: while it can still be brought there.
pub(crate) fn may_correct_address(parcel: &Parcel, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    still_open(parcel)
}

/// Ruling a conflict: it must be one, and the event that counts one of its two.
pub(crate) fn may_rule(parcel: &Parcel, fact: &ConflictRuled, at: &Circumstances) -> Verdict {
    own_station(parcel, at)?;
    let known = parcel.margin.conflicts.iter().any(|conflict| {
        conflict.event == fact.conflict
            && (conflict.event == fact.stands || conflict.other == Some(fact.stands))
    });
    refuse_if(!known, Refusal::NoSuchConflict)
}
