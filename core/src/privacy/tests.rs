//! Who is shown a person, and when a person goes.

use super::*;
use crate::command::Command;
use crate::complaint::{ComplaintClass, ComplaintClosed, ComplaintReceived, ComplaintSource};
use crate::decide::Draft;
use crate::delivery::{ParcelDelivered, ProofItem, ProofKind};
use crate::event::{Fact, Lane};
use crate::evidence::EvidenceRef;
use crate::exception_report::{CaseEvidence, EvidenceAdded, ExceptionReported, ExceptionVoided};
use crate::pickup::PickupInspected;
use crate::refusal::Refusal;
use crate::testing::{
    Scene, Tale, clerk_acts, complaint_lane, handed_over, parcel_lane, person, photo, pickup_lane,
    vault, waybill,
};

fn reveal(reason: RevealReason, note: Option<&str>) -> Command {
    let note = note.map(str::to_owned);
    Command::Reveal { waybill: waybill(), party: Party::Recipient, reason, note }
}

fn erase(lane: Lane) -> Command {
    Command::ErasePerson { lane, party: Party::Recipient, reason: ErasureReason::Asked }
}

fn complaint() -> Tale {
    let mut tale = Tale::new(complaint_lane());
    tale.station().tells(ComplaintReceived {
        waybill: waybill(),
        complainant: vault(11),
        demand: vault(12),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    });
    tale
}

/// A scene whose hub holds these entries of the parcel and of the complaint.
fn holding(parcel: &[u8], complaint: &[u8]) -> Scene {
    let mut scene = Scene::new();
    let of = |lane: &Lane, entries: &[u8]| -> Vec<_> {
        entries.iter().map(|n| (lane.clone(), vault(*n))).collect()
    };
    scene.entries = of(&parcel_lane(), parcel);
    scene.entries.extend(of(&complaint_lane(), complaint));
    scene
}

#[test]
fn who_delivers_a_parcel_is_shown_its_persons_for_a_reason() {
    let (scene, tale) = (Scene::new(), Tale::out_for_delivery());
    let facts = scene.facts("A", &reveal(RevealReason::Call, None), &[&tale]);
    let Fact::ContactRevealed(fact) = &facts[0][0].fact else { panic!() };
    assert_eq!((fact.party, fact.reason), (Party::Recipient, RevealReason::Call));

    let asked = |no| scene.refusal(no, &reveal(RevealReason::Call, None), &tale);
    assert_eq!(asked("B"), Some(Refusal::NotInSight));
    let by_clerk = scene.refusal_to(&clerk_acts(), &reveal(RevealReason::Call, None), &tale);
    assert_eq!(by_clerk, Some(Refusal::NotForThisActor));
}

#[test]
fn another_reason_is_said_in_words_and_sealed() {
    let (scene, tale) = (Scene::new(), Tale::out_for_delivery());
    for note in [None, Some(" ")] {
        let refusal = scene.refusal("A", &reveal(RevealReason::Other, note), &tale);
        assert_eq!(refusal, Some(Refusal::RevealReasonMissing));
    }
    let facts = scene.facts("A", &reveal(RevealReason::Other, Some("a lost glove")), &[&tale]);
    assert!(!format!("{facts:?}").contains("glove"));
    let Fact::ContactRevealed(fact) = &facts[0][0].fact else { panic!() };
    assert!(fact.note.is_some());
}

#[test]
fn the_last_asking_of_each_courier_is_remembered_by_person_and_reason() {
    let mut tale = Tale::out_for_delivery();
    let asked = |reason| ContactRevealed { party: Party::Recipient, reason, note: None };
    tale.by("A").tells(asked(RevealReason::Call));
    tale.by("A").tells(asked(RevealReason::Navigate));
    tale.by("A").tells(asked(RevealReason::Call));
    let reveals = tale.parcel().reveals;
    let reasons: Vec<_> = reveals.iter().map(|reveal| reveal.reason).collect();
    assert_eq!(reasons, [RevealReason::Navigate, RevealReason::Call]);
    assert_eq!(reveals[1].at, crate::testing::moment(6));
}

#[test]
fn erasing_takes_every_entry_but_the_other_partys() {
    let mut parcel = Tale::out_for_delivery();
    parcel.by("A").tells(handed_over());
    let mut closed = complaint();
    closed.tells(ComplaintClosed { outcome: vault(13) });

    let scene = holding(&[1, 2, 5], &[11, 12, 13]);
    let decision = scene.decide(&clerk_acts(), &erase(parcel_lane()), &[&parcel, &closed]);
    let [group] = decision.ok().unwrap().decided.groups.try_into().unwrap();
    let group: Vec<Draft> = group;
    let references = |lane: &Lane| -> Vec<VaultRef> {
        let of = group.iter().filter(|draft| &draft.lane == lane);
        of.flat_map(|draft| match &draft.fact {
            Fact::PersonErased(fact) => fact.references.clone(),
            _ => Vec::new(),
        })
        .collect()
    };
    assert_eq!(references(&parcel_lane()), [vault(1), vault(5)], "the sender is entry 2");
    assert_eq!(references(&complaint_lane()), [vault(11), vault(12), vault(13)]);
}

/// A photo whose file has this digest.
fn photo_of(n: u8) -> EvidenceRef {
    EvidenceRef { sha256: Digest([n; 32]), ..photo() }
}

/// Handed over with a signature and a photo of the door.
fn delivered_with_pictures() -> Tale {
    let proof = |kind, n| ProofItem { kind, evidence: Some(photo_of(n)) };
    let proof = vec![proof(ProofKind::Signature, 1), proof(ProofKind::Photo, 2)];
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(ParcelDelivered { proof, ..handed_over() });
    tale
}

/// A case of the parcel that is over, with two photos.
fn case_with_pictures() -> Tale {
    let mut tale = Tale::new(Lane::Exception(crate::testing::case()));
    tale.by("A").tells(ExceptionReported {
        kind: crate::exception_report::ExceptionKind::Damage,
        waybill: Some(waybill()),
        about: None,
        evidence: vec![photo_of(3)],
        shows: Vec::new(),
        note: None,
    });
    let id = crate::id::EvidenceId(uuid::Uuid::from_u128(4));
    tale.tells(EvidenceAdded { evidence: EvidenceRef { id, ..photo_of(4) }, shows: None });
    tale.station().tells(ExceptionVoided {});
    tale
}

/// The sender's order, over, with a photo of what he sends.
fn order_with_a_picture() -> Tale {
    let mut tale = Tale::new(pickup_lane());
    tale.by("A").tells(PickupInspected {
        answers: crate::pickup::PickupAnswers::default(),
        listed: None,
        anomaly: None,
        photo: Some(photo_of(5)),
    });
    tale.tells(crate::pickup::CollectionRefused {
        reason: crate::pickup::CollectionRefusal::Prohibited,
        note: None,
    });
    tale
}

/// What a hub erases that has no entries and these tales: per lane the first byte of each digest.
fn media_erased(lane: Lane, party: Party, tales: &[&Tale]) -> Vec<(Lane, Vec<u8>)> {
    let mut scene = Scene::new();
    let events = tales.iter().flat_map(|tale| &tale.events);
    scene.pictures = events.flat_map(Picture::named_by).collect();
    let erase = Command::ErasePerson { lane, party, reason: ErasureReason::Asked };
    let decision = scene.decide(&clerk_acts(), &erase, tales).ok().unwrap();
    assert_eq!(decision.refusal, None);
    let drafts = decision.decided.groups.into_iter().flatten();
    let media = |draft: Draft| match draft.fact {
        Fact::PersonErased(fact) => {
            (draft.lane, fact.media.iter().map(|sha256| sha256.0[0]).collect())
        }
        _ => panic!("nothing else happens"),
    };
    drafts.map(media).collect()
}

#[test]
fn pictures_go_with_whom_they_show_and_those_of_a_case_with_the_first_of_both() {
    let (parcel, case, order) =
        (delivered_with_pictures(), case_with_pictures(), order_with_a_picture());
    let (lanes, all) =
        ([&parcel, &case, &order].map(|tale| tale.lane.clone()), [&parcel, &case, &order]);
    let [parcel, case, order] = lanes;
    assert_eq!(
        media_erased(parcel.clone(), Party::Recipient, &all),
        [(parcel.clone(), vec![1, 2]), (case.clone(), vec![3, 4])]
    );
    assert_eq!(media_erased(parcel, Party::Sender, &all), [(order, vec![5]), (case, vec![3, 4])]);
}

#[test]
fn of_an_order_alone_everything_goes() {
    let order = order_with_a_picture();
    let erased = media_erased(pickup_lane(), Party::Recipient, &[&order]);
    assert_eq!(erased, [(pickup_lane(), vec![5])]);
}

#[test]
fn what_was_erased_once_is_not_erased_again_and_a_case_shows_it_no_more() {
    let mut case = case_with_pictures();
    let (party, reason, references) = (Party::Sender, ErasureReason::Asked, Vec::new());
    case.tells(PersonErased { party, reason, references, media: vec![Digest([3; 32])] });
    let erased = media_erased(case.lane.clone(), Party::Recipient, &[&case]);
    assert_eq!(erased, [(case.lane.clone(), vec![4])]);
    let crate::fold::LaneState::Exception(state) = case.state() else { panic!() };
    let here: Vec<_> = state.evidence.iter().map(CaseEvidence::is_here).collect();
    assert_eq!(here, [false, true]);
}

#[test]
fn more_than_an_event_holds_goes_in_several() {
    let pictures = (0..900u32).map(|n| {
        let sha256 = Digest::of(&[&n.to_be_bytes()]);
        Picture { lane: parcel_lane(), sha256, of: None }
    });
    let mut scene = holding(&[1, 2], &[]);
    scene.pictures = pictures.collect();
    let parcel = Tale::out_for_delivery();
    let decision = scene.decide(&clerk_acts(), &erase(parcel_lane()), &[&parcel]).ok().unwrap();
    let drafts = decision.decided.groups.iter().flatten();
    let facts = drafts.map(|draft| match &draft.fact {
        Fact::PersonErased(fact) => (fact.references.len(), fact.media.len()),
        _ => panic!("nothing else happens"),
    });
    assert_eq!(facts.collect::<Vec<_>>(), [(1, 400), (0, 400), (0, 100)]);
}

#[test]
fn an_erasure_without_pictures_is_written_as_ever() {
    let (party, reason) = (Party::Sender, ErasureReason::Asked);
    let written = |media| {
        let fact = PersonErased { party, reason, references: Vec::new(), media };
        serde_json::to_value(fact).unwrap()
    };
    assert_eq!(
        written(Vec::new()),
        serde_json::json!({ "party": "sender", "reason": "asked", "references": [] })
    );
    let sha256 = Digest([7; 32]);
    assert_eq!(written(vec![sha256])["media"], serde_json::json!([sha256.to_string()]));
}

#[test]
fn only_the_station_erases_and_only_what_is_there() {
    let tale = Tale::out_for_delivery();
    let scene = holding(&[2], &[]);
    let by_courier = scene.refusal("A", &erase(parcel_lane()), &tale);
    assert_eq!(by_courier, Some(Refusal::NotForThisActor));
    let twice = scene.refusal_to(&clerk_acts(), &erase(parcel_lane()), &tale);
    assert_eq!(twice, Some(Refusal::NothingToErase));
    let unknown = scene.refusal_to(&clerk_acts(), &erase(complaint_lane()), &tale);
    assert_eq!(unknown, Some(Refusal::UnknownCase));
}

#[test]
fn while_a_case_is_open_the_wish_is_recorded_once_and_the_person_is_masked() {
    let (mut parcel, open) = (Tale::out_for_delivery(), complaint());
    let scene = holding(&[1, 2], &[11]);
    let asked = scene.decide(&clerk_acts(), &erase(parcel_lane()), &[&parcel, &open]).ok().unwrap();
    assert_eq!(asked.refusal, Some(Refusal::ErasureHeld));
    let [group] = asked.decided.groups.try_into().unwrap();
    let [draft]: [Draft; 1] = group.try_into().unwrap();
    parcel.station().tells(draft.fact);
    assert_eq!(parcel.parcel().sight_of(Party::Recipient), PersonSight::Held);
    assert_eq!(parcel.parcel().sight_of(Party::Sender), PersonSight::Masked);

    let again = scene.decide(&clerk_acts(), &erase(parcel_lane()), &[&parcel, &open]);
    assert_eq!(again.err(), Some(Refusal::ErasureHeld));
    let shown = scene.refusal("A", &reveal(RevealReason::Call, None), &parcel);
    assert_eq!(shown, Some(Refusal::ErasureHeld));
    let case = scene.decide(&clerk_acts(), &erase(complaint_lane()), &[&open]);
    assert_eq!(case.err(), Some(Refusal::ErasureHeld));
}

#[test]
fn after_the_last_case_the_time_for_claims_is_waited_for() {
    let (parcel, mut closed) = (Tale::out_for_delivery(), complaint());
    closed.tells(ComplaintClosed { outcome: vault(13) });
    let mut scene = holding(&[1, 2], &[]);
    scene.policy.erasure_hold_days = 1;
    let mut asked = |minute| {
        scene.minute = minute;
        let asked = scene.decide(&clerk_acts(), &erase(parcel_lane()), &[&parcel, &closed]);
        asked.ok().unwrap().refusal
    };
    assert_eq!(asked(24 * 60), Some(Refusal::ErasureHeld));
    assert_eq!(asked(24 * 60 + 1), None);
}

#[test]
fn an_erased_person_is_shown_as_erased_and_never_again() {
    let mut tale = Tale::out_for_delivery();
    let (party, reason) = (Party::Recipient, ErasureReason::RetentionOver);
    tale.station().tells(PersonErased {
        party,
        reason,
        references: vec![vault(1)],
        media: Vec::new(),
    });
    assert_eq!(tale.parcel().sight_of(Party::Recipient), PersonSight::Erased);
    let shown = Scene::new().refusal("A", &reveal(RevealReason::Navigate, None), &tale);
    assert_eq!(shown, Some(Refusal::Erased));
}

#[test]
fn nothing_personal_is_ever_printed() {
    let entry = VaultEntry::new(
        parcel_lane(),
        &VaultBody::Person(person()),
        &crate::testing::Counted::default(),
    );
    let printed = format!("{:?} {:?} {:?}", person(), VaultBody::Text("a secret".into()), entry);
    for clear in [person().name, person().phone, person().address, "secret".into()] {
        assert!(!printed.contains(&clear));
    }
}

mod generated {
    use proptest::prelude::*;

    use super::*;

    /// A Chinese name, mobile number and address of somebody nobody is.
    fn anybody() -> impl Strategy<Value = (Person, String, String)> {
        let name = "[王李张刘陈杨赵黄周吴][小志建文秀雨明静][明强华芳娜洋]";
        let phone = "1[3-9][0-9]{9}";
        let room = "[1-9]0[1-9]|[1-2][0-9]0[1-9]";
        (name, phone, 1u16..999, 1u8..30, 1u8..9, room).prop_map(
            |(name, phone, number, building, unit, room)| {
                let door = format!("{building}栋{unit}单元{room}室");
                let address = format!("吉林市昌邑区解放路{number}号幸福小区{door}");
                (Person { name, phone, address, lng: Some(126.5), lat: Some(43.8) }, door, room)
            },
        )
    }

    proptest! {
        #[test]
        fn a_masked_person_shows_no_name_no_number_and_no_room((person, door, room) in anybody()) {
            let masked = person.masked(&crate::privacy::Mask::default());
            let shown = format!("{} {} {}", masked.name, masked.phone, masked.address);
            let given: String = person.name.chars().skip(1).collect();
            let room = format!("{room}室");
            for clear in [&given, &person.phone, &person.phone[3..9].to_owned(), &door, &room] {
                prop_assert!(!shown.contains(clear.as_str()));
            }
            prop_assert_eq!((masked.lng, masked.lat), (None, None));
            let printed = format!("{person:?}{masked:?}");
            prop_assert!(!printed.contains(&person.name));
        }
    }
}
