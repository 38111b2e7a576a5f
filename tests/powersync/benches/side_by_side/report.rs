//! A figure beside its budget.

use std::time::Duration;

/// Prints a figure and what it is against.
pub fn figure(what: &str, value: impl std::fmt::Display) {
    println!("  {what:52} {value}");
}

/// Prints a figure that may be so much at most, and whether a stretch was reached.
pub fn at_most(what: &str, value: f64, budget: f64, stretch: Option<f64>) {
    let stretch = stretch.map(|stretch| format!(", stretch {stretch}: {}", word(value <= stretch)));
    let stretch = stretch.unwrap_or_default();
    figure(what, format!("{value:.2}   budget {budget}: {}{stretch}", word(value <= budget)));
}

/// Prints a figure that must be so much at least.
pub fn at_least(what: &str, value: f64, budget: f64) {
    let word = if value >= budget { "ok" } else { "under" };
    figure(what, format!("{value:.2}   budget {budget}: {word}"));
}

fn word(kept: bool) -> &'static str {
    if kept { "ok" } else { "over" }
}

/// Returns the one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes of one bench")]
pub fn float(n: usize) -> f64 {
    n as f64
}
