//! The other end of the wire: carries a phone's requests over real HTTP.
//!
//! The demo and the tests use it where an app uses `OkHttp` or `URLSession`.

use std::io::{Error as IoError, ErrorKind, Read};
use std::time::Duration;

use lastmile_core::sync::wire::{
    EnrolAgainRequest, EnrolRequest, Enrolment, Problem, SessionGrant, SessionRequest,
};
use lastmile_core::sync::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel};
use lastmile_core::{Courier, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::SendBody;

/// The largest answer taken.
const MAX_ANSWER: u64 = 64 << 20;

/// What a phone's HTTP stack holds beside a body. Twice ureq's own choice of 128 KiB would be as much
/// as the chunk of a photo.
const BUFFER: usize = 64 << 10;

/// One phone's way to its hub.
pub struct Client {
    agent: ureq::Agent,
    base: String,
    device_token: String,
    session_token: String,
}

/// What carrying requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Requests sent.
    pub requests: u64,
    /// Bytes of request bodies that left.
    pub bytes_up: u64,
    /// Bytes of answer bodies, as they travelled.
    pub bytes_down: u64,
}

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Arrives,
    /// The hub does what it is asked; the answer never comes back.
    AnswerLost,
    /// The connection breaks after so many bytes of the body.
    CutAfter(u64),
}

/// Makes the HTTP side: no redirects, every status is an answer, and a time-out so that a silent
/// hub is "no answer" and not a hanging app.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(30)))
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .build()
        .into()
}

/// One question to the hub outside the sync: enrolment, and all that a clerk does.
pub struct Ask {
    head: ureq::http::request::Builder,
    body: Vec<u8>,
}

impl Ask {
    /// Asks `method` of `url`.
    pub fn new(method: &str, url: &str) -> Self {
        let head = ureq::http::Request::builder().method(method).uri(url);
        Self { head, body: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { head: self.head.header(name, value), ..self }
    }

    /// Adds `Authorization: Bearer …`.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a body in JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { body, ..self.header("content-type", "application/json") }
    }

    /// Sends it and returns the body of the answer.
    ///
    /// # Errors
    /// What went wrong, in words for the person at the keyboard; the hub's own advice if it gave
    /// some.
    pub fn bytes(self, agent: &ureq::Agent) -> Result<Vec<u8>, String> {
        let sent = if self.body.is_empty() {
            agent.run(self.head.body(()).map_err(|error| error.to_string())?)
        } else {
            agent.run(self.head.body(self.body).map_err(|error| error.to_string())?)
        };
        let mut answer = sent.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        let read = answer.body_mut().as_reader().take(MAX_ANSWER).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        if status < 300 {
            return Ok(bytes);
        }
        Err(match serde_json::from_slice::<Problem>(&bytes) {
            Ok(Problem { code, advice }) => format!("the hub answered {status} {code}: {advice}"),
            Err(_) => format!("the hub answered {status}"),
        })
    }

    /// Sends it and reads the answer as JSON.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), or an answer of another shape.
    pub fn read<T: DeserializeOwned>(self, agent: &ureq::Agent) -> Result<T, String> {
        let bytes = self.bytes(agent)?;
        serde_json::from_slice(&bytes).map_err(|_| "the hub's answer cannot be read".to_owned())
    }
}

/// Exchanges a one-time code for an enrolment.
///
/// # Errors
/// What went wrong, in words for the person at the keyboard.
pub fn enrol(base: &str, request: &EnrolRequest) -> Result<Enrolment, String> {
    Ask::new("POST", &format!("{base}/v1/enrol")).json(request).read(&agent())
}

/// Enrols a phone again as the device that it is.
///
/// # Errors
/// What went wrong, in words for the person at the keyboard.
pub fn enrol_again(base: &str, request: &EnrolAgainRequest) -> Result<Enrolment, String> {
    Ask::new("POST", &format!("{base}/v1/enrol/again")).json(request).read(&agent())
}

impl Client {
    /// A client for the hub at `base`, such as `http://127.0.0.1:7300`.
    pub fn new(base: &str, enrolment: &Enrolment) -> Self {
        Self {
            agent: agent(),
            base: base.to_owned(),
            device_token: enrolment.device_token.clone(),
            session_token: enrolment.session_token.clone(),
        }
    }

    /// Signs in again with a new one-time code, after the session has ended.
    ///
    /// # Errors
    /// What went wrong, in words for the person at the keyboard.
    pub fn sign_in(&mut self, code: String) -> Result<(), String> {
        let url = format!("{}/v1/session", self.base);
        let ask = Ask::new("POST", &url).token(&self.device_token).json(&SessionRequest { code });
        let grant: SessionGrant = ask.read(&self.agent)?;
        self.session_token = grant.session_token;
        Ok(())
    }

    /// Sends one request; whatever goes wrong on the way is "no answer".
    pub fn carry(&self, request: &HubRequest, fate: Fate, carried: &mut Carried) -> HubReply {
        match self.try_carry(request, fate, carried) {
            Some(reply) if fate == Fate::Arrives => reply,
            _ => HubReply::NoAnswer,
        }
    }

    fn try_carry(
        &self,
        request: &HubRequest,
        fate: Fate,
        carried: &mut Carried,
    ) -> Option<HubReply> {
        let mut body = match &request.body {
            Body::Empty => &[],
            Body::Bytes { bytes } => bytes.as_slice(),
        };
        let len = body.len() as u64;
        let mut ask = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.base, request.path))
            .header("authorization", format!("Bearer {}", self.device_token));
        if request.auth == Auth::DeviceAndSession {
            ask = ask.header("lastmile-session", &self.session_token);
        }
        for Header { name, value } in &request.headers {
            ask = ask.header(name, value);
        }
        carried.requests += 1;
        carried.bytes_up += match fate {
            Fate::CutAfter(after) => after.min(len),
            _ => len,
        };
        let mut answer = if request.body == Body::Empty && request.method != "POST" {
            self.agent.run(ask.body(()).ok()?).ok()?
        } else {
            let mut torn;
            let body = match fate {
                Fate::CutAfter(after) if after < len => {
                    torn = Torn { left: body.take(after) };
                    SendBody::from_reader(&mut torn)
                }
                _ => SendBody::from_reader(&mut body),
            };
            self.agent.run(ask.header("content-length", len.to_string()).body(body).ok()?).ok()?
        };
        if fate == Fate::AnswerLost {
            return None;
        }
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                let value = value.to_str().ok()?.to_owned();
                Some(Header { name: name.as_str().to_owned(), value })
            })
            .collect();
        let mut body = Vec::new();
        answer.body_mut().as_reader().take(MAX_ANSWER).read_to_end(&mut body).ok()?;
        carried.bytes_down += body.len() as u64;
        Some(HubReply::Answer { status, headers, body })
    }

    /// Carries requests of both channels until there is nothing to do or nothing gets through.
    ///
    /// # Errors
    /// An error of the store; what the library says about a bad answer is left to its next try.
    pub fn sync(&self, courier: &mut Courier, carried: &mut Carried) -> Result<(), Error> {
        exchange(courier, |request| self.carry(request, Fate::Arrives, carried))
    }
}

/// Asks the library what to send and hands it what came back, on both channels, until it has
/// nothing to send or wants to wait. Events come last once more: a photo's receipt may free one.
///
/// # Errors
/// An error of the store; what the library says about a bad answer is left to its next try.
pub fn exchange(
    courier: &mut Courier,
    mut carry: impl FnMut(&HubRequest) -> HubReply,
) -> Result<(), Error> {
    for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
        while let Next::Send { request } = courier.next_request(channel)? {
            let reply = carry(&request);
            match courier.apply_reply(request.id, &reply) {
                Ok(()) | Err(Error::Reply(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A body that ends with a broken connection.
struct Torn<R> {
    left: R,
}

impl<R: Read> Read for Torn<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.left.read(into)? {
            0 => Err(IoError::new(ErrorKind::ConnectionAborted, "the signal is gone")),
            n => Ok(n),
        }
    }
}
