//! The iOS demo: its logic is tested, its views are type-checked. Away from Apple's
//! systems the views meet a small stand-in for SwiftUI, which proves their use of
//! this library and says nothing about SwiftUI itself.

use anyhow::Result;

use crate::shell::{root, run};
use crate::{bindings, swift, tools};

/// Tests the demo's package.
pub fn check() -> Result<()> {
    tools::swift()?;
    let library = bindings::build()?;
    library.generate_swift()?;
    run(&mut swift::test_package(&root().join("ios-demo"), &library)?)
}
