//! Mistakes that the simulator must find: if it does not, it has a hole.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use lastmile_core::bug::{Bug, plant};

use super::{Sim, Tally};

/// Every so-manieth changing call of a lying disk, if it is a sync, is reported done and is not.
const LIE_EVERY: u64 = 7;

/// A mistake in the library, in the hub, or in the world around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// In the library or the hub.
    Planted(Bug),
    /// The phones' disks say that they synced, and at times they did not.
    LyingDisk,
}

impl Mistake {
    /// Returns all of them.
    pub fn all() -> Vec<Self> {
        let planted = Bug::ALL.iter().copied().map(Self::Planted);
        planted.chain([Self::LyingDisk]).collect()
    }

    /// Returns its name.
    pub fn name(self) -> String {
        match self {
            Self::Planted(bug) => format!("{bug:?}"),
            Self::LyingDisk => format!("{self:?}"),
        }
    }

    /// Plays one seed with the mistake made.
    ///
    /// # Errors
    /// What gave the mistake away.
    pub fn play(self, seed: u64) -> Result<Tally, String> {
        if let Self::Planted(bug) = self {
            plant(Some(bug));
        }
        let day = catch_unwind(AssertUnwindSafe(|| {
            let sim = Sim::new(seed);
            if self == Self::LyingDisk {
                sim.phones.iter().for_each(|phone| phone.disk.lie_about_syncs(LIE_EVERY));
            }
            super::play(sim)
        }));
        plant(None);
        day.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Err(text.or(panic.downcast_ref().copied()).unwrap_or("panicked").to_owned())
        })
    }
}

/// A mistake that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many seeds it took, counted from 0.
    pub seeds: u64,
    /// What gave it away.
    pub what: String,
}

/// Plays seeds with a mistake made until a check fails; `None` if `most` seeds pass.
pub fn hunt(mistake: Mistake, most: u64) -> Option<Found> {
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let first: Mutex<Option<Found>> = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= most {
                        break;
                    }
                    let Err(what) = mistake.play(seed) else { continue };
                    over.store(true, Ordering::Relaxed);
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|found| found.seeds > seed + 1) {
                        *first = Some(Found { seeds: seed + 1, what });
                    }
                }
            });
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner)
}
