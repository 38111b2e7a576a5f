//! What may go before a file, and when that helps.

use super::{EvidenceRef, MediaKind};
use crate::error::MediaError;

/// The most bytes of a preview: four seconds at 64 kbit/s.
pub const PREVIEW_BYTES: u64 = 32 << 10;

/// A preview that has more than this part of its file saves too little.
const LEAST_RATIO: u64 = 4;

/// Tells what kind of picture a preview is. A video may have one, and it is a picture too.
pub fn may_be_preview(picture: &[u8]) -> Result<MediaKind, MediaError> {
    let bytes = picture.len() as u64;
    if bytes > PREVIEW_BYTES {
        return Err(MediaError::PreviewTooLarge { bytes, limit: PREVIEW_BYTES });
    }
    let kind = MediaKind::of(picture).filter(|kind| *kind != MediaKind::Mp4);
    kind.ok_or(MediaError::PreviewNotPicture)
}

/// Tells whether a preview is there so much sooner than its file that it is worth its bytes.
pub(super) fn saves_time(picture: &[u8], file: &EvidenceRef) -> bool {
    picture.len() as u64 * LEAST_RATIO <= file.bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::photo;

    fn jpeg(bytes: u64) -> Vec<u8> {
        let mut picture = b"\xff\xd8\xff\xe0".to_vec();
        picture.resize(usize::try_from(bytes).unwrap(), 0);
        picture
    }

    #[test]
    fn a_preview_is_a_picture_of_at_most_32_kib() {
        assert_eq!(may_be_preview(&jpeg(PREVIEW_BYTES)), Ok(MediaKind::Jpeg));
        let (bytes, limit) = (PREVIEW_BYTES + 1, PREVIEW_BYTES);
        let large = may_be_preview(&jpeg(bytes));
        assert_eq!(large, Err(MediaError::PreviewTooLarge { bytes, limit }));
        for none in [&b""[..], b"\xff\xd8", b"GIF89a", b"\0\0\0\x18ftypisom"] {
            assert_eq!(may_be_preview(none), Err(MediaError::PreviewNotPicture));
        }
    }

    #[test]
    fn a_preview_of_more_than_a_quarter_of_its_file_saves_no_time() {
        let file = EvidenceRef { bytes: 4000, ..photo() };
        assert!(saves_time(&jpeg(1000), &file));
        assert!(!saves_time(&jpeg(1001), &file));
    }
}
