//! Evidence: photos, videos and signatures, bound to one attempt or case from capture on.

use serde::{Deserialize, Serialize};

use crate::id::{Digest, EvidenceId};
use crate::time::Moment;

/// What a media file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum MediaKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// HEIC.
    Heic,
    /// MP4.
    Mp4,
}

/// Where a media file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum MediaSource {
    /// Taken with the camera inside the app.
    Camera,
    /// Chosen from the gallery: weaker proof.
    Gallery,
    /// Drawn on the screen (a signature).
    Screen,
}

/// One evidence item, as an event names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct EvidenceRef {
    /// Its id, given at capture.
    pub id: EvidenceId,
    /// SHA-256 of the file as it was captured.
    pub sha256: Digest,
    /// What it is.
    pub kind: MediaKind,
    /// Its length in bytes.
    pub bytes: u64,
    /// Where it came from.
    pub source: MediaSource,
    /// When it was captured.
    pub at: Moment,
}

impl MediaKind {
    /// Recognises a file by its first bytes; at least 12 are needed.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4)? {
                b"heic" | b"heix" | b"mif1" | b"msf1" | b"hevc" => Some(Self::Heic),
                _ => Some(Self::Mp4),
            },
            _ => None,
        }
    }

    /// The most bytes a file of this kind may have: 20 MB for a photo, 100 MB for a video.
    pub fn max_bytes(self) -> u64 {
        match self {
            Self::Jpeg | Self::Png | Self::Heic => 20_000_000,
            Self::Mp4 => 100_000_000,
        }
    }
}
