//! Plants bugs one after the other and plays seeds until a check finds each: `cargo xtask bugs`, or
//! one of them with `--bug NAME`.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use lastmile_tests::sim::{Mistake, hunt};
use mimalloc::MiMalloc;

/// A day makes and frees millions of small things.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Of what gave a bug away, so many characters are told: states are long.
const MOST_CHARACTERS: usize = 120;

/// Plants bugs and plays seeds until the simulator finds them.
#[derive(Parser)]
struct Args {
    /// Plant only this one
    #[arg(long)]
    bug: Option<String>,
    /// Give up after so many seeds
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let wanted = |mistake: &Mistake| args.bug.as_ref().is_none_or(|name| *name == mistake.name());
    let mistakes: Vec<_> = Mistake::all().into_iter().filter(wanted).collect();
    if mistakes.is_empty() {
        let names: Vec<_> = Mistake::all().into_iter().map(Mistake::name).collect();
        eprintln!("no such bug; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    // A planted bug may well make the day panic: what it says is told below.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let mut missed = 0;
    println!("| bug | seeds | found by |\n|---|---:|---|");
    for mistake in &mistakes {
        let found = hunt(*mistake, args.seeds);
        missed += usize::from(found.is_none());
        let (seeds, what) = found.map_or_else(
            || (format!("not in {}", args.seeds), String::new()),
            |found| (found.seeds.to_string(), found.what.replace('\n', " ")),
        );
        let what: String = what.chars().take(MOST_CHARACTERS).collect();
        println!("| {} | {seeds} | {what} |", mistake.name());
    }
    println!("{} bugs, {missed} not found, in {:.0?}", mistakes.len(), started.elapsed());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
