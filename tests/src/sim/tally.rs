//! What a run met, counted. A run that met too little proves nothing and says so.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts by heading and name, such as `verdict` / `accepted`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(BTreeMap<String, BTreeMap<String, u64>>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, heading: &str, name: impl Into<String>) {
        self.add(heading, name, 1);
    }

    /// Counts several.
    pub fn add(&mut self, heading: &str, name: impl Into<String>, n: u64) {
        if !self.0.contains_key(heading) {
            self.0.insert(heading.to_owned(), BTreeMap::new());
        }
        if let Some(names) = self.0.get_mut(heading) {
            *names.entry(name.into()).or_default() += n;
        }
    }

    /// Returns how often a name was counted.
    pub fn of(&self, heading: &str, name: &str) -> u64 {
        self.0.get(heading).and_then(|names| names.get(name)).copied().unwrap_or(0)
    }

    /// Returns the sum under a heading.
    pub fn sum(&self, heading: &str) -> u64 {
        self.0.get(heading).map_or(0, |names| names.values().sum())
    }

    /// Adds another run's counts.
    pub fn merge(&mut self, other: &Self) {
        for (heading, names) in &other.0 {
            for (name, n) in names {
                self.add(heading, name, *n);
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (heading, names) in &self.0 {
            writeln!(f, "{heading}")?;
            for (name, n) in names {
                writeln!(f, "  {n:>10}  {name}")?;
            }
        }
        Ok(())
    }
}
