//! Runs cases one after the other and tells what they came to.

use std::io::Write;

use super::answer::{Checked, Fault};
use super::cases;
use super::kit::Kit;

/// What a case needs of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the smallest server must do.
    Core,
    /// All that a phone can ask.
    Device,
    /// The clerk's side too.
    Station,
}

/// One rule of the page, and the function that asks whether a server keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The function's name: the rule in words.
    pub name: &'static str,
    /// The heading of `docs/protocol.md` under which the rule stands.
    pub section: &'static str,
    /// What it needs of the server.
    pub level: Level,
    pub(super) ask: fn(&Kit) -> Checked,
}

impl Case {
    /// Returns the rule as a sentence.
    pub fn rule(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// A case that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Which.
    pub case: Case,
    /// What was expected and what was found.
    pub fault: Fault,
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many cases passed.
    pub passed: usize,
    /// Those that failed.
    pub failed: Vec<Failed>,
}

/// Returns every case, subject by subject.
pub fn all_cases() -> impl Iterator<Item = Case> {
    cases::SUBJECTS.iter().flat_map(|(_, cases)| cases.iter().copied())
}

/// Runs `cases` and tells `out` about each subject, each failure, and at the end how many passed.
///
/// # Errors
/// `out` cannot be written to.
pub fn run_cases(kit: &Kit, cases: &[Case], out: &mut impl Write) -> std::io::Result<Tally> {
    let mut tally = Tally::default();
    for (subject, of_subject) in cases::SUBJECTS {
        let asked = of_subject.iter().filter(|it| cases.iter().any(|case| case.name == it.name));
        let (passed, failed) = (tally.passed, tally.failed.len());
        for case in asked {
            match (case.ask)(kit) {
                Ok(()) => tally.passed += 1,
                Err(fault) => {
                    writeln!(out, "FAILED {} ({}): {fault}", case.rule(), case.section)?;
                    tally.failed.push(Failed { case: *case, fault });
                }
            }
        }
        let (passed, failed) = (tally.passed - passed, tally.failed.len() - failed);
        if passed + failed > 0 {
            writeln!(out, "{subject}: {passed} of {}", passed + failed)?;
        }
    }
    writeln!(out, "{} passed, {} failed", tally.passed, tally.failed.len())?;
    Ok(tally)
}
