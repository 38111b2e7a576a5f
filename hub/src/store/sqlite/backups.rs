//! Backups of the file, and what was lost when one was restored.

use std::path::Path;
use std::sync::PoisonError;

use lastmile_core::id::StationId;
use lastmile_core::sync::wire::LostAct;
use rusqlite::{OptionalExtension as _, params};

use super::{SqliteStore, SqliteTx, uint};
use crate::problem::{HubError, Result};
use crate::store::{Backups, Row};

impl SqliteStore {
    /// Writes a whole copy of the database to `to`, while the hub serves, and then notes what it
    /// holds. Nothing may be at `to` yet.
    ///
    /// Media files are not in it: they lie in a folder of their own and never change.
    pub fn back_up(&self, to: &Path) -> Result<()> {
        let unfinished = to.with_extension("unfinished");
        if to.exists() || unfinished.exists() {
            let there = "there is a file at this place already; name another";
            return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, there).into());
        }
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let copied = connection
            .execute_batch(
                "CREATE TEMP TABLE held AS SELECT device, incarnation, received_to FROM head",
            )
            .and_then(|()| {
                connection.execute("VACUUM INTO ?", [unfinished.to_string_lossy().as_ref()])
            });
        let noted = copied.map_err(HubError::from).and_then(|_| {
            std::fs::File::open(&unfinished)?.sync_all()?;
            std::fs::rename(&unfinished, to)?;
            if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::File::open(folder)?.sync_all()?;
            }
            // What arrived while the copy was written may or may not be in it.
            connection.execute_batch(
                "BEGIN IMMEDIATE;
                 UPDATE head SET durable_to = held.received_to FROM temp.held
                     WHERE head.device = held.device AND head.incarnation = held.incarnation;
                 INSERT INTO meta VALUES ('backed_up', 'yes') ON CONFLICT DO NOTHING;
                 COMMIT;",
            )?;
            Ok(())
        });
        connection.execute_batch("DROP TABLE IF EXISTS temp.held")?;
        noted
    }
}

impl Backups for SqliteTx<'_> {
    fn durable_to(&self, device: Row, incarnation: u32) -> Result<Option<u64>> {
        let mut sql = self.sql(
            "SELECT coalesce((SELECT durable_to FROM head WHERE device = ? AND incarnation = ?), 0)
             FROM meta WHERE key = 'backed_up'",
        )?;
        let seq = sql.query_row(params![device, incarnation], |row| row.get(0)).optional()?;
        Ok(seq.map(uint))
    }

    fn put_lost(&self, station: &StationId, act: &LostAct) -> Result<()> {
        let text = serde_json::to_string(act).map_err(|_| HubError::Damaged("a lost act"))?;
        self.sql("INSERT INTO lost VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?.execute(params![
            act.leaf.0,
            station.as_str(),
            text
        ])?;
        Ok(())
    }

    fn lost(&self, station: &StationId) -> Result<Vec<LostAct>> {
        let mut sql = self.sql("SELECT act FROM lost WHERE station = ?")?;
        let rows = sql.query_map([station.as_str()], |row| row.get::<_, String>(0))?;
        rows.map(|act| serde_json::from_str(&act?).map_err(|_| HubError::Damaged("a lost act")))
            .collect()
    }
}
