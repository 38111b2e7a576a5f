//! How long to wait after a failure: jittered, exponential, with a cap, and the hub's own word
//! honoured. Counted on the boot clock, so that a changed wall clock neither storms nor stalls.

use uuid::Uuid;

use crate::time::{ClockReading, Entropy};

const FIRST_MS: u64 = 2_000;
/// With this cap a hub that is down for ten hours is tried about 80 times.
const CAP_MS: u64 = 600_000;
/// So many failures in a row are more than a lift.
const DOUBTFUL: u32 = 3;
/// The longest a hub may tell a phone to stay away.
const LONGEST_ASKED_MS: u64 = 3_600_000;

#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    until: Option<(Uuid, i64)>,
}

impl Pace {
    /// Returns how long to wait still; `None` if the way is free.
    pub(super) fn wait_ms(&self, reading: &ClockReading) -> Option<u64> {
        let (boot, until) = self.until?;
        if boot != reading.boot_id {
            return None;
        }
        u64::try_from(until - reading.boot_ms).ok().filter(|ms| *ms > 0)
    }

    /// Tells whether nothing has got through for a while: then little is sent until something does.
    pub(super) fn is_doubtful(&self) -> bool {
        self.failures >= DOUBTFUL
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(
        &mut self,
        asked_ms: Option<u64>,
        reading: &ClockReading,
        entropy: &dyn Entropy,
    ) {
        let mut random = [0u8; 4];
        entropy.fill(&mut random);
        let full = FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(CAP_MS);
        // Half is fixed and half is chance, so that a city of phones does not come back at once.
        let own = full / 2 + u64::from(u32::from_le_bytes(random)) % (full / 2 + 1);
        let ms = own.max(asked_ms.unwrap_or(0).min(LONGEST_ASKED_MS));
        self.failures = self.failures.saturating_add(1);
        self.until =
            Some((reading.boot_id, reading.boot_ms + i64::try_from(ms).unwrap_or(i64::MAX / 2)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SystemEntropy;

    #[test]
    fn ten_hours_without_a_hub_are_at_most_120_attempts() {
        let mut pace = Pace::default();
        let mut reading =
            ClockReading { wall_ms: 0, offset_min: 0, boot_id: Uuid::nil(), boot_ms: 0 };
        let mut attempts = 0;
        while reading.boot_ms < 10 * 3_600_000 {
            attempts += 1;
            pace.failed(None, &reading, &SystemEntropy);
            reading.boot_ms += i64::try_from(pace.wait_ms(&reading).unwrap()).unwrap();
        }
        assert!(attempts <= 120, "{attempts} attempts");
        assert!(attempts >= 40, "{attempts} attempts: the hub would be found too late");
    }

    #[test]
    fn the_hub_can_ask_for_more_patience_but_not_for_ever() {
        let mut pace = Pace::default();
        let reading = ClockReading { wall_ms: 0, offset_min: 0, boot_id: Uuid::nil(), boot_ms: 0 };
        pace.failed(Some(30_000), &reading, &SystemEntropy);
        assert_eq!(pace.wait_ms(&reading), Some(30_000));
        pace.failed(Some(u64::MAX), &reading, &SystemEntropy);
        assert_eq!(pace.wait_ms(&reading), Some(LONGEST_ASKED_MS));
    }
}
