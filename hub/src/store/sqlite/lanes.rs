//! Lanes and their order.

use lastmile_core::event::Lane;
use lastmile_core::id::StationId;
use lastmile_core::waybill::Waybill;
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::chains::{held, held_columns, whole, whole_columns};
use super::{Name, SqliteTx, int, uint};
use crate::problem::Result;
use crate::store::{Folded, Held, LaneRow, Lanes, Row};

/// The columns of a [`LaneRow`].
macro_rules! lane_columns {
    () => {
        "row, next, station, about, state, fold"
    };
}

fn lane_row(row: &SqlRow) -> rusqlite::Result<LaneRow> {
    Ok(LaneRow {
        row: row.get(0)?,
        next: uint(row.get(1)?),
        station: row.get::<_, Option<Name<_>>>(2)?.map(|name| name.0),
        about: row.get::<_, Option<Name<_>>>(3)?.map(|name| name.0),
        state: row.get(4)?,
        fold: row.get(5)?,
    })
}

/// A lane with its name, which stands after those columns.
fn named(row: &SqlRow) -> rusqlite::Result<(Lane, LaneRow)> {
    Ok((Lane::parse(&row.get::<_, String>(6)?), lane_row(row)?))
}

impl Lanes for SqliteTx<'_> {
    fn lane(&self, lane: &Lane) -> Result<LaneRow> {
        // The transaction is the only writer from its first statement on: found is locked.
        if let Some(found) = self.find_lane(lane)? {
            return Ok(found);
        }
        let row = self.sql("INSERT INTO lane (key) VALUES (?)")?.insert([lane.to_string()])?;
        Ok(LaneRow { row, next: 1, station: None, about: None, state: None, fold: 0 })
    }

    fn find_lane(&self, lane: &Lane) -> Result<Option<LaneRow>> {
        let mut sql = self.sql(concat!("SELECT ", lane_columns!(), " FROM lane WHERE key = ?"))?;
        Ok(sql.query_row([lane.to_string()], lane_row).optional()?)
    }

    fn lane_name(&self, lane: Row) -> Result<Lane> {
        let mut sql = self.sql("SELECT key FROM lane WHERE row = ?")?;
        let key: String = sql.query_row([lane], |row| row.get(0))?;
        Ok(Lane::parse(&key))
    }

    fn advance(&self, lane: Row, count: u64) -> Result<u64> {
        let mut sql =
            self.sql("UPDATE lane SET next = next + ?1 WHERE row = ?2 RETURNING next - ?1")?;
        Ok(uint(sql.query_row(params![int(count), lane], |row| row.get(0))?))
    }

    fn put_state(&self, lane: Row, folded: &Folded) -> Result<()> {
        let Folded { state, fold, open, due_ms } = folded;
        self.sql("UPDATE lane SET state = ?, fold = ?, open = ?, due_ms = ? WHERE row = ?")?
            .execute(params![state, fold, open, due_ms, lane])?;
        Ok(())
    }

    fn put_due(&self, lane: &Lane, due_ms: Option<i64>) -> Result<()> {
        self.sql("UPDATE lane SET due_ms = ? WHERE key = ?")?
            .execute(params![due_ms, lane.to_string()])?;
        Ok(())
    }

    fn look_again(&self, kind: &str) -> Result<()> {
        self.sql(
            "UPDATE lane SET due_ms = 0
             WHERE key >= ?1 AND key < ?1 || char(0x10ffff) AND state IS NOT NULL",
        )?
        .execute([kind])?;
        Ok(())
    }

    fn lanes_due(&self, now_ms: i64, limit: u32) -> Result<Vec<Lane>> {
        let mut sql =
            self.sql("SELECT key FROM lane WHERE due_ms <= ? ORDER BY due_ms, row LIMIT ?")?;
        let rows = sql.query_map(params![now_ms, limit], |row| row.get::<_, String>(0))?;
        rows.map(|key| Ok(Lane::parse(&key?))).collect()
    }

    fn put_lane(
        &self,
        lane: Row,
        station: Option<&StationId>,
        about: Option<&Waybill>,
    ) -> Result<()> {
        let (station, about) = (station.map(StationId::as_str), about.map(Waybill::as_str));
        self.sql("UPDATE lane SET station = ?, about = ? WHERE row = ?")?
            .execute(params![station, about, lane])?;
        Ok(())
    }

    fn lanes_about(&self, waybill: &Waybill) -> Result<Vec<(Lane, LaneRow)>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            lane_columns!(),
            ", key FROM lane WHERE about = ? ORDER BY key"
        ))?;
        let rows = sql.query_map([waybill.as_str()], named)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn lane_events(&self, lane: Row) -> Result<Vec<Held>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            whole_columns!(),
            " FROM event e
             WHERE e.lane = ? AND e.lane_seq IS NOT NULL ORDER BY e.lane_seq"
        ))?;
        let rows = sql.query_map([lane], whole)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn lanes_of(
        &self,
        kind: &str,
        station: &StationId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(Lane, LaneRow)>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            lane_columns!(),
            ", key FROM lane
             WHERE station = ?1 AND key >= ?2 AND key < ?2 || char(0x10ffff) AND key > ?3
             ORDER BY key LIMIT ?4"
        ))?;
        let rows = sql.query_map(params![station.as_str(), kind, after, limit], named)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn parked_lanes(&self, device: Row) -> Result<Vec<Row>> {
        let mut sql = self.sql(
            "SELECT DISTINCT lane FROM event
             WHERE device = ? AND lane_seq IS NULL AND lane IS NOT NULL",
        )?;
        let rows = sql.query_map([device], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn parked_in(&self, device: Row, lane: Row) -> Result<Vec<Held>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            whole_columns!(),
            " FROM event e
             WHERE e.device = ? AND e.lane_seq IS NULL AND e.lane = ?
             ORDER BY e.incarnation, e.seq"
        ))?;
        let rows = sql.query_map(params![device, lane], whole)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn waiting_for(&self, lane: Row) -> Result<Vec<Row>> {
        let mut sql = self.sql(
            "SELECT DISTINCT device FROM event
             WHERE lane = ? AND lane_seq IS NULL AND lane IS NOT NULL ORDER BY device",
        )?;
        let rows = sql.query_map([lane], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn parked(&self, station: Option<&StationId>) -> Result<Vec<Held>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            held_columns!(),
            " FROM event e JOIN device d ON d.row = e.device
             WHERE e.lane_seq IS NULL AND d.station = coalesce(?, d.station)
             ORDER BY e.device, e.incarnation, e.seq"
        ))?;
        let rows = sql.query_map([station.map(StationId::as_str)], held)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
