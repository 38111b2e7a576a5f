//! Previews of files that are on their way.

use lastmile_core::id::Digest;
use rusqlite::{OptionalExtension as _, params};

use super::SqliteTx;
use crate::problem::Result;
use crate::store::{Previews, Row};

impl Previews for SqliteTx<'_> {
    fn names_media(&self, device: Row, sha256: &Digest) -> Result<bool> {
        Ok(self
            .sql(
                "SELECT 1 FROM evidence v JOIN event e ON e.lane = v.lane
                 WHERE v.sha256 = ?1 AND e.lane_seq IS NOT NULL AND e.device = ?2
                     AND instr(e.bytes, CAST(?3 AS BLOB)) > 0",
            )?
            .exists(params![sha256.0, device, sha256.to_string()])?)
    }

    fn put_preview(&self, device: Row, sha256: &Digest, picture: &[u8]) -> Result<()> {
        self.sql("INSERT INTO preview VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET picture = ?3")?
            .execute(params![device, sha256.0, picture])?;
        Ok(())
    }

    fn preview(&self, device: Row, sha256: &Digest) -> Result<Option<Vec<u8>>> {
        let mut sql = self.sql("SELECT picture FROM preview WHERE device = ?1 AND sha256 = ?2")?;
        Ok(sql.query_row(params![device, sha256.0], |row| row.get(0)).optional()?)
    }
}
