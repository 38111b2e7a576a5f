//! Chains, events and receipts.

use lastmile_core::id::{Digest, EventId};
use lastmile_core::sync::wire::{ParkReason, Receipt};
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::{Hash, Name, SqliteTx, int, uint};
use crate::problem::{HubError, Result};
use crate::store::{Chains, Head, Held, NewEvent, Origin, Row, Stretch};

/// The columns of a [`Held`] without its bytes.
macro_rules! held_columns {
    () => {
        "e.row, e.leaf, e.lane, e.lane_seq, e.parked, e.device, e.incarnation, e.seq"
    };
}
/// The same with its bytes.
macro_rules! whole_columns {
    () => {
        "e.row, e.leaf, e.lane, e.lane_seq, e.parked, e.device, e.incarnation, e.seq, e.bytes"
    };
}
pub(super) use {held_columns, whole_columns};

pub(super) fn held(row: &SqlRow) -> rusqlite::Result<Held> {
    let place = match row.get::<_, Option<i64>>(3)? {
        Some(lane_seq) => Ok(uint(lane_seq)),
        None => Err(row.get::<_, Name<_>>(4)?.0),
    };
    Ok(Held {
        row: row.get(0)?,
        leaf: row.get::<_, Hash>(1)?.0,
        lane: row.get(2)?,
        place,
        origin: Origin { device: row.get(5)?, incarnation: row.get(6)?, seq: uint(row.get(7)?) },
        bytes: Vec::new(),
    })
}

pub(super) fn whole(row: &SqlRow) -> rusqlite::Result<Held> {
    Ok(Held { bytes: row.get(8)?, ..held(row)? })
}

fn head(row: &SqlRow) -> rusqlite::Result<Head> {
    Ok(Head {
        incarnation: row.get(0)?,
        received_to: uint(row.get(1)?),
        link: row.get::<_, Hash>(2)?.0,
    })
}

impl Chains for SqliteTx<'_> {
    fn head(&self, device: Row, incarnation: u32) -> Result<Option<Head>> {
        let mut sql = self.sql(
            "SELECT incarnation, received_to, link FROM head WHERE device = ? AND incarnation = ?",
        )?;
        Ok(sql.query_row(params![device, incarnation], head).optional()?)
    }

    fn head_before(&self, device: Row, below: u32) -> Result<Option<Head>> {
        let mut sql = self.sql(
            "SELECT incarnation, received_to, link FROM head
             WHERE device = ? AND incarnation < ? ORDER BY incarnation DESC LIMIT 1",
        )?;
        Ok(sql.query_row(params![device, below], head).optional()?)
    }

    fn put_head(&self, device: Row, head: &Head) -> Result<()> {
        self.sql(
            "INSERT INTO head (device, incarnation, received_to, link) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET received_to = ?3, link = ?4",
        )?
        .execute(params![device, head.incarnation, int(head.received_to), head.link.0])?;
        Ok(())
    }

    fn positions(
        &self,
        device: Row,
        incarnation: u32,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, Digest, Held)>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            held_columns!(),
            ", c.seq, c.link FROM chain c JOIN event e ON e.row = c.event
             WHERE c.device = ? AND c.incarnation = ? AND c.seq >= ? AND c.seq < ? ORDER BY c.seq"
        ))?;
        let rows = sql.query_map(params![device, incarnation, int(from), int(to)], |row| {
            Ok((uint(row.get(8)?), row.get::<_, Hash>(9)?.0, held(row)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn put_position(&self, at: &Origin, link: &Digest, event: Row) -> Result<()> {
        self.sql("INSERT INTO chain VALUES (?, ?, ?, ?, ?)")?.execute(params![
            at.device,
            at.incarnation,
            int(at.seq),
            link.0,
            event
        ])?;
        Ok(())
    }

    fn event_by_id(&self, id: EventId) -> Result<Option<Held>> {
        let mut sql =
            self.sql(concat!("SELECT ", held_columns!(), " FROM event e WHERE e.id = ?"))?;
        Ok(sql.query_row([id.0], held).optional()?)
    }

    fn opaque(&self, device: Row, leaf: &Digest) -> Result<Option<Held>> {
        let mut sql = self.sql(concat!(
            "SELECT ",
            held_columns!(),
            " FROM event e
             WHERE e.device = ? AND e.lane_seq IS NULL AND e.id IS NULL AND e.leaf = ?"
        ))?;
        Ok(sql.query_row(params![device, leaf.0], held).optional()?)
    }

    fn add_event(&self, event: &NewEvent) -> Result<Row> {
        let (lane_seq, parked) = match event.place {
            Ok(lane_seq) => (Some(int(lane_seq)), None),
            Err(reason) => (None, Some(format!("{reason:?}"))),
        };
        let mut sql = self.sql(
            "INSERT INTO event
             (id, leaf, lane, lane_seq, parked, device, incarnation, seq, bytes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        Ok(sql.insert(params![
            event.id.map(|id| id.0),
            event.leaf.0,
            event.lane,
            lane_seq,
            parked,
            event.origin.device,
            event.origin.incarnation,
            int(event.origin.seq),
            event.bytes,
        ])?)
    }

    fn park_event(&self, event: Row, reason: ParkReason) -> Result<()> {
        self.sql("UPDATE event SET parked = ? WHERE row = ?")?
            .execute(params![format!("{reason:?}"), event])?;
        Ok(())
    }

    fn place_event(&self, event: Row, id: EventId, lane: Row, lane_seq: u64) -> Result<()> {
        self.sql("UPDATE event SET id = ?, lane = ?, lane_seq = ? WHERE row = ?")?
            .execute(params![id.0, lane, int(lane_seq), event])?;
        Ok(())
    }

    fn event(&self, row: Row) -> Result<Held> {
        self.find_event(row)?.ok_or(HubError::Damaged("an event"))
    }

    fn find_event(&self, row: Row) -> Result<Option<Held>> {
        let mut sql =
            self.sql(concat!("SELECT ", whole_columns!(), " FROM event e WHERE e.row = ?"))?;
        Ok(sql.query_row([row], whole).optional()?)
    }

    fn put_receipt(&self, device: Row, incarnation: u32, stretch: &Stretch) -> Result<()> {
        let forked: Vec<u8> = stretch.forked.iter().flat_map(|leaf| leaf.0).collect();
        self.sql("INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            device,
            incarnation,
            int(stretch.first_seq),
            stretch.count,
            stretch.letters,
            forked,
            stretch.receipt.body,
            stretch.receipt.key,
            stretch.receipt.signature,
            stretch.signed,
        ])?;
        Ok(())
    }

    fn receipts(&self, at: &Origin) -> Result<Vec<Stretch>> {
        let mut sql = self.sql(
            "SELECT first_seq, count, letters, forked, body, key, signature, signed FROM receipt
             WHERE device = ?1 AND incarnation = ?2
               AND first_seq <= ?3 AND first_seq + count > ?3 ORDER BY rowid",
        )?;
        let rows = sql.query_map(params![at.device, at.incarnation, int(at.seq)], |row| {
            let forked: Vec<u8> = row.get(3)?;
            Ok(Stretch {
                first_seq: uint(row.get(0)?),
                count: row.get(1)?,
                letters: row.get(2)?,
                forked: forked.chunks_exact(32).filter_map(Digest::from_slice).collect(),
                receipt: Receipt { body: row.get(4)?, key: row.get(5)?, signature: row.get(6)? },
                signed: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
