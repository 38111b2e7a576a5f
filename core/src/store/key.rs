//! The keys of a store, and the two SQL functions that seal and open its rows.
//!
//! The app's key opens one small file beside the database. It holds the store's own two keys, which
//! are random and never change, so that a new key of the app seals those again and nothing else.
//! The file is read before the database is: with the wrong key nothing in the folder is touched.

use std::io;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, AeadInOut as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, ffi};
use zeroize::Zeroizing;

use super::MediaFolder;
use crate::error::{Error, Result};
use crate::time::{Entropy as _, SystemEntropy};

/// The key that opens a store: 32 random bytes that the app makes once and keeps in the Keystore
/// or the Keychain.
///
/// Wiped from memory when it is dropped; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Makes a new key from the system's random bytes.
    pub fn random() -> Self {
        Self(random())
    }

    /// Takes a key that was kept.
    ///
    /// # Errors
    /// `BadArgument` for anything but 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = |_| Error::BadArgument { field: "key", expected: "32 random bytes" };
        Ok(Self(Zeroizing::new(bytes.try_into().map_err(wrong)?)))
    }

    /// Returns the 32 bytes, to be kept where only this app reads them.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// The store's own keys, sealed under the app's, and the same once more: without them nothing that
/// is sealed can be read, so one damaged file must not take them.
const FILES: [&str; 2] = ["lastmile.key", "lastmile.key.copy"];
/// The same while it is written.
const DRAFT: &str = "lastmile.key.new";
/// Leads the file, says how it is made, and is sealed with it.
const MADE: &[u8] = b"lastmile key v1\n";
/// Random bytes that lead whatever is sealed in one piece.
const NONCE: usize = 24;
/// The bytes behind it that tell whether it was changed.
const TAG: usize = 16;
/// More than the file has.
const FILE_AT_MOST: usize = 1024;

/// The store's own keys: 32 bytes for its rows, 32 for its files.
pub(crate) struct StoreKeys(Zeroizing<[u8; 64]>);

impl StoreKeys {
    /// Makes the keys of a new store.
    pub(crate) fn random() -> Self {
        Self(random())
    }

    /// Reads the keys of a store; `None` if it has none yet.
    ///
    /// # Errors
    /// `WrongKey`; `Corrupt` for a file that is not one of ours.
    pub(crate) fn open(folder: &dyn MediaFolder, key: &DataKey) -> Result<Option<Self>> {
        let [first, copy] = FILES.map(|file| folder.read(file, 0, FILE_AT_MOST));
        let whole = first.as_ref().ok().is_some_and(|first| copy.as_ref().ok() == Some(first));
        let opened = match (Self::of(first, key), Self::of(copy, key)) {
            (Ok(Some(keys)), _) | (Err(_) | Ok(None), Ok(Some(keys))) => keys,
            (first, _) => return first,
        };
        if !whole {
            // It was damaged, or the phone died between the two. If it cannot be mended now, then
            // the next time.
            let _ = opened.keep(folder, key);
        }
        Ok(Some(opened))
    }

    fn of(file: io::Result<Vec<u8>>, key: &DataKey) -> Result<Option<Self>> {
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let sealed = file.strip_prefix(MADE).ok_or(Error::Corrupt)?;
        let keys = Zeroizing::new(unseal(&key.cipher(), MADE, sealed).ok_or(Error::WrongKey)?);
        let keys = keys.as_slice().try_into().map_err(|_| Error::Corrupt)?;
        Ok(Some(Self(Zeroizing::new(keys))))
    }

    /// Keeps the keys under `key` from now on. If the phone dies meanwhile, they stay under the key
    /// before.
    pub(crate) fn keep(&self, folder: &dyn MediaFolder, key: &DataKey) -> Result<()> {
        let sealed = [MADE, &seal(&key.cipher(), MADE, self.0.as_slice())].concat();
        for name in FILES {
            let mut file = folder.create(DRAFT)?;
            file.append(&sealed)?;
            file.sync()?;
            drop(file);
            folder.rename(DRAFT, name)?;
            folder.sync_names()?;
        }
        Ok(())
    }

    /// Returns the cipher of files.
    pub(crate) fn files(&self) -> XChaCha20Poly1305 {
        cipher(&self.0[32..])
    }

    /// Gives a connection `seal(about, text)` and `unseal(about, sealed)`. What a row is about, its
    /// key, is not sealed: it is checked, so that no value opens in another's place.
    ///
    /// A row that does not open was tampered with or is damaged: the statement fails as on any
    /// other damaged file.
    pub(crate) fn teach(&self, db: &Connection) -> Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
        let rows = Arc::new(cipher(&self.0[..32]));
        let of_seal = Arc::clone(&rows);
        db.create_scalar_function("seal", 2, flags, move |call| {
            Ok(seal(&of_seal, bytes(call, 0)?, bytes(call, 1)?))
        })?;
        db.create_scalar_function("unseal", 2, flags, move |call| {
            let text = unseal(&rows, bytes(call, 0)?, bytes(call, 1)?);
            text.and_then(|text| String::from_utf8(text).ok()).ok_or_else(damaged)
        })?;
        Ok(())
    }
}

fn bytes<'a>(call: &'a Context<'_>, argument: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(call.get_raw(argument).as_bytes()?)
}

fn damaged() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), None)
}

/// Keys and nonces come from the system, whatever ids are made of.
fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemEntropy.fill(bytes.as_mut_slice());
    bytes
}

/// Returns the cipher of a half of the store's keys.
fn cipher(half: &[u8]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new_from_slice(half).expect("a half has 32 bytes")
}

/// Seals `plain` under random bytes, which lead the result: 24 of them never come twice.
pub(super) fn seal(cipher: &XChaCha20Poly1305, about: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce = random::<NONCE>();
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
    sealed.extend_from_slice(nonce.as_slice());
    sealed.extend_from_slice(plain);
    let body = sealed[NONCE..].as_mut().into();
    let tag = cipher.encrypt_inout_detached(&XNonce::from(*nonce), about, body);
    sealed.extend_from_slice(&tag.expect("shorter than 256 GiB"));
    sealed
}

/// Opens what [`seal`] made under the same key and about the same; `None` for anything else.
pub(super) fn unseal(cipher: &XChaCha20Poly1305, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: about }).ok()
}
