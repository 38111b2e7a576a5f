//! What each courier sees and is sent, and the vault it takes.

use lastmile_core::event::Lane;
use lastmile_core::id::CourierNo;
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::visibility::{Relation, Sight};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension as _, params};

use super::chains::{whole, whole_columns};
use super::{Hash, Name, SqliteTx, int, uint};
use crate::problem::Result;
use crate::store::{FeedEntry, Feeds, Row, Vault};

fn sight(level: u8) -> Sight {
    match level {
        0 => Sight::Nothing,
        1 => Sight::Fact,
        _ => Sight::FactAndPerson,
    }
}

/// A relation as a column.
struct Standing(Relation);

impl FromSql for Standing {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Relation::parse(value.as_str()?).map(Standing).ok_or(FromSqlError::InvalidType)
    }
}

impl Feeds for SqliteTx<'_> {
    fn courier(&self, no: &CourierNo) -> Result<Row> {
        let found = self
            .sql("SELECT row FROM courier WHERE no = ?")?
            .query_row([no.as_str()], |row| row.get(0))
            .optional()?;
        match found {
            Some(row) => Ok(row),
            None => Ok(self.sql("INSERT INTO courier (no) VALUES (?)")?.insert([no.as_str()])?),
        }
    }

    fn viewers(&self, lane: Row) -> Result<Vec<(CourierNo, Relation)>> {
        let mut sql = self.sql(
            "SELECT c.no, s.relation FROM sight s JOIN courier c ON c.row = s.courier
             WHERE s.lane = ? ORDER BY c.no",
        )?;
        let rows = sql.query_map([lane], |row| {
            Ok((row.get::<_, Name<_>>(0)?.0, row.get::<_, Standing>(1)?.0))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn lanes_now(&self, courier: Row, after: Row, limit: u32) -> Result<Vec<(Row, Relation)>> {
        let mut sql = self.sql(
            "SELECT s.lane, s.relation FROM sight s JOIN lane l ON l.row = s.lane
             WHERE s.courier = ? AND s.lane > ? AND s.relation <> 'former_holder' AND l.open
             ORDER BY s.lane LIMIT ?",
        )?;
        let rows = sql.query_map(params![courier, after, limit], |row| {
            Ok((row.get(0)?, row.get::<_, Standing>(1)?.0))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn put_viewers(&self, lane: Row, viewers: &[(&CourierNo, Relation)]) -> Result<()> {
        self.sql("DELETE FROM sight WHERE lane = ?")?.execute([lane])?;
        for (no, relation) in viewers {
            let courier = self.courier(no)?;
            self.sql("INSERT INTO sight VALUES (?, ?, ?)")?.execute(params![
                lane,
                courier,
                relation.name()
            ])?;
        }
        Ok(())
    }

    fn add_to_feed(&self, courier: Row, entries: &[(Row, Sight, bool)]) -> Result<()> {
        let count = int(entries.len() as u64);
        let first: i64 = self
            .sql("UPDATE courier SET next = next + ?1 WHERE row = ?2 RETURNING next - ?1")?
            .query_row(params![count, courier], |row| row.get(0))?;
        let mut sql = self.sql("INSERT INTO feed VALUES (?, ?, ?, ?, ?)")?;
        for (pos, (event, sight, released)) in (first..).zip(entries) {
            sql.execute(params![courier, pos, event, *sight as u8, released])?;
        }
        Ok(())
    }

    fn feed_end(&self, courier: Row) -> Result<u64> {
        let mut sql = self.sql("SELECT next - 1 FROM courier WHERE row = ?")?;
        Ok(uint(sql.query_row([courier], |row| row.get(0))?))
    }

    fn feed_after(&self, courier: Row, pos: u64, limit: u32) -> Result<Vec<FeedEntry>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            whole_columns!(),
            ", f.pos, f.sight, f.released, s.relation
             FROM feed f JOIN event e ON e.row = f.event
             LEFT JOIN sight s ON s.lane = e.lane AND s.courier = f.courier
             WHERE f.courier = ? AND f.pos > ? ORDER BY f.pos LIMIT ?"
        ))?;
        let rows = sql.query_map(params![courier, int(pos), limit], |row| {
            Ok(FeedEntry {
                pos: uint(row.get(9)?),
                event: whole(row)?,
                sight: sight(row.get(10)?),
                released: row.get(11)?,
                relation: row.get::<_, Option<Standing>>(12)?.map(|standing| standing.0),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Vault for SqliteTx<'_> {
    fn put_entry(&self, entry: &VaultEntry) -> Result<()> {
        self.sql(
            "INSERT INTO vault SELECT ?1, ?2, ?3, ?4
             WHERE NOT EXISTS (SELECT 1 FROM erased WHERE ref = ?1) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            entry.reference.0.0,
            entry.lane.to_string(),
            entry.salt,
            entry.body
        ])?;
        Ok(())
    }

    fn entries_of(&self, lane: &Lane) -> Result<Vec<VaultRef>> {
        let mut sql = self.sql("SELECT ref FROM vault WHERE lane = ? ORDER BY ref")?;
        let rows =
            sql.query_map([lane.to_string()], |row| Ok(VaultRef(row.get::<_, Hash>(0)?.0)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn erase(&self, references: &[VaultRef]) -> Result<()> {
        let mut delete = self.sql("DELETE FROM vault WHERE ref = ?")?;
        let mut note = self.sql("INSERT INTO erased VALUES (?) ON CONFLICT DO NOTHING")?;
        for reference in references {
            delete.execute([reference.0.0])?;
            note.execute([reference.0.0])?;
        }
        Ok(())
    }

    fn entry(&self, reference: &VaultRef, lane: &Lane) -> Result<Option<VaultEntry>> {
        let mut sql = self.sql("SELECT salt, body FROM vault WHERE ref = ? AND lane = ?")?;
        let entry = sql.query_row(params![reference.0.0, lane.to_string()], |row| {
            Ok(VaultEntry {
                reference: *reference,
                lane: lane.clone(),
                salt: row.get(0)?,
                body: row.get(1)?,
            })
        });
        Ok(entry.optional()?)
    }
}
