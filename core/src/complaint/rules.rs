//! What a complaint needs, and who may handle it (M52-M56, M65).
//!
//! The sources let the complained-of courier make the first contact; complaints about manners and
//! privacy are the exception, and go to somebody else (tension 6 of DOMAIN.md).

use super::{Complaint, ComplaintStage};
use crate::decide::Circumstances;
use crate::event::Actor;
use crate::parcel::rules::station_only;
use crate::policy::Policy;
use crate::privacy::Person;
use crate::refusal::{Refusal, Verdict, refuse_if};

/// The fewest digits that can be dialled.
const SHORTEST_PHONE: usize = 5;

/// Receiving: what the policy names is the least that is ever saved (M65). A complaint always has
/// the number of its parcel.
pub(crate) fn may_receive(
    known: bool,
    complainant: &Person,
    demand: &str,
    policy: &Policy,
) -> Verdict {
    refuse_if(known, Refusal::DuplicateCase)?;
    let digits = complainant.phone.chars().filter(char::is_ascii_digit).count();
    let missing = |field: &str, empty: bool| empty && policy.minimum_to_save.contains(field);
    let incomplete = missing("name", complainant.name.trim().is_empty())
        || missing("phone", digits < SHORTEST_PHONE)
        || missing("address", complainant.address.trim().is_empty());
    refuse_if(incomplete, Refusal::ComplainantIncomplete)?;
    refuse_if(missing("demand", demand.trim().is_empty()), Refusal::DemandMissing)
}

fn not_about_you(complaint: &Complaint, at: &Circumstances) -> Verdict {
    let about = at.actor.courier().is_some_and(|courier| complaint.is_about(courier));
    refuse_if(about && complaint.hides_complainant(), Refusal::ComplaintAboutYou)
}

/// Speaking to the customer: the owner, the courier it is about, or the station.
pub(crate) fn may_contact(complaint: &Complaint, at: &Circumstances) -> Verdict {
    not_about_you(complaint, at)?;
    refuse_if(complaint.stage == ComplaintStage::Closed, Refusal::CaseClosed)?;
    let stranger = at
        .actor
        .courier()
        .is_some_and(|courier| !complaint.is_about(courier) && complaint.owner() != Some(at.actor));
    refuse_if(stranger, Refusal::OwnedByAnother)
}

/// Owning it. The station may take it over from a courier; nobody takes it from a clerk (M55).
pub(crate) fn may_take(complaint: &Complaint, at: &Circumstances) -> Verdict {
    // A complaint is owned by a person (C4.15).
    refuse_if(matches!(at.actor, Actor::Station(_)), Refusal::NotForThisActor)?;
    not_about_you(complaint, at)?;
    refuse_if(complaint.stage == ComplaintStage::Closed, Refusal::CaseClosed)?;
    match complaint.owner() {
        None => Ok(()),
        Some(owner) if owner == at.actor => Err(Refusal::AlreadyOwner),
        Some(Actor::Courier(_)) if at.actor.is_station() => Ok(()),
        Some(_) => Err(Refusal::OwnedByAnother),
    }
}

/// Closing: somebody owns it, the customer was spoken to, and it is said how it ended.
pub(crate) fn may_close(complaint: &Complaint, outcome: &str, at: &Circumstances) -> Verdict {
    station_only(at)?;
    refuse_if(complaint.stage == ComplaintStage::Closed, Refusal::CaseClosed)?;
    refuse_if(complaint.owner().is_none(), Refusal::NobodyOwns)?;
    refuse_if(complaint.contacts.is_empty(), Refusal::CustomerNotContacted)?;
    refuse_if(outcome.trim().is_empty(), Refusal::OutcomeMissing)
}
