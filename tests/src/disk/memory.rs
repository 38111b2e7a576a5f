//! The memory that the connections to one database share: the index of its write-ahead log.
//!
//! SQLite reads and writes it through raw pointers, without a call in between, so a region must stay where it is until
//! the last connection lets go, even when the phone it belonged to lost its power long ago.

use std::ffi::c_void;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(super) struct SharedMemory {
    /// Words that may change under a shared reference; SQLite asks for an alignment of 8.
    regions: Mutex<Vec<Box<[AtomicU64]>>>,
}

impl SharedMemory {
    /// Returns where region `index` of `size` bytes lies, making it and those before it when `extend` is set.
    pub(super) fn region(&self, index: usize, size: usize, extend: bool) -> Option<*mut c_void> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        while extend && regions.len() <= index {
            regions.push((0..size.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        regions.get(index).map(|region| region.as_ptr().cast_mut().cast())
    }
}
