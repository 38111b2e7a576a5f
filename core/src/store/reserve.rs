//! Room that is kept for the hour in which the disk is full: a file of zeros beside the database,
//! given up at the first act that finds no room, and filled again when there is some.

use std::sync::Arc;

use super::MediaFolder;

const FILE: &str = "lastmile.reserve";
/// What is written at a time.
const PIECE: usize = 16 << 10;

pub(crate) struct Reserve {
    folder: Arc<dyn MediaFolder>,
    bytes: u64,
}

impl Reserve {
    pub(crate) fn new(folder: Arc<dyn MediaFolder>, bytes: u64) -> Self {
        Self { folder, bytes }
    }

    /// Keeps the room, if there is enough: nothing is taken from a disk that has too little.
    pub(crate) fn fill(&self) {
        if self.bytes == 0 || self.folder.len(FILE).ok() == Some(self.bytes) {
            return;
        }
        if self.write().is_err() {
            self.release();
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let mut file = self.folder.create(FILE)?;
        let zeros = [0; PIECE];
        let mut left = self.bytes;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            file.append(&zeros[..piece])?;
            left -= piece as u64;
        }
        file.sync()
    }

    /// Gives the room up; false if there is none any more.
    pub(crate) fn release(&self) -> bool {
        self.folder.remove(FILE).is_ok()
    }
}
