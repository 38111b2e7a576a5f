//! Every value is read: set otherwise, it changes an answer. A value that changes none is not one.

use serde_json::{Value, json};

use super::Policy;
use super::values::{TABLE, row};
use crate::chore::chores;
use crate::command::Command;
use crate::complaint::{ComplaintClass, ComplaintClosed, ComplaintReceived, ComplaintSource};
use crate::deadline;
use crate::delivery::{
    AttemptFailure, Channel, DeliveryAttemptFailed, DeliveryRefused, HandoverMethod,
    ParcelDelivered, Party, ProofKind, ReceiptFormSigned, RecipientContactFailed,
    RedirectRequested, RefusalClass,
};
use crate::event::{Fact, Lane};
use crate::exception_report::{ExceptionAcknowledged, ExceptionKind, ExceptionReported};
use crate::explain::far_from_address;
use crate::fold::LaneState;
use crate::notice::{Audience, Language, NoticeDraft, Slot, SlotValue, Templates, lint_message};
use crate::parcel::{Collected, Parcel};
use crate::privacy::{ContactRevealed, Person, RevealReason, rules as privacy};
use crate::refusal::Refusal;
use crate::testing::{
    Scene, Tale, case, clerk, complaint_lane, consent, handed_over, moment, order, person, photo,
    site, vault, waybill,
};

/// How a value shows that it is read.
enum Reader {
    /// It changes what a rule, a clock or a text answers.
    Rule(fn(&Policy) -> String),
    /// It is read beside a store or a hub, and has its tests there.
    File(&'static str),
    /// For people and other systems: explaining it is all there is (M77, M78).
    Told,
}

use Reader::{File, Rule, Told};

/// Each value, another one for it, and who reads it.
fn readers() -> Vec<(&'static str, Value, Reader)> {
    vec![
        ("same_city_hours", json!(20), Rule(clocks)),
        ("delay_lead_min", json!(180), Rule(clocks)),
        ("redirect_answer_min", json!(30), Rule(clocks)),
        ("report_min", json!(5), Rule(clocks)),
        ("contact_channels_bad_address", json!(3), Rule(bad_address)),
        ("exception_feedback_min", json!(60), Rule(clocks)),
        ("misdelivery_contact_min", json!(5), Rule(clocks)),
        ("geofence_m", json!(100), Rule(far_hand_over)),
        ("proof_face_to_face", json!([["signature"]]), Rule(proof)),
        ("proof_face_to_face_valuable", json!([["signature", "photo"]]), Rule(proof)),
        ("proof_agent", json!([["photo"]]), Rule(proof)),
        ("proof_agent_valuable", json!([["signature", "photo"]]), Rule(proof)),
        ("proof_named_place", json!([["photo", "signature"]]), Rule(proof)),
        ("attempt_limit", json!(1), Rule(another_attempt)),
        ("appointment_first", json!(false), Rule(storing)),
        ("unattended_public_forbidden", json!(false), Rule(storing)),
        ("return_needs_authorisation", json!(false), Rule(returning)),
        ("receipt_form_return_h", json!(48), Rule(clocks)),
        ("unreachable_gap_h", json!(10), Rule(clocks)),
        ("unreachable_silence_h", json!(48), Rule(clocks)),
        ("storage_needs_consent", json!(false), Rule(storing)),
        ("storage_notice_min", json!(5), Rule(clocks)),
        ("storage_reminder_days", json!([1]), Rule(reminder)),
        ("storage_redelivery_min", json!(30), Rule(clocks)),
        ("code_lease", json!(10), File("src/temporary_storage/view.rs")),
        ("notice_required_fields", json!(["parcel"]), Rule(storage_notice)),
        ("first_contact_min", json!(30), Rule(clocks)),
        ("closure_h", json!(20), Rule(clocks)),
        ("legal_reply_days", json!(5), Rule(clocks)),
        ("consult_reply_min", json!(3), Told),
        ("online_reply_s", json!(10), Told),
        ("phone_rings", json!(2), Told),
        ("minimum_to_save", json!(["address"]), Rule(least_complaint)),
        ("mask_name_chars", json!(9), Rule(masked)),
        ("mask_phone_digits", json!(9), Rule(masked)),
        ("mask_rooms", json!(false), Rule(masked)),
        ("forbidden_words", json!(["parcel"]), Rule(warned_of)),
        ("vague_words", json!(["parcel"]), Rule(warned_of)),
        ("retention_days", json!(7), File("src/keep.rs")),
        ("reveal_again_min", json!(1), Rule(one_asking)),
        ("erasure_hold_days", json!(5), Rule(erasing)),
        ("pii_erase_days", json!(30), Rule(clocks)),
        ("parcel_erase_days", json!(30), Rule(left_to_the_hub)),
    ]
}

#[test]
fn every_value_is_read() {
    let readers = readers();
    let listed: Vec<_> = readers.iter().map(|(name, ..)| *name).collect();
    let known: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(listed, known, "one line for each value, in the order of the table");
    for (name, value, reader) in readers {
        let mut other = Policy::default();
        assert!((row(name).unwrap().1.write)(&mut other, &value), "{name}");
        assert_ne!(other, Policy::default(), "{name}");
        match reader {
            Rule(answer) => assert_ne!(answer(&other), answer(&Policy::default()), "{name}"),
            File(path) => {
                let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(path).unwrap();
                assert!(text.contains(&format!(".{name}")), "{name}");
            }
            Told => {}
        }
    }
}

fn scene(policy: &Policy) -> Scene {
    let mut scene = Scene::new();
    scene.policy = policy.clone();
    scene
}

fn told<const N: usize>(lane: Lane, facts: [Fact; N]) -> LaneState {
    let mut tale = Tale::new(lane);
    for fact in facts {
        tale.by("A").tells(fact);
    }
    tale.state()
}

/// Every clock of the library, of lanes in which all of them were started.
fn clocks(policy: &Policy) -> String {
    let now = moment(60);
    let mut door = Tale::out_for_delivery();
    door.by("A").tells(DeliveryRefused { class: RefusalClass::Goods, reason: None });
    door.tells(RedirectRequested { to: vault(3), channel: Channel::Phone });
    door.tells(ReceiptFormSigned { clear: true, photo: Some(photo()) });
    let collected = Collected {
        order: order(),
        at: moment(0),
        weight_g: None,
        fees: Vec::new(),
        mark: door.parcel().held_since.unwrap(),
    };
    let door = Parcel { collected: Some(collected), ..door.parcel() };
    let mut stored = Tale::in_storage();
    stored
        .by("A")
        .tells(crate::temporary_storage::StorageConsentRevoked { consent: consent().consent });
    let stored = stored.parcel();
    let mut written = Tale::out_for_delivery().parcel();
    written.delivery.messages = vec![moment(0), moment(11 * 60)];
    let mut once = written.clone();
    once.delivery.messages.pop();
    once.promise_ms = Some(moment(60 + 150).ms);
    let reported = ExceptionReported {
        kind: ExceptionKind::Misdelivery,
        waybill: Some(waybill()),
        about: None,
        evidence: Vec::new(),
        shows: Vec::new(),
        note: None,
    };
    let owned = ExceptionAcknowledged { owner: clerk(), next_action_ms: 0 };
    let case = told(Lane::Exception(case()), [reported.into(), owned.into()]);
    let case = case.exception().unwrap();
    let received = ComplaintReceived {
        waybill: waybill(),
        complainant: vault(1),
        demand: vault(2),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    };
    let closed = ComplaintClosed { outcome: vault(3) };
    let complaint = told(complaint_lane(), [received.into(), closed.into()]);
    let complaint = complaint.complaint().unwrap();
    let all = [
        deadline::same_city_delivery(&door, policy, &now),
        deadline::delay_notice(&once, policy, &now),
        deadline::redirect_answer(&door, policy, &now),
        deadline::refusal_report(&door, policy, &now),
        deadline::receipt_form_return(&door, policy, &now),
        deadline::unreachable_rule(&once, policy, &now),
        deadline::unreachable_rule(&written, policy, &now),
        deadline::storage_notice(&stored, policy, &now),
        deadline::storage_redelivery(&stored, policy, &now),
        deadline::exception_report(case, policy, &now),
        deadline::exception_feedback(case, policy, &now),
        deadline::misdelivery_contact(case, policy, &now),
        deadline::first_contact(complaint, policy, &now),
        deadline::closure(complaint, policy, &now),
        deadline::legal_reply(complaint, policy, &now),
        deadline::pii_erase(complaint, policy, &now),
    ];
    format!("{all:?}")
}

fn bad_address(policy: &Policy) -> String {
    let mut tale = Tale::out_for_delivery();
    for channel in [Channel::Phone, Channel::Sms] {
        tale.by("A").tells(RecipientContactFailed { channel, party: Party::Recipient });
    }
    let cause = AttemptFailure::BadAddress;
    judged(policy, &Command::FailAttempt { waybill: waybill(), cause }, &tale)
}

fn another_attempt(policy: &Policy) -> String {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    let (from_ms, to_ms, channel) = (moment(90).ms, moment(120).ms, Channel::Phone);
    let agree = Command::ScheduleRedelivery { waybill: waybill(), from_ms, to_ms, channel };
    judged(policy, &agree, &tale)
}

fn returning(policy: &Policy) -> String {
    let tale = Tale::out_for_delivery();
    judged(policy, &Command::StartReturn { waybill: waybill() }, &tale)
}

/// Storing at a counter and at a gate what nobody consented to, and what nobody was at home for.
fn storing(policy: &Policy) -> String {
    let mut absent = Tale::out_for_delivery();
    absent.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    let store = |to: &str| Command::Store {
        waybill: waybill(),
        site: site(to),
        collect_before_ms: moment(90).ms,
        code: None,
        photo: None,
        slot: None,
    };
    let at_home = Tale::out_for_delivery();
    [(store("YZ-1"), &at_home), (store("GATE"), &at_home), (store("YZ-1"), &absent)]
        .map(|(store, tale)| judged(policy, &store, tale))
        .concat()
}

fn judged(policy: &Policy, command: &Command, tale: &Tale) -> String {
    let refusal: Option<Refusal> = scene(policy).refusal("A", command, tale);
    format!("{refusal:?} ")
}

/// Which kinds of proof, alone or two together, are enough for each method.
fn proof(policy: &Policy) -> String {
    use HandoverMethod::{Agent, FaceToFace, NamedPlace};
    use ProofKind::{IdCheck, Photo, Pin, Signature};
    let kinds = [Signature, Photo, Pin, IdCheck];
    let mut enough = String::new();
    for method in [FaceToFace, Agent, NamedPlace] {
        for valuable in [false, true] {
            for (one, other) in kinds.iter().flat_map(|one| kinds.map(|other| (*one, other))) {
                let counts = |kind| kind == one || kind == other;
                enough += &policy.proofs(method, valuable).satisfied_by(counts).to_string();
            }
        }
    }
    enough
}

fn far_hand_over(policy: &Policy) -> String {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(ParcelDelivered { address_gap_m: Some(150), ..handed_over() });
    format!("{:?}", far_from_address(&tale.parcel(), |_| policy))
}

fn reminder(policy: &Policy) -> String {
    let parcel = Tale::in_storage().parcel();
    format!("{:?}", parcel.storage.stay.unwrap().reminder_due(policy, &moment(2 * 24 * 60)))
}

fn storage_notice(policy: &Policy) -> String {
    let slots = Slot::ALL.into_iter().filter(|slot| *slot != Slot::Parcel);
    let draft = NoticeDraft {
        template: "T01".into(),
        language: Language::En,
        audience: Audience::Recipient,
        slots: slots.map(|slot| SlotValue { slot, text: "9".into() }).collect(),
        about: Vec::new(),
    };
    format!("{:?}", Templates::built_in().render(&draft, policy).map(|notice| notice.text))
}

fn least_complaint(policy: &Policy) -> String {
    let least = Person { address: String::new(), ..person() };
    let nobody = Person::default();
    let receive = |person: &Person| {
        crate::complaint::rules::may_receive(false, person, "Bring it today", policy)
    };
    format!("{:?} {:?}", receive(&least), receive(&nobody))
}

fn masked(policy: &Policy) -> String {
    let person = Person {
        name: "王小明".into(),
        phone: "13900000000".into(),
        address: "文三路100号3栋2单元501室".into(),
        ..Person::default()
    };
    let masked = person.masked(&policy.mask());
    format!("{} {} {}", masked.name, masked.phone, masked.address)
}

fn warned_of(policy: &Policy) -> String {
    format!("{:?}", lint_message("maybe, your parcel, 不归我管", &policy.word_lists()))
}

fn one_asking(policy: &Policy) -> String {
    let mut tale = Tale::out_for_delivery();
    let (party, reason) = (Party::Recipient, RevealReason::Call);
    tale.by("A").tells(ContactRevealed { party, reason, note: None });
    let mut scene = scene(policy);
    scene.minute = 9;
    let asked = tale.parcel();
    scene.around(&tale.events[tale.events.len() - 1].envelope.actor, |at| {
        privacy::is_one_asking(&asked, party, reason, at).to_string()
    })
}

/// Erasing a recipient whose complaint was closed an hour ago.
fn erasing(policy: &Policy) -> String {
    let closed = told(complaint_lane(), [ComplaintClosed { outcome: vault(3) }.into()]);
    let lanes = [(complaint_lane(), closed)].into();
    scene(policy)
        .around(&crate::testing::clerk_acts(), |at| format!("{:?}", privacy::may_erase(&lanes, at)))
}

fn left_to_the_hub(policy: &Policy) -> String {
    let mut parcel = Tale::out_for_delivery();
    parcel.by("A").tells(handed_over());
    chores(&parcel.lane, &parcel.state(), policy).len().to_string()
}
