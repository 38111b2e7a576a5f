//! A phone that speaks the bare protocol and keeps nothing but its place in it.

use lastmile_core::id::{Digest, EventId};
use lastmile_core::sync::wire::{Enrolment, head_text};
use lastmile_core::time::SystemEntropy;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};

use super::answer::{Answer, Checked, Reply, fault, head};
use super::kit::{Kit, now_ms};
use crate::http::Request;

/// One enrolled device.
#[derive(Clone)]
pub(super) struct Phone<'k> {
    pub(super) kit: &'k Kit,
    pub(super) enrolment: Enrolment,
    pub(super) key: Option<SigningKey>,
    pub(super) incarnation: u32,
    pub(super) next_seq: u64,
    pub(super) link: Digest,
    pub(super) cursor: u64,
}

impl<'k> Phone<'k> {
    /// Takes the answer to an enrolment.
    pub(super) fn enrolled(
        kit: &'k Kit,
        answer: &Answer,
        key: Option<SigningKey>,
    ) -> Checked<Self> {
        answer.status(201)?;
        let enrolment = serde_json::from_value(answer.json()?);
        let enrolment = enrolment
            .map_err(|error| fault("the enrolment", "what section 3 shows", error.to_string()))?;
        let link = Digest::default();
        Ok(Self { kit, enrolment, key, incarnation: 1, next_seq: 1, link, cursor: 0 })
    }

    pub(super) fn device(&self) -> String {
        self.enrolment.device.to_string()
    }

    pub(super) fn no(&self) -> &str {
        self.enrolment.courier.as_str()
    }

    /// Makes an event of this phone's courier.
    #[expect(clippy::needless_pass_by_value, reason = "cases write the payload in place")]
    pub(super) fn event(&self, kind: &str, lane: &str, data: Value) -> Value {
        json!({
            "kind": kind, "v": 1, "id": new_id(), "lane": lane, "dev": self.device(),
            "by": format!("courier:{}", self.no()),
            "at": { "ms": now_ms(), "off": 480, "err": 40 },
            "policy": 1, "data": data,
        })
    }

    /// The first event of an exception's lane.
    pub(super) fn report(&self, lane: &str) -> Vec<u8> {
        line(&self.event("ExceptionReported", lane, json!({ "kind": "delay" })))
    }

    /// A later event of an exception's lane. Each call makes another one.
    pub(super) fn note(&self, lane: &str) -> Vec<u8> {
        let note = Digest::of(&[new_id().as_bytes()]).to_string();
        line(&self.event("ProgressNoted", lane, json!({ "note": note })))
    }

    /// The header of a push of `lines` at the phone's present place, without a pull.
    pub(super) fn header(&self, lines: &[Vec<u8>]) -> Value {
        let head = head(self.link, lines);
        let last = self.next_seq + lines.len() as u64 - 1;
        let mut header = json!({
            "protocol": 1, "device": self.device(), "incarnation": self.incarnation,
            "first_seq": self.next_seq, "prev_link": self.link.to_string(),
            "events": lines.len(), "vault": 0, "pending": 0,
        });
        if let Some(key) = &self.key {
            let text = head_text(self.enrolment.device, self.incarnation, last, &head);
            header["signature"] = sign(key, &text).into();
        }
        header
    }

    /// The same, and what the phone wants to be sent.
    pub(super) fn pull_header(&self, lines: &[Vec<u8>]) -> Value {
        let mut header = self.header(lines);
        header["pull"] =
            json!({ "cursor": self.cursor, "max_events": 1000, "directory": 0, "policy": 0 });
        header
    }

    /// The request that carries a header, its lines and its vault entries.
    pub(super) fn request(&self, header: &Value, lines: &[Vec<u8>], vault: &[Value]) -> Request {
        let mut header = header.clone();
        if !vault.is_empty() {
            header["vault"] = vault.len().into();
        }
        let mut body = line(&header);
        body.push(b'\n');
        for line in lines.iter().cloned().chain(vault.iter().map(line)) {
            body.extend_from_slice(&line);
            body.push(b'\n');
        }
        Request::new("POST", "/v1/sync")
            .bearer(&self.enrolment.device_token)
            .header("Lastmile-Session", self.enrolment.session_token.clone())
            .header("Lastmile-Protocol", "1")
            .header("Content-Type", "application/x-ndjson")
            .with_body(body)
    }

    /// Sends a push and returns the answer, whatever it is.
    pub(super) fn send(&self, header: &Value, lines: &[Vec<u8>]) -> Checked<Answer> {
        self.kit.send(&self.request(header, lines, &[]))
    }

    /// Offers lines at the phone's present place and stays there, as if the reply got lost.
    pub(super) fn offer(&self, lines: &[Vec<u8>]) -> Checked<Reply> {
        Reply::read(&self.send(&self.header(lines), lines)?)
    }

    /// Pushes lines and moves on.
    pub(super) fn push(&mut self, lines: &[Vec<u8>]) -> Checked<Reply> {
        let reply = self.offer(lines)?;
        self.move_on(lines);
        Ok(reply)
    }

    /// Pushes one line with vault entries, and moves on.
    pub(super) fn push_with(&mut self, event: &[u8], vault: &[Value]) -> Checked<Reply> {
        let lines = [event.to_vec()];
        let request = self.request(&self.header(&lines), &lines, vault);
        let reply = Reply::read(&self.kit.send(&request)?)?;
        self.move_on(&lines);
        Ok(reply)
    }

    pub(super) fn move_on(&mut self, lines: &[Vec<u8>]) {
        self.link = head(self.link, lines);
        self.next_seq += lines.len() as u64;
    }

    /// Starts the next incarnation.
    pub(super) fn reborn(&mut self) {
        self.incarnation += 1;
        self.next_seq = 1;
    }

    /// Pulls from the phone's cursor and stores the new one.
    pub(super) fn pull(&mut self) -> Checked<Reply> {
        let reply = Reply::read(&self.send(&self.pull_header(&[]), &[])?)?;
        self.cursor = reply.number("cursor")?;
        Ok(reply)
    }

    /// Pulls with another session token, or with none.
    pub(super) fn pull_with_session(&self, token: Option<&str>) -> Checked<Reply> {
        let mut request = self.request(&self.pull_header(&[]), &[], &[]);
        request.headers.retain(|(name, _)| name != "Lastmile-Session");
        if let Some(token) = token {
            request = request.header("Lastmile-Session", token);
        }
        Reply::read(&self.kit.send(&request)?)
    }
}

/// Writes the bytes of a line.
pub(super) fn line(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Signs a text: DER in hexadecimal.
pub(super) fn sign(key: &SigningKey, text: &str) -> String {
    let signature: DerSignature = key.sign(text.as_bytes());
    data_encoding::HEXLOWER.encode(&signature.to_bytes())
}

/// Makes an identifier, a UUID of version 7.
pub(super) fn new_id() -> String {
    EventId::new(now_ms(), &SystemEntropy).to_string()
}

/// Makes the name of an exception's lane that has no event yet.
pub(super) fn new_case() -> String {
    format!("exception:{}", new_id())
}

/// Makes the name of a complaint's lane that has no event yet.
pub(super) fn new_complaint() -> String {
    format!("complaint:{}", new_id())
}
