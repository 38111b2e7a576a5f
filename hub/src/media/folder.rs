//! Media in a local folder: `partial/<upload>` while it arrives, `<device>/<sha256>` for good.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use lastmile_core::id::{DeviceId, Digest};
use uuid::Uuid;

use super::MediaStore;

/// A folder of media files.
pub struct FolderMedia {
    folder: PathBuf,
}

impl FolderMedia {
    /// Opens a folder, made if there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder.join("partial"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn partial(&self, upload: Uuid) -> PathBuf {
        self.folder.join("partial").join(upload.to_string())
    }

    fn kept(&self, device: DeviceId, sha256: &Digest) -> PathBuf {
        self.folder.join(device.to_string()).join(sha256.to_string())
    }
}

impl MediaStore for FolderMedia {
    fn length(&self, upload: Uuid) -> Result<u64> {
        match std::fs::metadata(self.partial(upload)) {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn write(&self, upload: Uuid, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let mut file = options.open(self.partial(upload))?;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn read(&self, upload: Uuid) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.partial(upload))?))
    }

    fn keep(&self, upload: Uuid, device: DeviceId, sha256: &Digest) -> Result<()> {
        let (from, to) = (self.partial(upload), self.kept(device, sha256));
        File::open(&from)?.sync_all()?;
        let home = self.folder.join(device.to_string());
        let new = !home.exists();
        std::fs::create_dir_all(&home)?;
        std::fs::rename(from, to)?;
        // A name is durable when its folder is.
        File::open(&home)?.sync_all()?;
        if new {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }

    fn discard(&self, upload: Uuid) -> Result<()> {
        delete(&self.partial(upload))
    }

    fn holds(&self, device: DeviceId, sha256: &Digest) -> Result<bool> {
        self.kept(device, sha256).try_exists()
    }

    fn open(&self, device: DeviceId, sha256: &Digest) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.kept(device, sha256))?))
    }

    fn remove(&self, device: DeviceId, sha256: &Digest) -> Result<()> {
        delete(&self.kept(device, sha256))
    }
}

fn delete(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
