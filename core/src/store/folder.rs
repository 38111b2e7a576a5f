//! Where the files beside the database lie: a folder of the file system, or the simulator's.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, MediaError, Result};
use crate::evidence::MediaKind;

/// A folder of files beside the database: sealed pictures, or the store's sealed keys. Names are
/// made by the library: letters, digits and dots.
pub trait MediaFolder: Send + Sync {
    /// Makes a new file, or empties the one that has this name.
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;
    /// Goes on writing at the end of a file.
    fn append(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;
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
    /// Holds a name against every other process until the answer is dropped; `None` if one has it.
    fn lock(&self, name: &str) -> io::Result<Option<Lock>>;
}

/// A name that is held. Dropping it, or the end of the process, lets it go.
pub type Lock = Box<dyn Send + Sync>;

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

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
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
    fn append(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(std::fs::File::options().append(true).open(self.path(name))?))
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
    fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let mut options = std::fs::File::options();
        let file = options.create(true).truncate(false).write(true).open(self.path(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A picture that was taken and not handed over in this time never will be. Long enough for an app
/// that the system ended while its camera was open.
const CAPTURE_KEPT_MS: i64 = 86_400_000;

/// Opens or makes the folder that a camera writes into, and deletes what was left there. `now_ms` is
/// UTC.
pub(crate) fn open_captures(folder: &Path, now_ms: i64) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in std::fs::read_dir(folder)?.flatten() {
        if written_ms(&file).is_some_and(|ms| now_ms.saturating_sub(ms) > CAPTURE_KEPT_MS) {
            // What cannot be deleted must not keep the courier from his work.
            let _ = std::fs::remove_file(file.path());
        }
    }
    Ok(())
}

/// When a file was last written, UTC milliseconds.
pub(super) fn written_ms(file: &std::fs::DirEntry) -> Option<i64> {
    let written = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
    i64::try_from(written.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
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
