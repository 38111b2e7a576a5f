//! Commands that move custody by many parcels at a time: from courier to courier, and back to the
//! station at the end of the shift.
//!
//! A group per parcel, all or none. Of several parcels none is recorded against a rule: the one
//! concerned is recorded by itself, with its own reason.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::lanes::count_lane;
use super::several::{MOST_COUNTED_BYTES, all_or_none};
use super::{Decision, Draft};
use crate::event::{Fact, Lane};
use crate::id::{CourierNo, TransferId};
use crate::parcel::{Condition, ParcelReceivedAtStation, rules as parcel};
use crate::refusal::{Refusal, refuse_if};
use crate::shift;
use crate::transfer::{
    CustodyOffered, CustodyTransferred, MOST_OFFERED, OfferedParcel, Token, rules,
};
use crate::waybill::Waybill;

fn draft(waybill: &Waybill, fact: impl Into<Fact>) -> Vec<Draft> {
    vec![Draft { lane: Lane::Parcel(waybill.clone()), fact: fact.into() }]
}

/// Offering: a wish, so that nothing is recorded against a rule.
pub(super) fn offer(
    desk: Desk,
    transfer: TransferId,
    waybills: &[Waybill],
    to: &CourierNo,
    until_ms: i64,
) -> Result<Decision, Refusal> {
    let waybills: BTreeSet<_> = waybills.iter().collect();
    refuse_if(waybills.is_empty(), Refusal::NothingGiven)?;
    refuse_if(waybills.len() > MOST_OFFERED, Refusal::BatchTooLarge)?;
    let mut groups = Vec::with_capacity(waybills.len());
    for waybill in waybills {
        rules::may_offer(desk.parcel(waybill)?, to, desk.at)?;
        groups.push(draft(waybill, CustodyOffered { transfer, to: to.clone(), until_ms }));
    }
    desk.tell_all(Ok(()), groups)
}

/// Accepting. A parcel that is not known here is taken on the offer's word.
pub(super) fn accept(desk: Desk, code: &str, missing: &[Waybill]) -> Result<Decision, Refusal> {
    let me = parcel::courier(desk.at)?;
    let offer = Token::read(code)?;
    rules::is_an_offer(&offer, desk.at)?;
    let mut verdict = rules::may_accept(&offer, desk.at);
    let mut groups = Vec::with_capacity(offer.parcels.len());
    let here = |parcel: &&OfferedParcel| !missing.contains(&parcel.waybill);
    let taken: Vec<_> = offer.parcels.iter().filter(here).collect();
    refuse_if(taken.is_empty(), Refusal::NothingGiven)?;
    for OfferedParcel { waybill, goods } in &taken {
        let known = desk.parcel(waybill).ok();
        if known.is_some_and(|parcel| rules::was_transferred(parcel, offer.transfer, me)) {
            continue;
        }
        let one = rules::may_take(known);
        if taken.len() == 1 {
            verdict = verdict.and(one);
        } else {
            one?;
        }
        let fact = CustodyTransferred {
            transfer: offer.transfer,
            from: offer.badge.profile.courier.clone(),
            to: me.clone(),
            goods: *goods,
            proof: code.trim().to_owned(),
        };
        groups.push(draft(waybill, fact));
    }
    refuse_if(groups.is_empty(), Refusal::AlreadyTaken)?;
    desk.tell_all(verdict, groups)
}

/// The giver learns from the receiver's answer which of his parcels are in other hands.
pub(super) fn confirm(desk: Desk, code: &str) -> Result<Decision, Refusal> {
    let me = parcel::courier(desk.at)?;
    let token = Token::read(code)?;
    rules::is_an_answer(&token, desk.at)?;
    let receiver = &token.badge.profile.courier;
    let (mut groups, mut known) = (Vec::new(), false);
    for OfferedParcel { waybill, .. } in &token.parcels {
        let Ok(parcel) = desk.parcel(waybill) else { continue };
        if rules::was_transferred(parcel, token.transfer, receiver) {
            known = true;
        } else if rules::was_offered(parcel, token.transfer) {
            let fact = CustodyTransferred {
                transfer: token.transfer,
                from: me.clone(),
                to: receiver.clone(),
                goods: parcel.goods,
                proof: code.trim().to_owned(),
            };
            groups.push(draft(waybill, fact));
        }
    }
    if groups.is_empty() {
        return Err(if known { Refusal::AlreadyTaken } else { Refusal::AnswerToNoOffer });
    }
    desk.tell_all(Ok(()), groups)
}

/// Handing in: what is in his hands lies at the station then. A stopped or recalled parcel too:
/// that is where it belongs (C4.5).
pub(super) fn hand_in(desk: Desk, waybills: &[Waybill]) -> Result<Decision, Refusal> {
    let at = desk.at;
    all_or_none(desk, waybills, |parcel| {
        let condition = if parcel.damaged { Condition::Damaged } else { Condition::Sound };
        (parcel::may_hand_in(parcel, at), ParcelReceivedAtStation { condition }.into())
    })
}

/// Closing the shift: the count of every parcel that was with him, in his shift's lane.
pub(super) fn close_shift(
    desk: Desk,
    had: &[Waybill],
    counted: &[Waybill],
) -> Result<Decision, Refusal> {
    let me = parcel::courier(desk.at)?;
    let account = shift::account(me, had, counted, &|waybill| desk.parcel(waybill).ok());
    let fact = shift::ShiftClosed::from(&account);
    let bytes: usize = fact.unaccounted.iter().map(|waybill| waybill.as_str().len() + 3).sum();
    refuse_if(bytes > MOST_COUNTED_BYTES, Refusal::BatchTooLarge)?;
    let verdict = refuse_if(!fact.unaccounted.is_empty(), Refusal::ShiftUnaccounted);
    let lane = count_lane(desk.at);
    desk.tell_in(verdict, lane, fact)
}
