//! Plays simulated days: `cargo xtask sim --seeds N`, or one seed again with `--seed S`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lastmile_tests::sim::Run;
use mimalloc::MiMalloc;

/// A day makes and frees millions of small things.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Seeds between two lines of progress, and between two writings of the file.
const BLOCK: u64 = 500;

/// Plays simulated days of phones, links and a hub.
#[derive(Parser)]
struct Args {
    /// How many seeds, those of the file among them
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Play the seeds before this one twice and compare
    #[arg(long, default_value_t = 0)]
    twice: u64,
    /// Keep in this file what was played, and go on from it
    #[arg(long)]
    state: Option<PathBuf>,
    /// Let a second phone go on as the same device as another
    #[arg(long)]
    clones: bool,
    /// Play only this one, twice
    #[arg(long, conflicts_with_all = ["seeds", "from", "twice", "state"])]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    match play(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn play(args: &Args) -> std::io::Result<ExitCode> {
    let (from, seeds, twice) = match args.seed {
        Some(seed) => (seed, 1, seed + 1),
        None => (args.from, args.seeds, args.twice),
    };
    let mut run = match &args.state {
        Some(file) => Run::resume(file, from, args.clones)?,
        None => Run::new(from, args.clones),
    };
    while run.played < seeds {
        run.play(BLOCK.min(seeds - run.played), twice);
        if let Some(file) = &args.state {
            run.save(file)?;
        }
        if run.played < seeds {
            eprintln!(
                "{} of {seeds} seeds, {} failed, {}",
                run.played,
                run.failed.len(),
                rate(&run)
            );
        }
    }
    println!("{}", run.tally);
    println!("{} counted seeds from {from}, {}", run.tally.of("seed", "counted"), rate(&run));
    let not_met = run.not_met();
    for what in &not_met {
        println!("never met: {what}");
    }
    if !run.failed.is_empty() {
        println!("failed, replay with --seed: {:?}", run.failed);
    }
    println!("{} passed, {} failed", run.played - run.failed.len() as u64, run.failed.len());
    let good = run.failed.is_empty() && not_met.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rate(run: &Run) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate to one digit")]
    let each = run.played as f64 / run.seconds;
    format!("{:.0} s, {each:.1} seeds a second", run.seconds)
}
