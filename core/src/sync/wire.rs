//! What travels between a device and its hub. The prose is in `docs/protocol.md`.
//!
//! A push body and a reply body are NDJSON: one header line, then event lines (exact bytes), then
//! vault lines. Both are gzip-compressed when they are longer than 300 bytes.

use serde::{Deserialize, Serialize};

use crate::document::Signed;
use crate::event::{Actor, Lane};
use crate::id::{CourierNo, DeviceId, Digest, EventId, HubEpoch, StationId};
use crate::privacy::{VaultEntry, VaultRef};
use crate::signature::verifies;
use crate::temporary_storage::{CodesWanted, SiteCodes};

/// The version of everything here, sent as `Lastmile-Protocol`.
pub const PROTOCOL: u32 = 1;

/// First line of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushHeader {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Who pushes.
    pub device: DeviceId,
    /// The device's incarnation: 1 at enrolment, one more after each fork or restore.
    pub incarnation: u32,
    /// The chain position of the first event line; positions start at 1 in each incarnation.
    pub first_seq: u64,
    /// The chain's link before the first event line; 32 zero bytes at position 1 of
    /// incarnation 1, else of a later incarnation the old one's last head.
    pub prev_link: Digest,
    /// The epoch of the hub's database that events are meant for. A hub under another one takes
    /// nothing of the push: it was restored meanwhile, and is to be offered what came before first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<HubEpoch>,
    /// How many event lines follow.
    pub events: u32,
    /// How many vault lines follow those.
    pub vault: u32,
    /// Events still pending on the device after these.
    pub pending: u64,
    /// SHA-256 of media files that are gone from the device before they reached the hub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_lost: Vec<Digest>,
    /// P-256 signature (DER, hexadecimal) over [`head_text`] of the link after the last event
    /// line; required from a device enrolled with a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// After the hub was restored from a backup: acts of the station that this device was sent
    /// before and not since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_acts: Vec<LostAct>,
    /// What the device wants to be sent; absent from a signed-out store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pull>,
}

/// An act of a clerk or of the station itself that the hub lost with its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostAct {
    /// The event's id.
    pub id: EventId,
    /// The hash of its bytes.
    pub leaf: Digest,
    /// Its lane.
    pub lane: Lane,
    /// Its kind.
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// When, UTC milliseconds.
    pub at_ms: i64,
}

/// Body of a signed document: the hub's database was restored from a backup, and lives on under
/// another epoch. Served as a list of [`Signed`] by `GET /v1/successions`, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The epoch of the database that was given up.
    pub from: HubEpoch,
    /// The epoch that follows it.
    pub to: HubEpoch,
}

/// What a device wants to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Position in this courier's feed up to which everything was stored; 0 at first.
    pub cursor: u64,
    /// The mark of what is left of the feed before `cursor`: that of the last [`Rest`]. An empty one
    /// at cursor 0 asks for today's lanes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// At most so many events.
    pub max_events: u32,
    /// The directory version it has.
    pub directory: u32,
    /// The policy version it has.
    pub policy: u32,
    /// The sites of which it needs the key, or more pickup codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodesWanted>,
    /// [`lanes_digest`] of the courier's open lanes as the device holds them at `cursor`, now and
    /// then, when it has nothing to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Lanes that it wants to be sent again, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Lane>,
}

/// A lane as somebody holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneDigest {
    /// The lane.
    pub lane: Lane,
    /// How many events it has.
    pub events: u64,
    /// SHA-256 over their leaves, in order.
    pub digest: Digest,
}

impl LaneDigest {
    /// Sums up the leaves of a lane.
    pub fn of(lane: Lane, leaves: &[Digest]) -> Self {
        let parts: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.0.as_slice()).collect();
        Self { lane, events: leaves.len() as u64, digest: Digest::of(&parts) }
    }
}

/// Sums up lanes: SHA-256 over a line for each, `lane events digest`, in the order of the lines.
pub fn lanes_digest(lanes: &[LaneDigest]) -> Digest {
    let line = |of: &LaneDigest| format!("{} {} {}\n", of.lane, of.events, of.digest);
    let mut text: Vec<String> = lanes.iter().map(line).collect();
    text.sort_unstable();
    Digest::of(&[text.concat().as_bytes()])
}

/// What is left of a feed before the cursor, for today's lanes went first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Where the hub goes on; the device hands it back as it is.
    pub mark: String,
    /// Lanes that are the courier's now are among what is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub today: bool,
    /// How many events are left, about.
    pub events: u64,
}

/// What the hub says about one pushed event; in the order of the pushed lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// In the lane, at this position.
    #[serde(rename = "a")]
    Accepted(u64),
    /// It was here already, at this position.
    #[serde(rename = "k")]
    AlreadyKnown(u64),
    /// Received, chained and durable, but without a position in its lane.
    #[serde(rename = "p")]
    Parked(ParkReason),
    /// This position or id is taken by other bytes: two devices use one identity.
    #[serde(rename = "fork")]
    DeviceForked,
}

/// Why an event is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ParkReason {
    /// The bytes are not an event.
    Unparseable,
    /// The kind must be understood, and is not known here.
    UnknownKind,
    /// The lane does not exist, and this kind does not open one.
    UnknownLane,
    /// The lane belongs to another station, or the act to another role.
    NotYourLane,
    /// The line is too long.
    TooLarge,
    /// The device's signature is missing or wrong.
    BadSignature,
    /// It names a media file that is gone from the device.
    MediaMissing,
    /// The device was put under quarantine.
    Quarantined,
    /// An earlier event of this lane from this device, or of its group, is parked.
    Behind,
}

impl ParkReason {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Unparseable,
        Self::UnknownKind,
        Self::UnknownLane,
        Self::NotYourLane,
        Self::TooLarge,
        Self::BadSignature,
        Self::MediaMissing,
        Self::Quarantined,
        Self::Behind,
    ];
}

/// First line of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplyHeader {
    /// [`PROTOCOL`] of the hub.
    pub protocol: u32,
    /// The life of the hub's database.
    pub epoch: HubEpoch,
    /// The hub's clock, UTC milliseconds.
    pub hub_ms: i64,
    /// One verdict per pushed event line, in order.
    pub verdicts: Vec<Verdict>,
    /// Vault references whose lines did not match their digest and were not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vault_refused: Vec<VaultRef>,
    /// Proof that the pushed events are held; absent if none were pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Countersignature>,
    /// The highest chain position the hub holds for this device and incarnation, receipt or not.
    pub received_to: u64,
    /// The chain position of this device and incarnation up to which a backup of the hub holds
    /// everything; absent from a hub of which none is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable_to: Option<u64>,
    /// Positions in their lanes of the event lines that follow, in order.
    pub lane_seqs: Vec<u64>,
    /// How many vault lines follow the event lines.
    pub vault: u32,
    /// The feed position after these.
    pub cursor: u64,
    /// What is left before that position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// There is more to pull.
    pub more: bool,
    /// The courier's open lanes as the hub holds them, if that is another digest than the device's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Vec<LaneDigest>>,
    /// The directory, if it is newer than the device's: a [`Directory`](crate::directory::Directory).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Signed>,
    /// The policy, if it is newer than the device's: a [`Pack`](crate::policy::Pack).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Signed>,
    /// Keys of sites and pickup codes that the device asked for. For this device alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<SiteCodes>,
    /// The session token was missing, wrong or over: what was pushed counts, nothing is pulled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_ended: bool,
    /// What the hub allows, if it is not [`Limits::default`].
    #[serde(default, skip_serializing_if = "Limits::are_default")]
    pub limits: Limits,
    /// Do not come again before so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What the hub allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Event lines in one push.
    pub push_events: u32,
    /// Bytes of one push, before compression.
    pub push_bytes: u64,
    /// Bytes of one media chunk.
    pub media_chunk: u64,
    /// How long an idle device may wait before it asks again, milliseconds. Each act asks too, and
    /// so does the app when a push message wakes it.
    pub poll_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { push_events: 500, push_bytes: 1 << 20, media_chunk: 256 << 10, poll_ms: 1_800_000 }
    }
}

impl Limits {
    fn are_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The hub's signed word for a stretch of one device's chain, as evidence keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The exact text that was signed: [`ReceiptBody::text`].
    pub body: String,
    /// Which of the hub's keys signed.
    pub key: String,
    /// P-256 signature over `body`, raw `r || s` in hexadecimal.
    pub signature: String,
}

/// The hub's signature under a push. The text that it signs does not travel: the device makes it
/// anew from what it sent and what the reply says, so that a good signature leaves nothing open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// Which of the hub's keys signed.
    pub key: String,
    /// P-256 signature over [`ReceiptBody::text`], raw `r || s` in hexadecimal.
    pub signature: String,
    /// The device's chain did not continue where the hub's copy ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chain_gap: bool,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptBody {
    /// The device.
    pub device: DeviceId,
    /// Its incarnation.
    pub incarnation: u32,
    /// Position of the first event of the stretch.
    pub first_seq: u64,
    /// How many events it has.
    pub count: u32,
    /// The chain's link before the first.
    pub prev_link: Digest,
    /// The chain's link after the last.
    pub head: Digest,
    /// [`verdict_list`] of the stretch, hashed.
    pub verdicts: Digest,
    /// The device's chain did not continue where the hub's copy ended.
    pub chain_gap: bool,
    /// When, by the hub's clock, UTC milliseconds.
    pub hub_ms: i64,
}

impl ReceiptBody {
    /// The text that the hub signs.
    pub fn text(&self) -> String {
        let Self { device, incarnation, first_seq, count, prev_link, head, verdicts, .. } = self;
        let (gap, hub_ms) = (if self.chain_gap { "gap" } else { "-" }, self.hub_ms);
        format!(
            "lastmile receipt v1\n{device}\n{incarnation}\n{first_seq}\n{count}\n{prev_link}\n\
             {head}\n{verdicts}\n{gap}\n{hub_ms}\n"
        )
    }

    /// Reads such a text; `None` if it is not one, to the last byte.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let mut next = || lines.next();
        let body = Self {
            device: next()?.parse().ok()?,
            incarnation: next()?.parse().ok()?,
            first_seq: next()?.parse().ok()?,
            count: next()?.parse().ok()?,
            prev_link: next()?.parse().ok()?,
            head: next()?.parse().ok()?,
            verdicts: next()?.parse().ok()?,
            chain_gap: next()? == "gap",
            hub_ms: next()?.parse().ok()?,
        };
        (body.text() == text).then_some(body)
    }
}

/// One of the hub's keys, certified by the root key that a device pins at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubKey {
    /// Its name in receipts.
    pub key: String,
    /// P-256 public key, SEC1 uncompressed, hexadecimal.
    pub public: String,
    /// Root's P-256 signature over [`key_text`], DER in hexadecimal.
    pub certificate: String,
}

impl HubKey {
    /// Tells whether the root key (P-256 SEC1, hexadecimal) certified it.
    pub fn is_certified_by(&self, root_key: &str) -> bool {
        let text = key_text(&self.key, &self.public);
        verifies(root_key, text.as_bytes(), &self.certificate)
    }
}

/// Names a hub key: the start of the digest of its public key (SEC1 uncompressed, hexadecimal), so
/// that the same key has the same name everywhere.
pub fn key_name(public: &str) -> String {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(public.as_bytes()).unwrap_or_default();
    format!("hub-{}", data_encoding::HEXLOWER.encode(&Digest::of(&[&bytes]).0[..6]))
}

/// The text that the root key signs for a hub key.
pub fn key_text(key: &str, public: &str) -> String {
    format!("lastmile hub key v1\n{key}\n{public}\n")
}

/// The text that a device signs for the head of its chain.
pub fn head_text(device: DeviceId, incarnation: u32, seq: u64, head: &Digest) -> String {
    format!("lastmile head v1\n{device}\n{incarnation}\n{seq}\n{head}\n")
}

/// The text whose digest a receipt signs: a line per event, its leaf and its verdict's letter
/// (`a` for accepted and already known, `p` for parked, `f` for forked).
pub fn verdict_list<'a>(items: impl IntoIterator<Item = (&'a Digest, &'a Verdict)>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (leaf, verdict) in items {
        let letter = match verdict {
            Verdict::Accepted(_) | Verdict::AlreadyKnown(_) => 'a',
            Verdict::Parked(_) => 'p',
            Verdict::DeviceForked => 'f',
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{leaf} {letter}");
    }
    text
}

/// Body of `POST /v1/enrol`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The one-time code the station gave.
    pub code: String,
    /// The device's P-256 public key, SEC1 uncompressed, hexadecimal, if it has a signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// Body of `POST /v1/enrol/again`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAgainRequest {
    /// A new one-time code the station gave.
    pub code: String,
    /// A badge of this phone and courier, over or not.
    pub badge: String,
}

/// Answer of `POST /v1/enrol` and of `POST /v1/enrol/again`. Holds tokens: never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Enrolment {
    /// The device's id.
    pub device: DeviceId,
    /// Whose device it is.
    pub courier: CourierNo,
    /// The station it belongs to.
    pub station: StationId,
    /// Authorises pushing; lives as long as the enrolment.
    pub device_token: String,
    /// Authorises pulling; ends with the shift.
    pub session_token: String,
    /// The hub's root key, P-256 SEC1 uncompressed, hexadecimal. Pinned.
    pub root_key: String,
    /// The life of the hub's database.
    pub epoch: HubEpoch,
    /// The courier's badge of this session, for [`Courier::keep_badge`](crate::Courier::keep_badge);
    /// absent from a hub that signs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub badge: Option<String>,
}

impl Enrolment {
    /// Returns whose store it opens: all but the tokens.
    pub fn identity(&self) -> crate::Identity {
        crate::Identity {
            device: self.device,
            courier: self.courier.clone(),
            station: self.station.clone(),
            root_key: self.root_key.clone(),
            epoch: self.epoch,
        }
    }
}

/// Body of `POST /v1/session`, authorised by the device token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// A new one-time code the station gave.
    pub code: String,
}

/// Answer of `POST /v1/session`. Holds a token: never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SessionGrant {
    /// Authorises pulling.
    pub session_token: String,
    /// Until when, by the hub's clock, UTC milliseconds.
    pub expires_ms: i64,
    /// The courier's badge of this session, as in [`Enrolment`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub badge: Option<String>,
}

/// Body of every answer that is not a success: `{"code": …, "advice": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable code.
    pub code: String,
    /// What to do.
    pub advice: String,
}

/// A body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is incomplete or malformed")]
pub struct Malformed;

/// A push, taken apart. Event lines stay bytes: the hub parks those that do not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push<'a> {
    /// The header.
    pub header: PushHeader,
    /// The event lines, without newlines.
    pub events: Vec<&'a [u8]>,
    /// The vault lines, without newlines.
    pub vault: Vec<&'a [u8]>,
}

/// A reply, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<'a> {
    /// The header.
    pub header: ReplyHeader,
    /// The event lines: exact bytes of an event, or a [`Withheld`].
    pub events: Vec<&'a [u8]>,
    /// The vault entries.
    pub vault: Vec<VaultEntry>,
}

/// Stands in a reply for an event this courier may not see, so that his lane stays dense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The lane.
    pub lane: Lane,
    /// The leaf of the event that is not shown.
    pub withheld: Digest,
}

impl Withheld {
    /// Reads a line of a reply; `None` if it is an event.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

fn lines(body: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let body = body.strip_suffix(b"\n").ok_or(Malformed)?;
    Ok(body.split(|byte| *byte == b'\n').collect())
}

impl<'a> Push<'a> {
    /// Takes a body apart; the counts in its header must match its lines.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let lines = lines(body)?;
        let (first, rest) = lines.split_first().ok_or(Malformed)?;
        let header: PushHeader = serde_json::from_slice(first).map_err(|_| Malformed)?;
        let events = header.events as usize;
        if rest.len() != events + header.vault as usize {
            return Err(Malformed);
        }
        Ok(Self { events: rest[..events].to_vec(), vault: rest[events..].to_vec(), header })
    }
}

impl<'a> Reply<'a> {
    /// Takes a body apart; the counts in its header must match its lines.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let lines = lines(body)?;
        let (first, rest) = lines.split_first().ok_or(Malformed)?;
        let header: ReplyHeader = serde_json::from_slice(first).map_err(|_| Malformed)?;
        let events = header.lane_seqs.len();
        if rest.len() != events + header.vault as usize {
            return Err(Malformed);
        }
        let vault = rest[events..]
            .iter()
            .map(|line| serde_json::from_slice(line).map_err(|_| Malformed))
            .collect::<Result<_, _>>()?;
        Ok(Self { events: rest[..events].to_vec(), vault, header })
    }
}

/// Writes a body: a header line, event lines, vault lines.
pub fn body(header: &impl Serialize, events: &[&[u8]], vault: &[VaultEntry]) -> Vec<u8> {
    // Serialising plain structs into memory cannot fail.
    let mut body = serde_json::to_vec(header).unwrap_or_default();
    body.push(b'\n');
    for line in events {
        body.extend_from_slice(line);
        body.push(b'\n');
    }
    for entry in vault {
        body.extend_from_slice(&serde_json::to_vec(entry).unwrap_or_default());
        body.push(b'\n');
    }
    body
}
