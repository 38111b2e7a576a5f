//! The Swift package: generated, compiled and tested.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bindings::{self, Library};
use crate::hub::TestHub;
use crate::shell::{command, root, run};
use crate::tools;

/// Generates the bindings and tests the package.
pub fn test() -> Result<()> {
    tools::swift()?;
    let library = bindings::build()?;
    library.generate_swift()?;
    let mut tests = test_package(&root().join("bindings/swift"), &library)?;
    let hub = TestHub::start(&library)?;
    hub.tell(&mut tests);
    run(&mut tests)
}

/// Returns the command that tests a Swift package which links the library.
pub fn test_package(package: &Path, library: &Library) -> Result<Command> {
    let dir = library.dir.display();
    let mut swift = command(tools::swift()?);
    swift.arg("test").arg("--package-path").arg(package);
    swift.args(["-Xswiftc", "-warnings-as-errors", "-Xlinker", &format!("-L{dir}")]);
    swift.args(["-Xlinker", "-rpath", "-Xlinker", &format!("{dir}")]);
    Ok(swift)
}
