//! The gate that needs only Rust, and the simulator.

use std::path::Path;

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

/// What every full run plays.
pub const LEAST_SEEDS: u64 = 5_000;
/// Of those, the ones that are played twice.
const TWICE: u64 = 200;
/// Each planted bug is found within so many.
pub const MOST_SEEDS: u64 = 20_000;

/// Plays `seeds` simulated days; a failing seed prints itself. What was played is kept in `state`,
/// and a run that was stopped goes on from there.
pub fn sim(seeds: u64, state: Option<&Path>) -> Result<()> {
    let mut command = cargo();
    // The build that the bugs are planted in, so that a full run needs one: none is planted here.
    command.args(["run", "--release", "--package", "lastmile-tests", "--bin", "sim"]).args([
        "--features",
        "planted-bugs",
        "--",
        "--seeds",
        &seeds.to_string(),
        "--twice",
        &TWICE.to_string(),
    ]);
    if let Some(file) = state {
        command.arg("--state").arg(std::path::absolute(file)?);
    }
    shell::run(&mut command)
}

/// Plants bugs, or the one named, and plays until each is found: so it is seen that the checks fail
/// where they should.
pub fn bugs(bug: Option<&str>, seeds: u64) -> Result<()> {
    let mut command = cargo();
    command.args(["run", "--release", "--package", "lastmile-tests", "--bin", "bugs"]).args([
        "--features",
        "planted-bugs",
        "--",
        "--seeds",
        &seeds.to_string(),
    ]);
    if let Some(bug) = bug {
        command.args(["--bug", bug]);
    }
    shell::run(&mut command)
}
