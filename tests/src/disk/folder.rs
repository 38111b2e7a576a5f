//! Which name leads to which file, now and after a power loss.
//!
//! Storing a file does not store its name: that takes a sync of the folder. Until then each new name, removal and
//! rename may or may not be found after a power loss, independently of the others, as on the file systems of Android
//! phones, which promise no order between files. Two changes of one name keep their order, and a rename is found whole
//! or not at all: SQLite and everybody else rely on that.

use std::collections::{BTreeMap, BTreeSet};

/// A file, whatever its names are. Never used twice on one disk.
pub(super) type FileId = u64;

#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    now: BTreeMap<String, FileId>,
    durable: BTreeMap<String, FileId>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Link { name: String, file: FileId },
    Unlink { name: String },
    Rename { from: String, to: String, file: FileId },
}

impl Folder {
    pub(super) fn find(&self, name: &str) -> Option<FileId> {
        self.now.get(name).copied()
    }

    pub(super) fn link(&mut self, name: &str, file: FileId) {
        self.change(Change::Link { name: name.into(), file });
    }

    pub(super) fn unlink(&mut self, name: &str) {
        self.change(Change::Unlink { name: name.into() });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, file: FileId) {
        self.change(Change::Rename { from: from.into(), to: to.into(), file });
    }

    /// Makes every change of names inside `folder` durable.
    pub(super) fn sync(&mut self, folder: &str) {
        for change in std::mem::take(&mut self.changes) {
            if change.names().any(|name| folder_of(name) == folder) {
                change.apply(&mut self.durable);
            } else {
                self.changes.push(change);
            }
        }
    }

    /// Returns the names directly inside `folder`, sorted.
    pub(super) fn list(&self, folder: &str) -> Vec<String> {
        let inside = self.now.keys().filter(|name| folder_of(name) == folder);
        inside.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned()).collect()
    }

    /// Returns the file of each name.
    pub(super) fn named(&self) -> impl Iterator<Item = FileId> {
        self.now.values().copied()
    }

    /// Returns every file that a name leads to, now or after any power loss.
    pub(super) fn reachable(&self) -> BTreeSet<FileId> {
        let waiting = self.changes.iter().filter_map(|change| match change {
            Change::Link { file, .. } | Change::Rename { file, .. } => Some(*file),
            Change::Unlink { .. } => None,
        });
        self.named().chain(self.durable.values().copied()).chain(waiting).collect()
    }

    /// Keeps the durable names and a seeded choice of the changes since.
    pub(super) fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        let mood = rng.u8(..4);
        let mut lost = BTreeSet::new();
        for change in std::mem::take(&mut self.changes) {
            let found = match mood {
                0 => false,
                1 => true,
                _ => rng.bool(),
            };
            if found && !change.names().any(|name| lost.contains(name)) {
                change.apply(&mut self.durable);
            } else {
                lost.extend(change.names().map(str::to_owned));
            }
        }
        self.now.clone_from(&self.durable);
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            Change::Link { name, file } => {
                names.insert(name.clone(), *file);
            }
            Change::Unlink { name } => {
                names.remove(name);
            }
            Change::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Change::Link { name, .. } | Change::Unlink { name } => (name, None),
            Change::Rename { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}

/// Returns the folder that holds `name`, empty at the top.
pub(super) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
