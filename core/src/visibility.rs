//! Who may see what: one table of (event, relation), and the relation of a courier to a lane.
//!
//! Facts travel with their exact bytes or not at all; persons and free texts travel beside them.
//! Only the one who is to deliver a parcel needs its persons. Who recorded an event sees it with
//! all that he wrote. A courier gets no other courier's photos: media never travel to phones.

use crate::event::{Actor, Event, Fact, Lane};
use crate::fold::LaneState;
use crate::id::CourierNo;
use crate::parcel::{Holder, Parcel};

/// How somebody stands to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// He holds the parcel, or is to deliver it.
    Holder,
    /// He did, or recorded something about it.
    FormerHolder,
    /// The complaint is about him, and he may speak to the customer.
    ComplainedOf,
    /// The complaint is about his manners or a privacy leak: who complains is hidden from him.
    ComplainedOfHidden,
    /// His own case, complaint or working day.
    Owner,
    /// A clerk of the station.
    Clerk,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Holder,
        Self::FormerHolder,
        Self::ComplainedOf,
        Self::ComplainedOfHidden,
        Self::Owner,
        Self::Clerk,
    ];

    /// Returns its name, as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::FormerHolder => "former_holder",
            Self::ComplainedOf => "complained_of",
            Self::ComplainedOfHidden => "complained_of_hidden",
            Self::Owner => "owner",
            Self::Clerk => "clerk",
        }
    }

    /// Reads a stored name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }
}

/// How much of an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Only that there is one.
    Nothing,
    /// The event, without the persons and texts it points at.
    Fact,
    /// The event with its persons and texts.
    FactAndPerson,
}

/// The table: how much of a fact somebody in this relation is shown.
#[expect(clippy::too_many_lines, reason = "a table, one line per kind")]
pub fn sight(fact: &Fact, relation: Relation) -> Sight {
    use Relation::{ComplainedOf, Holder};
    match fact {
        // A clerk sees all of his station, an owner all of what is his.
        _ if matches!(relation, Relation::Clerk | Relation::Owner) => Sight::FactAndPerson,

        // The waybill, and what the recipient wants of it: only the present holder learns who and
        // where. He, too, must tell the recipient a new code.
        Fact::ParcelAnnounced(_)
        | Fact::ParcelCollected(_)
        | Fact::AddressCorrected(_)
        | Fact::PickupAnnounced(_)
        | Fact::PickupCodeReplaced(_)
        | Fact::RedirectRequested(_)
        | Fact::DeliveryRedirected(_)
        | Fact::PreferenceSet(_) => by(relation, [(Holder, Sight::FactAndPerson), FORMER_FACT]),

        // Where the parcel is, who has it, what the station orders, and who is to be masked.
        Fact::ParcelArrivedAtHub(_)
        | Fact::ParcelDispatched(_)
        | Fact::ParcelHeld(_)
        | Fact::ParcelReceivedAtStation(_)
        | Fact::ParcelAssigned(_)
        | Fact::ParcelReassigned(_)
        | Fact::ParcelOutForDelivery(_)
        | Fact::ParcelFrozen(_)
        | Fact::ParcelReleased(_)
        | Fact::ParcelRecalled(_)
        | Fact::ConflictRuled(_)
        | Fact::ParcelDelivered(_)
        | Fact::DeliveryAttemptFailed(_)
        | Fact::DeliveryRefused(_)
        | Fact::ReturnAuthorised(_)
        | Fact::ReturnStarted(_)
        | Fact::ParcelReturned(_)
        | Fact::RedirectAnswered(_)
        | Fact::ReceiptFormSigned(_)
        | Fact::ReceiptFormHandedIn(_)
        | Fact::ParcelStored(_)
        | Fact::StoredParcelPickedUp(_)
        | Fact::StoredParcelRetrieved(_)
        | Fact::CustodyOffered(_)
        | Fact::CustodyTransferred(_)
        | Fact::StorageExpired(_)
        | Fact::StorageHandedBack(_)
        | Fact::StorageSlotCorrected(_)
        | Fact::StorageSlotClashed(_)
        | Fact::RecoveryRequested(_)
        | Fact::PickupAssigned(_)
        | Fact::CollectionRefused(_)
        | Fact::PickupCompleted(_)
        | Fact::ErasureHeld(_) => by(relation, [HOLDER_FACT, FORMER_FACT]),

        // What was said with the customer is the present holder's business.
        Fact::RecipientContacted(_)
        | Fact::RecipientContactFailed(_)
        | Fact::AddressArrived(_)
        | Fact::RedeliveryScheduled(_)
        | Fact::AppointmentOffered(_)
        | Fact::DelayNotified(_)
        | Fact::StationCalled(_)
        | Fact::StorageConsentAsked(_)
        | Fact::StorageConsented(_)
        | Fact::StorageDeclined(_)
        | Fact::StorageConsentRevoked(_)
        | Fact::StorageNoticeSent(_)
        | Fact::StorageNoticeFailed(_)
        | Fact::PickupScheduled(_)
        | Fact::PickupDelayTold(_)
        | Fact::PickupInspected(_)
        | Fact::StorageReminderSent(_)
        | Fact::StorageExtended(_)
        | Fact::NoticeSent(_)
        | Fact::NoticeFailed(_)
        | Fact::NoticeHandedToHub(_) => by(relation, [HOLDER_FACT]),

        // Who complains, and what he wants. The waybill alone would name him: of a complaint about
        // his manners the courier hears from his station, not from his phone.
        Fact::ComplaintReceived(_) => by(relation, [(ComplainedOf, Sight::FactAndPerson)]),
        Fact::OwnerTaken(_) | Fact::CustomerFirstContacted(_) | Fact::ComplaintClosed(_) => {
            by(relation, [(ComplainedOf, Sight::Fact)])
        }

        // A case is its reporter's, its participants' and the station's; a count the counter's; and
        // so is who was shown a person.
        Fact::ExceptionReported(_)
        | Fact::EvidenceAdded(_)
        | Fact::ExceptionAcknowledged(_)
        | Fact::ExceptionDecided(_)
        | Fact::ExceptionResolved(_)
        | Fact::ExceptionVoided(_)
        | Fact::DutyExcused(_)
        | Fact::PartyNotified(_)
        | Fact::PromiseMade(_)
        | Fact::PromiseKept(_)
        | Fact::MisdeliveryStepTaken(_)
        | Fact::ErrorAnalysisReported(_)
        | Fact::ClaimConsentRecorded(_)
        | Fact::ParticipantAdded(_)
        | Fact::ProgressNoted(_)
        | Fact::ExceptionEscalated(_)
        | Fact::ExceptionClosed(_)
        | Fact::ExceptionReopened(_)
        | Fact::ShiftClosed(_)
        | Fact::ManifestReconciled(_)
        | Fact::ContactRevealed(_) => Sight::Nothing,

        // What tells a reader not to trust an earlier event reaches all who may have that one,
        // and so does what was erased, and what only a newer release understands.
        Fact::CorrectionDeclared(_)
        | Fact::EvidenceLost(_)
        | Fact::PersonErased(_)
        | Fact::Unknown { .. } => by(
            relation,
            [
                HOLDER_FACT,
                FORMER_FACT,
                (ComplainedOf, Sight::Fact),
                (Relation::ComplainedOfHidden, Sight::Fact),
            ],
        ),
    }
}

const HOLDER_FACT: (Relation, Sight) = (Relation::Holder, Sight::Fact);
const FORMER_FACT: (Relation, Sight) = (Relation::FormerHolder, Sight::Fact);

fn by<const N: usize>(relation: Relation, row: [(Relation, Sight); N]) -> Sight {
    let cell = row.into_iter().find(|(shown_to, _)| *shown_to == relation);
    cell.map_or(Sight::Nothing, |(_, sight)| sight)
}

/// How much of `event` a courier in this relation is shown. His own he sees whole.
pub fn sees(event: &Event, relation: Relation, viewer: &CourierNo) -> Sight {
    if event.envelope.actor.courier() == Some(viewer) {
        return Sight::FactAndPerson;
    }
    sight(&event.fact, relation)
}

/// How a courier stands to a lane; `None` if it is none of his.
pub fn relation(lane: &Lane, state: &LaneState, courier: &CourierNo) -> Option<Relation> {
    match state {
        LaneState::Parcel(parcel) => relation_to_parcel(parcel, courier),
        LaneState::Pickup(order) => {
            let acted = || order.margin.acts.iter().any(|act| &act.courier == courier);
            if order.courier.as_ref() == Some(courier) {
                Some(Relation::Holder)
            } else {
                (order.former.contains(courier) || acted()).then_some(Relation::FormerHolder)
            }
        }
        LaneState::Exception(case) => case.concerns(courier).then_some(Relation::Owner),
        LaneState::Complaint(complaint) => {
            // Who received it owns it until somebody does: also a complaint about himself.
            let owner = complaint.owner().or(complaint.received_by.as_ref());
            let owns = owner.and_then(Actor::courier) == Some(courier);
            match (owns, complaint.is_about(courier)) {
                (true, _) => Some(Relation::Owner),
                (false, true) if complaint.hides_complainant() => {
                    Some(Relation::ComplainedOfHidden)
                }
                (false, true) => Some(Relation::ComplainedOf),
                (false, false) => None,
            }
        }
        LaneState::Log { .. } => match lane {
            Lane::Shift(owner, _) if owner == courier => Some(Relation::Owner),
            _ => None,
        },
    }
}

fn relation_to_parcel(parcel: &Parcel, courier: &CourierNo) -> Option<Relation> {
    let acted = || parcel.margin.acts.iter().any(|act| &act.courier == courier);
    if parcel.held_by(courier) || parcel.assigned_to(courier) {
        Some(Relation::Holder)
    } else if parcel.former.contains(courier) || acted() {
        Some(Relation::FormerHolder)
    } else {
        None
    }
}

/// Returns every courier who stands in a relation to the lane, in order of number.
pub fn viewers(lane: &Lane, state: &LaneState) -> Vec<(CourierNo, Relation)> {
    let mut couriers: Vec<&CourierNo> = Vec::new();
    match state {
        LaneState::Parcel(parcel) => {
            if let Holder::Courier(holder) = &parcel.holder {
                couriers.push(holder);
            }
            couriers.extend(parcel.assignment.iter().map(|assignment| &assignment.courier));
            couriers.extend(&parcel.former);
            couriers.extend(parcel.margin.acts.iter().map(|act| &act.courier));
        }
        LaneState::Pickup(order) => {
            couriers.extend(&order.courier);
            couriers.extend(&order.former);
            couriers.extend(order.margin.acts.iter().map(|act| &act.courier));
        }
        LaneState::Exception(case) => {
            couriers.extend(case.reporter.as_ref().and_then(Actor::courier));
            couriers.extend(&case.participants);
        }
        LaneState::Complaint(complaint) => {
            couriers.extend(complaint.owner().and_then(Actor::courier));
            couriers.extend(&complaint.about);
        }
        LaneState::Log { .. } => {
            if let Lane::Shift(owner, _) = lane {
                couriers.push(owner);
            }
        }
    }
    couriers.sort();
    couriers.dedup();
    let relations = couriers.into_iter();
    relations.filter_map(|no| Some((no.clone(), relation(lane, state, no)?))).collect()
}

/// Tells whether a courier had sight of the lane's persons and has it no more, so that they must
/// go from his phone: the parcel went to another, or somebody else owns the complaint.
///
/// What he wrote in events that the hub has not confirmed yet must be kept until it has.
pub fn loses_sight(state: &LaneState, courier: &CourierNo) -> bool {
    match state {
        // Whoever acted on it may have held it, and a correction may have taken that back.
        LaneState::Parcel(parcel) => {
            relation_to_parcel(parcel, courier) == Some(Relation::FormerHolder)
        }
        LaneState::Complaint(complaint) => {
            let receiver = complaint.received_by.as_ref().and_then(Actor::courier);
            let others = complaint.owner().is_some_and(|owner| owner.courier() != Some(courier));
            let may_speak = complaint.is_about(courier) && !complaint.hides_complainant();
            receiver == Some(courier) && others && !may_speak
        }
        LaneState::Pickup(order) => {
            order.former.contains(courier) && order.courier.as_ref() != Some(courier)
        }
        LaneState::Exception(_) | LaneState::Log { .. } => false,
    }
}

#[cfg(test)]
mod tests;
