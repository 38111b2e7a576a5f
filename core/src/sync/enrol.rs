//! Enrolment and sessions: requests that need no store yet, for the same link as all others.
//!
//! Their id is 0 and their answers are read here, never given to [`Courier::apply_reply`].
//!
//! [`Courier::apply_reply`]: crate::Courier::apply_reply

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{EnrolAgainRequest, EnrolRequest, Enrolment, SessionGrant, SessionRequest};
use super::{Auth, Body, Header, HubReply, HubRequest, SyncChannel, unpacked};
use crate::error::{ReplyError, Result};

/// Enrols a phone with the one-time code the station gave, and its public key if it has a signer
/// (P-256, SEC1 uncompressed, hexadecimal).
pub fn enrol_request(code: &str, public_key: Option<&str>) -> HubRequest {
    let body = EnrolRequest { code: code.to_owned(), public_key: public_key.map(str::to_owned) };
    request("POST", "/v1/enrol", Auth::None, &body)
}

/// Enrols a phone again as the device that it is, with a new one-time code and a badge of its own,
/// over or not: [`Courier::badge`] or the one of its enrolment.
///
/// For a phone whose requests are all answered with `Unauthorised`: the hub was restored from a
/// backup that is older than the enrolment, or the phone has lost its tokens. Its store is opened
/// with the new enrolment, and what was recorded is sent as ever.
///
/// [`Courier::badge`]: crate::Courier::badge
pub fn enrol_again_request(code: &str, badge: &str) -> HubRequest {
    let body = EnrolAgainRequest { code: code.to_owned(), badge: badge.to_owned() };
    request("POST", "/v1/enrol/again", Auth::None, &body)
}

/// Reads the answer to [`enrol_request`] or [`enrol_again_request`].
///
/// # Errors
/// `CodeSpent` if the code is wrong, used, expired or another courier's; `OtherHub` if the badge is
/// not one of this hub; `NoAnswer`; `ReplyMalformed`.
pub fn read_enrolment(reply: &HubReply) -> Result<Enrolment> {
    read(reply)
}

/// Signs an enrolled phone in again with a new one-time code.
pub fn session_request(code: &str) -> HubRequest {
    request("POST", "/v1/session", Auth::Device, &SessionRequest { code: code.to_owned() })
}

/// Reads the answer to [`session_request`]. Fails as [`read_enrolment`] does.
pub fn read_session(reply: &HubReply) -> Result<SessionGrant> {
    read(reply)
}

/// Ends the session at the hub. Its answer needs no reading: without the session token nothing
/// is pulled any more, and the token ends with the shift in any case.
pub fn end_session_request() -> HubRequest {
    let request = request("DELETE", "/v1/session", Auth::DeviceAndSession, &());
    HubRequest { body: Body::Empty, ..request }
}

fn request(method: &str, path: &str, auth: Auth, body: &impl Serialize) -> HubRequest {
    HubRequest {
        id: 0,
        channel: SyncChannel::Events,
        method: method.to_owned(),
        path: path.to_owned(),
        headers: vec![Header::new("content-type", "application/json")],
        auth,
        // Serialising plain structs into memory cannot fail.
        body: Body::Bytes { bytes: serde_json::to_vec(body).unwrap_or_default() },
    }
}

fn read<T: DeserializeOwned>(reply: &HubReply) -> Result<T> {
    let HubReply::Answer { status, body, .. } = reply else {
        return Err(ReplyError::NoAnswer.into());
    };
    match status {
        200 | 201 => {
            Ok(serde_json::from_slice(&unpacked(body)?).map_err(|_| ReplyError::Malformed)?)
        }
        401 | 403 => Err(ReplyError::CodeSpent.into()),
        409 => Err(ReplyError::OtherHub.into()),
        413 => Err(ReplyError::TooLarge.into()),
        429 | 500.. => Err(ReplyError::NoAnswer.into()),
        _ => Err(ReplyError::Malformed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HubReply {
        HubReply::Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_code_the_hub_does_not_take_is_told_from_no_signal() {
        let spent = read_session(&answer(401, r#"{"code":"CodeSpent","advice":"…"}"#));
        assert_eq!(spent.err().map(|error| error.code()), Some("CodeSpent"));
        let silent = read_session(&HubReply::NoAnswer);
        assert_eq!(silent.err().map(|error| error.code()), Some("NoAnswer"));
    }

    #[test]
    fn a_badge_of_another_hub_is_told_from_a_wrong_code() {
        let foreign = read_enrolment(&answer(409, r#"{"code":"BadBadge","advice":"…"}"#));
        assert_eq!(foreign.err().map(|error| error.code()), Some("OtherHub"));
    }

    #[test]
    fn a_captive_portal_is_not_an_enrolment() {
        let portal = read_enrolment(&answer(200, "<html>log in</html>"));
        assert_eq!(portal.err().map(|error| error.code()), Some("ReplyMalformed"));
    }
}
