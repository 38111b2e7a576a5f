//! The folder the demo writes into. Only what an earlier demo made is ever cleared.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::Trouble;

/// Marks a folder as the demo's own.
const MARK: &str = "lastmile-demo.txt";
const MARK_TEXT: &str = "This folder was made by `lastmile-hub demo`.\n\
    The next run clears hub/, phones/ and evidence/ in it, and nothing else.\n";

const HUB: &str = "hub";
const PHONES: &str = "phones";
const EVIDENCE: &str = "evidence";

/// The demo's folder, held for one run.
pub struct Folder {
    path: PathBuf,
    /// Locked as long as the run lasts.
    _mark: File,
}

impl Folder {
    /// Takes `path` for this run: makes it, or clears what an earlier run left in it.
    ///
    /// # Errors
    /// A folder with anything in it that is not marked as the demo's, or in use by another run.
    pub fn take(path: &Path) -> Result<Self, Trouble> {
        let unusable = |error: std::io::Error| {
            Trouble::Folder(format!(
                "{} cannot be used ({}); choose another folder with --out",
                path.display(),
                error.kind()
            ))
        };
        let mark = path.join(MARK);
        let is_empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(unusable)?;
                true
            }
            Err(error) => return Err(unusable(error)),
        };
        if !is_empty && !is_marked(&mark) {
            return Err(Trouble::Folder(format!(
                "{} holds files that are not this demo's, and nothing was touched; choose an empty \
                 or new folder with --out",
                path.display()
            )));
        }
        let options = File::options().create(true).truncate(false).write(true).open(&mark);
        let mut file = options.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Trouble::Folder(format!(
                    "another demo is running in {}; wait for it, or choose another folder with \
                     --out",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        if is_empty {
            file.write_all(MARK_TEXT.as_bytes()).map_err(unusable)?;
        }
        clear(path).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _mark: file })
    }

    /// Returns the hub's own folder.
    pub fn hub(&self) -> PathBuf {
        self.path.join(HUB)
    }

    /// Returns the folder of all phones.
    pub fn phones(&self) -> PathBuf {
        self.path.join(PHONES)
    }

    /// Returns the folder of what was exported for a check.
    pub fn evidence(&self) -> PathBuf {
        self.path.join(EVIDENCE)
    }

    /// Returns the folder of one phone.
    pub fn phone(&self, courier: &str) -> PathBuf {
        self.phones().join(courier)
    }
}

fn is_marked(mark: &Path) -> bool {
    let mut text = String::new();
    let read = File::open(mark).and_then(|file| file.take(1024).read_to_string(&mut text));
    read.is_ok() && text == MARK_TEXT
}

/// Removes what a run makes, by name; whatever else lies in the folder stays.
fn clear(path: &Path) -> std::io::Result<()> {
    for name in [HUB, PHONES, EVIDENCE] {
        match fs::remove_dir_all(path.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_files_is_refused_and_left_alone() {
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.txt"), "years of work").unwrap();
        fs::create_dir(other.path().join("hub")).unwrap();

        let refused = Folder::take(other.path()).err().unwrap().to_string();

        assert!(refused.contains("--out"), "{refused}");
        assert!(other.path().join("thesis.txt").exists());
        assert!(other.path().join("hub").exists());
    }

    #[test]
    fn an_earlier_run_is_cleared_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let first = Folder::take(&path).unwrap();
        fs::create_dir_all(first.hub()).unwrap();
        fs::create_dir_all(first.phone("435")).unwrap();
        fs::create_dir_all(first.evidence()).unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        drop(first);

        let second = Folder::take(&path).unwrap();

        assert!(!second.hub().exists() && !second.phones().exists());
        assert!(!second.evidence().exists());
        assert!(path.join("notes.txt").exists());
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let parent = tempfile::tempdir().unwrap();
        let _first = Folder::take(parent.path()).unwrap();

        let refused = Folder::take(parent.path()).err().unwrap().to_string();

        assert!(refused.contains("another demo"), "{refused}");
    }
}
