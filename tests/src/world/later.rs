//! What the simulator asks of a phone that a release did not know yet.

use lastmile_core::id::EvidenceId;
use lastmile_core::{Courier, Result};

/// Does nothing, on a phone of a release that lacks it. Today's library is asked itself: what a type
/// has of its own comes before what a trait gives it.
pub trait Later {
    /// Since 0.2.0.
    fn add_preview(&mut self, _: EvidenceId, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

impl Later for Courier {}
