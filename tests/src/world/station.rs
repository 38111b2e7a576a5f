//! A hub in this process, on a disk of its own, and the clerk who works at it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use lastmile_core::Fen;
use lastmile_core::command::Command;
use lastmile_core::id::{CourierNo, DeviceId, SiteId, StationId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::Person;
use lastmile_core::sync::wire::{EnrolRequest, Enrolment, SessionGrant, SessionRequest};
use lastmile_core::time::Entropy;
use lastmile_core::waybill::Waybill;
use lastmile_hub::gateway::MessageGateway;
use lastmile_hub::store::SqliteStore;
use lastmile_hub::{Hub, Keys, MemoryMedia, Parts, Request, Response, Settings};
use serde_json::json;

use super::{FakeClock, SeededEntropy, TrueTime};
use crate::disk::Disk;

/// Everything a hub holds.
pub struct Everything {
    /// Events with a place, in lane order: lane, position, bytes.
    pub placed: Vec<(String, u64, Vec<u8>)>,
    /// Events without one.
    pub parked: Vec<Vec<u8>>,
    /// The hub's own fold of each lane, JSON.
    pub states: BTreeMap<String, serde_json::Value>,
}

/// The hub and its clerk.
pub struct Station {
    /// The station's id.
    pub id: StationId,
    disk: Disk,
    clock: FakeClock,
    entropy: SeededEntropy,
    keys: Keys,
    media: Arc<MemoryMedia>,
    clerk_token: String,
    hub: Hub,
}

impl Station {
    /// Starts a hub on an empty disk.
    pub fn new(time: &TrueTime, seed: u64) -> Self {
        let (disk, clock) = (Disk::new(), FakeClock::new(time, 1));
        let entropy = SeededEntropy::new(seed ^ 0x5747_4154_494f_4e00);
        let keys = Keys::generate(&entropy);
        let media = Arc::new(MemoryMedia::default());
        let hub = open(&disk, &clock, &entropy, &keys, &media);
        let id = StationId::new("JL31").expect("a plain id");
        let clerk = lastmile_core::id::ClerkNo::new("clerk-1").expect("a plain number");
        let clerk_token = hub.new_clerk(clerk, Some(id.clone())).expect("a hub on a good disk");
        Self { id, disk, clock, entropy, keys, media, clerk_token, hub }
    }

    /// Has the hub do by itself what is due; what it sends goes by `gateway`.
    pub fn do_chores(&self, gateway: &dyn MessageGateway) {
        while self.hub.do_chores(gateway).expect("a hub on a good disk") > 0 {}
    }

    /// Asks the hub, as the network would.
    pub fn ask(&self, request: &Request) -> Response {
        self.hub.handle(request)
    }

    /// The hub's machine loses power and starts again. Media lie on another machine.
    pub fn restart(&mut self, rng: &mut Rng) {
        self.disk.power_loss(rng);
        self.hub = open(&self.disk, &self.clock, &self.entropy, &self.keys, &self.media);
    }

    /// Takes a backup of the hub's database.
    pub fn backup(&self) -> Disk {
        self.disk.duplicate()
    }

    /// The database is lost, and one goes on from a backup.
    pub fn restore(&mut self, backup: Disk) {
        self.disk = backup;
        self.hub = open(&self.disk, &self.clock, &self.entropy, &self.keys, &self.media);
        self.hub.new_epoch().expect("a hub on a good disk");
    }

    fn clerk(&self, method: &str, path: &str) -> Request {
        Request::new(method, path).bearer(&self.clerk_token)
    }

    /// Gives the hub a clerk's command; returns the HTTP status.
    pub fn command(&self, command: &Command) -> u16 {
        self.ask(&self.clerk("POST", "/v1/clerk/commands").json(command)).status
    }

    /// Sends the hub a clerk's request with a JSON body; `null` sends none.
    pub fn desk(&self, method: &str, path: &str, body: &serde_json::Value) -> Response {
        let request = self.clerk(method, path);
        self.ask(&if body.is_null() { request } else { request.json(body) })
    }

    /// Gives the hub a policy pack, as `serve --policy` does.
    pub fn adopt_policy(&self, pack: &str) -> lastmile_hub::Result<u32> {
        self.hub.adopt_policy(pack)
    }

    fn must(&self, request: &Request) {
        let answer = self.ask(request);
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
    }

    fn must_command(&self, command: &Command) {
        self.must(&self.clerk("POST", "/v1/clerk/commands").json(command));
    }

    /// Lets a clerk release one of the parked events. Returns false if there is none, or if it
    /// can only be exported.
    pub fn release_one(&self, rng: &mut Rng) -> bool {
        let answer = self.ask(&self.clerk("GET", "/v1/clerk/parked"));
        let list: serde_json::Value =
            serde_json::from_slice(&answer.body).expect("a list of parked events");
        let Some(parked) = list["parked"].as_array().filter(|parked| !parked.is_empty()) else {
            return false;
        };
        let row = &parked[rng.usize(..parked.len())]["row"];
        let path = format!("/v1/clerk/parked/{row}/release");
        self.ask(&self.clerk("POST", &path)).status < 300
    }

    /// Announces a parcel; a few are for the door only.
    pub fn announce(&self, waybill: &Waybill, recipient: Person, sender: Person, rng: &mut Rng) {
        self.must_command(&Command::Announce {
            waybill: waybill.clone(),
            recipient,
            sender,
            goods: GoodsFlags { door_only: rng.u8(..10) == 0, ..GoodsFlags::default() },
            promise_ms: None,
            freight: Fen(1200),
            insured: None,
        });
    }

    /// Gives a parcel to a courier.
    pub fn assign(&self, waybill: &Waybill, courier: &CourierNo) {
        self.must_command(&Command::Assign { waybill: waybill.clone(), courier: courier.clone() });
    }

    /// Enrols a phone of a courier.
    pub fn enrol(&self, courier: &CourierNo, public_key: Option<String>) -> Enrolment {
        let code =
            self.hub.new_code(courier.clone(), self.id.clone()).expect("a hub on a good disk");
        let request = Request::new("POST", "/v1/enrol").json(&EnrolRequest { code, public_key });
        let answer = self.ask(&request);
        serde_json::from_slice(&answer.body).expect("an enrolment")
    }

    /// Signs a courier in again; returns the new session token.
    pub fn new_session(&self, enrolment: &Enrolment) -> String {
        let code = self
            .hub
            .new_code(enrolment.courier.clone(), self.id.clone())
            .expect("a hub on a good disk");
        let request = Request::new("POST", "/v1/session")
            .bearer(&enrolment.device_token)
            .json(&SessionRequest { code });
        let grant: SessionGrant =
            serde_json::from_slice(&self.ask(&request).body).expect("a session");
        grant.session_token
    }

    /// Ends a courier's session.
    pub fn end_session(&self, enrolment: &Enrolment) {
        let request = Request::new("DELETE", "/v1/session")
            .bearer(&enrolment.device_token)
            .header("Lastmile-Session", &enrolment.session_token);
        self.ask(&request);
    }

    /// Puts a device under quarantine or takes it out.
    pub fn quarantine(&self, device: DeviceId, quarantined: bool) {
        let path = format!("/v1/clerk/devices/{device}/quarantine");
        self.must(&self.clerk("POST", &path).json(&json!({ "quarantined": quarantined })));
    }

    /// Opens the hub's file beside the hub, without the hub's own code.
    ///
    /// # Panics
    /// If the disk fails.
    pub fn database(&self) -> rusqlite::Connection {
        self.disk.open("hub.db").expect("a good disk")
    }

    /// Reads everything the hub holds straight from its file, without the hub's own code.
    ///
    /// # Panics
    /// If the file is not the hub's.
    pub fn everything(&self) -> Everything {
        let db = self.database();
        let read = |sql: &str| -> Vec<(String, u64, Vec<u8>)> {
            let mut rows = db.prepare(sql).expect("the hub's schema");
            let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            rows.and_then(Iterator::collect).expect("the hub's rows")
        };
        let placed = read(
            "SELECT l.key, e.lane_seq, e.bytes FROM event e JOIN lane l ON l.row = e.lane
             WHERE e.lane_seq IS NOT NULL ORDER BY l.key, e.lane_seq",
        );
        let parked = read("SELECT '', 0, bytes FROM event WHERE lane_seq IS NULL");
        let states = read("SELECT key, 0, CAST(state AS BLOB) FROM lane WHERE state IS NOT NULL");
        Everything {
            placed,
            parked: parked.into_iter().map(|(_, _, bytes)| bytes).collect(),
            states: states
                .into_iter()
                .map(|(lane, _, state)| {
                    (lane, serde_json::from_slice(&state).expect("a state is JSON"))
                })
                .collect(),
        }
    }

    /// Opens a few storage sites and returns them.
    pub fn open_sites(&self) -> Vec<SiteId> {
        let sites =
            [("LOCKER-1", "locker"), ("DESK-1", "property_desk"), ("GATE", "unattended_public")];
        let list: Vec<_> = sites
            .iter()
            .map(|(id, kind)| {
                json!({ "id": id, "name": id, "kind": kind, "hours": "8-20", "keeps_h": 48 })
            })
            .collect();
        let directory = json!({
            "version": 2, "station": self.id, "station_phone": "0432-0000000",
            "station_lng": 126.566, "station_lat": 43.87, "sites": list,
        });
        self.must(&self.clerk("PUT", "/v1/clerk/directory").json(&directory));
        sites.iter().map(|(id, _)| SiteId::new(*id).expect("a plain id")).collect()
    }
}

fn open(
    disk: &Disk,
    clock: &FakeClock,
    entropy: &SeededEntropy,
    keys: &Keys,
    media: &Arc<MemoryMedia>,
) -> Hub {
    let path = disk.path("hub.db");
    let store = SqliteStore::open_with_vfs(Path::new(&path), Disk::VFS).expect("a good disk");
    Hub::new(Parts {
        store: Box::new(store),
        media: media.clone(),
        keys: keys.clone(),
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(entropy.clone()) as Arc<dyn Entropy>,
        settings: Settings::default(),
    })
    .expect("a good disk")
}
