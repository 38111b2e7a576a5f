//! UniFFI objects, foreign traits and the one FFI error.

use std::sync::Arc;

uniffi::setup_scaffolding!();

/// The one handle an app keeps.
#[derive(Debug, Default, uniffi::Object)]
pub struct Lastmile {}

#[uniffi::export]
impl Lastmile {
    /// Makes a handle.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns the version of the library.
    pub fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }
}
