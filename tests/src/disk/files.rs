//! Plain files beside the database, for photos and signatures, as lossy as the database.

use std::ffi::c_int;
use std::io;
use std::sync::Arc;

use rusqlite::ffi;

use super::contents::{Contents, Result};
use super::count::Kind;
use super::folder::{FileId, folder_of};
use super::registry::Platter;

/// The plain files of a disk, for one run of the app.
///
/// Ends with the power or the process: later calls fail and change nothing. Names are paths such as `media/a.jpg`;
/// folders need not be made. A new name, a removal and a rename are durable after [`sync_dir`](Self::sync_dir), a
/// content after [`sync`](Self::sync); neither implies the other.
#[derive(Debug, Clone)]
pub struct Files {
    platter: Arc<Platter>,
    boot: u64,
}

impl Files {
    pub(super) fn new(platter: &Arc<Platter>) -> Self {
        Self { platter: Arc::clone(platter), boot: platter.contents().boot }
    }

    /// Makes an empty file; fails when there is one.
    pub fn create(&self, path: &str) -> io::Result<()> {
        self.call(|disk| match disk.find(path)? {
            Some(_) => Err(ffi::SQLITE_CONSTRAINT),
            None => disk.create(Some(path)).map(|_| ()),
        })
    }

    /// Writes `bytes` behind the end of a file.
    pub fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.call(|disk| {
            let (file, len) = existing(disk, path)?;
            disk.write_file(file, Kind::Plain, len, bytes)
        })
    }

    /// Makes the content of a file durable. When it fails, a later call makes up for it.
    pub fn sync(&self, path: &str) -> io::Result<()> {
        self.call(|disk| {
            let (file, _) = existing(disk, path)?;
            disk.sync_file(file, Kind::Plain)
        })
    }

    /// Moves a file to another name in the same folder, over the file that has it.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if folder_of(from) != folder_of(to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        self.call(|disk| disk.rename(from, to))
    }

    /// Makes the names inside a folder durable; the folder at the top is empty.
    pub fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.call(|disk| disk.sync_folder(folder))
    }

    /// Reads what lies at `at` into `into` and returns how many bytes there were.
    pub fn read_at(&self, path: &str, at: usize, into: &mut [u8]) -> io::Result<usize> {
        self.call(|disk| {
            let (file, _) = existing(disk, path)?;
            disk.read_file(file, at, into)
        })
    }

    /// Returns the length of a file.
    pub fn len(&self, path: &str) -> io::Result<usize> {
        self.call(|disk| existing(disk, path).map(|(_, len)| len))
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        self.call(|disk| disk.delete(path))
    }

    /// Returns the names directly inside a folder, sorted.
    pub fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.call(|disk| disk.list(folder))
    }

    /// Holds a name against every other process until the answer is dropped; `None` if one has it.
    pub fn hold(&self, name: &str) -> io::Result<Option<Held>> {
        let free = self.call(|disk| disk.hold(name))?;
        Ok(free.then(|| Held { files: self.clone(), name: name.to_owned() }))
    }

    fn call<T>(&self, call: impl FnOnce(&mut Contents) -> Result<T>) -> io::Result<T> {
        let mut contents = self.platter.contents();
        if contents.boot != self.boot {
            return Err(io::Error::other("this run of the app is over"));
        }
        call(&mut contents).map_err(io_error)
    }
}

/// A name that is held; it ends with this, the process or the power.
#[derive(Debug)]
pub struct Held {
    files: Files,
    name: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Of an earlier run of the app nothing is held any more.
        let _ = self.files.call(|disk| {
            disk.let_go(&self.name);
            Ok(())
        });
    }
}

fn existing(disk: &mut Contents, path: &str) -> Result<(FileId, usize)> {
    disk.find(path)?.ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)
}

fn io_error(code: c_int) -> io::Error {
    match code {
        ffi::SQLITE_FULL => io::ErrorKind::StorageFull.into(),
        ffi::SQLITE_IOERR_DELETE_NOENT => io::ErrorKind::NotFound.into(),
        ffi::SQLITE_CONSTRAINT => io::ErrorKind::AlreadyExists.into(),
        code => io::Error::other(format!("the disk failed with code {code}")),
    }
}
