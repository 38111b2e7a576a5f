//! What a file is, by its first bytes.

use lastmile_core::evidence::MediaKind;

/// So many bytes are enough to tell.
pub(crate) const ENOUGH: usize = 12;

/// Brands of the HEIF family that phones write (ISO/IEC 23008-12).
const HEIC: [&[u8]; 6] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"];

/// Returns the kind of file that begins with `start`, if it is one that is taken.
pub(crate) fn kind_of(start: &[u8]) -> Option<MediaKind> {
    if start.starts_with(&[0xff, 0xd8, 0xff]) {
        return Some(MediaKind::Jpeg);
    }
    if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(MediaKind::Png);
    }
    // Both other kinds are boxes of ISO/IEC 14496-12: length, `ftyp`, brand.
    match (start.get(4..8)?, start.get(8..12)?) {
        (b"ftyp", brand) if HEIC.contains(&brand) => Some(MediaKind::Heic),
        (b"ftyp", _) => Some(MediaKind::Mp4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        assert_eq!(kind_of(b"\xff\xd8\xff\xe0........"), Some(MediaKind::Jpeg));
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n...."), Some(MediaKind::Png));
        assert_eq!(kind_of(b"\0\0\0\x18ftypheic"), Some(MediaKind::Heic));
        assert_eq!(kind_of(b"\0\0\0\x18ftypisom"), Some(MediaKind::Mp4));
        for other in [&b"GIF89a......"[..], b"%PDF-1.7....", b"<html>......", b"", b"\xff\xd8"] {
            assert_eq!(kind_of(other), None);
        }
    }
}
