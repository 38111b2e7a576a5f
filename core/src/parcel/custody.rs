//! Custody: who has the parcel, and what happens when somebody acts who should not have it.

use super::{Claim, End, Holder, Parcel, Stage};
use crate::conflict::{ConflictRow, Incoming, Mark, Ruling};
use crate::id::CourierNo;

impl Parcel {
    /// Makes a claim true: stage, end and holder, and the delivery or stay that goes with them.
    pub(crate) fn settle(&mut self, claim: Claim) {
        self.storage.end_stay(claim.mark);
        if let Some(stay) = claim.stay {
            self.storage.stay = Some(*stay);
        }
        self.stage = claim.stage;
        self.delivery.delivered = claim.delivered;
        self.end = claim.stage.is_terminal().then_some(End { mark: claim.mark, at: claim.at });
        self.take_custody(claim.holder, claim.mark);
    }

    /// Moves the parcel into other hands.
    pub(crate) fn hand_to(&mut self, holder: Holder, act: &Incoming) {
        self.take_custody(holder, act.mark);
    }

    fn take_custody(&mut self, holder: Holder, mark: Mark) {
        if let Holder::Courier(before) = &self.holder
            && self.holder != holder
        {
            let before = before.clone();
            let next = match &holder {
                Holder::Courier(courier) => courier.clone(),
                _ => before.clone(),
            };
            self.remember(before, &next);
        }
        self.holder = holder;
        self.held_since = Some(mark);
        self.offer = None;
        self.settle_slot();
    }

    /// Keeps a courier among the former ones when the parcel goes to another.
    pub(crate) fn remember(&mut self, before: CourierNo, next: &CourierNo) {
        if &before != next && !self.former.contains(&before) {
            self.former.push(before);
        }
    }

    /// Notes that an event does not fit at all.
    pub(crate) fn out_of_place(&mut self, act: &Incoming, ruling: Ruling) {
        self.margin.clash(ConflictRow::OutOfPlace, act.id(), None, ruling);
    }

    /// Notes that a physical act came after the parcel's way had ended. The first end counts,
    /// the act waits as a claim. Tells whether it was so.
    pub(crate) fn blocked_by_end(&mut self, claim: &Claim, act: &Incoming) -> bool {
        let Some(end) = self.ended().copied() else { return false };
        let same_actor = self.delivery.delivered.as_ref().is_some_and(|delivered| {
            delivered.actor == act.envelope.actor && self.stage == claim.stage
        });
        let row = match (self.stage, claim.stage) {
            _ if same_actor => ConflictRow::RecordedTwice,
            (Stage::Delivered, Stage::Delivered) => ConflictRow::Reassigned,
            (Stage::PickedUp, Stage::PickedUp) => ConflictRow::RecordedTwice,
            (Stage::PickedUp, Stage::Delivered) | (Stage::Delivered, Stage::PickedUp) => {
                ConflictRow::PickedUpAndRetrieved
            }
            _ => ConflictRow::NotTheHolder,
        };
        // Fetched or taken out by somebody who could not know of the end: that was before it ended.
        let earlier = matches!(claim.stage, Stage::OutForDelivery | Stage::Collected);
        let harmless = row == ConflictRow::RecordedTwice || (earlier && !act.knew(&end));
        let ruling = if harmless { Ruling::Settled } else { Ruling::Open };
        self.margin.clash(row, act.id(), Some(end.event), ruling);
        if !harmless {
            self.claims.push(claim.clone());
        }
        true
    }

    /// Notes that somebody else held the parcel when a courier moved it. An actor who knew acted
    /// upon it, and the parcel moves; of one who did not know a person must rule, unless the
    /// parcel is now in the recipient's hands, which nobody's holding it can deny.
    pub(crate) fn blocked_by_holder(&mut self, claim: &Claim, act: &Incoming) -> bool {
        let ours = |holder: &CourierNo| act.courier() == Some(holder);
        let Some(since) = self.held_since else { return false };
        let to_recipient = claim.stage == Stage::Delivered;
        let ruling = match &self.holder {
            Holder::Courier(holder) if ours(holder) => return false,
            // Row 10: it was going back, and he took it with him. Custody decides, and it shows.
            Holder::Station if self.stage == Stage::Returning && !to_recipient => {
                act.settled(&since)
            }
            // Out from the station is the ordinary way; anything else skips a link.
            Holder::Carrier | Holder::Station if !to_recipient => return false,
            Holder::Carrier | Holder::Station => Ruling::Settled,
            Holder::Courier(_) if act.courier().is_some_and(|c| self.assigned_to(c)) => {
                return false;
            }
            Holder::Courier(_) if to_recipient => act.settled(&since),
            _ if act.knew(&since) => Ruling::Settled,
            _ => Ruling::Open,
        };
        self.margin.clash(ConflictRow::NotTheHolder, act.id(), Some(since.event), ruling);
        if ruling == Ruling::Open {
            self.claims.push(claim.clone());
        }
        ruling == Ruling::Open
    }

    /// Notes the station's orders that a physical act ran into. The act stands.
    pub(crate) fn check_orders(&mut self, act: &Incoming, gives_out: bool) {
        if let Some(courier) = act.courier() {
            self.clash_with_assignment(courier, act);
        }
        self.check_stops(act, gives_out);
    }

    /// Notes that the station had given the parcel to another courier than this one.
    pub(crate) fn clash_with_assignment(&mut self, courier: &CourierNo, act: &Incoming) {
        if let Some(assignment) = &self.assignment
            && &assignment.courier != courier
        {
            let (mark, settled) = (assignment.mark, act.settled(&assignment.mark));
            let row = match settled {
                Ruling::Breach => ConflictRow::ReassignedAndSeen,
                _ => ConflictRow::Reassigned,
            };
            self.margin.clash(row, act.id(), Some(mark.event), settled);
        }
    }

    /// Notes that the parcel was to stop.
    pub(crate) fn check_stops(&mut self, act: &Incoming, gives_out: bool) {
        if let Some(frozen) = &self.frozen {
            let (other, ruling) = (Some(frozen.mark.event), act.settled(&frozen.mark));
            self.margin.clash(ConflictRow::Frozen, act.id(), other, ruling);
        }
        if gives_out && let Some(recall) = &self.recalled {
            let (other, ruling) = (Some(recall.mark.event), act.settled(&recall.mark));
            self.margin.clash(ConflictRow::Recalled, act.id(), other, ruling);
        }
    }
}
