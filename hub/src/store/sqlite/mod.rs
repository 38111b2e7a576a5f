//! The embedded engine: one `SQLite` file, one writer.

mod backups;
mod chains;
mod codes;
mod feeds;
mod identity;
mod lanes;
mod previews;
mod uploads;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lastmile_core::bug::{Bug, planted};
use lastmile_core::id::Digest;
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::{HubStore, Tx};
use crate::problem::{HubError, Result};

/// Released files never change; the version is the index.
const MIGRATIONS: &[M] = &[
    M::up(include_str!("../migrations/0001_init.sql")),
    M::up(include_str!("../migrations/0002_codes.sql")),
    M::up(include_str!("../migrations/0003_due.sql")),
    M::up(include_str!("../migrations/0004_restore.sql")),
    M::up(include_str!("../migrations/0005_media.sql")),
    M::up(include_str!("../migrations/0006_open.sql")),
    M::up(include_str!("../migrations/0007_previews.sql")),
];

/// More than the number of different statements, so that each is prepared once.
const STATEMENTS: usize = 128;

/// The hub's records in one `SQLite` file.
pub struct SqliteStore {
    writer: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens a file, made if there is none. A second process may have it open too: it waits.
    pub fn open(path: &Path) -> Result<Self> {
        Self::set_up(Connection::open(path)?)
    }

    /// Opens a file through a named VFS.
    pub fn open_with_vfs(path: &Path, vfs: &str) -> Result<Self> {
        let flags = OpenFlags::default();
        Self::set_up(Connection::open_with_flags_and_vfs(path, flags, vfs)?)
    }

    /// Opens a database that is gone when this is dropped.
    pub fn in_memory() -> Result<Self> {
        Self::set_up(Connection::open_in_memory()?)
    }

    fn set_up(mut connection: Connection) -> Result<Self> {
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = if planted(Bug::HubSyncsLate) { "normal" } else { "full" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        // What is erased is overwritten, and not only forgotten.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cache_size", -65_536)?;
        // DESIGN 10: up to 4,000 pages a checkpoint costs the ingest nothing.
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A statement keeps its plan: without this, one with a bound LIMIT is parsed anew at each call.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).map_err(
            |error| match error {
                rusqlite_migration::Error::MigrationDefinition(_) => HubError::NewerStore,
                rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
                _ => HubError::Damaged("its schema"),
            },
        )?;
        // A process killed between writing and syncing leaves a commit that can be read and is not
        // yet durable. The checkpoint syncs it before any phone is told of it.
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(Self { writer: Mutex::new(connection) })
    }
}

impl HubStore for SqliteStore {
    fn begin(&self) -> Result<Box<dyn Tx + '_>> {
        // A request that panicked left nothing behind: its transaction was undone when it fell.
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Box::new(SqliteTx { connection, open: true }))
    }
}

/// A transaction. The lock on the writer goes with it.
struct SqliteTx<'a> {
    connection: MutexGuard<'a, Connection>,
    open: bool,
}

impl SqliteTx<'_> {
    fn sql(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.connection.prepare_cached(sql)?)
    }
}

impl Tx for SqliteTx<'_> {
    fn commit(mut self: Box<Self>) -> Result<()> {
        self.sql("COMMIT")?.execute([])?;
        self.open = false;
        Ok(())
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        if self.open {
            // SQLite undoes it by itself when this fails.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// Counts and positions stay far below 2^63.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A digest as a column.
struct Hash(Digest);

impl FromSql for Hash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Digest::from_slice(value.as_blob()?).map(Hash).ok_or(FromSqlError::InvalidType)
    }
}

/// Anything that is kept as text, as a column.
struct Text<T>(T);

impl<T: std::str::FromStr> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Text).map_err(|_| FromSqlError::InvalidType)
    }
}

/// Anything that is kept as JSON, as a column.
struct Json<T>(T);

impl<T: serde::de::DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Json).map_err(|_| FromSqlError::InvalidType)
    }
}

/// Identifiers the company gives, which were checked before they were written.
struct Name<T>(T);

impl<T: serde::de::DeserializeOwned> FromSql for Name<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text =
            serde::de::value::StrDeserializer::<serde::de::value::Error>::new(value.as_str()?);
        T::deserialize(text).map(Name).map_err(|_| FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_before_learns_which_lanes_name_a_file() {
        let mut db = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..4]).to_latest(&mut db).unwrap();
        let (photo, lost) = ("ab".repeat(32), "cd".repeat(32));
        let line = |data: &str| format!(r#"{{"kind":"Any","data":{data}}}"#);
        let named = line(&format!(r#"{{"proof":[{{"sha256":"{photo}","source":"camera"}}]}}"#));
        let told = line(&format!(r#"{{"evidence":"x","sha256":"{lost}"}}"#));
        let add = |id: u8, lane: i64, place: Option<i64>, bytes: &str| {
            db.execute(
                "INSERT INTO event (id, leaf, lane, lane_seq, device, incarnation, seq, bytes)
                 VALUES (?5, x'00', ?2, ?3, 1, 1, ?1, ?4)",
                rusqlite::params![id, lane, place, bytes.as_bytes(), [id]],
            )
            .unwrap();
        };
        add(1, 7, Some(1), &named);
        add(2, 7, Some(2), &told);
        add(3, 8, None, &named);

        Migrations::from_slice(MIGRATIONS).to_latest(&mut db).unwrap();

        let rows: Vec<(String, i64, i64)> = db
            .prepare("SELECT lower(hex(sha256)), lane, erased FROM evidence")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(rows, [(photo, 7, 0)]);
    }
}
