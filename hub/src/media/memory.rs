//! Media in memory, for tests and the simulator.

use std::collections::BTreeMap;
use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lastmile_core::id::{DeviceId, Digest};
use uuid::Uuid;

use super::MediaStore;

/// Media that are gone when this is dropped.
#[derive(Default)]
pub struct MemoryMedia {
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    partial: BTreeMap<Uuid, Vec<u8>>,
    kept: BTreeMap<(DeviceId, Digest), Vec<u8>>,
}

impl MemoryMedia {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing() -> Error {
    Error::from(ErrorKind::NotFound)
}

impl MediaStore for MemoryMedia {
    fn length(&self, upload: Uuid) -> Result<u64> {
        Ok(self.files().partial.get(&upload).map_or(0, |file| file.len() as u64))
    }

    fn write(&self, upload: Uuid, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut files = self.files();
        let file = files.partial.entry(upload).or_default();
        let offset = usize::try_from(offset).map_err(|_| missing())?;
        file.resize(offset.max(file.len()).max(offset + bytes.len()), 0);
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, upload: Uuid) -> Result<Box<dyn Read + '_>> {
        let file = self.files().partial.get(&upload).cloned().ok_or_else(missing)?;
        Ok(Box::new(Cursor::new(file)))
    }

    fn keep(&self, upload: Uuid, device: DeviceId, sha256: &Digest) -> Result<()> {
        let mut files = self.files();
        let file = files.partial.remove(&upload).ok_or_else(missing)?;
        files.kept.insert((device, *sha256), file);
        Ok(())
    }

    fn discard(&self, upload: Uuid) -> Result<()> {
        self.files().partial.remove(&upload);
        Ok(())
    }

    fn holds(&self, device: DeviceId, sha256: &Digest) -> Result<bool> {
        Ok(self.files().kept.contains_key(&(device, *sha256)))
    }

    fn open(&self, device: DeviceId, sha256: &Digest) -> Result<Box<dyn Read + '_>> {
        let file = self.files().kept.get(&(device, *sha256)).cloned().ok_or_else(missing)?;
        Ok(Box::new(Cursor::new(file)))
    }

    fn remove(&self, device: DeviceId, sha256: &Digest) -> Result<()> {
        self.files().kept.remove(&(device, *sha256));
        Ok(())
    }
}
