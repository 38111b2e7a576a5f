//! Lastmile for Kotlin and Swift: the one handle, the traits an app implements, a few functions.
//!
//! Records, enums and the error are core's own. Here is no rule: an object locks and calls, and
//! hands on what core says. The facades in `kotlin/` and `swift/` move the calls off the main
//! thread and carry requests over the network.

#![allow(
    clippy::needless_pass_by_value,
    reason = "UniFFI hands arguments over as owned values, read or kept"
)]

mod enrol;
mod handle;
mod json;
mod listen;
mod open;
mod phone;

pub use enrol::{
    end_session_request, enrol_again_request, enrol_request, identity_of, read_enrolment,
    read_session, session_request, verify_badge,
};
pub use handle::{Lastmile, RefusedDocument};
pub use json::{command_from_json, enrolment_to_json, evidence_to_json, parse_enrolment};
pub use lastmile_core::LastmileError;
pub use listen::{ChangeListener, Subscription};
pub use phone::{BootClock, BootReading, DeviceSigner};

uniffi::setup_scaffolding!();

/// Returns the version of the library.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

type Result<T, E = LastmileError> = std::result::Result<T, E>;
