//! Finds the digests that an event's bytes name, without knowing its kind: vault references and
//! media hashes are the only strings of 64 hexadecimal digits in an event.

use crate::id::Digest;

const LENGTH: usize = 64;

/// Returns every digest that stands between quotes in `bytes`.
pub fn digests(bytes: &[u8]) -> impl Iterator<Item = Digest> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let quote = rest.iter().position(|byte| *byte == b'"')?;
            rest = &rest[quote + 1..];
            let (text, after) = (rest.get(..LENGTH)?, rest.get(LENGTH)?);
            if *after == b'"'
                && let Some(digest) = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
            {
                rest = &rest[LENGTH + 1..];
                return Some(digest);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_wherever_they_stand() {
        let (one, two) = (Digest::of(&[b"1"]), Digest::of(&[b"2"]));
        let line = format!(r#"{{"a":"x","note":"{one}","list":["{two}","{two}0"],"n":1}}"#);
        assert_eq!(digests(line.as_bytes()).collect::<Vec<_>>(), [one, two]);
        assert_eq!(digests(b"\"\"").count(), 0);
    }
}
