//! Facts, events and commands by chance.

use proptest::prelude::*;
use uuid::Uuid;

use super::super::*;
use crate::command::{Command, ToStore};
use crate::complaint::{
    ComplaintClass, ComplaintClosed, ComplaintReceived, ComplaintSource, CustomerFirstContacted,
    OwnerTaken,
};
use crate::delivery::{
    AddressArrived, AppointmentOffered, AttemptFailure, Channel, DeclineClass, DelayCause,
    DelayNotified, DeliveryAttemptFailed, DeliveryRedirected, DeliveryRefused, HandoverMethod,
    IdentityCheck, IdentityMethod, Inspection, ParcelReturned, Party, PreferenceSet, ProofItem,
    ProofKind, ReceiptFormHandedIn, ReceiptFormSigned, RecipientContacted, RedeliveryScheduled,
    RedirectAnswered, RedirectReply, RedirectRequested, RefusalClass, ReturnAuthorised,
    ReturnStarted, StationCalled, Wish,
};
use crate::event::{CorrectionDeclared, Envelope};
use crate::exception_report::{
    CaseDuty, CaseParty, Cause, ClaimConsentRecorded, Decision, DoorWish, DutyExcused,
    ErrorAnalysisReported, EvidenceAdded, ExceptionAcknowledged, ExceptionClosed, ExceptionDecided,
    ExceptionEscalated, ExceptionKind, ExceptionReopened, ExceptionReported, ExceptionResolved,
    ExceptionVoided, MisdeliveryStep, MisdeliveryStepTaken, ParticipantAdded, PartyNotified,
    ProgressNoted, PromiseKept, PromiseMade, Promised, RecoveryRequested, Shown,
};
use crate::id::{DeviceId, ManifestId, SiteId, TransferId};
use crate::notice::{NoticeFailed, NoticeHandedToHub};
use crate::parcel::{
    AddressCorrected, Condition, ConflictRuled, FreezeReason, GoodsFlags, ParcelAnnounced,
    ParcelAssigned, ParcelFrozen, ParcelOutForDelivery, ParcelRecalled, ParcelReceivedAtStation,
    ParcelReleased,
};
use crate::pickup::{
    CollectionRefusal, CollectionRefused, FeeKind, FeeLine, GoodsCheck, GoodsState, InsuredNeed,
    ItemKind, LateReason, OrderSource, Packing, ParcelCollected, PickupAnnounced, PickupAnswers,
    PickupAssigned, PickupCompleted, PickupDelayTold, PickupInspected, PickupScheduled,
};
use crate::privacy::{ContactRevealed, ErasureHeld, ErasureReason, PersonErased, RevealReason};
use crate::temporary_storage::{
    ConsentGiver, Liability, LockerSlot, ParcelStored, PickupCodeReplaced, StorageConsentRevoked,
    StorageDeclined, StorageExpired, StorageExtended, StorageHandedBack, StorageNoticeSent,
    StorageReminderSent, StorageSlotClashed, StorageSlotCorrected, StoredParcelPickedUp,
    StoredParcelRetrieved,
};
use crate::testing::{
    MORNING_MS, case, clerk, complaint_lane, consent, courier, handed_over, moment, order,
    parcel_lane, person, photo, pickup_lane, site, slot, station, stored, vault, waybill,
};
use crate::transfer::{CustodyOffered, CustodyTransferred};

pub(super) const COURIERS: [&str; 3] = ["A", "B", "C"];

pub(super) fn event_id(n: u8) -> EventId {
    EventId(Uuid::from_u128(u128::from(n) + 1))
}

fn transfer(n: u8) -> TransferId {
    TransferId(Uuid::from_u128(u128::from(n % 4)))
}

/// A fact by number; `a` and `b` choose among its variants.
#[expect(clippy::too_many_lines, reason = "one short arm per kind")]
pub(super) fn parcel_fact(kind: u8, a: u8, b: u8) -> Fact {
    let courier = courier(COURIERS[usize::from(a) % 3]);
    let yes = b.is_multiple_of(2);
    match kind % 48 {
        32 => {
            let consent = yes.then_some(consent().consent);
            PreferenceSet {
                version: u32::from(a % 4),
                wish: wish(b),
                place: None,
                consent,
                said_by: if a > 200 { ConsentGiver::Courier } else { ConsentGiver::Recipient },
                channel: Channel::Phone,
                evidence: None,
            }
            .into()
        }
        33 => RedirectRequested { to: vault(a), channel: Channel::App }.into(),
        34 => {
            RedirectAnswered { request: event_id(a % 50), reply: reply(yes), reason: None }.into()
        }
        35 => DeliveryRedirected { request: event_id(a % 50), recipient: vault(b) }.into(),
        36 => AppointmentOffered { from_ms: 1, to_ms: 2, channel: Channel::Sms }.into(),
        37 => StationCalled { channel: Channel::Phone }.into(),
        38 => {
            let (cause, channel) = (DelayCause::Weather, Channel::Sms);
            DelayNotified { cause, eta_ms: i64::from(b), position: None, channel }.into()
        }
        39 => ReceiptFormSigned { clear: yes, photo: None }.into(),
        40 => ReceiptFormHandedIn {}.into(),
        0 => ParcelAnnounced {
            station: station(),
            recipient: vault(a),
            sender: vault(b),
            goods: GoodsFlags { door_only: a.is_multiple_of(5), ..GoodsFlags::default() },
            promise_ms: None,
            freight: crate::Fen(1),
            insured: None,
        }
        .into(),
        1 => ParcelReceivedAtStation { condition: Condition::Sound }.into(),
        2 | 3 => ParcelAssigned { courier, epoch: u32::from(b % 6) }.into(),
        4 | 5 => ParcelOutForDelivery {}.into(),
        6 => ParcelFrozen { reason: FreezeReason::Authority }.into(),
        7 => ParcelReleased {}.into(),
        8 => ParcelRecalled { safety: yes }.into(),
        9 => ConflictRuled { conflict: event_id(a), stands: event_id(b), note: vault(1) }.into(),
        10 if a < 60 => {
            let reason = if yes { RevealReason::Call } else { RevealReason::Navigate };
            ContactRevealed { party: Party::Recipient, reason, note: None }.into()
        }
        10 if a < 90 => ErasureHeld { party: Party::Sender, reason: ErasureReason::Asked }.into(),
        10 if a < 120 => PersonErased {
            party: Party::Recipient,
            reason: ErasureReason::Asked,
            references: vec![vault(b)],
            media: if yes { vec![photo().sha256] } else { Vec::new() },
        }
        .into(),
        10 => RecipientContacted { channel: Channel::Phone, party: Party::Sender }.into(),
        12 | 13 => handed_over().into(),
        14 => DeliveryAttemptFailed { cause: AttemptFailure::Absent }.into(),
        15 => RedeliveryScheduled { from_ms: 1, to_ms: 2, channel: Channel::App }.into(),
        16 => DeliveryRefused { class: RefusalClass::Goods, reason: None }.into(),
        17 => ReturnAuthorised {}.into(),
        18 => ReturnStarted {}.into(),
        // Rarely, as nothing leaves this stage.
        19 if a < 40 => ParcelReturned {}.into(),
        11 | 19 => AddressArrived {}.into(),
        20 => consent().into(),
        21 if yes => StorageDeclined { channel: Channel::Phone }.into(),
        21 => StorageConsentRevoked { consent: consent().consent }.into(),
        22 => {
            let (consent, slot) = (yes.then_some(consent().consent), some_slot(a));
            ParcelStored { consent, slot, ..stored() }.into()
        }
        46 => StorageSlotCorrected { slot: slot(if yes { "A-1" } else { "A-2" }) }.into(),
        47 => StorageSlotClashed {
            slot: slot("A-1"),
            waybill: waybill(),
            other: event_id(a),
            later: yes,
        }
        .into(),
        23 if a < 80 => StoredParcelPickedUp { scanned: yes, code_hash: None }.into(),
        23 | 24 => StoredParcelRetrieved { scanned: yes }.into(),
        25 => collected(yes).into(),
        41 => AddressCorrected { recipient: vault(a) }.into(),
        26 => StorageReminderSent {
            channel: Channel::Sms,
            template: "T01R.1".into(),
            text: crate::id::Digest([a; 32]),
            day: u32::from(b),
        }
        .into(),
        27 => StorageExtended {
            consent: yes.then_some(consent().consent),
            collect_before_ms: MORNING_MS + i64::from(a) * 10_000_000,
        }
        .into(),
        28 => StorageExpired {}.into(),
        29 => StorageHandedBack { scanned: yes }.into(),
        30 => PickupCodeReplaced {
            code_hash: yes.then_some(crate::id::Digest([a; 32])),
            code: yes.then(|| vault(a)),
            clashed: a.is_multiple_of(3),
        }
        .into(),
        31 => NoticeFailed { channel: Channel::App, template: "T04.1".into() }.into(),
        42 => CustodyOffered { transfer: transfer(a), to: courier, until_ms: 1 }.into(),
        43 | 44 => CustodyTransferred {
            transfer: transfer(a),
            from: crate::testing::courier(COURIERS[usize::from(b) % 3]),
            to: courier,
            goods: GoodsFlags::default(),
            proof: String::new(),
        }
        .into(),
        45 => NoticeHandedToHub {
            to: if yes { Party::Recipient } else { Party::Sender },
            channel: Channel::Sms,
            template: "T05.1".into(),
            text: vault(a),
        }
        .into(),
        _ => StorageNoticeSent {
            channel: Channel::Sms,
            template: "T01.1".into(),
            text: crate::id::Digest([1; 32]),
        }
        .into(),
    }
}

/// Mostly a slot; two of three are one and the same.
fn some_slot(a: u8) -> Option<LockerSlot> {
    [Some("A-1"), Some("A-1"), Some("A-2"), None][usize::from(a) % 4].map(slot)
}

fn wish(b: u8) -> Wish {
    match b % 4 {
        0 => Wish::Door,
        1 => Wish::AtSite { site: site("YZ-1"), liability: Liability::Site },
        2 => Wish::NamedPlace,
        _ => {
            let from_ms = MORNING_MS + 10_000_000;
            Wish::Window { from_ms, to_ms: from_ms + 1 }
        }
    }
}

fn reply(yes: bool) -> RedirectReply {
    if yes {
        RedirectReply::Accept
    } else {
        RedirectReply::Decline { class: DeclineClass::OutsideArea }
    }
}

fn fees(discount: i64) -> Vec<FeeLine> {
    let line = |kind, amount| FeeLine { kind, amount: crate::Fen(amount) };
    vec![line(FeeKind::Freight, 1_200), line(FeeKind::Discount, -discount)]
}

fn collected(insured: bool) -> ParcelCollected {
    ParcelCollected {
        order: order(),
        sender: vault(1),
        recipient: vault(2),
        goods: GoodsFlags::default(),
        weight_g: Some(900),
        insured: insured.then_some(crate::Fen(100)),
        fees: fees(200),
        total: crate::Fen(1_000),
        promise_ms: None,
    }
}

fn answers(a: u8) -> PickupAnswers {
    PickupAnswers {
        item: (!a.is_multiple_of(9)).then_some(ItemKind::Goods),
        weight_g: Some(u32::from(a % 7) * 100),
        insured: Some(InsuredNeed::Wanted(crate::Fen(i64::from(a)))),
        packing: Some(if a.is_multiple_of(11) { Packing::Refused } else { Packing::Fit }),
        face_to_face: Some(true),
        name_matches: Some(true),
        goods: Some(if a.is_multiple_of(5) {
            GoodsCheck::Listed { code: "EXPLOSIVES".into(), rule_followed: false }
        } else {
            GoodsCheck::Ordinary
        }),
        quantity: Some(1),
        state: Some(GoodsState::Clean),
    }
}

fn pickup_fact(kind: u8, a: u8, b: u8) -> Fact {
    match kind % 8 {
        0 => PickupAnnounced {
            station: station(),
            source: OrderSource::App,
            sender: vault(a),
            contents: None,
            quantity: 1,
            goods: GoodsFlags::default(),
            from_ms: i64::from(a),
            to_ms: i64::from(b),
        }
        .into(),
        1 => PickupAssigned { courier: courier(COURIERS[usize::from(a) % 3]) }.into(),
        2 => PickupScheduled { from_ms: 1, to_ms: 2, channel: Channel::Phone }.into(),
        3 => PickupDelayTold {
            reason: LateReason::Traffic,
            eta_ms: i64::from(b),
            channel: Channel::Phone,
        }
        .into(),
        4 | 5 => {
            PickupInspected { answers: answers(a), listed: None, anomaly: None, photo: None }.into()
        }
        6 => CollectionRefused { reason: CollectionRefusal::SenderAbsent, note: None }.into(),
        _ => PickupCompleted { waybill: waybill() }.into(),
    }
}

/// A fact of the work on a case.
fn work_fact(kind: u8, a: u8, b: u8) -> Fact {
    let promise = if a.is_multiple_of(2) { Promised::BringParcel } else { Promised::CallBack };
    match kind % 12 {
        0 => DutyExcused { duty: CaseDuty::Show(Shown::Label), reason: vault(1) }.into(),
        1 => PartyNotified { party: CaseParty::Sender, channel: Channel::Phone }.into(),
        2 => PromiseMade { promise, until_ms: i64::from(b) }.into(),
        3 => PromiseKept { promise }.into(),
        4 => MisdeliveryStepTaken { step: MisdeliveryStep::TakerAgreed }.into(),
        5 => ErrorAnalysisReported {
            what: vault(1),
            why: vault(2),
            remedy: vault(3),
            second_address_check: true,
        }
        .into(),
        6 => ClaimConsentRecorded { agreed: a > 100, channel: Channel::Phone }.into(),
        7 => ParticipantAdded { courier: courier(COURIERS[usize::from(a) % 3]) }.into(),
        8 => ProgressNoted { note: vault(a) }.into(),
        9 => ExceptionEscalated { reason: vault(a) }.into(),
        10 => ExceptionClosed {}.into(),
        _ => ExceptionReopened { owner: clerk(), next_action_ms: i64::from(b), reason: vault(a) }
            .into(),
    }
}

fn case_fact(kind: u8, a: u8, b: u8) -> Fact {
    let mut evidence = photo();
    evidence.id = crate::id::EvidenceId(Uuid::from_u128(u128::from(a)));
    match kind % 11 {
        0 => ExceptionReported {
            kind: ExceptionKind::Damage,
            waybill: Some(waybill()),
            about: None,
            evidence: vec![evidence],
            shows: vec![Shown::Label],
            note: None,
        }
        .into(),
        1 => EvidenceAdded { evidence, shows: None }.into(),
        2 => ExceptionAcknowledged { owner: clerk(), next_action_ms: i64::from(b) }.into(),
        3 => ExceptionDecided { decision: Decision::Hold, note: None }.into(),
        4 => ExceptionResolved { cause: Cause::Unknown }.into(),
        5 => ExceptionVoided {}.into(),
        6 => RecoveryRequested {
            waybill: waybill(),
            delivered: event_id(a),
            urgent: b.is_multiple_of(2),
            case: case(),
        }
        .into(),
        7 => ComplaintReceived {
            waybill: waybill(),
            complainant: vault(1),
            demand: vault(2),
            source: ComplaintSource::Hotline,
            class: ComplaintClass::Attitude,
            about: Some(courier(COURIERS[usize::from(a) % 3])),
        }
        .into(),
        8 => OwnerTaken { owner: Actor::Courier(courier(COURIERS[usize::from(a) % 3])) }.into(),
        9 => {
            CustomerFirstContacted { channel: Channel::Phone, reached: b.is_multiple_of(2) }.into()
        }
        _ => ComplaintClosed { outcome: vault(3) }.into(),
    }
}

pub(super) fn lane_of(which: u8) -> Lane {
    match which % 10 {
        0 | 8 => Lane::Exception(case()),
        9 => pickup_lane(),
        1 => complaint_lane(),
        2 => Lane::Station(station()),
        _ => parcel_lane(),
    }
}

/// An event of a lane by chance: any kind, by anybody, having seen anything.
pub(super) fn event(lane: &Lane, n: u8, (kind, a, b, who, seen): (u8, u8, u8, u8, u8)) -> Event {
    let actor = match who % 4 {
        3 => Actor::Clerk(clerk()),
        who => Actor::Courier(courier(COURIERS[usize::from(who)])),
    };
    let fact = match (kind, lane) {
        (250.., _) => Fact::Unknown { kind: "ParcelFlown".into(), v: 1, data: "{}".into() },
        (240..250, _) => {
            let reason = match b % 2 {
                0 => CorrectionReason::DidNotOccur,
                _ => CorrectionReason::IncorrectData,
            };
            CorrectionDeclared { event: event_id(a % 50), reason, note: vault(1) }.into()
        }
        (235..240, Lane::Parcel(_)) => case_fact(kind, a, b),
        (235..240, _) | (_, Lane::Parcel(_)) => parcel_fact(kind, a, b),
        (_, Lane::Pickup(_)) => pickup_fact(kind, a, b),
        (120..235, Lane::Exception(_)) => work_fact(kind, a, b),
        _ => case_fact(kind, a, b),
    };
    Event {
        envelope: Envelope {
            id: event_id(n),
            lane: lane.clone(),
            device: DeviceId(Uuid::from_u128(u128::from(who % 4))),
            actor,
            at: moment(i64::from(b)),
            boot: None,
            place: None,
            seen: u64::from(seen % 50),
            policy: 1,
            epoch: None,
            group: None,
            against: None,
            late: None,
            must_understand: kind == 255,
        },
        fact,
    }
}

prop_compose! {
    pub(super) fn any_events()(which: u8, dice in prop::collection::vec(any::<(u8, u8, u8, u8, u8)>(), 0..50))
        -> (Lane, Vec<Event>)
    {
        let lane = lane_of(which);
        let events = (0u8..).zip(dice).map(|(n, dice)| event(&lane, n, dice)).collect();
        (lane, events)
    }
}

/// How many numbers [`command`] knows.
pub(super) const COMMANDS: u8 = 53;

/// A command about the parcel's persons.
pub(super) fn person_command(a: u8) -> Command {
    if a < 80 {
        let (party, reason) = (Party::Recipient, RevealReason::Call);
        return Command::Reveal { waybill: waybill(), party, reason, note: None };
    }
    let (party, reason) = (Party::Sender, ErasureReason::Asked);
    Command::ErasePerson { lane: parcel_lane(), party, reason }
}

/// A command by number, on the one parcel and the one case of these tests.
pub(super) fn command(kind: u8, a: u8, b: u8) -> Command {
    let (waybill, yes) = (waybill(), b.is_multiple_of(2));
    let channel = if yes { Channel::Phone } else { Channel::Sms };
    let soon = MORNING_MS + 10_000_000;
    let site = site(if a < 160 { "YZ-1" } else { ["LK-1", "NP", "GATE"][usize::from(a) % 3] });
    let to = courier(if a < 200 { "A" } else { "B" });
    match kind % COMMANDS {
        52 => send_notice(a, b),
        n @ 49.. => custody_command(n, a, b),
        n @ 38.. => delivery_command(n, a, b),
        0 => Command::ReconcileManifest {
            manifest: ManifestId(Uuid::nil()),
            expected: vec![waybill.clone()],
            scanned: vec![waybill],
            damaged: Vec::new(),
        },
        1 | 2 => Command::TakeOut { waybills: vec![waybill] },
        3 if a < 140 => person_command(a),
        3 => Command::Contact { waybill, channel, party: Party::Recipient, reached: yes },
        5 | 6 => Command::Deliver {
            waybill,
            method: HandoverMethod::FaceToFace,
            taker: None,
            identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
            address_checked: true,
            inspection: Inspection::Declined,
            proof: if yes {
                Vec::new()
            } else {
                vec![ProofItem { kind: ProofKind::Pin, evidence: None }]
            },
        },
        7 => Command::FailAttempt { waybill, cause: AttemptFailure::Absent },
        8 => Command::ScheduleRedelivery { waybill, from_ms: soon, to_ms: soon + 1, channel },
        9 => Command::Refuse { waybill, class: RefusalClass::Goods, reason: None },
        10 => Command::StartReturn { waybill },
        11 => Command::AskConsent { waybill, channel, site },
        12 | 13 => Command::RecordConsent {
            waybill,
            given_by: if a > 240 { ConsentGiver::Courier } else { ConsentGiver::Recipient },
            site,
            until_ms: soon,
            liability: Liability::Site,
            channel,
            evidence: None,
        },
        14 => Command::DeclineStorage { waybill, channel },
        15 => Command::RevokeConsent { waybill },
        16 | 17 => store_command(site, a, b),
        18 => Command::PickUp { waybill, scanned: yes, code: yes.then(|| "1234".into()) },
        19 => Command::Retrieve { waybill, scanned: yes },
        20 => Command::ReportException {
            case: case(),
            kind: if yes { ExceptionKind::ProhibitedFound } else { ExceptionKind::Delay },
            waybill: Some(waybill),
            evidence: Vec::new(),
            shows: Vec::new(),
            note: None,
        },
        21 => Command::AddEvidence { case: case(), evidence: photo(), shows: None },
        22 => Command::ReceiveComplaint {
            case: case(),
            waybill,
            complainant: person(),
            demand: "money back".into(),
            source: ComplaintSource::Customer,
            class: ComplaintClass::Delay,
            about: None,
        },
        23 => Command::ContactCustomer { case: case(), channel, reached: yes },
        24 | 25 => Command::Assign { waybill, courier: to },
        // Rarely, as little goes on after them.
        26 if a < 60 => Command::Freeze { waybill, reason: FreezeReason::Authority },
        26 | 27 => Command::Release { waybill },
        28 if a < 60 => Command::Recall { waybill, safety: yes },
        29 if a < 60 => Command::AuthoriseReturn { waybill },
        4 | 28 | 29 => Command::Arrive { waybill },
        30 => Command::Acknowledge { case: case(), owner: clerk(), next_action_ms: soon },
        31 => Command::TakeComplaint { case: case() },
        32 => Command::RuleConflict {
            waybill,
            conflict: event_id(a),
            stands: event_id(b),
            note: String::new(),
        },
        34 => Command::ExtendStorage { waybill, collect_before_ms: soon + i64::from(a) },
        35 if a < 100 => {
            Command::CorrectSlot { waybill, slot: slot(if yes { "A-1" } else { "A-2" }) }
        }
        35 => Command::ReplaceCode { waybill, code: yes.then(|| "4321".into()) },
        36 => Command::HandBack { waybill, scanned: yes },
        37 => Command::ExpireStorage { waybill },
        _ => Command::Correct {
            lane: parcel_lane(),
            event: event_id(a),
            reason: CorrectionReason::IncorrectData,
            note: String::new(),
        },
    }
}

/// Storing, mostly without a slot where there are none.
fn store_command(site: SiteId, a: u8, b: u8) -> Command {
    Command::Store {
        waybill: waybill(),
        slot: some_slot(b).filter(|_| site.as_str() == "LK-1" || a < 20),
        site,
        collect_before_ms: MORNING_MS + 10_000_000,
        code: b.is_multiple_of(2).then(|| "1234".into()),
        photo: None,
    }
}

/// A notice for the hub to send.
fn send_notice(a: u8, b: u8) -> Command {
    let yes = b.is_multiple_of(2);
    Command::SendNotice {
        waybill: waybill(),
        to: if yes { Party::Recipient } else { Party::Sender },
        channel: if yes { Channel::App } else { Channel::Sms },
        template: if a < 128 { "T01.1" } else { "T05.1" }.into(),
        text: "we come again at noon".into(),
    }
}

/// The commands of custody.
fn custody_command(number: u8, a: u8, b: u8) -> Command {
    let (waybill, yes) = (waybill(), b.is_multiple_of(2));
    let to = courier(if a < 200 { "A" } else { "B" });
    match number {
        49 => Command::OfferCustody {
            transfer: transfer(a),
            waybills: vec![waybill],
            to,
            until_ms: MORNING_MS + 10_000_000,
        },
        50 => Command::HandIn { waybills: vec![waybill] },
        _ => Command::CloseShift {
            had: vec![waybill.clone()],
            counted: if yes { vec![waybill] } else { Vec::new() },
        },
    }
}

/// The commands of wishes, delays, forms and batches.
fn delivery_command(number: u8, a: u8, b: u8) -> Command {
    let (waybill, yes) = (waybill(), b.is_multiple_of(2));
    let channel = if yes { Channel::Phone } else { Channel::Sms };
    let soon = MORNING_MS + 10_000_000;
    match number {
        38 => Command::SetPreference {
            waybill,
            wish: wish(b),
            place: Some("the green cupboard".into()),
            said_by: if a > 240 { ConsentGiver::Courier } else { ConsentGiver::Recipient },
            channel,
            evidence: None,
        },
        39 => Command::RequestRedirect { waybill, to: person(), channel },
        40 | 41 => Command::AnswerRedirect { waybill, reply: reply(yes), reason: None },
        42 => Command::OfferAppointment { waybill, from_ms: soon, to_ms: soon + 1, channel },
        43 => Command::LogStationCall { waybill, channel },
        44 => Command::NotifyDelay {
            waybill,
            cause: DelayCause::TrafficControl,
            position: yes.then(|| "on the bridge".into()),
            eta_ms: soon,
            channel,
        },
        45 => Command::SignReceiptForm { waybill, clear: yes, photo: Some(photo()) },
        46 => Command::HandInReceiptForm { waybill },
        47 => Command::StoreMany {
            parcels: vec![ToStore { waybill, code: None, slot: None }],
            site: site("YZ-1"),
            collect_before_ms: soon,
            photo: None,
        },
        _ => Command::CompleteReturn { waybill },
    }
}

/// A command by number about one pick-up order, or a clerk's if the second is so.
pub(super) fn pickup_command(kind: u8, a: u8, b: u8) -> (Command, bool) {
    let soon = MORNING_MS + 10_000_000;
    let channel = Channel::Phone;
    let (from_ms, to_ms) = (soon, soon + i64::from(a));
    match kind % 10 {
        0 => (
            Command::AnnouncePickup {
                order: order(),
                source: OrderSource::Phone,
                sender: person(),
                contents: None,
                quantity: 1,
                goods: GoodsFlags::default(),
                from_ms,
                to_ms,
            },
            true,
        ),
        1 => (Command::AssignPickup { order: order(), courier: courier("A") }, true),
        2 => (Command::SchedulePickup { order: order(), from_ms, to_ms, channel }, false),
        3 => {
            let reason = LateReason::Weather;
            (Command::TellPickupDelay { order: order(), reason, eta_ms: soon, channel }, false)
        }
        4..=6 => {
            let answers = answers(a);
            (Command::InspectPickup { order: order(), answers, anomaly: None, photo: None }, false)
        }
        7 | 8 => (
            Command::CollectParcel {
                order: order(),
                waybill: waybill(),
                sender: person(),
                recipient: person(),
                fees: fees(i64::from(a)),
                total: crate::Fen(1_200 - i64::from(if b < 200 { a } else { b })),
                promise_ms: None,
            },
            false,
        ),
        _ => {
            let reason = CollectionRefusal::Cancelled;
            (Command::RefuseCollection { order: order(), reason, note: None }, b < 60)
        }
    }
}

/// A command by number about one case, and whether it is a clerk's.
pub(super) fn case_command(kind: u8, a: u8, b: u8) -> (Command, bool) {
    let (case, soon, channel) = (case(), MORNING_MS + 10_000_000, Channel::Phone);
    let words = || if a > 20 { "found it".to_owned() } else { " ".to_owned() };
    let step = [
        MisdeliveryStep::RecipientContacted,
        MisdeliveryStep::TakerAgreed,
        MisdeliveryStep::BroughtInPerson,
        MisdeliveryStep::FollowedUp,
    ][usize::from(a) % 4];
    match kind % 21 {
        0 | 1 => {
            let kind = if b < 60 { ExceptionKind::Damage } else { ExceptionKind::Misdelivery };
            (
                Command::ReportException {
                    case,
                    kind,
                    waybill: Some(waybill()),
                    evidence: vec![photo()],
                    shows: vec![Shown::Place],
                    note: None,
                },
                false,
            )
        }
        2 => (
            Command::ReportDoorDamage {
                waybill: waybill(),
                case,
                evidence: vec![photo()],
                shows: vec![Shown::OuterBox],
                wants: if b < 120 { DoorWish::Accepts } else { DoorWish::Refuses },
                identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
                address_checked: true,
                proof: vec![ProofItem { kind: ProofKind::Pin, evidence: None }],
                note: Some(words()),
            },
            false,
        ),
        3 | 4 => (Command::Acknowledge { case, owner: clerk(), next_action_ms: soon }, true),
        5 | 6 => (Command::DecideException { case, decision: Decision::Hold, note: None }, true),
        7 | 8 => (Command::ResolveException { case, cause: Cause::Courier }, true),
        9 => {
            let duty = [
                CaseDuty::Show(Shown::Label),
                CaseDuty::Notify(CaseParty::WrongTaker),
                CaseDuty::Promise,
                CaseDuty::ErrorAnalysis,
            ][usize::from(b) % 4];
            (Command::ExcuseDuty { case, duty, reason: words() }, false)
        }
        10 => (Command::NotifyParty { case, party: CaseParty::Recipient, channel }, b < 100),
        11 => {
            let promise = Promised::BringParcel;
            (Command::MakePromise { case, promise, until_ms: soon + i64::from(b) }, false)
        }
        12 => (Command::KeepPromise { case, promise: Promised::BringParcel }, false),
        13 => (Command::TakeMisdeliveryStep { case, step }, b < 100),
        14 => (
            Command::ReportErrorAnalysis {
                case,
                what: words(),
                why: words(),
                remedy: words(),
                second_address_check: true,
            },
            false,
        ),
        15 => (Command::RecordClaimConsent { case, agreed: b < 100, channel }, false),
        16 => (Command::AddParticipant { case, courier: courier("B") }, true),
        17 => (Command::NoteProgress { case, note: words() }, b < 100),
        18 => (Command::EscalateException { case, reason: words() }, false),
        19 => (Command::CloseException { case }, true),
        _ => (
            Command::ReopenException {
                case,
                owner: clerk(),
                next_action_ms: soon,
                reason: words(),
            },
            true,
        ),
    }
}
