//! What a release left on a phone and on its hub is taken over by today's, wherever it dies
//! meanwhile: `tests/fixtures/stores` holds the folders of every release.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use lastmile_core::event::Event;
use lastmile_core::id::Digest;
use lastmile_core::sync::wire::Enrolment;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_hub::store::SqliteStore;
use lastmile_hub::{FolderMedia, Hub, Keys, MediaStore as _, Parts, Request, Settings};
use lastmile_tests::disk::Disk;
use lastmile_tests::world::{
    AtHub, FakeClock, Phone, SeededEntropy, TrueTime, reply_of, request_of, station_and_phone,
};
use rusqlite::Connection;
use rusqlite::types::Value;
use serde::Deserialize;

/// A store that dies at this many steps of its opening at least, or nothing was proven.
const LEAST_STEPS: u64 = 5;

/// What `left.json` tells of the folders beside it.
#[derive(Deserialize)]
struct Left {
    enrolment: Enrolment,
    clerk_token: String,
    /// When the phone died, UTC milliseconds.
    at_ms: i64,
    /// What the hub lacks, in the phone's order.
    pending: Vec<String>,
    /// What it has and gave no place.
    parked: Vec<String>,
    /// Names and texts that it lacks.
    unsent: Vec<String>,
}

/// A release, and what it left.
struct Release {
    name: String,
    left: Left,
    phone: Disk,
    hub: Disk,
    /// A copy of the hub's folder: its keys and photos.
    folder: tempfile::TempDir,
}

fn releases() -> Vec<Release> {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(stores).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let releases: Vec<_> = folders.iter().map(|folder| Release::read(folder)).collect();
    assert!(!releases.is_empty());
    releases
}

/// Puts the files of a folder on a disk, for good. Its database gets the name that tests give it.
fn on_disk(folder: &Path, database: (&str, &str)) -> Disk {
    let disk = Disk::new();
    let files = disk.files();
    for inside in ["", "media"] {
        for entry in std::fs::read_dir(folder.join(inside)).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                let name = entry.file_name().into_string().unwrap();
                let name = name.replace(database.0, database.1);
                let name = Path::new(inside).join(name).to_str().unwrap().to_owned();
                files.create(&name).unwrap();
                files.append(&name, &std::fs::read(entry.path()).unwrap()).unwrap();
                files.sync(&name).unwrap();
            }
        }
        files.sync_dir(inside).unwrap();
    }
    disk
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Release {
    fn read(folder: &Path) -> Self {
        let left = std::fs::read(folder.join("left.json")).unwrap();
        let copied = tempfile::tempdir().unwrap();
        copy(&folder.join("hub"), copied.path());
        Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            left: serde_json::from_slice(&left).unwrap(),
            phone: on_disk(&folder.join("phone"), ("lastmile.db", "courier.db")),
            hub: on_disk(&folder.join("hub"), ("hub.db", "hub.db")),
            folder: copied,
        }
    }

    /// The phone, with the files as they were left; its app does not run yet.
    fn phone(&self) -> Phone {
        let time = TrueTime::at(self.left.at_ms);
        let mut phone = Phone::new(&time, 1, self.left.enrolment.clone(), None);
        phone.disk = self.phone.duplicate();
        phone
    }

    /// The hub, on a disk of its own with the files as they were left.
    fn hub(&self) -> Server<'_> {
        let photos = tempfile::tempdir().unwrap();
        copy(&self.folder.path().join("media"), photos.path());
        Server { disk: self.hub.duplicate(), release: self, photos, hub: None }
    }

    /// Checks what a phone of today shows of all that.
    fn is_whole(&self, phone: &mut Phone, when: &str) {
        let when = format!("{}, {when}", self.name);
        let courier = phone.courier().unwrap();
        let status = courier.sync_status().unwrap();
        let counted = [status.pending, status.parked, status.media_pending];
        let left = [self.left.pending.len(), self.left.parked.len(), self.photos()];
        assert_eq!(counted.map(|n| usize::try_from(n).unwrap()), left, "{when}");
        let mut open: Vec<_> = courier.log().unwrap();
        open.retain(|line| line.lane_seq.is_none());
        open.sort_by_key(|line| (line.incarnation, line.seq));
        let open: Vec<_> = open.iter().map(|line| str::from_utf8(&line.bytes).unwrap()).collect();
        let left: Vec<_> = self.left.parked.iter().chain(&self.left.pending).collect();
        assert_eq!(open, left, "{when}");
        assert_eq!(courier.salvaged().unwrap(), None, "{when}");
    }

    /// How many photos the hub lacks.
    fn photos(&self) -> usize {
        self.left.pending.iter().map(|line| event(line).fact.evidence().len()).sum()
    }
}

fn event(line: &str) -> Event {
    Event::parse(line.as_bytes()).unwrap()
}

/// A released hub's records, and today's hub on top while it runs.
struct Server<'a> {
    release: &'a Release,
    disk: Disk,
    photos: tempfile::TempDir,
    hub: Option<Hub>,
}

impl Server<'_> {
    fn start(&mut self) -> lastmile_hub::Result<()> {
        let entropy = AtHub(SeededEntropy::new(2));
        let path = self.disk.path("hub.db");
        self.hub = Some(Hub::new(Parts {
            store: Box::new(SqliteStore::open_with_vfs(Path::new(&path), Disk::VFS)?),
            media: Arc::new(FolderMedia::open(self.photos.path()).unwrap()),
            keys: Keys::in_folder(self.release.folder.path(), &entropy)?,
            clock: Arc::new(AtHub(FakeClock::new(&TrueTime::at(self.release.left.at_ms), 2))),
            entropy: Arc::new(entropy),
            settings: Settings::default(),
        })?);
        Ok(())
    }

    fn running(mut self) -> Self {
        self.start().unwrap();
        self
    }

    fn ask(&self, request: &Request) -> lastmile_hub::Response {
        self.hub.as_ref().unwrap().handle(request)
    }

    /// Carries a phone's requests until nothing is left to say.
    fn carry(&self, phone: &mut Phone) {
        for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
            phone.courier().unwrap().pull_soon();
            while let Next::Send { request } =
                phone.courier().unwrap().next_request(channel).unwrap()
            {
                let reply = reply_of(self.ask(&request_of(phone, &request)));
                phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
            }
        }
    }

    /// A clerk gives everything that is parked its place.
    fn release_parked(&self) {
        let clerk =
            |method, path: &str| Request::new(method, path).bearer(&self.release.left.clerk_token);
        loop {
            let answer = self.ask(&clerk("GET", "/v1/clerk/parked"));
            let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            let Some(first) = list["parked"].as_array().unwrap().first() else { return };
            let path = format!("/v1/clerk/parked/{}/release", first["row"]);
            assert!(self.ask(&clerk("POST", &path)).status < 300);
        }
    }

    /// Checks that the phone's acts came here, each once and in order, with persons and photos.
    fn has_everything(&self, when: &str) {
        let when = format!("{}, {when}", self.release.name);
        let db = self.disk.open("hub.db").unwrap();
        let mut last = (0, 0);
        for line in self.release.left.parked.iter().chain(&self.release.left.pending) {
            let mut rows = db
                .prepare(
                    "SELECT incarnation, seq FROM event
                     WHERE bytes = CAST(?1 AS BLOB) AND lane_seq IS NOT NULL",
                )
                .unwrap();
            let rows = rows.query_map([line], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            let rows: Vec<(u32, u64)> = rows.map(Result::unwrap).collect();
            assert_eq!(rows.len(), 1, "{when}: {line}");
            assert!(last < rows[0], "{when}: {line}");
            last = rows[0];
            for item in event(line).fact.evidence() {
                let mut bytes = Vec::new();
                let media = FolderMedia::open(self.photos.path()).unwrap();
                let mut file =
                    media.open(self.release.left.enrolment.device, &item.sha256).unwrap();
                std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
                assert_eq!(Digest::of(&[&bytes]), item.sha256, "{when}: {line}");
            }
        }
        for text in &self.release.left.unsent {
            let sql = "SELECT count(*) FROM vault WHERE instr(body, ?1) > 0";
            let count: u32 = db.query_row(sql, [text], |row| row.get(0)).unwrap();
            assert_eq!(count, 1, "{when}: {text}");
        }
    }
}

/// Lets the phone sync with the hub, and checks on both sides that nothing is lost or doubled.
fn meet(phone: &mut Phone, server: &Server, when: &str) {
    server.carry(phone);
    server.release_parked();
    server.carry(phone);
    let status = phone.courier().unwrap().sync_status().unwrap();
    assert_eq!((status.pending, status.parked, status.media_pending), (0, 0, 0), "{when}");
    server.has_everything(when);
}

/// How a store ends in the middle of its opening.
const ENDS: [&str; 2] = ["power", "kill"];

/// Opens a store again and again: the first time it dies at step 1, then at step 2, until it lives.
/// Each time it is then opened until it succeeds, at first with another death on the way. Returns
/// how many steps there were.
fn dies_at_every_step<S>(
    fresh: impl Fn() -> S,
    disk: impl Fn(&S) -> &Disk,
    start: impl Fn(&mut S) -> bool,
    end: impl Fn(&mut S, bool, &mut Rng),
    check: impl Fn(S, &str),
) -> u64 {
    for step in 1.. {
        for how in ENDS {
            let mut rng = Rng::with_seed(step);
            let mut store = fresh();
            disk(&store).crash_after(step);
            let lived = start(&mut store) && !disk(&store).crashed();
            let when = format!("{how} at step {step}");
            if lived {
                disk(&store).calm();
                check(store, "undisturbed");
                return step - 1;
            }
            end(&mut store, how == "power", &mut rng);
            disk(&store).crash_after(rng.u64(1..=step));
            if !start(&mut store) || disk(&store).crashed() {
                end(&mut store, how == "power", &mut rng);
            }
            disk(&store).calm();
            assert!(start(&mut store), "{when}");
            check(store, &when);
        }
    }
    unreachable!("it lives in the end")
}

fn end_phone(phone: &mut Phone, power: bool, rng: &mut Rng) {
    if power { phone.power_loss(rng) } else { phone.kill() }
}

/// The text of a database's schema, and its number.
fn schema(db: &Connection) -> (u32, Vec<String>) {
    let mut rows =
        db.prepare("SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema");
    let rows = rows.as_mut().unwrap().query_map([], |row| row.get(0)).unwrap();
    let mut rows: Vec<String> = rows.map(Result::unwrap).collect();
    rows.sort();
    (db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap(), rows)
}

#[test]
fn a_released_phone_that_dies_at_any_step_of_its_upgrade_loses_nothing() {
    let (_, fresh) = station_and_phone();
    let fresh = schema(&fresh.database());
    for release in releases() {
        let hub = release.hub().running();
        let steps = dies_at_every_step(
            || release.phone(),
            |phone| &phone.disk,
            |phone| phone.start().is_ok(),
            end_phone,
            |mut phone, when| {
                release.is_whole(&mut phone, when);
                assert_eq!(schema(&phone.database()), fresh, "{}, {when}", release.name);
                let server = Server {
                    disk: hub.disk.duplicate(),
                    photos: tempfile::tempdir().unwrap(),
                    release: &release,
                    hub: None,
                };
                copy(hub.photos.path(), server.photos.path());
                meet(&mut phone, &server.running(), when);
            },
        );
        println!("{}: a phone died at {steps} steps of its upgrade", release.name);
        assert!(steps >= LEAST_STEPS, "{steps}");
    }
}

#[test]
fn a_released_hub_that_dies_at_any_step_of_its_upgrade_loses_nothing() {
    let fresh = {
        let disk = Disk::new();
        SqliteStore::open_with_vfs(Path::new(&disk.path("hub.db")), Disk::VFS).unwrap();
        schema(&disk.open("hub.db").unwrap())
    };
    for release in releases() {
        let steps = dies_at_every_step(
            || release.hub(),
            |server| &server.disk,
            |server| server.start().is_ok(),
            |server, power, rng| {
                if power {
                    server.disk.power_loss(rng);
                } else {
                    server.disk.process_kill();
                }
                server.hub = None;
            },
            |server, when| {
                assert_eq!(schema(&server.disk.open("hub.db").unwrap()), fresh, "{when}");
                let mut phone = release.phone();
                phone.start().unwrap();
                meet(&mut phone, &server, when);
            },
        );
        println!("{}: a hub died at {steps} steps of its upgrade", release.name);
        assert!(steps >= 1, "{steps}");
    }
}

/// Every file of a phone.
fn everything(disk: &Disk) -> Vec<(String, Vec<u8>)> {
    let files = disk.files();
    let mut all = Vec::new();
    for folder in ["", "media"] {
        for name in files.list(folder).unwrap() {
            let name = Path::new(folder).join(name).to_str().unwrap().to_owned();
            let mut bytes = vec![0; files.len(&name).unwrap()];
            files.read_at(&name, 0, &mut bytes).unwrap();
            all.push((name, bytes));
        }
    }
    all
}

#[test]
fn a_store_of_a_later_release_is_refused_by_name_and_stays_as_it_is() {
    for release in releases() {
        let mut phone = release.phone();
        phone.start().unwrap();
        phone.kill();
        let db = phone.database();
        let (known, _) = schema(&db);
        db.pragma_update(None, "user_version", known + 1).unwrap();
        drop(db);
        let before = everything(&phone.disk);

        let refused = phone.start().unwrap_err();

        let named = lastmile_core::Error::NewerStore { found: known + 1, known };
        assert_eq!(format!("{refused:?}"), format!("{named:?}"));
        phone.kill();
        assert!(everything(&phone.disk) == before, "not a byte of it is changed");

        let mut server = release.hub().running();
        let db = server.disk.open("hub.db").unwrap();
        let (known, _) = schema(&db);
        db.pragma_update(None, "user_version", known + 1).unwrap();
        let refused = server.start().unwrap_err();
        assert!(matches!(refused, lastmile_hub::HubError::NewerStore), "{refused:?}");
    }
}

/// What a phone made of its log: the lanes, and the lists that screens show.
fn made(db: &Connection) -> Vec<String> {
    let mut made = Vec::new();
    for table in ["lane", "parcel", "pickup", "exception_case", "complaint"] {
        let mut rows = db.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let columns = rows.column_count();
        let rows = rows.query_map([], |row| {
            (0..columns).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()
        });
        made.extend(rows.unwrap().map(|row| format!("{table} {:?}", row.unwrap())));
    }
    made
}

#[test]
fn what_another_release_folded_is_folded_anew_wherever_the_phone_dies() {
    let older = "
        UPDATE lane SET fold_version = fold_version - 1, state = 'as it was';
        UPDATE parcel SET stage = 'older', open = 1 - open, today = 1 - today, due_ms = 1;
        UPDATE complaint SET open = 1 - open;
        DELETE FROM exception_case;
        DELETE FROM meta WHERE key = 'folded';";
    for release in releases() {
        let mut phone = release.phone();
        phone.start().unwrap();
        phone.courier().unwrap().rebuild_lists().unwrap();
        phone.kill();
        let db = phone.database();
        let right = made(&db);
        db.execute_batch(older).unwrap();
        assert_ne!(made(&db), right);
        drop(db);
        let disk = phone.disk;

        let steps = dies_at_every_step(
            || {
                let mut phone = release.phone();
                phone.disk = disk.duplicate();
                phone
            },
            |phone| &phone.disk,
            |phone| phone.start().is_ok(),
            end_phone,
            |phone, when| {
                let made = made(&phone.database());
                let other = made.iter().zip(&right).find(|(made, right)| made != right);
                assert_eq!((other, made.len()), (None, right.len()), "{when}");
            },
        );

        println!("{}: a phone died at {steps} steps of folding anew", release.name);
        assert!(steps >= LEAST_STEPS, "{steps}");
    }
}
