//! Clocks that a test turns, and chance that a seed decides.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lastmile_core::time::{Clock, ClockReading, Entropy};
use uuid::Uuid;

/// The true time of a world, UTC milliseconds. Everybody's clock derives from it.
#[derive(Clone, Default)]
pub struct TrueTime(Arc<AtomicI64>);

impl TrueTime {
    /// Starts at `ms`.
    pub fn at(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    /// Returns the time.
    pub fn ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets time pass.
    pub fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

/// One machine's clocks: a wall clock that somebody may turn, and a boot clock that counts sleep.
#[derive(Clone)]
pub struct FakeClock {
    time: TrueTime,
    set: Arc<Mutex<Set>>,
}

#[derive(Clone, Copy)]
struct Set {
    wrong_ms: i64,
    boot_id: Uuid,
    booted_ms: i64,
}

impl FakeClock {
    /// A clock that is right, on a machine that starts now.
    pub fn new(time: &TrueTime, boot: u128) -> Self {
        let set = Set { wrong_ms: 0, boot_id: Uuid::from_u128(boot), booted_ms: time.ms() };
        Self { time: time.clone(), set: Arc::new(Mutex::new(set)) }
    }

    /// Turns the wall clock: from now on it is `wrong_ms` ahead of the truth.
    pub fn turn(&self, wrong_ms: i64) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).wrong_ms = wrong_ms;
    }

    /// Starts the machine anew: the boot clock begins at zero under another id.
    pub fn reboot(&self) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.boot_id = Uuid::from_u128(set.boot_id.as_u128().wrapping_add(1));
        set.booted_ms = self.time.ms();
    }
}

impl Clock for FakeClock {
    fn read(&self) -> ClockReading {
        let set = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.time.ms();
        ClockReading {
            wall_ms: now + set.wrong_ms,
            offset_min: 480,
            boot_id: set.boot_id,
            boot_ms: now - set.booted_ms,
        }
    }
}

/// Random bytes that a seed decides.
#[derive(Clone)]
pub struct SeededEntropy(Arc<Mutex<fastrand::Rng>>);

impl SeededEntropy {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Makes another source that gives what this one would give, and takes nothing from it.
    #[must_use]
    pub fn twin(&self) -> Self {
        let rng = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self(Arc::new(Mutex::new(rng)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}
