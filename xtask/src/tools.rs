//! Where each outside tool is, and what to say when it is missing.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Result, bail};

use crate::shell::{command, find, root, tools_dir};

/// The Kotlin compiler, also the version that the set-up fetches.
pub const KOTLIN: &str = "2.4.20";

/// The Android classes that the demo is type-checked against.
pub const ANDROID_JAR: &str = "org.robolectric:android-all:14-robolectric-10818077";

/// The jars that the JVM tests stand on.
const TEST_JARS: [&str; 3] = ["jna.jar", "junit4.jar", "hamcrest-core.jar"];

/// Debian's resources of the Android framework, for `aapt2`.
const FRAMEWORK_RES: &str = "/usr/share/android-framework-res/framework-res.apk";

/// Finds every tool of the whole test run, or names what is missing.
pub fn require_all() -> Result<()> {
    cxx()?;
    python()?;
    tus_peers()?;
    java()?;
    kotlin_dir()?;
    test_jars()?;
    swift()?;
    aapt2()?;
    framework_res()?;
    android_jar()?;
    Ok(())
}

/// Finds a Python that has the packages the tests need: the project's own, else the one in `PATH`.
pub fn python() -> Result<PathBuf> {
    let own = python_dir().join("bin/python3");
    let has_them = |python: &PathBuf| {
        let mut asked = command(python);
        asked.args(["-c", "import cryptography, tusclient"]).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let python = [Some(own), find("python3")].into_iter().flatten().find(has_them);
    found(python, "Python 3.11 (python3) with the packages cryptography and tuspy")
}

/// Returns where the set-up puts Python's packages.
pub fn python_dir() -> PathBuf {
    tools_dir().join("python")
}

/// Finds the C++ compiler that the fuzzer is built with.
pub fn cxx() -> Result<PathBuf> {
    found(find("c++"), "a C++ compiler (c++)")
}

/// Finds Node.js and other makers' tus packages for it; returns their folder.
pub fn tus_peers() -> Result<PathBuf> {
    found(find("node"), "Node.js (node)")?;
    let dir = root().join("tests/tus-peers");
    // npm writes this when it is done.
    let installed = dir.join("node_modules/.package-lock.json").is_file();
    found(installed.then_some(dir), "the packages of tests/tus-peers")
}

/// Finds the package manager of Node.js.
pub fn npm() -> Result<PathBuf> {
    found(find("npm"), "Node.js with npm (npm)")
}

/// Finds the Java virtual machine.
pub fn java() -> Result<PathBuf> {
    found(find("java"), "Java 17 (java)")
}

/// Finds the folder of the Kotlin compiler.
pub fn kotlin_dir() -> Result<PathBuf> {
    let dir = tools_dir().join(format!("kotlin-{KOTLIN}"));
    found(dir.join("bin/kotlinc").is_file().then_some(dir), "the Kotlin compiler")
}

/// Finds JNA and JUnit.
pub fn test_jars() -> Result<Vec<PathBuf>> {
    TEST_JARS
        .iter()
        .map(|jar| PathBuf::from("/usr/share/java").join(jar))
        .map(|jar| found(jar.is_file().then(|| jar.clone()), &format!("{}", jar.display())))
        .collect()
}

/// Finds Swift: the project's own, else the one in `PATH`.
pub fn swift() -> Result<PathBuf> {
    let own = tools_dir().join("bin/swift");
    found(own.is_file().then_some(own).or_else(|| find("swift")), "Swift 6 (swift)")
}

/// Finds Android's resource compiler.
pub fn aapt2() -> Result<PathBuf> {
    found(find("aapt2"), "Android's resource compiler (aapt2)")
}

/// Finds the resources of the Android framework.
pub fn framework_res() -> Result<PathBuf> {
    let apk = PathBuf::from(FRAMEWORK_RES);
    found(apk.is_file().then_some(apk), "the resources of the Android framework")
}

/// Finds the Android classes.
pub fn android_jar() -> Result<PathBuf> {
    let jar = android_jar_path();
    found(jar.is_file().then_some(jar), "the Android classes (android-all)")
}

/// Returns where the set-up puts the Android classes.
pub fn android_jar_path() -> PathBuf {
    let mut words = ANDROID_JAR.split(':').skip(1);
    let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    tools_dir().join("android").join(format!("{name}-{version}.jar"))
}

fn found(tool: Option<PathBuf>, name: &str) -> Result<PathBuf> {
    match tool {
        Some(path) => Ok(path),
        None => bail!("missing: {name}\ninstall it with: cargo xtask setup"),
    }
}
