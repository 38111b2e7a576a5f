//! The store: one `SQLite` file per signed-in courier, WAL, one writer.
//!
//! `open` is the only place that opens it. The log is in `log.rs`, the folded lanes in `lane.rs`,
//! the vault in `vault.rs`, photos and videos in `media.rs`, single values in `meta.rs`.

mod lane;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod media;
mod meta;
pub(crate) mod rewind;
pub(crate) mod vault;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::bug::{Bug, planted};
use crate::error::{Error, Result};

pub(crate) use lane::LaneRow;
pub(crate) use log::{Head, Outgoing};
pub use media::{DiskFolder, MediaFile, MediaFolder};
pub(crate) use media::{Media, MediaState, Upload};
pub(crate) use meta::Key;

/// "LMst": marks the file as ours in `SQLite`'s header.
const APPLICATION_ID: i32 = 0x4c4d_7374;

/// A hand-over touches a handful of pages and fills none, so small pages write less: 5,628 WAL
/// bytes each by `cargo bench -p lastmile-tests --bench recording`.
const PAGE_SIZE: u32 = 1024;

const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("migrations/0001_init.sql"))];

/// How hard a recorded act is pushed to the disk before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Durability {
    /// One sync per act: it survives a dead battery.
    #[default]
    Full,
    /// No sync per act: it survives a killed app, but not a dead battery.
    Normal,
}

/// Where a store lies.
#[derive(Clone)]
pub enum Location {
    /// A folder of the app; the database, media and captures lie inside.
    Folder(PathBuf),
    /// A `SQLite` VFS by name and a media folder of one's own; used by the simulator.
    Vfs {
        /// Path inside the VFS.
        path: PathBuf,
        /// Name of the registered VFS.
        vfs: String,
        /// Where media files are kept.
        media: Arc<dyn MediaFolder>,
    },
}

/// The open files of one store.
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) media: Arc<dyn MediaFolder>,
    /// Held while the store is open, so that a second process is told `OpenElsewhere`.
    _lock: Option<File>,
}

impl Store {
    /// Opens or creates the store and brings its schema up to date.
    pub(crate) fn open(location: &Location, durability: Durability) -> Result<Self> {
        let (mut db, media, lock) = match location {
            Location::Folder(folder) => {
                std::fs::create_dir_all(folder)?;
                let lock = lock(&folder.join("lastmile.lock"))?;
                let media = DiskFolder::open(folder.join("media"))?;
                let db = Connection::open(folder.join("lastmile.db"))?;
                (db, Arc::new(media) as Arc<dyn MediaFolder>, Some(lock))
            }
            Location::Vfs { path, vfs, media } => {
                let db =
                    Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs.as_str())?;
                (db, Arc::clone(media), None)
            }
        };
        check_ours(&db)?;
        db.pragma_update(None, "page_size", PAGE_SIZE)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(
            None,
            "synchronous",
            match durability {
                Durability::Full if !planted(Bug::ActNotSynced) => "FULL",
                Durability::Full | Durability::Normal => "NORMAL",
            },
        )?;
        db.pragma_update(None, "fullfsync", true)?;
        db.pragma_update(None, "checkpoint_fullfsync", true)?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "temp_store", "memory")?;
        // What is erased is overwritten, and not only forgotten.
        db.pragma_update(None, "secure_delete", true)?;
        // A safety net; checkpoints run after a sync and at suspend, off the courier's path.
        db.pragma_update(None, "wal_autocheckpoint", 4_000 * 4096 / PAGE_SIZE)?;
        db.busy_timeout(std::time::Duration::from_secs(2))?;
        db.set_prepared_statement_cache_capacity(64);
        migrate(&mut db)?;
        let store = Self { db, media, _lock: lock };
        // A process killed between writing and syncing leaves a commit that can be read and is
        // not yet durable. The checkpoint syncs it before anybody is told of it.
        store.checkpoint()?;
        media::delete_erased(&store.db, store.media.as_ref())?;
        Ok(store)
    }

    /// Moves what is in the WAL into the database file as far as no reader needs it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::OpenElsewhere),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Refuses a database that is somebody else's, or ahead of this release, before a single byte of
/// it is changed.
fn check_ours(db: &Connection) -> Result<()> {
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && (id != 0 || tables > 0) {
        return Err(Error::ForeignStore);
    }
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known { Err(Error::NewerStore { found, known }) } else { Ok(()) }
}

fn migrate(db: &mut Connection) -> Result<()> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    Migrations::from_slice(MIGRATIONS).to_latest(db).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        _ => Error::Database { code: 0 },
    })
}
