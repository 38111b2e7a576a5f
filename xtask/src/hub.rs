//! Hubs for the tests of other languages: the real process, on a port of its own, in a folder
//! that is gone afterwards, and a stage with one hub for every scenario.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result, bail};

use crate::bindings::Library;
use crate::shell::{command, root};

/// A running hub and a stage. Both are stopped, and the folder deleted, when this is dropped.
pub struct TestHub {
    process: Child,
    /// Kept open: a hub that can no longer say what it does would end.
    _out: Option<BufReader<ChildStdout>>,
    folder: PathBuf,
    url: String,
    clerk: String,
    code: String,
    stage: Child,
    places: String,
}

impl TestHub {
    /// Starts a hub with one clerk and a one-time code for courier 4849 at station JL31.
    pub fn start(library: &Library) -> Result<Self> {
        let program = library.program("lastmile-hub");
        let folder = env::temp_dir().join(format!("lastmile-hub-{}", process::id()));
        eprintln!("$ lastmile-hub serve");
        let mut process = command(&program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&folder)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start lastmile-hub")?;
        let mut out = process.stdout.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(out) = &mut out {
            out.read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let (clerk, code, places) = (String::new(), String::new(), String::new());
        let stage = command(library.program("stage"))
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the stage")?;
        let mut hub = Self { process, _out: out, folder, url, clerk, code, stage, places };
        if hub.url.is_empty() {
            bail!("lastmile-hub did not say where it listens, but: {}", line.trim());
        }
        // The folder exists once the hub serves; clerks and codes are made beside it.
        let ask = |words: &[&str]| {
            let mut asked = command(&program);
            asked.args(words).args(["--station", "JL31", "--data"]).arg(&hub.folder);
            answer(&mut asked)
        };
        let (clerk, code) =
            (ask(&["clerk", "--clerk", "7"])?, ask(&["code", "--courier", "4849"])?);
        (hub.clerk, hub.code) = (clerk, code);
        if let Some(said) = hub.stage.stdout.take() {
            BufReader::new(said).read_line(&mut hub.places)?;
        }
        Ok(hub)
    }

    /// Tells a test run where the hubs are and how to come in.
    pub fn tell(&self, tests: &mut Command) {
        tests
            .env("LASTMILE_HUB", &self.url)
            .env("LASTMILE_CLERK", &self.clerk)
            .env("LASTMILE_CODE", &self.code)
            .env("LASTMILE_STAGE", self.places.trim())
            .env("LASTMILE_TESTS", root().join("tests"));
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        // Whatever fails here, the tests have said their word.
        for process in [&mut self.process, &mut self.stage] {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn answer(command: &mut Command) -> Result<String> {
    let done = command.stderr(Stdio::inherit()).output().context("cannot start lastmile-hub")?;
    if !done.status.success() {
        bail!("lastmile-hub failed ({})", done.status);
    }
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}
