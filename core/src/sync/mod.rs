//! Sync: a machine without sockets. It says what to send and takes what came back.
//!
//! Two channels, events and media, each with one request in flight, so that a long upload never
//! delays an event. What to do next is derived from the tables each time; only what is in flight
//! and the waiting after a failure is remembered, and only in memory. A restart at any point
//! therefore forgets nothing that matters.

mod drift;
pub mod enrol;
mod inbox;
mod keys;
mod outbox;
mod pace;
mod preview;
mod succession;
mod upload;
pub mod wire;

use std::io::Read as _;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::diagnostics::Failures;
use crate::error::{Error, ReplyError, Result};
use crate::store::Key;
use crate::time::{ClockReading, Entropy};

use inbox::Applying;
pub(crate) use outbox::EventsInFlight;
use pace::Pace;
use preview::Previews;
pub(crate) use upload::{MediaInFlight, Offset};
use wire::{PROTOCOL, Rest};

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum SyncChannel {
    /// Events, persons, verdicts.
    Events,
    /// Photos and videos.
    Media,
}

/// Which tokens the app adds to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Auth {
    /// None: the phone is not enrolled yet.
    None,
    /// `Authorization: Bearer <device token>`.
    Device,
    /// The same, and `Lastmile-Session: <session token>`.
    DeviceAndSession,
}

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Header {
    fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Body {
    /// Nothing.
    Empty,
    /// These bytes; of a photo or a video at most 256 KiB.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// One request for the app's own HTTP stack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct HubRequest {
    /// Names the request in [`Courier::apply_reply`].
    pub id: u64,
    /// Its channel.
    pub channel: SyncChannel,
    /// `GET`, `HEAD`, `POST`, `PATCH` or `PUT`.
    pub method: String,
    /// The path on the hub, beginning with a slash.
    pub path: String,
    /// Header lines, without the tokens.
    pub headers: Vec<Header>,
    /// Which tokens to add.
    pub auth: Auth,
    /// What to send.
    pub body: Body,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum HubReply {
    /// The hub, or something in front of it, answered.
    Answer {
        /// HTTP status.
        status: u16,
        /// Header lines; names in any case.
        headers: Vec<Header>,
        /// The body.
        body: Vec<u8>,
    },
    /// No answer: no signal, time-out, connection cut. It may have arrived all the same.
    NoAnswer,
}

/// What to do on a channel now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Next {
    /// Send this.
    Send {
        /// The request.
        request: HubRequest,
    },
    /// A request is in flight, or the machine waits after a failure.
    Wait {
        /// Ask again after so many milliseconds; 0 while a request is in flight.
        ms: u64,
    },
    /// Nothing to do until something is recorded or pulling is asked for.
    Idle,
}

/// How far the courier's feed was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FeedRead {
    /// The position up to which everything is stored but `rest`.
    pub(crate) cursor: u64,
    /// What is left before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rest: Option<Rest>,
}

impl FeedRead {
    /// Returns how far this incarnation has read; `None` if it has read nothing.
    pub(crate) fn load(db: &Connection) -> Result<Option<Self>> {
        Ok(Key::Feed.get::<Option<Self>>(db)?.flatten())
    }

    /// Has the feed read again from its start.
    pub(crate) fn forget(db: &Connection) -> Result<()> {
        Key::Feed.set(db, &None::<Self>)
    }

    /// Tells whether everything is here of the lanes that are the courier's now.
    pub(crate) fn has_today(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| !rest.today)
    }
}

/// The memory of the machine: nothing in it needs to survive.
pub(crate) struct Machine {
    next_id: u64,
    pull_asked: bool,
    session_ended: bool,
    upgrade_required: bool,
    /// Halved while the hub says a push was too large.
    push_limit: Option<u32>,
    last_pull_boot_ms: Option<(uuid::Uuid, i64)>,
    /// When the hub last compared the open lanes.
    compared_boot_ms: Option<(uuid::Uuid, i64)>,
    events: Option<EventsInFlight>,
    /// What is left of an answer on the events channel.
    applying: Option<Applying>,
    /// The hub answered under another epoch: it is asked whether it was restored from a backup.
    succession: Option<Question>,
    /// A receipt is signed with a key that is not known here: the hub is asked for its keys.
    keys: Option<Question>,
    /// The key that it signed with then.
    new_key: Option<String>,
    events_pace: Pace,
    media: Option<MediaInFlight>,
    media_pace: Pace,
    previews: Previews,
    /// What requests came to, when it was nothing.
    pub(crate) failures: Failures,
    offset: Option<Offset>,
}

impl Machine {
    /// Starts request ids at random, so that a reply to an earlier process's request is stale.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0u8; 8];
        entropy.fill(&mut seed);
        Self {
            next_id: u64::from_le_bytes(seed) >> 16,
            pull_asked: true,
            session_ended: false,
            upgrade_required: false,
            push_limit: None,
            last_pull_boot_ms: None,
            compared_boot_ms: None,
            events: None,
            applying: None,
            succession: None,
            keys: None,
            new_key: None,
            events_pace: Pace::default(),
            media: None,
            media_pace: Pace::default(),
            previews: Previews::default(),
            failures: Failures::default(),
            offset: None,
        }
    }

    pub(crate) fn session_has_ended(&self) -> bool {
        self.session_ended
    }

    pub(crate) fn must_be_upgraded(&self) -> bool {
        self.upgrade_required
    }

    /// Tells how long a channel rests: 0 while a request is on its way, `None` if it is free.
    pub(crate) fn wait_ms(&self, channel: SyncChannel, reading: &ClockReading) -> Option<u64> {
        let asked = |question| matches!(question, Some(Question::OnItsWay { .. }));
        let (busy, pace) = match channel {
            SyncChannel::Events => {
                let open = self.events.is_some() || self.applying.is_some();
                (open || asked(self.succession) || asked(self.keys), &self.events_pace)
            }
            SyncChannel::Media => (self.media.is_some(), &self.media_pace),
        };
        if busy { Some(0) } else { pace.wait_ms(reading) }
    }

    pub(crate) fn forget_in_flight(&mut self) {
        self.events = None;
        self.pull_asked |= self.applying.take().is_some();
        self.succession = None;
        self.keys = None;
        self.media = None;
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Courier {
    /// Returns the next request of a channel. Never touches the network.
    pub fn next_request(&mut self, channel: SyncChannel) -> Result<Next> {
        let next = self.next(channel);
        self.noticed(next)
    }

    fn next(&mut self, channel: SyncChannel) -> Result<Next> {
        let reading = self.options.clock.read();
        if let Some(ms) = self.machine.wait_ms(channel, &reading) {
            return Ok(Next::Wait { ms });
        }
        match channel {
            SyncChannel::Events if self.machine.succession.is_some() => Ok(self.ask_successions()),
            SyncChannel::Events if self.machine.keys.is_some() => Ok(self.ask_keys()),
            SyncChannel::Events => self.next_events(&reading),
            SyncChannel::Media => self.next_media(),
        }
    }

    /// Takes what came back for a request.
    ///
    /// Replies may come twice, late or never. Nothing of a reply that cannot be used is taken.
    ///
    /// # Errors
    /// `ReplyStale`, `ReplyMalformed`, `OtherHub`, `ReceiptRefused`, `Unauthorised`,
    /// `RequestTooLarge`; the machine has drawn its conclusion, the app may show the code and go on.
    pub fn apply_reply(&mut self, id: u64, reply: &HubReply) -> Result<()> {
        let mut more = self.begin_reply(id, reply)?;
        while more {
            more = self.apply_more()?;
        }
        Ok(())
    }

    /// Begins to take what came back for a request: what it says of this phone's own events.
    ///
    /// Returns true if there is more to take: call [`apply_more`](Self::apply_more) until it returns
    /// false. Between two calls the courier's own acts have their turn, so that none of them waits
    /// for a long answer. What is forgotten half-way, by a restart or
    /// [`suspend`](Self::suspend), is asked for again.
    ///
    /// # Errors
    /// As [`apply_reply`](Self::apply_reply).
    pub fn begin_reply(&mut self, id: u64, reply: &HubReply) -> Result<bool> {
        let reading = self.options.clock.read();
        let whole = |result: Result<()>| result.map(|()| false);
        let open = self.machine.events.as_ref();
        let (channel, result) =
            if open.is_some_and(|open| open.id == id || planted(Bug::AnyAnswerTaken)) {
                (SyncChannel::Events, self.begin_events(reply, &reading))
            } else if self.machine.succession == Some(Question::OnItsWay { id }) {
                (SyncChannel::Events, whole(self.apply_successions(reply)))
            } else if self.machine.keys == Some(Question::OnItsWay { id }) {
                (SyncChannel::Events, whole(self.apply_keys(reply)))
            } else if self.machine.media.as_ref().is_some_and(|open| open.id == id) {
                (SyncChannel::Media, whole(self.apply_media(reply)))
            } else {
                return Err(ReplyError::Stale.into());
            };
        self.settle(channel, Some(reply), result, &reading)
    }

    /// Takes the next part of the answer that [`begin_reply`](Self::begin_reply) began: at most 50
    /// events, in one transaction. Returns true if there is more.
    ///
    /// # Errors
    /// Those of the store. The rest of the answer is asked for again.
    pub fn apply_more(&mut self) -> Result<bool> {
        let Some(applying) = self.machine.applying.take() else { return Ok(false) };
        let reading = self.options.clock.read();
        let result = self.apply_part(applying);
        self.settle(SyncChannel::Events, None, result, &reading)
    }

    /// Asks for the feed at the next opportunity: the app came to the foreground, a push message
    /// arrived, the courier pulled the list down. Also ends the waiting after a failure.
    pub fn pull_soon(&mut self) {
        self.machine.pull_asked = true;
        self.machine.events_pace.reset();
        self.machine.media_pace.reset();
    }

    /// Signs the courier in or out. A signed-out store still pushes; it never pulls.
    pub fn set_signed_in(&mut self, signed_in: bool) -> Result<()> {
        Key::SignedIn.set(&self.store()?.db, &signed_in)?;
        self.machine.session_ended &= planted(Bug::SessionEndKept);
        self.machine.pull_asked = signed_in;
        Ok(())
    }

    /// Waits after a failure, goes on after a success.
    fn settle(
        &mut self,
        channel: SyncChannel,
        reply: Option<&HubReply>,
        result: Result<bool>,
        reading: &ClockReading,
    ) -> Result<bool> {
        let result = self.noticed(result);
        let pace = match channel {
            SyncChannel::Events => &mut self.machine.events_pace,
            SyncChannel::Media => &mut self.machine.media_pace,
        };
        let failed = match (&result, reply) {
            (Err(error), _) => Some(error.code()),
            (_, Some(HubReply::NoAnswer)) => Some("NoAnswer"),
            (_, Some(HubReply::Answer { status: 429 | 500.., .. })) => Some("HubBusy"),
            (_, Some(HubReply::Answer { .. }) | None) => None,
        };
        if let Some(code) = failed {
            self.machine.failures.remember(channel, code, reading);
            let asked = match reply {
                Some(HubReply::Answer { headers, .. }) => retry_after_ms(headers),
                Some(HubReply::NoAnswer) | None => None,
            };
            pace.failed(asked, reading, self.options.entropy.as_ref());
        } else {
            pace.reset();
        }
        result
    }
}

/// A question to the hub beside the events themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// To be asked.
    Open,
    /// Asked.
    OnItsWay { id: u64 },
}

/// The request that asks for something at `path`.
fn question(id: u64, path: &str, auth: Auth) -> Next {
    Next::Send {
        request: HubRequest {
            id,
            channel: SyncChannel::Events,
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: vec![
                Header::new("accept-encoding", "gzip"),
                Header::new("lastmile-protocol", PROTOCOL.to_string()),
            ],
            auth,
            body: Body::Empty,
        },
    }
}

fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value.as_str())
}

/// `Retry-After` in seconds; the date form is not used by the hub.
fn retry_after_ms(headers: &[Header]) -> Option<u64> {
    header(headers, "retry-after")?.trim().parse::<u64>().ok().map(|s| s.saturating_mul(1000))
}

/// The most a reply may unpack to.
const MAX_REPLY_BYTES: u64 = 64 << 20;

/// Unpacks a body if the app's stack has not done so. No line of ours starts with gzip's mark.
fn unpacked(body: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body.into());
    }
    let mut out = Vec::new();
    let mut unzip = flate2::read::GzDecoder::new(body).take(MAX_REPLY_BYTES + 1);
    let read = unzip.read_to_end(&mut out);
    if read.is_err() || out.len() as u64 > MAX_REPLY_BYTES {
        return Err(Error::Reply(ReplyError::Malformed));
    }
    Ok(out.into())
}
