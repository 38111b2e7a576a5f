//! `lastmile-hub conform`: asks a server over real HTTP whether it keeps to `docs/protocol.md`.
//!
//! A company that brings its own backend runs it against that one, and `--self` runs it against
//! the reference hub. A case is a function whose name is the rule it checks; each makes couriers,
//! phones and lanes of its own, so that none depends on another one or on their order.

mod answer;
mod cases;
mod kit;
mod phone;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ArgGroup;
use lastmile_core::id::{ClerkNo, StationId};
use lastmile_core::time::{SystemClock, SystemEntropy};

use crate::Hub;
use crate::problem::HubError;
use crate::serve::{self, Background};

pub use kit::Kit;
pub use run::{Case, Failed, Level, Tally, all_cases, run_cases};

/// Minutes that the reference hub's local time is ahead of UTC; no case asks for it.
const UTC_OFFSET_MIN: i16 = 480;

/// Ask a server whether it keeps to docs/protocol.md: exit code 0 if every case passed.
#[derive(Debug, Clone, clap::Args)]
#[command(group = ArgGroup::new("server").required(true).args(["url", "own"]))]
#[command(group = ArgGroup::new("couriers").args(["codes", "clerk_token"]).conflicts_with("own"))]
pub struct Args {
    /// The server's base URL, such as `http://127.0.0.1:8787`.
    #[arg(long, requires = "couriers")]
    pub url: Option<String>,
    /// Ask this release's own hub, started for that alone and gone afterwards.
    #[arg(long = "self")]
    pub own: bool,
    /// One courier of one station on each line: his number and three one-time codes for him.
    #[arg(long, value_name = "FILE")]
    pub codes: Option<PathBuf>,
    /// A clerk's token, with which the kit makes codes; the station's cases are run, too.
    #[arg(long, value_name = "TOKEN")]
    pub clerk_token: Option<String>,
    /// Run the core alone: what the smallest server must do.
    #[arg(long)]
    pub core: bool,
}

/// Runs the kit and prints what it came to.
///
/// Ends with 0 if every case passed, with 1 if one failed, and with 2 if there was nothing to ask.
pub fn run(args: &Args) -> ExitCode {
    match conform(args) {
        Ok(tally) if tally.failed.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("lastmile-hub conform: {trouble}");
            ExitCode::from(2)
        }
    }
}

fn conform(args: &Args) -> Result<Tally, String> {
    let (kit, _hub) = match (&args.url, &args.codes, &args.clerk_token) {
        (Some(url), Some(file), _) => {
            let unread = |error| format!("{} cannot be read: {error}", file.display());
            let text = std::fs::read_to_string(file).map_err(unread)?;
            (Kit::with_codes(url, &text)?, None)
        }
        (Some(url), None, Some(token)) => (Kit::with_clerk(url, token), None),
        _ => {
            let (kit, hub) = own_hub().map_err(|error| error.to_string())?;
            (kit, Some(hub))
        }
    };
    let most = match (args.core, kit.has_clerk()) {
        (true, _) => Level::Core,
        (false, false) => Level::Device,
        (false, true) => Level::Station,
    };
    let cases: Vec<_> = all_cases().filter(|case| case.level <= most).collect();
    let tally =
        run_cases(&kit, &cases, &mut std::io::stdout()).map_err(|error| error.to_string())?;
    Ok(tally)
}

/// Starts a hub in memory, on a port of its own, and a kit that asks it.
///
/// # Errors
/// No port is free, or the database cannot be made.
pub fn own_hub() -> crate::Result<(Kit, Background)> {
    let clock = Arc::new(SystemClock::new(UTC_OFFSET_MIN));
    let hub = Hub::in_memory(clock, Arc::new(SystemEntropy))?;
    let station = StationId::new("CONFORM")?;
    let token = hub.new_clerk(ClerkNo::new("conform")?, Some(station))?;
    let background = serve::in_background(Arc::new(hub)).map_err(HubError::from)?;
    Ok((Kit::with_clerk(background.url(), &token), background))
}
