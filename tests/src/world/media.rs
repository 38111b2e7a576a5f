//! The phone's media folder on a disk that loses what was not synced.

use std::io;
use std::path::PathBuf;

use lastmile_core::{MediaFile, MediaFolder};

use crate::disk::Files;

/// Media files on a lossy disk.
pub struct LossyFolder(pub Files);

struct LossyFile {
    files: Files,
    name: String,
}

fn inside(name: &str) -> String {
    format!("media/{name}")
}

impl MediaFile for LossyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.files.append(&self.name, bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.files.sync(&self.name)
    }
}

impl MediaFolder for LossyFolder {
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let name = inside(name);
        match self.0.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.0.remove(&name)?;
                self.0.create(&name)?;
            }
            made => made?,
        }
        Ok(Box::new(LossyFile { files: self.0.clone(), name }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(&inside(from), &inside(to))
    }
    fn sync_names(&self) -> io::Result<()> {
        self.0.sync_dir("media")
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let read = self.0.read_at(&inside(name), at, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.0.len(&inside(name))? as u64)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(&inside(name))
    }
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(inside(name))
    }
}
