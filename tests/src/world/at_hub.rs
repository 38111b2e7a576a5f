//! What a world gives a hub, in the words of the hub's own library.
//!
//! A phone and a hub may be of two releases. Between them go bytes; but the hub of a world runs in
//! this process, and its clock, its chance and the ids that it is handed are of the library that it
//! was built with.

use lastmile_core::time as at_phone;
use lastmile_hub::lastmile_core::time::{Clock, ClockReading, Entropy};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FakeClock, SeededEntropy};

/// Puts a value into the words of the hub's library, as the wire would.
///
/// # Panics
/// If the hub's library has no such word.
pub fn at_hub<T: DeserializeOwned>(value: &impl Serialize) -> T {
    let text = serde_json::to_string(value).expect("plain data");
    serde_json::from_str(&text).expect("both know it")
}

/// A clock or chance, as a hub takes it.
pub struct AtHub<T>(pub T);

impl Clock for AtHub<FakeClock> {
    fn read(&self) -> ClockReading {
        let now = at_phone::Clock::read(&self.0);
        ClockReading {
            wall_ms: now.wall_ms,
            offset_min: now.offset_min,
            boot_id: now.boot_id,
            boot_ms: now.boot_ms,
        }
    }
}

impl Entropy for AtHub<SeededEntropy> {
    fn fill(&self, bytes: &mut [u8]) {
        at_phone::Entropy::fill(&self.0, bytes);
    }
}
