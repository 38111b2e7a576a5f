//! Faults on order: a crash at the n-th storage call, a full disk, one call that fails.

use std::ffi::c_int;

use rusqlite::ffi;

/// A storage call, as the faults tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Opening a file that is there.
    Open,
    /// Making a new file.
    Create,
    /// Reading from a file.
    Read,
    /// Writing to a file.
    Write,
    /// Cutting or stretching a file.
    Truncate,
    /// Making a file's content durable.
    Sync,
    /// Removing a name.
    Delete,
    /// Moving a file to another name.
    Rename,
    /// Making a folder's names durable.
    SyncFolder,
    /// Taking a lock, on the database or on its shared memory.
    Lock,
}

impl Op {
    /// Whether the call changes what is stored: only between two of those can a crash make a difference.
    fn changes_storage(self) -> bool {
        !matches!(self, Op::Open | Op::Read | Op::Lock)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// Changing calls so far, failed ones too.
    pub(super) calls: u64,
    /// The phone is off: each call fails until somebody turns it on again.
    down: bool,
    crash_at: Option<u64>,
    next: Vec<(Op, c_int)>,
    /// Calls of any sort until one fails once, with this code.
    countdown: Option<(u64, c_int)>,
    /// How many bytes all files may hold together.
    pub(super) room: Option<usize>,
    /// Every so-manieth sync is reported done and is not.
    pub(super) lies: Option<u64>,
}

impl Faults {
    /// Counts a call and fails it if that was ordered.
    pub(super) fn meet(&mut self, op: Op) -> Result<(), c_int> {
        if self.down {
            return Err(ffi::SQLITE_IOERR);
        }
        if op.changes_storage() {
            self.calls += 1;
            if self.crash_at.is_some_and(|call| self.calls >= call) {
                self.down = true;
                return Err(ffi::SQLITE_IOERR);
            }
        }
        match &mut self.countdown {
            Some((1, code)) => {
                let code = *code;
                self.countdown = None;
                return Err(code);
            }
            Some((calls, _)) => *calls -= 1,
            None => {}
        }
        match self.next.iter().position(|(ordered, _)| *ordered == op) {
            Some(found) => Err(self.next.remove(found).1),
            None => Ok(()),
        }
    }

    pub(super) fn crash_after(&mut self, calls: u64) {
        self.crash_at = Some(self.calls + calls.max(1));
    }

    pub(super) fn fail_next(&mut self, op: Op, code: c_int) {
        self.next.push((op, code));
    }

    pub(super) fn fail_call(&mut self, calls: u64, code: c_int) {
        self.countdown = Some((calls.max(1), code));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.countdown.is_none()
    }

    pub(super) fn down(&self) -> bool {
        self.down
    }

    /// Turns the phone on again. A full disk stays full.
    pub(super) fn restart(&mut self) {
        let (calls, room, lies) = (self.calls, self.room, self.lies);
        *self = Self { calls, room, lies, ..Self::default() };
    }

    /// Takes back what was ordered and has not come yet.
    pub(super) fn calm(&mut self) {
        self.crash_at = None;
        self.next.clear();
        self.countdown = None;
        self.room = None;
    }

    /// Whether this call, a sync, is reported done and is not.
    pub(super) fn is_a_lie(&self) -> bool {
        self.lies.is_some_and(|every| self.calls.is_multiple_of(every))
    }
}
