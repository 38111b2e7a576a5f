//! Media are tus 1.0: other makers' clients upload to our hub, and our phone uploads to another
//! maker's server. `cargo xtask tus-test` installs the peers and runs this.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use lastmile_core::event::{Lane, leaf};
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::Digest;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_hub::client::{Carried, Fate};
use lastmile_tests::invented::report;
use lastmile_tests::place::Place;

const VIDEO_BYTES: usize = 1 << 20;

fn video() -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(8);
    let mut video = b"\0\0\0\x18ftypmp42".to_vec();
    video.resize_with(VIDEO_BYTES, || rng.u8(..));
    video
}

/// Where the hub keeps what the phone sent.
fn kept(place: &Place, sha256: Digest) -> PathBuf {
    let device = place.enrolment.device.to_string();
    place.hub().join("media").join(device).join(sha256.to_string())
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tus-peers")
}

/// Has another maker's client upload a film, and asserts that it went on where it had stopped.
fn judged(program: &str, script: &str) {
    let place = Place::new();
    let film = video();
    let path = place.folder().join("film.mp4");
    std::fs::write(&path, &film).unwrap();
    let sha256 = Digest::of(&[&film]);
    let about = serde_json::json!({
        "sha256": sha256.to_string(),
        "evidence": uuid::Uuid::from_u128(1).to_string(),
        "kind": "mp4",
    });
    let said = Process::new(program)
        .arg(peers().join(script))
        .args([&format!("{}/v1/media", place.url()), &place.enrolment.device_token])
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
    assert_eq!(std::fs::read(kept(&place, sha256)).unwrap(), film, "the hub keeps the very bytes");
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
    let home = place.folder().join("theirs");
    std::fs::create_dir(&home).unwrap();
    let mut server = Process::new("node")
        .args([peers().join("serve.mjs"), home.clone()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let theirs = place.client(line.trim().rsplit_once(' ').unwrap().1);

    let mut courier = place.open().unwrap();
    let (case, film) = (courier.new_case(), video());
    let item = courier.capture_bytes(&Lane::Exception(case), &film, MediaSource::Camera).unwrap();
    courier.record(&report(case, vec![item])).unwrap();
    let ours = place.client(place.url());
    // The second part is cut in its middle: what arrived of it counts.
    let mut parts = 0;
    for (client, channel) in [(&ours, SyncChannel::Events), (&theirs, SyncChannel::Media)] {
        loop {
            let request = match courier.next_request(channel).unwrap() {
                Next::Send { request } => request,
                Next::Wait { .. } => {
                    // A phone that was killed asks at once.
                    drop(courier);
                    courier = place.open().unwrap();
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
