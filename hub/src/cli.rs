//! The commands.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use lastmile_core::id::{ClerkNo, CourierNo, Digest, StationId};
use lastmile_core::time::{Clock as _, SystemClock, SystemEntropy};
use lastmile_hub::gateway::{FolderGateway, MessageGateway, Webhook};
use lastmile_hub::store::SqliteStore;
use lastmile_hub::{Bundle, Hub, Settings, conform, demo, serve, verify};

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
    ///
    /// It speaks plain HTTP: beyond this machine, put a proxy with TLS in front of it.
    Serve {
        #[command(flatten)]
        hub: Folder,
        /// Address and port to listen on.
        #[arg(long, default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// The company's policy pack, adopted if it is newer than the one in force.
        #[arg(long)]
        policy: Option<PathBuf>,
        /// Where notices to customers are posted, as JSON; without it they go into `outbox` in the
        /// hub's folder, a file each.
        #[arg(long)]
        messages: Option<String>,
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
    /// Check the evidence bundle of a parcel, offline: what it proves and what it does not.
    Verify {
        /// The bundle, from `GET /v1/clerk/bundle/{waybill}`. Its media files may lie beside it,
        /// each named by its SHA-256.
        bundle: PathBuf,
        /// A file with the root key as phones pinned it, in hexadecimal.
        #[arg(long)]
        root: Option<PathBuf>,
    },
    /// Print the root key that phones pin and bundles are checked with.
    RootKey {
        #[command(flatten)]
        hub: Folder,
    },
    /// Play a real courier's day on this machine: five phones, a real hub, a bad signal.
    Demo(demo::Args),
    /// Ask a server, ours or another one, whether it keeps to docs/protocol.md.
    Conform(conform::Args),
    /// Write a copy of the database to a file, while the hub serves. From then on phones keep what
    /// is in no copy yet.
    Backup {
        #[command(flatten)]
        hub: Folder,
        /// The file to write; nothing may be there yet.
        to: PathBuf,
    },
    /// Put a copy in the place of the database, which is set aside. The hub must not be running.
    Restore {
        #[command(flatten)]
        hub: Folder,
        /// The copy.
        from: PathBuf,
    },
    /// Say that the database was restored by other means: every phone then offers again what it
    /// may lack. `restore` does so by itself.
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
    /// Opens a hub that was started before: a folder mistyped must not become a second hub.
    fn open_existing(&self) -> Result<Hub, Failure> {
        if !self.folder.join("hub.db").is_file() {
            let folder = shown(&self.folder);
            return Err(format!("there is no hub in {folder}; start it once with serve").into());
        }
        Ok(self.open()?)
    }

    /// Makes sure that no other process serves from this folder, for as long as the file is held.
    fn lock(&self) -> Result<std::fs::File, Failure> {
        std::fs::create_dir_all(&self.folder)?;
        let file = std::fs::File::create(self.folder.join("hub.lock"))?;
        file.try_lock().map_err(|_| {
            format!("a hub serves from {} already; stop it first", shown(&self.folder))
        })?;
        Ok(file)
    }

    fn open(&self) -> lastmile_hub::Result<Hub> {
        let clock = Arc::new(SystemClock::new(self.utc_offset_min));
        Hub::in_folder(&self.folder, clock, Arc::new(SystemEntropy), Settings::default())
    }
}

impl Cli {
    /// Returns how much is logged unless `RUST_LOG` says otherwise: the demo's bars want a clean
    /// screen, and the kit makes the very mistakes that a hub warns of.
    pub(crate) fn log_level(&self) -> &'static str {
        match self.command {
            Command::Demo(_) => "warn",
            Command::Conform(_) => "error",
            _ => "info",
        }
    }
}

type Failure = Box<dyn std::error::Error>;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve { hub, listen, policy, messages } => {
            let gateway: Arc<dyn MessageGateway> = match messages {
                Some(url) => Arc::new(Webhook::new(url)),
                None => Arc::new(FolderGateway::new(&hub.folder.join("outbox"))),
            };
            start(&hub, gateway, listen, policy.as_deref())?;
        }
        Command::Code { hub, courier, station } => {
            let (courier, station) = (CourierNo::new(courier)?, StationId::new(station)?);
            println!("{}", hub.open_existing()?.new_code(courier, station)?);
        }
        Command::Clerk { hub, clerk, station } => {
            let (clerk, station) = (ClerkNo::new(clerk)?, StationId::new(station)?);
            println!("{}", hub.open_existing()?.new_clerk(clerk, Some(station))?);
        }
        Command::Verify { bundle, root } => return check(&bundle, root.as_deref()),
        Command::RootKey { hub } => println!("{}", hub.open_existing()?.root_key()),
        Command::Demo(args) => return Ok(demo::run(&args)),
        Command::Conform(args) => return Ok(conform::run(&args)),
        Command::Backup { hub, to } => {
            hub.open_existing()?;
            SqliteStore::open(&hub.folder.join("hub.db"))?.back_up(&to)?;
            println!("{} holds everything up to now, without media files", shown(&to));
        }
        Command::Restore { hub, from } => restore(&hub, &from)?,
        Command::NewEpoch { hub } => println!("{}", hub.open_existing()?.new_epoch()?),
    }
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, root: Option<&Path>) -> Result<ExitCode, Failure> {
    let unread = |error| format!("{} cannot be read: {error}", path.display());
    let text = std::fs::read(path).map_err(unread)?;
    let bundle: Bundle =
        serde_json::from_slice(&text).map_err(|_| "the file is not an evidence bundle")?;
    let root = root.map(std::fs::read_to_string).transpose()?;
    let beside = path.parent().unwrap_or(Path::new("."));
    let hash = |sha256: &Digest| {
        let bytes = std::fs::read(beside.join(sha256.to_string())).ok()?;
        Some(Digest::of(&[&bytes]))
    };
    let report = verify(&bundle, root.as_deref(), &hash);
    println!("Evidence for parcel {}", bundle.waybill);
    for (title, lines) in
        [("Proven", &report.proven), ("Not proven", &report.not_proven), ("FAILED", &report.failed)]
    {
        if !lines.is_empty() {
            println!("\n{title}:");
        }
        for line in lines {
            println!("  - {line}");
        }
    }
    println!(
        "\n{}",
        if report.holds() { "The bundle holds." } else { "The bundle does NOT hold." }
    );
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sets the database aside, with all that belongs to it, and goes on with a copy.
fn restore(hub: &Folder, from: &Path) -> Result<(), Failure> {
    let _stopped = hub.lock()?;
    let db = hub.folder.join("hub.db");
    let copy = hub.folder.join("hub.db.new");
    // Read as a whole before anything is moved: a copy that cannot be opened restores nothing.
    std::fs::copy(from, &copy)
        .map_err(|error| format!("{} cannot be copied: {error}", from.display()))?;
    std::fs::File::open(&copy)?.sync_all()?;
    drop(SqliteStore::open(&copy).map_err(|error| format!("{}: {error}", from.display()))?);
    let now = SystemClock::new(0).read().wall_ms;
    for part in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let part = hub.folder.join(part);
        if part.exists() {
            let mut aside = part.clone().into_os_string();
            aside.push(format!(".aside-{now}"));
            std::fs::rename(&part, aside)?;
        }
    }
    std::fs::rename(&copy, &db)?;
    std::fs::File::open(&hub.folder)?.sync_all()?;
    let epoch = hub.open()?.new_epoch()?;
    println!(
        "restored as epoch {epoch}; phones offer again what the copy lacks, and what clerks did \
         since is listed at GET /v1/clerk/lost once phones have told it"
    );
    Ok(())
}

#[tokio::main]
async fn start(
    folder: &Folder,
    gateway: Arc<dyn MessageGateway>,
    listen: SocketAddr,
    policy: Option<&Path>,
) -> Result<(), Failure> {
    let _serving = folder.lock()?;
    let hub = Arc::new(folder.open()?);
    if let Some(path) = policy {
        let unread = |error| format!("{} cannot be read: {error}", path.display());
        hub.adopt_policy(&std::fs::read_to_string(path).map_err(unread)?)?;
    }
    let listener = tokio::net::TcpListener::bind(listen).await?;
    say(&format!(
        "listening on http://{}\nadmin token in {}\n",
        listener.local_addr()?,
        shown(&folder.folder.join("admin.token"))
    ));
    serve::serve(hub, gateway, listener, stopped()).await?;
    say("stopped; everything acknowledged is on disk\n");
    Ok(())
}

/// Prints a message. Whoever started the hub may have stopped listening; it serves on.
fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
