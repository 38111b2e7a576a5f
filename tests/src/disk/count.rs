//! What a phone asked of its disk: the figures that budgets are held against.

use std::ops::{Index, IndexMut};

/// What a file is for, told by how it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The database itself.
    Database,
    /// Its write-ahead log.
    Wal,
    /// A rollback journal.
    Journal,
    /// A plain file, such as a photo.
    Plain,
}

/// The calls on the files of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes written by them.
    pub bytes: u64,
    /// Calls that cut or stretched a file.
    pub truncates: u64,
    /// Calls that made a file durable.
    pub syncs: u64,
}

/// The calls that succeeded since the disk was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// On database files.
    pub db: FileCounts,
    /// On write-ahead logs.
    pub wal: FileCounts,
    /// On rollback journals.
    pub journal: FileCounts,
    /// On plain files.
    pub plain: FileCounts,
    /// Syncs of a folder, those among them that SQLite does after opening a journal.
    pub folder_syncs: u64,
}

impl Counts {
    /// Returns the syncs of all files and folders.
    pub fn syncs(&self) -> u64 {
        let files = [self.db, self.wal, self.journal, self.plain];
        files.iter().map(|file| file.syncs).sum::<u64>() + self.folder_syncs
    }

    /// Returns what was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            db: self.db.since(earlier.db),
            wal: self.wal.since(earlier.wal),
            journal: self.journal.since(earlier.journal),
            plain: self.plain.since(earlier.plain),
            folder_syncs: self.folder_syncs - earlier.folder_syncs,
        }
    }
}

impl FileCounts {
    fn since(self, earlier: FileCounts) -> FileCounts {
        FileCounts {
            writes: self.writes - earlier.writes,
            bytes: self.bytes - earlier.bytes,
            truncates: self.truncates - earlier.truncates,
            syncs: self.syncs - earlier.syncs,
        }
    }
}

impl Index<Kind> for Counts {
    type Output = FileCounts;

    fn index(&self, kind: Kind) -> &FileCounts {
        match kind {
            Kind::Database => &self.db,
            Kind::Wal => &self.wal,
            Kind::Journal => &self.journal,
            Kind::Plain => &self.plain,
        }
    }
}

impl IndexMut<Kind> for Counts {
    fn index_mut(&mut self, kind: Kind) -> &mut FileCounts {
        match kind {
            Kind::Database => &mut self.db,
            Kind::Wal => &mut self.wal,
            Kind::Journal => &mut self.journal,
            Kind::Plain => &mut self.plain,
        }
    }
}
