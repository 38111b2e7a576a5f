//! A device with a key signs the head of its chain; without that its events wait.

use lastmile_core::sync::wire;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::json;

use crate::conform::answer::{Checked, Reply, accepted, fault, head, known, parked};
use crate::conform::kit::{Kit, new_key};
use crate::conform::phone::{Phone, new_case, sign};

cases! {
    Device "2. Chains and positions" a_signed_push_is_accepted;
    Device "2. Chains and positions" a_signature_may_be_raw;
    Device "The park" an_unsigned_push_of_a_device_with_a_key_is_parked;
    Device "The park" a_signature_over_another_head_is_parked;
    Device "The park" a_signature_by_another_key_is_parked;
    Device "Verdicts" what_was_not_signed_may_be_signed_later;
    Device "2. Chains and positions" a_device_without_a_key_need_not_sign;
}

fn a_signed_push_is_accepted(kit: &Kit) -> Checked {
    let mut phone = kit.signing_phone()?;
    let case = new_case();
    phone.push(&[phone.report(&case), phone.note(&case)])?.verdicts(&[accepted(1), accepted(2)])?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(3)])
}

/// Offers lines with another signature.
fn signed_with(phone: &Phone, lines: &[Vec<u8>], signature: &str) -> Checked<Reply> {
    let mut header = phone.header(lines);
    header["signature"] = json!(signature);
    Reply::read(&phone.send(&header, lines)?)
}

fn key_of<'p>(phone: &'p Phone) -> Checked<&'p SigningKey> {
    phone.key.as_ref().ok_or_else(|| fault("the phone", "a key", "none"))
}

/// What the phone is to sign for a push of these lines.
fn head_text(phone: &Phone, lines: &[Vec<u8>]) -> String {
    let head = head(phone.link, lines);
    let last = phone.next_seq + lines.len() as u64 - 1;
    wire::head_text(phone.enrolment.device, phone.incarnation, last, &head)
}

fn a_signature_may_be_raw(kit: &Kit) -> Checked {
    let phone = kit.signing_phone()?;
    let lines = [phone.report(&new_case())];
    let key = key_of(&phone)?;
    let raw: Signature = key.sign(head_text(&phone, &lines).as_bytes());
    let raw = data_encoding::HEXLOWER.encode(&raw.to_bytes());
    signed_with(&phone, &lines, &raw)?.verdicts(&[accepted(1)])
}

fn an_unsigned_push_of_a_device_with_a_key_is_parked(kit: &Kit) -> Checked {
    let mut phone = kit.signing_phone()?;
    phone.key = None;
    phone.push(&[phone.report(&new_case())])?.verdicts(&[parked("BadSignature")])
}

fn a_signature_over_another_head_is_parked(kit: &Kit) -> Checked {
    let phone = kit.signing_phone()?;
    let lines = [phone.report(&new_case())];
    let key = key_of(&phone)?;
    let other = sign(key, &head_text(&phone, &[phone.report(&new_case())]));
    signed_with(&phone, &lines, &other)?.verdicts(&[parked("BadSignature")])
}

fn a_signature_by_another_key_is_parked(kit: &Kit) -> Checked {
    let phone = kit.signing_phone()?;
    let lines = [phone.report(&new_case())];
    let other = sign(&new_key(), &head_text(&phone, &lines));
    signed_with(&phone, &lines, &other)?.verdicts(&[parked("BadSignature")])
}

fn what_was_not_signed_may_be_signed_later(kit: &Kit) -> Checked {
    let mut phone = kit.signing_phone()?;
    let case = new_case();
    let lines = [phone.report(&case)];
    let unsigned = Phone { key: None, ..phone.clone() };
    unsigned.offer(&lines)?.verdicts(&[parked("BadSignature")])?;
    phone.push(&lines)?.verdicts(&[known(1)])?;
    phone.push(&[phone.note(&case)])?.verdicts(&[accepted(2)])
}

fn a_device_without_a_key_need_not_sign(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    signed_with(&phone, &lines, "00")?.verdicts(&[accepted(1)])
}
