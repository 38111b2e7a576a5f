//! `lastmile-hub demo`: plays a real courier's day, end to end, on this machine.
//!
//! Real deliveries of the `LaDe-D` data, the real library on a real store per courier, a real hub
//! on loopback, real HTTP between them. Only the people, the pictures and the bad signal are
//! invented. At the end the hub, and not the phones, is asked for every delivery.

mod accounts;
mod acts;
mod bars;
mod day;
mod evidence;
mod folder;
mod link;
mod machine;
mod people;
mod phone;
mod picture;
mod play;
mod report;
mod rows;
mod station;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use accounts::Accounts;
use bars::Bars;
use day::Day;
use folder::Folder;
use machine::PlayedTime;
use phone::{Make, Phone};
use play::Play;
use rows::Fault;
use station::{Clerk, Station};

/// Five couriers of Jilin, 106 rows of `LaDe-D` (Cainiao-AI); see `hub/data/SOURCE.md`.
const SAMPLE: &str = include_str!("../../data/lade_d_jilin_sample.csv");

/// Deliveries begin so long after the phones were handed out.
const SETTING_UP_MS: i64 = 30 * 60_000;

/// Play a real courier's day on this machine: real deliveries, a real hub, real files.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Play the deliveries of this CSV file, with the columns of LaDe-D.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Write everything into this folder.
    #[arg(long, value_name = "DIR", default_value = "lastmile-demo")]
    pub out: PathBuf,
    /// Invent people, pictures and bad luck from this number.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Why the demo ended early.
#[derive(Debug)]
pub enum Trouble {
    /// The file cannot be played; nothing was.
    Data {
        /// Its name.
        name: String,
        /// What is wrong with it.
        faults: Vec<Fault>,
    },
    /// The output folder cannot be used; nothing in it was touched.
    Folder(String),
    /// Something failed that should not.
    Failed(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data { name, faults } => {
                writeln!(f, "{name} cannot be played, and nothing was")?;
                for fault in faults {
                    writeln!(f, "  {fault}")?;
                }
                write!(f, "mend these lines and start again")
            }
            Self::Folder(what) | Self::Failed(what) => f.write_str(what),
        }
    }
}

impl From<String> for Trouble {
    fn from(what: String) -> Self {
        Self::Failed(what)
    }
}

impl From<&str> for Trouble {
    fn from(what: &str) -> Self {
        Self::Failed(what.to_owned())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("a file or the network failed ({})", error.kind()))
    }
}

impl From<lastmile_core::Error> for Trouble {
    fn from(error: lastmile_core::Error) -> Self {
        Self::Failed(format!("{}: {error}", error.code()))
    }
}

impl From<crate::HubError> for Trouble {
    fn from(error: crate::HubError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs the demo and prints what it came to.
///
/// Ends with 0 if every delivery is accounted for, with 2 if the file or the folder cannot be
/// used, and with 1 otherwise.
pub fn run(args: &Args) -> ExitCode {
    let result = play(args, &mut std::io::stdout());
    match result {
        Ok(accounts) if accounts.complete() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("lastmile-hub demo: {trouble}");
            match trouble {
                Trouble::Data { .. } | Trouble::Folder(_) => ExitCode::from(2),
                Trouble::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// Reads the file, plays the day, asks the hub what it has, and tells `out` about it.
///
/// # Errors
/// See [`Trouble`]. A delivery that the hub does not have is not an error: the accounts say so.
pub fn play(args: &Args, out: &mut impl Write) -> Result<Accounts, Trouble> {
    let (name, rows) = read_rows(args.data.as_deref())?;
    let day = day::fold(&rows);
    let folder = Folder::take(&args.out)?;
    let (deliveries, couriers) = (day.deliveries.len(), day.couriers.len());
    let rules = day::rules(args.seed);
    say(out, &format!("{deliveries} deliveries of {couriers} couriers, from {name}\n\n{rules}\n"))?;

    let first_ms = day.deliveries.iter().map(|delivery| delivery.accepted_ms).min();
    let time = PlayedTime::at(first_ms.unwrap_or_default() - SETTING_UP_MS);
    let station = Station::open(&folder.hub(), &time)?;
    let clerk = station.clerk(&day)?;
    clerk.import(&day, args.seed)?;
    let phones = enrol(&day, &clerk, &folder, &time, args.seed)?;

    let bars = Bars::of(&day);
    let mut play = Play::new(&day, phones, clerk, time, args.seed, station::site()?);
    play.run(&bars)?;
    play.come_back(&bars)?;
    bars.clear();

    let accounts = accounts::ask(&day, &play.clerk)?;
    say(out, &report::tables(&day, &play, &accounts)?)?;
    let root_key = play.phones.first().map_or("", Phone::root_key);
    let written = evidence::write(&day, &play.clerk, &folder, root_key)?;
    say(out, &evidence::next_steps(&folder, written.as_ref()))?;
    drop(play);
    station.close()?;
    say(out, &accounts.lines())?;
    Ok(accounts)
}

/// Gives every courier a phone and lets it fetch the morning's parcels.
fn enrol(
    day: &Day,
    clerk: &Clerk,
    folder: &Folder,
    time: &PlayedTime,
    seed: u64,
) -> Result<Vec<Phone>, Trouble> {
    let mut phones = Vec::new();
    for (place, worker) in day.couriers.iter().enumerate() {
        let code = clerk.new_code(&worker.no, &worker.station)?;
        let folder = folder.phone(worker.no.as_str());
        let mut phone = Phone::enrol(Make { place, folder, hub: clerk.base(), code, time, seed })?;
        phone.sync_well()?;
        phones.push(phone);
    }
    Ok(phones)
}

fn say(out: &mut impl Write, text: &str) -> Result<(), Trouble> {
    Ok(writeln!(out, "{text}")?)
}

fn read_rows(file: Option<&Path>) -> Result<(String, Vec<rows::Row>), Trouble> {
    let Some(file) = file else {
        let name = "LaDe-D, Jilin (Cainiao-AI)".to_owned();
        return match rows::read(SAMPLE.as_bytes()) {
            Ok(rows) => Ok((name, rows)),
            Err(faults) => Err(Trouble::Data { name, faults }),
        };
    };
    let name = file.display().to_string();
    let unreadable = |error: std::io::Error| {
        Trouble::Folder(format!("{name} cannot be read ({}); check --data", error.kind()))
    };
    let open = std::fs::File::open(file).map_err(unreadable)?;
    match rows::read(std::io::BufReader::new(open)) {
        Ok(rows) => Ok((name, rows)),
        Err(faults) => Err(Trouble::Data { name, faults }),
    }
}
