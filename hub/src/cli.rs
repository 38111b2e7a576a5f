//! The commands.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use lastmile_core::id::{ClerkNo, CourierNo, StationId};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_hub::{Hub, Settings, serve};

/// The station's hub: couriers' phones sync with it, clerks work on it.
#[derive(Parser)]
#[command(name = "lastmile-hub", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve phones and clerks. The first start makes everything that is needed.
    Serve {
        #[command(flatten)]
        hub: Folder,
        /// Address and port to listen on.
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
    },
    /// Make a one-time code with which a courier enrols his phone or signs in again.
    Code {
        #[command(flatten)]
        hub: Folder,
        /// The courier's number.
        #[arg(long)]
        courier: String,
        /// The station he belongs to.
        #[arg(long)]
        station: String,
    },
    /// Make a token for a clerk.
    Clerk {
        #[command(flatten)]
        hub: Folder,
        /// The clerk's number.
        #[arg(long)]
        clerk: String,
        /// The clerk's station.
        #[arg(long)]
        station: String,
    },
    /// Say that the database was restored from a backup: every phone then offers again what the
    /// backup may lack.
    NewEpoch {
        #[command(flatten)]
        hub: Folder,
    },
}

#[derive(Args)]
struct Folder {
    /// The hub's folder: database, keys, media.
    #[arg(long = "data", default_value = "hub-data")]
    folder: PathBuf,
    /// Minutes that the station's local time is ahead of UTC.
    #[arg(long, default_value_t = 480, allow_negative_numbers = true)]
    utc_offset_min: i16,
}

impl Folder {
    fn open(&self) -> lastmile_hub::Result<Hub> {
        let clock = Arc::new(SystemClock::new(self.utc_offset_min));
        Hub::in_folder(&self.folder, clock, Arc::new(SystemEntropy), Settings::default())
    }
}

type Failure = Box<dyn std::error::Error>;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve { hub, listen } => start(&hub, listen)?,
        Command::Code { hub, courier, station } => {
            let (courier, station) = (CourierNo::new(courier)?, StationId::new(station)?);
            println!("{}", hub.open()?.new_code(courier, station)?);
        }
        Command::Clerk { hub, clerk, station } => {
            let (clerk, station) = (ClerkNo::new(clerk)?, StationId::new(station)?);
            println!("{}", hub.open()?.new_clerk(clerk, Some(station))?);
        }
        Command::NewEpoch { hub } => println!("{}", hub.open()?.new_epoch()?),
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn start(folder: &Folder, listen: SocketAddr) -> Result<(), Failure> {
    let hub = Arc::new(folder.open()?);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("admin token in {}", shown(&folder.folder.join("admin.token")));
    serve::serve(hub, listener, stopped()).await?;
    println!("stopped; everything acknowledged is on disk");
    Ok(())
}

fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Waits for ctrl-c or, where there is one, SIGTERM.
async fn stopped() {
    let interrupt = async {
        // Without a handler the signal ends the process at once, which loses nothing either.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await;
}
