//! A phone's disk, in memory, that loses what was not synced.
//!
//! A power cut is the one failure that a test on a real file system cannot make: the kernel keeps what a killed process
//! wrote. So durability is claimed from this disk only. What it may lose is said in `file.rs` (contents) and `folder.rs`
//! (names); `vfs.rs` shows it to SQLite, `files.rs` to whoever stores photos.
//!
//! Everything it does follows from the seed it is given and the calls made on it. It sleeps for no more than a
//! millisecond when a connection is busy and knows no time.

mod contents;
mod count;
mod fault;
mod file;
mod files;
mod folder;
mod lock;
mod memory;
mod registry;
mod vfs;

#[cfg(test)]
mod tests;

use std::ffi::c_int;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

pub use count::{Counts, FileCounts, Kind};
pub use fault::Op;
pub use files::Files;

use contents::Contents;
use registry::Platter;

/// The storage of one simulated phone. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Platter>);

impl Disk {
    /// The name of the VFS to open a database with, the same for all disks.
    pub const VFS: &str = vfs::NAME;

    /// Returns an empty disk.
    pub fn new() -> Self {
        vfs::register();
        Self(Platter::attach(Contents::default()))
    }

    /// Returns the path that leads SQLite to the file `name` on this disk.
    pub fn path(&self, name: &str) -> String {
        self.0.path(name)
    }

    /// Opens a database on this disk, or makes it.
    pub fn open(&self, name: &str) -> rusqlite::Result<Connection> {
        Connection::open_with_flags_and_vfs(self.path(name), OpenFlags::default(), Self::VFS)
    }

    /// Returns the plain files, for the app as it runs now.
    pub fn files(&self) -> Files {
        Files::new(&self.0)
    }

    /// Cuts the power: keeps what is durable and a seeded choice of the rest.
    ///
    /// Locks and shared memory are gone, and whatever was open before fails from now on with `SQLITE_IOERR`. (A query
    /// that finds its pages in its connection's own cache may still finish.) Ends a crash and clears ordered failures.
    pub fn power_loss(&self, rng: &mut fastrand::Rng) {
        self.0.contents().lose_power(rng);
    }

    /// Kills the app: all it wrote is kept, though a later power loss may still take what it did not sync.
    ///
    /// Otherwise as [`power_loss`](Self::power_loss).
    pub fn process_kill(&self) {
        self.0.contents().restart();
    }

    /// Returns another phone's disk with the same content and nothing open, as a restored backup leaves it.
    #[must_use]
    pub fn duplicate(&self) -> Disk {
        let contents = self.0.contents().duplicate();
        Self(Platter::attach(contents))
    }

    /// Lets the `calls`-th call that changes storage fail from now on, and every call behind it, until
    /// [`power_loss`](Self::power_loss) or [`process_kill`](Self::process_kill).
    ///
    /// The failed call does nothing. To stop a phone at each of its calls, run once, read [`calls`](Self::calls) and
    /// crash after 1, 2, 3 … of them.
    pub fn crash_after(&self, calls: u64) {
        self.0.contents().faults.crash_after(calls);
    }

    /// Returns how many calls that change storage there were.
    pub fn calls(&self) -> u64 {
        self.0.contents().faults.calls
    }

    /// Whether an ordered crash has happened and the phone is still off.
    pub fn crashed(&self) -> bool {
        self.0.contents().faults.down()
    }

    /// Leaves room for `bytes` more on the disk; what does not fit fails with `SQLITE_FULL`.
    ///
    /// Writing over what is there needs no room, cutting and removing files makes some. Lasts until
    /// [`lift_full`](Self::lift_full).
    pub fn fail_full_after(&self, bytes: usize) {
        let mut contents = self.0.contents();
        contents.faults.room = Some(contents.used() + bytes);
    }

    /// Takes back every ordered failure that has not come yet, and makes the disk endless again.
    pub fn calm(&self) {
        self.0.contents().faults.calm();
    }

    /// Lets every `calls`-th changing call, if it is a sync, be reported done without being done, for good.
    pub fn lie_about_syncs(&self, calls: u64) {
        self.0.contents().faults.lies = Some(calls);
    }

    /// Makes the disk endless again.
    pub fn lift_full(&self) {
        self.0.contents().faults.room = None;
    }

    /// Lets the next call of this sort fail with an SQLite result code, once. It does nothing then.
    pub fn fail_next(&self, op: Op, code: c_int) {
        self.0.contents().faults.fail_next(op, code);
    }

    /// Lets the `calls`-th call from now on, of any sort, fail with an SQLite result code, once. It does nothing then.
    pub fn fail_call(&self, calls: u64, code: c_int) {
        self.0.contents().faults.fail_call(calls, code);
    }

    /// Whether the call that [`fail_call`](Self::fail_call) ordered to fail has come.
    pub fn has_failed(&self) -> bool {
        self.0.contents().faults.has_failed()
    }

    /// Returns what was asked of this disk so far.
    pub fn counts(&self) -> Counts {
        self.0.contents().counts
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}
