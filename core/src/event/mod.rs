//! The log's unit: an immutable fact in the past tense, and the exact bytes it travels as.
//!
//! The bytes of a line, without its newline, are hashed, stored and passed on; they are never
//! made again from the parsed form. The position of an event in its device's chain (incarnation,
//! sequence, link) is **not** part of the bytes: it travels beside them, so that an event offered
//! again after a fork or a restored backup keeps its bytes, its hash and its id.

mod digests;
mod fact;
mod lane;
mod read;

pub use digests::digests;
pub use fact::{CorrectionDeclared, CorrectionReason, EvidenceLost, Fact, ManifestReconciled};
pub use lane::Lane;

use serde::{Deserialize, Serialize};

use self::read::ReadLine;
use crate::id::{ClerkNo, CourierNo, DeviceId, Digest, EventId, StationId};
use crate::privacy::VaultRef;
use crate::time::{BootMoment, Moment};

/// The longest event line the hub takes, in bytes.
pub const MAX_EVENT_BYTES: usize = 65_536;

/// What a line usually takes beside its payload.
const ENVELOPE_BYTES: usize = 512;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A courier, on a phone.
    Courier(CourierNo),
    /// A clerk, at the hub.
    Clerk(ClerkNo),
    /// The station's own hub: imports and reactions.
    Station(StationId),
}

impl Actor {
    /// Returns the courier's number, if a courier did it.
    pub fn courier(&self) -> Option<&CourierNo> {
        match self {
            Self::Courier(courier) => Some(courier),
            Self::Clerk(_) | Self::Station(_) => None,
        }
    }

    /// Tells whether the act has the station's authority.
    pub fn is_station(&self) -> bool {
        matches!(self, Self::Clerk(_) | Self::Station(_))
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Courier(no) => write!(f, "courier:{no}"),
            Self::Clerk(no) => write!(f, "clerk:{no}"),
            Self::Station(id) => write!(f, "station:{id}"),
        }
    }
}

impl std::str::FromStr for Actor {
    type Err = crate::Error;
    fn from_str(text: &str) -> crate::Result<Self> {
        match text.split_once(':') {
            Some(("courier", no)) => CourierNo::new(no).map(Self::Courier),
            Some(("clerk", no)) => ClerkNo::new(no).map(Self::Clerk),
            Some(("station", id)) => StationId::new(id).map(Self::Station),
            _ => Err(crate::Error::BadArgument {
                field: "Actor",
                expected: "courier:…, clerk:… or station:…",
            }),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Actor, String, {
    try_lift: |text| Ok(text.parse::<Actor>().map_err(crate::LastmileError::from)?),
    lower: |actor| actor.to_string(),
});

/// Events accepted or parked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The first event of the group.
    pub first: EventId,
    /// How many events it has; they are neighbours in their device's chain.
    pub size: u16,
}

/// A place no finer than about 100 m; the precise one stays in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoarsePlace {
    /// Longitude, WGS-84, in thousandths of a degree.
    pub lng: i32,
    /// Latitude, WGS-84, in thousandths of a degree.
    pub lat: i32,
}

/// An act that a rule would have refused, recorded because it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// The code of the refusal.
    pub code: String,
    /// The courier's reason, in the vault.
    pub reason: VaultRef,
}

/// An act that was recorded only after the phone which had recorded it was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// When it was attested; `at` of the envelope is when it happened, by the courier's word.
    pub at: Moment,
    /// Why so late, in the vault.
    pub why: VaultRef,
}

/// Everything about an event but its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The event's own id; the same for ever, on every device.
    pub id: EventId,
    /// The lane it belongs to.
    pub lane: Lane,
    /// The device that recorded it.
    #[serde(rename = "dev")]
    pub device: DeviceId,
    /// Who did it.
    #[serde(rename = "by")]
    pub actor: Actor,
    /// When, as the device knew it.
    pub at: Moment,
    /// Where the boot clock stood; hubs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootMoment>,
    /// Where, coarsely, if the app gave a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<CoarsePlace>,
    /// The highest `lane_seq` of this lane folded on the device when it decided; 0 if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u64,
    /// The policy version it was decided under.
    pub policy: u32,
    /// The assignment epoch the device knew, for a parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The group it belongs to; `None` when it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The refusal this act went against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// It was attested after the fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// A reader that does not know the kind must not act on this lane.
    #[serde(rename = "must", default, skip_serializing_if = "std::ops::Not::not")]
    pub must_understand: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One event, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Everything but the payload.
    pub envelope: Envelope,
    /// What happened.
    pub fact: Fact,
}

/// Why a line is not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_EVENT_BYTES`].
    #[error("the event is longer than {MAX_EVENT_BYTES} bytes; put free text into the vault")]
    TooLarge,
    /// Not a JSON object with the envelope's fields.
    #[error("the line is not an event")]
    Unparseable,
}

/// How a line is written.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'a str,
    v: u16,
    #[serde(flatten)]
    envelope: &'a Envelope,
}

impl Event {
    /// Writes the bytes of the line, once and for ever.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, v, data) = self.fact.to_parts();
        let line = Line { kind: &kind, v, envelope: &self.envelope };
        // Serialising plain structs into memory cannot fail.
        let mut bytes = Vec::with_capacity(ENVELOPE_BYTES + data.len());
        let _ = serde_json::to_writer(&mut bytes, &line);
        bytes.pop();
        bytes.extend_from_slice(b",\"data\":");
        bytes.extend_from_slice(data.as_bytes());
        bytes.push(b'}');
        bytes
    }

    /// Reads a line. A kind this version does not know becomes [`Fact::Unknown`].
    pub fn parse(bytes: &[u8]) -> Result<Self, LineError> {
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(LineError::TooLarge);
        }
        // A reader of bytes looks at no text that it skips.
        let text = std::str::from_utf8(bytes).map_err(|_| LineError::Unparseable)?;
        let line: ReadLine = serde_json::from_str(text).map_err(|_| LineError::Unparseable)?;
        let fact =
            Fact::from_parts(&line.kind, line.v, line.data).map_err(|_| LineError::Unparseable)?;
        Ok(Self { envelope: line.envelope, fact })
    }

    /// Tells whether this version may act on what the event says.
    pub fn is_understood(&self) -> bool {
        !(self.envelope.must_understand && matches!(self.fact, Fact::Unknown { .. }))
    }
}

/// The hash of one event's bytes.
pub fn leaf(bytes: &[u8]) -> Digest {
    Digest::of(&[bytes])
}

/// The chain's next link: SHA-256 of the previous link followed by the leaf.
pub fn link(previous: &Digest, leaf: &Digest) -> Digest {
    Digest::of(&[&previous.0, &leaf.0])
}
