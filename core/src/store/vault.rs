//! The vault's rows. Everything personal is here and nowhere else in the file, and sealed.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::{Error, Result};
use crate::event::Lane;
use crate::id::Digest;
use crate::privacy::{VaultBody, VaultEntry, VaultRef};

/// A sealed text is an entry's salt, hexadecimal, and its body.
const SALT_DIGITS: usize = 32;

/// Stores an entry. `event` is the row it travels with, `None` for one that came from the hub.
pub(crate) fn put(
    db: &Connection,
    lane: i64,
    entry: &VaultEntry,
    event: Option<i64>,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO vault (ref, lane, event, sealed) VALUES (?1, ?2, ?3, seal(?1, ?4 || ?5))
         ON CONFLICT (ref) DO NOTHING",
    )?
    .execute(params![&entry.reference.0.0, lane, event, &entry.salt, &entry.body])?;
    Ok(())
}

/// Reads what an entry holds; `None` if it is not here, or no longer.
pub(crate) fn read(db: &Connection, reference: VaultRef) -> Result<Option<VaultBody>> {
    let text: Option<String> = db
        .prepare_cached("SELECT unseal(ref, sealed) FROM vault WHERE ref = ?1")?
        .query_row([&reference.0.0], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| serde_json::from_str(text.get(SALT_DIGITS..)?).ok()))
}

/// Reads the entries that travel with the events of rows `first..=last`.
pub(crate) fn outgoing(db: &Connection, first: i64, last: i64) -> Result<Vec<VaultEntry>> {
    let mut rows = db.prepare_cached(
        "SELECT v.ref, l.name, unseal(v.ref, v.sealed) FROM vault v JOIN lane l ON l.n = v.lane
         WHERE v.event BETWEEN ?1 AND ?2 ORDER BY v.event",
    )?;
    let rows = rows.query_map([first, last], |row| {
        let reference: Vec<u8> = row.get(0)?;
        Ok((reference, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    rows.map(|row| {
        let (reference, lane, text) = row?;
        let (salt, body) = text.split_at_checked(SALT_DIGITS).ok_or(Error::Corrupt)?;
        let (salt, body) = (salt.to_owned(), body.to_owned());
        let reference = VaultRef(Digest::from_slice(&reference).ok_or(Error::Corrupt)?);
        Ok(VaultEntry { reference, lane: Lane::parse(&lane), salt, body })
    })
    .collect()
}

/// Notes that the hub holds the entries that travelled with rows `first..=last`.
pub(crate) fn settle(db: &Connection, first: i64, last: i64) -> Result<()> {
    db.prepare_cached("UPDATE vault SET event = NULL WHERE event BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    Ok(())
}

/// Deletes entries that were erased, also those that have yet to reach the hub.
pub(crate) fn erase(db: &Connection, references: &[VaultRef]) -> Result<()> {
    let mut sql = db.prepare_cached("DELETE FROM vault WHERE ref = ?1")?;
    for reference in references {
        sql.execute([&reference.0.0])?;
    }
    Ok(())
}

/// Deletes an entry that the hub holds and nobody needs any more.
pub(crate) fn forget(db: &Connection, reference: VaultRef) -> Result<()> {
    db.prepare_cached("DELETE FROM vault WHERE ref = ?1 AND event IS NULL")?
        .execute([&reference.0.0])?;
    Ok(())
}

/// Deletes the entries that no event of their lane names: those of acts that a restored hub lost.
/// Nobody would ever erase them here.
pub(crate) fn forget_unnamed(db: &Connection) -> Result<()> {
    db.execute(
        "DELETE FROM vault WHERE event IS NULL AND NOT EXISTS (
             SELECT 1 FROM event e WHERE e.lane = vault.lane
                 AND instr(e.bytes, CAST(lower(hex(vault.ref)) AS BLOB)) > 0)",
        [],
    )?;
    Ok(())
}

/// Deletes a lane's entries that the hub holds: this courier lost sight of the lane.
pub(crate) fn forget_lane(db: &Connection, lane: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM vault WHERE lane = ?1 AND event IS NULL")?.execute([lane])?;
    Ok(())
}
