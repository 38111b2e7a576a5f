//! Photos, videos and signatures: rows about content-addressed files, which `sealed.rs` writes.
//!
//! A file is written, synced and renamed to its digest before the row that names it is committed,
//! so that a row never points at bytes that a dead battery took away.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::{Error, Result};
use crate::event::Lane;
use crate::evidence::{EvidenceRef, MediaKind};
use crate::id::{Digest, EvidenceId};
use crate::store::{Preview, SealedFolder};

/// How far a media file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaState {
    /// On the phone, named by no event yet.
    Captured = 0,
    /// Named by an event; to be uploaded.
    Queued = 1,
    /// The hub holds it and its digest matched.
    Confirmed = 2,
    /// Gone from the phone before the hub had it.
    Lost = 3,
    /// Erased with the person it shows; the file is still to be deleted.
    Erased = 4,
    /// Erased, and the file is deleted.
    Gone = 5,
    /// The hub holds it, and the file left the phone to make room.
    Dropped = 6,
}

impl MediaState {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Captured,
        Self::Queued,
        Self::Confirmed,
        Self::Lost,
        Self::Erased,
        Self::Gone,
        Self::Dropped,
    ];

    /// Tells whether the station does not see the file yet, and may.
    pub(crate) fn awaits_preview(self) -> bool {
        matches!(self, Self::Captured | Self::Queued | Self::Lost)
    }

    fn from_i64(n: i64) -> Self {
        match n {
            0 => Self::Captured,
            1 => Self::Queued,
            2 => Self::Confirmed,
            3 => Self::Lost,
            4 => Self::Erased,
            5 => Self::Gone,
            _ => Self::Dropped,
        }
    }
}

/// One media row.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub(crate) lane: String,
    pub(crate) item: EvidenceRef,
    pub(crate) state: MediaState,
}

/// A file on its way to the hub.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) item: EvidenceRef,
    pub(crate) url: Option<String>,
}

/// Returns the name of a picture's file.
pub(crate) fn file_name(sha256: &Digest, kind: MediaKind) -> String {
    let extension = match kind {
        MediaKind::Jpeg => "jpg",
        MediaKind::Png => "png",
        MediaKind::Heic => "heic",
        MediaKind::Mp4 => "mp4",
    };
    format!("{sha256}.{extension}")
}

fn media_of(row: &Row) -> rusqlite::Result<(String, String, i64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

pub(super) fn item_of(text: &str) -> Result<EvidenceRef> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt)
}

impl Media {
    /// Stores a captured item, bound to `lane`.
    pub(crate) fn insert(db: &Connection, lane: &str, item: &EvidenceRef) -> Result<()> {
        db.prepare_cached(
            "INSERT INTO media (id, lane, item, sha256, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            item.id.0.as_bytes(),
            lane,
            serde_json::to_string(item).unwrap_or_default(),
            &item.sha256.0,
            item.bytes
        ])?;
        Ok(())
    }

    /// Reads an item.
    pub(crate) fn load(db: &Connection, id: EvidenceId) -> Result<Option<Self>> {
        let row = db
            .prepare_cached("SELECT lane, item, state FROM media WHERE id = ?1")?
            .query_row([id.0.as_bytes()], media_of)
            .optional()?;
        row.map(|(lane, item, state)| {
            Ok(Self { lane, item: item_of(&item)?, state: MediaState::from_i64(state) })
        })
        .transpose()
    }

    /// Binds an item to the event of `lane` that names it; from now on it is to be uploaded.
    ///
    /// An item that is not here yet is one of a batch: it shares the file of the first.
    pub(crate) fn queue(
        db: &Connection,
        lane: &Lane,
        item: &EvidenceRef,
        event: i64,
    ) -> Result<()> {
        let bind = || -> Result<usize> {
            Ok(db
                .prepare_cached("UPDATE media SET state = max(state, 1), event = ?1 WHERE id = ?2")?
                .execute(params![event, item.id.0.as_bytes()])?)
        };
        if bind()? == 0 {
            Self::insert(db, &lane.to_string(), item)?;
            bind()?;
        }
        Ok(())
    }

    /// Notes what became of every item with this digest that was queued. Of a file that is lost the
    /// preview is all there will be: it stays until it is sent.
    pub(crate) fn settle(db: &Connection, sha256: &Digest, state: MediaState) -> Result<()> {
        if state != MediaState::Lost {
            Preview::forget_file(db, sha256)?;
        }
        db.prepare_cached(
            "UPDATE media SET state = ?1, upload = NULL WHERE sha256 = ?2 AND state = 1",
        )?
        .execute(params![state as i64, &sha256.0])?;
        Ok(())
    }

    /// Returns the digests that events of rows `first..=last` name and that are gone.
    pub(crate) fn lost_between(db: &Connection, first: i64, last: i64) -> Result<Vec<Digest>> {
        let mut rows = db.prepare_cached(
            "SELECT DISTINCT sha256 FROM media
             WHERE event IS NOT NULL AND event BETWEEN ?1 AND ?2 AND state = 3",
        )?;
        let rows = rows.query_map([first, last], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|row| Digest::from_slice(&row?).ok_or(Error::Corrupt)).collect()
    }

    /// Notes that a file was erased in a lane: what names it there is done with, also an upload
    /// under way. Its bytes go by [`delete_erased`], after this was committed.
    pub(crate) fn erase(db: &Connection, lane: &str, sha256: &Digest) -> Result<()> {
        Preview::forget_in(db, lane, sha256)?;
        db.prepare_cached(
            "UPDATE media SET state = 4, upload = NULL
             WHERE sha256 = ?1 AND lane = ?2 AND state < 4",
        )?
        .execute(params![&sha256.0, lane])?;
        Ok(())
    }

    /// Names the files of a lane that no other lane has.
    pub(crate) fn files_of(db: &Connection, lane: &str) -> Result<Vec<String>> {
        let mut rows = db.prepare_cached(
            "SELECT item FROM media m WHERE lane = ?1 AND NOT EXISTS (
                 SELECT 1 FROM media o
                 WHERE o.sha256 = m.sha256 AND o.lane <> m.lane AND o.state < 4)",
        )?;
        let rows = rows.query_map([lane], |row| row.get::<_, String>(0))?;
        rows.map(|item| {
            let item = item_of(&item?)?;
            Ok(file_name(&item.sha256, item.kind))
        })
        .collect()
    }

    /// Returns how many bytes the files take that are on the phone.
    pub(crate) fn bytes(db: &Connection) -> Result<u64> {
        Ok(db
            .prepare_cached(
                "SELECT coalesce(sum(bytes), 0) FROM (
                     SELECT max(bytes) AS bytes FROM media WHERE state < 3 GROUP BY sha256)",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// Returns the files that may leave the phone, the oldest first: the hub holds each for all acts
    /// that name it, and so do its backups up to `durable`, where it takes some.
    pub(crate) fn droppable(db: &Connection, durable: (u32, u64)) -> Result<Vec<EvidenceRef>> {
        let mut rows = db.prepare_cached(
            "SELECT item FROM media m WHERE state = 2 AND NOT EXISTS (
                 SELECT 1 FROM media o WHERE o.sha256 = m.sha256 AND (o.state < 2 OR EXISTS (
                     SELECT 1 FROM event e WHERE e.n = o.event AND (e.inc, e.seq) > (?1, ?2))))
             GROUP BY sha256 ORDER BY min(id)",
        )?;
        let durable = params![durable.0, i64::try_from(durable.1).unwrap_or(i64::MAX)];
        let rows = rows.query_map(durable, |row| row.get::<_, String>(0))?;
        rows.map(|item| item_of(&item?)).collect()
    }

    /// Deletes a file that the hub holds. The file goes first: a row that names none is only told
    /// that it cannot be shown.
    pub(crate) fn drop_file(
        db: &Connection,
        folder: &SealedFolder,
        item: &EvidenceRef,
    ) -> Result<()> {
        folder.remove(&file_name(&item.sha256, item.kind))?;
        db.prepare_cached("UPDATE media SET state = 6 WHERE sha256 = ?1 AND state = 2")?
            .execute([&item.sha256.0])?;
        Ok(())
    }

    /// Counts items in a state.
    pub(crate) fn count(db: &Connection, state: MediaState) -> Result<u64> {
        Ok(db
            .prepare_cached("SELECT count(*) FROM media WHERE state = ?1")?
            .query_row([state as i64], |row| row.get(0))?)
    }

    /// Tells whether an event waits for one of its files to be confirmed. None waits for one that
    /// was erased.
    pub(crate) fn event_waits(db: &Connection, event: i64) -> Result<bool> {
        Ok(db
            .prepare_cached(
                "SELECT 1 FROM media
                 WHERE event IS NOT NULL AND event = ?1 AND state NOT IN (2, 4, 5, 6)",
            )?
            .exists([event])?)
    }
}

/// Deletes the files of what was erased, but for those that an act of another lane names too.
///
/// Rows say so first, and files follow: if the phone dies in between, or a file cannot be deleted
/// now, it goes the next time.
pub(crate) fn delete_erased(db: &Connection, folder: &SealedFolder) -> Result<()> {
    let mut rows = db.prepare_cached(
        "SELECT id, item, EXISTS (
             SELECT 1 FROM media o WHERE o.sha256 = m.sha256 AND o.state < 4)
         FROM media m WHERE state = 4",
    )?;
    let rows = rows.query_map([], |row| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    })?;
    let mut gone = Vec::new();
    for (id, item, needed) in rows.collect::<Result<Vec<_>, _>>()? {
        let item = item_of(&item)?;
        if needed || folder.remove(&file_name(&item.sha256, item.kind)).is_ok() {
            gone.push(id);
        }
    }
    if !gone.is_empty() && folder.sync_names().is_ok() {
        for id in gone {
            db.prepare_cached("UPDATE media SET state = 5 WHERE id = ?1")?.execute([id])?;
        }
    }
    Ok(())
}

impl Upload {
    /// Returns the next file to send: smallest first.
    pub(crate) fn next(db: &Connection) -> Result<Option<Self>> {
        let row = db
            .prepare_cached(
                "SELECT item, upload FROM media WHERE state = 1 ORDER BY bytes, id LIMIT 1",
            )?
            .query_row([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(item, url)| Ok(Self { item: item_of(&item)?, url })).transpose()
    }

    /// Remembers where the hub takes the file, so that a restart resumes; `None` forgets it.
    pub(crate) fn set_url(&self, db: &Connection, url: Option<&str>) -> Result<()> {
        db.prepare_cached("UPDATE media SET upload = ?1 WHERE sha256 = ?2 AND state = 1")?
            .execute(params![url, &self.item.sha256.0])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::DiskFolder;
    use crate::testing::photo;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 somebody's door";

    /// A store in which two parcels name one photo.
    fn shared() -> (Connection, tempfile::TempDir, SealedFolder, EvidenceRef) {
        let (db, keys) = crate::store::in_memory();
        let place = tempfile::tempdir().unwrap();
        let folder = DiskFolder::open(place.path().to_owned()).unwrap();
        let folder = SealedFolder::new(Arc::new(folder), keys.files());
        let written = folder.write("new.draft", &mut &*JPEG).unwrap();
        let first = EvidenceRef { sha256: written.sha256, bytes: written.bytes, ..photo() };
        let second = EvidenceRef { id: EvidenceId(uuid::Uuid::from_u128(2)), ..first.clone() };
        Media::insert(&db, "parcel:1", &first).unwrap();
        Media::insert(&db, "parcel:2", &second).unwrap();
        db.execute("UPDATE media SET state = 1", []).unwrap();
        (db, place, folder, first)
    }

    fn count(db: &Connection, state: MediaState) -> u64 {
        Media::count(db, state).unwrap()
    }

    #[test]
    fn a_file_that_two_parcels_name_goes_with_the_second_and_is_sent_until_then() {
        let (db, _place, folder, item) = shared();
        Media::erase(&db, "parcel:1", &item.sha256).unwrap();
        delete_erased(&db, &folder).unwrap();
        assert!(folder.has(&item).unwrap());
        assert_ne!(Upload::next(&db).unwrap().unwrap().item.id, item.id);
        Media::erase(&db, "parcel:2", &item.sha256).unwrap();
        delete_erased(&db, &folder).unwrap();
        assert!(!folder.has(&item).unwrap());
        assert!(Upload::next(&db).unwrap().is_none());
        assert_eq!(count(&db, MediaState::Gone), 2);
    }

    #[test]
    fn what_was_not_deleted_at_once_is_the_next_time_and_stays_erased() {
        let (db, place, folder, item) = shared();
        for lane in ["parcel:1", "parcel:2"] {
            Media::erase(&db, lane, &item.sha256).unwrap();
        }
        let file = place.path().join(file_name(&item.sha256, item.kind));
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        delete_erased(&db, &folder).unwrap();
        assert_eq!(count(&db, MediaState::Erased), 2, "a folder cannot be deleted as a file");
        std::fs::remove_dir(&file).unwrap();
        delete_erased(&db, &folder).unwrap();
        Media::settle(&db, &item.sha256, MediaState::Confirmed).unwrap();
        Media::erase(&db, "parcel:1", &item.sha256).unwrap();
        assert_eq!(count(&db, MediaState::Gone), 2);
    }
}
