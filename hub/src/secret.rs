//! Tokens and one-time codes: made here, kept only as their SHA-256.

use lastmile_core::id::Digest;
use lastmile_core::time::Entropy;

/// Letters and digits that are not mistaken for each other when read out: 32 of them.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 50 random bits; a code is good for one use within minutes.
const CODE_LENGTH: usize = 10;

/// Makes a token: 16 random bytes in base 32. Two of them go with every request, so they are short.
pub fn new_token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; 16];
    entropy.fill(&mut bytes);
    data_encoding::BASE32_NOPAD.encode(&bytes)
}

/// Makes a one-time code that a person can read out.
pub fn new_code(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; CODE_LENGTH];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(CODE_LETTERS[usize::from(byte % 32)])).collect()
}

/// Hashes a token or a code; spaces, hyphens and small letters of a typed code do not matter.
pub fn hash(secret: &str) -> Digest {
    let plain: String = secret
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .collect();
    Digest::of(&[plain.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastmile_core::time::SystemEntropy;

    #[test]
    fn a_code_typed_with_gaps_and_small_letters_is_the_same_code() {
        let code = new_code(&SystemEntropy);
        let typed = format!("{} {}", code[..5].to_lowercase(), &code[5..]);
        assert_eq!(hash(&typed), hash(&code));
    }
}
