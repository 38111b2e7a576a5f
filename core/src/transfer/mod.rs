//! A transfer (转交): parcels go from one courier to another on the road, with both phones offline.
//!
//! The giver's phone shows a code, the receiver's phone scans it: that is the offer. It names the
//! parcels, both couriers and an end, is signed with the giver's phone's own key, and carries his
//! badge, which certifies that key under the hub's root key. So it can be checked without a
//! signal, by a phone that has never heard of the parcels. It holds no personal data; the
//! receiver reads names from the labels until his next sync brings them.
//!
//! Whose is the parcel meanwhile (C4.1)? The giver's, until he knows better. His phone says
//! *offered*. The receiver's phone says *mine* from his acceptance on. The hub says the
//! giver's until the first of them syncs the transfer. The giver learns of it from his own next
//! sync, or at once by scanning the receiver's answer, a code of the same make the other way.
//! Either phone's word is enough for the hub, since each holds the other's signature.
//!
//! What the giver had recorded before he offered may reach the hub after the receiver's word: it
//! is history then and moves nothing. Two receivers of one offer are a dispute that a person
//! rules. Both couriers belong to one station: between stations parcels travel by manifest.
//!
//! The codes are in `token.rs`, the rules in `rules.rs`, the fold in `state.rs`.

pub(crate) mod rules;
mod state;
#[cfg(test)]
mod tests;
mod token;

use serde::{Deserialize, Serialize};

pub use state::{CustodyLink, Offer};
pub use token::{OfferedParcel, Token, TokenKind};

use crate::command::Command;
use crate::conflict::is_default;
use crate::courier::{Courier, Recorded};
use crate::error::Result;
use crate::id::{CourierNo, TransferId};
use crate::parcel::GoodsFlags;
use crate::refusal::{Refusal, refuse_if};
use crate::waybill::Waybill;

/// The most parcels of one offer. Twenty numbers of up to 18 digits fit into a code however little
/// they have in common, where couriers and stations have at most 10 characters; more only if they
/// are alike, as those of one round often are.
pub const MOST_OFFERED: usize = 40;

/// How long an offer may be accepted, minutes (ours): the time that two couriers stand together,
/// and a walk.
pub const OFFER_MINUTES: i64 = 30;

/// A courier offered the parcel to another one. It is his until the other's acceptance is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyOffered {
    /// The transfer it belongs to.
    pub transfer: TransferId,
    /// Who is to have it.
    pub to: CourierNo,
    /// The last moment to accept it, UTC milliseconds.
    pub until_ms: i64,
}

/// The parcel went from one courier to the other. Recorded by the receiver, who holds the giver's
/// offer, or by the giver, who holds the receiver's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyTransferred {
    /// The transfer it belongs to.
    pub transfer: TransferId,
    /// Who had it.
    pub from: CourierNo,
    /// Who has it.
    pub to: CourierNo,
    /// What care it asks for, for a phone that knows no more of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub goods: GoodsFlags,
    /// The code that the other one signed.
    pub proof: String,
}

impl CustodyTransferred {
    /// Tells whether the other courier's signature bears it out, under the hub's root key, for
    /// this parcel as `recorder` says it.
    pub fn is_proven(&self, waybill: &Waybill, recorder: &CourierNo, root_key: &str) -> bool {
        let Ok(token) = Token::read(&self.proof) else { return false };
        let (signer, other) = match token.kind {
            TokenKind::Offer => (&self.from, &self.to),
            TokenKind::Answer => (&self.to, &self.from),
        };
        token.badge.profile.courier == *signer
            && recorder == other
            && token.transfer == self.transfer
            && token.parcels.iter().any(|parcel| parcel.waybill == *waybill)
            && token.verify(root_key).is_ok()
    }

    /// Tells whether the code that proves it was made for the one who recorded it.
    pub fn is_for(&self, recorder: &CourierNo) -> bool {
        Token::read(&self.proof).is_ok_and(|token| token.to == *recorder)
    }
}

/// A code to be shown to the other courier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct TransferCode {
    /// The transfer it belongs to.
    pub transfer: TransferId,
    /// To be shown as a QR code: at most 900 capital letters and digits.
    pub code: String,
    /// The last moment to accept, UTC milliseconds.
    pub until_ms: i64,
}

/// What a scanned code says, once it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct TransferView {
    /// The transfer it belongs to.
    pub transfer: TransferId,
    /// An offer to be accepted, or the answer to one.
    pub kind: TokenKind,
    /// Who shows it.
    pub from: CourierNo,
    /// Whom it is for.
    pub to: CourierNo,
    /// The last moment to accept, UTC milliseconds.
    pub until_ms: i64,
    /// The parcels.
    pub parcels: Vec<Waybill>,
}

impl Courier {
    /// Offers parcels in this courier's hands to another courier of the station.
    ///
    /// Records `CustodyOffered` on each and returns the code that the other's phone scans. The
    /// parcels stay this courier's until the other's acceptance is known here. All or none.
    ///
    /// # Errors
    /// What speaks against handing a parcel on; `BatchTooLarge` if they do not fit into one code;
    /// `BadgeEnded` and `NoDeviceKey` if this phone cannot vouch for itself today.
    pub fn offer_custody(
        &mut self,
        waybills: &[Waybill],
        to: &CourierNo,
    ) -> Result<(TransferCode, Recorded)> {
        let now_ms = self.now().ms;
        let transfer = TransferId::new(now_ms, self.options.entropy.as_ref());
        let until_ms = now_ms + OFFER_MINUTES * 60_000;
        let mut waybills = waybills.to_vec();
        waybills.sort();
        waybills.dedup();
        let command = Command::OfferCustody {
            transfer,
            waybills: waybills.clone(),
            to: to.clone(),
            until_ms,
        };
        if let Some(refusal) = self.check(&command)? {
            return Err(refusal.into());
        }
        let code = self.signed(TokenKind::Offer, transfer, to.clone(), until_ms, &waybills)?;
        let recorded = self.record(&command)?;
        Ok((TransferCode { transfer, code, until_ms }, recorded))
    }

    /// Makes the answer to an offer that was accepted here: the code by which the giver's phone
    /// knows at once that the parcels are in other hands.
    ///
    /// # Errors
    /// `NothingGiven` if nothing of that offer was accepted here; `BadgeEnded` and `NoDeviceKey`
    /// as [`offer_custody`](Self::offer_custody).
    pub fn answer_offer(&self, code: &str) -> Result<TransferCode> {
        let offer = Token::read(code)?;
        let mut taken = Vec::new();
        for OfferedParcel { waybill, .. } in &offer.parcels {
            let parcel = self.parcel(waybill)?;
            let mut links = parcel.iter().flat_map(|parcel| &parcel.links);
            let me = &self.identity.courier;
            if links.any(|link| link.transfer == offer.transfer && link.to == *me) {
                taken.push(waybill.clone());
            }
        }
        refuse_if(taken.is_empty(), Refusal::NothingGiven)?;
        let (transfer, until_ms) = (offer.transfer, offer.until_ms);
        let giver = offer.badge.profile.courier;
        let code = self.signed(TokenKind::Answer, transfer, giver, until_ms, &taken)?;
        Ok(TransferCode { transfer, code, until_ms })
    }

    /// Reads a scanned code and checks it under the pinned root key. Nothing is recorded: show
    /// what it says, count the parcels, then record `AcceptCustody` or `ConfirmCustody`.
    ///
    /// # Errors
    /// `CodeUnreadable`, `CodeForeign`, `CodeTampered`.
    pub fn read_transfer(&self, code: &str) -> Result<TransferView> {
        let token = Token::read(code)?;
        token.verify(&self.identity.root_key)?;
        Ok(TransferView {
            transfer: token.transfer,
            kind: token.kind,
            from: token.badge.profile.courier,
            to: token.to,
            until_ms: token.until_ms,
            parcels: token.parcels.into_iter().map(|parcel| parcel.waybill).collect(),
        })
    }

    /// Makes and signs a code with this phone's key.
    fn signed(
        &self,
        kind: TokenKind,
        transfer: TransferId,
        to: CourierNo,
        until_ms: i64,
        waybills: &[Waybill],
    ) -> Result<String> {
        let badge = self.own_badge()?.ok_or(Refusal::BadgeEnded)?;
        refuse_if(badge.profile.valid_until_ms <= self.now().ms, Refusal::BadgeEnded)?;
        let signer = self.options.signer.as_ref().ok_or(Refusal::NoDeviceKey)?;
        refuse_if(badge.profile.public_key.is_none(), Refusal::NoDeviceKey)?;
        let mut parcels = Vec::with_capacity(waybills.len());
        for waybill in waybills {
            let goods = self.parcel(waybill)?.map(|parcel| parcel.goods).unwrap_or_default();
            parcels.push(OfferedParcel { waybill: waybill.clone(), goods });
        }
        let mut token =
            Token { kind, badge, transfer, to, until_ms, parcels, signature: String::new() };
        let signature = signer.sign(token.text().as_bytes())?;
        token.signature = data_encoding::HEXLOWER.encode(&signature);
        Ok(token.code()?)
    }
}
