//! Signatures of the hub and of phones: one curve, P-256 with SHA-256.
//!
//! Each kind of statement is a text that begins with its own name and version, such as
//! `lastmile head v1`, so that no signature can be taken for another one's.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

/// Tells whether `signature` (hexadecimal of DER or of raw `r || s`) over `text` was made with
/// the key `public` (hexadecimal SEC1).
pub fn verifies(public: &str, text: &[u8], signature: &str) -> bool {
    let Ok(signature) = data_encoding::HEXLOWER_PERMISSIVE.decode(signature.as_bytes()) else {
        return false;
    };
    match (read_public(public), read(&signature)) {
        (Some(key), Some(signature)) => key.verify(text, &signature).is_ok(),
        _ => false,
    }
}

/// Reads a public key, SEC1 in hexadecimal; `None` if it is not a point of the curve.
pub fn read_public(hex: &str) -> Option<VerifyingKey> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
    VerifyingKey::from_sec1_bytes(&bytes).ok()
}

fn read(signature: &[u8]) -> Option<Signature> {
    if signature.len() == RAW {
        Signature::from_slice(signature).ok()
    } else {
        Signature::from_der(signature).ok()
    }
}

/// The length of a raw signature, `r || s`.
pub(crate) const RAW: usize = 64;

/// The length of a compressed public key.
pub(crate) const COMPRESSED: usize = 33;

/// Returns the raw form of a signature, DER or raw; `None` if it is neither.
pub(crate) fn raw(signature: &[u8]) -> Option<Vec<u8>> {
    Some(read(signature)?.to_bytes().to_vec())
}

/// Returns the compressed form of a public key; `None` if it is not a point of the curve.
pub(crate) fn compressed(public: &str) -> Option<Vec<u8>> {
    Some(read_public(public)?.to_sec1_point(true).as_bytes().to_vec())
}

/// Returns a public key as it is written everywhere: SEC1 uncompressed, hexadecimal.
pub(crate) fn uncompressed(compressed: &[u8]) -> Option<String> {
    let key = VerifyingKey::from_sec1_bytes(compressed).ok()?;
    Some(data_encoding::HEXLOWER.encode(key.to_sec1_point(false).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Key;

    #[test]
    fn a_signature_is_taken_in_both_of_its_forms() {
        let key = Key::new(1);
        let raw = key.sign(b"text");
        let der = Signature::from_slice(&raw).unwrap().to_der();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        for signature in [hex(&raw), hex(der.as_bytes())] {
            assert!(verifies(&key.public(), b"text", &signature));
            assert!(!verifies(&key.public(), b"other", &signature));
            assert!(!verifies(&Key::new(2).public(), b"text", &signature));
        }
        assert!(!verifies(&key.public(), b"text", "zz"), "not hexadecimal");
        assert_eq!(super::raw(der.as_bytes()), Some(raw));
    }

    #[test]
    fn a_key_reads_back_from_its_short_form() {
        let public = Key::new(1).public();
        assert_eq!(uncompressed(&compressed(&public).unwrap()), Some(public));
    }
}
