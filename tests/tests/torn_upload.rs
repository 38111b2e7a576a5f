//! A video over a link that tears again and again, from a process that is killed again and again:
//! what arrived once is not sent again.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_hub::client::{Carried, Fate};
use lastmile_tests::invented::report;
use lastmile_tests::place::Place;

const VIDEO_BYTES: u64 = 20 << 20;
const KILLS: u32 = 20;
const CHUNK: u64 = 256 << 10;

/// A link that lets `left` bytes up and then stands still until it is torn.
struct Link {
    address: String,
    state: Arc<Mutex<State>>,
    still: Receiver<()>,
}

#[derive(Default)]
struct State {
    left: u64,
    wire_bytes: u64,
    open: Vec<TcpStream>,
}

impl Link {
    fn to(hub: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hub = hub.trim_start_matches("http://").to_owned();
        let state = Arc::new(Mutex::new(State::default()));
        let (stands, still) = channel();
        let shared = state.clone();
        std::thread::spawn(move || {
            for phone in listener.incoming() {
                let (phone, hub) = (phone.unwrap(), TcpStream::connect(&hub).unwrap());
                let mut all = shared.lock().unwrap();
                all.open.extend([phone.try_clone().unwrap(), hub.try_clone().unwrap()]);
                drop(all);
                let (state, stands) = (shared.clone(), stands.clone());
                let ends = (phone.try_clone().unwrap(), hub.try_clone().unwrap());
                std::thread::spawn(move || up(ends.0, ends.1, &state, &stands));
                let state = shared.clone();
                std::thread::spawn(move || down(hub, phone, &state));
            }
        });
        Self { address, state, still }
    }

    fn tear(&self) {
        for end in self.state.lock().unwrap().open.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn up(mut phone: TcpStream, mut hub: TcpStream, state: &Mutex<State>, stands: &Sender<()>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = phone.read(&mut buffer) {
        let mut all = state.lock().unwrap();
        all.wire_bytes += count as u64;
        all.left = all.left.saturating_sub(count as u64);
        if hub.write_all(&buffer[..count]).is_err() {
            break;
        }
        if all.left == 0 {
            let _ = stands.send(());
            return;
        }
    }
    let _ = hub.shutdown(Shutdown::Write);
}

fn down(mut hub: TcpStream, mut phone: TcpStream, state: &Mutex<State>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = hub.read(&mut buffer) {
        state.lock().unwrap().wire_bytes += count as u64;
        if phone.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = phone.shutdown(Shutdown::Both);
}

/// How much of the one unfinished upload the hub has; all of it once it is finished.
fn arrived(media: &Path) -> u64 {
    let mut parts = std::fs::read_dir(media.join("partial")).unwrap();
    parts.next().map_or(0, |part| part.unwrap().metadata().unwrap().len())
}

#[test]
fn twenty_megabytes_arrive_through_tears_and_kills_without_being_sent_twice() {
    let place = Place::new();
    let mut rng = fastrand::Rng::with_seed(20);
    {
        let mut courier = place.open().unwrap();
        let mut video = b"\0\0\0\x18ftypmp42".to_vec();
        video.resize_with(usize::try_from(VIDEO_BYTES).unwrap(), || rng.u8(..));
        let case = courier.new_case();
        let film = courier.capture_bytes(&Lane::Exception(case), &video, MediaSource::Camera);
        courier.record(&report(case, vec![film.unwrap()])).unwrap();
        // The act itself is there before any byte of its film.
        let client = place.client(place.url());
        while let Next::Send { request } = courier.next_request(SyncChannel::Events).unwrap() {
            let reply = client.carry(&request, Fate::Arrives, &mut Carried::default());
            courier.apply_reply(request.id, &reply).unwrap();
        }
        let status = courier.sync_status().unwrap();
        assert_eq!((status.pending, status.media_pending), (0, 1));
    }

    let link = Link::to(place.url());
    let media = place.hub().join("media");
    let (mut before, mut kills, mut tears, mut memory) = (0, 0, 0, 0);
    loop {
        while link.still.try_recv().is_ok() {}
        link.state.lock().unwrap().left = rng.u64(CHUNK..=4 * CHUNK);
        let mut child = place.process(env!("CARGO_BIN_EXE_sender"), &link.address);
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let torn = loop {
            if link.still.try_recv().is_ok() {
                break true;
            }
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        // Three of four are killed in the middle of what it sends, until there were enough.
        let killed = torn && kills < KILLS && rng.u8(..4) > 0;
        if killed {
            child.kill().unwrap();
            kills += 1;
        } else if torn {
            tears += 1;
        }
        link.tear();
        let said = child.wait_with_output().unwrap();
        if !killed {
            assert!(said.status.success(), "it ends by itself when nothing gets through");
            memory = memory.max(String::from_utf8_lossy(&said.stdout).trim().parse().unwrap());
        }
        if !torn {
            break;
        }
        let now = arrived(&media);
        assert!(now >= before, "{now} bytes there, {before} were");
        before = now;
    }

    let courier = place.open().unwrap();
    assert_eq!(courier.sync_status().unwrap().media_pending, 0, "the hub has the film");
    let wire_bytes = link.state.lock().unwrap().wire_bytes;
    println!(
        "{wire_bytes} bytes for {VIDEO_BYTES}, {tears} tears, {kills} kills, {memory} of memory"
    );
    assert!(kills == KILLS && tears > 0);
    assert!(wire_bytes * 100 <= VIDEO_BYTES * 105, "{wire_bytes} bytes on the wire");
    assert!(memory <= 2 * CHUNK, "{memory} bytes of memory");
}
