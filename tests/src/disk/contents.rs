//! What a disk holds, and the storage calls on it, each of which meets the faults and is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::sync::{Arc, Weak};

use rusqlite::ffi;

use super::count::{Counts, Kind};
use super::fault::{Faults, Op};
use super::file::File;
use super::folder::{FileId, Folder, folder_of};
use super::lock::Held;
use super::memory::SharedMemory;

/// The error is SQLite's code, plain files turn it into an `io::Error`.
pub(super) type Result<T> = std::result::Result<T, c_int>;

/// An open file. Never used twice on one disk, so a handle from before a power loss finds nothing.
pub(super) type HandleId = u64;

#[derive(Debug, Default)]
pub(super) struct Contents {
    folder: Folder,
    files: BTreeMap<FileId, File>,
    open: BTreeMap<HandleId, Open>,
    memory: BTreeMap<FileId, Weak<SharedMemory>>,
    /// Names that one process holds against the others.
    held: BTreeSet<String>,
    last_id: u64,
    /// How often the phone was started.
    pub(super) boot: u64,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
}

#[derive(Debug)]
struct Open {
    file: FileId,
    kind: Kind,
    held: Held,
    /// The folder to sync together with the file. SQLite does so once for each journal it opens to
    /// write, for it may be one that a killed process made.
    in_folder: Option<String>,
    delete_on_close: Option<String>,
}

/// How to open a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) kind: Kind,
    pub(super) create: bool,
    pub(super) must_be_new: bool,
    pub(super) delete_on_close: bool,
}

impl Contents {
    /// Opens a file, or makes one; without a name, one that ends with its handle.
    pub(super) fn open(&mut self, name: Option<&str>, manner: Manner) -> Result<HandleId> {
        let found = name.and_then(|name| self.folder.find(name));
        let file = match found {
            Some(_) if manner.must_be_new => return Err(ffi::SQLITE_CANTOPEN),
            Some(file) => {
                self.faults.meet(Op::Open)?;
                file
            }
            None if manner.create => self.create(name)?,
            None => return Err(ffi::SQLITE_CANTOPEN),
        };
        let journal = matches!(manner.kind, Kind::Wal | Kind::Journal);
        let open = Open {
            file,
            kind: manner.kind,
            held: Held::default(),
            in_folder: name.filter(|_| journal && manner.create).map(|name| folder_of(name).into()),
            delete_on_close: name.filter(|_| manner.delete_on_close).map(Into::into),
        };
        let handle = self.next_id();
        self.open.insert(handle, open);
        Ok(handle)
    }

    /// Makes an empty file.
    pub(super) fn create(&mut self, name: Option<&str>) -> Result<FileId> {
        self.faults.meet(Op::Create)?;
        let file = self.next_id();
        self.files.insert(file, File::default());
        if let Some(name) = name {
            self.folder.link(name, file);
        }
        Ok(file)
    }

    /// Closes a handle and frees its locks. One that is already gone is no error: its phone is.
    pub(super) fn close(&mut self, handle: HandleId) {
        let Some(open) = self.open.remove(&handle) else { return };
        if let Some(name) = open.delete_on_close {
            self.folder.unlink(&name);
        }
        self.drop_unreachable();
    }

    pub(super) fn read(&mut self, handle: HandleId, at: usize, into: &mut [u8]) -> Result<usize> {
        let (file, _) = self.opened(handle)?;
        self.read_file(file, at, into)
    }

    pub(super) fn read_file(&mut self, id: FileId, at: usize, into: &mut [u8]) -> Result<usize> {
        self.faults.meet(Op::Read)?;
        Ok(self.file(id)?.read(at, into))
    }

    pub(super) fn write(&mut self, handle: HandleId, at: usize, bytes: &[u8]) -> Result<()> {
        let (file, kind) = self.opened(handle)?;
        self.write_file(file, kind, at, bytes)
    }

    pub(super) fn write_file(
        &mut self,
        id: FileId,
        kind: Kind,
        at: usize,
        bytes: &[u8],
    ) -> Result<()> {
        self.faults.meet(Op::Write)?;
        let growth = (at + bytes.len()).saturating_sub(self.file(id)?.len());
        if growth > 0 && self.faults.room.is_some_and(|room| self.used() + growth > room) {
            return Err(ffi::SQLITE_FULL);
        }
        self.file(id)?.write(at, bytes);
        self.counts[kind].writes += 1;
        self.counts[kind].bytes += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn truncate(&mut self, handle: HandleId, len: usize) -> Result<()> {
        let (file, kind) = self.opened(handle)?;
        self.faults.meet(Op::Truncate)?;
        self.file(file)?.truncate(len);
        self.counts[kind].truncates += 1;
        Ok(())
    }

    pub(super) fn sync(&mut self, handle: HandleId) -> Result<()> {
        let (file, kind) = self.opened(handle)?;
        self.sync_file(file, kind)?;
        let folder = self.open.get_mut(&handle).and_then(|open| open.in_folder.take());
        folder.map_or(Ok(()), |folder| self.sync_folder(&folder))
    }

    /// Makes a file's content durable. When the call fails, a later one makes up for it.
    pub(super) fn sync_file(&mut self, id: FileId, kind: Kind) -> Result<()> {
        self.faults.meet(Op::Sync)?;
        if !self.faults.is_a_lie() {
            self.file(id)?.sync();
        }
        self.counts[kind].syncs += 1;
        Ok(())
    }

    pub(super) fn sync_folder(&mut self, folder: &str) -> Result<()> {
        self.faults.meet(Op::SyncFolder)?;
        self.folder.sync(folder);
        self.counts.folder_syncs += 1;
        Ok(())
    }

    pub(super) fn len(&mut self, handle: HandleId) -> Result<usize> {
        let (file, _) = self.opened(handle)?;
        Ok(self.file(file)?.len())
    }

    /// Returns how long the file of this name is, if there is one.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<(FileId, usize)>> {
        if self.faults.down() {
            return Err(ffi::SQLITE_IOERR);
        }
        match self.folder.find(name) {
            Some(id) => Ok(Some((id, self.file(id)?.len()))),
            None => Ok(None),
        }
    }

    /// Removes a name. Who has the file open may go on using it.
    pub(super) fn delete(&mut self, name: &str) -> Result<()> {
        self.folder.find(name).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
        self.faults.meet(Op::Delete)?;
        self.folder.unlink(name);
        self.drop_unreachable();
        Ok(())
    }

    /// Moves a file to another name, over the file that has it.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let file = self.folder.find(from).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
        self.faults.meet(Op::Rename)?;
        self.folder.rename(from, to, file);
        Ok(())
    }

    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>> {
        if self.faults.down() {
            return Err(ffi::SQLITE_IOERR);
        }
        Ok(self.folder.list(folder))
    }

    pub(super) fn lock(&mut self, handle: HandleId, level: c_int) -> Result<()> {
        self.faults.meet(Op::Lock)?;
        let others = self.held_by_others(handle)?;
        self.handle(handle)?.held.raise(level, others)
    }

    pub(super) fn unlock(&mut self, handle: HandleId, level: c_int) -> Result<()> {
        self.handle(handle)?.held.lower(level);
        Ok(())
    }

    pub(super) fn reserved(&mut self, handle: HandleId) -> Result<bool> {
        let held = self.handle(handle)?.held.with(self.held_by_others(handle)?);
        Ok(held.level >= ffi::SQLITE_LOCK_RESERVED)
    }

    pub(super) fn take_slots(&mut self, handle: HandleId, slots: u8, alone: bool) -> Result<()> {
        self.faults.meet(Op::Lock)?;
        let others = self.held_by_others(handle)?;
        self.handle(handle)?.held.take_slots(slots, alone, others)
    }

    pub(super) fn free_slots(&mut self, handle: HandleId, slots: u8) -> Result<()> {
        self.handle(handle)?.held.free_slots(slots);
        Ok(())
    }

    /// Returns the memory that all handles to this file share; it goes with the last that keeps it.
    pub(super) fn shared_memory(&mut self, handle: HandleId) -> Result<Arc<SharedMemory>> {
        let (file, _) = self.opened(handle)?;
        let memory = self.memory.entry(file).or_default();
        Ok(memory.upgrade().unwrap_or_else(|| {
            let fresh = Arc::default();
            *memory = Arc::downgrade(&fresh);
            fresh
        }))
    }

    /// Holds a name against the other processes; false if one of them has it.
    pub(super) fn hold(&mut self, name: &str) -> Result<bool> {
        self.faults.meet(Op::Lock)?;
        Ok(self.held.insert(name.to_owned()))
    }

    pub(super) fn let_go(&mut self, name: &str) {
        self.held.remove(name);
    }

    /// Ends all processes: what they wrote stays, what they held is gone.
    pub(super) fn restart(&mut self) {
        self.open.clear();
        self.memory.clear();
        self.held.clear();
        self.boot += 1;
        self.faults.restart();
        self.drop_unreachable();
    }

    pub(super) fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        self.folder.lose_power(rng);
        self.restart();
        for file in self.files.values_mut() {
            file.lose_power(rng);
        }
    }

    /// Copies what is stored, durable or not, for another phone.
    pub(super) fn duplicate(&self) -> Contents {
        let mut copy = Contents {
            folder: self.folder.clone(),
            files: self.files.clone(),
            last_id: self.last_id,
            ..Contents::default()
        };
        copy.faults.lies = self.faults.lies;
        copy
    }

    /// Returns the bytes of all files that a name leads to or that are open.
    pub(super) fn used(&self) -> usize {
        let open = self.open.values().map(|open| open.file);
        let used: BTreeSet<FileId> = self.folder.named().chain(open).collect();
        used.iter().filter_map(|id| self.files.get(id)).map(File::len).sum()
    }

    fn opened(&mut self, handle: HandleId) -> Result<(FileId, Kind)> {
        self.handle(handle).map(|open| (open.file, open.kind))
    }

    fn handle(&mut self, handle: HandleId) -> Result<&mut Open> {
        self.open.get_mut(&handle).ok_or(ffi::SQLITE_IOERR)
    }

    fn file(&mut self, id: FileId) -> Result<&mut File> {
        self.files.get_mut(&id).ok_or(ffi::SQLITE_IOERR)
    }

    fn held_by_others(&mut self, handle: HandleId) -> Result<Held> {
        let (file, _) = self.opened(handle)?;
        let others = self.open.iter().filter(|&(&id, open)| id != handle && open.file == file);
        Ok(others.fold(Held::default(), |all, (_, open)| all.with(open.held)))
    }

    fn drop_unreachable(&mut self) {
        let mut kept = self.folder.reachable();
        kept.extend(self.open.values().map(|open| open.file));
        self.files.retain(|id, _| kept.contains(id));
        self.memory.retain(|id, _| kept.contains(id));
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
