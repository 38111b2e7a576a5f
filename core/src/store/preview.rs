//! Previews: small pictures that lie in rows of their own, sealed, until the station has seen them.
//!
//! A preview is no evidence. It may be lost, and nothing else suffers: a row that does not open is
//! dropped, and none is salvaged. Whatever ends a preview and a state of its file deletes the preview
//! first, so that a phone that dies in between leaves none behind.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::SealedFolder;
use super::media::item_of;
use crate::error::Result;
use crate::evidence::EvidenceRef;
use crate::id::{Digest, EvidenceId};

/// A preview on its way to the hub.
pub(crate) struct Preview {
    /// What it shows.
    pub(crate) item: EvidenceRef,
    /// Tells it from one that replaced it meanwhile.
    pub(crate) version: i64,
    sealed: Vec<u8>,
}

/// What a row is about: no row opens in another's place, nor as anything else that is sealed.
fn about(evidence: EvidenceId) -> Vec<u8> {
    [b"preview ", evidence.0.as_bytes().as_slice()].concat()
}

impl Preview {
    /// Keeps the preview of an item, in place of the one before.
    pub(crate) fn put(
        db: &Connection,
        folder: &SealedFolder,
        evidence: EvidenceId,
        picture: &[u8],
    ) -> Result<()> {
        db.prepare_cached(
            "INSERT INTO preview (evidence, sealed) VALUES (?1, ?2)
             ON CONFLICT (evidence) DO UPDATE SET sealed = ?2, version = version + 1",
        )?
        .execute(params![evidence.0.as_bytes(), folder.seal(&about(evidence), picture)])?;
        Ok(())
    }

    /// Returns the next to send, the oldest first: of a file that the hub does not have and that an
    /// event names which has its place there. Of a file that is lost too: it is all there will be.
    pub(crate) fn next(db: &Connection) -> Result<Option<Self>> {
        let row = db
            .prepare_cached(
                "SELECT m.item, p.version, p.sealed FROM preview p
                 JOIN media m ON m.id = p.evidence JOIN event e ON e.n = m.event
                 WHERE m.state IN (1, 3) AND e.lane_seq IS NOT NULL
                 ORDER BY p.evidence LIMIT 1",
            )?
            .query_row([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        row.map(|(item, version, sealed)| Ok(Self { item: item_of(&item)?, version, sealed }))
            .transpose()
    }

    /// Opens it; `None` if it was tampered with.
    pub(crate) fn picture(&self, folder: &SealedFolder) -> Option<Vec<u8>> {
        folder.unseal(&about(self.item.id), &self.sealed)
    }

    /// Deletes the preview of an item, unless another has replaced this version of it.
    pub(crate) fn forget(db: &Connection, evidence: EvidenceId, version: i64) -> Result<()> {
        db.prepare_cached("DELETE FROM preview WHERE evidence = ?1 AND version = ?2")?
            .execute(params![evidence.0.as_bytes(), version])?;
        Ok(())
    }

    /// Deletes the previews of a file.
    pub(crate) fn forget_file(db: &Connection, sha256: &Digest) -> Result<()> {
        db.prepare_cached(
            "DELETE FROM preview WHERE (SELECT sha256 FROM media WHERE id = evidence) = ?1",
        )?
        .execute([&sha256.0])?;
        Ok(())
    }

    /// Deletes the previews of a file that is named in a lane.
    pub(crate) fn forget_in(db: &Connection, lane: &str, sha256: &Digest) -> Result<()> {
        db.prepare_cached(
            "DELETE FROM preview
             WHERE (SELECT sha256 = ?1 AND lane = ?2 FROM media WHERE id = evidence)",
        )?
        .execute(params![&sha256.0, lane])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Media;
    use crate::testing::photo;

    #[test]
    fn a_preview_leaves_the_phone_with_the_row_of_its_file() {
        let (db, keys) = crate::store::in_memory();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        let place = tempfile::tempdir().unwrap();
        let folder = crate::store::DiskFolder::open(place.path().to_owned()).unwrap();
        let folder = SealedFolder::new(std::sync::Arc::new(folder), keys.files());
        Media::insert(&db, "parcel:1", &photo()).unwrap();
        Preview::put(&db, &folder, photo().id, b"a door").unwrap();

        db.execute("DELETE FROM media", []).unwrap();

        let left = db.query_row("SELECT count(*) FROM preview", [], |row| row.get::<_, u32>(0));
        assert_eq!(left.unwrap(), 0);
    }
}
