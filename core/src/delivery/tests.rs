//! What a courier may do at the door, and what he is told when he may not.

use super::*;
use crate::command::{Command, ToStore};
use crate::conflict::{ConflictRow, Mark, Ruling};
use crate::deadline::{
    Timeliness, delay_notice, receipt_form_return, redirect_answer, refusal_report, route_promise,
    same_city_delivery, unreachable_rule,
};
use crate::decide::LeftOut;
use crate::event::{Actor, Fact, Lane};
use crate::id::OrderNo;
use crate::parcel::{
    Collected, Condition, FreezeReason, GoodsFlags, ParcelFrozen, ParcelOutForDelivery,
    ParcelRecalled, ParcelReceivedAtStation, Stage,
};
use crate::policy::Policy;
use crate::privacy::VaultBody;
use crate::refusal::Refusal;
use crate::temporary_storage::{ConsentGiver, Liability, StorageConsentAsked, StorageConsented};
use crate::testing::{
    MORNING_MS, Scene, Tale, clerk_acts, consent, courier, handed_over, moment, photo, site,
    stored, vault, waybill,
};
use crate::waybill::Waybill;

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
            assert!(!policy.proofs(method, valuable).satisfied_by(|_| false));
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

/// The same tale, with the moment of each event set to its minute.
fn at_minutes(mut tale: Tale, minutes: &[i64]) -> Tale {
    let skipped = tale.events.len() - minutes.len();
    for (event, minute) in tale.events.iter_mut().skip(skipped).zip(minutes) {
        event.envelope.at = moment(*minute);
    }
    tale
}

fn sms(tale: &mut Tale) {
    let (channel, party) = (Channel::Sms, Party::Recipient);
    tale.by("A").tells(RecipientContactFailed { channel, party });
}

fn standing_of(tale: &Tale, minute: i64) -> Unreachable {
    unreachable(&tale.parcel(), &Policy::default(), &moment(minute))
}

#[test]
fn an_absent_recipient_who_was_offered_an_appointment_may_choose_storage() {
    let scene = Scene::new();
    let now = moment(scene.minute).ms;
    let offer = |to_ms| Command::OfferAppointment {
        waybill: waybill(),
        from_ms: now,
        to_ms,
        channel: Channel::Sms,
    };
    let store = Command::Store {
        waybill: waybill(),
        site: site("YZ-1"),
        collect_before_ms: now + 1,
        code: None,
        photo: None,
        slot: None,
    };
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    assert_eq!(scene.refusal("A", &store, &tale), Some(Refusal::AppointmentFirst));
    assert_eq!(scene.refusal("A", &offer(now), &tale), Some(Refusal::AppointmentNotPossible));

    let groups = scene.facts("A", &offer(now + 9), &[&tale]);
    tale.tells(groups[0][0].fact.clone());
    assert_eq!(scene.refusal("A", &store, &tale), Some(Refusal::ConsentMissing));
    tale.tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    let again = scene.refusal("A", &store, &tale);
    assert_eq!(again, Some(Refusal::AppointmentFirst), "each absence asks for its own offer");
}

#[test]
fn two_messages_hours_apart_and_a_day_of_silence_make_a_recipient_unreachable() {
    let (hour, day) = (60, 24 * 60);
    let mut tale = Tale::out_for_delivery();
    assert_eq!(standing_of(&tale, 0), Unreachable::FirstMessage);
    sms(&mut tale);
    let tale = at_minutes(tale, &[0]);
    // The two moments are 50 ms unsure each.
    let from_ms = moment(8 * hour).ms + 100;
    assert_eq!(standing_of(&tale, 9 * hour), Unreachable::SecondMessage { from_ms });

    let mut tale = tale;
    sms(&mut tale);
    tale.tells(AppointmentOffered { from_ms: 1, to_ms: 2, channel: Channel::App });
    let tale = at_minutes(tale, &[0, 5 * hour, 9 * hour]);
    let until_ms = moment(9 * hour + day).ms + 100;
    assert_eq!(standing_of(&tale, day), Unreachable::Silence { until_ms });
    let since = Unreachable::Since { ms: moment(9 * hour + day).ms };
    assert_eq!(standing_of(&tale, 9 * hour + day + 1), since);

    let mut tale = tale;
    tale.tells(RecipientContacted { channel: Channel::App, party: Party::Recipient });
    assert_eq!(standing_of(&tale, 3 * day), Unreachable::FirstMessage, "any word starts it anew");
}

#[test]
fn calls_words_of_the_sender_and_moments_nobody_vouches_for_make_nobody_unreachable() {
    let mut tale = Tale::out_for_delivery();
    let missed = |channel, party| RecipientContactFailed { channel, party };
    tale.by("A").tells(missed(Channel::Phone, Party::Recipient));
    tale.tells(missed(Channel::Sms, Party::Sender));
    sms(&mut tale);
    tale.events.last_mut().unwrap().envelope.at.unsure_ms = None;
    tale.tells(StorageConsentAsked { channel: Channel::InPerson, site: site("YZ-1") });
    tale.tells(RecipientContacted { channel: Channel::Phone, party: Party::Sender });
    assert_eq!(standing_of(&tale, 10_000), Unreachable::FirstMessage);
}

/// Two messages nine hours apart; the second at minute 540.
fn silent() -> Tale {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    sms(&mut tale);
    sms(&mut tale);
    at_minutes(tale, &[0, 0, 540])
}

#[test]
fn the_sender_decides_only_for_an_unreachable_recipient() {
    let senders = Command::RecordConsent {
        waybill: waybill(),
        given_by: ConsentGiver::Sender,
        site: site("YZ-1"),
        until_ms: MORNING_MS + 10 * 86_400_000,
        liability: Liability::Company,
        channel: Channel::Phone,
        evidence: None,
    };
    let allow = Command::AuthoriseReturn { waybill: waybill() };
    let tale = silent();
    let mut scene = Scene::new();
    scene.minute = 1_900;
    assert_eq!(scene.refusal("A", &senders, &tale), Some(Refusal::NotUnreachable));
    let refusal = scene.refusal_to(&clerk_acts(), &allow, &tale);
    assert_eq!(refusal, Some(Refusal::NotUnreachable));

    scene.minute = 1_981;
    assert_eq!(scene.refusal_to(&clerk_acts(), &allow, &tale), None);
    let groups = scene.facts("A", &senders, &[&tale]);
    let mut tale = tale;
    tale.tells(groups[0][0].fact.clone());
    assert_eq!(tale.parcel().storage.consents[0].withdrawn, None);
    tale.tells(RecipientContacted { channel: Channel::Phone, party: Party::Recipient });
    let consents = tale.parcel().storage.consents;
    assert!(consents[0].withdrawn.is_some(), "his own word takes back what the sender decided");
}

#[test]
fn a_refused_or_recalled_parcel_is_no_matter_of_silence() {
    let allow = Command::AuthoriseReturn { waybill: waybill() };
    let mut tale = silent();
    tale.station().tells(ParcelRecalled { safety: false });
    assert_eq!(Scene::new().refusal_to(&clerk_acts(), &allow, &tale), None);
    let mut tale = silent();
    tale.by("A").tells(DeliveryRefused { class: RefusalClass::Goods, reason: None });
    assert_eq!(Scene::new().refusal_to(&clerk_acts(), &allow, &tale), None);
}

#[test]
fn the_wait_of_the_unreachable_rule_is_a_lock_that_opens() {
    let wait = |tale: &Tale, minute| {
        unreachable_rule(&tale.parcel(), &Policy::default(), &moment(minute))
            .map(|(clock, standing)| (clock.due_ms(), standing))
    };
    assert_eq!(wait(&Tale::out_for_delivery(), 0), None);
    let tale = silent();
    let free_ms = moment(1_980).ms + 100;
    assert_eq!(wait(&tale, 1_900), Some((free_ms, Timeliness::Running)));
    assert_eq!(wait(&tale, 1_981), Some((moment(1_980).ms, Timeliness::Late)));
}

#[test]
fn a_redirection_is_to_be_answered_within_the_hour() {
    let standing = |tale: &Tale, minute| {
        redirect_answer(&tale.parcel(), &Policy::default(), &moment(minute)).map(|it| it.1)
    };
    let mut tale = Tale::out_for_delivery();
    assert_eq!(standing(&tale, 0), None);
    let ask = RedirectRequested { to: vault(7), channel: Channel::Phone };
    let request = tale.station().tells(ask);
    let tale = at_minutes(tale, &[0]);
    assert_eq!(standing(&tale, 59), Some(Timeliness::Running));
    assert_eq!(standing(&tale, 61), Some(Timeliness::Late));

    let mut answered = tale;
    let reply = RedirectReply::Accept;
    answered.by("A").tells(RedirectAnswered { request, reply, reason: None });
    let answered = at_minutes(answered, &[0, 30]);
    assert_eq!(standing(&answered, 999), Some(Timeliness::OnTime));
}

#[test]
fn a_refusal_is_reported_when_the_station_was_called_or_the_hub_had_it() {
    let refused = || {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(DeliveryRefused { class: RefusalClass::Goods, reason: None });
        at_minutes(tale, &[0])
    };
    let standing = |parcel: &crate::parcel::Parcel, minute| {
        refusal_report(parcel, &Policy::default(), &moment(minute)).map(|it| it.1)
    };
    let pending = |tale: &Tale| {
        let events = tale.confirmed().map(|(event, seq)| (event, seq.filter(|seq| *seq < 5)));
        crate::fold::fold(&tale.lane, events).parcel().unwrap().clone()
    };
    assert_eq!(standing(&Tale::out_for_delivery().parcel(), 0), None);
    assert_eq!(standing(&pending(&refused()), 14), Some(Timeliness::Running));
    assert_eq!(standing(&pending(&refused()), 16), Some(Timeliness::Late));
    assert_eq!(standing(&refused().parcel(), 14), Some(Timeliness::OnTime));
    let unknown = Some(Timeliness::CannotTell);
    assert_eq!(standing(&refused().parcel(), 16), unknown, "the hub has it; since when?");

    let mut known = refused();
    known.station().tells(ReturnAuthorised {});
    let known = at_minutes(known, &[0, 10]);
    assert_eq!(standing(&known.parcel(), 999), Some(Timeliness::OnTime));

    for (minute, expected) in [(10, Timeliness::OnTime), (20, Timeliness::Late)] {
        let mut called = refused();
        called.by("A").having_seen(4).tells(StationCalled { channel: Channel::Phone });
        let called = at_minutes(called, &[0, minute]);
        assert_eq!(standing(&pending(&called), 999), Some(expected));
        assert_eq!(standing(&called.parcel(), 999), Some(expected));
    }
}

#[test]
fn the_station_is_called_by_the_courier_concerned() {
    let call = Command::LogStationCall { waybill: waybill(), channel: Channel::Phone };
    let (scene, tale) = (Scene::new(), Tale::out_for_delivery());
    assert_eq!(scene.refusal("A", &call, &tale), None);
    assert_eq!(scene.refusal("B", &call, &tale), Some(Refusal::NotAssignedToYou));
    let clerks = scene.refusal_to(&clerk_acts(), &call, &tale);
    assert_eq!(clerks, Some(Refusal::NotForThisActor));
}

#[test]
fn the_station_completes_a_return_that_was_started() {
    let scene = Scene::new();
    let back = Command::CompleteReturn { waybill: waybill() };
    let mut tale = Tale::out_for_delivery();
    let refusal = |tale: &Tale| scene.refusal_to(&clerk_acts(), &back, tale);
    assert_eq!(refusal(&tale), Some(Refusal::ReturnNotStarted));
    tale.station().tells(ReturnAuthorised {});
    tale.by("A").tells(ReturnStarted {});
    assert_eq!(scene.refusal("A", &back, &tale), Some(Refusal::NotForThisActor));
    assert_eq!(refusal(&tale), None);
    tale.station().tells(ParcelReturned {});
    assert_eq!(tale.parcel().stage, Stage::Returned);
    assert_eq!(refusal(&tale), Some(Refusal::AlreadyReturned));
}

#[test]
fn who_does_not_hold_a_parcel_does_not_send_it_back() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ReturnAuthorised {});
    tale.by("B").having_seen(1).tells(ReturnStarted {});
    let parcel = tale.parcel();
    assert!(parcel.held_by(&courier("A")));
    let open: Vec<_> = parcel.margin.open_conflicts().map(|conflict| conflict.row).collect();
    assert_eq!(open, [ConflictRow::NotTheHolder], "a person rules");
    assert_eq!(parcel.claims.len(), 1);
}

#[test]
fn a_courier_on_his_way_to_an_appointment_holds_the_parcel_against_a_recorded_return() {
    let mut tale = Tale::out_for_delivery();
    let window = RedeliveryScheduled { from_ms: 1, to_ms: 2, channel: Channel::Phone };
    let agreed = tale.by("A").tells(window);
    tale.station().having_seen(4).tells(ParcelReturned {});

    let parcel = tale.parcel();
    assert!(parcel.held_by(&courier("A")));
    let conflict = &parcel.margin.conflicts[0];
    assert_eq!((conflict.row, conflict.ruling), (ConflictRow::NotTheHolder, Ruling::Open));
    assert_eq!(conflict.other, Some(agreed));
    tale.by("A").tells(handed_over());
    assert_eq!(tale.parcel().stage, Stage::Delivered);
}

#[test]
fn an_appointment_for_a_parcel_that_the_station_sent_back_goes_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelReceivedAtStation { condition: Condition::Sound });
    tale.tells(ReturnAuthorised {});
    tale.tells(ReturnStarted {});
    let back = tale.tells(ParcelReturned {});
    let window = RedeliveryScheduled { from_ms: 1, to_ms: 2, channel: Channel::Phone };
    tale.by("A").having_seen(4).tells(window);

    let parcel = tale.parcel();
    assert_eq!((parcel.stage, parcel.delivery.appointment), (Stage::Returned, None));
    let conflict = &parcel.margin.conflicts[0];
    assert_eq!((conflict.row, conflict.ruling), (ConflictRow::NotTheHolder, Ruling::Open));
    assert_eq!(conflict.other, Some(back));
}

#[test]
fn a_delay_is_told_with_a_time_to_come() {
    let scene = Scene::new();
    let now = moment(scene.minute).ms;
    let tell = |eta_ms| Command::NotifyDelay {
        waybill: waybill(),
        cause: DelayCause::Weather,
        position: Some("still at the river".into()),
        eta_ms,
        channel: Channel::Sms,
    };
    let tale = Tale::out_for_delivery();
    assert_eq!(scene.refusal("A", &tell(now), &tale), Some(Refusal::EtaPast));
    let groups = scene.facts("A", &tell(now + 1), &[&tale]);
    let text = serde_json::to_string(&groups[0][0].fact.evidence()).unwrap();
    assert!(!text.contains("river"));
    let mut delivered = Tale::out_for_delivery();
    delivered.by("A").tells(handed_over());
    assert_eq!(scene.refusal("A", &tell(now + 1), &delivered), Some(Refusal::AlreadyDelivered));
}

#[test]
fn only_what_nobody_could_prevent_is_force_majeure() {
    assert!(DelayCause::Weather.is_force_majeure() && DelayCause::PublicOrder.is_force_majeure());
    assert!(!DelayCause::Breakdown.is_force_majeure() && !DelayCause::Missent.is_force_majeure());
}

/// Out with A, promised for minute 600.
fn promised() -> Tale {
    let mut tale = Tale::out_for_delivery();
    if let Fact::ParcelAnnounced(fact) = &mut tale.events[0].fact {
        fact.promise_ms = Some(moment(600).ms);
    }
    tale
}

#[test]
fn a_word_about_a_delay_is_owed_when_the_promise_is_near() {
    let owed = |tale: &Tale, minute| {
        delay_notice(&tale.parcel(), &Policy::default(), &moment(minute)).map(|it| it.1)
    };
    assert_eq!(owed(&Tale::out_for_delivery(), 599), None, "nothing was promised");
    let tale = promised();
    assert_eq!(owed(&tale, 479), None);
    assert_eq!(owed(&tale, 480), Some(Timeliness::Running));
    assert_eq!(owed(&tale, 601), Some(Timeliness::Late));

    let tell = |minute| DelayNotified {
        cause: DelayCause::Volume,
        eta_ms: moment(minute).ms,
        position: None,
        channel: Channel::Sms,
    };
    let mut told = promised();
    told.by("A").tells(tell(900));
    let told = at_minutes(told, &[500]);
    assert_eq!(owed(&told, 650), Some(Timeliness::OnTime));
    assert_eq!(owed(&told, 780), Some(Timeliness::Running), "the new promise is near");
    assert_eq!(owed(&told, 901), Some(Timeliness::Late));
    assert_eq!(told.parcel().due_ms(), Some(moment(900).ms));

    let mut brought = promised();
    brought.by("A").tells(handed_over());
    let brought = at_minutes(brought, &[590]);
    assert_eq!(owed(&brought, 700), None, "it came in time");
}

#[test]
fn a_promise_and_the_same_city_day_are_kept_by_a_hand_over_or_a_store_with_consent() {
    let policy = Policy::default();
    let promise = |tale: &Tale| route_promise(&tale.parcel(), &moment(2_000)).map(|it| it.1);
    let in_a_day = |tale: &Tale| {
        let mut parcel = tale.parcel();
        assert_eq!(same_city_delivery(&parcel, &policy, &moment(2_000)), None);
        parcel.collected = Some(Collected {
            order: OrderNo::new("PU-1").unwrap(),
            at: moment(-900),
            weight_g: None,
            fees: Vec::new(),
            mark: Mark::of(&tale.events[0].envelope, Some(1)),
        });
        same_city_delivery(&parcel, &policy, &moment(2_000)).unwrap().1
    };
    assert_eq!(promise(&Tale::out_for_delivery()), None);
    assert_eq!(promise(&promised()), Some(Timeliness::Late));
    assert_eq!(in_a_day(&promised()), Timeliness::Late);

    let mut handed = promised();
    handed.by("A").tells(handed_over());
    let handed = at_minutes(handed, &[530]);
    assert_eq!(
        (promise(&handed), in_a_day(&handed)),
        (Some(Timeliness::OnTime), Timeliness::OnTime)
    );

    let mut kept = promised();
    kept.by("A").tells(consent());
    kept.tells(stored());
    let kept = at_minutes(kept, &[0, 550]);
    assert_eq!((promise(&kept), in_a_day(&kept)), (Some(Timeliness::OnTime), Timeliness::Late));
}

#[test]
fn the_list_is_due_by_the_window_then_by_the_promise() {
    let mut tale = promised();
    assert_eq!(tale.parcel().due_ms(), Some(moment(600).ms));
    let window = |to_ms| RedeliveryScheduled { from_ms: 1, to_ms, channel: Channel::Phone };
    tale.by("A").tells(window(9));
    assert_eq!(tale.parcel().due_ms(), Some(9));
    tale.tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    assert_eq!(tale.parcel().due_ms(), Some(moment(600).ms));
}

fn sign(clear: bool, with_photo: bool) -> Command {
    Command::SignReceiptForm { waybill: waybill(), clear, photo: with_photo.then(photo) }
}

#[test]
fn a_parcel_that_owes_a_form_is_handed_over_when_it_is_signed() {
    let mut tale = Tale::out_with(GoodsFlags { receipt_form: true, ..GoodsFlags::default() });
    let hand_over = || Handover::face_to_face();
    assert_eq!(hand_over().refusal(&tale), Some(Refusal::ReceiptFormOwed));
    let scene = Scene::new();
    assert_eq!(scene.refusal("B", &sign(true, true), &tale), Some(Refusal::NotHeldByYou));
    let no_photo = scene.refusal("A", &sign(true, false), &tale);
    assert_eq!(no_photo, Some(Refusal::ReceiptFormPhotoMissing));
    assert_eq!(scene.refusal("A", &sign(false, true), &tale), Some(Refusal::ReceiptFormUnclear));

    let groups = scene.facts("A", &sign(true, true), &[&tale]);
    tale.by("A").tells(groups[0][0].fact.clone());
    assert_eq!(hand_over().refusal(&tale), None);
    let again = scene.refusal("A", &sign(true, true), &tale);
    assert_eq!(again, Some(Refusal::ReceiptFormAlreadySigned));
}

#[test]
fn a_form_is_handed_in_once_after_it_was_signed() {
    let scene = Scene::new();
    let hand_in = Command::HandInReceiptForm { waybill: waybill() };
    let mut tale = Tale::out_for_delivery();
    assert_eq!(scene.refusal("A", &hand_in, &tale), Some(Refusal::ReceiptFormNotSigned));
    tale.by("A").tells(handed_over());
    assert_eq!(scene.refusal("A", &sign(true, true), &tale), None, "signed after the hand-over");
    tale.tells(ReceiptFormSigned { clear: true, photo: Some(photo()) });
    assert_eq!(scene.refusal("B", &hand_in, &tale), Some(Refusal::NotAssignedToYou));
    assert_eq!(scene.refusal_to(&clerk_acts(), &hand_in, &tale), None);
    tale.tells(ReceiptFormHandedIn {});
    assert_eq!(scene.refusal("A", &hand_in, &tale), Some(Refusal::ReceiptFormAlreadyIn));
}

#[test]
fn a_form_signed_unclearly_is_signed_again() {
    let mut tale = Tale::out_for_delivery();
    let signed = |clear| ReceiptFormSigned { clear, photo: Some(photo()) };
    tale.by("A").against("ReceiptFormUnclear").tells(signed(false));
    tale.tells(signed(true));
    assert!(tale.parcel().delivery.receipt_form.unwrap().clear);
    tale.tells(signed(true));
    assert_eq!(tale.parcel().margin.conflicts[0].row, ConflictRow::RecordedTwice);
}

#[test]
fn a_signed_form_has_a_clock_only_where_the_policy_names_a_time() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(ReceiptFormSigned { clear: true, photo: Some(photo()) });
    let tale = at_minutes(tale, &[0]);
    let mut policy = Policy::default();
    assert_eq!(receipt_form_return(&tale.parcel(), &policy, &moment(1)), None);
    policy.receipt_form_return_h = Some(48);
    let standing = |tale: &Tale, minute| {
        receipt_form_return(&tale.parcel(), &policy, &moment(minute)).map(|it| it.1)
    };
    assert_eq!(standing(&tale, 60), Some(Timeliness::Running));
    assert_eq!(standing(&tale, 49 * 60), Some(Timeliness::Late));
    let mut handed_in = tale;
    handed_in.tells(ReceiptFormHandedIn {});
    let handed_in = at_minutes(handed_in, &[0, 47 * 60]);
    assert_eq!(standing(&handed_in, 9_999), Some(Timeliness::OnTime));
}

fn number(n: u32) -> Waybill {
    Waybill::parse(&format!("SF{n:013}")).unwrap()
}

/// A parcel under another number, out with A.
fn out(n: u32) -> Tale {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(consent());
    tale.lane = Lane::Parcel(number(n));
    for event in &mut tale.events {
        event.envelope.lane = tale.lane.clone();
    }
    tale
}

fn deliver_many(waybills: Vec<Waybill>) -> Command {
    Command::DeliverMany {
        waybills,
        method: HandoverMethod::Agent,
        taker: Some("Li Ceshi".into()),
        identity: IdentityCheck { method: IdentityMethod::Known, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof: proof(&[ProofKind::Photo]),
    }
}

#[test]
fn a_batch_is_a_hand_over_per_parcel_each_with_its_own_evidence_and_words() {
    let tales: Vec<_> = (1..=20).map(out).collect();
    let actor = Actor::Courier(courier("A"));
    let all: Vec<_> = tales.iter().collect();
    let command = deliver_many((1..=20).map(number).collect());
    let decision = Scene::new().decide(&actor, &command, &all).ok().unwrap();
    assert!(decision.refusal.is_none() && decision.left_out.is_empty());
    assert_eq!(decision.decided.groups.iter().map(Vec::len).collect::<Vec<_>>(), [1; 20]);
    assert_eq!(decision.decided.vault.len(), 20, "the agent's name, in each parcel's lane");
    let mut items = std::collections::BTreeSet::new();
    for draft in decision.decided.groups.iter().flatten() {
        let [item] = draft.fact.evidence()[..] else { panic!("one photo") };
        assert_eq!(item.sha256, photo().sha256, "one file");
        items.insert(item.id);
    }
    assert_eq!(items.len(), 20);
    assert!(items.contains(&photo().id), "the first keeps the item that was captured");
}

#[test]
fn a_parcel_that_a_rule_speaks_against_is_left_out_of_the_batch_and_named() {
    let (one, mut two, three) = (out(1), out(2), out(3));
    two.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    let actor = Actor::Courier(courier("A"));
    let tales = [&one, &two, &three];
    let command = deliver_many(vec![number(1), number(2), number(3), number(4), number(3)]);
    let decision = Scene::new().decide(&actor, &command, &tales).ok().unwrap();
    assert_eq!(decision.decided.groups.len(), 2);
    assert_eq!(
        decision.left_out,
        [
            LeftOut { waybill: number(2), refusal: Refusal::Frozen },
            LeftOut { waybill: number(4), refusal: Refusal::UnknownParcel },
        ]
    );
    let none = deliver_many(vec![number(2), number(4)]);
    assert_eq!(Scene::new().decide(&actor, &none, &tales).err(), Some(Refusal::Frozen));
    let nothing = deliver_many(Vec::new());
    assert_eq!(Scene::new().decide(&actor, &nothing, &tales).err(), Some(Refusal::NothingGiven));
}

#[test]
fn a_batch_of_one_may_be_recorded_against_a_rule() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(ParcelRecalled { safety: false });
    let actor = Actor::Courier(courier("A"));
    let command = deliver_many(vec![waybill()]);
    let decision = Scene::new().decide(&actor, &command, &[&tale]).ok().unwrap();
    assert_eq!((decision.refusal, decision.decided.groups.len()), (Some(Refusal::Recalled), 1));
}

#[test]
fn several_parcels_are_stored_at_once_each_with_its_own_code() {
    let tales = [out(1), out(2), Tale::out_for_delivery()];
    let parcels = [number(1), number(2), waybill()].map(|waybill| ToStore {
        waybill,
        code: Some("3-2-1045".into()),
        slot: None,
    });
    let command = Command::StoreMany {
        parcels: parcels.to_vec(),
        site: site("YZ-1"),
        collect_before_ms: MORNING_MS + 40_000_000,
        photo: Some(photo()),
    };
    let actor = Actor::Courier(courier("A"));
    let tales: Vec<_> = tales.iter().collect();
    let decision = Scene::new().decide(&actor, &command, &tales).ok().unwrap();
    assert_eq!((decision.decided.groups.len(), decision.decided.vault.len()), (2, 2));
    let unasked = LeftOut { waybill: waybill(), refusal: Refusal::ConsentMissing };
    assert_eq!(decision.left_out, [unasked]);
}
