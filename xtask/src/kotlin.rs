//! The Kotlin package: generated, compiled and tested on the JVM.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::bindings::{self, Library};
use crate::hub::TestHub;
use crate::shell::{class_path, command, files, root, run};
use crate::tools;

/// Generates the bindings, compiles them with the facade and runs the tests against a hub.
pub fn test() -> Result<()> {
    let java = tools::java()?;
    let library = bindings::build()?;
    let folder = root().join("bindings/kotlin");
    let tests = folder.join("src/test/kotlin");
    let mut jars = test_class_path()?;
    jars.insert(0, package(&library)?);
    let jar = folder.join("build/lastmile-test.jar");
    compile(&files(&tests, "kt")?, &jars, &jar)?;

    jars.insert(0, jar);
    let hub = TestHub::start(&library)?;
    let mut junit = command(java);
    junit
        .arg(format!("-Djna.library.path={}", library.dir.display()))
        .args(["-classpath", &class_path(&jars)?, "org.junit.runner.JUnitCore"])
        .args(test_classes(&tests)?);
    hub.tell(&mut junit);
    run(&mut junit)
}

/// Compiles the package, generated code and facade, unless it is up to date: the generated part
/// is long, and its compilation the longest step of all.
pub fn package(library: &Library) -> Result<PathBuf> {
    library.generate_kotlin()?;
    let folder = root().join("bindings/kotlin");
    let mut sources = files(&folder.join("generated"), "kt")?;
    sources.extend(files(&folder.join("src/main/kotlin"), "kt")?);
    let jar = folder.join("build/lastmile.jar");
    let made = fs::metadata(&jar).and_then(|it| it.modified()).ok();
    let mut fresh = made.is_some();
    for source in &sources {
        fresh &= Some(fs::metadata(source)?.modified()?) < made;
    }
    if !fresh {
        compile(&sources, &test_class_path()?, &jar)?;
    }
    Ok(jar)
}

/// Returns the jars that the package and its tests need.
pub fn test_class_path() -> Result<Vec<PathBuf>> {
    let lib = tools::kotlin_dir()?.join("lib");
    let mut jars = tools::test_jars()?;
    for jar in [
        "kotlin-stdlib.jar",
        "kotlinx-coroutines-core-jvm.jar",
        "kotlin-test.jar",
        "kotlin-test-junit.jar",
    ] {
        jars.push(lib.join(jar));
    }
    Ok(jars)
}

/// Compiles Kotlin; a warning is an error.
pub fn compile(sources: &[PathBuf], jars: &[PathBuf], out: &Path) -> Result<()> {
    run(command(tools::kotlin_dir()?.join("bin/kotlinc"))
        .args(["-Werror", "-jvm-target", "17", "-no-stdlib"])
        .args(["-classpath", &class_path(jars)?])
        .args(sources)
        .arg("-d")
        .arg(out))
}

/// Returns the names of the test classes below `tests`: one per `…Test.kt`.
pub fn test_classes(tests: &Path) -> Result<Vec<String>> {
    let mut classes = Vec::new();
    for file in files(tests, "kt")? {
        let name = file.strip_prefix(tests)?.with_extension("");
        let name = name.to_str().context("a test's path is not text")?.replace('/', ".");
        if name.ends_with("Test") {
            classes.push(name);
        }
    }
    if classes.is_empty() {
        bail!("no test class below {}", tests.display());
    }
    Ok(classes)
}
