//! The locks that keep the connections of one phone apart, by SQLite's own rules for each.

use std::ffi::c_int;

use rusqlite::ffi;

use super::contents::Result;

/// What one connection holds on a database, or several together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    /// The lock on the file, from `SQLITE_LOCK_NONE` up to `SQLITE_LOCK_EXCLUSIVE`.
    pub(super) level: c_int,
    /// The slots of the shared memory held together with others, one bit each.
    shared: u8,
    /// The slots held alone.
    exclusive: u8,
}

impl Held {
    pub(super) fn with(self, other: Held) -> Held {
        Held {
            level: self.level.max(other.level),
            shared: self.shared | other.shared,
            exclusive: self.exclusive | other.exclusive,
        }
    }

    /// Raises the lock on the file, as far as `others` let it.
    pub(super) fn raise(&mut self, wanted: c_int, others: Held) -> Result<()> {
        if self.level >= wanted {
            return Ok(());
        }
        let barred_from = match wanted {
            ffi::SQLITE_LOCK_SHARED => ffi::SQLITE_LOCK_PENDING,
            _ => ffi::SQLITE_LOCK_RESERVED,
        };
        if others.level >= barred_from {
            return Err(ffi::SQLITE_BUSY);
        }
        if wanted == ffi::SQLITE_LOCK_EXCLUSIVE && others.level >= ffi::SQLITE_LOCK_SHARED {
            // Stays pending: no new reader gets in while this one waits.
            self.level = ffi::SQLITE_LOCK_PENDING;
            return Err(ffi::SQLITE_BUSY);
        }
        self.level = wanted;
        Ok(())
    }

    pub(super) fn lower(&mut self, wanted: c_int) {
        self.level = self.level.min(wanted);
    }

    pub(super) fn take_slots(&mut self, slots: u8, alone: bool, others: Held) -> Result<()> {
        let barred = others.exclusive | if alone { others.shared } else { 0 };
        if barred & slots != 0 {
            return Err(ffi::SQLITE_BUSY);
        }
        if alone {
            self.exclusive |= slots;
        } else {
            self.shared |= slots;
        }
        Ok(())
    }

    pub(super) fn free_slots(&mut self, slots: u8) {
        self.shared &= !slots;
        self.exclusive &= !slots;
    }
}
