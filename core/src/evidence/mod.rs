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
