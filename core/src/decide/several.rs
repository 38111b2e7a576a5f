//! Commands of several parcels or several events, and what else takes more than a line.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::lanes::count_lane;
use super::{Circumstances, Decided, Decision, Draft, LaneStates, LeftOut, decide};
use crate::command::{Command, ToStore};
use crate::delivery::{
    DeliveryRedirected, Party, ProofItem, RedirectAnswered, RedirectReply, wish::rules as wishes,
};
use crate::event::{Fact, Lane, ManifestReconciled};
use crate::evidence::EvidenceRef;
use crate::exception_report::ExceptionKind;
use crate::fold::LaneState;
use crate::id::{Digest, EventId, EvidenceId, ManifestId};
use crate::parcel::{
    Condition, Holder, Parcel, ParcelOutForDelivery, ParcelReceivedAtStation, rules as parcel,
};
use crate::privacy::{ErasureHeld, ErasureReason, PersonErased, Picture, rules as privacy};
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::temporary_storage::{StorageConsentRevoked, rules as storage};
use crate::waybill::Waybill;

/// The waybills of one count that fit into one event, in bytes.
pub(super) const MOST_COUNTED_BYTES: usize = 60_000;

/// The vault references, and as many digests of files, that fit into one event.
const MOST_ERASED: usize = 400;

/// The parcels of one command at most: more than a van holds.
pub(super) const MOST_AT_ONCE: usize = 1_000;

/// The morning's count (M19): one event that tells of all, in the courier's shift, and one receipt
/// per parcel that is known here. A group each, so that one bad parcel holds up no other.
pub(super) fn reconcile(
    desk: Desk,
    manifest: ManifestId,
    expected: &[Waybill],
    scanned: &[Waybill],
    damaged: &[Waybill],
) -> Result<Decision, Refusal> {
    let expected: BTreeSet<_> = expected.iter().collect();
    let damaged: BTreeSet<_> = damaged.iter().collect();
    // What was seen damaged was seen.
    let seen: BTreeSet<_> = scanned.iter().chain(damaged.iter().copied()).collect();
    refuse_if(expected.is_empty() && seen.is_empty(), Refusal::NothingGiven)?;
    let list = |waybills: &mut dyn Iterator<Item = &&Waybill>| -> Vec<Waybill> {
        waybills.map(|waybill| (*waybill).clone()).collect()
    };
    let missing = list(&mut expected.difference(&seen));
    let extra = list(&mut seen.difference(&expected));
    let listed = missing.iter().chain(&extra).chain(damaged.iter().copied());
    let bytes: usize = listed.map(|waybill| waybill.as_str().len() + 3).sum();
    refuse_if(bytes > MOST_COUNTED_BYTES, Refusal::BatchTooLarge)?;
    let count = |n: usize| u32::try_from(n).map_err(|_| Refusal::BatchTooLarge);
    let fact = ManifestReconciled {
        manifest,
        expected: count(expected.len())?,
        received: count(seen.intersection(&expected).count())?,
        missing,
        extra,
        damaged: list(&mut damaged.iter()),
    };
    let mut groups = vec![vec![Draft { lane: count_lane(desk.at), fact: fact.into() }]];
    for waybill in seen {
        let Ok(parcel) = desk.parcel(waybill) else { continue };
        let is_damaged = damaged.contains(waybill);
        // The station has it by the record, and nothing new was seen.
        if parcel.holder == Holder::Station && (parcel.damaged || !is_damaged) {
            continue;
        }
        let condition = if is_damaged { Condition::Damaged } else { Condition::Sound };
        let fact = ParcelReceivedAtStation { condition }.into();
        groups.push(vec![Draft { lane: Lane::Parcel(waybill.clone()), fact }]);
    }
    desk.tell_all(Ok(()), groups)
}

/// Taking out: what lay at the station goes on the way.
pub(super) fn take_out(desk: Desk, waybills: &[Waybill]) -> Result<Decision, Refusal> {
    let at = desk.at;
    all_or_none(desk, waybills, |parcel| {
        (parcel::may_take_out(parcel, at), ParcelOutForDelivery {}.into())
    })
}

/// One fact for each of several parcels: a group per parcel, all or none. Of several none is
/// recorded against a rule: the one concerned is recorded by itself, with its own reason.
pub(super) fn all_or_none(
    desk: Desk,
    waybills: &[Waybill],
    judge: impl Fn(&Parcel) -> (Verdict, Fact),
) -> Result<Decision, Refusal> {
    let waybills: BTreeSet<_> = waybills.iter().collect();
    refuse_if(waybills.is_empty(), Refusal::NothingGiven)?;
    refuse_if(waybills.len() > MOST_AT_ONCE, Refusal::BatchTooLarge)?;
    let mut verdict = Ok(());
    let mut groups = Vec::with_capacity(waybills.len());
    for waybill in &waybills {
        let (one, fact) = judge(desk.parcel(waybill)?);
        if waybills.len() == 1 {
            verdict = one;
        } else {
            one?;
        }
        groups.push(vec![Draft { lane: Lane::Parcel((*waybill).clone()), fact }]);
    }
    desk.tell_all(verdict, groups)
}

/// A batch: each of its commands is decided by itself. A courier before a door with twenty parcels
/// is not held up by one: it is left out and named, the others are recorded. Of several parcels
/// none is recorded against a rule: the one concerned is recorded by itself, with its own reason.
pub(super) fn batch(desk: &Desk, command: &Command) -> Result<Decision, Refusal> {
    let ones = one_by_one(desk, command);
    refuse_if(ones.len() > MOST_AT_ONCE, Refusal::BatchTooLarge)?;
    if let [(_, only)] = ones.as_slice() {
        return decide(only, desk.lanes, desk.at);
    }
    let (decided, left_out) = decide_each(desk, &ones);
    if decided.groups.is_empty() {
        return Err(left_out.first().map_or(Refusal::NothingGiven, |first| first.refusal));
    }
    Ok(Decision { decided, refusal: None, left_out })
}

/// Tells which parcels of a batch a rule speaks against; none of what is no batch.
pub fn left_out(command: &Command, lanes: &LaneStates, at: &Circumstances) -> Vec<LeftOut> {
    let desk = Desk::new(lanes, at);
    decide_each(&desk, &one_by_one(&desk, command)).1
}

fn decide_each(desk: &Desk, ones: &[(&Waybill, Command)]) -> (Decided, Vec<LeftOut>) {
    let mut decided = Decided::default();
    let mut left_out = Vec::new();
    let mut seen = BTreeSet::new();
    let (mut codes, mut slots_taken) = (desk.at.codes.clone(), desk.at.slots_taken.clone());
    for (waybill, one) in ones.iter().filter(|(waybill, _)| seen.insert(*waybill)) {
        let slots = slots_taken.clone();
        let at = Circumstances { codes: &codes, slots_taken: slots, ..desk.at.clone() };
        let refusal = match decide(one, desk.lanes, &at) {
            Ok(Decision { refusal: None, decided: one, .. }) => {
                // The code and the slot it got are no other's in the list.
                for draft in one.groups.iter().flatten() {
                    if let Fact::ParcelStored(stored) = &draft.fact {
                        codes.spend(stored.code_hash);
                        let slot = stored.slot.iter().cloned();
                        slots_taken.extend(slot.map(|slot| (stored.site.clone(), slot)));
                    }
                }
                decided.groups.extend(one.groups);
                decided.vault.extend(one.vault);
                continue;
            }
            Ok(Decision { refusal: Some(refusal), .. }) | Err(refusal) => refusal,
        };
        left_out.push(LeftOut { waybill: (*waybill).clone(), refusal });
    }
    (decided, left_out)
}

/// The commands of a batch, one per parcel; none of what is no batch.
fn one_by_one<'a>(desk: &Desk, command: &'a Command) -> Vec<(&'a Waybill, Command)> {
    // A file belongs to one act of one parcel (C4.12): it was captured for the first of them, and
    // each of the others names an item of its own.
    let own = |item: &EvidenceRef, n: usize| match n {
        0 => item.clone(),
        _ => EvidenceRef { id: EvidenceId::new(desk.at.now.ms, desk.at.entropy), ..item.clone() },
    };
    match command {
        Command::DeliverMany {
            waybills,
            method,
            taker,
            identity,
            address_checked,
            inspection,
            proof,
        } => {
            let one = |(n, waybill): (usize, &'a Waybill)| {
                let proof = proof.iter().map(|item| ProofItem {
                    kind: item.kind,
                    evidence: item.evidence.as_ref().map(|item| own(item, n)),
                });
                let one = Command::Deliver {
                    waybill: waybill.clone(),
                    method: *method,
                    taker: taker.clone(),
                    identity: *identity,
                    address_checked: *address_checked,
                    inspection: *inspection,
                    proof: proof.collect(),
                };
                (waybill, one)
            };
            waybills.iter().enumerate().map(one).collect()
        }
        Command::StoreMany { parcels, site, collect_before_ms, photo } => {
            let one = |(n, parcel): (usize, &'a ToStore)| {
                let one = Command::Store {
                    waybill: parcel.waybill.clone(),
                    site: site.clone(),
                    collect_before_ms: *collect_before_ms,
                    code: parcel.code.clone(),
                    photo: photo.as_ref().map(|item| own(item, n)),
                    slot: parcel.slot.clone(),
                };
                (&parcel.waybill, one)
            };
            parcels.iter().enumerate().map(one).collect()
        }
        _ => Vec::new(),
    }
}

/// Answering a redirection. Accepted, the new address counts in the same group.
pub(super) fn answer_redirect(
    mut desk: Desk,
    waybill: &Waybill,
    reply: RedirectReply,
    reason: Option<&str>,
) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let lane = Lane::Parcel(waybill.clone());
    let reason = desk.text(&lane, reason);
    let verdict = wishes::may_answer(parcel, reply, reason.is_some(), desk.at);
    // Without a question there is nothing to answer, against a rule or otherwise.
    let Some(asked) = parcel.delivery.open_redirect() else {
        return Err(verdict.err().unwrap_or(Refusal::NoRedirect));
    };
    let request = asked.mark.event;
    let mut facts = vec![RedirectAnswered { request, reply, reason }.into()];
    if let (RedirectReply::Accept, Some(recipient)) = (reply, asked.to) {
        facts.push(DeliveryRedirected { request, recipient }.into());
    }
    let group = facts.into_iter().map(|fact| Draft { lane: lane.clone(), fact }).collect();
    desk.tell_all(verdict, vec![group])
}

/// Taking consent back: every consent that is not withdrawn yet, in one group.
pub(super) fn revoke(desk: Desk, waybill: &Waybill) -> Result<Decision, Refusal> {
    let parcel = desk.parcel(waybill)?;
    let verdict = storage::may_revoke(parcel, desk.at);
    let given = parcel.storage.consents.iter().filter(|consent| consent.withdrawn.is_none());
    let group: Vec<_> = given
        .map(|consent| Draft {
            lane: Lane::Parcel(waybill.clone()),
            fact: StorageConsentRevoked { consent: consent.id }.into(),
        })
        .collect();
    // Without a consent there is nothing to say, so nothing may be recorded against a rule.
    if group.is_empty() {
        return Err(verdict.err().unwrap_or(Refusal::NoConsent));
    }
    desk.tell_all(verdict, vec![group])
}

/// A courier corrects what he recorded himself; the station corrects anything.
pub(super) fn may_correct(desk: &Desk, lane: &Lane, event: EventId) -> Verdict {
    let unknown = match lane {
        Lane::Exception(_) | Lane::Complaint(_) => Refusal::UnknownCase,
        Lane::Pickup(_) => Refusal::UnknownOrder,
        _ => Refusal::UnknownParcel,
    };
    let state = desk.lanes.get(lane).ok_or(unknown)?;
    let Some(courier) = desk.at.actor.courier() else { return Ok(()) };
    let his = match (state.margin(), lane) {
        (Some(margin), _) => margin.recorded_by(event) == Some(courier),
        (None, Lane::Shift(owner, _)) => owner == courier,
        (None, _) => false,
    };
    refuse_if(!his, Refusal::NotYourRecord)
}

/// Erasing a person: an event in each lane that holds something of him.
///
/// While a case about it is open, the refusal comes with the fact that he is to be erased: the hub
/// records that, so that he is masked at once, and refuses all the same (C6 row 20).
pub(super) fn erase(
    desk: &Desk,
    asked: &Lane,
    party: Party,
    reason: ErasureReason,
) -> Result<Decision, Refusal> {
    parcel::station_only(desk.at)?;
    let parcel = match asked {
        Lane::Parcel(waybill) => Some(desk.parcel(waybill)?),
        _ if desk.is_known(asked) => None,
        _ => return Err(Refusal::UnknownCase),
    };
    let to_tell = |groups| Decided { groups, vault: Vec::new() };
    if let Err(refusal) = privacy::may_erase(desk.lanes, desk.at) {
        let parcel = parcel.ok_or(refusal)?;
        refuse_if(parcel.erasure_held.contains(&party), refusal)?;
        let fact = ErasureHeld { party, reason }.into();
        let decided = to_tell(vec![vec![Draft { lane: asked.clone(), fact }]]);
        return Ok(Decision { decided, refusal: Some(refusal), left_out: Vec::new() });
    }
    let stays = privacy::stays(asked, desk.lanes, party);
    let mut group = Vec::new();
    for lane in desk.lanes.keys() {
        let entries =
            desk.at.entries.iter().filter(|(of, entry)| of == lane && Some(*entry) != stays);
        let entries: Vec<_> = entries.map(|(_, entry)| *entry).collect();
        let media: Vec<_> = to_erase(desk, lane, asked, party).into_iter().collect();
        for at in (0..entries.len().max(media.len())).step_by(MOST_ERASED) {
            let references = entries.iter().skip(at).take(MOST_ERASED).copied().collect();
            let media = media.iter().skip(at).take(MOST_ERASED).copied().collect();
            let fact = PersonErased { party, reason, references, media }.into();
            group.push(Draft { lane: lane.clone(), fact });
        }
    }
    refuse_if(group.is_empty(), Refusal::NothingToErase)?;
    Ok(Decision { decided: to_tell(vec![group]), refusal: None, left_out: Vec::new() })
}

/// The files of a lane that go with `party` of `asked` and are not erased yet.
fn to_erase(desk: &Desk, lane: &Lane, asked: &Lane, party: Party) -> BTreeSet<Digest> {
    let margin = desk.lanes.get(lane).and_then(LaneState::margin);
    let here = |picture: &&Picture| {
        &picture.lane == lane && !margin.is_some_and(|m| m.is_erased_media(&picture.sha256))
    };
    let pictures = desk.at.pictures.iter().filter(here);
    let pictures = pictures.filter(|picture| privacy::goes(picture, asked, party));
    pictures.map(|picture| picture.sha256).collect()
}

/// The recorded event that a report is about, where its kind says which.
pub(super) fn what_it_is_about(parcel: &Parcel, kind: ExceptionKind) -> Option<EventId> {
    match kind {
        ExceptionKind::Refusal => parcel.delivery.refusal.as_ref().map(|refusal| refusal.mark),
        ExceptionKind::Misdelivery => parcel.delivered().map(|delivered| delivered.mark),
        ExceptionKind::AddressUnclear => {
            parcel.delivery.last_attempt.as_ref().map(|attempt| attempt.mark)
        }
        _ => None,
    }
    .map(|mark| mark.event)
}
