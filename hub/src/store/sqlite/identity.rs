//! Stations, devices, clerks, codes and sessions.

use lastmile_core::directory::Directory;
use lastmile_core::id::{CourierNo, DeviceId, Digest, StationId};
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::{Json, Name, SqliteTx, int, uint};
use crate::problem::{HubError, Result};
use crate::store::{Clerk, Code, Device, Identity, Row, Station};

/// The columns of a [`Device`].
macro_rules! device_columns {
    () => {
        "row, id, courier, station, public_key, quarantined, enrolled_ms, seen_ms, pending"
    };
}

fn device(row: &SqlRow) -> rusqlite::Result<Device> {
    Ok(Device {
        row: row.get(0)?,
        id: DeviceId(row.get(1)?),
        courier: row.get::<_, Option<Name<_>>>(2)?.map(|name| name.0),
        station: row.get::<_, Name<_>>(3)?.0,
        public_key: row.get(4)?,
        quarantined: row.get(5)?,
        enrolled_ms: row.get(6)?,
        seen_ms: row.get(7)?,
        pending: uint(row.get(8)?),
    })
}

impl Identity for SqliteTx<'_> {
    fn meta(&self, key: &str) -> Result<Option<String>> {
        let mut sql = self.sql("SELECT value FROM meta WHERE key = ?")?;
        Ok(sql.query_row([key], |row| row.get(0)).optional()?)
    }

    fn put_meta(&self, key: &str, value: &str) -> Result<()> {
        self.sql("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
            .execute([key, value])?;
        Ok(())
    }

    fn add_device(&self, device: &Device, token: Option<&Digest>) -> Result<Row> {
        let sql = "INSERT INTO device
            (id, courier, station, public_key, token, enrolled_ms, seen_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?)";
        Ok(self.sql(sql)?.insert(params![
            device.id.0,
            device.courier.as_ref().map(CourierNo::as_str),
            device.station.as_str(),
            device.public_key,
            token.map(|token| token.0),
            device.enrolled_ms,
            device.seen_ms,
        ])?)
    }

    fn set_token(&self, device: Row, token: &Digest) -> Result<()> {
        self.sql("UPDATE device SET token = ? WHERE row = ?")?.execute(params![token.0, device])?;
        Ok(())
    }

    fn device_by_token(&self, token: &Digest) -> Result<Option<Device>> {
        let mut sql =
            self.sql(concat!("SELECT ", device_columns!(), " FROM device WHERE token = ?"))?;
        Ok(sql.query_row([token.0], device).optional()?)
    }

    fn device(&self, row: Row) -> Result<Device> {
        let mut sql =
            self.sql(concat!("SELECT ", device_columns!(), " FROM device WHERE row = ?"))?;
        Ok(sql.query_row([row], device)?)
    }

    fn device_by_id(&self, id: DeviceId) -> Result<Option<Device>> {
        let mut sql =
            self.sql(concat!("SELECT ", device_columns!(), " FROM device WHERE id = ?"))?;
        Ok(sql.query_row([id.0], device).optional()?)
    }

    fn devices(&self, station: Option<&StationId>) -> Result<Vec<Device>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            device_columns!(),
            " FROM device
             WHERE courier IS NOT NULL AND station = coalesce(?, station) ORDER BY row"
        ))?;
        let rows = sql.query_map([station.map(StationId::as_str)], device)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn note_contact(&self, device: Row, now_ms: i64, pending: u64) -> Result<()> {
        self.sql("UPDATE device SET seen_ms = ?, pending = ? WHERE row = ?")?.execute(params![
            now_ms,
            int(pending),
            device
        ])?;
        Ok(())
    }

    fn set_quarantine(&self, device: Row, quarantined: bool) -> Result<()> {
        self.sql("UPDATE device SET quarantined = ? WHERE row = ?")?
            .execute(params![quarantined, device])?;
        Ok(())
    }

    fn put_code(&self, hash: &Digest, code: &Code) -> Result<()> {
        self.sql("INSERT INTO code VALUES (?, ?, ?, ?)")?.execute(params![
            hash.0,
            code.courier.as_str(),
            code.station.as_str(),
            code.expires_ms
        ])?;
        Ok(())
    }

    fn take_code(&self, hash: &Digest) -> Result<Option<Code>> {
        let mut sql =
            self.sql("DELETE FROM code WHERE hash = ? RETURNING courier, station, expires_ms")?;
        let code = sql.query_row([hash.0], |row| {
            Ok(Code {
                courier: row.get::<_, Name<_>>(0)?.0,
                station: row.get::<_, Name<_>>(1)?.0,
                expires_ms: row.get(2)?,
            })
        });
        Ok(code.optional()?)
    }

    fn put_session(&self, token: &Digest, device: Row, expires_ms: i64, now_ms: i64) -> Result<()> {
        self.sql("DELETE FROM session WHERE expires_ms < ?")?.execute([now_ms])?;
        self.sql("INSERT INTO session VALUES (?, ?, ?)")?
            .execute(params![token.0, device, expires_ms])?;
        Ok(())
    }

    fn session_lives(&self, token: &Digest, device: Row, now_ms: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM session WHERE token = ? AND device = ? AND expires_ms > ?";
        Ok(self.sql(sql)?.exists(params![token.0, device, now_ms])?)
    }

    fn end_session(&self, token: &Digest) -> Result<()> {
        self.sql("DELETE FROM session WHERE token = ?")?.execute([token.0])?;
        Ok(())
    }

    fn put_clerk(&self, token: &Digest, clerk: &Clerk) -> Result<()> {
        self.sql("INSERT INTO clerk VALUES (?, ?, ?)")?.execute(params![
            token.0,
            clerk.no.as_str(),
            clerk.station.as_ref().map(StationId::as_str)
        ])?;
        Ok(())
    }

    fn clerk_by_token(&self, token: &Digest) -> Result<Option<Clerk>> {
        let mut sql = self.sql("SELECT no, station FROM clerk WHERE token = ?")?;
        let clerk = sql.query_row([token.0], |row| {
            Ok(Clerk {
                no: row.get::<_, Name<_>>(0)?.0,
                station: row.get::<_, Option<Name<_>>>(1)?.map(|name| name.0),
            })
        });
        Ok(clerk.optional()?)
    }

    fn station(&self, id: &StationId) -> Result<Option<Station>> {
        let mut sql = self.sql("SELECT device, directory FROM station WHERE id = ?")?;
        let found: Option<(Row, Json<Directory>)> =
            sql.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((device, Json(directory))) = found else { return Ok(None) };
        Ok(Some(Station { device: Identity::device(self, device)?, directory }))
    }

    fn put_station(&self, id: &StationId, device: Row, directory: &Directory) -> Result<()> {
        let directory =
            serde_json::to_string(directory).map_err(|_| HubError::Damaged("a directory"))?;
        self.sql(
            "INSERT INTO station VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET directory = ?3",
        )?
        .execute(params![id.as_str(), device, directory])?;
        Ok(())
    }
}
