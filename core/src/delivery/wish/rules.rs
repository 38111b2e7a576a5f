//! What may be wished, and who may answer.

use super::{DeclineClass, PreferenceSet, RedirectReply, Wish};
use crate::decide::Circumstances;
use crate::parcel::rules::{concerns, may_go_on, still_open};
use crate::parcel::{Parcel, Stage};
use crate::privacy::Person;
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::temporary_storage::{ConsentGiver, rules as storage};

/// Recording a wish: of the recipient or his deputy, and one that can be carried out.
pub(crate) fn may_prefer(parcel: &Parcel, fact: &PreferenceSet, at: &Circumstances) -> Verdict {
    open_to_wishes(parcel, at)?;
    refuse_if(fact.said_by == ConsentGiver::Courier, Refusal::ConsentByCourier)?;
    refuse_if(fact.said_by == ConsentGiver::Sender, Refusal::NotForThisActor)?;
    match &fact.wish {
        Wish::Door => Ok(()),
        Wish::Window { from_ms, to_ms } => {
            let impossible = to_ms <= from_ms || *to_ms <= at.now.ms;
            refuse_if(impossible, Refusal::AppointmentNotPossible)
        }
        Wish::AtSite { site, .. } => storage::fitting_site(parcel, site, at).map(|_| ()),
        Wish::NamedPlace => {
            refuse_if(parcel.goods.door_only, Refusal::DoorOnly)?;
            refuse_if(fact.place.is_none(), Refusal::PlaceNotNamed)
        }
    }
}

/// Asking for another address: a whole one, and one question at a time.
pub(crate) fn may_redirect(parcel: &Parcel, to: &Person, at: &Circumstances) -> Verdict {
    open_to_wishes(parcel, at)?;
    let blank = |text: &String| text.trim().is_empty();
    let incomplete = [&to.name, &to.phone, &to.address].into_iter().any(blank);
    refuse_if(incomplete, Refusal::NewAddressIncomplete)?;
    refuse_if(parcel.delivery.open_redirect().is_some(), Refusal::RedirectPending)
}

/// Answering: who has it or is to deliver it, or the station. Yes may be said to a parcel that may
/// go on; no may be said as long as it has not ended.
pub(crate) fn may_answer(
    parcel: &Parcel,
    reply: RedirectReply,
    with_reason: bool,
    at: &Circumstances,
) -> Verdict {
    concerns(parcel, at)?;
    refuse_if(parcel.delivery.open_redirect().is_none(), Refusal::NoRedirect)?;
    match reply {
        RedirectReply::Accept => open_to_wishes(parcel, at),
        RedirectReply::Decline { class } => {
            still_open(parcel)?;
            let unsaid = class == DeclineClass::Other && !with_reason;
            refuse_if(unsaid, Refusal::DeclineReasonMissing)
        }
    }
}

/// The parcel's way still lies open, and the recipient has not refused it.
fn open_to_wishes(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    refuse_if(parcel.stage == Stage::RefusedHeld, Refusal::RefusalPending)?;
    refuse_if(parcel.stage == Stage::ReturnAuthorised, Refusal::AlreadyReturned)
}
