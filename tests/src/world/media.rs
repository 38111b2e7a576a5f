//! The phone's folders beside the database, on a disk that loses what was not synced.

use std::io;

use lastmile_core::{Lock, MediaFile, MediaFolder};

use crate::disk::Files;

/// A folder of a lossy disk.
pub struct LossyFolder {
    files: Files,
    path: &'static str,
}

struct LossyFile {
    files: Files,
    name: String,
}

impl LossyFolder {
    /// The folder at the top, where the store's sealed keys lie.
    pub fn top(files: Files) -> Self {
        Self { files, path: "" }
    }

    /// The folder of media files.
    pub fn media(files: Files) -> Self {
        Self { files, path: "media" }
    }

    fn inside(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
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
        let name = self.inside(name);
        match self.files.create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.files.remove(&name)?;
                self.files.create(&name)?;
            }
            made => made?,
        }
        Ok(Box::new(LossyFile { files: self.files.clone(), name }))
    }
    fn append(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        let name = self.inside(name);
        self.files.len(&name)?;
        Ok(Box::new(LossyFile { files: self.files.clone(), name }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(&self.inside(from), &self.inside(to))
    }
    fn sync_names(&self) -> io::Result<()> {
        self.files.sync_dir(self.path)
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let read = self.files.read_at(&self.inside(name), at, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.files.len(&self.inside(name))? as u64)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(&self.inside(name))
    }
    fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let held = self.files.hold(&self.inside(name))?;
        Ok(held.map(|held| Box::new(held) as Lock))
    }
}
