//! Media are tus 1.0: other makers' clients upload to our hub, and our phone uploads to another
//! maker's server. `cargo xtask tus-test` installs the peers and runs this.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;

use lastmile_core::event::{Lane, leaf};
use lastmile_core::evidence::MediaSource;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::{CourierNo, Digest, StationId};
use lastmile_core::sync::wire::{EnrolRequest, Enrolment};
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_core::{Command, Courier, Options};
use lastmile_hub::client::{self, Carried, Client, Fate};
use lastmile_hub::{Hub, Settings, serve};

const VIDEO_BYTES: usize = 1 << 20;

fn video() -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(8);
    let mut video = b"\0\0\0\x18ftypmp42".to_vec();
    video.resize_with(VIDEO_BYTES, || rng.u8(..));
    video
}

/// A hub in a folder, and a phone enrolled at it.
struct Place {
    folder: tempfile::TempDir,
    running: serve::Background,
    enrolment: Enrolment,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock::new(480));
        let (home, settings) = (folder.path().join("hub"), Settings::default());
        let hub = Hub::in_folder(&home, clock, Arc::new(SystemEntropy), settings).unwrap();
        let hub = Arc::new(hub);
        let running = serve::in_background(hub.clone()).unwrap();
        let station = StationId::new("JL31").unwrap();
        let code = hub.new_code(CourierNo::new("4849").unwrap(), station).unwrap();
        let request = EnrolRequest { code, public_key: None };
        let enrolment = client::enrol(running.url(), &request).unwrap();
        Self { folder, running, enrolment }
    }

    fn kept(&self, sha256: Digest) -> PathBuf {
        let device = self.enrolment.device.to_string();
        self.folder.path().join("hub/media").join(device).join(sha256.to_string())
    }
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tus-peers")
}

/// Has another maker's client upload a film, and asserts that it went on where it had stopped.
fn judged(program: &str, script: &str) {
    let place = Place::new();
    let film = video();
    let path = place.folder.path().join("film.mp4");
    std::fs::write(&path, &film).unwrap();
    let sha256 = Digest::of(&[&film]);
    let about = serde_json::json!({
        "sha256": sha256.to_string(),
        "evidence": uuid::Uuid::from_u128(1).to_string(),
        "kind": "mp4",
    });
    let said = Process::new(program)
        .arg(peers().join(script))
        .args([&format!("{}/v1/media", place.running.url()), &place.enrolment.device_token])
        .args([path.as_os_str(), about.to_string().as_ref()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(said.status.success(), "{script} failed");
    let said = String::from_utf8(said.stdout).unwrap();
    println!("{script}: {}", said.trim());
    let (_, resumed) = said.trim().rsplit_once(' ').unwrap();
    let resumed: usize = resumed.parse().unwrap();
    assert!((1..VIDEO_BYTES).contains(&resumed), "it went on in the middle");
    assert_eq!(std::fs::read(place.kept(sha256)).unwrap(), film, "the hub keeps the very bytes");
}

#[test]
#[ignore = "needs Node.js: cargo xtask tus-test"]
fn tus_js_client_uploads_to_our_hub() {
    judged("node", "upload.mjs");
}

#[test]
#[ignore = "needs Python: cargo xtask tus-test"]
fn tuspy_uploads_to_our_hub() {
    let python = std::env::var("LASTMILE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    judged(&python, "upload.py");
}

#[test]
#[ignore = "needs Node.js: cargo xtask tus-test"]
fn our_phone_uploads_to_another_makers_server() {
    let place = Place::new();
    let home = place.folder.path().join("theirs");
    std::fs::create_dir(&home).unwrap();
    let mut server = Process::new("node")
        .args([peers().join("serve.mjs"), home.clone()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let theirs = Client::new(line.trim().rsplit_once(' ').unwrap().1, &place.enrolment);

    let store = place.folder.path().join("phone");
    let mut courier =
        Courier::open(Options::folder(&store, 480), place.enrolment.identity()).unwrap();
    let (case, film) = (courier.new_case(), video());
    let item = courier.capture_bytes(&Lane::Exception(case), &film, MediaSource::Camera).unwrap();
    let report = Command::ReportException {
        case,
        kind: ExceptionKind::Delay,
        waybill: None,
        evidence: vec![item],
        shows: Vec::new(),
        note: None,
    };
    courier.record(&report).unwrap();
    let ours = Client::new(place.running.url(), &place.enrolment);
    // The second part is cut in its middle: what arrived of it counts.
    let mut parts = 0;
    for (client, channel) in [(&ours, SyncChannel::Events), (&theirs, SyncChannel::Media)] {
        loop {
            let request = match courier.next_request(channel).unwrap() {
                Next::Send { request } => request,
                Next::Wait { .. } => {
                    // A phone that was killed asks at once.
                    drop(courier);
                    let options = Options::folder(&store, 480);
                    courier = Courier::open(options, place.enrolment.identity()).unwrap();
                    continue;
                }
                Next::Idle => break,
            };
            parts += u32::from(request.method == "PATCH");
            let cut = request.method == "PATCH" && parts == 2;
            let fate = if cut { Fate::CutAfter(100_000) } else { Fate::Arrives };
            let reply = client.carry(&request, fate, &mut Carried::default());
            courier.apply_reply(request.id, &reply).unwrap();
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();

    assert_eq!(courier.sync_status().unwrap().media_pending, 0, "the other server confirmed it");
    assert!(parts > 2, "it went up in parts");
    let here = std::fs::read_dir(&home).unwrap().map(|file| std::fs::read(file.unwrap().path()));
    assert!(here.map(Result::unwrap).any(|bytes| leaf(&bytes) == leaf(&film)), "the very bytes");
}
