//! Many days, counted together, on all cores. A run can be stopped at any time and goes on from its
//! file: a million days are a night's work, and nights are interrupted.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::{MUST_MEET, Tally, run};

/// A run with fewer days may miss a kind of fault by chance.
const ENOUGH_DAYS: u64 = 1_000;

/// What was played so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The first seed.
    pub from: u64,
    /// Phones may be cloned.
    pub clones: bool,
    /// How many seeds from there on are done.
    pub played: u64,
    /// Those that failed.
    pub failed: BTreeSet<u64>,
    /// How long it took, in seconds of a clock on the wall.
    pub seconds: f64,
    /// What was met.
    pub tally: Tally,
    /// What the first seed met: another simulator would meet something else.
    first: Option<Tally>,
}

impl Run {
    /// Begins at a seed.
    pub fn new(from: u64, clones: bool) -> Self {
        Self { from, clones, ..Self::default() }
    }

    /// Takes up the run that a file tells of; begins one if there is none.
    ///
    /// # Errors
    /// If the file cannot be read, is of a run from another seed, or of another simulator.
    pub fn resume(file: &Path, from: u64, clones: bool) -> io::Result<Self> {
        let text = match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::new(from, clones));
            }
            text => text?,
        };
        let found: Self = serde_json::from_slice(&text)?;
        if (found.from, found.clones) != (from, clones) {
            return Err(io::Error::other(format!(
                "it tells of another run, from seed {}",
                found.from
            )));
        }
        if found.first.is_some() && found.first != run(from, clones).ok() {
            return Err(io::Error::other("it tells of a run of another simulator"));
        }
        Ok(found)
    }

    /// Writes what was played so far.
    ///
    /// # Errors
    /// If the file cannot be written; the one that was there is whole then.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let draft = file.with_extension("draft");
        fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        fs::rename(draft, file)
    }

    /// Plays the next seeds, those before seed `twice` a second time: a day that is not the same
    /// twice proves nothing. Tells each that fails.
    pub fn play(&mut self, seeds: u64, twice: u64) {
        let started = Instant::now();
        let (first, end) = (self.from + self.played, self.from + self.played + seeds);
        if self.played == 0 {
            self.first = run(first, self.clones).ok();
        }
        let next = AtomicU64::new(first);
        let clones = self.clones;
        let total = Mutex::new(&mut *self);
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            break;
                        }
                        let day = std::panic::catch_unwind(|| day(seed, clones, seed < twice));
                        let day = day.unwrap_or_else(|_| Err("panicked".to_owned()));
                        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                        match day {
                            Ok(day) => total.tally.merge(&day),
                            Err(what) => {
                                eprintln!("seed {seed}: {what}");
                                total.failed.insert(seed);
                            }
                        }
                    }
                });
            }
        });
        self.played += seeds;
        self.seconds += started.elapsed().as_secs_f64();
    }

    /// Names what a long run has to meet and this one did not.
    pub fn not_met(&self) -> Vec<String> {
        if self.played < ENOUGH_DAYS {
            return Vec::new();
        }
        let missing = MUST_MEET.iter().filter(|(heading, name)| self.tally.of(heading, name) == 0);
        missing.map(|(heading, name)| format!("{heading}: {name}")).collect()
    }
}

fn day(seed: u64, clones: bool, twice: bool) -> Result<Tally, String> {
    let day = run(seed, clones);
    if twice && run(seed, clones) != day {
        return Err("is another day the second time".to_owned());
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_stopped_counts_what_one_in_a_piece_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        let mut whole = Run::new(7, false);
        whole.play(3, 0);
        let mut stopped = Run::resume(&file, 7, false).unwrap();
        stopped.play(1, 0);
        stopped.save(&file).unwrap();
        let mut resumed = Run::resume(&file, 7, false).unwrap();
        resumed.play(2, 0);
        assert_eq!((resumed.played, &resumed.tally), (3, &whole.tally));
        assert_eq!(resumed.tally.of("seed", "counted"), 3);
        assert!(Run::resume(&file, 8, false).is_err(), "its seeds are others");
    }

    #[test]
    fn the_file_of_another_simulator_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        let mut other = Run::new(7, false);
        other.first = Some(Tally::default());
        other.save(&file).unwrap();
        assert!(Run::resume(&file, 7, false).is_err());
    }
}
