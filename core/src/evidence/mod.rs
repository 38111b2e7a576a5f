//! Evidence: photos, videos and signatures, bound to one attempt or case from capture on.
//!
//! A file of megabytes takes its time on a bad signal. A preview, which the app makes, goes before
//! all files, so that the station sees at once what happened. It is no evidence and takes part in no
//! rule: what proves something is the file, and its digest in the event.

mod rules;

pub use rules::{PREVIEW_BYTES, may_be_preview};

use serde::{Deserialize, Serialize};

use crate::courier::Courier;
use crate::error::{Error, Result};
use crate::id::{Digest, EvidenceId};
use crate::store::{Media, Preview};
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

    /// Returns its name in a `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Heic => "image/heic",
            Self::Mp4 => "video/mp4",
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

impl Courier {
    /// Keeps a small picture of a photo or video that was captured here, to be shown at the station
    /// until the file itself is there. The app scales it down: about 320 pixels wide.
    ///
    /// At any time between the capture and the file's confirmation, before its act is recorded or
    /// after; one that was not sent yet is replaced. It is sealed like the file, goes before all files
    /// once the hub has the act, and is deleted when the hub has answered, or has the file, or the
    /// file was erased. None is kept of a file that the hub has, nor one of more than a quarter of its
    /// file's bytes: then the file itself is there nearly as soon.
    ///
    /// # Errors
    /// `PreviewTooLarge` above [`PREVIEW_BYTES`], `PreviewNotPicture`; `NotFound` for what was not
    /// captured on this phone, or has left it. The evidence itself is as safe as before.
    pub fn add_preview(&mut self, evidence: EvidenceId, picture: &[u8]) -> Result<()> {
        rules::may_be_preview(picture)?;
        let store = self.store()?;
        let media = Media::load(&store.db, evidence)?;
        let media = media.ok_or(Error::NotFound { what: "the picture" })?;
        if media.state.awaits_preview() && rules::saves_time(picture, &media.item) {
            Preview::put(&store.db, &store.media, evidence, picture)?;
        }
        Ok(())
    }
}
