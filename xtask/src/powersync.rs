//! The PowerSync core as a measure: the same work side by side.

use anyhow::Result;

use crate::shell::{cargo, command, root, run};
use crate::tools;

/// Fetches the core as npm packs it, and runs the bench; `only` names one of its parts.
pub fn bench(only: Option<&str>) -> Result<()> {
    tools::npm()?;
    // npm keeps to the lock file.
    run(command("npm")
        .args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(root().join("tests/powersync")))?;
    run(cargo()
        .args(["bench", "--quiet", "--manifest-path", "tests/powersync/Cargo.toml"])
        .args(["--target-dir", "target/powersync", "--"])
        .args(only))
}
