//! Where media files lie: a folder of the file system, or the simulator's.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, MediaError, Result};
use crate::evidence::MediaKind;

/// The folder media files live in. Names are made by the library: letters, digits and a dot.
pub trait MediaFolder: Send + Sync {
    /// Makes a new file, or empties the one that has this name.
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;
    /// Gives a file another name; what had that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the names as they stand durable.
    fn sync_names(&self) -> io::Result<()>;
    /// Reads at most `len` bytes from `offset`.
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>>;
    /// Returns a file's length.
    fn len(&self, name: &str) -> io::Result<u64>;
    /// Deletes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns where the operating system finds the file.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file being written.
pub trait MediaFile: Send {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was added durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// An ordinary folder of the file system.
pub struct DiskFolder {
    folder: PathBuf,
}

impl DiskFolder {
    /// Opens or makes the folder.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }
}

impl MediaFile for std::fs::File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl MediaFolder for DiskFolder {
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(std::fs::File::create(self.path(name))?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }
    fn sync_names(&self) -> io::Result<()> {
        std::fs::File::open(&self.folder)?.sync_all()
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(self.path(name))?;
        file.seek(io::SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(len);
        file.take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path(name))?.len())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Opens a file that a camera wrote inside `folder`; anything else is refused.
pub(crate) fn open_capture(folder: &Path, path: &Path) -> Result<std::fs::File> {
    let bad = |_| Error::Media(MediaError::BadPath);
    let folder = folder.canonicalize().map_err(bad)?;
    let path = path.canonicalize().map_err(bad)?;
    let metadata = path.metadata().map_err(bad)?;
    if !path.starts_with(&folder) || !metadata.is_file() {
        return Err(MediaError::BadPath.into());
    }
    if metadata.len() > MediaKind::Mp4.max_bytes() {
        let limit = MediaKind::Mp4.max_bytes();
        return Err(MediaError::TooLarge { bytes: metadata.len(), limit }.into());
    }
    Ok(std::fs::File::open(path)?)
}
