//! Every chore of the project as one command.

mod android;
mod bindings;
mod check;
mod fuzz;
mod hub;
mod ios;
mod kotlin;
mod one_package;
mod powersync;
mod python;
mod releases;
mod setup;
mod shell;
mod swift;
mod tools;
mod tus;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Installs what the chores beyond Rust need and this machine lacks
    Setup,
    /// Checks format, lints and docs and runs the Rust tests; needs only Rust
    Check,
    /// Generates the Kotlin bindings and runs their tests on the JVM
    KotlinTest,
    /// Generates the Swift bindings and runs their tests
    SwiftTest,
    /// Asks the small server in Python the core of the protocol
    PythonTest,
    /// Has other makers' tus clients and server judge how media go up
    TusTest,
    /// Checks the Android demo
    Android,
    /// Checks the iOS demo
    Ios,
    /// Plays simulated days of phones, links and a hub
    Sim {
        /// How many seeds to play
        #[arg(long, default_value_t = check::LEAST_SEEDS)]
        seeds: u64,
        /// Keep in this file what was played, and go on from it
        #[arg(long)]
        state: Option<PathBuf>,
    },
    /// Plants bugs and plays seeds until the simulator finds each of them
    Bugs {
        /// Plant only this one
        #[arg(long)]
        bug: Option<String>,
        /// Give up after so many seeds
        #[arg(long, default_value_t = check::MOST_SEEDS)]
        seeds: u64,
    },
    /// Fuzzes what comes from outside
    Fuzz {
        /// Fuzz only this target
        #[arg(long)]
        target: Option<String>,
        /// How long, for each target
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u64,
        /// Keep the cases that reach something new
        #[arg(long)]
        keep: bool,
    },
    /// Plays days of released phones at today's hub, and of today's phones at released hubs
    Releases {
        /// How many seeds to play of each
        #[arg(long, default_value_t = releases::SEEDS)]
        seeds: u64,
    },
    /// Keeps this version as a release: its crates, and the stores that it leaves behind
    KeepRelease,
    /// Does the same work with the PowerSync core, side by side, and prints the figures
    Powersync {
        /// Run only this part: `hand_over`, `first_sync` or `drain`
        only: Option<String>,
    },
    /// Prints the size of the packaged library and holds it to its budget
    Size,
    /// Runs everything: check, sim, bugs, releases, fuzz, python-test, tus-test, kotlin-test, swift-test, android and ios
    Test,
}

fn main() -> ExitCode {
    match run(Xtask::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    match chore {
        Chore::Setup => setup::install(),
        Chore::Check => check::run(),
        Chore::KotlinTest => kotlin::test(),
        Chore::SwiftTest => swift::test(),
        Chore::PythonTest => python::test(),
        Chore::TusTest => tus::test(),
        Chore::Android => android::check(),
        Chore::Ios => ios::check(),
        Chore::Sim { seeds, state } => check::sim(seeds, state.as_deref()),
        Chore::Bugs { bug, seeds } => check::bugs(bug.as_deref(), seeds),
        Chore::Fuzz { target, seconds, keep } => {
            fuzz::run_targets(target.as_deref(), seconds, keep)
        }
        Chore::Releases { seeds } => releases::meet(seeds),
        Chore::KeepRelease => releases::keep(),
        Chore::Powersync { only } => powersync::bench(only.as_deref()),
        Chore::Size => bindings::size(),
        Chore::Test => {
            // Missing tools are told at once, not after minutes of Rust tests.
            tools::require_all()?;
            for chore in [
                Chore::Check,
                Chore::Sim { seeds: check::LEAST_SEEDS, state: None },
                Chore::Bugs { bug: None, seeds: check::MOST_SEEDS },
                Chore::Releases { seeds: releases::SEEDS },
                Chore::Fuzz { target: None, seconds: fuzz::SECONDS, keep: false },
                Chore::PythonTest,
                Chore::TusTest,
                Chore::KotlinTest,
                Chore::SwiftTest,
                Chore::Android,
                Chore::Ios,
            ] {
                let (name, start) = (format!("{chore:?}"), Instant::now());
                run(chore)?;
                eprintln!("# {name}: {} s", start.elapsed().as_secs());
            }
            Ok(())
        }
    }
}
