//! What a phone's hardware gives: a clock, random bytes and a key. Here all three are played.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use lastmile_core::time::{Clock, ClockReading, Entropy};
use lastmile_core::{DeviceSigner, Result};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use uuid::Uuid;

use super::day::OFFSET_MIN;

/// The time of the day that is played. Hub and phones read it instead of the wall clock.
#[derive(Clone)]
pub struct PlayedTime(Arc<AtomicI64>);

impl PlayedTime {
    /// Starts at `ms`, UTC milliseconds.
    pub fn at(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    /// Returns the time, UTC milliseconds.
    pub fn ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves on to `ms`; never back.
    pub fn move_to(&self, ms: i64) {
        self.0.fetch_max(ms, Ordering::Relaxed);
    }
}

/// The clocks of one machine that was switched on when the day began.
pub struct PlayedClock {
    time: PlayedTime,
    boot_id: Uuid,
    started_ms: i64,
}

impl PlayedClock {
    /// Switches a machine on.
    pub fn new(time: &PlayedTime, boot_id: Uuid) -> Arc<Self> {
        Arc::new(Self { time: time.clone(), boot_id, started_ms: time.ms() })
    }
}

impl Clock for PlayedClock {
    fn read(&self) -> ClockReading {
        let now = self.time.ms();
        ClockReading {
            wall_ms: now,
            offset_min: OFFSET_MIN,
            boot_id: self.boot_id,
            boot_ms: now - self.started_ms,
        }
    }
}

/// Random bytes that a seed decides, so that a day can be played again. For the demo's invented
/// data only; an app takes [`lastmile_core::time::SystemEntropy`].
pub struct SeededEntropy(Mutex<Rng>);

impl SeededEntropy {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Rng::with_seed(seed))))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

/// A device key in memory, where a phone has Keystore or the Secure Enclave.
pub struct SoftKey(SigningKey);

impl SoftKey {
    /// Makes a key.
    pub fn new(entropy: &dyn Entropy) -> Self {
        loop {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            // All but one in 2^32 of 32-byte numbers are keys of P-256.
            if let Ok(key) = SigningKey::from_slice(&bytes) {
                return Self(key);
            }
        }
    }

    /// Returns the public half: SEC1 uncompressed, hexadecimal.
    pub fn public(&self) -> String {
        data_encoding::HEXLOWER.encode(self.0.verifying_key().to_sec1_point(false).as_bytes())
    }
}

impl DeviceSigner for SoftKey {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        let signature: Signature = self.0.sign(text);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
