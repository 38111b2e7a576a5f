//! The store: one `SQLite` file per signed-in courier, WAL, one writer.
//!
//! `open` is the only place that opens it. The log is in `log.rs`, the folded lanes in `lane.rs`,
//! what is to be done when one is folded again in `refold.rs`, the vault in `vault.rs`, photos and
//! videos in `media.rs` and `sealed.rs`, their previews in `preview.rs`, single values in `meta.rs`,
//! the keys in `key.rs`. What is personal or secret is sealed: the bodies of the vault, every value
//! of `meta`, the previews, and the files.

pub(crate) mod folder;
mod journal;
mod key;
mod lane;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod media;
mod meta;
mod preview;
mod refold;
mod reserve;
pub(crate) mod rewind;
mod salvage;
mod sealed;
pub(crate) mod vault;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::bug::{Bug, planted};
use crate::error::{Error, Result};
use crate::id::DeviceId;

pub use folder::{DiskFolder, Lock, MediaFile, MediaFolder};
pub(crate) use journal::{Journal, Record};
pub use key::DataKey;
pub(crate) use key::StoreKeys;
pub(crate) use lane::LaneRow;
pub(crate) use log::{Head, Outgoing};
pub(crate) use media::{Media, MediaState, Upload};
pub(crate) use meta::Key;
pub(crate) use preview::Preview;
pub(crate) use refold::refold;
pub(crate) use reserve::Reserve;
pub use salvage::Salvaged;
pub(crate) use salvage::forget_aside;
pub(crate) use sealed::SealedFolder;

/// The database's file in the store's folder.
const DATABASE: &str = "lastmile.db";

/// "LMst": marks the file as ours in `SQLite`'s header.
const APPLICATION_ID: i32 = 0x4c4d_7374;

/// A hand-over touches a handful of pages and fills none, so small pages write less: 5,628 WAL
/// bytes each by `cargo bench -p lastmile-tests --bench recording`.
const PAGE_SIZE: u32 = 1024;

/// As many pages in the WAL are long: 2 MiB, which cost a killed app a millisecond when it is opened.
const LONG_WAL: i64 = 2_000;

/// Released files never change; the version is the index.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_init.sql")),
    M::up(include_str!("migrations/0002_previews.sql")),
];

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
    /// A folder of the app; the database, the sealed keys, media and captures lie inside.
    Folder(PathBuf),
    /// A `SQLite` VFS by name and folders of one's own; used by the simulator.
    Vfs {
        /// Path inside the VFS.
        path: PathBuf,
        /// Name of the registered VFS.
        vfs: String,
        /// Where the store's sealed keys are kept.
        keys: Arc<dyn MediaFolder>,
        /// Where media files are kept.
        media: Arc<dyn MediaFolder>,
    },
}

/// The open files of one store.
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) media: SealedFolder,
    pub(crate) journal: Journal,
    pub(crate) reserve: Reserve,
    /// What was saved when this store was opened, if it was damaged.
    pub(crate) salvaged: Option<Salvaged>,
    durability: Durability,
    /// Whether a commit is synced.
    synced: bool,
    keys: Arc<dyn MediaFolder>,
    /// Held while the store is open, so that a second process is told `OpenElsewhere`.
    _lock: Lock,
}

impl Store {
    /// Opens or creates the store of `device`, and brings its schema up to date. With the wrong key,
    /// nothing in the folder is touched. What is pending in a damaged database goes into a new one.
    pub(crate) fn open(
        location: &Location,
        durability: Durability,
        key: &DataKey,
        device: DeviceId,
        reserve_bytes: u64,
    ) -> Result<Self> {
        let (keys, media): (Arc<dyn MediaFolder>, Arc<dyn MediaFolder>) = match location {
            Location::Folder(folder) => {
                let media = folder.join("media");
                (Arc::new(DiskFolder::open(folder.clone())?), Arc::new(DiskFolder::open(media)?))
            }
            Location::Vfs { keys, media, .. } => (Arc::clone(keys), Arc::clone(media)),
        };
        let lock = match keys.lock("lastmile.lock")? {
            Some(lock) => lock,
            None if planted(Bug::LockIgnored) => Box::new(()),
            None => return Err(Error::OpenElsewhere),
        };
        let known = StoreKeys::open(keys.as_ref(), key)?;
        let begun = known.is_some();
        let own = match known {
            Some(own) => own,
            // The keys were durable before the database was made.
            None if check_ours(&connect(location, DATABASE)?)? => return Err(Error::Corrupt),
            None => {
                let new = StoreKeys::random();
                new.keep(keys.as_ref(), key)?;
                new
            }
        };
        let journal = Journal::new(Arc::clone(&keys), own.files());
        let open = |journal: &Journal| match location {
            Location::Folder(folder) if begun => {
                salvage::or_open(folder, journal, &own, device, &|name| {
                    database(location, name, durability, &own)
                })
            }
            _ => Ok((database(location, DATABASE, durability, &own)?, None)),
        };
        let (db, salvaged) = open(&journal)?;
        let media = SealedFolder::new(media, own.files());
        let reserve = Reserve::new(Arc::clone(&keys), reserve_bytes);
        let synced = durability == Durability::Full;
        let mut store =
            Self { db, media, journal, reserve, salvaged, durability, synced, keys, _lock: lock };
        if let Err(error) = store.begin(device) {
            if !error.is_damage() {
                return Err(error);
            }
            store.suspect();
            store.db = Connection::open_in_memory()?;
            (store.db, store.salvaged) = open(&store.journal)?;
            store.begin(device)?;
        }
        store.reserve.fill();
        Ok(store)
    }

    fn begin(&mut self, device: DeviceId) -> Result<()> {
        self.catch_up(device)?;
        self.journal.open(&self.db, Head::load(&self.db)?);
        media::delete_erased(&self.db, &self.media)
    }

    /// Seals the store's keys under `new` from now on: one small file is replaced.
    pub(crate) fn rotate_key(&self, old: &DataKey, new: &DataKey) -> Result<()> {
        let own = StoreKeys::open(self.keys.as_ref(), old)?.ok_or(Error::Corrupt)?;
        own.keep(self.keys.as_ref(), new)
    }

    /// Tells whether a key opens this store as it lies on the disk now.
    pub(crate) fn opens_with(&self, key: &DataKey) -> bool {
        matches!(StoreKeys::open(self.keys.as_ref(), key), Ok(Some(_)))
    }

    /// Lets commits be synced from now on as the app asked for, or not at all: such a one is whole, but
    /// lost with the battery unless a synced one or a checkpoint came after it.
    pub(crate) fn sync_commits(&mut self, sync: bool) -> Result<()> {
        let synced = sync && self.durability == Durability::Full;
        if self.synced != synced {
            set_synced(&self.db, synced)?;
            self.synced = synced;
        }
        Ok(())
    }

    /// Moves what is in the WAL into the database file as far as no reader needs it.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        checkpoint(&self.db)
    }

    /// Moves it once it is long: each time costs two syncs, and pages that change often are moved once.
    pub(crate) fn checkpoint_long(&self) -> Result<()> {
        let frames = |row: &rusqlite::Row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
        match self.db.query_row("PRAGMA wal_checkpoint(NOOP)", [], frames)? {
            LONG_WAL.. => self.checkpoint(),
            _ => Ok(()),
        }
    }

    /// Notes that the database was seen to be damaged: the next time it is opened, what is pending
    /// goes into a new one.
    pub(crate) fn suspect(&self) {
        // Without room for the note the damage is seen again.
        let _ = self.keys.create(salvage::SUSPECT);
    }
}

fn connect(location: &Location, name: &str) -> Result<Connection> {
    Ok(match location {
        Location::Folder(folder) => Connection::open(folder.join(name))?,
        Location::Vfs { path, vfs, .. } => {
            Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs.as_str())?
        }
    })
}

/// Opens a database, which is made if it is not there, and looks whether what is pending is whole.
fn database(
    location: &Location,
    name: &str,
    durability: Durability,
    own: &StoreKeys,
) -> Result<Connection> {
    let mut db = connect(location, name)?;
    check_ours(&db)?;
    own.teach(&db)?;
    db.pragma_update(None, "page_size", PAGE_SIZE)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    set_synced(&db, durability == Durability::Full)?;
    db.pragma_update(None, "fullfsync", true)?;
    db.pragma_update(None, "checkpoint_fullfsync", true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "memory")?;
    // In KiB: the pages that a first sync goes back to lie in here.
    db.pragma_update(None, "cache_size", -8_192)?;
    // What is erased is overwritten, and not only forgotten.
    db.pragma_update(None, "secure_delete", true)?;
    // A safety net; checkpoints run after a sync and at suspend, off the courier's path.
    db.pragma_update(None, "wal_autocheckpoint", 4_000 * 4096 / PAGE_SIZE)?;
    db.busy_timeout(std::time::Duration::from_secs(2))?;
    db.set_prepared_statement_cache_capacity(64);
    // A statement keeps its plan: without this, one with a bound LIMIT is parsed anew at each call.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    migrate(&mut db)?;
    salvage::check(&db)?;
    // A process killed between writing and syncing leaves a commit that can be read and is not yet
    // durable. The checkpoint syncs it before anybody is told of it.
    checkpoint(&db)?;
    Ok(db)
}

/// Without a sync at each commit, SQLite syncs before it moves what was committed.
fn set_synced(db: &Connection, synced: bool) -> Result<()> {
    let synced = synced && !planted(Bug::ActNotSynced);
    Ok(db.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?)
}

fn checkpoint(db: &Connection) -> Result<()> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    Ok(())
}

/// Refuses a database that is somebody else's, or ahead of this release, before a single byte of
/// it is changed. Returns whether it was begun before.
fn check_ours(db: &Connection) -> Result<bool> {
    let id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != APPLICATION_ID && (id != 0 || tables > 0) {
        return Err(Error::ForeignStore);
    }
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known { Err(Error::NewerStore { found, known }) } else { Ok(tables > 0) }
}

fn migrate(db: &mut Connection) -> Result<()> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    Migrations::from_slice(MIGRATIONS).to_latest(db).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
        _ => Error::Database { code: 0 },
    })
}

/// An empty database in memory, and the keys that its rows are sealed under.
#[cfg(test)]
fn in_memory() -> (Connection, StoreKeys) {
    let mut db = Connection::open_in_memory().unwrap();
    migrate(&mut db).unwrap();
    let keys = StoreKeys::random();
    keys.teach(&db).unwrap();
    (db, keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(db: &Connection) -> Vec<String> {
        let mut rows = db.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        let mut rows: Vec<_> = rows.map(Result::unwrap).collect();
        rows.sort();
        rows
    }

    #[test]
    fn a_store_of_the_first_release_keeps_its_photos_and_learns_of_previews() {
        let mut old = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut old).unwrap();
        let item = crate::testing::photo();
        Media::insert(&old, "parcel:1", &item).unwrap();

        migrate(&mut old).unwrap();

        assert_eq!(Media::load(&old, item.id).unwrap().unwrap().item, item);
        assert_eq!(schema(&old), schema(&in_memory().0));
    }
}
