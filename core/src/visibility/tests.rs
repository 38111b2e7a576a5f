//! The table as written, and who stands where to a lane.

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
    ("StorageSlotCorrected", "ff--pp"),
    ("StorageSlotClashed", "ff--pp"),
    ("NoticeSent", "f---pp"),
    ("NoticeFailed", "f---pp"),
    ("NoticeHandedToHub", "f---pp"),
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
fn who_acted_on_a_parcel_and_does_not_have_it_keeps_nobodys_person() {
    // He may have had it, and taken that back as a mistake.
    let mut tale = Tale::out_for_delivery();
    tale.by("B").tells(crate::delivery::AddressArrived {});
    assert_eq!(relation(&tale.lane, &tale.state(), &courier("B")), Some(Relation::FormerHolder));
    assert!(loses_sight(&tale.state(), &courier("B")));
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
