//! What only the phone can do: read a clock that counts sleep, sign with a key in its hardware.

use std::sync::Arc;

use lastmile_core::time::{Clock, ClockReading, SystemClock};
use lastmile_core::{DeviceSigner as CoreSigner, Error};
use uuid::Uuid;

use crate::Result;

/// One reading of a clock that goes on while the phone sleeps.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BootReading {
    /// Anything that differs from boot to boot: Android's `Settings.Global.BOOT_COUNT`, Apple's
    /// `kern.bootsessionuuid`.
    pub boot: String,
    /// Milliseconds since that boot, sleep included: `SystemClock.elapsedRealtime()` on Android,
    /// `mach_continuous_time` on Apple's systems.
    pub ms: i64,
}

/// A clock that counts sleep. Without one, the time between a hub contact and an act is only
/// known where the library can read such a clock itself, which no phone allows.
///
/// Called while the library is locked: it must not call back.
#[uniffi::export(foreign)]
pub trait BootClock: Send + Sync {
    /// Reads the clock.
    fn read(&self) -> Result<BootReading>;
}

/// Signs the heads of this phone's chain with a key that never leaves its secure hardware.
///
/// Called while the library is locked: it must not call back.
#[uniffi::export(foreign)]
pub trait DeviceSigner: Send + Sync {
    /// Signs `text` with P-256 and SHA-256; returns DER or raw r‖s.
    fn sign(&self, text: Vec<u8>) -> Result<Vec<u8>>;
}

/// Returns the phone's clocks: the wall clock, and the app's boot clock if it gives one.
pub(crate) fn clock(offset_min: i16, boot: Option<Arc<dyn BootClock>>) -> Arc<dyn Clock> {
    let system = SystemClock::new(offset_min);
    match boot {
        Some(boot) => Arc::new(PhoneClock { system, boot }),
        None => Arc::new(system),
    }
}

/// Returns the phone's key in core's form.
pub(crate) fn signer(signer: Option<Arc<dyn DeviceSigner>>) -> Option<Arc<dyn CoreSigner>> {
    signer.map(|signer| Arc::new(PhoneSigner(signer)) as Arc<dyn CoreSigner>)
}

struct PhoneClock {
    system: SystemClock,
    boot: Arc<dyn BootClock>,
}

impl Clock for PhoneClock {
    fn read(&self) -> ClockReading {
        let reading = self.system.read();
        match self.boot.read() {
            Ok(BootReading { boot, ms }) => {
                let boot_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, boot.as_bytes());
                ClockReading { boot_id, boot_ms: ms, ..reading }
            }
            // The library's own clock has an id of its own: the two are never compared.
            Err(_) => reading,
        }
    }
}

struct PhoneSigner(Arc<dyn DeviceSigner>);

impl CoreSigner for PhoneSigner {
    fn sign(&self, text: &[u8]) -> lastmile_core::Result<Vec<u8>> {
        self.0.sign(text.to_vec()).map_err(|_| Error::Signer)
    }
}
