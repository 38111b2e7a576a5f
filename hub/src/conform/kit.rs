//! The server that is asked, and the couriers that cases enrol there.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lastmile_core::sync::wire::EnrolRequest;
use lastmile_core::time::{Clock as _, SystemClock, SystemEntropy};
use p256::ecdsa::SigningKey;
use serde_json::{Value, json};
use ureq::SendBody;

use super::answer::{Answer, Checked, fault};
use super::phone::Phone;
use crate::http::{Request, Response};

/// The largest answer that is read.
const MAX_ANSWER: u64 = 64 << 20;
/// A server that says nothing for so long has failed the case.
const SILENCE: Duration = Duration::from_secs(20);

/// A server, and where the codes for its couriers come from.
pub struct Kit {
    agent: ureq::Agent,
    base: String,
    couriers: Couriers,
    /// Tells couriers and parcels of one run from those of another.
    run: i64,
    made: AtomicU64,
}

enum Couriers {
    /// Their numbers and codes, as somebody wrote them down.
    Listed(Mutex<VecDeque<(String, Vec<String>)>>),
    /// A clerk's token makes codes for whatever number.
    Made(String),
}

impl Kit {
    /// Asks the server at `base` with the codes of a list: on each line a courier's number and
    /// one-time codes for him.
    ///
    /// # Errors
    /// A line without a code, in words for the person at the keyboard.
    pub fn with_codes(base: &str, list: &str) -> Result<Self, String> {
        let mut couriers = VecDeque::new();
        for (line, text) in (1..).zip(list.lines()) {
            let mut words = text.split_whitespace().map(str::to_owned);
            let Some(courier) = words.next() else { continue };
            let codes: Vec<_> = words.collect();
            if codes.is_empty() {
                return Err(format!("line {line} of the codes has no code; write: COURIER CODE …"));
            }
            couriers.push_back((courier, codes));
        }
        Ok(Self::new(base, Couriers::Listed(Mutex::new(couriers))))
    }

    /// Asks the server at `base`, and works at its station with a clerk's token.
    pub fn with_clerk(base: &str, token: &str) -> Self {
        Self::new(base, Couriers::Made(token.to_owned()))
    }

    fn new(base: &str, couriers: Couriers) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(SILENCE))
            .build()
            .into();
        let base = base.trim_end_matches('/').to_owned();
        Self { agent, base, couriers, run: now_ms(), made: AtomicU64::new(0) }
    }

    pub(super) fn has_clerk(&self) -> bool {
        matches!(self.couriers, Couriers::Made(_))
    }

    /// Sends a request and returns the answer, whatever its status.
    pub(super) fn send(&self, request: &Request) -> Checked<Answer> {
        let no_body = request.body.is_empty()
            && matches!(&*request.method, "GET" | "HEAD" | "DELETE" | "OPTIONS");
        let sent = if no_body {
            self.head(request).body(()).map(|ask| self.agent.run(ask))
        } else {
            self.head(request).body(request.body.clone()).map(|ask| self.agent.run(ask))
        };
        let mut answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(fault(&request.path, "an answer", error.to_string())),
            Err(error) => return Err(fault(&request.path, "a request", error.to_string())),
        };
        let headers = answer.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let mut response = Response::new(answer.status().as_u16());
        response.headers = headers.collect();
        let mut whole = answer.body_mut().as_reader().take(MAX_ANSWER);
        let read = whole.read_to_end(&mut response.body);
        read.map_err(|error| fault(&request.path, "a whole answer", error.to_string()))?;
        Ok(Answer(response))
    }

    /// Sends a request whose connection breaks after `bytes` of its body.
    pub(super) fn send_torn(&self, request: &Request, bytes: usize) -> Checked {
        let length = request.body.len().to_string();
        let torn = Torn(std::io::Cursor::new(request.body[..bytes].to_vec()));
        let ask = self.head(request).header("content-length", length);
        let ask = ask.body(SendBody::from_owned_reader(torn));
        let ask = ask.map_err(|error| fault(&request.path, "a request", error.to_string()))?;
        match self.agent.run(ask) {
            Err(_) => Ok(()),
            Ok(answer) => Err(fault("a cut connection", "no answer", answer.status())),
        }
    }

    fn head(&self, request: &Request) -> ureq::http::request::Builder {
        let url = format!("{}{}", self.base, request.path);
        let head = ureq::http::Request::builder().method(request.method.as_str()).uri(url);
        let headers = request.headers.iter();
        headers.fold(head, |head, (name, value)| head.header(name, value))
    }

    fn as_clerk(&self, method: &str, path: &str) -> Checked<Request> {
        let Couriers::Made(token) = &self.couriers else {
            return Err(fault("the clerk", "a clerk's token", "none; start with --clerk-token"));
        };
        Ok(Request::new(method, &format!("/v1/clerk/{path}")).bearer(token))
    }

    /// Asks as the station's clerk.
    pub(super) fn clerk(&self, method: &str, path: &str, body: &Value) -> Checked<Answer> {
        let request = self.as_clerk(method, path)?;
        self.send(&if body.is_null() { request } else { request.json(body) })
    }

    /// Asks as the clerk who says that he acts at another station.
    pub(super) fn clerk_at(&self, station: &str, path: &str) -> Checked<Answer> {
        self.send(&self.as_clerk("GET", path)?.header("Lastmile-Station", station))
    }

    /// Asks as the station's clerk for something that must be there.
    pub(super) fn clerk_get(&self, path: &str) -> Checked<Value> {
        let answer = self.clerk("GET", path, &Value::Null)?;
        answer.status(200)?;
        answer.json()
    }

    /// Gives a command of the station's clerk, which no rule speaks against.
    pub(super) fn command(&self, command: &Value) -> Checked {
        self.clerk("POST", "commands", command)?.status(201)
    }

    /// Returns a courier whom no other case knows.
    pub(super) fn courier(&self) -> Checked<Courier<'_>> {
        match &self.couriers {
            Couriers::Made(_) => {
                let no = format!("conform-{}-{}", self.run, self.count());
                Ok(Courier { kit: self, no, codes: Mutex::default() })
            }
            Couriers::Listed(list) => {
                let next = list.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let (no, codes) = next.ok_or_else(|| {
                    fault("the list of codes", "another courier", "none is left; add some")
                })?;
                Ok(Courier { kit: self, no, codes: Mutex::new(codes.into()) })
            }
        }
    }

    /// Returns a phone without a key, of a courier of its own.
    pub(super) fn phone(&self) -> Checked<Phone<'_>> {
        self.courier()?.phone()
    }

    /// Returns a phone that signs, of a courier of its own.
    pub(super) fn signing_phone(&self) -> Checked<Phone<'_>> {
        self.courier()?.signing_phone()
    }

    /// Returns a waybill number that no other case knows.
    pub(super) fn waybill(&self) -> String {
        format!("CF{}{:04}", self.run, self.count())
    }

    fn count(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }
}

/// The time, UTC milliseconds.
pub(super) fn now_ms() -> i64 {
    SystemClock::new(super::UTC_OFFSET_MIN).read().wall_ms
}

/// A courier and his one-time codes.
pub(super) struct Courier<'k> {
    kit: &'k Kit,
    pub(super) no: String,
    codes: Mutex<VecDeque<String>>,
}

impl<'k> Courier<'k> {
    /// Returns a code of his that was not used yet.
    pub(super) fn code(&self) -> Checked<String> {
        if self.kit.has_clerk() {
            let made = self.kit.clerk("POST", "codes", &json!({ "courier": self.no }))?;
            made.status(201)?;
            let made = made.json()?;
            let code = made["code"].as_str().map(str::to_owned);
            return code.ok_or_else(|| fault("the clerk's new code", "a text code", "none"));
        }
        let next = self.codes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.ok_or_else(|| fault("the list of codes", "three codes for each courier", "fewer"))
    }

    /// Asks for an enrolment.
    pub(super) fn enrol(&self, code: &str, public_key: Option<String>) -> Checked<Answer> {
        let request = EnrolRequest { code: code.to_owned(), public_key };
        self.kit.send(&Request::new("POST", "/v1/enrol").json(&request))
    }

    /// Enrols a phone without a key.
    pub(super) fn phone(&self) -> Checked<Phone<'k>> {
        let answer = self.enrol(&self.code()?, None)?;
        Phone::enrolled(self.kit, &answer, None)
    }

    /// Enrols a phone that signs.
    pub(super) fn signing_phone(&self) -> Checked<Phone<'k>> {
        let key = new_key();
        let answer = self.enrol(&self.code()?, Some(public_hex(&key)))?;
        Phone::enrolled(self.kit, &answer, Some(key))
    }
}

/// Makes a phone's key.
pub(super) fn new_key() -> SigningKey {
    use lastmile_core::time::Entropy as _;
    loop {
        let mut bytes = [0u8; 32];
        SystemEntropy.fill(&mut bytes);
        // All but 2^-32 of all values are keys.
        if let Ok(key) = SigningKey::from_slice(&bytes) {
            return key;
        }
    }
}

/// Writes a key's public half as phones send it.
pub(super) fn public_hex(key: &SigningKey) -> String {
    data_encoding::HEXLOWER.encode(key.verifying_key().to_sec1_point(false).as_bytes())
}

/// A body that ends with a broken connection.
struct Torn(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Torn {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(std::io::ErrorKind::ConnectionAborted.into()),
            n => Ok(n),
        }
    }
}
