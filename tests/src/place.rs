//! A real hub that serves over HTTP in a folder of its own, and one phone enrolled at it: for tests
//! with real files and real processes.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lastmile_core::id::{CourierNo, StationId};
use lastmile_core::sync::wire::{EnrolRequest, Enrolment};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_core::{Courier, Options};
use lastmile_hub::client::{self, Client};
use lastmile_hub::{Hub, Settings, serve};

use crate::world::key;

/// Where they are. The hub stops, and everything is deleted, when this is dropped.
pub struct Place {
    running: serve::Background,
    hub: Arc<Hub>,
    /// The phone's enrolment.
    pub enrolment: Enrolment,
    folder: tempfile::TempDir,
}

impl Place {
    /// Starts the hub and enrols courier 4849 at station JL31.
    #[expect(clippy::new_without_default, reason = "it starts a server")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SystemClock::new(480));
        let (home, settings) = (folder.path().join("hub"), Settings::default());
        let hub = Hub::in_folder(&home, clock, Arc::new(SystemEntropy), settings).expect("a hub");
        let hub = Arc::new(hub);
        let running = serve::in_background(hub.clone()).expect("a free port");
        let (courier, station) = (CourierNo::new("4849"), StationId::new("JL31"));
        let code = hub.new_code(courier.expect("a number"), station.expect("a station"));
        let request = EnrolRequest { code: code.expect("a code"), public_key: None };
        let enrolment = client::enrol(running.url(), &request).expect("an enrolment");
        let place = Self { running, hub, enrolment, folder };
        let text = serde_json::to_vec(&place.enrolment).expect("plain data");
        std::fs::write(place.enrolment_file(), text).expect("room for it");
        place
    }

    /// Where the hub listens.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The hub that serves.
    pub fn serving(&self) -> &Hub {
        &self.hub
    }

    /// The folder around everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The hub's folder.
    pub fn hub(&self) -> PathBuf {
        self.folder().join("hub")
    }

    /// The phone's folder.
    pub fn phone(&self) -> PathBuf {
        self.folder().join("phone")
    }

    fn enrolment_file(&self) -> PathBuf {
        self.folder().join("enrolment.json")
    }

    /// Opens the phone's store in this process.
    pub fn open(&self) -> lastmile_core::Result<Courier> {
        self.open_in(&self.phone())
    }

    /// Opens a copy of the phone's store.
    pub fn open_in(&self, folder: &Path) -> lastmile_core::Result<Courier> {
        Courier::open(Options::folder(folder, key(), 480), self.enrolment.identity())
    }

    /// The phone's way to a server.
    pub fn client(&self, url: &str) -> Client {
        Client::new(url, &self.enrolment)
    }

    /// A process that opens the phone's store by [`open_as_told`] and reaches the hub at `url`.
    pub fn process(&self, program: &str, url: &str) -> Command {
        let mut command = Command::new(program);
        command.args([self.phone(), url.into(), self.enrolment_file()]);
        command
    }
}

/// Opens the store that a [`process`](Place::process) was told of, and the way to its hub.
pub fn open_as_told() -> Result<(Courier, Client), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: PROGRAM FOLDER HUB ENROLMENT");
    let (folder, hub, file) = (next()?, next()?, next()?);
    let enrolment: Enrolment = serde_json::from_slice(&std::fs::read(file)?)?;
    let courier = Courier::open(Options::folder(folder, key(), 480), enrolment.identity())?;
    Ok((courier, Client::new(&hub, &enrolment)))
}
