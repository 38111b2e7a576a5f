//! The Android demo, checked without Google's tools: resources and manifest by
//! `aapt2`, its Kotlin against the Android classes, its logic by tests on the JVM.
//! Not seen here: `java.*` is the JDK's, and hidden Android classes compile too.
//! An APK needs the NDK and Gradle, which this check does not ask for.

use std::fs;

use anyhow::Result;

use crate::shell::{class_path, command, files, root, run};
use crate::{bindings, kotlin, tools};

/// Checks the demo against Android and runs its tests.
pub fn check() -> Result<()> {
    let (aapt2, framework) = (tools::aapt2()?, tools::framework_res()?);
    let (java, android) = (tools::java()?, tools::android_jar()?);
    let library = bindings::build()?;

    let demo = root().join("android-demo");
    let build = demo.join("build");
    fs::create_dir_all(&build)?;
    let resources = build.join("resources.zip");
    let generated = build.join("generated");
    run(command(&aapt2)
        .args(["compile", "--dir"])
        .arg(demo.join("src/main/res"))
        .arg("-o")
        .arg(&resources))?;
    run(command(&aapt2)
        .arg("link")
        .arg("-I")
        .arg(framework)
        .arg("--manifest")
        .arg(demo.join("src/main/AndroidManifest.xml"))
        .arg("--java")
        .arg(&generated)
        .arg("-o")
        .arg(build.join("resources.apk"))
        .arg(resources))?;

    let tests = demo.join("src/test/kotlin");
    let mut sources = files(&demo.join("src/main/kotlin"), "kt")?;
    sources.extend(files(&tests, "kt")?);
    sources.extend(files(&generated, "java")?);
    let mut jars = kotlin::test_class_path()?;
    jars.insert(0, kotlin::package(&library)?);
    jars.insert(0, android);
    let jar = build.join("demo-test.jar");
    kotlin::compile(&sources, &jars, &jar)?;

    jars[0] = jar; // the logic runs without Android
    run(command(java)
        .arg(format!("-Djna.library.path={}", library.dir.display()))
        .args(["-classpath", &class_path(&jars)?, "org.junit.runner.JUnitCore"])
        .args(kotlin::test_classes(&tests)?))
}
