//! Finds the disk that a path belongs to.
//!
//! SQLite keeps each registered VFS for good, and a run of the simulator makes thousands of disks. So there is one VFS,
//! and a path names its disk: `/disk/17/courier.db`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::contents::Contents;

static ATTACHED: Mutex<BTreeMap<u64, Weak<Platter>>> = Mutex::new(BTreeMap::new());
static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);

/// A disk's contents behind their lock. The open handles keep it alive, as does every [`Disk`](super::Disk).
#[derive(Debug)]
pub(super) struct Platter {
    number: u64,
    contents: Mutex<Contents>,
}

impl Platter {
    pub(super) fn attach(contents: Contents) -> Arc<Self> {
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        let platter = Arc::new(Self { number, contents: Mutex::new(contents) });
        attached().insert(number, Arc::downgrade(&platter));
        platter
    }

    /// Finds the disk of a path, and the name of the file on it.
    pub(super) fn of(path: &str) -> Option<(Arc<Self>, &str)> {
        let (number, name) = path.strip_prefix("/disk/")?.split_once('/')?;
        let number = number.parse().ok()?;
        // Out of the registry's lock first: the last to let go of a disk takes that lock too.
        let found = attached().get(&number).and_then(Weak::upgrade);
        found.map(|platter| (platter, name))
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("/disk/{}/{name}", self.number)
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Platter {
    fn drop(&mut self) {
        attached().remove(&self.number);
    }
}

/// How many disks there are.
#[cfg(test)]
pub(super) fn count() -> usize {
    attached().len()
}

fn attached() -> MutexGuard<'static, BTreeMap<u64, Weak<Platter>>> {
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}
