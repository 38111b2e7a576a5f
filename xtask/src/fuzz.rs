//! Looks for bytes from outside that the library or the hub cannot bear (`tests/src/outside`).

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;

use crate::shell::{cargo, command, files, root, run, run_beside};

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

/// Fuzzes every target, one on each core, or the one named. With `keep`, cases that reach what no
/// kept one does join them.
pub fn run_targets(only: Option<&str>, seconds: u64, keep: bool) -> Result<()> {
    let host = host()?;
    let built = root().join("target/fuzz");
    run(cargo()
        .args(["build", "--release", "--manifest-path", "tests/fuzz/Cargo.toml"])
        // Only what is built for a named target is counted: not build scripts and macros.
        .args(["--target", &host, "--target-dir"])
        .arg(&built)
        .env("RUSTFLAGS", COUNTED.join(" ")))?;
    let mut wanted = targets()?;
    wanted.retain(|name| only.is_none_or(|only| only == name));
    let wanted = Mutex::new(wanted);
    let next = || wanted.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let program = built.join(&host).join("release/fuzz");
    // A target has one thread.
    let in_turn = || {
        while let Some(name) = next() {
            run_target(&name, &program, &built, seconds, keep)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let turns: Vec<_> = (0..cores).map(|_| scope.spawn(in_turn)).collect();
        turns.into_iter().try_for_each(|turn| match turn.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

fn run_target(name: &str, program: &Path, built: &Path, seconds: u64, keep: bool) -> Result<()> {
    let kept = folder().join(format!("{name}.txt"));
    let found = built.join("corpus").join(name);
    unpack(&kept, &found)?;
    let fuzzer = || {
        let mut fuzzer = command(program);
        fuzzer.env("LASTMILE_TARGET", name).arg("-verbosity=0");
        fuzzer
    };
    run_beside(
        fuzzer()
            .arg(format!("-max_total_time={seconds}"))
            // From the same cases it goes the same way: a full run fails for what was changed.
            .args(["-seed=1", "-max_len=4096", "-timeout=20", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/{name}-", built.display()))
            .arg(&found),
    )?;
    if keep {
        let least = built.join("least").join(name);
        let _ = fs::remove_dir_all(&least);
        fs::create_dir_all(&least)?;
        run_beside(fuzzer().args(["-merge=1", "-use_counters=0"]).args([&least, &found]))?;
        pack(&kept, &least)?;
    }
    Ok(())
}

/// Where the kept cases lie: a file for each target, a line for each case.
fn folder() -> PathBuf {
    root().join("tests/fuzz/corpus")
}

/// The targets are the files of kept cases: a test holds them to the code.
fn targets() -> Result<Vec<String>> {
    let files = files(&folder(), "txt")?;
    Ok(files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect())
}

/// Writes each kept case into a file of its own, beside those that were found before.
fn unpack(kept: &Path, found: &Path) -> Result<()> {
    fs::create_dir_all(found)?;
    for (n, line) in fs::read_to_string(kept)?.lines().enumerate() {
        let hex = line.split(' ').next().unwrap_or_default();
        fs::write(found.join(format!("kept-{n}")), HEXLOWER.decode(hex.as_bytes())?)?;
    }
    Ok(())
}

/// Keeps the cases of a folder, and of those before the ones that have a name.
fn pack(kept: &Path, least: &Path) -> Result<()> {
    let before = fs::read_to_string(kept)?;
    let named: Vec<&str> = before.lines().filter(|line| line.contains(' ')).collect();
    let mut cases = BTreeSet::new();
    for file in fs::read_dir(least)? {
        let hex = HEXLOWER.encode(&fs::read(file?.path())?);
        if !named.iter().any(|line| line.split(' ').next() == Some(&hex)) {
            cases.insert((hex.len(), hex));
        }
    }
    let cases = cases.iter().map(|(_, hex)| hex.as_str());
    let lines: Vec<&str> = named.iter().copied().chain(cases).collect();
    Ok(fs::write(kept, lines.join("\n") + "\n")?)
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
