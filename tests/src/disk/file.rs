//! One file as a disk sees it: what programs read now, what is surely stored, and the changes in between.
//!
//! Between two syncs a real disk may store any part of what was written, in any order. What it does promise, and what
//! this model keeps, is little:
//!
//! - A sector of 512 bytes is stored whole or not at all, and one sector's writes arrive in their order. So a sector is
//!   found at any moment of its history since the last sync. Bytes beside a write in the same sector are safe
//!   (SQLite calls that `POWERSAFE_OVERWRITE` and takes it for granted on phones, and so do we).
//! - Truncations are journalled by the file system: those found after the loss are the first few, in order, and a
//!   write made after a lost truncation is lost with it.
//! - The length is any the file had since the last truncation found. Bytes inside it that never arrived are zero.

use std::collections::BTreeMap;

/// The smallest piece a disk stores whole.
const SECTOR: usize = 512;
/// The piece a kernel usually writes back whole.
const PAGE: usize = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What happened since the last sync, oldest first.
    changes: Vec<Change>,
    /// What the unsynced writes wrote, one behind the other, so that a write costs no allocation.
    written: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Write { at: usize, len: usize, source: usize },
    Truncate { len: usize },
}

impl File {
    pub(super) fn len(&self) -> usize {
        self.now.len()
    }

    /// Copies what lies at `at` into `into` and returns how many bytes there were.
    pub(super) fn read(&self, at: usize, into: &mut [u8]) -> usize {
        let there = self.now.get(at..).unwrap_or_default();
        let len = there.len().min(into.len());
        into[..len].copy_from_slice(&there[..len]);
        len
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.now, at, bytes);
        self.changes.push(Change::Write { at, len: bytes.len(), source: self.written.len() });
        self.written.extend_from_slice(bytes);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.now.resize(len, 0);
        self.changes.push(Change::Truncate { len });
    }

    pub(super) fn sync(&mut self) {
        for change in &self.changes {
            match *change {
                Change::Write { at, len, source } => {
                    put(&mut self.durable, at, &self.written[source..source + len]);
                }
                Change::Truncate { len } => self.durable.resize(len, 0),
            }
        }
        self.forget_changes();
    }

    /// Replaces the content by one that a disk may hold when the power fails now.
    pub(super) fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        if self.changes.is_empty() {
            return;
        }
        match rng.u8(..4) {
            0 => {}
            1 => self.durable.clone_from(&self.now),
            _ => self.durable = self.survivors(rng),
        }
        self.now.clone_from(&self.durable);
        self.forget_changes();
    }

    /// Draws, for each piece of the file, the moment up to which its writes arrived.
    fn survivors(&self, rng: &mut fastrand::Rng) -> Vec<u8> {
        let truncations = self.truncations();
        let end = match truncations.get(rng.usize(..=truncations.len())) {
            Some(&first_lost) => first_lost,
            None => self.changes.len(),
        };
        let piece = if rng.bool() { SECTOR } else { PAGE };
        let mut arrived = BTreeMap::new();
        let mut content = self.durable.clone();
        let mut lengths = vec![content.len()];

        for (moment, change) in self.changes[..end].iter().enumerate() {
            match *change {
                Change::Write { at, len, source } => {
                    lengths.push(lengths[lengths.len() - 1].max(at + len));
                    for (from, to) in pieces(at, len, piece) {
                        let until = *arrived.entry(from / piece).or_insert_with(|| draw(rng, end));
                        if moment < until {
                            let bytes = &self.written[source + from - at..source + to - at];
                            put(&mut content, from, bytes);
                        }
                    }
                }
                Change::Truncate { len } => {
                    content.resize(len, 0);
                    lengths = vec![len];
                }
            }
        }
        content.resize(lengths[draw(rng, lengths.len() - 1)], 0);
        content
    }

    fn truncations(&self) -> Vec<usize> {
        let truncates = |change: &Change| matches!(change, Change::Truncate { .. });
        (0..self.changes.len()).filter(|&moment| truncates(&self.changes[moment])).collect()
    }

    fn forget_changes(&mut self) {
        self.changes.clear();
        self.written.clear();
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// Cuts the range of a write at the borders of the pieces.
fn pieces(at: usize, len: usize, piece: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = at + len;
    (at / piece..end.div_ceil(piece)).map(move |n| (at.max(n * piece), end.min((n + 1) * piece)))
}

/// Draws from `0..=last`, the two ends as often as all between them: trouble lives at the ends.
fn draw(rng: &mut fastrand::Rng, last: usize) -> usize {
    match rng.u8(..3) {
        0 => 0,
        1 => last,
        _ => rng.usize(..=last),
    }
}
