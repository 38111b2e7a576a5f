//! Building the library and generating its bindings, which are never committed.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use camino::Utf8PathBuf;
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

use crate::one_package;
use crate::shell::{cargo, files, root, run, write_if_changed};

/// What the library may add to an app, SQLite and sync included.
const MOST_BYTES: u64 = 2_500_000;

/// The built library, with its symbols: the generator reads them.
pub struct Library {
    /// The folder that a linker or the JVM has to know.
    pub dir: PathBuf,
    file: PathBuf,
}

/// Builds the library for this machine, and the hub that its tests talk to: in one go, so that
/// both stand on one build of core.
pub fn build() -> Result<Library> {
    // The tests too: what they depend on turns on features of shared crates, and with them this is
    // the build that `cargo test --workspace` leaves behind.
    run(cargo().args(["build", "--workspace", "--lib", "--bins", "--tests"]))?;
    let dir = target().join("debug");
    let file = dir.join(format!("{DLL_PREFIX}lastmile_ffi{DLL_SUFFIX}"));
    Ok(Library { dir, file })
}

/// Prints the size of the library as it goes into an app, stripped, for this machine.
pub fn size() -> Result<()> {
    run(cargo()
        .args(["rustc", "--profile", "mobile", "--package", "lastmile-ffi", "--lib"])
        .args(["--crate-type", "cdylib", "--config", "profile.mobile.strip=true"]))?;
    let file = target().join("mobile").join(format!("{DLL_PREFIX}lastmile_ffi{DLL_SUFFIX}"));
    let bytes = fs::metadata(&file)?.len();
    println!("{bytes} bytes of {MOST_BYTES}");
    if bytes > MOST_BYTES {
        bail!("the library is over its budget");
    }
    Ok(())
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

impl Library {
    /// Returns where a program lies that was built with it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{EXE_SUFFIX}"))
    }

    /// Generates the Kotlin package into `bindings/kotlin/generated`.
    pub fn generate_kotlin(&self) -> Result<()> {
        let fresh = self.generate(TargetLanguage::Kotlin)?;
        one_package::merge(&fresh.join("io/lastmile"))?;
        replace(&fresh, &root().join("bindings/kotlin/generated"), "kt")
    }

    /// Generates the Swift sources and the module of the C functions below them.
    pub fn generate_swift(&self) -> Result<()> {
        let fresh = self.generate(TargetLanguage::Swift)?;
        let sources = root().join("bindings/swift/Sources");
        let headers = files(&fresh, "h")?;
        let headers = headers.iter().filter_map(|it| it.file_name()?.to_str());
        let headers: Vec<_> = headers.map(|it| format!("header \"{it}\"")).collect();
        let map = format!(
            "module LastmileFFI {{\n    {}\n    link \"lastmile_ffi\"\n    export *\n}}\n",
            headers.join("\n    ")
        );
        write_if_changed(&sources.join("LastmileFFI/module.modulemap"), &map)?;
        replace(&fresh, &sources.join("LastmileFFI"), "h")?;
        replace(&fresh, &sources.join("Lastmile/Generated"), "swift")
    }

    fn generate(&self, language: TargetLanguage) -> Result<PathBuf> {
        let name = format!("{language:?}").to_lowercase();
        eprintln!("$ generate the {name} bindings");
        let out = self.dir.join("bindings").join(name);
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        generate(GenerateOptions {
            languages: vec![language],
            source: utf8(&self.file)?,
            out_dir: utf8(&out)?,
            config_override: Some(utf8(&root().join("bindings/bindgen.toml"))?),
            ..GenerateOptions::default()
        })
        .with_context(|| format!("cannot generate from {}", self.file.display()))?;
        Ok(out)
    }
}

/// Makes the files of one kind in `to` those of `from`, touching only what changed.
fn replace(from: &Path, to: &Path, extension: &str) -> Result<()> {
    for old in files(to, extension)? {
        if !from.join(old.strip_prefix(to)?).exists() {
            fs::remove_file(old)?;
        }
    }
    for new in files(from, extension)? {
        write_if_changed(&to.join(new.strip_prefix(from)?), &fs::read_to_string(&new)?)?;
    }
    Ok(())
}

fn utf8(path: &Path) -> Result<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(path.to_owned())
        .map_err(|it| anyhow::anyhow!("not text: {}", it.display()))
}
