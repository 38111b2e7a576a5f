//! What may be stored, where, and on whose word (M28-M33, C4.2, C4.3).

use super::{
    ConsentGiver, LockerSlot, ParcelStored, SiteKind, Stay, StorageConsented, StorageExtended,
};
use crate::decide::Circumstances;
use crate::delivery::rules::is_unreachable;
use crate::delivery::{AttemptFailure, Channel};
use crate::directory::Site;
use crate::id::SiteId;
use crate::parcel::rules::{concerns, courier, in_your_hands, may_go_on, station_only, still_open};
use crate::parcel::{Parcel, Stage};
use crate::refusal::{Refusal, Verdict, refuse_if};

/// Returns the site if goods like these may lie there.
pub(crate) fn fitting_site<'a>(
    parcel: &Parcel,
    site: &SiteId,
    at: &Circumstances<'a>,
) -> Result<&'a Site, Refusal> {
    refuse_if(parcel.goods.door_only, Refusal::DoorOnly)?;
    let site = at.directory.site(site).ok_or(Refusal::SiteUnknown)?;
    let unattended = site.kind == SiteKind::UnattendedPublic;
    refuse_if(unattended && at.policy.unattended_public_forbidden, Refusal::SiteUnattended)?;
    // It takes the site and the sender (C4.2).
    refuse_if(!site.accepts(parcel.goods, parcel.damaged), Refusal::SiteCannotHold)?;
    let care = parcel.goods.fresh || parcel.goods.valuable || parcel.damaged;
    refuse_if(care && !parcel.goods.storage_allowed, Refusal::SenderForbidsStorage)?;
    Ok(site)
}

/// Asking for consent to a site that could be used.
pub(crate) fn may_ask(parcel: &Parcel, site: &SiteId, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    fitting_site(parcel, site, at).map(|_| ())
}

/// Recording consent: the recipient's or his deputy's, for a fitting site and a time to come.
pub(crate) fn may_consent(parcel: &Parcel, fact: &StorageConsented, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    refuse_if(fact.given_by == ConsentGiver::Courier, Refusal::ConsentByCourier)?;
    let unreached = fact.given_by == ConsentGiver::Sender && !is_unreachable(parcel, at);
    refuse_if(unreached, Refusal::NotUnreachable)?;
    let site = fitting_site(parcel, &fact.site, at)?;
    // Nobody keeps a place the recipient named: his word must be there to be shown (M28, M31).
    let spoken = matches!(fact.channel, Channel::Phone | Channel::InPerson);
    let untraced = site.kind == SiteKind::NamedPlace && spoken && fact.evidence.is_none();
    refuse_if(untraced, Refusal::ConsentTraceMissing)?;
    refuse_if(fact.until_ms <= at.now.ms, Refusal::ConsentEnded)
}

/// Recording that he does not want it. Never refused to who is concerned: it is his right.
pub(crate) fn may_decline(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)
}

/// Recording that he takes his consent back, before or after the parcel was stored.
pub(crate) fn may_revoke(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)?;
    let given = parcel.storage.consents.iter().any(|consent| consent.withdrawn.is_none());
    refuse_if(!given, Refusal::NoConsent)
}

/// Decides whether the parcel may be left at the site.
///
/// Whose parcel it is comes first, then the site, then the consent, then the time to collect.
pub(crate) fn may_store(parcel: &Parcel, fact: &ParcelStored, at: &Circumstances) -> Verdict {
    courier(at)?;
    may_go_on(parcel)?;
    in_your_hands(parcel, at)?;
    let site = fitting_site(parcel, &fact.site, at)?;
    let agreed_ms = agreed_until(parcel, &fact.site, at)?;
    refuse_if(fact.collect_before_ms <= at.now.ms, Refusal::CollectBeforePast)?;
    within(site, at.now.ms, agreed_ms, fact.collect_before_ms)?;
    fact.slot.as_ref().map_or(Ok(()), |slot| is_free(&fact.site, slot, at))
}

/// The last moment to collect lies within what was agreed and what the site keeps.
fn within(site: &Site, placed_ms: i64, agreed_ms: i64, collect_before_ms: i64) -> Verdict {
    let kept_ms = placed_ms.saturating_add(i64::from(site.keeps_h) * 3_600_000);
    let too_late =
        collect_before_ms > agreed_ms || (site.keeps_h > 0 && collect_before_ms > kept_ms);
    refuse_if(too_late, Refusal::CollectBeforeTooLate)
}

/// Letting it lie there longer: on the consent there is, or on a new one.
pub(crate) fn may_extend(parcel: &Parcel, fact: &StorageExtended, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    let stay = stay_of(parcel)?;
    let site = fitting_site(parcel, &stay.site, at)?;
    let agreed_ms = agreed_until(parcel, &stay.site, at)?;
    refuse_if(fact.collect_before_ms <= at.now.ms, Refusal::CollectBeforePast)?;
    refuse_if(fact.collect_before_ms <= stay.collect_before_ms, Refusal::ExtensionNotLater)?;
    within(site, stay.at.ms, agreed_ms, fact.collect_before_ms)
}

/// Saying that its time is over: the station, once it is.
pub(crate) fn may_expire(parcel: &Parcel, at: &Circumstances) -> Verdict {
    station_only(at)?;
    concerns(parcel, at)?;
    let stay = stay_of(parcel)?;
    refuse_if(stay.collect_before_ms > at.now.ms, Refusal::StayNotOver)
}

/// Giving it another pickup code.
pub(crate) fn may_replace_code(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    stay_of(parcel).map(|_| ())
}

/// Naming a slot: only a locker has them. A site that is not known may be one.
pub(crate) fn has_slots(site: &SiteId, at: &Circumstances) -> Verdict {
    let no_locker = at.directory.site(site).is_some_and(|site| site.kind != SiteKind::Locker);
    refuse_if(no_locker, Refusal::SiteHasNoSlots)
}

/// By what is known here, no other parcel lies in the slot (C6.12).
fn is_free(site: &SiteId, slot: &LockerSlot, at: &Circumstances) -> Verdict {
    let taken = at.slots_taken.iter().any(|(at_site, taken)| at_site == site && taken == slot);
    refuse_if(taken, Refusal::SlotTaken)
}

/// Saying in which slot it lies really.
pub(crate) fn may_correct_slot(parcel: &Parcel, slot: &LockerSlot, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)?;
    is_free(&stay_of(parcel)?.site, slot, at)
}

/// Taking it back from the keeper of the site: at the end of the stay, or when the recipient wants
/// it at his door, or when it must get back to the station.
pub(crate) fn may_hand_back(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    still_open(parcel)?;
    let stay = stay_of(parcel)?;
    let over = stay.collect_before_ms <= at.now.ms || stay.expired.is_some();
    let wanted =
        stay.redelivery_asked.is_some() || parcel.frozen.is_some() || parcel.recalled.is_some();
    refuse_if(!over && !wanted, Refusal::StayNotOver)
}

fn stay_of(parcel: &Parcel) -> Result<&Stay, Refusal> {
    parcel.storage.current_stay().ok_or(Refusal::NotInStorage)
}

/// Returns the end of the period agreed on for a site, or what is wrong with the consent.
fn agreed_until(parcel: &Parcel, site: &SiteId, at: &Circumstances) -> Result<i64, Refusal> {
    if let Some(consent) = parcel.live_consent(site, at.now.ms) {
        return Ok(consent.until_ms);
    }
    let last = parcel.storage.consents.iter().rev().find(|consent| &consent.site == site);
    Err(match last {
        Some(consent) if consent.given_by == ConsentGiver::Courier => Refusal::ConsentByCourier,
        Some(consent) if consent.withdrawn.is_some() => Refusal::ConsentWithdrawn,
        Some(_) => Refusal::ConsentEnded,
        None if parcel.storage.declined.is_some() => Refusal::ConsentWithdrawn,
        None if at.policy.appointment_first && absent_and_unasked(parcel) => {
            Refusal::AppointmentFirst
        }
        None if !at.policy.storage_needs_consent => return Ok(i64::MAX),
        None => Refusal::ConsentMissing,
    })
}

/// The recipient was absent, and no second delivery was offered or agreed on (M29). A consent is
/// his explicit wish and comes before this; without one, the appointment is offered first.
fn absent_and_unasked(parcel: &Parcel) -> bool {
    let absent = |last: &crate::delivery::FailedAttempt| last.cause == AttemptFailure::Absent;
    parcel.delivery.last_attempt.as_ref().is_some_and(absent)
        && parcel.delivery.appointment.is_none()
        && parcel.delivery.offered.is_none()
}

/// Tells whether the recipient agreed to have the parcel left at a place he named, or wished it.
///
/// The consent is an ordinary storage consent for a site of the kind `NamedPlace`; a station's
/// directory carries one such site, and the hand-over says in the vault which place it was.
pub(crate) fn place_agreed(parcel: &Parcel, at: &Circumstances) -> bool {
    parcel.wished_at_named_place()
        || parcel.storage.consents.iter().any(|consent| {
            let kind = at.directory.site(&consent.site).map(|site| site.kind);
            kind == Some(SiteKind::NamedPlace) && consent.is_live(at.now.ms)
        })
}

/// Telling the recipient of a stay: there must be one.
pub(crate) fn may_tell_of_stay(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    stay_of(parcel).map(|_| ())
}

/// Giving it out to the recipient.
pub(crate) fn may_pick_up(parcel: &Parcel, at: &Circumstances) -> Verdict {
    concerns(parcel, at)?;
    may_go_on(parcel)?;
    refuse_if(parcel.stage != Stage::Stored, Refusal::NotInStorage)
}

/// Taking it out again. A stopped or recalled parcel too: it must get back to the station.
pub(crate) fn may_retrieve(parcel: &Parcel, at: &Circumstances) -> Verdict {
    courier(at)?;
    concerns(parcel, at)?;
    still_open(parcel)?;
    refuse_if(parcel.stage != Stage::Stored, Refusal::NotInStorage)
}
