//! What a run met, counted. A run that met too little proves nothing and says so.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by heading and name, such as `verdict` / `accepted`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(&'static str, String), u64>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, heading: &'static str, name: impl Into<String>) {
        *self.0.entry((heading, name.into())).or_default() += 1;
    }

    /// Returns how often a name was counted.
    pub fn of(&self, heading: &'static str, name: &str) -> u64 {
        self.0.get(&(heading, name.to_owned())).copied().unwrap_or(0)
    }

    /// Returns the sum under a heading.
    pub fn sum(&self, heading: &'static str) -> u64 {
        self.0.iter().filter(|((h, _), _)| *h == heading).map(|(_, n)| n).sum()
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        for (key, n) in &other.0 {
            *self.0.entry(key.clone()).or_default() += n;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((heading, name), n) in &self.0 {
            if *heading != last {
                writeln!(f, "{heading}")?;
                last = heading;
            }
            writeln!(f, "  {n:>10}  {name}")?;
        }
        Ok(())
    }
}
