//! What a courier may do at the door, and what he is told when he may not.

use super::*;
use crate::command::Command;
use crate::event::{Actor, Fact};
use crate::parcel::{
    Condition, FreezeReason, GoodsFlags, ParcelFrozen, ParcelOutForDelivery, ParcelRecalled,
    ParcelReceivedAtStation, Stage,
};
use crate::policy::Policy;
use crate::privacy::VaultBody;
use crate::refusal::Refusal;
use crate::temporary_storage::StorageConsented;
use crate::testing::{
    Scene, Tale, clerk_acts, consent, courier, handed_over, moment, photo, site, waybill,
};

fn proof(kinds: &[ProofKind]) -> Vec<ProofItem> {
    let with_file = |kind| matches!(kind, ProofKind::Photo | ProofKind::Signature);
    let item = |kind| ProofItem { kind, evidence: with_file(kind).then(photo) };
    kinds.iter().copied().map(item).collect()
}

/// A sound hand-over into the recipient's hands, as a command.
struct Handover {
    method: HandoverMethod,
    taker: Option<String>,
    identity: IdentityCheck,
    address_checked: bool,
    inspection: Inspection,
    proof: Vec<ProofItem>,
}

impl Handover {
    fn face_to_face() -> Self {
        Self {
            method: HandoverMethod::FaceToFace,
            taker: None,
            identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
            address_checked: true,
            inspection: Inspection::Declined,
            proof: proof(&[ProofKind::Photo]),
        }
    }

    fn agent() -> Self {
        let taker = Some("Li Ceshi".to_owned());
        Self { method: HandoverMethod::Agent, taker, ..Self::face_to_face() }
    }

    fn named_place() -> Self {
        Self {
            method: HandoverMethod::NamedPlace,
            taker: Some("the green cupboard on the balcony".to_owned()),
            identity: IdentityCheck { method: IdentityMethod::NotPresent, matched: false },
            inspection: Inspection::NotPresent,
            ..Self::face_to_face()
        }
    }

    fn command(self) -> Command {
        Command::Deliver {
            waybill: waybill(),
            method: self.method,
            taker: self.taker,
            identity: self.identity,
            address_checked: self.address_checked,
            inspection: self.inspection,
            proof: self.proof,
        }
    }

    fn refusal(self, tale: &Tale) -> Option<Refusal> {
        Scene::new().refusal("A", &self.command(), tale)
    }
}

fn with_place_agreed(goods: GoodsFlags) -> Tale {
    let mut tale = Tale::out_with(goods);
    tale.by("A").tells(StorageConsented { site: site("NP"), ..consent() });
    tale
}

#[test]
fn a_sound_hand_over_is_recorded_with_all_that_was_checked() {
    let tale = Tale::out_for_delivery();
    let groups = Scene::new().facts("A", &Handover::face_to_face().command(), &[&tale]);
    let [group] = groups.as_slice() else { panic!("one group") };
    let [draft] = group.as_slice() else { panic!("one fact") };
    let Fact::ParcelDelivered(fact) = &draft.fact else { panic!("a hand-over") };
    assert_eq!(draft.lane, tale.lane);
    assert!(fact.address_checked && fact.taker.is_none());
}

#[test]
fn an_agents_name_goes_to_the_vault_and_not_into_the_event() {
    let tale = Tale::out_for_delivery();
    let actor = Actor::Courier(courier("A"));
    let decision =
        Scene::new().decide(&actor, &Handover::agent().command(), &[&tale]).ok().unwrap();
    let [entry] = decision.decided.vault.as_slice() else { panic!("one entry") };
    let Fact::ParcelDelivered(fact) = &decision.decided.groups[0][0].fact else { panic!() };
    assert_eq!(fact.taker, Some(entry.reference));
    assert_eq!(entry.read(), Some(VaultBody::Text("Li Ceshi".into())));
    assert!(!serde_json::to_string(fact).unwrap().contains("Ceshi"));
}

#[test]
fn an_unknown_parcel_cannot_be_handed_over() {
    let nothing = Tale::new(crate::testing::parcel_lane());
    assert_eq!(Handover::face_to_face().refusal(&nothing), Some(Refusal::UnknownParcel));
}

#[test]
fn a_parcel_that_was_not_taken_out_cannot_be_handed_over() {
    let mut tale = Tale::announced(GoodsFlags::default());
    tale.assign("A", 1);
    tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::NotOutForDelivery));
}

#[test]
fn another_couriers_parcel_cannot_be_handed_over() {
    let mut tale = Tale::out_for_delivery();
    tale.assign("B", 2);
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::NotAssignedToYou));
    tale.by("B").tells(ParcelOutForDelivery {});
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::NotHeldByYou));
}

#[test]
fn a_delivered_frozen_recalled_stored_or_refused_parcel_cannot_be_handed_over() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(handed_over());
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::AlreadyDelivered));

    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::Frozen));

    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelRecalled { safety: false });
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::Recalled));

    assert_eq!(Handover::face_to_face().refusal(&Tale::in_storage()), Some(Refusal::InStorage));

    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryRefused { class: RefusalClass::Goods, reason: None });
    assert_eq!(Handover::face_to_face().refusal(&tale), Some(Refusal::RefusalPending));
}

#[test]
fn a_clerk_hands_nothing_over() {
    let tale = Tale::out_for_delivery();
    let command = Handover::face_to_face().command();
    let refusal = Scene::new().refusal_to(&clerk_acts(), &command, &tale);
    assert_eq!(refusal, Some(Refusal::NotForThisActor));
}

#[test]
fn the_address_is_checked_a_second_time() {
    let handover = Handover { address_checked: false, ..Handover::face_to_face() };
    assert_eq!(handover.refusal(&Tale::out_for_delivery()), Some(Refusal::AddressNotChecked));
}

#[test]
fn the_taker_is_recognised() {
    let tale = Tale::out_for_delivery();
    let identity = |method, matched| Handover {
        identity: IdentityCheck { method, matched },
        ..Handover::face_to_face()
    };
    assert_eq!(
        identity(IdentityMethod::Name, false).refusal(&tale),
        Some(Refusal::IdentityNotMatched)
    );
    assert_eq!(
        identity(IdentityMethod::NotPresent, true).refusal(&tale),
        Some(Refusal::IdentityNotForMethod)
    );
}

#[test]
fn the_inspection_is_offered() {
    let handover = Handover { inspection: Inspection::NotPresent, ..Handover::face_to_face() };
    let refusal = handover.refusal(&Tale::out_for_delivery());
    assert_eq!(refusal, Some(Refusal::InspectionNotForMethod));
}

#[test]
fn an_agent_has_a_name() {
    for taker in [None, Some("  ".to_owned())] {
        let handover = Handover { taker, ..Handover::agent() };
        assert_eq!(handover.refusal(&Tale::out_for_delivery()), Some(Refusal::TakerMissing));
    }
}

#[test]
fn the_matrix_says_which_proof_is_enough() {
    use HandoverMethod::{Agent, FaceToFace, NamedPlace};
    use ProofKind::{IdCheck, Photo, Pin, Signature};
    let missing = Some(Refusal::ProofMissing);
    let rows: &[(HandoverMethod, bool, &[ProofKind], Option<Refusal>)] = &[
        (FaceToFace, false, &[], missing),
        (FaceToFace, false, &[Pin], None),
        (FaceToFace, false, &[IdCheck], None),
        (FaceToFace, true, &[Photo], missing),
        (FaceToFace, true, &[Pin, Photo], None),
        (FaceToFace, true, &[Signature, IdCheck], None),
        (Agent, false, &[Pin], missing),
        (Agent, false, &[Signature], None),
        (Agent, true, &[Photo], missing),
        (Agent, true, &[Photo, Signature], None),
        (NamedPlace, false, &[], missing),
        (NamedPlace, false, &[Photo], None),
        (NamedPlace, false, &[Photo, Pin], Some(Refusal::ProofNotForMethod)),
        (NamedPlace, false, &[Photo, IdCheck], Some(Refusal::ProofNotForMethod)),
    ];
    for (method, valuable, kinds, expected) in rows {
        let tale = with_place_agreed(GoodsFlags { valuable: *valuable, ..GoodsFlags::default() });
        let mut handover = match method {
            FaceToFace => Handover::face_to_face(),
            Agent => Handover::agent(),
            NamedPlace => Handover::named_place(),
        };
        handover.proof = proof(kinds);
        if kinds.contains(&IdCheck) && *method != NamedPlace {
            handover.identity.method = IdentityMethod::IdCard;
        }
        assert_eq!(handover.refusal(&tale), *expected, "{method:?} {valuable} {kinds:?}");
    }
}

#[test]
fn an_id_check_counts_only_when_a_card_was_looked_at() {
    let handover = Handover { proof: proof(&[ProofKind::IdCheck]), ..Handover::face_to_face() };
    assert_eq!(handover.refusal(&Tale::out_for_delivery()), Some(Refusal::ProofMissing));
}

#[test]
fn a_photo_is_a_file() {
    let proof = vec![ProofItem { kind: ProofKind::Photo, evidence: None }];
    let handover = Handover { proof, ..Handover::face_to_face() };
    assert_eq!(handover.refusal(&Tale::out_for_delivery()), Some(Refusal::ProofWithoutFile));
}

#[test]
fn no_method_and_no_parcel_goes_without_proof() {
    let policy = Policy::default();
    for method in [HandoverMethod::FaceToFace, HandoverMethod::Agent, HandoverMethod::NamedPlace] {
        for valuable in [false, true] {
            let matrix = policy.proof_matrix(method, valuable);
            assert!(!matrix.is_empty() && matrix.iter().all(|set| !set.is_empty()));
        }
    }
}

#[test]
fn a_named_place_needs_consent_and_never_takes_a_door_only_parcel() {
    let refusal = Handover::named_place().refusal(&Tale::out_for_delivery());
    assert_eq!(refusal, Some(Refusal::PlaceWithoutConsent));

    let mut for_the_counter = Tale::out_for_delivery();
    for_the_counter.by("A").tells(consent());
    let refusal = Handover::named_place().refusal(&for_the_counter);
    assert_eq!(refusal, Some(Refusal::PlaceWithoutConsent));

    let agreed = with_place_agreed(GoodsFlags::default());
    assert_eq!(Handover::named_place().refusal(&agreed), None);

    let door_only = with_place_agreed(GoodsFlags { door_only: true, ..GoodsFlags::default() });
    assert_eq!(Handover::named_place().refusal(&door_only), Some(Refusal::DoorOnly));
}

#[test]
fn a_bad_address_is_given_up_after_tries_on_two_channels() {
    let scene = Scene::new();
    let give_up = Command::FailAttempt { waybill: waybill(), cause: AttemptFailure::BadAddress };
    let mut tale = Tale::out_for_delivery();
    let call = |channel| RecipientContactFailed { channel, party: Party::Recipient };
    tale.by("A").tells(call(Channel::Phone));
    tale.by("A").tells(call(Channel::Phone));
    assert_eq!(scene.refusal("A", &give_up, &tale), Some(Refusal::ContactFirst));
    tale.by("A").tells(call(Channel::Sms));
    assert_eq!(scene.refusal("A", &give_up, &tale), None);
}

#[test]
fn an_appointment_lies_in_the_future() {
    let scene = Scene::new();
    let now = moment(scene.minute).ms;
    let window = |from_ms, to_ms| Command::ScheduleRedelivery {
        waybill: waybill(),
        from_ms,
        to_ms,
        channel: Channel::Phone,
    };
    let tale = Tale::out_for_delivery();
    assert_eq!(scene.refusal("A", &window(now - 5, now + 5), &tale), None);
    for bad in [window(now - 9, now), window(now + 9, now + 9)] {
        assert_eq!(scene.refusal("A", &bad, &tale), Some(Refusal::AppointmentNotPossible));
    }
}

#[test]
fn a_return_needs_the_stations_word() {
    let scene = Scene::new();
    let back = Command::StartReturn { waybill: waybill() };
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryRefused { class: RefusalClass::NoReason, reason: None });
    assert_eq!(scene.refusal("A", &back, &tale), Some(Refusal::ReturnNotAuthorised));

    let allow = Command::AuthoriseReturn { waybill: waybill() };
    assert_eq!(scene.refusal("A", &allow, &tale), Some(Refusal::NotForThisActor));
    assert_eq!(scene.refusal_to(&clerk_acts(), &allow, &tale), None);
    tale.station().tells(ReturnAuthorised {});
    assert_eq!(tale.parcel().stage, Stage::ReturnAuthorised);
    assert_eq!(scene.refusal("A", &back, &tale), None);
}

#[test]
fn words_are_recorded_even_for_a_stopped_parcel() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    let call = Command::Contact {
        waybill: waybill(),
        channel: Channel::Phone,
        party: Party::Recipient,
        reached: true,
    };
    assert_eq!(Scene::new().refusal("A", &call, &tale), None);
    assert_eq!(Scene::new().refusal("B", &call, &tale), Some(Refusal::NotAssignedToYou));
}

#[test]
fn every_refusal_of_a_hand_over_that_was_done_comes_with_its_facts() {
    let tale = Tale::out_for_delivery();
    let handover = Handover { proof: Vec::new(), ..Handover::face_to_face() };
    let actor = Actor::Courier(courier("A"));
    let decision = Scene::new().decide(&actor, &handover.command(), &[&tale]).ok().unwrap();
    assert_eq!(decision.refusal, Some(Refusal::ProofMissing));
    assert_eq!(decision.decided.groups.len(), 1);
}

#[test]
fn a_parcel_given_to_another_is_not_sent_back_by_who_still_has_it() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ReturnAuthorised {});
    tale.assign("B", 2);
    let back = Command::StartReturn { waybill: waybill() };
    assert_eq!(Scene::new().refusal("A", &back, &tale), Some(Refusal::NotAssignedToYou));
}
