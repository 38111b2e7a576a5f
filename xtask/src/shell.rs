//! Running other programs: each is shown before it runs and its failure ends the chore.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

/// Returns the project's root folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Returns the folder of everything installed for this project alone.
pub fn tools_dir() -> PathBuf {
    root().join(".tools")
}

/// Starts a command line in the project's root.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Starts a `cargo` command line.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Shows and runs a command.
pub fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", line(command));
    let status = command.status().with_context(|| format!("cannot start {}", line(command)))?;
    if !status.success() {
        bail!("failed ({status}): {}", line(command));
    }
    Ok(())
}

/// Runs a command beside others: what it says is shown in one piece when it has ended.
pub fn run_beside(command: &mut Command) -> Result<()> {
    let said = command.output().with_context(|| format!("cannot start {}", line(command)))?;
    eprintln!("$ {}\n{}", line(command), String::from_utf8_lossy(&said.stderr).trim_end());
    if !said.status.success() {
        bail!("failed ({}): {}", said.status, line(command));
    }
    Ok(())
}

/// Finds a program in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|it| it.is_file())
}

/// Returns the files below `dir` with the given extension, sorted.
pub fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !dir.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a file unless it already says so: unchanged sources are not compiled again.
pub fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Joins paths for `-classpath`.
pub fn class_path(paths: &[PathBuf]) -> Result<String> {
    let joined = env::join_paths(paths)?;
    joined.into_string().map_err(|it| anyhow::anyhow!("not text: {}", it.display()))
}

/// Returns a command as a person would type it in the project's root.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).collect();
    let line = words.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>().join(" ");
    line.replace(&format!("{}/", root().display()), "")
}
