//! A hub in this process, on a disk of its own, and the clerk who works at it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use lastmile_core::Fen;
use lastmile_core::command::Command;
use lastmile_core::id::{CourierNo, DeviceId, Digest, SiteId, StationId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::{Person, VaultRef};
use lastmile_core::sync::wire::{EnrolRequest, Enrolment, SessionGrant, SessionRequest};
use lastmile_core::waybill::Waybill;
use lastmile_hub::gateway::MessageGateway;
use lastmile_hub::store::SqliteStore;
use lastmile_hub::{Hub, Keys, MediaStore as _, MemoryMedia, Parts, Request, Response, Settings};
use serde_json::json;
use uuid::Uuid;

use super::{AtHub, FakeClock, SeededEntropy, TrueTime, at_hub};
use crate::disk::Disk;

/// Everything a hub holds.
pub struct Everything {
    /// Events with a place, in lane order: lane, position, bytes.
    pub placed: Vec<(String, u64, Vec<u8>)>,
    /// Events without one.
    pub parked: Vec<Vec<u8>>,
    /// The hub's own fold of each lane, JSON.
    pub states: BTreeMap<String, serde_json::Value>,
    /// All events in the order of their devices' chains.
    pub chained: Vec<Chained>,
    /// What each courier is sent, in order.
    pub feed: Vec<Sent>,
    /// Whose persons and texts it has, with their lanes.
    pub vault: BTreeMap<VaultRef, String>,
}

/// An event in its device's chain.
pub struct Chained {
    /// The device.
    pub device: DeviceId,
    /// Its lane; empty for bytes that are no event.
    pub lane: String,
    /// Its position in its lane, or why it has none.
    pub place: Result<u64, String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An event in a courier's feed.
pub struct Sent {
    /// Who is sent it.
    pub courier: CourierNo,
    /// Its lane.
    pub lane: String,
    /// Its position in its lane.
    pub lane_seq: u64,
    /// He may see what it says.
    pub shown: bool,
    /// The device that wrote it.
    pub device: DeviceId,
    /// The bytes.
    pub bytes: Vec<u8>,
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
    settings: Settings,
    clerk_token: String,
    /// Takes previews, as hubs of the first release do not.
    previews: bool,
    hub: Hub,
}

impl Station {
    /// Starts a hub on an empty disk.
    pub fn new(time: &TrueTime, seed: u64) -> Self {
        Self::with(time, seed, Settings::default())
    }

    /// Starts a hub with these numbers on an empty disk.
    pub fn with(time: &TrueTime, seed: u64, settings: Settings) -> Self {
        let (disk, clock) = (Disk::new(), FakeClock::new(time, 1));
        let entropy = SeededEntropy::new(seed ^ 0x5747_4154_494f_4e00);
        let keys = Keys::generate(&AtHub(entropy.clone()));
        let media = Arc::new(MemoryMedia::default());
        let hub = open(&disk, &clock, &entropy, &keys, &media, &settings);
        let id = StationId::new("JL31").expect("a plain id");
        let clerk = at_hub(&"clerk-1");
        let clerk_token = hub.new_clerk(clerk, Some(at_hub(&id))).expect("a hub on a good disk");
        let previews = true;
        Self { id, disk, clock, entropy, keys, media, settings, clerk_token, previews, hub }
    }

    /// Has the hub do by itself what is due; what it sends goes by `gateway`.
    pub fn do_chores(&self, gateway: &dyn MessageGateway) {
        while self.hub.do_chores(gateway).expect("a hub on a good disk") > 0 {}
    }

    /// From now on the hub knows no previews, like one of the first release.
    pub fn refuse_previews(&mut self) {
        self.previews = false;
    }

    /// Asks the hub, as the network would.
    pub fn ask(&self, request: &Request) -> Response {
        if !self.previews && request.path.starts_with("/v1/media/previews/") {
            return Response::new(404);
        }
        self.hub.handle(request)
    }

    /// The hub's machine loses power and starts again. Media lie on another machine.
    pub fn restart(&mut self, rng: &mut Rng) {
        self.disk.power_loss(rng);
        self.open();
    }

    /// Asks a hub that loses power within so many storage calls, or right after its answer; then it
    /// starts again. `None` if it fell before it could answer.
    pub fn ask_while_it_falls(
        &mut self,
        request: &Request,
        calls: u64,
        rng: &mut Rng,
    ) -> Option<Response> {
        self.disk.crash_after(calls);
        let answer = self.ask(request);
        let answer = (!self.disk.crashed()).then_some(answer);
        self.restart(rng);
        answer
    }

    fn open(&mut self) {
        let Self { disk, clock, entropy, keys, media, settings, .. } = self;
        self.hub = open(disk, clock, entropy, keys, media, settings);
    }

    /// Tells whether the media store has a device's file, and its bytes hash to its name.
    ///
    /// # Panics
    /// If the media store fails.
    pub fn has_photo(&self, device: DeviceId, sha256: &Digest) -> bool {
        let mut bytes = Vec::new();
        self.media.open(at_hub(&device), &at_hub(sha256)).is_ok_and(|mut file| {
            file.read_to_end(&mut bytes).expect("it lies in memory");
            Digest::of(&[&bytes]) == *sha256
        })
    }

    /// Takes a backup of the hub's database.
    pub fn backup(&self) -> Disk {
        self.disk.duplicate()
    }

    /// Makes another station that goes on from all that this one has but its photos.
    #[must_use]
    pub fn twin(&self) -> Self {
        let Self { id, clock, keys, settings, clerk_token, .. } = self;
        let entropy = self.entropy.twin();
        let (disk, media) = (self.disk.duplicate(), Arc::new(MemoryMedia::default()));
        let hub = open(&disk, clock, &entropy, keys, &media, settings);
        Self {
            id: id.clone(),
            disk,
            clock: clock.clone(),
            entropy,
            keys: keys.clone(),
            media,
            settings: settings.clone(),
            clerk_token: clerk_token.clone(),
            previews: self.previews,
            hub,
        }
    }

    /// The database is lost, and one goes on from a backup.
    pub fn restore(&mut self, backup: Disk) {
        self.disk = backup;
        self.open();
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

    /// Sends the hub the bytes of a manifest.
    pub fn import(&self, manifest: Vec<u8>) -> Response {
        self.ask(&self.clerk("POST", "/v1/clerk/manifest").with_body(manifest))
    }

    /// Imports the morning's parcels.
    ///
    /// # Panics
    /// If anything in the list is wrong.
    pub fn must_import(&self, manifest: &serde_json::Value) {
        self.must(&self.clerk("POST", "/v1/clerk/manifest").json(manifest));
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

    /// Lets a clerk release one of the parked events. Returns whether it could be: not what stands
    /// behind another, nor what can only be exported.
    pub fn release_one(&self, rng: &mut Rng) -> bool {
        let answer = self.ask(&self.clerk("GET", "/v1/clerk/parked"));
        let list: serde_json::Value =
            serde_json::from_slice(&answer.body).expect("a list of parked events");
        let parked = list["parked"].as_array().map(Vec::as_slice).unwrap_or_default();
        if parked.is_empty() {
            return false;
        }
        let path = format!("/v1/clerk/parked/{}/release", parked[rng.usize(..parked.len())]["row"]);
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
            self.hub.new_code(at_hub(courier), at_hub(&self.id)).expect("a hub on a good disk");
        let request = Request::new("POST", "/v1/enrol").json(&EnrolRequest { code, public_key });
        let answer = self.ask(&request);
        serde_json::from_slice(&answer.body).expect("an enrolment")
    }

    /// Signs a courier in again; returns the new session token.
    pub fn new_session(&self, enrolment: &Enrolment) -> String {
        let code = self
            .hub
            .new_code(at_hub(&enrolment.courier), at_hub(&self.id))
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
        let id = |blob: Vec<u8>| DeviceId(Uuid::from_slice(&blob).expect("a device's id"));
        let mut rows = db
            .prepare(
                "SELECT d.id, coalesce(l.key, ''), e.lane_seq, coalesce(e.parked, ''), e.bytes
                 FROM event e JOIN device d ON d.row = e.device LEFT JOIN lane l ON l.row = e.lane
                 ORDER BY e.device, e.incarnation, e.seq",
            )
            .expect("the hub's schema");
        let chained = rows.query_map([], |row| {
            Ok(Chained {
                device: id(row.get(0)?),
                lane: row.get(1)?,
                place: row.get::<_, Option<u64>>(2)?.ok_or(row.get(3)?),
                bytes: row.get(4)?,
            })
        });
        let chained = chained.and_then(Iterator::collect).expect("the hub's events");
        let mut rows = db
            .prepare(
                "SELECT c.no, l.key, e.lane_seq, f.sight, d.id, e.bytes
                 FROM feed f JOIN courier c ON c.row = f.courier JOIN event e ON e.row = f.event
                 JOIN lane l ON l.row = e.lane JOIN device d ON d.row = e.device
                 ORDER BY f.courier, f.pos",
            )
            .expect("the hub's schema");
        let feed = rows.query_map([], |row| {
            Ok(Sent {
                courier: CourierNo::new(row.get::<_, String>(0)?).expect("a courier's number"),
                lane: row.get(1)?,
                lane_seq: row.get(2)?,
                shown: row.get::<_, u8>(3)? > 0,
                device: id(row.get(4)?),
                bytes: row.get(5)?,
            })
        });
        let feed = feed.and_then(Iterator::collect).expect("the hub's feeds");
        let mut rows = db.prepare("SELECT ref, lane FROM vault").expect("the hub's schema");
        let vault = rows.query_map([], |row| {
            let reference = Digest::from_slice(&row.get::<_, Vec<u8>>(0)?).expect("a digest");
            Ok((VaultRef(reference), row.get(1)?))
        });
        Everything {
            chained,
            feed,
            vault: vault.and_then(Iterator::collect).expect("the hub's vault"),
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
    settings: &Settings,
) -> Hub {
    let path = disk.path("hub.db");
    let store = SqliteStore::open_with_vfs(Path::new(&path), Disk::VFS).expect("a good disk");
    Hub::new(Parts {
        store: Box::new(store),
        media: media.clone(),
        keys: keys.clone(),
        clock: Arc::new(AtHub(clock.clone())),
        entropy: Arc::new(AtHub(entropy.clone())),
        settings: settings.clone(),
    })
    .expect("a good disk")
}
