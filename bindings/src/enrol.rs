//! Enrolment and sessions, before there is a store. The link that carries all requests carries
//! these too; their answers are read here instead of being given to `apply_reply`.

use lastmile_core::Identity;
use lastmile_core::badge::{self, CourierProfile};
use lastmile_core::sync::wire::{Enrolment, SessionGrant};
use lastmile_core::sync::{HubReply, HubRequest, enrol};

use crate::Result;

/// Returns the request that enrols this phone with the one-time code the station gave, and with
/// its public key if it has a signer (P-256, SEC1 uncompressed, hexadecimal).
#[uniffi::export(default(public_key = None))]
pub fn enrol_request(code: String, public_key: Option<String>) -> HubRequest {
    enrol::enrol_request(&code, public_key.as_deref())
}

/// Returns the request that enrols this phone again as the device that it is, with a new one-time
/// code and a badge of its own, over or not: that of `badge` or of its enrolment.
///
/// For a phone whose requests are all answered with `Unauthorised`: the hub was restored from a
/// backup that is older than the enrolment, or the phone has lost its tokens.
#[uniffi::export]
pub fn enrol_again_request(code: String, badge: String) -> HubRequest {
    enrol::enrol_again_request(&code, &badge)
}

/// Reads the answer to `enrol_request` or `enrol_again_request`.
#[uniffi::export]
pub fn read_enrolment(reply: HubReply) -> Result<Enrolment> {
    Ok(enrol::read_enrolment(&reply)?)
}

/// Returns the request that signs an enrolled phone in again with a new one-time code.
#[uniffi::export]
pub fn session_request(code: String) -> HubRequest {
    enrol::session_request(&code)
}

/// Reads the answer to `session_request`.
#[uniffi::export]
pub fn read_session(reply: HubReply) -> Result<SessionGrant> {
    Ok(enrol::read_session(&reply)?)
}

/// Returns the request that ends the session at the hub. Its answer needs no reading.
#[uniffi::export]
pub fn end_session_request() -> HubRequest {
    enrol::end_session_request()
}

/// Returns whose store an enrolment opens: all but the tokens.
#[uniffi::export]
pub fn identity_of(enrolment: Enrolment) -> Identity {
    enrolment.identity()
}

/// Checks a courier's badge offline and returns what it says. Whoever checks compares the end of
/// its validity with his own clock.
#[uniffi::export]
pub fn verify_badge(code: String, root_key: String) -> Result<CourierProfile> {
    Ok(badge::verify_badge(&code, &root_key)?)
}
