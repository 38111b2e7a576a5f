//! Photos, videos and signatures as they lie in the folder: sealed, and opened piece by piece.
//!
//! A file is 19 random bytes, the picture in segments of 64 KiB, each with a tag of 16 bytes, and a
//! last segment with the SHA-256 of the whole picture (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár,
//! CRYPTO 2015). A segment that was changed, moved, cut off or taken from another file does not
//! open; nor does any piece of a file that stands under another's name.

use std::io::{self, Read as _};
use std::sync::Arc;

use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::XChaCha20Poly1305;
use sha2::Digest as _;

use super::MediaFolder;
use super::key;
use super::media::file_name;
use crate::bug::{Bug, planted};
use crate::error::{Error, MediaError, Result};
use crate::evidence::{EvidenceRef, MediaKind};
use crate::id::Digest;
use crate::time::{Entropy as _, SystemEntropy};

/// Bytes of the picture in one segment: what is held in memory while it is written or read.
const SEGMENT: usize = 64 << 10;
const TAG: usize = 16;
/// The random bytes that make the nonces of one file.
const PREFIX: usize = 19;
const LAST: usize = 32 + TAG;

/// What was learned while a file was written.
pub(crate) struct Written {
    pub(crate) sha256: Digest,
    pub(crate) kind: MediaKind,
    pub(crate) bytes: u64,
}

/// The media folder of an open store.
pub(crate) struct SealedFolder {
    folder: Arc<dyn MediaFolder>,
    cipher: XChaCha20Poly1305,
}

impl SealedFolder {
    pub(crate) fn new(folder: Arc<dyn MediaFolder>, cipher: XChaCha20Poly1305) -> Self {
        Self { folder, cipher }
    }

    /// Streams `source` into the folder under its digest: two syncs, 64 KiB of memory.
    pub(crate) fn write(&self, draft: &str, source: &mut dyn io::Read) -> Result<Written> {
        let written = self.write_draft(draft, source);
        if written.is_err() {
            // The refused draft names nothing, and without the store's key it is only noise.
            let _ = self.folder.remove(draft);
        }
        written
    }

    fn write_draft(&self, draft: &str, source: &mut dyn io::Read) -> Result<Written> {
        let mut buffer = Vec::with_capacity(SEGMENT + TAG);
        let mut next = |buffer: &mut Vec<u8>| -> io::Result<usize> {
            buffer.clear();
            (&mut *source).take(SEGMENT as u64).read_to_end(buffer)
        };
        if next(&mut buffer)? == 0 {
            return Err(MediaError::Empty.into());
        }
        let kind = MediaKind::of(&buffer).ok_or(MediaError::NotMedia)?;
        let limit = kind.max_bytes();
        let mut prefix = [0; PREFIX];
        SystemEntropy.fill(&mut prefix);
        let mut file = self.folder.create(draft)?;
        file.append(&prefix)?;
        let mut stream = self.stream(&prefix).encryptor();
        let mut hash = sha2::Sha256::new();
        let mut bytes = 0u64;
        while !buffer.is_empty() {
            bytes += buffer.len() as u64;
            if bytes > limit {
                return Err(MediaError::TooLarge { bytes, limit }.into());
            }
            hash.update(&buffer);
            stream.encrypt_next_in_place(b"", &mut buffer).map_err(|_| Error::Corrupt)?;
            file.append(&buffer)?;
            next(&mut buffer)?;
        }
        let sha256 = Digest(hash.finalize().into());
        buffer.extend_from_slice(&sha256.0);
        stream.encrypt_last_in_place(b"", &mut buffer).map_err(|_| Error::Corrupt)?;
        file.append(&buffer)?;
        if !planted(Bug::PhotoNotSynced) {
            file.sync()?;
        }
        drop(file);
        self.folder.rename(draft, &file_name(&sha256, kind))?;
        self.folder.sync_names()?;
        Ok(Written { sha256, kind, bytes })
    }

    /// Reads at most `len` bytes of a picture from `offset`; none behind its end. Opens the segments
    /// they lie in, and the last one.
    ///
    /// # Errors
    /// `MediaDamaged` if the file is gone, or is not the one that was captured.
    pub(crate) fn read(&self, item: &EvidenceRef, offset: u64, len: u64) -> Result<Vec<u8>> {
        let name = file_name(&item.sha256, item.kind);
        let segments = u32::try_from(item.bytes.div_ceil(SEGMENT as u64));
        let segments = segments.map_err(|_| MediaError::Damaged)?;
        let end = PREFIX as u64 + item.bytes + u64::from(segments) * TAG as u64;
        if self.folder.len(&name).map_err(gone)? != end + LAST as u64 {
            return Err(MediaError::Damaged.into());
        }
        let prefix = self.folder.read(&name, 0, PREFIX).map_err(gone)?;
        let prefix = prefix.try_into().map_err(|_| MediaError::Damaged)?;
        let stream = self.stream(&prefix);
        let open = |position: u32, last: bool, at: u64, len: usize| -> Result<Vec<u8>> {
            let mut segment = self.folder.read(&name, at, len).map_err(gone)?;
            let opened = stream.decrypt_in_place(position, last, b"", &mut segment);
            opened.map_err(|_| MediaError::Damaged)?;
            Ok(segment)
        };
        if open(segments, true, end, LAST)? != item.sha256.0 {
            return Err(MediaError::Damaged.into());
        }
        let len = item.bytes.saturating_sub(offset).min(len);
        let mut piece = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        let mut from = offset;
        while from < offset + len {
            let position = u32::try_from(from / SEGMENT as u64).unwrap_or(u32::MAX);
            let at = PREFIX as u64 + u64::from(position) * (SEGMENT + TAG) as u64;
            let sealed = usize::try_from(end - at).unwrap_or(usize::MAX).min(SEGMENT + TAG);
            let segment = open(position, false, at, sealed)?;
            let start = usize::try_from(from % SEGMENT as u64).unwrap_or(0);
            let wanted = usize::try_from(offset + len - from).unwrap_or(usize::MAX);
            let stop = segment.len().min(start.saturating_add(wanted));
            piece.extend_from_slice(&segment[start..stop]);
            from += (stop - start) as u64;
        }
        Ok(piece)
    }

    /// Tells whether the file of an item is there, and is the one that was captured.
    pub(crate) fn has(&self, item: &EvidenceRef) -> Result<bool> {
        match self.read(item, 0, 0) {
            Ok(_) => Ok(true),
            Err(Error::Media(MediaError::Damaged)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a file; one that is gone already is deleted.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match self.folder.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Seals a picture so small that it lies in a row, about that row's key.
    pub(super) fn seal(&self, about: &[u8], picture: &[u8]) -> Vec<u8> {
        key::seal(&self.cipher, about, picture)
    }

    /// Opens it; `None` for anything else.
    pub(super) fn unseal(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        key::unseal(&self.cipher, about, sealed)
    }

    /// Makes the names as they stand durable.
    pub(crate) fn sync_names(&self) -> io::Result<()> {
        self.folder.sync_names()
    }

    fn stream(&self, prefix: &[u8; PREFIX]) -> StreamBE32<XChaCha20Poly1305> {
        StreamBE32::from_aead(self.cipher.clone(), prefix.into())
    }
}

fn gone(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => MediaError::Damaged.into(),
        _ => error.into(),
    }
}
