//! Plays a morning of one courier with a released library and a released hub, and ends without
//! notice, as a phone does whose battery is empty: `leaves FOLDER`.
//!
//! What it leaves is kept in `tests/fixtures/stores`, and opened by every later release
//! (`tests/tests/upgrade.rs`). The folders are as they were, but for what means nothing without the
//! process: locks and shared memory.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::{
    AttemptFailure, Channel, HandoverMethod, IdentityCheck, IdentityMethod, Inspection, Party,
    ProofItem, ProofKind, RefusalClass,
};
use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::{CaseId, ClerkNo, CourierNo, ManifestId, StationId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::Person;
use lastmile_core::sync::wire::{EnrolRequest, Enrolment, Limits};
use lastmile_core::sync::{Auth, Body, Header, HubReply, Next, SyncChannel};
use lastmile_core::time::{Clock, ClockReading, SystemEntropy};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Command, Courier, DataKey, Fen, Options};
use lastmile_hub::{Hub, Request, Settings};
use serde_json::json;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// When the morning begins, UTC milliseconds. It ends within an hour.
const START_MS: i64 = 1_790_000_000_000;
const PARCELS: usize = 8;
/// Of a photo: more than one part.
const PHOTO_BYTES: usize = 5_000;
const PART_BYTES: u64 = 2_048;

/// Every name and text that the hub lacks when the morning ends.
const UNSENT: [&str; 5] =
    ["The box is open", "赵敏 4", "It came at night", "Not what was ordered", "The stairs are wet"];

/// A clock that goes on by ten seconds each time somebody looks.
struct Ticking {
    ms: AtomicI64,
    boot: u128,
}

impl Ticking {
    fn new(boot: u128) -> Arc<Self> {
        Arc::new(Self { ms: AtomicI64::new(START_MS), boot })
    }
}

impl Clock for Ticking {
    fn read(&self) -> ClockReading {
        let wall_ms = self.ms.fetch_add(10_000, Ordering::Relaxed);
        let boot_id = Uuid::from_u128(self.boot);
        ClockReading { wall_ms, offset_min: 480, boot_id, boot_ms: wall_ms - START_MS }
    }
}

struct Morning {
    folder: PathBuf,
    clock: Arc<Ticking>,
    hub: Hub,
    clerk: String,
    enrolment: Enrolment,
    courier: Courier,
}

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: leaves FOLDER")?);
    std::fs::create_dir_all(&folder)?;
    let mut morning = Morning::begin(&folder)?;
    morning.confirmed()?;
    let mut morning = morning.started_anew()?;
    morning.parked()?;
    morning.pending()?;
    morning.end()
}

fn open_hub(folder: &Path, clock: &Arc<Ticking>) -> Result<Hub> {
    let limits = Limits { media_chunk: PART_BYTES, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    Ok(Hub::in_folder(&folder.join("hub"), clock.clone(), Arc::new(SystemEntropy), settings)?)
}

impl Morning {
    /// The hub knows the parcels, and the courier signs in.
    fn begin(folder: &Path) -> Result<Self> {
        let (station, no) = (StationId::new("JL31")?, CourierNo::new("4849")?);
        let clock = Ticking::new(1);
        let hub = open_hub(folder, &clock)?;
        let clerk = hub.new_clerk(ClerkNo::new("clerk-1")?, Some(station.clone()))?;
        let act = |command: &Command| {
            let request = Request::new("POST", "/v1/clerk/commands").bearer(&clerk).json(command);
            let answer = hub.handle(&request);
            assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
        };
        for n in 1..=PARCELS {
            act(&Command::Announce {
                waybill: waybill(n),
                recipient: person("王小明", n),
                sender: person("李静", n),
                goods: GoodsFlags::default(),
                promise_ms: None,
                freight: Fen(1200),
                insured: None,
            });
            act(&Command::Assign { waybill: waybill(n), courier: no.clone() });
        }
        let code = hub.new_code(no, station)?;
        let request = EnrolRequest { code, public_key: None };
        let answer = hub.handle(&Request::new("POST", "/v1/enrol").json(&request));
        let enrolment: Enrolment = serde_json::from_slice(&answer.body)?;
        let key = DataKey::from_bytes(&[7; 32])?;
        let options = Options {
            capture_folder: None,
            clock: Ticking::new(2),
            reserve_bytes: 0,
            ..Options::folder(folder.join("phone"), key, 480)
        };
        let courier = Courier::open(options, enrolment.identity())?;
        let mut morning = Self { folder: folder.to_owned(), clock, hub, clerk, enrolment, courier };
        morning.sync(SyncChannel::Events, usize::MAX)?;
        Ok(morning)
    }

    /// What the hub has: the count, a hand-over with its photo, a case.
    fn confirmed(&mut self) -> Result<()> {
        let all: Vec<_> = (1..=PARCELS).map(waybill).collect();
        self.record(&Command::ReconcileManifest {
            manifest: ManifestId(Uuid::from_u128(1)),
            expected: all.clone(),
            scanned: all.clone(),
            damaged: Vec::new(),
        })?;
        self.record(&Command::TakeOut { waybills: all })?;
        let photo = self.photo(&Lane::Parcel(waybill(1)))?;
        self.record(&hand_over(1, ProofItem { kind: ProofKind::Photo, evidence: Some(photo) }))?;
        self.complain(2, "Where is it?")?;
        self.sync(SyncChannel::Events, usize::MAX)?;
        self.sync(SyncChannel::Media, usize::MAX)
    }

    /// Both are closed and opened: the databases hold what was, and the logs what comes.
    fn started_anew(self) -> Result<Self> {
        let Self { folder, clock, hub, clerk, enrolment, mut courier } = self;
        drop(hub);
        let hub = open_hub(&folder, &clock)?;
        courier.suspend()?;
        courier.resume()?;
        Ok(Self { folder, clock, hub, clerk, enrolment, courier })
    }

    /// What the hub received and gave no place: the station did not trust the phone for a while.
    fn parked(&mut self) -> Result<()> {
        self.quarantine(true);
        self.record(&Command::Arrive { waybill: waybill(3) })?;
        self.sync(SyncChannel::Events, usize::MAX)?;
        self.quarantine(false);
        Ok(())
    }

    /// What the hub does not have: acts with persons and texts, in lanes of their own, of others
    /// and behind the parked one, a photo of which it has a part, and one that it has nothing of.
    fn pending(&mut self) -> Result<()> {
        let pin = ProofItem { kind: ProofKind::Pin, evidence: None };
        let lane = self.courier.new_case();
        let half = self.photo(&Lane::Exception(lane))?;
        let [open, _, demand, reason, wet] = UNSENT;
        self.record(&report(lane, 2, half, open))?;
        self.sync(SyncChannel::Media, 3)?;
        self.complain(4, demand)?;
        self.record(&Command::Contact {
            waybill: waybill(5),
            channel: Channel::Phone,
            party: Party::Recipient,
            reached: true,
        })?;
        self.record(&hand_over(5, pin.clone()))?;
        self.record(&Command::Refuse {
            waybill: waybill(6),
            class: RefusalClass::Goods,
            reason: Some(reason.into()),
        })?;
        self.record(&hand_over(3, pin))?;
        let lane = self.courier.new_case();
        let photo = self.photo(&Lane::Exception(lane))?;
        self.record(&report(lane, 8, photo, wet))?;
        self.record(&Command::FailAttempt { waybill: waybill(7), cause: AttemptFailure::Absent })
    }

    /// Tells beside the folders what has to come out of them, and ends.
    fn end(self) -> Result<()> {
        let db = rusqlite::Connection::open(self.folder.join("phone/lastmile.db"))?;
        let lines = |park: &str| -> Result<Vec<String>> {
            let sql = format!(
                "SELECT CAST(bytes AS TEXT) FROM event
                 WHERE lane_seq IS NULL AND park IS {park} NULL ORDER BY n"
            );
            let mut rows = db.prepare(&sql)?;
            let rows = rows.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        };
        let left = json!({
            "enrolment": self.enrolment,
            "clerk_token": self.clerk,
            "at_ms": self.courier.now().ms + 60_000,
            "pending": lines("")?,
            "parked": lines("NOT")?,
            "unsent": UNSENT,
        });
        std::fs::write(self.folder.join("left.json"), serde_json::to_string_pretty(&left)? + "\n")?;
        for file in ["phone/lastmile.db-shm", "phone/lastmile.lock", "hub/hub.db-shm"] {
            let file = self.folder.join(file);
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
        // Nothing is closed in order.
        std::process::exit(0)
    }

    fn record(&mut self, command: &Command) -> Result<()> {
        self.courier.record(command)?;
        Ok(())
    }

    fn complain(&mut self, n: usize, demand: &str) -> Result<()> {
        let case = self.courier.new_case();
        self.record(&Command::ReceiveComplaint {
            case,
            waybill: waybill(n),
            complainant: person("赵敏", n),
            demand: demand.into(),
            source: ComplaintSource::Customer,
            class: ComplaintClass::Delay,
            about: None,
        })
    }

    fn photo(&mut self, lane: &Lane) -> Result<EvidenceRef> {
        let mut jpeg = vec![0; PHOTO_BYTES];
        fastrand::fill(&mut jpeg);
        jpeg[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
        Ok(self.courier.capture_bytes(lane, &jpeg, MediaSource::Camera)?)
    }

    fn quarantine(&self, quarantined: bool) {
        let path = format!("/v1/clerk/devices/{}/quarantine", self.enrolment.device);
        let request = Request::new("POST", &path).bearer(&self.clerk);
        let answer = self.hub.handle(&request.json(&json!({ "quarantined": quarantined })));
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(&answer.body));
    }

    /// Carries at most so many requests of a channel to the hub.
    fn sync(&mut self, channel: SyncChannel, most: usize) -> Result<()> {
        self.courier.pull_soon();
        for _ in 0..most {
            let Next::Send { request } = self.courier.next_request(channel)? else { break };
            let token = &self.enrolment.device_token;
            let mut ask = Request::new(&request.method, &request.path).bearer(token);
            if request.auth == Auth::DeviceAndSession {
                ask = ask.header("Lastmile-Session", &self.enrolment.session_token);
            }
            for Header { name, value } in &request.headers {
                ask = ask.header(name, value);
            }
            let body = match request.body {
                Body::Empty => Vec::new(),
                Body::Bytes { bytes } => bytes,
            };
            let answer = self.hub.handle(&ask.with_body(body));
            let headers = answer.headers.into_iter().map(|(name, value)| Header { name, value });
            let (status, headers, body) = (answer.status, headers.collect(), answer.body);
            self.courier.apply_reply(request.id, &HubReply::Answer { status, headers, body })?;
        }
        Ok(())
    }
}

fn waybill(n: usize) -> Waybill {
    Waybill::parse(&format!("SF1{n:012}")).expect("a sound number")
}

fn person(name: &str, n: usize) -> Person {
    Person {
        name: format!("{name} {n}"),
        phone: format!("1390000000{n}"),
        address: format!("解放路 {n} 号"),
        ..Person::default()
    }
}

fn hand_over(n: usize, proof: ProofItem) -> Command {
    Command::Deliver {
        waybill: waybill(n),
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof: vec![proof],
    }
}

fn report(case: CaseId, n: usize, photo: EvidenceRef, note: &str) -> Command {
    Command::ReportException {
        case,
        kind: ExceptionKind::Damage,
        waybill: Some(waybill(n)),
        evidence: vec![photo],
        shows: Vec::new(),
        note: Some(note.into()),
    }
}
