//! Installs what the chores beyond Rust need: a second run takes seconds.
//!
//! System packages come from Debian; everything else goes to `.tools/`.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::{command, find, root, run, tools_dir};
use crate::tools::{self, KOTLIN};

/// The Python packages that sign and that judge our hub.
const PYTHON_PACKAGES: [&str; 2] = ["cryptography==48.0.0", "tuspy==1.1.0"];

/// A thing on the machine, and the Debian package that brings it.
const PACKAGES: [(&str, &str); 12] = [
    ("c++", "g++"),
    ("/usr/share/doc/python3-venv", "python3-venv"),
    ("java", "openjdk-17-jre-headless"),
    ("npm", "npm"),
    ("mvn", "maven"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
    ("aapt2", "aapt"),
    ("/usr/share/android-framework-res/framework-res.apk", "android-framework-res"),
    ("/usr/share/java/jna.jar", "libjna-java"),
    ("/usr/share/doc/libjna-jni", "libjna-jni"),
    ("/usr/share/java/junit4.jar", "junit4"),
];

/// Installs whatever is missing.
pub fn install() -> Result<()> {
    fs::create_dir_all(tools_dir())?;
    packages()?;
    python()?;
    tus_peers()?;
    kotlin()?;
    android_classes()?;
    swift()?;
    eprintln!("all tools are there");
    Ok(())
}

fn packages() -> Result<()> {
    let there = |thing: &str| {
        if thing.starts_with('/') { Path::new(thing).exists() } else { find(thing).is_some() }
    };
    let missing: Vec<_> = PACKAGES.iter().filter(|it| !there(it.0)).map(|it| it.1).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        bail!(
            "this machine has no apt-get; install what these Debian packages hold: {}",
            missing.join(" ")
        );
    }
    let mut words = vec!["apt-get"];
    if find("sudo").is_some() {
        words.insert(0, "sudo");
    }
    let install = |rest: &[&str]| {
        let rest = words[1..].iter().chain(rest);
        run(command(words[0]).args(rest).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install(&["-q", "update"])?;
    install(&[&["-q", "install", "-y", "--no-install-recommends"], missing.as_slice()].concat())
}

/// The small server's receipts need ECDSA, which Python's own library lacks; tuspy judges our hub.
fn python() -> Result<()> {
    if tools::python().is_ok() {
        return Ok(());
    }
    let dir = tools::python_dir();
    run(command("python3").args(["-m", "venv"]).arg(&dir))?;
    run(command(dir.join("bin/python3"))
        .args(["-m", "pip", "install", "--quiet"])
        .args(PYTHON_PACKAGES))
}

/// npm keeps to the lock file.
fn tus_peers() -> Result<()> {
    if tools::tus_peers().is_ok() {
        return Ok(());
    }
    let dir = root().join("tests/tus-peers");
    run(command("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(dir))
}

/// npm's `kotlin-compiler` is the makers' whole distribution: compiler, library, coroutines.
fn kotlin() -> Result<()> {
    if tools::kotlin_dir().is_ok() {
        return Ok(());
    }
    let work = tools_dir().join("kotlin.part");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    run(command("npm")
        .args(["pack", "--silent", &format!("kotlin-compiler@{KOTLIN}")])
        .current_dir(&work))?;
    run(command("tar").arg("xzf").arg(format!("kotlin-compiler-{KOTLIN}.tgz")).current_dir(&work))?;
    run(command("chmod").args(["-R", "+x", "package/bin"]).current_dir(&work))?;
    fs::rename(work.join("package"), tools_dir().join(format!("kotlin-{KOTLIN}")))?;
    Ok(fs::remove_dir_all(&work)?)
}

fn android_classes() -> Result<()> {
    let jar = tools::android_jar_path();
    if jar.is_file() {
        return Ok(());
    }
    run(command("mvn")
        .args([
            "--batch-mode",
            "--quiet",
            "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
        ])
        .arg(format!("-Dartifact={}", tools::ANDROID_JAR))
        .arg(format!("-DoutputDirectory={}", jar.parent().unwrap_or(root()).display())))
}

/// Swift on Linux comes from Debian 13 into a private root; elsewhere it must be there.
fn swift() -> Result<()> {
    if tools::swift().is_ok() {
        return Ok(());
    }
    let dir = tools_dir();
    run(command("sh")
        .arg(root().join("xtask/setup/install-swift.sh"))
        .arg("--root")
        .arg(dir.join("swift"))
        .arg("--bindir")
        .arg(dir.join("bin")))
}
