//! Time as a phone really knows it: a wall clock that may be wrong, a boot clock that counts sleep.
//!
//! The order of events never depends on a clock. A clock only tells how late a thing was, and a
//! phone that cannot know says so: the uncertainty of a [`Moment`] is part of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bug::{Bug, planted};

/// What the phone's clocks show at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// Wall clock, UTC milliseconds since 1970. The user can set it to anything.
    pub wall_ms: i64,
    /// Minutes that local time is ahead of UTC.
    pub offset_min: i16,
    /// The present boot of the machine.
    pub boot_id: Uuid,
    /// Milliseconds since boot on a clock that counts sleep (`CLOCK_BOOTTIME`,
    /// `mach_continuous_time`).
    pub boot_ms: i64,
}

/// Where the library takes the time from.
pub trait Clock: Send + Sync {
    /// Reads all clocks at one instant.
    fn read(&self) -> ClockReading;
}

/// Where the library takes its random bytes from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with bytes nobody can foretell.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's own random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // A machine without random bytes can make no identifier that is safe to use.
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The clocks of the machine the library runs on.
///
/// The boot clock counts sleep. Where the boot has an id of its own (Linux, Android), readings are
/// compared across restarts of the app; elsewhere the id is this value's own, so that no reading is
/// ever compared with one from before a restart.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot_id: Uuid,
    offset_min: i16,
}

impl SystemClock {
    /// Reads the boot id; `offset_min` is the zone the app shows, in minutes ahead of UTC.
    pub fn new(offset_min: i16) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .and_then(|text| Uuid::parse_str(text.trim()).ok())
            .unwrap_or_else(|| new_boot_id(&SystemEntropy));
        Self { boot_id, offset_min }
    }
}

fn new_boot_id(entropy: &dyn Entropy) -> Uuid {
    let mut bytes = [0u8; 16];
    entropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

impl Clock for SystemClock {
    fn read(&self) -> ClockReading {
        #[expect(clippy::disallowed_methods, reason = "this is the Clock all others ask")]
        let wall_ms = chrono::Utc::now().timestamp_millis();
        ClockReading {
            wall_ms,
            offset_min: self.offset_min,
            boot_id: self.boot_id,
            boot_ms: boot_ms(),
        }
    }
}

/// Milliseconds on the machine's clock that counts sleep.
#[cfg(unix)]
fn boot_ms() -> i64 {
    use rustix::time::{ClockId, clock_gettime};
    // Apple's monotonic clock goes on in sleep; Linux has another one for that.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const COUNTS_SLEEP: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const COUNTS_SLEEP: ClockId = ClockId::Monotonic;
    let since_boot = std::time::Duration::try_from(clock_gettime(COUNTS_SLEEP)).unwrap_or_default();
    i64::try_from(since_boot.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(not(unix))]
fn boot_ms() -> i64 {
    static STARTED: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let started = STARTED.get_or_init(std::time::Instant::now);
    i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// A point in time as the device knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Moment {
    /// UTC milliseconds since 1970: corrected by what the hub's clock showed, if it was ever met
    /// in this boot, else the bare wall clock.
    pub ms: i64,
    /// Minutes that local time was ahead of UTC.
    #[serde(rename = "off")]
    pub offset_min: i16,
    /// How far `ms` may be from the truth, in milliseconds; `None` before the first contact with
    /// the hub.
    #[serde(rename = "err", default, skip_serializing_if = "Option::is_none")]
    pub unsure_ms: Option<u32>,
}

impl Moment {
    /// A moment known exactly; the hub's own clock.
    pub fn exact(ms: i64, offset_min: i16) -> Self {
        Self { ms, offset_min, unsure_ms: Some(0) }
    }

    /// Returns how many calendar days this is after `earlier`, each in its own zone.
    pub fn days_since(&self, earlier: &Self) -> i64 {
        let day = |moment: &Self| {
            moment.ms.saturating_add(i64::from(moment.offset_min) * 60_000).div_euclid(86_400_000)
        };
        day(self) - day(earlier)
    }

    /// Returns the local calendar day, `YYYY-MM-DD`.
    pub fn local_day(&self) -> String {
        self.local("%Y-%m-%d")
    }

    /// Returns the local time to the minute, `YYYY-MM-DD hh:mm`.
    pub fn local_minute(&self) -> String {
        self.local("%Y-%m-%d %H:%M")
    }

    fn local(&self, form: &str) -> String {
        let local = self.ms.saturating_add(i64::from(self.offset_min) * 60_000);
        chrono::DateTime::from_timestamp_millis(local)
            .map(|time| time.format(form).to_string())
            .unwrap_or_default()
    }

    /// Returns the local calendar week, `YYYY-Www` (ISO 8601).
    pub fn local_week(&self) -> String {
        let local = self.ms + i64::from(self.offset_min) * 60_000;
        chrono::DateTime::from_timestamp_millis(local)
            .map(|time| time.format("%G-W%V").to_string())
            .unwrap_or_default()
    }
}

/// A position on the boot clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootMoment {
    /// The boot it belongs to.
    pub id: Uuid,
    /// Milliseconds since that boot, sleep included.
    pub ms: i64,
}

/// What one contact with the hub taught about the phone's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubContact {
    /// The boot in which the contact was made.
    pub boot_id: Uuid,
    /// The boot clock at the middle of the round trip.
    pub boot_ms: i64,
    /// What the hub's clock showed.
    pub hub_ms: i64,
    /// Half the round trip: the hub's clock was read somewhere inside it.
    pub bound_ms: u32,
}

/// Drift allowed to a phone's oscillator, in parts per million: four times what cheap crystals
/// are specified for.
const DRIFT_PPM: i64 = 100;

/// Returns the best statement about "now" from a clock reading and the last contact.
pub fn moment(reading: &ClockReading, contact: Option<&HubContact>) -> Moment {
    let holds = |contact: &&HubContact| {
        contact.boot_id == reading.boot_id || planted(Bug::ContactOutlivesBoot)
    };
    match contact.filter(holds) {
        Some(contact) => {
            let elapsed = reading.boot_ms - contact.boot_ms;
            let drift = elapsed.abs() * DRIFT_PPM / 1_000_000;
            Moment {
                ms: contact.hub_ms + elapsed,
                offset_min: reading.offset_min,
                unsure_ms: Some(
                    contact.bound_ms.saturating_add(u32::try_from(drift).unwrap_or(u32::MAX)),
                ),
            }
        }
        None => Moment { ms: reading.wall_ms, offset_min: reading.offset_min, unsure_ms: None },
    }
}

/// Returns the best statement about an own act by now: one that was recorded before the hub was met
/// is put right by a later contact in the same boot, as long as that boot lasts.
pub fn mended(at: Moment, boot: Option<&BootMoment>, contact: Option<&HubContact>) -> Moment {
    match boot {
        Some(boot) if at.unsure_ms.is_none() => {
            let (wall_ms, offset_min) = (at.ms, at.offset_min);
            let (boot_id, boot_ms) = (boot.id, boot.ms);
            moment(&ClockReading { wall_ms, offset_min, boot_id, boot_ms }, contact)
        }
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_wall_clock_is_mended_by_the_first_contact() {
        let boot_id = Uuid::from_u128(1);
        let reading = ClockReading { wall_ms: 5, offset_min: 480, boot_id, boot_ms: 10_000 };
        assert_eq!(moment(&reading, None).unsure_ms, None);

        let contact = HubContact { boot_id, boot_ms: 4_000, hub_ms: 1_000_000, bound_ms: 30 };
        let now = moment(&reading, Some(&contact));
        assert_eq!((now.ms, now.unsure_ms), (1_006_000, Some(30)));
    }

    #[test]
    fn a_contact_from_before_a_reboot_proves_nothing() {
        let reading =
            ClockReading { wall_ms: 5, offset_min: 0, boot_id: Uuid::from_u128(2), boot_ms: 1 };
        let contact =
            HubContact { boot_id: Uuid::from_u128(1), boot_ms: 0, hub_ms: 9, bound_ms: 1 };
        assert_eq!(moment(&reading, Some(&contact)).unsure_ms, None);
    }
}
