//! Releases: each is kept as it went out, and meets those that came after.
//!
//! `tests/releases` holds the crates of every release and a workspace in which one of them stands
//! beside today's library.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{cargo, command, files, root, run};

/// What every full run plays of each pair.
pub const SEEDS: u64 = 100;

/// Each a library and a hub of two releases.
const PAIRS: [&str; 2] = ["old-phone", "old-hub"];

/// What goes out.
const CRATES: [&str; 2] = ["lastmile-core", "lastmile-hub"];

/// Plays simulated days of released phones at today's hub, and of today's phones at released hubs.
pub fn meet(seeds: u64) -> Result<()> {
    for file in files(&kept(), "crate")? {
        unpack(&file, file.file_stem().context("a crate without a name")?)?;
    }
    build("Cargo.toml")?;
    for pair in PAIRS {
        run(command(built(pair)).args(["--seeds", &seeds.to_string()]))?;
    }
    Ok(())
}

/// Keeps what is about to be released: its crates, and the stores that it leaves behind.
pub fn keep() -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    run(cargo().args(["package", "--no-verify"]).args(CRATES.map(|name| format!("-p{name}"))))?;
    for name in CRATES {
        let file = format!("{name}-{version}.crate");
        let kept = kept().join(&file);
        fs::copy(root().join("target/package").join(&file), &kept)?;
        unpack(&kept, Path::new("kept").join(name).as_os_str())?;
    }
    fs::copy(root().join("Cargo.lock"), kept().join("leaves/Cargo.lock"))?;
    build("leaves/Cargo.toml")?;
    let stores = root().join("tests/fixtures/stores").join(version);
    if stores.exists() {
        fs::remove_dir_all(&stores)?;
    }
    run(command(built("leaves")).arg(&stores))
}

fn kept() -> PathBuf {
    root().join("tests/releases")
}

fn build(manifest: &str) -> Result<()> {
    run(cargo()
        .args(["build", "--release", "--bins", "--manifest-path"])
        .arg(kept().join(manifest))
        .arg("--target-dir")
        .arg(root().join("target")))
}

fn built(program: &str) -> PathBuf {
    root().join("target/release").join(program)
}

/// Unpacks a crate under `target/releases`, unless it is there.
fn unpack(file: &Path, to: &OsStr) -> Result<()> {
    let folder = root().join("target/releases").join(to);
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    if changed(&folder.join("Cargo.toml")).ok() > changed(file).ok() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    // Its files are new then, and Cargo goes by that.
    let tar = ["--extract", "--gzip", "--touch", "--strip-components=1", "--file"];
    run(command("tar").args(tar).arg(file).arg("--directory").arg(&folder))
}
