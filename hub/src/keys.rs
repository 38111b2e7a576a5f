//! The hub's keys: a root that devices pin at enrolment, and a working key that it certifies.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use lastmile_core::badge::{Badge, Profile};
use lastmile_core::document::{Document, Signed, document_text};
use lastmile_core::sync::wire::{HubKey, Receipt, ReceiptBody, key_name, key_text};
use lastmile_core::time::Entropy;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, Signature, SigningKey, VerifyingKey};

use crate::problem::{HubError, Result};

/// The two keys of a hub. Never printed. Clones sign with the same working key.
#[derive(Clone)]
pub struct Keys {
    root: SigningKey,
    working: Arc<RwLock<Arc<Working>>>,
    /// Where the working key is kept; nowhere for a hub in memory.
    file: Option<PathBuf>,
}

/// A key that signs, and the root's word for it.
pub(crate) struct Working {
    key: SigningKey,
    pub(crate) certificate: HubKey,
}

impl Working {
    fn of(root: &SigningKey, key: SigningKey) -> Self {
        let public = public_hex(key.verifying_key());
        let name = key_name(&public);
        let certificate: DerSignature = root.sign(key_text(&name, &public).as_bytes());
        let certificate = data_encoding::HEXLOWER.encode(&certificate.to_bytes());
        Self { key, certificate: HubKey { key: name, public, certificate } }
    }

    fn sign(&self, text: &str) -> String {
        let signature: DerSignature = self.key.sign(text.as_bytes());
        data_encoding::HEXLOWER.encode(&signature.to_bytes())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.certificate().key)
    }
}

impl Keys {
    /// Makes a new pair.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::of(new_key(entropy), new_key(entropy), None)
    }

    fn of(root: SigningKey, working: SigningKey, file: Option<PathBuf>) -> Self {
        let working = Arc::new(Working::of(&root, working));
        Self { root, working: Arc::new(RwLock::new(working)), file }
    }

    /// Reads the keys of a hub's folder, or makes them at the first start (mode 0600).
    pub fn in_folder(folder: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let root = load_or_make(&folder.join("root.key"), entropy)?;
        let file = folder.join("hub.key");
        let working = load_or_make(&file, entropy)?;
        Ok(Self::of(root, working, Some(file)))
    }

    /// Returns the root's public key, SEC1 uncompressed, hexadecimal.
    pub fn root_public(&self) -> String {
        public_hex(self.root.verifying_key())
    }

    /// Returns the working key with its certificate.
    pub fn certificate(&self) -> HubKey {
        self.working().certificate.clone()
    }

    fn working(&self) -> Arc<Working> {
        Arc::clone(&self.working.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a working key that signs nothing yet.
    pub(crate) fn next(&self, entropy: &dyn Entropy) -> Working {
        Working::of(&self.root, new_key(entropy))
    }

    /// Signs with `next` from now on.
    pub(crate) fn install(&self, next: Working) -> Result<()> {
        if let Some(file) = &self.file {
            write_secret(file, &data_encoding::HEXLOWER.encode(&next.key.to_bytes()))?;
        }
        *self.working.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// Signs a receipt.
    pub fn sign(&self, body: &ReceiptBody) -> Receipt {
        let (body, working) = (body.text(), self.working());
        let signature: Signature = working.key.sign(body.as_bytes());
        Receipt {
            key: working.certificate.key.clone(),
            signature: data_encoding::HEXLOWER.encode(&signature.to_bytes()),
            body,
        }
    }

    /// Signs a courier's badge, in the form that phones show and carry.
    pub fn badge(&self, profile: Profile) -> String {
        let working = self.working();
        let signature = working.sign(&profile.text());
        Badge { key: working.certificate.clone(), profile, signature }.code()
    }

    /// Signs a document.
    pub(crate) fn sign_document(&self, document: Document, body: String) -> Signed {
        let working = self.working();
        let signature = working.sign(&document_text(document, &body));
        Signed { key: working.certificate.clone(), signature, body }
    }
}

fn public_hex(key: &VerifyingKey) -> String {
    data_encoding::HEXLOWER.encode(key.to_sec1_point(false).as_bytes())
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
    use lastmile_core::signature::verifies;
    use lastmile_core::time::SystemEntropy;

    #[test]
    fn the_root_vouches_for_the_working_key() {
        let keys = Keys::generate(&SystemEntropy);
        let working = keys.certificate();
        assert!(working.is_certified_by(&keys.root_public()));
        assert!(!working.is_certified_by(&working.public), "only the root can certify");
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
    fn a_new_working_key_survives_a_restart_under_the_same_root() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path(), &SystemEntropy).unwrap();
        let (root, before) = (keys.root_public(), keys.certificate());
        keys.install(keys.next(&SystemEntropy)).unwrap();
        assert_ne!(keys.certificate(), before);
        let again = Keys::in_folder(folder.path(), &SystemEntropy).unwrap();
        assert_eq!((again.root_public(), again.certificate()), (root, keys.certificate()));
    }

    #[test]
    fn a_signature_is_taken_in_both_of_its_forms() {
        let key = new_key(&SystemEntropy);
        let public = public_hex(key.verifying_key());
        let signature: Signature = key.sign(b"text");
        let raw = data_encoding::HEXLOWER.encode(&signature.to_bytes());
        let der = data_encoding::HEXLOWER.encode(&signature.to_der().to_bytes());
        assert!(verifies(&public, b"text", &raw) && verifies(&public, b"text", &der));
        assert!(!verifies(&public, b"other", &raw) && !verifies(&public, b"other", &der));
        assert!(!verifies(&public, b"text", "zz"), "not hexadecimal");
    }
}
