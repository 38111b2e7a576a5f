//! What couriers and clerks do in a simulated day: plausible for the most part, at times absurd.

use fastrand::Rng;
use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::{
    AttemptFailure, Channel, HandoverMethod, IdentityCheck, IdentityMethod, Inspection, Party,
    ProofItem, ProofKind, RefusalClass,
};
use lastmile_core::event::{CorrectionReason, Lane};
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::exception_report::{Cause, Decision, ExceptionKind};
use lastmile_core::id::{CaseId, ClerkNo, CourierNo, EventId, ManifestId, SiteId};
use lastmile_core::parcel::FreezeReason;
use lastmile_core::privacy::Person;
use lastmile_core::temporary_storage::{ConsentGiver, Liability};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Result};
use serde_json::{Value, json};

#[allow(unused_imports, reason = "today's library has all of it")]
use crate::world::Later as _;

/// A word that stands in every free text and every name of a simulated day. It must never be found
/// outside the vault.
pub const PLANTED: &str = "Planted-Person-7Q";

/// One of `items`.
pub fn one_of<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

/// A person invented by chance.
pub fn person(rng: &mut Rng) -> Person {
    Person {
        name: format!("{PLANTED} {}", rng.u32(..)),
        phone: format!("139{:08}", rng.u32(..100_000_000)),
        address: format!("{PLANTED} Road {}", rng.u32(..500)),
        lng: Some(126.5 + rng.f64() / 10.0),
        lat: Some(43.8 + rng.f64() / 10.0),
    }
}

/// The morning's list: every parcel with invented persons and the courier who is to bring it; a few
/// are for the door only.
pub fn manifest(rng: &mut Rng, waybills: &[Waybill], couriers: &[CourierNo]) -> Value {
    let parcels = waybills.iter().map(|waybill| {
        json!({
            "waybill": waybill, "recipient": person(rng), "sender": person(rng), "freight": 1200,
            "goods": { "door_only": rng.u8(..10) == 0 }, "courier": couriers[rng.usize(..couriers.len())],
        })
    });
    json!({ "parcels": parcels.collect::<Vec<_>>() })
}

/// A photo of a few hundred to a few thousand bytes.
pub fn photo(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0u8; rng.usize(200..3000)];
    rng.fill(&mut bytes);
    bytes[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
    bytes
}

fn channel(rng: &mut Rng) -> Channel {
    one_of(rng, &[Channel::Phone, Channel::Sms, Channel::App])
}

/// What a courier might know while he decides what to do next.
pub struct Day<'a> {
    /// All parcels of the world, announced or not.
    pub waybills: &'a [Waybill],
    /// Exception cases opened so far.
    pub exceptions: &'a [CaseId],
    /// Complaints received so far.
    pub complaints: &'a [CaseId],
    /// The sites.
    pub sites: &'a [SiteId],
}

/// Chooses a courier's next act. May capture a photo first, as an app would.
pub fn courier_act(rng: &mut Rng, courier: &mut Courier, day: &Day) -> Result<Command> {
    // Mostly a parcel of today's list, at times any parcel at all.
    let stops = courier.stops()?;
    let waybill = if stops.is_empty() || rng.u8(..10) == 0 {
        day.waybills[rng.usize(..day.waybills.len())].clone()
    } else {
        stops[rng.usize(..stops.len())].waybill.clone()
    };
    let now = courier.now().ms;
    let site = day.sites[rng.usize(..day.sites.len())].clone();
    let parcel = courier.parcel(&waybill)?;
    let out = parcel.as_ref().is_some_and(|parcel| parcel.held_by(&courier.identity().courier));
    let expected: Vec<_> = stops
        .iter()
        .filter(|stop| stop.stage == "announced")
        .map(|stop| stop.waybill.clone())
        .collect();
    Ok(match rng.u8(..100) {
        0..40 if !expected.is_empty() && rng.bool() => Command::ReconcileManifest {
            manifest: ManifestId(uuid::Uuid::from_u128(rng.u128(..))),
            scanned: expected.iter().skip(rng.usize(..2)).cloned().collect(),
            damaged: expected.iter().skip(1).take(rng.usize(..2)).cloned().collect(),
            expected,
        },
        0..34 if !out => Command::TakeOut { waybills: vec![waybill] },
        0..34 => deliver(rng, courier, waybill)?,
        34..42 => Command::Contact {
            waybill,
            channel: channel(rng),
            party: Party::Recipient,
            reached: rng.bool(),
        },
        42..46 => Command::Arrive { waybill },
        46..52 => Command::FailAttempt {
            waybill,
            cause: one_of(
                rng,
                &[AttemptFailure::Absent, AttemptFailure::BadAddress, AttemptFailure::NoAccess],
            ),
        },
        52..55 => Command::ScheduleRedelivery {
            waybill,
            from_ms: now + 3_600_000,
            to_ms: now + 7_200_000,
            channel: channel(rng),
        },
        55..62 => Command::RecordConsent {
            waybill,
            given_by: if rng.u8(..8) == 0 {
                ConsentGiver::Courier
            } else {
                ConsentGiver::Recipient
            },
            site,
            until_ms: now + 86_400_000,
            liability: Liability::Company,
            channel: channel(rng),
            evidence: None,
        },
        62..70 => Command::Store {
            waybill,
            site,
            collect_before_ms: now + 80_000_000,
            code: Some(format!("{PLANTED}-{}", rng.u16(..))),
            photo: None,
            slot: None,
        },
        70..72 => Command::PickUp { waybill, scanned: rng.bool(), code: None },
        72..74 => Command::Retrieve { waybill, scanned: rng.bool() },
        74..76 => Command::RevokeConsent { waybill },
        76..79 => Command::Refuse {
            waybill,
            class: RefusalClass::Goods,
            reason: Some(format!("{PLANTED} does not want it")),
        },
        79..81 => Command::StartReturn { waybill },
        81..88 => report(rng, courier, waybill)?,
        88..91 => match pick(rng, day.exceptions) {
            Some(case) => {
                let evidence = capture(rng, courier, &Lane::Exception(case))?;
                Command::AddEvidence { case, evidence, shows: None }
            }
            None => Command::Arrive { waybill },
        },
        91..95 => Command::ReceiveComplaint {
            case: courier.new_case(),
            waybill,
            complainant: person(rng),
            demand: format!("{PLANTED} wants it today"),
            source: ComplaintSource::Customer,
            class: one_of(rng, &[ComplaintClass::Delay, ComplaintClass::Attitude]),
            about: rng.bool().then(|| courier.identity().courier.clone()),
        },
        95..97 => match pick(rng, day.complaints) {
            Some(case) => {
                Command::ContactCustomer { case, channel: channel(rng), reached: rng.bool() }
            }
            None => Command::Arrive { waybill },
        },
        _ => correction(rng, courier, waybill)?,
    })
}

fn pick(rng: &mut Rng, cases: &[CaseId]) -> Option<CaseId> {
    (!cases.is_empty()).then(|| cases[rng.usize(..cases.len())])
}

fn capture(rng: &mut Rng, courier: &mut Courier, lane: &Lane) -> Result<EvidenceRef> {
    let photo = photo(rng);
    let item = courier.capture_bytes(lane, &photo, MediaSource::Camera)?;
    if rng.bool() {
        courier.add_preview(item.id, &photo[..photo.len() / 4])?;
    }
    Ok(item)
}

fn deliver(rng: &mut Rng, courier: &mut Courier, waybill: Waybill) -> Result<Command> {
    let proof = match rng.u8(..6) {
        0 => Vec::new(),
        1..4 => vec![ProofItem { kind: ProofKind::Pin, evidence: None }],
        _ => {
            let evidence = capture(rng, courier, &Lane::Parcel(waybill.clone()))?;
            vec![ProofItem { kind: ProofKind::Photo, evidence: Some(evidence) }]
        }
    };
    Ok(Command::Deliver {
        waybill,
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
        address_checked: rng.u8(..20) > 0,
        inspection: Inspection::Declined,
        proof,
    })
}

fn report(rng: &mut Rng, courier: &mut Courier, waybill: Waybill) -> Result<Command> {
    let case = courier.new_case();
    let evidence = match rng.u8(..3) {
        0 => Vec::new(),
        _ => vec![capture(rng, courier, &Lane::Exception(case))?],
    };
    Ok(Command::ReportException {
        case,
        kind: one_of(
            rng,
            &[ExceptionKind::Damage, ExceptionKind::ProhibitedFound, ExceptionKind::Delay],
        ),
        waybill: Some(waybill),
        evidence,
        shows: Vec::new(),
        note: Some(format!("{PLANTED} saw it")),
    })
}

fn correction(rng: &mut Rng, courier: &mut Courier, waybill: Waybill) -> Result<Command> {
    let lane = Lane::Parcel(waybill);
    let history = courier.history(&lane)?;
    let event = match history.len() {
        0 => EventId(uuid::Uuid::from_u128(rng.u128(..))),
        len => history[rng.usize(..len)].event,
    };
    Ok(Command::Correct {
        lane,
        event,
        reason: one_of(rng, &[CorrectionReason::DidNotOccur, CorrectionReason::IncorrectData]),
        note: format!("{PLANTED} was wrong"),
    })
}

/// Chooses a clerk's next act.
pub fn clerk_act(rng: &mut Rng, day: &Day, couriers: &[CourierNo], now_ms: i64) -> Command {
    let waybill = day.waybills[rng.usize(..day.waybills.len())].clone();
    let owner = ClerkNo::new("clerk-1").expect("a plain number");
    let exception = pick(rng, day.exceptions);
    let complaint = pick(rng, day.complaints);
    match (rng.u8(..100), exception, complaint) {
        (0..45, ..) => {
            let courier = couriers[rng.usize(..couriers.len())].clone();
            Command::Assign { waybill, courier }
        }
        (45..52, ..) => Command::Recall { waybill, safety: rng.u8(..4) == 0 },
        (52..57, ..) => Command::Freeze { waybill, reason: FreezeReason::Authority },
        (57..66, ..) => Command::Release { waybill },
        (66..74, ..) => Command::AuthoriseReturn { waybill },
        (74..80, Some(case), _) => {
            Command::Acknowledge { case, owner, next_action_ms: now_ms + 3_600_000 }
        }
        (80..85, Some(case), _) => Command::DecideException {
            case,
            decision: Decision::Redeliver,
            note: Some(format!("{PLANTED} decides")),
        },
        (85..88, Some(case), _) => Command::ResolveException { case, cause: Cause::Unknown },
        (88..90, Some(case), _) => Command::VoidException { case },
        (90..95, _, Some(case)) => Command::TakeComplaint { case },
        (95..97, _, Some(case)) => {
            Command::CloseComplaint { case, outcome: format!("{PLANTED} is content") }
        }
        _ => Command::Recall { waybill, safety: false },
    }
}
