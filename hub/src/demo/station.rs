//! The station: a real hub on loopback, and the clerk who works at it over HTTP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use lastmile_core::Command;
use lastmile_core::complaint::ComplaintStage;
use lastmile_core::delivery::Channel;
use lastmile_core::directory::{Directory, Site};
use lastmile_core::event::Lane;
use lastmile_core::exception_report::{CaseDuty, CaseStage, Cause, Decision};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{ClerkNo, CourierNo, DeviceId, Digest, SiteId, StationId};
use lastmile_core::parcel::FreezeReason;
use lastmile_core::privacy::VaultBody;
use lastmile_core::temporary_storage::{CodeIssuer, SiteKind};
use lastmile_core::time::SystemEntropy;
use lastmile_core::waybill::Waybill;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Trouble;
use super::day::Day;
use super::machine::{PlayedClock, PlayedTime};
use super::people::{self, Role};
use crate::client::{self, Ask};
use crate::gateway::FolderGateway;
use crate::{Hub, Settings, serve};

/// Parcels in one request of the import.
const IMPORT_AT_ONCE: usize = 500;
/// Lanes on one page of a list.
const PAGE: usize = 1000;
const HOUR_MS: i64 = 3_600_000;

/// The one storage site of every station.
pub fn site() -> Result<Site, Trouble> {
    Ok(Site {
        id: SiteId::new("YZ-01")?,
        name: "松柳路驿站".to_owned(),
        kind: SiteKind::Station,
        takes_fresh: false,
        takes_valuable: false,
        takes_damaged: false,
        codes: CodeIssuer::Site,
        hours: "08:00-21:00".to_owned(),
        keeps_h: 72,
    })
}

/// A hub that serves on a thread of its own.
pub struct Station {
    base: String,
    admin_token: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Station {
    /// Starts a hub in `folder` on a free port of loopback.
    pub fn open(folder: &Path, time: &PlayedTime) -> Result<Self, Trouble> {
        let clock = PlayedClock::new(time, Uuid::from_u128(1));
        let hub = Hub::in_folder(folder, clock, Arc::new(SystemEntropy), Settings::default())?;
        let admin_token = std::fs::read_to_string(folder.join("admin.token"))?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address))?;
        let base = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let gateway = Arc::new(FolderGateway::new(&folder.join("outbox")));
        let thread = std::thread::spawn(move || {
            runtime.block_on(serve::serve(Arc::new(hub), gateway, listener, async move {
                // Whether it is told to stop or nobody is left to tell it, it stops.
                let _ = stopped.await;
            }))
        });
        Ok(Self { base, admin_token: admin_token.trim().to_owned(), stop, thread })
    }

    /// Makes the stations of a day known and gives each a clerk.
    pub fn clerk(&self, day: &Day) -> Result<Clerk, Trouble> {
        let agent = client::agent();
        let mut tokens = BTreeMap::new();
        for worker in &day.couriers {
            let url = format!("{}/v1/clerk/clerks", self.base);
            let admin = Ask::new("POST", &url).token(&self.admin_token);
            let admin = admin.header("lastmile-station", worker.station.as_str());
            let body = json!({ "clerk": ClerkNo::new("desk-1")?, "station": worker.station });
            let granted: Granted = admin.json(&body).read(&agent)?;
            tokens.insert(worker.station.clone(), granted.token);
        }
        let clerk = Clerk { agent, base: self.base.clone(), tokens };
        for station in clerk.tokens.keys() {
            let place = day.stations.get(station).copied().flatten();
            let directory = Directory {
                station_phone: "0432-00000000".to_owned(),
                station_lng: place.map(|place| place.lng),
                station_lat: place.map(|place| place.lat),
                sites: vec![site()?],
                ..Directory::empty(station.clone())
            };
            let _: Directory = clerk.send("PUT", station, "directory", &directory)?;
        }
        Ok(clerk)
    }

    /// Stops the hub; what it acknowledged is on disk.
    pub fn close(self) -> Result<(), Trouble> {
        // A server that has stopped already hears nothing.
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(served) => Ok(served?),
            Err(_) => Err("the hub's thread ended badly".into()),
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    token: String,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Item {
    lane: Lane,
    state: LaneState,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
    next: Option<String>,
}

/// One lane, as the hub shows it to a clerk.
#[derive(Deserialize)]
pub struct LaneView {
    /// Its events with a place, in order.
    pub events: Vec<EventView>,
    /// The vault entries they point at, by digest.
    pub vault: BTreeMap<String, VaultBody>,
}

/// One event of a lane.
#[derive(Deserialize)]
pub struct EventView {
    /// The device that recorded it.
    pub device: DeviceId,
    /// Its exact bytes.
    pub line: Box<RawValue>,
}

/// The clerk at his desk; one token per station.
pub struct Clerk {
    agent: ureq::Agent,
    base: String,
    tokens: BTreeMap<StationId, String>,
}

impl Clerk {
    /// Returns where the hub answers.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn ask(&self, method: &str, station: &StationId, path: &str) -> Ask {
        let token = self.tokens.get(station).map_or("", String::as_str);
        Ask::new(method, &format!("{}/v1/clerk/{path}", self.base)).token(token)
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        station: &StationId,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Trouble> {
        Ok(self.ask(method, station, path).json(body).read(&self.agent)?)
    }

    fn command(&self, station: &StationId, command: &Command) -> Result<(), Trouble> {
        let _: Value = self.send("POST", station, "commands", command)?;
        Ok(())
    }

    /// Imports the morning's list: every parcel, its people and its courier.
    pub fn import(&self, day: &Day, seed: u64) -> Result<(), Trouble> {
        for station in self.tokens.keys() {
            let of_station = day.deliveries.iter().enumerate();
            let parcels: Vec<Value> = of_station
                .filter(|(_, delivery)| delivery.station == *station)
                .map(|(number, delivery)| {
                    let person = |role, place| people::person(seed, number, role, place);
                    json!({
                        "waybill": delivery.waybill,
                        "recipient": person(Role::Recipient, Some(delivery.address)),
                        "sender": person(Role::Sender, None),
                        "goods": { "fragile": delivery.script.dented },
                        "freight": 1200,
                        "courier": day.couriers[delivery.courier].no,
                    })
                })
                .collect();
            for parcels in parcels.chunks(IMPORT_AT_ONCE) {
                let body = json!({ "parcels": parcels });
                let _: Value = self.send("POST", station, "manifest", &body)?;
            }
        }
        Ok(())
    }

    /// Makes a one-time code for a courier's phone.
    pub fn new_code(&self, courier: &CourierNo, station: &StationId) -> Result<String, Trouble> {
        let body = json!({ "courier": courier });
        let code: Code = self.send("POST", station, "codes", &body)?;
        Ok(code.code)
    }

    /// Stops a parcel.
    pub fn stop(&self, station: &StationId, waybill: &Waybill) -> Result<(), Trouble> {
        let (waybill, reason) = (waybill.clone(), FreezeReason::Authority);
        self.command(station, &Command::Freeze { waybill, reason })
    }

    /// Lets a stopped parcel go on.
    pub fn release(&self, station: &StationId, waybill: &Waybill) -> Result<(), Trouble> {
        self.command(station, &Command::Release { waybill: waybill.clone() })
    }

    /// Goes through what is open: owns new exceptions, decides and resolves those he owns, and
    /// closes complaints whose customer was spoken to.
    pub fn look_after(&self, now_ms: i64) -> Result<(), Trouble> {
        for (station, item) in self.open("exceptions")? {
            let (Lane::Exception(case), LaneState::Exception(state)) = (item.lane, item.state)
            else {
                continue;
            };
            if state.stage == CaseStage::Reported {
                let (owner, next_action_ms) = (ClerkNo::new("desk-1")?, now_ms + HOUR_MS);
                self.command(station, &Command::Acknowledge { case, owner, next_action_ms })?;
                continue;
            }
            if state.stage == CaseStage::Acknowledged {
                let decision = Decision::Redeliver;
                self.command(station, &Command::DecideException { case, decision, note: None })?;
            }
            for duty in state.duties() {
                let done = match duty {
                    CaseDuty::Notify(party) => {
                        Command::NotifyParty { case, party, channel: Channel::Phone }
                    }
                    duty => {
                        Command::ExcuseDuty {
                            case, duty, reason: "收件人未当场拆封".to_owned()
                        }
                    }
                };
                self.command(station, &done)?;
            }
            self.command(station, &Command::ResolveException { case, cause: Cause::Operations })?;
        }
        for (station, item) in self.open("complaints")? {
            let (Lane::Complaint(case), LaneState::Complaint(state)) = (item.lane, item.state)
            else {
                continue;
            };
            if state.stage == ComplaintStage::FirstContacted {
                let outcome = "已致电说明,客户接受".to_owned();
                self.command(station, &Command::CloseComplaint { case, outcome })?;
            }
        }
        Ok(())
    }

    fn open(&self, kind: &str) -> Result<Vec<(&StationId, Item)>, Trouble> {
        self.all(kind, "&open=1")
    }

    /// Returns every exception case or complaint the hub has, page by page.
    pub fn cases(&self, kind: &str) -> Result<Vec<(&StationId, Lane)>, Trouble> {
        let items = self.all(kind, "")?;
        Ok(items.into_iter().map(|(station, item)| (station, item.lane)).collect())
    }

    fn all(&self, kind: &str, filter: &str) -> Result<Vec<(&StationId, Item)>, Trouble> {
        let mut found = Vec::new();
        for station in self.tokens.keys() {
            let mut after = String::new();
            loop {
                let path = format!("{kind}?limit={PAGE}&after={after}{filter}");
                let list: List = self.ask("GET", station, &path).read(&self.agent)?;
                found.extend(list.items.into_iter().map(|item| (station, item)));
                match list.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
        }
        Ok(found)
    }

    /// Returns everything the hub has about one lane.
    pub fn lane(&self, station: &StationId, lane: &Lane) -> Result<LaneView, Trouble> {
        Ok(self.ask("GET", station, &format!("lanes/{lane}")).read(&self.agent)?)
    }

    /// Returns a picture's bytes; `None` if the hub does not have all of it.
    pub fn picture(
        &self,
        station: &StationId,
        device: DeviceId,
        sha256: &Digest,
    ) -> Option<Vec<u8>> {
        self.ask("GET", station, &format!("media/{device}/{sha256}")).bytes(&self.agent).ok()
    }

    /// Returns the evidence bundle of a parcel, without people and texts.
    pub fn bundle(&self, station: &StationId, waybill: &Waybill) -> Result<Vec<u8>, Trouble> {
        Ok(self.ask("GET", station, &format!("bundle/{waybill}")).bytes(&self.agent)?)
    }
}
