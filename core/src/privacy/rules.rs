//! Who may be shown a person, and when a person may be erased (M02, C6 row 20).

use super::{PersonSight, RevealReason};
use crate::decide::{Circumstances, LaneStates};
use crate::delivery::Party;
use crate::event::{Fact, Lane};
use crate::fold::LaneState;
use crate::parcel::{Parcel, rules::courier};
use crate::policy::Policy;
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::time::Moment;

const DAY_MS: i64 = 86_400_000;

/// Showing a person in the clear: to the courier who has the parcel or is to deliver it, for a
/// reason. Another reason than the listed ones is said in words.
pub(crate) fn may_reveal(
    parcel: &Parcel,
    party: Party,
    reason: RevealReason,
    note: Option<&str>,
    at: &Circumstances,
) -> Verdict {
    let me = courier(at)?;
    refuse_if(!parcel.held_by(me) && !parcel.assigned_to(me), Refusal::NotInSight)?;
    match parcel.sight_of(party) {
        PersonSight::Erased => Err(Refusal::Erased),
        PersonSight::Held => Err(Refusal::ErasureHeld),
        PersonSight::Masked | PersonSight::NotHere => Ok(()),
    }?;
    let said = note.is_some_and(|note| !note.trim().is_empty());
    refuse_if(reason == RevealReason::Other && !said, Refusal::RevealReasonMissing)
}

/// Tells whether the same courier was shown the same person for the same reason so lately that
/// this is one asking: who calls three times was shown the number once. Another reason than the
/// listed ones is recorded every time.
pub(crate) fn is_one_asking(
    parcel: &Parcel,
    party: Party,
    reason: RevealReason,
    at: &Circumstances,
) -> bool {
    let window_ms = i64::from(at.policy.reveal_again_min) * 60_000;
    reason != RevealReason::Other
        && parcel.reveals.iter().any(|last| {
            (&last.by, last.party, last.reason) == (at.actor, party, reason)
                && (0..window_ms).contains(&(at.now.ms - last.at.ms))
        })
}

/// Erasing: not while a case or a conflict about it is open, and not in the time for claims after
/// it (row 20). `lanes` are the lane and, of a parcel, every case about it.
pub(crate) fn may_erase(lanes: &LaneStates, at: &Circumstances) -> Verdict {
    let held = lanes.values().any(|state| is_needed(state, at.policy, &at.now));
    refuse_if(held, Refusal::ErasureHeld)
}

fn is_needed(state: &LaneState, policy: &Policy, now: &Moment) -> bool {
    let closed_at = match state {
        LaneState::Exception(case) => case.closed_at,
        LaneState::Pickup(order) => order.closed_at,
        LaneState::Complaint(complaint) => complaint.closed_at,
        LaneState::Parcel(_) | LaneState::Log { .. } => {
            return state.margin().is_some_and(|margin| margin.open_conflicts().next().is_some());
        }
    };
    let until = |closed: Moment| closed.ms + i64::from(policy.erasure_hold_days) * DAY_MS;
    closed_at.is_none_or(|closed| now.ms < until(closed))
}

/// Returns the entry of a parcel's lane that stays when `party` is erased: the other one.
pub(crate) fn stays(lane: &Lane, lanes: &LaneStates, party: Party) -> Option<super::VaultRef> {
    let other = match party {
        Party::Recipient => Party::Sender,
        Party::Sender => Party::Recipient,
    };
    lanes.get(lane).and_then(LaneState::parcel).and_then(|parcel| parcel.person(other))
}

/// Returns who, or whose home, is on the photos, videos and signatures of a fact.
///
/// A proof of delivery, a stored parcel, a consent, a wish and a signed return form are the
/// recipient's, also where a deputy signed for him: the deputy is known by nothing else. The
/// sender's are the photos of what was picked up at his door. The photo of a case may be of either:
/// `None`.
pub(crate) fn shown_by(fact: &Fact) -> Option<Party> {
    match fact {
        Fact::PickupInspected(_) => Some(Party::Sender),
        Fact::ExceptionReported(_) | Fact::EvidenceAdded(_) => None,
        _ => Some(Party::Recipient),
    }
}

/// Tells whether a picture goes when `party` of `asked` is erased.
///
/// Of a parcel what certainly shows the other party stays. What may show either goes with the first
/// of the two: a picture that stays too long cannot be called back, and who needs it as proof has
/// his case open, which holds the erasure. Asked of a case or an order alone, everything in it goes,
/// as its texts do.
pub(crate) fn goes(picture: &super::Picture, asked: &Lane, party: Party) -> bool {
    !matches!(asked, Lane::Parcel(_)) || picture.of.is_none_or(|of| of == party)
}
