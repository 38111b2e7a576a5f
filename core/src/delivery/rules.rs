//! What may be done at the door.

use super::{
    AttemptFailure, HandoverMethod, IdentityMethod, Inspection, ParcelDelivered, ProofKind,
    RedeliveryScheduled,
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
    proof_suffices(parcel, fact, at)
}

/// The proof matrix of the policy in force (C4.6, C4.7).
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
    let counts = |kind: &ProofKind| {
        present(*kind)
            && (*kind != ProofKind::IdCheck || fact.identity.method == IdentityMethod::IdCard)
    };
    let matrix = at.policy.proof_matrix(fact.method, parcel.goods.valuable);
    refuse_if(!matrix.iter().any(|set| set.iter().all(counts)), Refusal::ProofMissing)
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
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    refuse_if(parcel.stage == Stage::RefusedHeld, Refusal::RefusalPending)?;
    refuse_if(parcel.stage == Stage::ReturnAuthorised, Refusal::AlreadyReturned)?;
    let impossible = fact.to_ms <= fact.from_ms || fact.to_ms <= at.now.ms;
    refuse_if(impossible, Refusal::AppointmentNotPossible)
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
    refuse_if(parcel.delivery.return_authorised.is_some(), Refusal::AlreadyAuthorised)
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
    refuse_if(parcel.delivery.return_authorised.is_none(), Refusal::ReturnNotAuthorised)
}
