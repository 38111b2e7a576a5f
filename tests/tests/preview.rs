//! A preview is at the station before its file, and never keeps a file from it.

use lastmile_core::Error;
use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource, PREVIEW_BYTES};
use lastmile_core::id::{CourierNo, EvidenceId};
use lastmile_core::sync::{Header, HubReply, Next, SyncChannel};
use lastmile_core::{Courier, Result};
use lastmile_hub::Request;
use lastmile_tests::invented::report;
use lastmile_tests::world::{Phone, Station, TrueTime, reply_of, request_of};
use serde_json::{Value, json};

const MB: usize = 1 << 20;

/// A picture of so many bytes that is like no other one.
fn jpeg(seed: u64, bytes: usize) -> Vec<u8> {
    let mut picture = vec![0u8; bytes];
    fastrand::Rng::with_seed(seed).fill(&mut picture);
    picture[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
    picture
}

/// A station, a phone, and what went over the media channel.
struct Scene {
    time: TrueTime,
    station: Station,
    phone: Phone,
    sent: Vec<Sent>,
    /// What is answered to each preview in the hub's place.
    instead: Option<HubReply>,
}

/// A request of the media channel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    method: String,
    path: String,
    bytes: usize,
}

impl Scene {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let enrolment = station.enrol(&CourierNo::new("4849").unwrap(), None);
        let mut phone = Phone::new(&time, 1, enrolment, None);
        phone.start().unwrap();
        Self { time, station, phone, sent: Vec::new(), instead: None }
    }

    fn courier(&mut self) -> &mut Courier {
        self.phone.courier().unwrap()
    }

    /// Captures a photo for a case of its own, and records it.
    fn report(&mut self, photo: &[u8]) -> (EvidenceRef, Lane) {
        let (item, case) = self.capture(photo);
        self.courier().record(&report(case, vec![item.clone()])).unwrap();
        (item, Lane::Exception(case))
    }

    fn capture(&mut self, photo: &[u8]) -> (EvidenceRef, lastmile_core::id::CaseId) {
        self.time.pass(1000);
        let case = self.courier().new_case();
        let lane = Lane::Exception(case);
        (self.courier().capture_bytes(&lane, photo, MediaSource::Camera).unwrap(), case)
    }

    fn preview(&mut self, item: &EvidenceRef, picture: &[u8]) {
        self.courier().add_preview(item.id, picture).unwrap();
    }

    /// Makes one request of a channel, after whatever waiting it asks for; false if there is none.
    fn step(&mut self, channel: SyncChannel) -> bool {
        let request = loop {
            match self.courier().next_request(channel).unwrap() {
                Next::Send { request } => break request,
                Next::Wait { ms } => self.time.pass(i64::try_from(ms).unwrap()),
                Next::Idle => return false,
            }
        };
        let ask = request_of(&self.phone, &request);
        if channel == SyncChannel::Media {
            self.note(&ask);
        }
        let reply = match &self.instead {
            Some(reply) if ask.method == "PUT" => reply.clone(),
            _ => reply_of(self.station.ask(&ask)),
        };
        match self.courier().apply_reply(request.id, &reply) {
            Ok(()) | Err(Error::Reply(_)) => true,
            Err(error) => panic!("{error}"),
        }
    }

    fn note(&mut self, ask: &Request) {
        let (method, path) = (ask.method.clone(), ask.path.clone());
        self.sent.push(Sent { method, path, bytes: ask.body.len() });
    }

    fn carry(&mut self, channel: SyncChannel) {
        while self.step(channel) {}
    }

    fn sync(&mut self) {
        self.courier().pull_soon();
        for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
            self.carry(channel);
        }
    }

    fn methods(&self) -> Vec<&str> {
        self.sent.iter().map(|sent| sent.method.as_str()).collect()
    }

    fn puts(&self) -> usize {
        self.sent.iter().filter(|sent| sent.method == "PUT").count()
    }

    /// What the clerk is given: the preview of a file, or the file.
    fn clerk_sees(&self, what: &str, item: &EvidenceRef) -> Option<Vec<u8>> {
        let device = self.phone.enrolment.device;
        let path = format!("/v1/clerk/{what}/{device}/{}", item.sha256);
        let answer = self.station.desk("GET", &path, &Value::Null);
        (answer.status == 200).then_some(answer.body)
    }

    /// What the clerk is told of the files of a lane: whether the file is there, and a preview.
    fn clerk_is_told(&self, lane: &Lane) -> Vec<(bool, bool)> {
        let answer = self.station.desk("GET", &format!("/v1/clerk/lanes/{lane}"), &Value::Null);
        let lane: Value = serde_json::from_slice(&answer.body).unwrap();
        let told = |it: &Value| (it["whole"] == true, it["preview"] == true);
        lane["media"].as_array().unwrap().iter().map(told).collect()
    }

    /// How many previews lie on the phone, and how many at the hub.
    fn left(&self) -> (u32, u32) {
        let count = |db: rusqlite::Connection| {
            db.query_row("SELECT count(*) FROM preview", [], |row| row.get(0)).unwrap()
        };
        (count(self.phone.database()), count(self.station.database()))
    }

    /// Holds that a file is at the hub, that nothing waits, and that no preview is left.
    fn is_over(&mut self, item: &EvidenceRef, photo: &[u8]) {
        assert!(self.clerk_sees("media", item).as_deref() == Some(photo), "the clerk has the file");
        assert_eq!(self.courier().sync_status().unwrap().media_pending, 0);
        assert_eq!(self.left(), (0, 0));
    }
}

fn code(result: Result<()>) -> &'static str {
    result.expect_err("it must be refused").code()
}

#[test]
fn a_preview_is_seen_before_a_byte_of_its_file_and_goes_when_that_is_there() {
    let mut scene = Scene::new();
    let (photo, small) = (jpeg(1, 4 * MB), jpeg(2, 20_000));
    let (item, lane) = scene.report(&photo);
    scene.preview(&item, &small);
    scene.carry(SyncChannel::Events);
    assert_eq!(scene.clerk_is_told(&lane), [(false, false)]);

    assert!(scene.step(SyncChannel::Media));

    let path = format!("/v1/media/previews/{}", item.sha256);
    let first = Sent { method: "PUT".to_owned(), path, bytes: 20_000 };
    assert_eq!(scene.sent, [first]);
    assert!(scene.clerk_sees("previews", &item) == Some(small));
    assert_eq!(scene.clerk_is_told(&lane), [(false, true)]);
    assert!(scene.clerk_sees("media", &item).is_none());
    assert_eq!(scene.left(), (0, 1), "what was answered leaves the phone");

    scene.sync();
    let bytes: usize = scene.sent.iter().map(|sent| sent.bytes).sum();
    println!("{} requests, {bytes} bytes of bodies for a photo of 4 MiB", scene.sent.len());
    assert_eq!((scene.puts(), bytes), (1, 4 * MB + 20_000));
    assert_eq!(scene.clerk_is_told(&lane), [(true, false)]);
    assert!(scene.clerk_sees("previews", &item).is_none());
    scene.is_over(&item, &photo);
}

#[test]
fn all_previews_go_before_all_files_the_oldest_first() {
    let mut scene = Scene::new();
    let (large, small) = (scene.report(&jpeg(1, MB)).0, scene.report(&jpeg(2, 200_000)).0);
    scene.preview(&small, &jpeg(3, 9_000));
    scene.preview(&large, &jpeg(4, 10_000));

    scene.sync();

    assert_eq!(scene.methods()[..3], ["PUT", "PUT", "POST"]);
    let puts: Vec<_> = scene.sent[..2].iter().map(|sent| sent.bytes).collect();
    assert_eq!(puts, [10_000, 9_000]);
    assert_eq!(scene.left(), (0, 0));
}

#[test]
fn a_file_does_not_wait_for_a_preview_whose_act_the_hub_does_not_have() {
    let mut scene = Scene::new();
    let photo = jpeg(1, MB);
    let (item, case) = scene.capture(&photo);
    scene.preview(&item, &jpeg(2, 10_000));
    assert!(!scene.step(SyncChannel::Media), "no act names it yet");
    scene.courier().record(&report(case, vec![item.clone()])).unwrap();
    for _ in 0..3 {
        scene.step(SyncChannel::Media);
    }
    scene.carry(SyncChannel::Events);
    scene.carry(SyncChannel::Media);

    let expected = ["POST", "HEAD", "PATCH", "PUT", "PATCH", "PATCH", "PATCH"];
    assert_eq!(scene.methods(), expected, "it goes between two parts, and costs no question");
    scene.is_over(&item, &photo);
}

#[test]
fn a_preview_outlives_a_dead_battery_and_is_sent_again_if_nobody_knows_that_it_arrived() {
    let mut scene = Scene::new();
    let (photo, small) = (jpeg(1, MB), jpeg(2, 10_000));
    let (item, _) = scene.report(&photo);
    scene.preview(&item, &small);
    scene.carry(SyncChannel::Events);
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..2 {
        scene.phone.power_loss(&mut rng);
        scene.phone.start().unwrap();
        let Next::Send { request } = scene.courier().next_request(SyncChannel::Media).unwrap()
        else {
            panic!("the preview waits");
        };
        let ask = request_of(&scene.phone, &request);
        assert!(ask.method == "PUT" && ask.body == small);
        assert_eq!(scene.station.ask(&ask).status, 204);
    }
    scene.phone.kill();
    scene.phone.start().unwrap();
    scene.sync();
    assert_eq!(scene.methods()[..2], ["PUT", "POST"]);
    scene.is_over(&item, &photo);
}

#[test]
fn a_hub_that_knows_no_previews_is_asked_once_for_each_and_gets_the_files() {
    let mut scene = Scene::new();
    scene.station.refuse_previews();
    let (photo, other) = (jpeg(1, MB), jpeg(2, MB));
    let (item, second) = (scene.report(&photo).0, scene.report(&other).0);
    for item in [&item, &second] {
        scene.preview(item, &jpeg(3, 10_000));
    }
    scene.sync();
    assert_eq!(scene.puts(), 2);
    scene.is_over(&item, &photo);
    scene.is_over(&second, &other);
}

#[test]
fn a_preview_that_never_gets_through_is_given_up_and_its_file_arrives() {
    let answer =
        |status, headers, body: &[u8]| HubReply::Answer { status, headers, body: body.to_vec() };
    let name = "lastmile-confirmed".to_owned();
    let other = vec![Header { name, value: "00".repeat(32) }];
    for (why, reply) in [
        ("silence", HubReply::NoAnswer),
        ("a page", answer(200, Vec::new(), b"<html>")),
        ("busy", answer(503, Vec::new(), b"")),
        ("another token is asked for", answer(401, Vec::new(), b"")),
        ("another file is confirmed", answer(204, other, b"")),
    ] {
        let mut scene = Scene::new();
        scene.instead = Some(reply);
        let photo = jpeg(1, MB);
        let (item, _) = scene.report(&photo);
        scene.preview(&item, &jpeg(2, 10_000));

        scene.sync();

        assert_eq!(scene.puts(), 5, "{why}");
        let twice = scene.methods().windows(2).any(|two| two == ["PUT", "PUT"]);
        assert!(!twice, "{why}: a file has its turn in between");
        scene.is_over(&item, &photo);
    }
}

#[test]
fn a_preview_that_is_refused_for_good_is_not_offered_again() {
    for status in [400, 403, 404, 405, 413, 415, 501] {
        let mut scene = Scene::new();
        scene.instead = Some(HubReply::Answer { status, headers: Vec::new(), body: Vec::new() });
        let photo = jpeg(1, MB);
        let (item, _) = scene.report(&photo);
        scene.preview(&item, &jpeg(2, 10_000));
        scene.sync();
        assert_eq!(scene.methods()[..2], ["PUT", "POST"], "{status}");
        assert_eq!(scene.puts(), 1, "{status}");
        scene.is_over(&item, &photo);
    }
}

#[test]
fn a_preview_takes_the_place_of_one_that_was_not_answered() {
    let mut scene = Scene::new();
    let (item, _) = scene.report(&jpeg(1, 4 * MB));
    let [first, second, third] = [2, 3, 4].map(|seed| jpeg(seed, 10_000));
    scene.preview(&item, &first);
    scene.preview(&item, &second);
    scene.carry(SyncChannel::Events);
    let Next::Send { request } = scene.courier().next_request(SyncChannel::Media).unwrap() else {
        panic!("the preview waits");
    };
    let ask = request_of(&scene.phone, &request);
    assert!(ask.body == second, "the first is gone");
    let reply = reply_of(scene.station.ask(&ask));
    scene.preview(&item, &third);
    scene.courier().apply_reply(request.id, &reply).unwrap();
    assert!(scene.clerk_sees("previews", &item) == Some(second));

    assert!(scene.step(SyncChannel::Media));
    assert!(scene.clerk_sees("previews", &item) == Some(third));
    assert_eq!(scene.left(), (0, 1));
}

#[test]
fn what_is_no_preview_is_refused_and_what_helps_nobody_is_not_sent() {
    let mut scene = Scene::new();
    let photo = jpeg(1, 100_000);
    let (item, _) = scene.report(&photo);
    let most = usize::try_from(PREVIEW_BYTES).unwrap();
    let mut add = |id, picture: &[u8]| scene.courier().add_preview(id, picture);
    assert_eq!(code(add(item.id, &jpeg(2, most + 1))), "PreviewTooLarge");
    assert_eq!(code(add(item.id, b"")), "PreviewNotPicture");
    assert_eq!(code(add(item.id, b"\0\0\0\x18ftypisom and a video")), "PreviewNotPicture");
    let unknown = EvidenceId(uuid::Uuid::from_u128(7));
    assert_eq!(code(add(unknown, &jpeg(2, 100))), "NotFound");
    add(item.id, &jpeg(2, 25_001)).unwrap();
    assert_eq!(scene.left(), (0, 0), "it has more than a quarter of its file's bytes");

    scene.preview(&item, &jpeg(2, 25_000));
    assert_eq!(scene.left(), (1, 0));
    scene.sync();
    assert_eq!(scene.puts(), 1);
    scene.preview(&item, &jpeg(3, 25_000));
    assert_eq!(scene.left(), (0, 0), "the hub has the file");
    scene.is_over(&item, &photo);
}

#[test]
fn a_file_that_is_there_already_is_confirmed_by_its_preview() {
    let mut scene = Scene::new();
    let photo = jpeg(1, 200_000);
    let (item, _) = scene.report(&photo);
    scene.carry(SyncChannel::Events);
    // The answer to the last part was lost, and the preview came too late.
    while scene.courier().sync_status().unwrap().media_pending > 0 {
        let Next::Send { request } = scene.courier().next_request(SyncChannel::Media).unwrap()
        else {
            panic!("the file waits");
        };
        let answer = scene.station.ask(&request_of(&scene.phone, &request));
        if answer.get("Lastmile-Confirmed").is_some() {
            break;
        }
        scene.courier().apply_reply(request.id, &reply_of(answer)).unwrap();
    }
    scene.phone.kill();
    scene.phone.start().unwrap();
    scene.preview(&item, &jpeg(2, 10_000));
    assert!(scene.step(SyncChannel::Media));
    assert_eq!(scene.methods(), ["PUT"]);
    scene.is_over(&item, &photo);
}

#[test]
fn a_preview_that_was_not_sent_goes_with_its_file() {
    let mut scene = Scene::new();
    let photo = jpeg(1, 200_000);
    let (item, _) = scene.report(&photo);
    scene.carry(SyncChannel::Events);
    assert!(scene.step(SyncChannel::Media) && scene.step(SyncChannel::Media));
    let Next::Send { request } = scene.courier().next_request(SyncChannel::Media).unwrap() else {
        panic!("the last part waits");
    };
    let last = reply_of(scene.station.ask(&request_of(&scene.phone, &request)));
    scene.preview(&item, &jpeg(2, 10_000));
    assert_eq!(scene.left(), (1, 0));
    scene.courier().apply_reply(request.id, &last).unwrap();
    assert_eq!(scene.methods(), ["POST", "HEAD"]);
    scene.is_over(&item, &photo);
}

#[test]
fn of_a_file_that_is_lost_the_preview_is_seen_all_the_same() {
    let mut scene = Scene::new();
    let (item, _) = scene.report(&jpeg(1, MB));
    let small = jpeg(2, 10_000);
    scene.carry(SyncChannel::Events);
    scene.phone.lose_a_photo(&mut fastrand::Rng::with_seed(1)).unwrap();
    assert!(!scene.step(SyncChannel::Media));
    scene.preview(&item, &small);
    scene.sync();
    assert_eq!(scene.courier().sync_status().unwrap().media_lost, 1);
    assert!(scene.clerk_sees("previews", &item) == Some(small));
    assert_eq!(scene.left(), (0, 1));
}

#[test]
fn a_preview_that_was_tampered_with_is_dropped_and_its_file_arrives() {
    let mut scene = Scene::new();
    let photo = jpeg(1, MB);
    let (item, _) = scene.report(&photo);
    let (other, _) = scene.report(&jpeg(2, MB));
    scene.preview(&item, &jpeg(3, 10_000));
    scene.preview(&other, &jpeg(4, 9_000));
    let swap = "UPDATE preview SET sealed =
        (SELECT sealed FROM preview ORDER BY evidence DESC LIMIT 1)";
    assert_eq!(scene.phone.database().execute(swap, []).unwrap(), 2);
    scene.sync();
    assert_eq!((scene.puts(), scene.sent[0].bytes), (1, 9_000), "none opens in another's place");
    scene.is_over(&item, &photo);
}

/// A parcel is delivered with a photo that has a preview.
fn delivered(scene: &mut Scene) -> EvidenceRef {
    let waybill = lastmile_tests::invented::waybill(1);
    let person = lastmile_tests::invented::person;
    scene.station.announce(&waybill, person(), person(), &mut fastrand::Rng::with_seed(1));
    scene.station.assign(&waybill, &CourierNo::new("4849").unwrap());
    scene.sync();
    scene.phone.take_out(std::slice::from_ref(&waybill)).unwrap();
    let lane = Lane::Parcel(waybill.clone());
    let photo = jpeg(1, MB);
    let item = scene.courier().capture_bytes(&lane, &photo, MediaSource::Camera).unwrap();
    let deliver = json!({"do": "deliver", "waybill": waybill, "method": "face_to_face",
        "identity": {"method": "name", "matched": true}, "address_checked": true,
        "inspection": "declined", "proof": [{"kind": "photo", "evidence": item}]});
    scene.courier().record(&serde_json::from_value(deliver).unwrap()).unwrap();
    scene.preview(&item, &jpeg(2, 10_000));
    scene.courier().pull_soon();
    scene.carry(SyncChannel::Events);
    item
}

fn erase(scene: &Scene) {
    let lane = Lane::Parcel(lastmile_tests::invented::waybill(1));
    let command = json!({"do": "erase_person", "lane": lane, "party": "recipient",
        "reason": "asked"});
    let answer = scene.station.desk("POST", "/v1/clerk/commands", &command);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn a_preview_goes_with_the_erased_person_from_the_phone_that_hears_of_it() {
    let mut scene = Scene::new();
    delivered(&mut scene);
    erase(&scene);
    assert_eq!(scene.left(), (1, 0));
    scene.courier().pull_soon();
    scene.carry(SyncChannel::Events);
    assert_eq!(scene.left(), (0, 0));
    scene.sync();
    assert_eq!(scene.sent, []);
}

#[test]
fn a_preview_of_what_was_erased_is_not_taken_and_phone_and_file_learn_so() {
    let mut scene = Scene::new();
    delivered(&mut scene);
    erase(&scene);
    scene.carry(SyncChannel::Media);
    assert_eq!(scene.methods(), ["PUT"]);
    assert_eq!(scene.left(), (0, 0));
    assert_eq!(scene.phone.disk.files().list("media").unwrap(), [""; 0]);
    assert_eq!(scene.courier().sync_status().unwrap().media_pending, 0);
}

#[test]
fn a_preview_at_the_hub_goes_with_the_erased_person() {
    let mut scene = Scene::new();
    let item = delivered(&mut scene);
    assert!(scene.step(SyncChannel::Media));
    assert!(scene.clerk_sees("previews", &item).is_some());
    erase(&scene);
    assert_eq!(scene.left(), (0, 0));
    assert!(scene.clerk_sees("previews", &item).is_none());
    assert_eq!(scene.clerk_is_told(&Lane::Parcel(lastmile_tests::invented::waybill(1))), []);
}
