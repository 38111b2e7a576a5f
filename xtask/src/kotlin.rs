//! The Kotlin package: generated, compiled and tested on the JVM.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::bindings;
use crate::shell::{class_path, command, files, root, run};
use crate::tools;

/// Generates the bindings, compiles them with the facade and runs the tests.
pub fn test() -> Result<()> {
    let java = tools::java()?;
    let mut jars = test_class_path()?;
    let library = bindings::build()?;
    library.generate_kotlin()?;

    let folder = root().join("bindings/kotlin");
    let tests = folder.join("src/test/kotlin");
    let mut sources = package_sources()?;
    sources.extend(files(&tests, "kt")?);
    let jar = folder.join("build/lastmile-test.jar");
    compile(&sources, &jars, &jar)?;

    jars.insert(0, jar);
    run(command(java)
        .arg(format!("-Djna.library.path={}", library.dir.display()))
        .args(["-classpath", &class_path(&jars)?, "org.junit.runner.JUnitCore"])
        .args(test_classes(&tests)?))
}

/// Returns the sources of the package: generated code and facade.
pub fn package_sources() -> Result<Vec<PathBuf>> {
    let folder = root().join("bindings/kotlin");
    let mut sources = files(&folder.join("generated"), "kt")?;
    sources.extend(files(&folder.join("src/main/kotlin"), "kt")?);
    Ok(sources)
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
