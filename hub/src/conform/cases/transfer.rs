//! Parcels that went from courier to courier without a signal: the hub believes what the other one
//! signed.

use lastmile_core::badge::{Badge, Profile};
use lastmile_core::id::{CourierNo, TransferId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::time::SystemEntropy;
use lastmile_core::transfer::{OfferedParcel, Token, TokenKind};
use lastmile_core::waybill::Waybill;
use serde_json::{Value, json};

use crate::Keys;
use crate::conform::answer::{Checked, accepted, fault, parked, same};
use crate::conform::kit::{Kit, now_ms};
use crate::conform::phone::{Phone, line, new_id, sign};

const HALF_AN_HOUR_MS: i64 = 1_800_000;

cases! {
    Device "10. Badges, and transfers between two phones" a_proven_transfer_opens_the_parcels_lane;
    Device "10. Badges, and transfers between two phones" the_givers_word_is_taken_with_the_receivers_answer;
    Device "10. Badges, and transfers between two phones" a_transfer_that_was_told_by_one_may_be_told_by_the_other;
    Device "10. Badges, and transfers between two phones" a_transfer_whose_time_is_over_is_taken;
    Device "10. Badges, and transfers between two phones" a_transfer_with_a_changed_proof_is_parked;
    Device "10. Badges, and transfers between two phones" a_transfer_without_a_proof_is_parked;
    Device "10. Badges, and transfers between two phones" a_proof_is_for_its_own_parcels_alone;
    Device "10. Badges, and transfers between two phones" a_proof_is_for_its_own_transfer_alone;
    Device "10. Badges, and transfers between two phones" nobody_proves_a_transfer_with_his_own_word;
    Device "10. Badges, and transfers between two phones" a_badge_of_another_hub_proves_nothing;
    Device "10. Badges, and transfers between two phones" an_offer_made_for_a_third_is_not_yours;
    Device "10. Badges, and transfers between two phones" an_offer_made_for_a_third_is_taken_from_one_who_says_so;
    Device "Who is sent what" who_took_a_parcel_is_sent_its_lane;
}

/// A giver, a receiver, and a parcel that no server knows.
struct Meeting<'k> {
    giver: Phone<'k>,
    receiver: Phone<'k>,
    waybill: String,
}

fn meet(kit: &Kit) -> Checked<Meeting<'_>> {
    let (giver, receiver) = (kit.signing_phone()?, kit.signing_phone()?);
    Ok(Meeting { giver, receiver, waybill: kit.waybill() })
}

impl Meeting<'_> {
    fn lane(&self) -> String {
        format!("parcel:{}", self.waybill)
    }

    /// What the giver shows.
    fn offer(&self) -> Checked<Token> {
        token(TokenKind::Offer, &self.giver, self.receiver.no(), &self.waybill)
    }

    /// What `by` records with `proof` in hand.
    fn told(&self, by: &Phone, proof: &Token) -> Checked<Value> {
        let code = proof.code().map_err(|refusal| fault("a proof", "a code", refusal.code()))?;
        Ok(by.event(
            "CustodyTransferred",
            &self.lane(),
            json!({
                "transfer": proof.transfer, "from": self.giver.no(), "to": self.receiver.no(),
                "proof": code,
            }),
        ))
    }

    /// Pushes what the receiver records with `proof` in hand.
    fn receiver_tells(&mut self, proof: &Token, verdict: Value) -> Checked {
        let told = line(&self.told(&self.receiver, proof)?);
        self.receiver.push(&[told])?.verdicts(&[verdict])
    }
}

fn token(kind: TokenKind, by: &Phone, to: &str, waybill: &str) -> Checked<Token> {
    let unfit = |what: &str| fault(what, "one of section 10", "another");
    let badge = by.enrolment.badge.as_deref().map(Badge::read);
    let badge = badge.and_then(Result::ok).ok_or_else(|| unfit("the badge"))?;
    let goods = GoodsFlags::default();
    let waybill = Waybill::parse(waybill).map_err(|_| unfit("the waybill"))?;
    let token = Token {
        kind,
        badge,
        transfer: TransferId::new(now_ms(), &SystemEntropy),
        to: CourierNo::new(to).map_err(|_| unfit("the courier"))?,
        until_ms: now_ms() + HALF_AN_HOUR_MS,
        parcels: vec![OfferedParcel { waybill, goods }],
        signature: String::new(),
    };
    Ok(signed(token, by))
}

fn signed(mut token: Token, by: &Phone) -> Token {
    token.signature = by.key.as_ref().map(|key| sign(key, &token.text())).unwrap_or_default();
    token
}

fn a_proven_transfer_opens_the_parcels_lane(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let offer = meeting.offer()?;
    meeting.receiver_tells(&offer, accepted(1))?;
    let out = line(&meeting.receiver.event("ParcelOutForDelivery", &meeting.lane(), json!({})));
    meeting.receiver.push(&[out])?.verdicts(&[accepted(2)])
}

fn the_givers_word_is_taken_with_the_receivers_answer(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let answer = token(TokenKind::Answer, &meeting.receiver, meeting.giver.no(), &meeting.waybill)?;
    let told = line(&meeting.told(&meeting.giver, &answer)?);
    meeting.giver.push(&[told])?.verdicts(&[accepted(1)])
}

fn a_transfer_that_was_told_by_one_may_be_told_by_the_other(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let offer = meeting.offer()?;
    meeting.receiver_tells(&offer, accepted(1))?;
    let mut answer =
        token(TokenKind::Answer, &meeting.receiver, meeting.giver.no(), &meeting.waybill)?;
    answer.transfer = offer.transfer;
    let told = line(&meeting.told(&meeting.giver, &signed(answer, &meeting.receiver))?);
    meeting.giver.push(&[told])?.verdicts(&[accepted(2)])
}

fn a_transfer_whose_time_is_over_is_taken(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let late = Token { until_ms: now_ms() - HALF_AN_HOUR_MS, ..meeting.offer()? };
    let late = signed(late, &meeting.giver);
    meeting.receiver_tells(&late, accepted(1))
}

fn a_transfer_with_a_changed_proof_is_parked(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let mut changed = meeting.offer()?;
    changed.until_ms += 1;
    meeting.receiver_tells(&changed, parked("BadSignature"))
}

fn a_transfer_without_a_proof_is_parked(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let mut told = meeting.told(&meeting.receiver, &meeting.offer()?)?;
    told["data"]["proof"] = json!("HELLO");
    meeting.receiver.push(&[line(&told)])?.verdicts(&[parked("BadSignature")])
}

fn a_proof_is_for_its_own_parcels_alone(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let offer = meeting.offer()?;
    meeting.waybill = kit.waybill();
    meeting.receiver_tells(&offer, parked("BadSignature"))
}

fn a_proof_is_for_its_own_transfer_alone(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let mut told = meeting.told(&meeting.receiver, &meeting.offer()?)?;
    told["data"]["transfer"] = json!(new_id());
    meeting.receiver.push(&[line(&told)])?.verdicts(&[parked("BadSignature")])
}

fn nobody_proves_a_transfer_with_his_own_word(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let own = token(TokenKind::Answer, &meeting.receiver, meeting.giver.no(), &meeting.waybill)?;
    meeting.receiver_tells(&own, parked("BadSignature"))
}

fn a_badge_of_another_hub_proves_nothing(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let mut offer = meeting.offer()?;
    let Profile { device, courier, station, public_key, valid_until_ms } = offer.badge.profile;
    let foreign = Keys::generate(&SystemEntropy);
    let profile = Profile { device, courier, station, public_key, valid_until_ms };
    let badge = Badge::read(&foreign.badge(profile));
    offer.badge = badge.map_err(|refusal| fault("a badge", "a code", refusal.code()))?;
    meeting.receiver_tells(&offer, parked("BadSignature"))
}

/// An offer that the giver made for somebody who is not there.
fn for_a_third(meeting: &Meeting) -> Checked<Token> {
    token(TokenKind::Offer, &meeting.giver, "a-third", &meeting.waybill)
}

fn an_offer_made_for_a_third_is_not_yours(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let offer = for_a_third(&meeting)?;
    meeting.receiver_tells(&offer, parked("NotYourLane"))
}

fn an_offer_made_for_a_third_is_taken_from_one_who_says_so(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let mut told = meeting.told(&meeting.receiver, &for_a_third(&meeting)?)?;
    told["against"] = json!({ "code": "CodeForAnother", "reason": "00".repeat(32) });
    meeting.receiver.push(&[line(&told)])?.verdicts(&[accepted(1)])
}

fn who_took_a_parcel_is_sent_its_lane(kit: &Kit) -> Checked {
    let mut meeting = meet(kit)?;
    let offer = meeting.offer()?;
    meeting.receiver_tells(&offer, accepted(1))?;
    let note = line(&meeting.giver.event("AddressArrived", &meeting.lane(), json!({})));
    meeting.giver.push(&[note])?.verdicts(&[accepted(2)])?;
    let reply = meeting.receiver.pull()?;
    same("the kinds sent", reply.kinds(), ["AddressArrived"])?;
    same("lane_seqs", reply.lane_seqs()?, [2])
}
