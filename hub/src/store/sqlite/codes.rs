//! Pickup codes: sites' keys and numbers, devices' leases, and which parcel has which code and slot.

use lastmile_core::id::{Digest, SiteId, StationId};
use lastmile_core::temporary_storage::{CodeKey, CodeLease};
use rusqlite::{OptionalExtension as _, params};

use super::{SqliteTx, Text, int, uint};
use crate::problem::Result;
use crate::store::{Codes, Row};

impl Codes for SqliteTx<'_> {
    fn site_key(&self, station: &StationId, site: &SiteId) -> Result<Option<CodeKey>> {
        let mut sql = self.sql("SELECT key FROM code_site WHERE station = ? AND site = ?")?;
        let key = sql.query_row([station.as_str(), site.as_str()], |row| {
            Ok(CodeKey(row.get::<_, Text<Digest>>(0)?.0))
        });
        Ok(key.optional()?)
    }

    fn put_site_key(&self, station: &StationId, site: &SiteId, key: &CodeKey) -> Result<()> {
        self.sql("INSERT INTO code_site (station, site, key) VALUES (?, ?, ?)")?.execute([
            station.as_str(),
            site.as_str(),
            &key.0.to_string(),
        ])?;
        Ok(())
    }

    fn give_out(&self, station: &StationId, site: &SiteId, count: u32) -> Result<CodeLease> {
        let mut sql = self.sql(
            "UPDATE code_site SET next = next + ?1 WHERE station = ?2 AND site = ?3
             RETURNING next - ?1",
        )?;
        let first = sql
            .query_row(params![count, station.as_str(), site.as_str()], |row| row.get::<_, i64>(0));
        Ok(CodeLease { first: uint(first?), count })
    }

    fn skip_numbers(&self, count: u32) -> Result<()> {
        self.sql("UPDATE code_site SET next = next + ?")?.execute([count])?;
        Ok(())
    }

    fn lease(&self, device: Row, incarnation: u32, site: &SiteId) -> Result<Option<CodeLease>> {
        let mut sql = self.sql(
            "SELECT first, count FROM code_lease
             WHERE device = ? AND incarnation = ? AND site = ?",
        )?;
        let lease = sql.query_row(params![device, incarnation, site.as_str()], |row| {
            Ok(CodeLease { first: uint(row.get(0)?), count: row.get(1)? })
        });
        Ok(lease.optional()?)
    }

    fn put_lease(
        &self,
        device: Row,
        incarnation: u32,
        site: &SiteId,
        lease: &CodeLease,
    ) -> Result<()> {
        self.sql(
            "INSERT INTO code_lease VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET first = ?4, count = ?5",
        )?
        .execute(params![
            device,
            incarnation,
            site.as_str(),
            int(lease.first),
            lease.count
        ])?;
        Ok(())
    }

    fn use_hash(&self, station: &StationId, site: &SiteId, hash: &Digest, lane: Row) -> Result<()> {
        self.sql("INSERT INTO code_use VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![station.as_str(), site.as_str(), hash.0, lane])?;
        Ok(())
    }

    fn others_with_hash(
        &self,
        station: &StationId,
        site: &SiteId,
        hash: &Digest,
        lane: Row,
    ) -> Result<Vec<Row>> {
        let mut sql = self.sql(
            "SELECT lane FROM code_use WHERE station = ? AND site = ? AND hash = ? AND lane <> ?",
        )?;
        let others = sql
            .query_map(params![station.as_str(), site.as_str(), hash.0, lane], |row| row.get(0))?;
        Ok(others.collect::<rusqlite::Result<_>>()?)
    }

    fn free_hashes(&self, lane: Row) -> Result<()> {
        self.sql("DELETE FROM code_use WHERE lane = ?")?.execute([lane])?;
        Ok(())
    }
}
