//! Plays simulated days: `cargo xtask sim --seeds N`, or one seed again with `--seed S`.
//!
//! `--twice` plays every seed a second time and compares: a day that is not the same twice proves
//! nothing.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lastmile_tests::sim::{self, Tally};

fn main() -> ExitCode {
    let (mut first, mut count, mut twice) = (0u64, 1_000u64, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--twice" {
            twice = true;
            continue;
        }
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        match (arg.as_str(), args.next()) {
            ("--seeds", value) if number(value.clone()).is_some() => {
                count = number(value).unwrap_or(count);
            }
            ("--from", value) if number(value.clone()).is_some() => {
                first = number(value).unwrap_or(first);
            }
            ("--seed", value) if number(value.clone()).is_some() => {
                (first, count, twice) = (number(value).unwrap_or(first), 1, true);
            }
            _ => {
                eprintln!("usage: sim [--seeds N] [--from FIRST] [--twice] | --seed S");
                return ExitCode::from(2);
            }
        }
    }

    let (next, started) = (AtomicU64::new(first), Instant::now());
    let total = Mutex::new((Tally::default(), Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let result = std::panic::catch_unwind(|| play(seed, twice));
                    let Ok(mut total) = total.lock() else { break };
                    match result {
                        Ok(Ok(tally)) => total.0.add(&tally),
                        Ok(Err(what)) => {
                            eprintln!("seed {seed}: {what}");
                            total.1.push(seed);
                        }
                        Err(_) => {
                            eprintln!("seed {seed}: panicked");
                            total.1.push(seed);
                        }
                    }
                }
            });
        }
    });
    let (tally, failed) = match total.into_inner() {
        Ok(total) => total,
        Err(poisoned) => poisoned.into_inner(),
    };
    println!("{tally}");
    println!(
        "{} counted seeds from {first} in {:.0?}",
        tally.of("seed", "counted"),
        started.elapsed()
    );
    if !failed.is_empty() {
        println!("failed, replay with --seed: {failed:?}");
    }
    println!("{} passed, {} failed", count - failed.len() as u64, failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one seed, or the same seed twice.
fn play(seed: u64, twice: bool) -> Result<Tally, String> {
    let day = sim::run(seed);
    if twice && sim::run(seed) != day {
        return Err("is another day the second time".to_owned());
    }
    day
}
