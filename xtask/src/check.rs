//! The gate that needs only Rust, and the simulator.

use anyhow::Result;

use crate::shell::{self, cargo};

/// Checks format, lints and docs and runs the Rust tests.
pub fn run() -> Result<()> {
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    shell::run(
        cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    shell::run(cargo().args(["test", "--workspace"]))
}

/// Plays `seeds` simulated days, each twice; a failing seed prints itself.
pub fn sim(seeds: u64) -> Result<()> {
    shell::run(
        cargo()
            .args(["run", "--release", "--package", "lastmile-tests", "--bin", "sim", "--"])
            .args(["--seeds", &seeds.to_string(), "--twice"]),
    )
}
