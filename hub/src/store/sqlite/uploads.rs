//! Media files' records.

use lastmile_core::bug::{Bug, planted};
use lastmile_core::id::{Digest, EvidenceId};
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};
use uuid::Uuid;

use super::{Hash, Json, SqliteTx, Text, int, uint};
use crate::problem::Result;
use crate::store::{Row, Upload, Uploads};

/// The columns of an [`Upload`].
macro_rules! upload_columns {
    () => {
        "id, device, sha256, length, kind, evidence, confirmed, expires_ms, erased"
    };
}

fn upload(row: &SqlRow) -> rusqlite::Result<Upload> {
    Ok(Upload {
        id: row.get(0)?,
        device: row.get(1)?,
        sha256: row.get::<_, Hash>(2)?.0,
        length: uint(row.get(3)?),
        kind: row.get::<_, Json<_>>(4)?.0,
        evidence: row.get::<_, Text<EvidenceId>>(5)?.0,
        confirmed: row.get(6)?,
        expires_ms: row.get(7)?,
        erased: row.get(8)?,
    })
}

impl Uploads for SqliteTx<'_> {
    fn put_upload(&self, upload: &Upload) -> Result<()> {
        self.sql(
            "INSERT INTO upload VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET confirmed = ?7, expires_ms = ?8, erased = ?9",
        )?
        .execute(params![
            upload.id,
            upload.device,
            upload.sha256.0,
            int(upload.length),
            // A unit variant serialises to its own name.
            serde_json::to_string(&upload.kind).unwrap_or_default(),
            upload.evidence.to_string(),
            upload.confirmed,
            upload.expires_ms,
            upload.erased,
        ])?;
        if upload.confirmed && !planted(Bug::PreviewKept) {
            self.sql("DELETE FROM preview WHERE device = ? AND sha256 = ?")?
                .execute(params![upload.device, upload.sha256.0])?;
        }
        Ok(())
    }

    fn upload(&self, id: Uuid) -> Result<Option<Upload>> {
        let mut sql =
            self.sql(concat!("SELECT ", upload_columns!(), " FROM upload WHERE id = ?"))?;
        Ok(sql.query_row([id], upload).optional()?)
    }

    fn upload_of(&self, device: Row, sha256: &Digest) -> Result<Option<Upload>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload WHERE device = ? AND sha256 = ?"
        ))?;
        Ok(sql.query_row(params![device, sha256.0], upload).optional()?)
    }

    fn remove_upload(&self, id: Uuid) -> Result<()> {
        self.sql("DELETE FROM upload WHERE id = ?")?.execute([id])?;
        Ok(())
    }

    fn expired_uploads(&self, now_ms: i64) -> Result<Vec<Upload>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload WHERE confirmed = 0 AND expires_ms < ? ORDER BY id"
        ))?;
        let rows = sql.query_map([now_ms], upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn name_media(&self, sha256: &Digest, lane: Row) -> Result<()> {
        self.sql("INSERT INTO evidence (sha256, lane) VALUES (?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![sha256.0, lane])?;
        Ok(())
    }

    fn erase_media(&self, sha256: &Digest, lane: Row, expires_ms: i64) -> Result<()> {
        self.sql("INSERT INTO evidence VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET erased = 1")?
            .execute(params![sha256.0, lane])?;
        if self.is_erased_media(sha256)? {
            self.sql(
                "UPDATE upload SET confirmed = 0, erased = 1, expires_ms = ? WHERE sha256 = ?",
            )?
            .execute(params![expires_ms, sha256.0])?;
            self.sql("DELETE FROM preview WHERE sha256 = ?")?.execute([sha256.0])?;
        }
        Ok(())
    }

    fn is_erased_media(&self, sha256: &Digest) -> Result<bool> {
        let mut sql = self.sql("SELECT min(erased) FROM evidence WHERE sha256 = ?")?;
        let least: Option<bool> = sql.query_row([sha256.0], |row| row.get(0))?;
        Ok(least == Some(true))
    }

    fn erased_uploads(&self) -> Result<Vec<Upload>> {
        let mut sql =
            self.sql(concat!("SELECT ", upload_columns!(), " FROM upload WHERE erased = 1"))?;
        let rows = sql.query_map([], upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
