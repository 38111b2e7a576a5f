//! A server of another make: the small one in Python, asked by the conformance kit.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result, bail};

use crate::shell::{command, root, run};
use crate::{bindings, tools};

/// As many couriers as the core's cases need, and some more.
const COURIERS: u32 = 30;

/// Starts the server and asks it the core of the protocol.
pub fn test() -> Result<()> {
    let library = bindings::build()?;
    let server = Server::start()?;
    run(command(library.program("lastmile-hub"))
        .args(["conform", "--core", "--url", &server.url, "--codes"])
        .arg(server.codes()))
}

/// The running server. It is stopped, and its folder deleted, when this is dropped.
struct Server {
    process: Child,
    /// Kept open: a server that can no longer say what it does would end.
    _out: Option<BufReader<ChildStdout>>,
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start() -> Result<Self> {
        let python = tools::python()?;
        let folder = env::temp_dir().join(format!("lastmile-python-{}", process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("codes"), invented_codes())?;
        eprintln!("$ python3 tests/python-server/server.py");
        let mut process = command(python)
            .arg("-B")
            .arg(root().join("tests/python-server/server.py"))
            .args([folder.join("codes"), folder.join("data")])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the Python server")?;
        let mut out = process.stdout.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(out) = &mut out {
            out.read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let server = Self { process, _out: out, folder, url };
        if server.url.is_empty() {
            bail!("the Python server did not say where it listens, but: {}", line.trim());
        }
        Ok(server)
    }

    fn codes(&self) -> PathBuf {
        self.folder.join("codes")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever fails here, the kit has said its word.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn invented_codes() -> String {
    let mut list = String::new();
    for n in 1..=COURIERS {
        // Writing to a String cannot fail.
        let _ = writeln!(list, "tester-{n} FIRST{n} SECOND{n} THIRD{n}");
    }
    list
}
