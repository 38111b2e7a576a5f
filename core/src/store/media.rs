//! Photos, videos and signatures: content-addressed files beside the database.
//!
//! A file is written, synced and renamed to its digest before the row that names it is committed,
//! so that a row never points at bytes that a dead battery took away.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::Digest as _;

use crate::bug::{Bug, planted};
use crate::error::{Error, MediaError, Result};
use crate::event::Lane;
use crate::evidence::{EvidenceRef, MediaKind};
use crate::id::{Digest, EvidenceId};

/// The folder media files live in. Names are made by the library: letters, digits and a dot.
pub trait MediaFolder: Send + Sync {
    /// Makes a new file, or empties the one that has this name.
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>>;
    /// Gives a file another name; what had that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the names as they stand durable.
    fn sync_names(&self) -> io::Result<()>;
    /// Reads at most `len` bytes from `offset`.
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>>;
    /// Returns a file's length.
    fn len(&self, name: &str) -> io::Result<u64>;
    /// Deletes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns where the operating system finds the file.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file being written.
pub trait MediaFile: Send {
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was added durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// An ordinary folder of the file system.
pub struct DiskFolder {
    folder: PathBuf,
}

impl DiskFolder {
    /// Opens or makes the folder.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }
}

impl MediaFile for std::fs::File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl MediaFolder for DiskFolder {
    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(std::fs::File::create(self.path(name))?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }
    fn sync_names(&self) -> io::Result<()> {
        std::fs::File::open(&self.folder)?.sync_all()
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(self.path(name))?;
        file.seek(io::SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(len);
        file.take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path(name))?.len())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

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
}

impl MediaState {
    fn from_i64(n: i64) -> Self {
        match n {
            0 => Self::Captured,
            1 => Self::Queued,
            2 => Self::Confirmed,
            3 => Self::Lost,
            4 => Self::Erased,
            _ => Self::Gone,
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

/// Returns the name a file has once its digest is known.
pub(crate) fn file_name(item: &EvidenceRef) -> String {
    let extension = match item.kind {
        MediaKind::Jpeg => "jpg",
        MediaKind::Png => "png",
        MediaKind::Heic => "heic",
        MediaKind::Mp4 => "mp4",
    };
    format!("{}.{extension}", item.sha256)
}

/// What was learned while a file was written.
pub(crate) struct Written {
    pub(crate) sha256: Digest,
    pub(crate) kind: MediaKind,
    pub(crate) bytes: u64,
}

/// Streams `source` into the folder under its digest: two syncs, 64 KiB of memory.
pub(crate) fn write(
    folder: &dyn MediaFolder,
    draft: &str,
    source: &mut dyn io::Read,
) -> Result<Written> {
    let written = write_draft(folder, draft, source);
    if written.is_err() {
        // The refused draft names nothing; if even this fails, the next capture overwrites it.
        let _ = folder.remove(draft);
    }
    written
}

fn write_draft(
    folder: &dyn MediaFolder,
    draft: &str,
    source: &mut dyn io::Read,
) -> Result<Written> {
    let mut buffer = vec![0u8; 64 << 10];
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    if filled == 0 {
        return Err(MediaError::Empty.into());
    }
    let kind = MediaKind::of(&buffer[..filled]).ok_or(MediaError::NotMedia)?;
    let limit = kind.max_bytes();
    let mut file = folder.create(draft)?;
    let mut hash = sha2::Sha256::new();
    let mut bytes = 0u64;
    while filled > 0 {
        bytes += filled as u64;
        if bytes > limit {
            return Err(MediaError::TooLarge { bytes, limit }.into());
        }
        hash.update(&buffer[..filled]);
        file.append(&buffer[..filled])?;
        filled = source.read(&mut buffer)?;
    }
    if !planted(Bug::PhotoNotSynced) {
        file.sync()?;
    }
    drop(file);
    let written = Written { sha256: Digest(hash.finalize().into()), kind, bytes };
    let item = EvidenceRef {
        id: EvidenceId(uuid::Uuid::nil()),
        sha256: written.sha256,
        kind,
        bytes,
        source: crate::evidence::MediaSource::Camera,
        at: crate::time::Moment::exact(0, 0),
    };
    folder.rename(draft, &file_name(&item))?;
    folder.sync_names()?;
    Ok(written)
}

/// Opens a file that a camera wrote inside `folder`; anything else is refused.
pub(crate) fn open_capture(folder: &Path, path: &Path) -> Result<std::fs::File> {
    let bad = |_| Error::Media(MediaError::BadPath);
    let folder = folder.canonicalize().map_err(bad)?;
    let path = path.canonicalize().map_err(bad)?;
    let metadata = path.metadata().map_err(bad)?;
    if !path.starts_with(&folder) || !metadata.is_file() {
        return Err(MediaError::BadPath.into());
    }
    if metadata.len() > MediaKind::Mp4.max_bytes() {
        let limit = MediaKind::Mp4.max_bytes();
        return Err(MediaError::TooLarge { bytes: metadata.len(), limit }.into());
    }
    Ok(std::fs::File::open(path)?)
}

fn media_of(row: &Row) -> rusqlite::Result<(String, String, i64)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn item_of(text: &str) -> Result<EvidenceRef> {
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

    /// Notes what became of every item with this digest that was queued.
    pub(crate) fn settle(db: &Connection, sha256: &Digest, state: MediaState) -> Result<()> {
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
        rows.map(|item| Ok(file_name(&item_of(&item?)?))).collect()
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
                 WHERE event IS NOT NULL AND event = ?1 AND state NOT IN (2, 4, 5)",
            )?
            .exists([event])?)
    }
}

/// Deletes the files of what was erased, but for those that an act of another lane names too.
///
/// Rows say so first, and files follow: if the phone dies in between, or a file cannot be deleted
/// now, it goes the next time.
pub(crate) fn delete_erased(db: &Connection, folder: &dyn MediaFolder) -> Result<()> {
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
        let removed = || match folder.remove(&file_name(&item_of(&item)?)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Ok::<_, Error>(false),
            _ => Ok(true),
        };
        if needed || removed()? {
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
    use super::*;
    use crate::testing::photo;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 somebody's door";

    /// A store in which two parcels name one photo.
    fn shared() -> (Connection, tempfile::TempDir, DiskFolder, EvidenceRef) {
        let mut db = Connection::open_in_memory().unwrap();
        crate::store::migrate(&mut db).unwrap();
        let place = tempfile::tempdir().unwrap();
        let folder = DiskFolder::open(place.path().to_owned()).unwrap();
        let written = write(&folder, "new.draft", &mut &*JPEG).unwrap();
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
        assert!(folder.len(&file_name(&item)).is_ok());
        assert_ne!(Upload::next(&db).unwrap().unwrap().item.id, item.id);
        Media::erase(&db, "parcel:2", &item.sha256).unwrap();
        delete_erased(&db, &folder).unwrap();
        assert!(folder.len(&file_name(&item)).is_err());
        assert!(Upload::next(&db).unwrap().is_none());
        assert_eq!(count(&db, MediaState::Gone), 2);
    }

    #[test]
    fn what_was_not_deleted_at_once_is_the_next_time_and_stays_erased() {
        let (db, place, folder, item) = shared();
        for lane in ["parcel:1", "parcel:2"] {
            Media::erase(&db, lane, &item.sha256).unwrap();
        }
        let file = place.path().join(file_name(&item));
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
