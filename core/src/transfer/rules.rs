//! What may be handed from courier to courier.

use super::{Token, TokenKind};
use crate::decide::Circumstances;
use crate::id::{CourierNo, TransferId};
use crate::parcel::{Parcel, rules as parcel};
use crate::refusal::{Refusal, Verdict, refuse_if};

/// Offering: his, on the way, free to go on, and not on offer to somebody else.
pub(crate) fn may_offer(parcel: &Parcel, to: &CourierNo, at: &Circumstances) -> Verdict {
    refuse_if(parcel::courier(at)? == to, Refusal::OfferToYourself)?;
    parcel::may_go_on(parcel)?;
    parcel::in_your_hands(parcel, at)?;
    let elsewhere = |offer: &super::Offer| offer.to != *to && offer.until_ms > at.now.ms;
    refuse_if(parcel.offer.as_ref().is_some_and(elsewhere), Refusal::AlreadyOffered)
}

/// Checks that a code is genuine and of the kind that is asked for, from a colleague.
fn is_genuine(token: &Token, kind: TokenKind, at: &Circumstances) -> Verdict {
    let me = parcel::courier(at)?;
    refuse_if(token.kind != kind, Refusal::CodeUnreadable)?;
    token.verify(at.root_key)?;
    let signer = &token.badge.profile;
    refuse_if(signer.station != *at.station, Refusal::NotYourStation)?;
    refuse_if(signer.courier == *me, Refusal::OfferToYourself)
}

/// Reading an offer: what nobody may pass over.
pub(crate) fn is_an_offer(token: &Token, at: &Circumstances) -> Verdict {
    is_genuine(token, TokenKind::Offer, at)
}

/// Accepting an offer: for him, and in time. Parcels that changed hands all the same are recorded
/// against the rule.
pub(crate) fn may_accept(token: &Token, at: &Circumstances) -> Verdict {
    refuse_if(token.to != *parcel::courier(at)?, Refusal::CodeForAnother)?;
    refuse_if(token.until_ms <= at.now.ms, Refusal::OfferExpired)?;
    refuse_if(token.badge.profile.valid_until_ms <= at.now.ms, Refusal::BadgeEnded)
}

/// Taking one parcel of an offer. One that is not known here is taken on the offer's word.
pub(crate) fn may_take(known: Option<&Parcel>) -> Verdict {
    known.map_or(Ok(()), parcel::may_go_on)
}

/// Reading the answer to an offer of his own.
pub(crate) fn is_an_answer(token: &Token, at: &Circumstances) -> Verdict {
    is_genuine(token, TokenKind::Answer, at)?;
    refuse_if(token.to != *parcel::courier(at)?, Refusal::AnswerToNoOffer)
}

/// The parcel was offered in this transfer.
pub(crate) fn was_offered(parcel: &Parcel, transfer: TransferId) -> bool {
    parcel.offer.as_ref().is_some_and(|offer| offer.transfer == transfer)
}

/// The parcel changed hands in this transfer already.
pub(crate) fn was_transferred(parcel: &Parcel, transfer: TransferId, to: &CourierNo) -> bool {
    parcel.links.iter().any(|link| link.transfer == transfer && link.to == *to)
}
