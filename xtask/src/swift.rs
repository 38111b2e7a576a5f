//! The Swift package: generated, compiled and tested.

use std::path::Path;

use anyhow::Result;

use crate::bindings;
use crate::shell::{command, root, run};
use crate::tools;

/// Generates the bindings and tests the package.
pub fn test() -> Result<()> {
    tools::swift()?;
    let library = bindings::build()?;
    library.generate_swift()?;
    test_package(&root().join("bindings/swift"), &library.dir)
}

/// Tests a Swift package that links the library in `library`.
pub fn test_package(package: &Path, library: &Path) -> Result<()> {
    let dir = library.display();
    run(command(tools::swift()?).arg("test").arg("--package-path").arg(package).args([
        "-Xlinker",
        &format!("-L{dir}"),
        "-Xlinker",
        "-rpath",
        "-Xlinker",
        &format!("{dir}"),
    ]))
}
