//! A copy of what has yet to reach the hub, beside the database: whatever becomes of that file, the
//! acts are still here.
//!
//! A line is one own event behind its place in the chain and the texts that travel with it, sealed,
//! in base 64, so that a damaged line spoils no other. It is written after the commit, without a
//! sync of its own: the journal guards against a damaged file, the database against a dead battery.
//! It begins anew when the hub has everything.

use std::sync::Arc;

use chacha20poly1305::XChaCha20Poly1305;
use data_encoding::BASE64_NOPAD;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::key::{seal, unseal};
use super::{Head, MediaFile, MediaFolder, Outgoing, vault};
use crate::error::{Error, Result};
use crate::id::Digest;
use crate::privacy::VaultEntry;

const FILE: &str = "lastmile.journal";
const DRAFT: &str = "lastmile.journal.new";
/// What a line is sealed about.
const ABOUT: &[u8] = b"lastmile journal v1";
/// What a record without texts takes beside its bytes.
const ROOM: usize = 128;
/// Events copied at a time when the journal is made anew.
const PAGE: u32 = 500;
/// Where the last line of the journal must begin, counted from its end: an event has at most 64 KiB,
/// and texts as many.
const TAIL: usize = 1 << 20;

/// One pending event.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) incarnation: u32,
    pub(crate) seq: u64,
    /// The chain's link after it.
    pub(crate) link: Digest,
    /// The texts that travel with it.
    pub(crate) vault: Vec<VaultEntry>,
    /// Its exact bytes.
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// The journal of an open store.
pub(crate) struct Journal {
    folder: Arc<dyn MediaFolder>,
    cipher: XChaCha20Poly1305,
    /// None if it lags behind the database: a line could not be written. It is made anew then.
    file: Option<Box<dyn MediaFile>>,
}

impl Journal {
    pub(crate) fn new(folder: Arc<dyn MediaFolder>, cipher: XChaCha20Poly1305) -> Self {
        Self { folder, cipher, file: None }
    }

    /// Goes on where the journal ends, if it ends with the last pending event; else makes it anew.
    pub(crate) fn open(&mut self, db: &Connection, head: Head) {
        let last = self.last();
        let ends =
            last.is_some_and(|last| (last.incarnation, last.seq) == (head.incarnation, head.seq));
        if ends {
            self.file = self.folder.append(FILE).ok();
        } else {
            self.rewrite(db);
        }
    }

    /// Adds what was committed just now. The act stands whatever becomes of this copy.
    pub(crate) fn add(&mut self, db: &Connection, records: &[Record]) {
        let lines = self.lines(records);
        let added = self.file.as_mut().is_some_and(|file| file.append(lines.as_bytes()).is_ok());
        if !added {
            self.rewrite(db);
        }
    }

    /// Leaves out what the hub has by now and what was erased: at once while little is pending, else
    /// when little is left.
    pub(crate) fn settle(&mut self, db: &Connection) -> Result<()> {
        if Outgoing::count(db)? <= u64::from(PAGE) {
            self.rewrite(db);
        }
        Ok(())
    }

    /// Makes the journal anew from what is pending. If that fails, the one before stays until the
    /// next act.
    pub(crate) fn rewrite(&mut self, db: &Connection) {
        self.file = None;
        self.file = self.try_rewrite(db).ok();
    }

    fn try_rewrite(&self, db: &Connection) -> Result<Box<dyn MediaFile>> {
        let mut file = self.folder.create(DRAFT)?;
        let mut after = 0;
        loop {
            let page = pending(db, after)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            file.append(self.lines(page.iter().map(|(_, record)| record)).as_bytes())?;
        }
        drop(file);
        self.folder.rename(DRAFT, FILE)?;
        Ok(self.folder.append(FILE)?)
    }

    /// Reads every line that is whole, in the order of the chain.
    pub(crate) fn read(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let (mut offset, mut rest) = (0, Vec::new());
        while let Ok(piece) = self.folder.read(FILE, offset, TAIL) {
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            rest.extend_from_slice(&piece);
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines = rest[..whole].split(|byte| *byte == b'\n');
            records.extend(lines.filter_map(|line| self.record(line)));
            rest.drain(..whole);
        }
        records.sort_by_key(|record| (record.incarnation, record.seq));
        records.dedup_by_key(|record| (record.incarnation, record.seq));
        records
    }

    /// Reads the last line, if it is whole.
    pub(crate) fn last(&self) -> Option<Record> {
        let len = self.folder.len(FILE).ok()?;
        let tail = self.folder.read(FILE, len.saturating_sub(TAIL as u64), TAIL).ok()?;
        let line = tail.strip_suffix(b"\n")?;
        self.record(line.rsplit(|byte| *byte == b'\n').next()?)
    }

    fn lines<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> String {
        let mut lines = String::new();
        for record in records {
            let mut plain = Vec::with_capacity(ROOM + record.bytes.len());
            // Serialising plain structs into memory cannot fail.
            let _ = serde_json::to_writer(&mut plain, record);
            plain.push(b'\n');
            plain.extend_from_slice(&record.bytes);
            let sealed = seal(&self.cipher, ABOUT, &plain);
            lines.reserve(BASE64_NOPAD.encode_len(sealed.len()) + 1);
            BASE64_NOPAD.encode_append(&sealed, &mut lines);
            lines.push('\n');
        }
        lines
    }

    fn record(&self, line: &[u8]) -> Option<Record> {
        let sealed = BASE64_NOPAD.decode(line).ok()?;
        let plain = unseal(&self.cipher, ABOUT, &sealed)?;
        let end = plain.iter().position(|byte| *byte == b'\n')?;
        let mut record: Record = serde_json::from_slice(&plain[..end]).ok()?;
        record.bytes = plain[end + 1..].to_vec();
        Some(record)
    }
}

/// Reads a page of the outbox, by row, behind row `after`.
pub(super) fn pending(db: &Connection, after: i64) -> Result<Vec<(i64, Record)>> {
    let mut rows = db.prepare_cached(
        "SELECT n, inc, seq, link, bytes FROM event NOT INDEXED
         WHERE n >= max(?1 + 1, (SELECT min(+n) FROM event WHERE lane_seq IS NULL AND park IS NULL))
             AND lane_seq IS NULL AND park IS NULL
         ORDER BY n LIMIT ?2",
    )?;
    let rows = rows.query_map(params![after, PAGE], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get::<_, Vec<u8>>(3)?,
            row.get::<_, Vec<u8>>(4)?,
        ))
    })?;
    rows.map(|row| {
        let (n, incarnation, seq, link, bytes) = row?;
        let link = Digest::from_slice(&link).ok_or(Error::Corrupt)?;
        let vault = vault::outgoing(db, n, n)?;
        Ok((n, Record { incarnation, seq, link, vault, bytes }))
    })
    .collect()
}
