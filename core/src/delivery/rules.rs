//! What may be done at the door.

use super::{
    AppointmentOffered, AttemptFailure, DelayNotified, DeliveredHow, HandoverMethod,
    IdentityMethod, Inspection, ParcelDelivered, ProofKind, ReceiptFormSigned, RedeliveryScheduled,
    Unreachable, unreachable,
};
use crate::decide::Circumstances;
use crate::parcel::{Holder, Parcel, Stage, rules as parcel_rules};
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::temporary_storage::rules::place_agreed;

use parcel_rules::{concerns, in_your_hands, may_go_on, not_given_away, station_only, still_open};

/// Calling or writing to a person of the waybill. Words move nothing, so that a stopped or
/// recalled parcel does not forbid them.
pub(crate) fn may_contact(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)
}

/// Standing at the address.
pub(crate) fn may_arrive(parcel: &Parcel, at: &Circumstances) -> Verdict {
    parcel_rules::courier(at)?;
    may_go_on(parcel)?;
    in_your_hands(parcel, at)
}

/// Handing over: whose parcel it is, then the label, the taker, the inspection, the proof.
pub(crate) fn may_deliver(parcel: &Parcel, fact: &ParcelDelivered, at: &Circumstances) -> Verdict {
    parcel_rules::courier(at)?;
    may_go_on(parcel)?;
    in_your_hands(parcel, at)?;
    refuse_if(!fact.address_checked, Refusal::AddressNotChecked)?;
    match fact.method {
        HandoverMethod::FaceToFace | HandoverMethod::Agent => {
            let nobody = fact.identity.method == IdentityMethod::NotPresent;
            refuse_if(nobody, Refusal::IdentityNotForMethod)?;
            refuse_if(!fact.identity.matched, Refusal::IdentityNotMatched)?;
            let not_offered = fact.inspection == Inspection::NotPresent;
            refuse_if(not_offered, Refusal::InspectionNotForMethod)?;
            let unnamed = fact.method == HandoverMethod::Agent && fact.taker.is_none();
            refuse_if(unnamed, Refusal::TakerMissing)?;
        }
        HandoverMethod::NamedPlace => {
            refuse_if(parcel.goods.door_only, Refusal::DoorOnly)?;
            refuse_if(fact.taker.is_none(), Refusal::TakerMissing)?;
            refuse_if(!place_agreed(parcel, at), Refusal::PlaceWithoutConsent)?;
            let somebody = fact.identity.method != IdentityMethod::NotPresent;
            refuse_if(somebody, Refusal::IdentityNotForMethod)?;
            let inspected = fact.inspection != Inspection::NotPresent;
            refuse_if(inspected, Refusal::InspectionNotForMethod)?;
        }
    }
    proof_suffices(parcel, fact, at)?;
    let unsigned = parcel.goods.receipt_form && parcel.delivery.receipt_form.is_none();
    refuse_if(unsigned, Refusal::ReceiptFormOwed)
}

/// The proof that the policy in force asks for (C4.6, C4.7).
fn proof_suffices(parcel: &Parcel, fact: &ParcelDelivered, at: &Circumstances) -> Verdict {
    let present = |kind: ProofKind| fact.proof.iter().any(|item| item.kind == kind);
    if fact.method == HandoverMethod::NamedPlace {
        let by_nobody = present(ProofKind::Pin) || present(ProofKind::IdCheck);
        refuse_if(by_nobody, Refusal::ProofNotForMethod)?;
    }
    let without_file = fact.proof.iter().any(|item| {
        matches!(item.kind, ProofKind::Photo | ProofKind::Signature) && item.evidence.is_none()
    });
    refuse_if(without_file, Refusal::ProofWithoutFile)?;
    // An ID check counts when the identity check was one.
    let counts = |kind: ProofKind| {
        present(kind)
            && (kind != ProofKind::IdCheck || fact.identity.method == IdentityMethod::IdCard)
    };
    let proofs = at.policy.proofs(fact.method, parcel.goods.valuable);
    refuse_if(!proofs.satisfied_by(counts), Refusal::ProofMissing)
}

/// A failed attempt. A bad address needs tries on several channels first (M45). A recall does not
/// forbid it: the parcel is coming back.
pub(crate) fn may_fail_attempt(
    parcel: &Parcel,
    cause: AttemptFailure,
    at: &Circumstances,
) -> Verdict {
    parcel_rules::courier(at)?;
    still_open(parcel)?;
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)?;
    in_your_hands(parcel, at)?;
    let needed = at.policy.contact_channels_bad_address as usize;
    let too_few = parcel.delivery.channels_tried() < needed;
    refuse_if(cause == AttemptFailure::BadAddress && too_few, Refusal::ContactFirst)
}

/// Agreeing on a second delivery: the courier concerned, or a clerk whom the recipient called.
pub(crate) fn may_schedule(
    parcel: &Parcel,
    fact: &RedeliveryScheduled,
    at: &Circumstances,
) -> Verdict {
    a_second_delivery(parcel, fact.from_ms, fact.to_ms, at)
}

/// Offering a second delivery (M29): the same, before the recipient has answered.
pub(crate) fn may_offer(parcel: &Parcel, fact: &AppointmentOffered, at: &Circumstances) -> Verdict {
    a_second_delivery(parcel, fact.from_ms, fact.to_ms, at)
}

fn a_second_delivery(parcel: &Parcel, from_ms: i64, to_ms: i64, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    // After the free attempts the station decides; its own appointment is its decision.
    let used_up = at.policy.attempt_limit.is_some_and(|limit| parcel.delivery.attempts >= limit);
    refuse_if(used_up && at.actor.courier().is_some(), Refusal::AttemptsUsedUp)?;
    refuse_if(parcel.stage == Stage::RefusedHeld, Refusal::RefusalPending)?;
    refuse_if(parcel.stage == Stage::ReturnAuthorised, Refusal::AlreadyReturned)?;
    refuse_if(to_ms <= from_ms || to_ms <= at.now.ms, Refusal::AppointmentNotPossible)
}

/// Tells whether the recipient counts as unreachable, so that the sender's word decides (art. 33).
pub(crate) fn is_unreachable(parcel: &Parcel, at: &Circumstances) -> bool {
    matches!(unreachable(parcel, at.policy, &at.now), Unreachable::Since { .. })
}

/// The recipient refuses it.
pub(crate) fn may_refuse(parcel: &Parcel, at: &Circumstances) -> Verdict {
    parcel_rules::courier(at)?;
    still_open(parcel)?;
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)?;
    in_your_hands(parcel, at)
}

/// Allowing the return: the station alone (C4.4).
pub(crate) fn may_authorise_return(parcel: &Parcel, at: &Circumstances) -> Verdict {
    station_only(at)?;
    concerns(parcel, at)?;
    still_open(parcel)?;
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)?;
    refuse_if(parcel.delivery.return_authorised.is_some(), Refusal::AlreadyAuthorised)?;
    // Because nobody was there: not before he counts as unreachable. A refusal or the sender's own
    // recall is a reason of its own.
    let task = &parcel.delivery;
    let absent = task.last_attempt.as_ref().is_some_and(|a| a.cause == AttemptFailure::Absent);
    let only_absent = absent && task.refusal.is_none() && parcel.recalled.is_none();
    refuse_if(only_absent && !is_unreachable(parcel, at), Refusal::NotUnreachable)
}

/// The sender has it again: the station says so of a parcel that is on its way back.
pub(crate) fn may_complete_return(parcel: &Parcel, at: &Circumstances) -> Verdict {
    station_only(at)?;
    concerns(parcel, at)?;
    if parcel.stage != Stage::Returning {
        still_open(parcel)?;
        return Err(Refusal::ReturnNotStarted);
    }
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)
}

/// Telling the station by phone: the courier who has it or is to deliver it.
pub(crate) fn may_call_station(parcel: &Parcel, at: &Circumstances) -> Verdict {
    parcel_rules::courier(at)?;
    concerns(parcel, at)
}

/// Telling the customer of a delay: of a parcel still to come, with a time to come.
pub(crate) fn may_notify_delay(
    parcel: &Parcel,
    fact: &DelayNotified,
    at: &Circumstances,
) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)?;
    refuse_if(fact.eta_ms <= at.now.ms, Refusal::EtaPast)
}

/// Having the sender's form signed: by who has the parcel in his hands or has just handed it over.
pub(crate) fn may_sign_form(
    parcel: &Parcel,
    fact: &ReceiptFormSigned,
    at: &Circumstances,
) -> Verdict {
    let courier = parcel_rules::courier(at)?;
    let handed_over = parcel.delivered().is_some_and(|delivered| {
        delivered.actor == *at.actor && matches!(delivered.how, DeliveredHow::Handover(_))
    });
    refuse_if(!handed_over && !parcel.held_by(courier), Refusal::NotHeldByYou)?;
    let form = parcel.delivery.receipt_form.as_ref();
    let done = form.is_some_and(|form| form.clear || form.handed_in_at.is_some());
    refuse_if(done, Refusal::ReceiptFormAlreadySigned)?;
    refuse_if(fact.photo.is_none(), Refusal::ReceiptFormPhotoMissing)?;
    refuse_if(!fact.clear, Refusal::ReceiptFormUnclear)
}

/// Handing the form in: who had it signed, or the clerk who takes it.
pub(crate) fn may_hand_in_form(parcel: &Parcel, at: &Circumstances) -> Verdict {
    let form = parcel.delivery.receipt_form.as_ref().ok_or(Refusal::ReceiptFormNotSigned)?;
    if parcel.margin.recorded_by(form.mark.event) != at.actor.courier() {
        concerns(parcel, at)?;
    }
    refuse_if(form.handed_in_at.is_some(), Refusal::ReceiptFormAlreadyIn)
}

/// Sending it back: authorised, and from the hands of who sends it.
pub(crate) fn may_start_return(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)?;
    refuse_if(parcel.frozen.is_some(), Refusal::Frozen)?;
    match (&parcel.holder, at.actor.courier()) {
        (Holder::Site(_), _) => return Err(Refusal::InStorage),
        (Holder::Courier(holder), Some(courier)) if holder == courier => {
            not_given_away(parcel, courier)?;
        }
        (Holder::Station, _) => {}
        _ => return Err(Refusal::NotHeldByYou),
    }
    let needed = at.policy.return_needs_authorisation;
    refuse_if(needed && parcel.delivery.return_authorised.is_none(), Refusal::ReturnNotAuthorised)
}
