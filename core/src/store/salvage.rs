//! What is left of a damaged store goes into a new one.
//!
//! What counts is what the hub does not have yet: it is read from the journal and from what can
//! still be read of the file. Everything else comes again from the hub. The damaged file is set
//! aside.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior, params};

use super::folder::written_ms;
use super::{DATABASE, Head, Journal, Key, LaneRow, Media, Record, Store, StoreKeys, vault};
use crate::error::{Error, Result};
use crate::event::{self, Event};
use crate::id::{DeviceId, Digest};
use crate::privacy::VaultEntry;

/// The database that takes a damaged one's place, while it is filled.
const NEW: &str = "lastmile.db.new";
/// Its presence says that the database was seen to be damaged while it was open.
pub(super) const SUSPECT: &str = "lastmile.suspect";

/// What a damaged database is called that was set aside; a number follows.
const ASIDE: &str = "lastmile.db.damaged-";

/// What became of a damaged store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Salvaged {
    /// The acts that were not at the hub yet and are in the new store. They are sent again.
    pub events: i64,
    /// The damaged file, in the store's folder; none if the database only had fallen behind.
    pub set_aside: Option<String>,
}

/// Acts by their place in the chain.
type Found = BTreeMap<(u32, u64), Record>;

/// Checks that the single values open, that each link of the pending chain follows from the one
/// before, and that the texts which travel with it open.
pub(super) fn check(db: &Connection) -> Result<()> {
    db.query_row("SELECT count(unseal(key, value)) FROM meta", [], |_| Ok(()))?;
    let settled = Key::SettledHead.get::<Head>(db)?.unwrap_or(Head::FIRST);
    let (mut seq, mut link) = (settled.seq, settled.link);
    let mut rows = db.prepare_cached(
        "SELECT n, seq, link, bytes FROM event NOT INDEXED
         WHERE n >= (SELECT min(+n) FROM event WHERE lane_seq IS NULL AND park IS NULL)
             AND lane_seq IS NULL AND park IS NULL ORDER BY n",
    )?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        (seq, link) = (seq + 1, event::link(&link, &event::leaf(&row.get::<_, Vec<u8>>(3)?)));
        let stands = (row.get::<_, u64>(1)?, Digest::from_slice(&row.get::<_, Vec<u8>>(2)?));
        let n = row.get(0)?;
        if stands != (seq, Some(link))
            || !vault::outgoing(db, n, n)?.iter().all(VaultEntry::is_genuine)
        {
            return Err(Error::Corrupt);
        }
    }
    let open = "SELECT count(*) FROM event WHERE lane_seq IS NULL AND park IS NULL";
    let counted: u64 = db.query_row(open, [], |row| row.get(0))?;
    if counted == seq - settled.seq { Ok(()) } else { Err(Error::Corrupt) }
}

/// Opens the database in `folder` by `open`; if it is damaged, opens a new one with what was pending
/// in it, and sets the damaged one aside.
pub(super) fn or_open(
    folder: &Path,
    journal: &Journal,
    own: &StoreKeys,
    device: DeviceId,
    open: &dyn Fn(&str) -> Result<Connection>,
) -> Result<(Connection, Option<Salvaged>)> {
    let (database, new, suspect) = (folder.join(DATABASE), folder.join(NEW), folder.join(SUSPECT));
    if new.exists() && !database.exists() {
        // The phone died between the last two steps below.
        std::fs::rename(&new, &database)?;
    }
    if !suspect.exists() {
        match open(DATABASE) {
            Err(error) if error.is_damage() => {}
            opened => return Ok((opened?, None)),
        }
    }
    for end in ["", "-wal", "-shm"] {
        let left = folder.join(format!("{NEW}{end}"));
        if left.exists() {
            std::fs::remove_file(left)?;
        }
    }
    let mut db = open(NEW)?;
    let events = refill(&mut db, journal, own, &database, device)?;
    // Closing it moves its log into it.
    db.close().map_err(|(_, error)| error)?;
    let set_aside = Some(set_aside(folder)?);
    std::fs::rename(&new, &database)?;
    if suspect.exists() {
        std::fs::remove_file(suspect)?;
    }
    std::fs::File::open(folder)?.sync_all()?;
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    Ok((open(DATABASE)?, Some(Salvaged { events, set_aside })))
}

impl Store {
    /// Puts acts that only the journal has back into the database: it lost its last commits, as it
    /// does when its write-ahead log is damaged.
    pub(super) fn catch_up(&mut self, device: DeviceId) -> Result<()> {
        let head = Head::load(&self.db)?;
        let at = (head.incarnation, head.seq);
        if self.journal.last().is_none_or(|last| (last.incarnation, last.seq) <= at) {
            return Ok(());
        }
        let mut ahead = self.journal.read();
        ahead.retain(|record| (record.incarnation, record.seq) > at);
        own_only(&ahead, device)?;
        let goes_on = ahead.first().is_some_and(|first| {
            let leaf = event::leaf(&first.bytes);
            (first.incarnation, first.seq) == (at.0, at.1 + 1)
                && first.link == event::link(&head.link, &leaf)
        });
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        adopt(&tx, if goes_on { head } else { behind(&tx, head, &ahead)? }, &ahead)?;
        tx.commit()?;
        let events = i64::try_from(ahead.len()).unwrap_or(i64::MAX);
        self.salvaged = Some(Salvaged { events, set_aside: None });
        Ok(())
    }
}

/// Fills a new database with the acts of a damaged one that the hub may not have.
fn refill(
    new: &mut Connection,
    journal: &Journal,
    own: &StoreKeys,
    damaged: &Path,
    device: DeviceId,
) -> Result<usize> {
    let journal = journal.read().into_iter();
    let mut found: Found =
        journal.map(|record| ((record.incarnation, record.seq), record)).collect();
    let mut head = Head::FIRST;
    if let Ok(db) = Connection::open(damaged)
        && own.teach(&db).is_ok()
    {
        // It stays as it is: what is in its log is not moved.
        let _ = db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        if let Ok(Some(settled)) = Key::SettledHead.get::<Head>(&db) {
            head = settled;
        }
        readable(&db, device, &mut found);
    }
    let found: Vec<Record> = found.into_values().collect();
    own_only(&found, device)?;
    let tx = new.transaction_with_behavior(TransactionBehavior::Immediate)?;
    adopt(&tx, behind(&tx, head, &found)?, &found)?;
    tx.commit()?;
    Ok(found.len())
}

/// Refuses acts of another device: the folder is somebody else's.
fn own_only(records: &[Record], device: DeviceId) -> Result<()> {
    let own = |record: &Record| {
        Event::parse(&record.bytes).is_ok_and(|event| event.envelope.device == device)
    };
    if records.iter().all(own) { Ok(()) } else { Err(Error::OtherEnrolment) }
}

/// Starts the incarnation after all that is known of, from the last head known of.
fn behind(db: &Connection, head: Head, records: &[Record]) -> Result<Head> {
    let last = records.last().map(|last| Head {
        incarnation: last.incarnation,
        seq: last.seq,
        link: last.link,
    });
    let last = last.filter(|last| (last.incarnation, last.seq) > (head.incarnation, head.seq));
    last.unwrap_or(head).reincarnate(db)
}

/// Appends acts as they were recorded, with their texts and files.
fn adopt(db: &Connection, mut head: Head, records: &[Record]) -> Result<()> {
    for record in records {
        let event = Event::parse(&record.bytes).map_err(|_| Error::Corrupt)?;
        let lane = LaneRow::load_or_create(db, &event.envelope.lane)?;
        let n;
        (head, n) = head.append(db, lane.n, &record.bytes)?;
        for entry in &record.vault {
            let lane = LaneRow::load_or_create(db, &entry.lane)?;
            vault::put(db, lane.n, entry, None)?;
            db.prepare_cached("UPDATE vault SET event = ?1 WHERE ref = ?2")?
                .execute(params![n, &entry.reference.0.0])?;
        }
        for item in event.fact.evidence() {
            Media::queue(db, &event.envelope.lane, item, n)?;
        }
    }
    Ok(())
}

/// Reads what can be read of the pending events: from both ends up to where the damage is.
fn readable(db: &Connection, device: DeviceId, found: &mut Found) {
    for order in ["ASC", "DESC"] {
        // An end that cannot be read has nothing to give; the journal may have it.
        let _ = read_from(db, order, device, found);
    }
}

fn read_from(db: &Connection, order: &str, device: DeviceId, found: &mut Found) -> Result<()> {
    let mut rows = db.prepare(&format!(
        "SELECT n, inc, seq, link, bytes FROM event NOT INDEXED
         WHERE lane_seq IS NULL AND park IS NULL ORDER BY n {order}"
    ))?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let Some(record) = record_of(db, row, device) else { continue };
        found.entry((record.incarnation, record.seq)).or_insert(record);
    }
    Ok(())
}

fn record_of(db: &Connection, row: &rusqlite::Row, device: DeviceId) -> Option<Record> {
    let bytes: Vec<u8> = row.get(4).ok()?;
    let event = Event::parse(&bytes).ok()?;
    let n = row.get(0).ok()?;
    (event.envelope.device == device).then_some(Record {
        incarnation: row.get(1).ok()?,
        seq: row.get(2).ok()?,
        link: Digest::from_slice(&row.get::<_, Vec<u8>>(3).ok()?)?,
        vault: vault::outgoing(db, n, n).unwrap_or_default(),
        bytes,
    })
}

/// Sets the files of a damaged database aside; returns the name that it has now.
pub(super) fn set_aside(folder: &Path) -> Result<String> {
    let taken = |n: u32| folder.join(aside(n)).exists();
    let n = (1..u32::MAX).find(|n| !taken(*n)).unwrap_or(u32::MAX);
    let name = aside(n);
    // The log first: beside a database of the same name it would be taken for its own.
    for end in ["-wal", ""] {
        let from = folder.join(format!("{DATABASE}{end}"));
        if from.exists() {
            std::fs::rename(from, folder.join(format!("{name}{end}")))?;
        }
    }
    let shared = folder.join(format!("{DATABASE}-shm"));
    if shared.exists() {
        std::fs::remove_file(shared)?;
    }
    Ok(name)
}

/// Deletes damaged databases that were set aside before a moment, UTC milliseconds: what is erased
/// must not lie in them for ever. What cannot be deleted now is the next time.
pub(crate) fn forget_aside(folder: &Path, before_ms: i64) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        let aside = name.to_str().is_some_and(|name| name.starts_with(ASIDE));
        if aside && written_ms(&file).is_some_and(|ms| ms < before_ms) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn aside(n: u32) -> String {
    format!("{ASIDE}{n}")
}
