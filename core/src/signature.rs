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
    let signature = if signature.len() == 64 {
        Signature::from_slice(&signature)
    } else {
        Signature::from_der(&signature)
    };
    match (read_public(public), signature) {
        (Some(key), Ok(signature)) => key.verify(text, &signature).is_ok(),
        _ => false,
    }
}

/// Reads a public key, SEC1 in hexadecimal; `None` if it is not a point of the curve.
pub fn read_public(hex: &str) -> Option<VerifyingKey> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?;
    VerifyingKey::from_sec1_bytes(&bytes).ok()
}
