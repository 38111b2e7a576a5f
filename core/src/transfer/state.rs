//! Offers and transfers, as a part of the parcel's state.

use serde::{Deserialize, Serialize};

use super::{CustodyOffered, CustodyTransferred};
use crate::conflict::{Conflict, ConflictRow, Incoming, Mark, Ruling, is_default};
use crate::delivery::FailedAttempt;
use crate::event::Fact;
use crate::id::{CourierNo, TransferId};
use crate::parcel::{Assignment, Claim, Condition, Holder, Parcel, Stage};

/// The parcel is offered to another courier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The transfer.
    pub transfer: TransferId,
    /// Who is to have it.
    pub to: CourierNo,
    /// The last moment to accept it, UTC milliseconds.
    pub until_ms: i64,
    /// The event.
    pub mark: Mark,
}

/// One hand to hand between couriers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyLink {
    /// The transfer.
    pub transfer: TransferId,
    /// Who had it.
    pub from: CourierNo,
    /// Who has it.
    pub to: CourierNo,
    /// The event.
    pub mark: Mark,
    /// The giver's own offer stands in the lane. As long as it does not, what comes of him was
    /// recorded before it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offered: bool,
}

impl Parcel {
    /// Adds a fact of a transfer. Tells whether it was one.
    pub(crate) fn apply_between_couriers(&mut self, fact: &Fact, act: &Incoming) -> bool {
        match fact {
            Fact::CustodyOffered(fact) => self.offered(fact, act),
            Fact::CustodyTransferred(fact) => self.transferred(fact, act),
            _ => return false,
        }
        true
    }

    fn offered(&mut self, fact: &CustodyOffered, act: &Incoming) {
        let mut accepted = false;
        for link in self.links.iter_mut().filter(|link| link.transfer == fact.transfer) {
            (link.offered, accepted) = (true, true);
        }
        if accepted {
            return;
        }
        if !act.courier().is_some_and(|courier| self.held_by(courier)) {
            let other = self.held_since.map(|since| since.event);
            let row = ConflictRow::NotTheHolder;
            return self.margin.clash(row, act.id(), other, Ruling::Settled);
        }
        let CustodyOffered { transfer, to, until_ms } = fact.clone();
        self.offer = Some(Offer { transfer, to, until_ms, mark: act.mark });
    }

    fn transferred(&mut self, fact: &CustodyTransferred, act: &Incoming) {
        let CustodyTransferred { transfer, from, to, goods, .. } = fact;
        // The other phone tells of what one has told.
        if self.links.iter().any(|link| link.transfer == *transfer && link.to == *to) {
            return;
        }
        if self.station.is_none() {
            self.goods = *goods;
        }
        let rival = self.links.iter().any(|link| {
            link.transfer == *transfer || (link.from == *from && self.held_by(&link.to))
        });
        let offered = self.offer.as_ref().is_some_and(|offer| offer.transfer == *transfer);
        let link = CustodyLink {
            transfer: *transfer,
            from: from.clone(),
            to: to.clone(),
            mark: act.mark,
            offered,
        };
        self.links.push(link.clone());
        // What was agreed with the recipient goes with the parcel.
        let stage = match self.stage {
            Stage::AttemptFailed | Stage::RedeliveryScheduled => self.stage,
            _ => Stage::OutForDelivery,
        };
        let claim = Claim::new(act, stage, Holder::Courier(to.clone()));
        if self.blocked_by_end(&claim, act) || self.blocked_by_link(&claim, &link, rival, act) {
            return;
        }
        self.check_stops(act, false);
        self.carry_out(&link, claim, Some(act));
        self.close_the_gaps();
    }

    /// Notes that the parcel was not the giver's to give by the record. One who knew the record
    /// acted upon it; else a person must rule, or the missing link still comes. Two receivers
    /// from one hand are always a dispute.
    fn blocked_by_link(
        &mut self,
        claim: &Claim,
        link: &CustodyLink,
        rival: bool,
        act: &Incoming,
    ) -> bool {
        let fits = match &self.holder {
            // He took it out, and that is still on his phone.
            Holder::Carrier | Holder::Station => !rival,
            Holder::Courier(holder) => *holder == link.to || (*holder == link.from && !rival),
            _ => false,
        };
        let Some(since) = self.held_since.filter(|_| !fits) else { return false };
        let (row, ruling) = if rival {
            (ConflictRow::TwoReceivers, Ruling::Open)
        } else if act.knew(&since) {
            (ConflictRow::NotTheHolder, Ruling::Settled)
        } else {
            (ConflictRow::NotTheHolder, Ruling::Open)
        };
        self.margin.clash(row, act.id(), Some(since.event), ruling);
        if ruling == Ruling::Open {
            self.claims.push(claim.clone());
        }
        ruling == Ruling::Open
    }

    /// Moves the parcel along a link, and the work with it: who was to deliver it was the giver.
    /// The epoch stays, it counts the station's orders.
    fn carry_out(&mut self, link: &CustodyLink, claim: Claim, act: Option<&Incoming>) {
        let CustodyLink { from, to, mark, .. } = link;
        match &self.assignment {
            Some(given) if given.courier == *to => {}
            Some(given) if given.courier != *from => {
                if let Some(act) = act {
                    self.clash_with_assignment(to, act);
                }
            }
            given => {
                let epoch = given.as_ref().map_or(0, |given| given.epoch);
                self.assignment = Some(Assignment { courier: to.clone(), epoch, mark: *mark });
            }
        }
        self.settle(claim);
        self.remember(from.clone(), to);
    }

    /// A person ruled which of two receivers has it: the work goes with the parcel, as along any
    /// link, unless the station has given it to somebody since.
    pub(crate) fn give_work_to_receiver(&mut self, ruled: &Mark) {
        let Some(link) = self.links.iter().find(|link| link.mark == *ruled) else { return };
        let followed_a_link = |given: &Assignment| {
            given.courier == link.from || self.links.iter().any(|other| other.mark == given.mark)
        };
        if self.assignment.as_ref().is_none_or(followed_a_link) {
            let epoch = self.assignment.as_ref().map_or(0, |given| given.epoch);
            let (courier, mark) = (link.to.clone(), link.mark);
            self.assignment = Some(Assignment { courier, epoch, mark });
        }
    }

    /// Carries out the links that waited for the one before them.
    fn close_the_gaps(&mut self) {
        let next = |parcel: &Self| {
            let marks = parcel.links.iter().filter(|link| parcel.held_by(&link.from));
            let found = marks.filter_map(|link| {
                let at = parcel.claims.iter().position(|claim| claim.mark == link.mark)?;
                Some((at, link.clone()))
            });
            found.into_iter().next()
        };
        while let Some((at, link)) = next(self) {
            let claim = self.claims.remove(at);
            let event = link.mark.event;
            let open = |c: &&mut Conflict| c.event == event && c.ruling == Ruling::Open;
            for conflict in self.margin.conflicts.iter_mut().filter(open) {
                conflict.ruling = Ruling::Settled;
            }
            self.carry_out(&link, claim, None);
        }
    }

    /// Adds what the giver of a transfer had recorded before he made the offer, when it comes
    /// after the receiver's word. It is history: it moves nothing. Tells whether it was such.
    pub(crate) fn apply_before_transfer(&mut self, fact: &Fact, act: &Incoming) -> bool {
        let Some(giver) = act.courier().filter(|courier| !self.held_by(courier)) else {
            return false;
        };
        let mut links = self.links.iter();
        let before =
            links.any(|link| link.from == *giver && !link.offered && !act.knew(&link.mark));
        if !before {
            return false;
        }
        match fact {
            Fact::ParcelReceivedAtStation(received) => {
                self.damaged |= received.condition == Condition::Damaged;
            }
            Fact::DeliveryAttemptFailed(failed) => {
                self.delivery.attempts += 1;
                self.delivery.last_attempt =
                    Some(FailedAttempt { cause: failed.cause, mark: act.mark });
                if self.stage == Stage::OutForDelivery {
                    self.stage = Stage::AttemptFailed;
                }
            }
            Fact::CustodyOffered(offered) => {
                return !self.links.iter().any(|link| link.transfer == offered.transfer);
            }
            Fact::ParcelOutForDelivery(_)
            | Fact::AddressArrived(_)
            | Fact::DeliveryRefused(_)
            | Fact::ParcelStored(_)
            | Fact::StoredParcelRetrieved(_) => {}
            _ => return false,
        }
        true
    }
}
