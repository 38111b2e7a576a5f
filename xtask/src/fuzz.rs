//! Looks for bytes from outside that the library or the hub cannot bear (`tests/src/outside`).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, command, root, run};

/// What every full run gives each target.
pub const SECONDS: u64 = 10;

/// What tells libFuzzer which code a case reached. A stable compiler counts so too.
const COUNTED: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Fuzzes every target, or the one named. With `keep`, cases that reach what no kept one does join
/// them.
pub fn run_targets(only: Option<&str>, seconds: u64, keep: bool) -> Result<()> {
    let host = host()?;
    let built = root().join("target/fuzz");
    run(cargo()
        .args(["build", "--release", "--manifest-path", "tests/fuzz/Cargo.toml"])
        // Only what is built for a named target is counted: not build scripts and macros.
        .args(["--target", &host, "--target-dir"])
        .arg(&built)
        .env("RUSTFLAGS", COUNTED.join(" ")))?;
    for name in targets()? {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let kept = root().join("tests/fuzz/corpus").join(&name);
        let found = built.join("corpus").join(&name);
        fs::create_dir_all(&found)?;
        let fuzzer = || {
            let mut fuzzer = command(built.join(&host).join("release/fuzz"));
            fuzzer.env("LASTMILE_TARGET", &name).arg("-verbosity=0");
            fuzzer
        };
        run(fuzzer()
            .arg(format!("-max_total_time={seconds}"))
            .args(["-max_len=4096", "-timeout=20", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", built.display()))
            .args([&found, &kept]))?;
        if keep {
            run(fuzzer().arg("-merge=1").args([&kept, &found]))?;
        }
    }
    Ok(())
}

/// The targets are the folders of kept cases: a test holds them to the code.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(root().join("tests/fuzz/corpus"))? {
        names.extend(folder?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Returns the triple of this machine.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    let told = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let told = String::from_utf8(told.stdout)?;
    match told.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
