//! What lies on a phone's disk: nothing personal and nothing secret can be read there, and nothing
//! opens it but the key in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lastmile_core::command::Command;
use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::id::CourierNo;
use lastmile_core::sync::SyncChannel;
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, DataKey, Error, Options};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, key, station_and_phone};
use serde_json::{Value, json};
use tempfile::TempDir;

const PIXELS: &[u8] = b"the pixels of somebody's door, ";

/// What a day plants: names, phones, addresses, texts, and the code that the site gave.
const PLANTED: [&str; 14] = [
    "王小明",
    "13900000001",
    "吉林市昌邑区解放路 5 号 3 单元 501 室",
    "李静",
    "13900000002",
    "欧阳娜",
    "13900000003",
    "Bring it to the back door before noon",
    "The dog behind the gate bites",
    "She asked for it twice on the phone",
    "He hears badly, call him from the stairs",
    "Neighbour in 502 took the keys",
    "7731884211",
    "left with the guard of the night shift",
];

fn parcel(n: u32) -> Waybill {
    Waybill::parse(&format!("SF1{n:012}")).unwrap()
}

/// A picture of four segments, with the same pixels all over.
fn picture() -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
    jpeg.extend(PIXELS.iter().cycle().take(200_000));
    jpeg
}

/// A station, and a phone whose store lies in a real folder.
struct Scene {
    station: Station,
    phone: Phone,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let enrolment = station.enrol(&CourierNo::new("4849").unwrap(), None);
        let mut phone = Phone::new(&time, 1, enrolment, None);
        let folder = tempfile::tempdir().unwrap();
        phone.courier = Some(open(folder.path(), key(), &phone).unwrap());
        Self { station, phone, folder }
    }

    fn courier(&mut self) -> &mut Courier {
        self.phone.courier().unwrap()
    }

    fn record(&mut self, command: Value) {
        let command: Command = serde_json::from_value(command).unwrap();
        self.courier().record(&command).unwrap();
    }

    fn sync(&mut self) {
        self.courier().pull_soon();
        for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
            carry_until_idle(&self.station, &mut self.phone, channel);
        }
    }

    /// The station's part of the morning: a site with codes of its own, two parcels.
    fn morning(&mut self) {
        let site = |id: &str, codes: &str| {
            json!({"id": id, "name": "解放路驿站", "kind": "station", "hours": "08:00-21:00",
                "keeps_h": 480, "codes": codes})
        };
        let directory = json!({"version": 2, "station": "JL31", "station_phone": "0432-0000000",
            "sites": [site("YZ-1", "library"), site("YZ-2", "site")]});
        assert!(self.station.desk("PUT", "/v1/clerk/directory", &directory).status < 300);
        for (n, name, phone) in [(1, PLANTED[0], PLANTED[1]), (2, PLANTED[5], PLANTED[6])] {
            let announced = json!({"do": "announce", "waybill": parcel(n), "goods": {},
                "recipient": {"name": name, "phone": phone, "address": PLANTED[2]},
                "sender": {"name": PLANTED[3], "phone": PLANTED[4]}, "freight": 1200});
            self.station.command(&serde_json::from_value(announced).unwrap());
            self.station.assign(&parcel(n), &CourierNo::new("4849").unwrap());
        }
        self.sync();
        let parcels = json!([parcel(1), parcel(2)]);
        self.record(json!({"do": "reconcile_manifest",
            "manifest": "0192f1a0-0000-7000-8000-000000000001",
            "expected": parcels, "scanned": parcels, "damaged": []}));
        self.record(json!({"do": "take_out", "waybills": parcels}));
    }

    /// An act for every way in which a text comes to this phone's store by hand.
    fn day(&mut self) {
        let now = self.courier().now().ms;
        self.record(json!({"do": "record_consent", "waybill": parcel(1), "given_by": "recipient",
            "site": "YZ-2", "until_ms": now + 86_400_000, "liability": "site",
            "channel": "phone"}));
        self.record(json!({"do": "store", "waybill": parcel(1), "site": "YZ-2",
            "collect_before_ms": now + 36_000_000, "code": PLANTED[12]}));
        self.record(json!({"do": "reveal", "waybill": parcel(2), "party": "recipient",
            "reason": "other", "note": PLANTED[10]}));
        self.record(json!({"do": "refuse", "waybill": parcel(2), "class": "goods",
            "reason": PLANTED[9]}));
        let done = json!({"do": "store", "waybill": parcel(2), "site": "YZ-2",
            "collect_before_ms": now + 36_000_000, "code": null});
        let done: Command = serde_json::from_value(done).unwrap();
        self.courier().record_done(&done, PLANTED[13]).unwrap();
        let case = self.courier().new_case();
        self.record(json!({"do": "receive_complaint", "case": case, "waybill": parcel(1),
            "complainant": {"name": PLANTED[5], "phone": PLANTED[6], "address": PLANTED[11]},
            "demand": PLANTED[7], "source": "customer", "class": "delay", "about": null}));
        let photo = self.photo_of_a_case(Some(PLANTED[8]));
        assert_eq!(all_of(self.courier(), &photo).unwrap(), picture());
    }

    /// Reports an exception with a photo from the capture folder.
    fn photo_of_a_case(&mut self, note: Option<&str>) -> EvidenceRef {
        let taken = self.folder.path().join("capture/door.jpg");
        std::fs::write(&taken, picture()).unwrap();
        let found = files(self.folder.path()).into_values().any(|bytes| holds(&bytes, PIXELS));
        assert!(found, "the search finds what lies open");
        let case = self.courier().new_case();
        let lane = Lane::Exception(case);
        let photo = self.courier().capture_file(&lane, &taken, MediaSource::Camera).unwrap();
        self.courier().add_preview(photo.id, &picture()[..20_000]).unwrap();
        self.record(json!({"do": "report_exception", "case": case, "kind": "delay",
            "waybill": null, "evidence": [photo], "note": note}));
        photo
    }
}

fn open(folder: &Path, key: DataKey, phone: &Phone) -> Result<Courier, Error> {
    let clock = Arc::new(phone.clock.clone());
    Courier::open(Options { clock, ..Options::folder(folder, key, 480) }, phone.identity())
}

fn other_key() -> DataKey {
    DataKey::from_bytes(&[8; 32]).unwrap()
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().expect("it must be refused").code()
}

/// A picture, read in pieces that fit no segment.
fn all_of(courier: &Courier, item: &EvidenceRef) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        match courier.read_media(item.id, bytes.len() as u64, 70_001)? {
            piece if piece.is_empty() => return Ok(bytes),
            piece => bytes.extend(piece),
        }
    }
}

/// Every file of a folder, however deep, by its path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    std::fs::read(path).unwrap(),
                );
            }
        }
    }
    found
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// The folder as a killed process leaves it: copied while the store is open.
fn as_killed(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (path, bytes) in files(folder) {
        let path = copy.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    copy
}

/// Searches every byte of every file, the write-ahead log among them. What is not secret, the number
/// of a parcel, is found, so that a search of nothing does not pass.
fn search(folder: &Path, secrets: &[String], when: &str) {
    let files = files(folder);
    let waybill = parcel(1).to_string();
    assert!(files.values().any(|bytes| holds(bytes, waybill.as_bytes())), "{when}");
    for (path, bytes) in &files {
        let path = path.display();
        for text in PLANTED.iter().copied().chain(secrets.iter().map(String::as_str)) {
            assert!(!holds(bytes, text.as_bytes()), "{when}: \"{text}\" stands in {path}");
        }
        for piece in PIXELS.chunks_exact(15) {
            assert!(!holds(bytes, piece), "{when}: pixels stand in {path}");
        }
    }
}

#[test]
fn nothing_personal_is_found_in_any_byte_of_a_store() {
    let mut scene = Scene::new();
    let folder = scene.folder.path().to_owned();
    scene.morning();
    let site_keys: Vec<String> = {
        let hub = scene.station.database();
        let mut keys = hub.prepare("SELECT key FROM code_site").unwrap();
        keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert!(!site_keys.is_empty(), "the phone was lent codes");
    scene.day();
    search(&folder, &site_keys, "recorded, nothing of it sent");
    search(as_killed(&folder).path(), &site_keys, "killed");
    let killed = as_killed(&folder);
    drop(open(killed.path(), key(), &scene.phone).unwrap());
    search(killed.path(), &site_keys, "killed, and opened again");
    scene.sync();
    assert_eq!(scene.courier().sync_status().unwrap().media_pending, 0);
    search(&folder, &site_keys, "sent");
    scene.courier().suspend().unwrap();
    search(&folder, &site_keys, "suspended");
    scene.courier().resume().unwrap();
    assert_eq!(
        scene.courier().recipient_masked(&parcel(1)).unwrap().unwrap().name.chars().next(),
        Some('王'),
        "and all of it can still be read with the key"
    );
}

#[test]
fn the_wrong_key_is_told_and_touches_nothing() {
    let mut scene = Scene::new();
    scene.morning();
    scene.day();
    let pending = scene.courier().sync_status().unwrap().pending;
    let killed = as_killed(scene.folder.path());
    scene.phone.courier = None;
    for (when, folder) in [("closed", scene.folder.path()), ("killed", killed.path())] {
        let before = files(folder);
        assert_eq!(code(open(folder, other_key(), &scene.phone)), "WrongKey", "{when}");
        assert!(files(folder) == before, "{when}: not a byte is changed, no file made");
        let courier = open(folder, key(), &scene.phone).unwrap();
        assert_eq!(courier.sync_status().unwrap().pending, pending, "{when}");
    }
    let keys = ["lastmile.key", "lastmile.key.copy"].map(|name| killed.path().join(name));
    for file in &keys {
        std::fs::remove_file(file).unwrap();
        assert!(open(killed.path(), key(), &scene.phone).is_ok(), "each of the two does");
        assert!(file.exists(), "and is made again from the other");
    }
    for file in &keys {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(
        code(open(killed.path(), key(), &scene.phone)),
        "Corrupt",
        "no new keys for old rows"
    );
    assert!(!keys.iter().any(|file| file.exists()));
    assert_eq!(code(DataKey::from_bytes(&[7; 31])), "BadArgument");
    assert_eq!(format!("{:?}", key()), "DataKey(…)");
}

#[test]
fn after_a_rotation_the_new_key_opens_the_store_and_the_old_one_does_not() {
    let mut scene = Scene::new();
    scene.morning();
    scene.day();
    let folder = scene.folder.path().to_owned();
    let unchanged = |folder: &Path| {
        let mut files = files(folder);
        for name in ["lastmile.key", "lastmile.key.copy"] {
            files.remove(Path::new(name));
        }
        files
    };
    let before = unchanged(&folder);
    scene.courier().rotate_key(other_key()).unwrap();
    assert!(unchanged(&folder) == before, "nothing else is written");
    scene.courier().suspend().unwrap();
    assert_eq!(code(scene.courier().rotate_key(key())), "Suspended");
    scene.courier().resume().unwrap();
    scene.courier().suspend().unwrap();
    assert_eq!(code(open(&folder, key(), &scene.phone)), "WrongKey");
    let mut other = open(&folder, other_key(), &scene.phone).unwrap();
    other.rotate_key(key()).unwrap();
    drop(other);
    assert_eq!(code(scene.courier().resume()), "WrongKey", "rotated by another process");
    open(&folder, key(), &scene.phone).unwrap();
}

#[test]
fn a_phone_that_dies_while_its_key_is_rotated_is_opened_by_one_of_the_two() {
    let (mut old, mut new) = (0, 0);
    for seed in 0..200 {
        let (_station, mut phone) = station_and_phone();
        let mut rng = fastrand::Rng::with_seed(seed);
        let complaint = json!({"do": "receive_complaint", "case": phone.courier().unwrap().new_case(),
            "waybill": parcel(1), "complainant": {"name": PLANTED[0], "phone": PLANTED[1]},
            "demand": PLANTED[7], "source": "customer", "class": "delay", "about": null});
        phone.courier().unwrap().record(&serde_json::from_value(complaint).unwrap()).unwrap();
        phone.disk.crash_after(seed % 8);
        let rotated = phone.courier().unwrap().rotate_key(other_key());
        phone.power_loss(&mut rng);

        phone.key = other_key();
        let by_new = phone.start();
        if by_new.is_ok() {
            new += 1;
        } else {
            assert_eq!(code(by_new), "WrongKey");
            assert!(rotated.is_err(), "seed {seed}: what has returned is durable");
            phone.key = key();
            phone.start().unwrap();
            old += 1;
        }
        let complaints = phone.courier().unwrap().open_complaints().unwrap();
        assert_eq!(complaints.len(), 1, "seed {seed}");
    }
    assert!(old > 20 && new > 20, "{old} opened by the old key, {new} by the new one");
}

#[test]
fn a_row_in_anothers_place_does_not_open() {
    let mut scene = Scene::new();
    scene.morning();
    scene.phone.courier = None;
    let db = rusqlite::Connection::open(scene.folder.path().join("lastmile.db")).unwrap();
    db.execute_batch(
        "UPDATE vault SET sealed = (SELECT sealed FROM vault v WHERE v.ref <> vault.ref LIMIT 1)",
    )
    .unwrap();
    let courier = open(scene.folder.path(), key(), &scene.phone).unwrap();
    assert_eq!(code(courier.recipient_masked(&parcel(1))), "Corrupt");
    drop(courier);
    db.execute_batch(
        "UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'limits')
         WHERE key = 'identity'",
    )
    .unwrap();
    drop(db);
    let courier = open(scene.folder.path(), key(), &scene.phone).unwrap();
    assert!(courier.salvaged().unwrap().is_some(), "a new database took its place");
}

#[test]
fn a_photo_is_read_from_anywhere_and_sealed_anew_each_time_it_is_taken() {
    let mut scene = Scene::new();
    scene.morning();
    let photo = scene.photo_of_a_case(None);
    let file = PathBuf::from(format!("media/{}.jpg", photo.sha256));
    let first = files(scene.folder.path()).remove(&file).unwrap();
    assert!(first.len() < picture().len() + 200, "{} bytes", first.len());
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let (from, len) = (rng.usize(..210_000), rng.usize(..140_000));
        let piece = scene.courier().read_media(photo.id, from as u64, len as u64).unwrap();
        let whole = picture();
        let (from, end) = (from.min(whole.len()), (from + len).min(whole.len()));
        assert!(piece == whole[from..end], "{from}..{end}");
    }
    let again = scene.photo_of_a_case(None);
    assert_eq!(again.sha256, photo.sha256);
    let second = files(scene.folder.path()).remove(&file).unwrap();
    let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert!(same < first.len() / 100, "{same} of {} bytes are the same", first.len());
    assert_eq!(all_of(scene.courier(), &photo).unwrap(), picture(), "both read the one file");
}

/// What happens to a sealed file.
type Damage = (&'static str, fn(&mut Vec<u8>));

const SEGMENT: usize = (64 << 10) + 16;

const DAMAGES: [Damage; 8] = [
    ("a flipped bit in the prefix", |file| file[3] ^= 1),
    ("a flipped bit in the first segment", |file| file[100] ^= 1),
    ("a flipped bit in the last of the picture", |file| file[19 + 3 * SEGMENT + 9] ^= 1),
    ("a flipped bit at the end", |file| *file.last_mut().unwrap() ^= 1),
    ("a byte cut off", |file| file.truncate(file.len() - 1)),
    ("a segment cut out", |file| drop(file.drain(19..19 + SEGMENT))),
    ("two segments swapped", |file| {
        let (first, second) = file[19..].split_at_mut(SEGMENT);
        first.swap_with_slice(&mut second[..SEGMENT]);
    }),
    ("nothing left", Vec::clear),
];

#[test]
fn a_photo_that_was_tampered_with_is_lost_and_the_station_is_told() {
    for (damage, harm) in DAMAGES {
        let mut scene = Scene::new();
        scene.morning();
        let photo = scene.photo_of_a_case(None);
        let file = scene.folder.path().join(format!("media/{}.jpg", photo.sha256));
        let mut bytes = std::fs::read(&file).unwrap();
        harm(&mut bytes);
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(code(all_of(scene.courier(), &photo)), "MediaDamaged", "{damage}");
        is_lost(&mut scene, damage);
    }
}

#[test]
fn a_photo_under_anothers_name_is_lost_before_a_byte_of_it_is_sent() {
    let mut scene = Scene::new();
    scene.morning();
    let mut other = picture();
    other[1000] ^= 1;
    let case = scene.courier().new_case();
    let lane = Lane::Exception(case);
    let other = scene.courier().capture_bytes(&lane, &other, MediaSource::Camera).unwrap();
    let photo = scene.photo_of_a_case(None);
    let file = |item: &EvidenceRef| scene.folder.path().join(format!("media/{}.jpg", item.sha256));
    std::fs::copy(file(&other), file(&photo)).unwrap();
    assert_eq!(code(scene.courier().read_media(photo.id, 70_000, 10)), "MediaDamaged");
    is_lost(&mut scene, "another's file");
}

/// Syncs, and holds the phone and the hub to what is said of a file that is gone.
fn is_lost(scene: &mut Scene, why: &str) {
    scene.sync();
    let status = scene.courier().sync_status().unwrap();
    assert_eq!((status.media_pending, status.media_lost, status.pending), (0, 1, 0), "{why}");
    let kinds = scene.station.database();
    let lost: bool = kinds
        .prepare("SELECT 1 FROM event WHERE instr(bytes, CAST('EvidenceLost' AS BLOB))")
        .unwrap()
        .exists([])
        .unwrap();
    assert!(lost, "{why}: the hub knows");
}

#[test]
fn what_the_camera_left_goes_when_the_store_is_opened_another_day() {
    let mut scene = Scene::new();
    let capture = scene.folder.path().join("capture");
    let now = std::time::UNIX_EPOCH
        + std::time::Duration::from_millis(scene.courier().now().ms.unsigned_abs());
    for (name, hours) in [("yesterday.jpg", 25), ("now.jpg", 1)] {
        let file = std::fs::File::create(capture.join(name)).unwrap();
        file.set_modified(now - std::time::Duration::from_secs(hours * 3600)).unwrap();
    }
    scene.phone.courier = None;
    let _open = open(scene.folder.path(), key(), &scene.phone).unwrap();
    assert!(!capture.join("yesterday.jpg").exists());
    assert!(capture.join("now.jpg").exists(), "its act may still be recorded");
}
