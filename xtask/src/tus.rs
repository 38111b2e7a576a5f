//! Other makers' tus clients and server as judges of how media go up.

use anyhow::Result;

use crate::shell::{cargo, run};
use crate::tools;

/// Has them upload to our hub, and our phone upload to theirs.
pub fn test() -> Result<()> {
    tools::tus_peers()?;
    // Of the workspace, though one package has it: with its features nothing is compiled again.
    run(cargo()
        .args(["test", "--quiet", "--workspace", "--test", "tus_peers"])
        .args(["--", "--ignored"])
        .env("LASTMILE_PYTHON", tools::python()?))
}
