//! Media by tus 1.0: photos and videos arrive in parts, are checked as a whole, and are then kept
//! under their own hash.
//!
//! A file counts as confirmed when all its bytes are here, hash to what was announced, and begin
//! like a file of its kind. The offset of an unfinished one is the length of the partial file
//! itself: whatever arrived before a connection was cut is kept.
//!
//! A file goes when the person it shows was erased. The database says so first and the file follows:
//! whatever a fall of the hub or a part on its way leaves behind goes the next time.

mod folder;
mod memory;
mod preview;
mod tus;

pub use folder::FolderMedia;
pub use memory::MemoryMedia;
pub(crate) use tus::handle;

use std::io::{Read, Result};

use lastmile_core::id::{DeviceId, Digest};
use uuid::Uuid;

/// Where media files are kept. Names are made here from ids and hashes; nothing a client sends
/// ever becomes part of a path.
pub trait MediaStore: Send + Sync {
    /// Returns how many bytes of an upload are here; 0 if it is unknown.
    fn length(&self, upload: Uuid) -> Result<u64>;
    /// Writes bytes of an upload at an offset. They need not be durable yet.
    fn write(&self, upload: Uuid, offset: u64, bytes: &[u8]) -> Result<()>;
    /// Reads an upload from its beginning.
    fn read(&self, upload: Uuid) -> Result<Box<dyn Read + '_>>;
    /// Keeps a checked upload under its hash. Durable when this returns.
    fn keep(&self, upload: Uuid, device: DeviceId, sha256: &Digest) -> Result<()>;
    /// Forgets an upload.
    fn discard(&self, upload: Uuid) -> Result<()>;
    /// Tells whether a device's file with this hash is kept.
    fn holds(&self, device: DeviceId, sha256: &Digest) -> Result<bool>;
    /// Reads a kept file.
    fn open(&self, device: DeviceId, sha256: &Digest) -> Result<Box<dyn Read + '_>>;
    /// Deletes a kept file, if it is there.
    fn remove(&self, device: DeviceId, sha256: &Digest) -> Result<()>;
}
