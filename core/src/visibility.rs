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
        | Fact::NoticeFailed(_) => by(relation, [HOLDER_FACT]),

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
        LaneState::Parcel(parcel) => {
            relation_to_parcel(parcel, courier) == Some(Relation::FormerHolder)
                && parcel.former.contains(courier)
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
mod tests {
    use super::*;
    use crate::complaint::{ComplaintClass, ComplaintReceived, ComplaintSource, OwnerTaken};
    use crate::delivery::{Channel, Party, RecipientContacted};
    use crate::parcel::GoodsFlags;
    use crate::testing::{Tale, clerk, complaint_lane, courier, handed_over, vault, waybill};

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/events");

    /// Every kind, and what holder, former holder, complained-of, hidden complained-of, owner and
    /// clerk are shown of it: `-` nothing, `f` the fact, `p` the fact and its persons.
    const TABLE: &[(&str, &str)] = &[
        ("ParcelAnnounced", "pf--pp"),
        ("ParcelArrivedAtHub", "ff--pp"),
        ("ParcelDispatched", "ff--pp"),
        ("ParcelHeld", "ff--pp"),
        ("ParcelReceivedAtStation", "ff--pp"),
        ("ManifestReconciled", "----pp"),
        ("ParcelAssigned", "ff--pp"),
        ("ParcelReassigned", "ff--pp"),
        ("ParcelOutForDelivery", "ff--pp"),
        ("ParcelFrozen", "ff--pp"),
        ("ParcelReleased", "ff--pp"),
        ("ParcelRecalled", "ff--pp"),
        ("ConflictRuled", "ff--pp"),
        ("RecipientContacted", "f---pp"),
        ("RecipientContactFailed", "f---pp"),
        ("AddressArrived", "f---pp"),
        ("ParcelDelivered", "ff--pp"),
        ("DeliveryAttemptFailed", "ff--pp"),
        ("RedeliveryScheduled", "f---pp"),
        ("DeliveryRefused", "ff--pp"),
        ("ReturnAuthorised", "ff--pp"),
        ("ReturnStarted", "ff--pp"),
        ("ParcelReturned", "ff--pp"),
        ("PreferenceSet", "pf--pp"),
        ("RedirectRequested", "pf--pp"),
        ("RedirectAnswered", "ff--pp"),
        ("DeliveryRedirected", "pf--pp"),
        ("AppointmentOffered", "f---pp"),
        ("StationCalled", "f---pp"),
        ("DelayNotified", "f---pp"),
        ("ReceiptFormSigned", "ff--pp"),
        ("ReceiptFormHandedIn", "ff--pp"),
        ("StorageConsentAsked", "f---pp"),
        ("StorageConsented", "f---pp"),
        ("StorageDeclined", "f---pp"),
        ("StorageConsentRevoked", "f---pp"),
        ("ParcelStored", "ff--pp"),
        ("StorageNoticeSent", "f---pp"),
        ("StorageNoticeFailed", "f---pp"),
        ("StoredParcelPickedUp", "ff--pp"),
        ("StoredParcelRetrieved", "ff--pp"),
        ("StorageReminderSent", "f---pp"),
        ("StorageExtended", "f---pp"),
        ("StorageExpired", "ff--pp"),
        ("StorageHandedBack", "ff--pp"),
        ("PickupCodeReplaced", "pf--pp"),
        ("NoticeSent", "f---pp"),
        ("NoticeFailed", "f---pp"),
        ("ExceptionReported", "----pp"),
        ("EvidenceAdded", "----pp"),
        ("ExceptionAcknowledged", "----pp"),
        ("ExceptionDecided", "----pp"),
        ("ExceptionResolved", "----pp"),
        ("ExceptionVoided", "----pp"),
        ("RecoveryRequested", "ff--pp"),
        ("ComplaintReceived", "--p-pp"),
        ("OwnerTaken", "--f-pp"),
        ("CustomerFirstContacted", "--f-pp"),
        ("ComplaintClosed", "--f-pp"),
        ("CustodyOffered", "ff--pp"),
        ("CustodyTransferred", "ff--pp"),
        ("ShiftClosed", "----pp"),
        ("EvidenceLost", "ffffpp"),
        ("CorrectionDeclared", "ffffpp"),
        ("PickupAnnounced", "pf--pp"),
        ("PickupAssigned", "ff--pp"),
        ("PickupScheduled", "f---pp"),
        ("PickupDelayTold", "f---pp"),
        ("PickupInspected", "f---pp"),
        ("CollectionRefused", "ff--pp"),
        ("PickupCompleted", "ff--pp"),
        ("ParcelCollected", "pf--pp"),
        ("AddressCorrected", "pf--pp"),
        ("DutyExcused", "----pp"),
        ("PartyNotified", "----pp"),
        ("PromiseMade", "----pp"),
        ("PromiseKept", "----pp"),
        ("MisdeliveryStepTaken", "----pp"),
        ("ErrorAnalysisReported", "----pp"),
        ("ClaimConsentRecorded", "----pp"),
        ("ParticipantAdded", "----pp"),
        ("ProgressNoted", "----pp"),
        ("ExceptionEscalated", "----pp"),
        ("ExceptionClosed", "----pp"),
        ("ExceptionReopened", "----pp"),
        ("ContactRevealed", "----pp"),
        ("ErasureHeld", "ff--pp"),
        ("PersonErased", "ffffpp"),
    ];

    #[test]
    fn the_table_is_as_written() {
        for (kind, row) in TABLE {
            let line = std::fs::read(format!("{FIXTURES}/{kind}.v1.json")).unwrap();
            let fact = Event::parse(line.trim_ascii_end()).unwrap().fact;
            let shown: String = Relation::ALL
                .iter()
                .map(|relation| match sight(&fact, *relation) {
                    Sight::Nothing => '-',
                    Sight::Fact => 'f',
                    Sight::FactAndPerson => 'p',
                })
                .collect();
            assert_eq!(shown, *row, "{kind}");
        }
        assert_eq!(TABLE.len(), Fact::KINDS.len());
    }

    #[test]
    fn a_relation_reads_back_from_its_name() {
        for relation in Relation::ALL {
            assert_eq!(Relation::parse(relation.name()), Some(relation));
        }
        assert_eq!(Relation::parse("boss"), None);
    }

    #[test]
    fn a_parcel_is_seen_by_who_has_it_and_by_who_had_it() {
        let mut tale = Tale::out_for_delivery();
        assert_eq!(viewers(&tale.lane, &tale.state()), [(courier("A"), Relation::Holder)]);
        assert!(!loses_sight(&tale.state(), &courier("A")));

        tale.assign("B", 2);
        tale.by("B").tells(crate::parcel::ParcelOutForDelivery {});
        assert_eq!(
            viewers(&tale.lane, &tale.state()),
            [(courier("A"), Relation::FormerHolder), (courier("B"), Relation::Holder)]
        );
        assert!(loses_sight(&tale.state(), &courier("A")));
        assert!(!loses_sight(&tale.state(), &courier("B")));
        assert_eq!(relation(&tale.lane, &tale.state(), &courier("C")), None);
    }

    #[test]
    fn the_one_who_handed_it_over_still_sees_it() {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(handed_over());
        assert_eq!(relation(&tale.lane, &tale.state(), &courier("A")), Some(Relation::Holder));
    }

    #[test]
    fn who_recorded_an_event_sees_it_whole() {
        let mut tale = Tale::announced(GoodsFlags::default());
        tale.by("A").tells(RecipientContacted { channel: Channel::Sms, party: Party::Recipient });
        let event = tale.events.last().unwrap();
        assert_eq!(sees(event, Relation::FormerHolder, &courier("A")), Sight::FactAndPerson);
        assert_eq!(sees(event, Relation::FormerHolder, &courier("B")), Sight::Nothing);
    }

    fn complaint(class: ComplaintClass) -> Tale {
        let mut tale = Tale::new(complaint_lane());
        tale.by("B").tells(ComplaintReceived {
            waybill: waybill(),
            complainant: vault(1),
            demand: vault(2),
            source: ComplaintSource::Customer,
            class,
            about: Some(courier("A")),
        });
        tale
    }

    #[test]
    fn manners_and_privacy_hide_who_complains_from_the_complained_of() {
        for (class, shown) in [
            (ComplaintClass::Attitude, Sight::Nothing),
            (ComplaintClass::PrivacyLeak, Sight::Nothing),
            (ComplaintClass::Delay, Sight::FactAndPerson),
            (ComplaintClass::Damage, Sight::FactAndPerson),
        ] {
            let tale = complaint(class);
            let standing = relation(&tale.lane, &tale.state(), &courier("A")).unwrap();
            assert_eq!(sees(&tale.events[0], standing, &courier("A")), shown, "{class:?}");
        }
    }

    #[test]
    fn who_received_a_complaint_loses_its_persons_when_a_clerk_takes_it() {
        let mut tale = complaint(ComplaintClass::Attitude);
        let lane = tale.lane.clone();
        assert_eq!(relation(&lane, &tale.state(), &courier("B")), Some(Relation::Owner));
        tale.station().tells(OwnerTaken { owner: Actor::Clerk(clerk()) });
        assert_eq!(relation(&lane, &tale.state(), &courier("B")), None);
        assert!(loses_sight(&tale.state(), &courier("B")));
    }

    #[test]
    fn a_working_day_is_its_couriers_own() {
        let lane = Lane::Shift(courier("A"), "2026-11-21".into());
        let state = LaneState::empty(&lane);
        assert_eq!(relation(&lane, &state, &courier("A")), Some(Relation::Owner));
        assert_eq!(relation(&lane, &state, &courier("B")), None);
    }
}
