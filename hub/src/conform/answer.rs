//! What came back, and the words in which a case says that it is not what the page promises.

use std::fmt::{Debug, Write as _};
use std::io::Read as _;

use lastmile_core::event::link;
use lastmile_core::id::Digest;
use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{HubKey, Limits, ReceiptBody};
use serde_json::{Value, json};

use super::kit::Kit;
use super::phone::Phone;
use crate::http::Response;

/// What was found is not what the page promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a case, or a step of it, comes to.
pub(super) type Checked<T = ()> = Result<T, Fault>;

/// The longest value that a report shows.
const SHOWN: usize = 300;

/// Says what was expected of `what`, and what was found.
pub(super) fn fault(what: &str, expected: impl Debug, found: impl Debug) -> Fault {
    told(what, format!("{expected:?}"), format!("{found:?}"))
}

fn told(what: &str, mut expected: String, mut found: String) -> Fault {
    for text in [&mut expected, &mut found] {
        if let Some((cut, _)) = text.char_indices().nth(SHOWN) {
            text.truncate(cut);
            text.push('…');
        }
    }
    Fault(format!("{what}: expected {expected}, found {found}"))
}

/// Checks that two values are the same.
pub(super) fn same<T: PartialEq<U> + Debug, U: Debug>(
    what: &str,
    found: T,
    expected: U,
) -> Checked {
    if found == expected { Ok(()) } else { Err(fault(what, expected, found)) }
}

/// Checks a field of a JSON object.
pub(super) fn field(object: &Value, name: &str, expected: impl serde::Serialize) -> Checked {
    let (expected, found) = (json!(expected), &object[name]);
    if *found == expected {
        return Ok(());
    }
    Err(told(name, expected.to_string(), found.to_string()))
}

/// Checks a claim.
pub(super) fn holds(claim: bool, what: &str) -> Checked {
    if claim {
        Ok(())
    } else {
        Err(Fault(format!("expected that {what}, found that it is not so")))
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(super) struct Answer(pub(super) Response);

impl Answer {
    /// Checks the status.
    pub(super) fn status(&self, expected: u16) -> Checked {
        if self.0.status == expected {
            return Ok(());
        }
        let found = (self.0.status, String::from_utf8_lossy(&self.0.body));
        Err(fault("the answer's status", expected, found))
    }

    /// Checks that it is this problem, with a body as section 7 says.
    pub(super) fn problem(&self, status: u16, code: &str) -> Checked {
        self.status(status)?;
        let body = self.json()?;
        field(&body, "code", code)?;
        let advice = body["advice"].as_str().unwrap_or_default();
        holds(!advice.is_empty(), "a problem comes with its advice")
    }

    /// Reads the body as JSON.
    pub(super) fn json(&self) -> Checked<Value> {
        let read = serde_json::from_slice(&self.0.body);
        read.map_err(|_| fault("the answer's body", "JSON", String::from_utf8_lossy(&self.0.body)))
    }

    /// Returns a header's value.
    pub(super) fn header(&self, name: &str) -> Checked<&str> {
        self.0.get(name).ok_or_else(|| fault(name, "a header", "none"))
    }

    /// Reads a header that is a number.
    pub(super) fn number(&self, name: &str) -> Checked<u64> {
        let text = self.header(name)?;
        text.parse().map_err(|_| fault(name, "a number", text))
    }

    /// Returns the body as it was before compression.
    fn plain_body(&self) -> Checked<Vec<u8>> {
        if self.0.get("Content-Encoding") != Some("gzip") {
            return Ok(self.0.body.clone());
        }
        let mut plain = Vec::new();
        let unzipped = flate2::read::GzDecoder::new(self.0.body.as_slice()).read_to_end(&mut plain);
        unzipped.map_err(|error| fault("the answer's body", "gzip", error.to_string()))?;
        Ok(plain)
    }
}

/// An answer to `POST /v1/sync`, taken apart.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) header: Value,
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) vault: Vec<Value>,
}

impl Reply {
    /// Takes an answer apart; what its header counts must be there.
    pub(super) fn read(answer: &Answer) -> Checked<Self> {
        answer.status(200)?;
        let body = answer.plain_body()?;
        let body = body.strip_suffix(b"\n").ok_or_else(|| {
            fault("the reply", "lines, each ended by a newline", "no newline at the end")
        })?;
        let mut lines = body.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        let unread =
            |_| fault("the reply's first line", "a header", String::from_utf8_lossy(first));
        let header: Value = serde_json::from_slice(first).map_err(unread)?;
        let events = numbers(&header, "lane_seqs")?.len();
        let vault = number(&header, "vault")?;
        let rest: Vec<_> = lines.map(<[u8]>::to_vec).collect();
        same("the lines after the reply's header", rest.len() as u64, events as u64 + vault)?;
        let entries = rest[events..].iter().map(|line| {
            serde_json::from_slice(line)
                .map_err(|_| fault("a vault line", "JSON", "something else"))
        });
        let vault = entries.collect::<Checked<_>>()?;
        Ok(Self { header, vault, lines: rest[..events].to_vec() })
    }

    /// Checks the verdicts.
    pub(super) fn verdicts(&self, expected: &[Value]) -> Checked {
        field(&self.header, "verdicts", expected)
    }

    /// Returns the positions in their lanes of the lines that follow.
    pub(super) fn lane_seqs(&self) -> Checked<Vec<u64>> {
        numbers(&self.header, "lane_seqs")
    }

    /// Reads a number of the header.
    pub(super) fn number(&self, name: &str) -> Checked<u64> {
        number(&self.header, name)
    }

    /// Returns what the hub allows: the page's numbers, if the reply has none.
    pub(super) fn limits(&self) -> Checked<Limits> {
        match &self.header["limits"] {
            Value::Null => Ok(Limits::default()),
            limits => serde_json::from_value(limits.clone())
                .map_err(|_| fault("limits", "what section 4 shows", limits)),
        }
    }

    /// Tells whether a field of the header is absent or, which is the same, empty or false.
    pub(super) fn lacks(&self, name: &str) -> Checked {
        let value = &self.header[name];
        let empty = value.is_null() || *value == json!(false) || *value == json!([]);
        if empty { Ok(()) } else { Err(fault(name, "nothing", value)) }
    }

    /// Returns the kinds of the event lines, `-` for one that is withheld.
    pub(super) fn kinds(&self) -> Vec<String> {
        let kind = |line: &Vec<u8>| {
            let value: Value = serde_json::from_slice(line).unwrap_or_default();
            if value["withheld"].is_string() {
                "-".to_owned()
            } else {
                value["kind"].as_str().unwrap_or("?").to_owned()
            }
        };
        self.lines.iter().map(kind).collect()
    }

    /// Checks that the hub signed these lines with these letters, marked as a gap in the chain or
    /// not, with a key that the root key certified.
    ///
    /// `before` is the phone as it was when it pushed them.
    pub(super) fn receipted(
        &self,
        before: &Phone,
        lines: &[Vec<u8>],
        letters: &str,
        chain_gap: bool,
    ) -> Checked {
        let receipt = &self.header["receipt"];
        let text = |name: &str| {
            let found = receipt[name].as_str();
            found.ok_or_else(|| fault("the receipt", format!("a text {name}"), receipt))
        };
        let (name, signature) = (text("key")?, text("signature")?);
        same("the receipt's chain_gap", receipt["chain_gap"] == json!(true), chain_gap)?;
        let keys = hub_keys(before.kit)?;
        let key = keys.iter().find(|key| key.key == name);
        let key = key.ok_or_else(|| fault("the receipt's key", "one of /v1/keys", name))?;
        let certified = key.is_certified_by(&before.enrolment.root_key);
        holds(certified, "the root key of the enrolment certifies the receipt's key")?;
        let mut list = String::new();
        for (line, letter) in lines.iter().zip(letters.chars()) {
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{} {letter}", leaf(line));
        }
        let text = ReceiptBody {
            device: before.enrolment.device,
            incarnation: before.incarnation,
            first_seq: before.next_seq,
            count: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            prev_link: before.link,
            head: head(before.link, lines),
            verdicts: Digest::of(&[list.as_bytes()]),
            chain_gap,
            hub_ms: self.header["hub_ms"].as_i64().unwrap_or_default(),
        }
        .text();
        let signed = verifies(&key.public, text.as_bytes(), signature);
        holds(signed, &format!("the receipt's signature is good over this text:\n{text}"))
    }
}

/// Fetches the hub's keys.
pub(super) fn hub_keys(kit: &Kit) -> Checked<Vec<HubKey>> {
    let answer = kit.send(&crate::Request::new("GET", "/v1/keys"))?;
    answer.status(200)?;
    let read = serde_json::from_value(answer.json()?);
    read.map_err(|_| fault("/v1/keys", "a list of keys", String::from_utf8_lossy(&answer.0.body)))
}

/// Hashes a line.
pub(super) fn leaf(line: &[u8]) -> Digest {
    Digest::of(&[line])
}

/// Returns the link after the last of `lines`.
pub(super) fn head(before: Digest, lines: &[Vec<u8>]) -> Digest {
    lines.iter().fold(before, |before, line| link(&before, &leaf(line)))
}

fn number(header: &Value, name: &str) -> Checked<u64> {
    header[name].as_u64().ok_or_else(|| fault(name, "a number", &header[name]))
}

fn numbers(header: &Value, name: &str) -> Checked<Vec<u64>> {
    let list = header[name].as_array().and_then(|list| list.iter().map(Value::as_u64).collect());
    list.ok_or_else(|| fault(name, "a list of numbers", &header[name]))
}

/// The verdict of an event that is in its lane now.
pub(super) fn accepted(lane_seq: u64) -> Value {
    json!({ "a": lane_seq })
}

/// The verdict of an event that was there before.
pub(super) fn known(lane_seq: u64) -> Value {
    json!({ "k": lane_seq })
}

/// The verdict of an event without a place.
pub(super) fn parked(reason: &str) -> Value {
    json!({ "p": reason })
}

/// The verdict of a line that is not taken.
pub(super) fn fork() -> Value {
    json!("fork")
}

/// Tells whether a value can be a token: 22 letters and digits hold 128 random bits.
pub(super) fn is_token(value: &Value) -> bool {
    value.as_str().is_some_and(|token| {
        (22..=128).contains(&token.len()) && token.bytes().all(|c| c.is_ascii_alphanumeric())
    })
}
