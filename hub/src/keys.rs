//! The hub's keys: a root that devices pin at enrolment, and a working key that it certifies.

use std::path::Path;

use lastmile_core::document::{Document, Signed, document_text};
use lastmile_core::id::Digest;
pub use lastmile_core::signature::{read_public, verifies};
use lastmile_core::sync::wire::{HubKey, Receipt, ReceiptBody, key_text};
use lastmile_core::time::Entropy;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};

use crate::problem::{HubError, Result};

/// The two keys of a hub. Never printed.
#[derive(Clone)]
pub struct Keys {
    root: SigningKey,
    working: SigningKey,
    certificate: HubKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.certificate.key)
    }
}

impl Keys {
    /// Makes a new pair.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::of(new_key(entropy), new_key(entropy))
    }

    fn of(root: SigningKey, working: SigningKey) -> Self {
        let public = public_hex(working.verifying_key());
        let key = key_name(working.verifying_key());
        let certificate: DerSignature = root.sign(key_text(&key, &public).as_bytes());
        let certificate = data_encoding::HEXLOWER.encode(&certificate.to_bytes());
        Self { root, working, certificate: HubKey { key, public, certificate } }
    }

    /// Reads the keys of a hub's folder, or makes them at the first start (mode 0600).
    pub fn in_folder(folder: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let root = load_or_make(&folder.join("root.key"), entropy)?;
        let working = load_or_make(&folder.join("hub.key"), entropy)?;
        Ok(Self::of(root, working))
    }

    /// Returns the root's public key, SEC1 uncompressed, hexadecimal.
    pub fn root_public(&self) -> String {
        public_hex(self.root.verifying_key())
    }

    /// Returns the working key with its certificate.
    pub fn certificate(&self) -> &HubKey {
        &self.certificate
    }

    /// Signs a receipt.
    pub fn sign(&self, body: &ReceiptBody) -> Receipt {
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_string(body).unwrap_or_default();
        let signature: DerSignature = self.working.sign(body.as_bytes());
        Receipt {
            key: self.certificate.key.clone(),
            signature: data_encoding::HEXLOWER.encode(&signature.to_bytes()),
            body,
        }
    }

    /// Signs a document.
    pub(crate) fn sign_document(&self, document: Document, body: String) -> Signed {
        let signature: DerSignature = self.working.sign(document_text(document, &body).as_bytes());
        Signed {
            key: self.certificate.clone(),
            signature: data_encoding::HEXLOWER.encode(&signature.to_bytes()),
            body,
        }
    }
}

fn public_hex(key: &VerifyingKey) -> String {
    data_encoding::HEXLOWER.encode(key.to_sec1_point(false).as_bytes())
}

/// A key's name is the start of its digest: the same key has the same name everywhere.
fn key_name(key: &VerifyingKey) -> String {
    let digest = Digest::of(&[key.to_sec1_point(false).as_bytes()]);
    format!("hub-{}", data_encoding::HEXLOWER.encode(&digest.0[..6]))
}

fn new_key(entropy: &dyn Entropy) -> SigningKey {
    loop {
        let mut bytes = [0u8; 32];
        entropy.fill(&mut bytes);
        // All but 2^-32 of all values are keys.
        if let Ok(key) = SigningKey::from_slice(&bytes) {
            return key;
        }
    }
}

fn load_or_make(path: &Path, entropy: &dyn Entropy) -> Result<SigningKey> {
    if path.exists() {
        let text = std::fs::read_to_string(path)?;
        return data_encoding::HEXLOWER
            .decode(text.trim().as_bytes())
            .ok()
            .and_then(|bytes| SigningKey::from_slice(&bytes).ok())
            .ok_or(HubError::Damaged("its key"));
    }
    let key = new_key(entropy);
    write_secret(path, &data_encoding::HEXLOWER.encode(&key.to_bytes()))?;
    Ok(key)
}

/// Writes a secret that only the hub's own user may read, whole or not at all.
pub(crate) fn write_secret(path: &Path, secret: &str) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let unfinished = path.with_extension("new");
    let mut file = options.open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastmile_core::time::SystemEntropy;

    #[test]
    fn the_root_vouches_for_the_working_key() {
        let keys = Keys::generate(&SystemEntropy);
        let HubKey { key, public, certificate } = keys.certificate();
        let text = key_text(key, public);
        assert!(verifies(&keys.root_public(), text.as_bytes(), certificate));
        assert!(!verifies(public, text.as_bytes(), certificate), "only the root can certify");
    }

    #[test]
    fn keys_survive_a_restart_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::in_folder(folder.path(), &SystemEntropy).unwrap();
        let again = Keys::in_folder(folder.path(), &SystemEntropy).unwrap();
        assert_eq!(first.root_public(), again.root_public());
        assert_eq!(first.certificate(), again.certificate());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("root.key")).unwrap();
            assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_signature_is_taken_in_both_of_its_forms() {
        let key = new_key(&SystemEntropy);
        let public = public_hex(key.verifying_key());
        let signature: p256::ecdsa::Signature = key.sign(b"text");
        let raw = data_encoding::HEXLOWER.encode(&signature.to_bytes());
        let der = data_encoding::HEXLOWER.encode(&signature.to_der().to_bytes());
        assert!(verifies(&public, b"text", &raw) && verifies(&public, b"text", &der));
        assert!(!verifies(&public, b"other", &raw) && !verifies(&public, b"other", &der));
        assert!(!verifies(&public, b"text", "zz"), "not hexadecimal");
    }
}
