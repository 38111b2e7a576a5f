//! What leaves the phone after its time, or with a person who is erased, and that nothing else
//! changes by it.

use lastmile_core::Progress;
use lastmile_core::command::Command;
use lastmile_core::delivery::{
    HandoverMethod, IdentityCheck, IdentityMethod, Inspection, Party, ProofItem, ProofKind,
};
use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::{CourierNo, ManifestId};
use lastmile_core::parcel::FreezeReason;
use lastmile_core::privacy::{Person, RevealReason};
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_core::waybill::Waybill;
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, reply_of, request_of};

const DAY_MS: i64 = 86_400_000;
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a hand-over at the door";

fn waybill(n: u32) -> Waybill {
    Waybill::parse(&format!("YT{n:013}")).expect("a waybill number")
}

fn lane(n: u32) -> Lane {
    Lane::Parcel(waybill(n))
}

struct Day {
    time: TrueTime,
    station: Station,
    phone: Phone,
}

impl Day {
    /// Two parcels are out; the first is delivered with a photo.
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let courier = CourierNo::new("4849").expect("a plain number");
        let mut rng = fastrand::Rng::with_seed(1);
        for n in [1, 2] {
            let person = || Person { name: "Wang Ceshi".into(), ..Person::default() };
            station.announce(&waybill(n), person(), person(), &mut rng);
            station.assign(&waybill(n), &courier);
        }
        let enrolment = station.enrol(&courier, None);
        let mut phone = Phone::new(&time, 1, enrolment, None);
        phone.start().expect("a good disk");
        let mut day = Self { time, station, phone };
        day.sync();
        let both = vec![waybill(1), waybill(2)];
        day.record(&Command::ReconcileManifest {
            manifest: ManifestId::new(day.time.ms(), &lastmile_core::time::SystemEntropy),
            expected: both.clone(),
            scanned: both.clone(),
            damaged: Vec::new(),
        });
        day.record(&Command::TakeOut { waybills: both });
        let courier = day.phone.courier().expect("the app runs");
        let photo = courier.capture_bytes(&lane(1), PHOTO, MediaSource::Camera).expect("a photo");
        day.record(&Command::Deliver {
            waybill: waybill(1),
            method: HandoverMethod::FaceToFace,
            taker: None,
            identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
            address_checked: true,
            inspection: Inspection::Declined,
            proof: vec![ProofItem { kind: ProofKind::Photo, evidence: Some(photo) }],
        });
        day
    }

    fn record(&mut self, command: &Command) {
        let courier = self.phone.courier().expect("the app runs");
        courier.record(command).expect("no rule speaks against it");
    }

    /// Signs in again, for a shift is shorter than a month, and carries everything.
    fn sync(&mut self) {
        self.phone.enrolment.session_token = self.station.new_session(&self.phone.enrolment);
        let courier = self.phone.courier().expect("the app runs");
        courier.set_signed_in(true).expect("a good disk");
        courier.pull_soon();
        for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
            carry_until_idle(&self.station, &mut self.phone, channel);
        }
    }

    fn tidy(&mut self) -> u32 {
        self.phone.courier().expect("the app runs").tidy().expect("a good disk")
    }

    fn events(&mut self, of: u32) -> usize {
        let log = self.phone.courier().and_then(|courier| courier.log()).expect("a good disk");
        log.iter().filter(|line| line.lane == lane(of)).count()
    }

    fn state(&mut self, of: u32) -> String {
        let courier = self.phone.courier().expect("the app runs");
        let state = courier.lane(&lane(of)).expect("a good disk").expect("it is known");
        serde_json::to_string(&state).expect("plain data")
    }

    /// What lies in the file of a lane's state.
    fn stored(&self, of: u32) -> String {
        let db = self.phone.database();
        let state = "SELECT state FROM lane WHERE name = ?1";
        db.query_row(state, [lane(of).to_string()], |row| row.get(0)).expect("its row")
    }

    fn carry(&mut self, channel: SyncChannel) {
        self.phone.courier().expect("the app runs").pull_soon();
        carry_until_idle(&self.station, &mut self.phone, channel);
    }

    /// The station erases the recipient of the parcel that was delivered with a photo.
    fn erase(&self) {
        let command = serde_json::json!({ "do": "erase_person", "lane": lane(1),
                                          "party": "recipient", "reason": "asked" });
        let answer = self.station.desk("POST", "/v1/clerk/commands", &command);
        assert_eq!(answer.status, 201);
    }

    /// Holds that the photo is gone, that nothing waits for it, and that it was not lost.
    fn has_settled_the_erased_photo(&mut self) {
        assert_eq!(self.files(), 0);
        let courier = self.phone.courier().expect("the app runs");
        let status = courier.sync_status().expect("a good disk");
        assert_eq!((status.media_pending, status.media_lost, status.pending), (0, 0, 0));
        let history = courier.history(&lane(1)).expect("a good disk");
        assert!(history.iter().all(|entry| entry.kind != "EvidenceLost"));
        let delivered = history.iter().find(|entry| entry.kind == "ParcelDelivered");
        assert_eq!(delivered.expect("it stays").progress, Progress::Confirmed);
    }

    fn files(&self) -> usize {
        self.phone.disk.files().list("media").expect("a good disk").len()
    }

    fn parcel_rows(&self) -> Vec<(i64, String, bool, bool)> {
        let db = self.phone.disk.open("courier.db").expect("a good disk");
        let mut rows =
            db.prepare("SELECT lane, stage, open, mine FROM parcel ORDER BY lane").expect("lists");
        let rows = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .and_then(Iterator::collect);
        rows.expect("lists")
    }
}

#[test]
fn a_closed_parcel_leaves_after_its_time_and_keeps_what_it_came_to() {
    let mut day = Day::new();
    day.sync();
    assert_eq!((day.tidy(), day.files()), (0, 1), "its time is not over");
    let (state, lists) = (day.state(1), day.parcel_rows());

    day.time.pass(31 * DAY_MS);
    assert_eq!((day.tidy(), day.tidy()), (1, 0));

    assert_eq!((day.events(1), day.files()), (0, 0));
    assert_ne!(day.events(2), 0, "an open parcel stays");
    assert_eq!(day.state(1), state);
    let courier = day.phone.courier().expect("the app runs");
    let shown = courier.reveal(&waybill(1), Party::Recipient, RevealReason::Call, None);
    assert_eq!(shown.expect_err("he has left").code(), "NotFound");
    assert!(courier.reveal(&waybill(2), Party::Recipient, RevealReason::Call, None).is_ok());
    courier.rebuild_lists().expect("a good disk");
    assert_eq!(day.parcel_rows(), lists);
}

#[test]
fn what_is_over_is_stored_without_its_state_until_its_events_leave() {
    let mut day = Day::new();
    day.sync();
    let state = day.state(1);
    assert!(state.contains("\"stage\":\"delivered\""), "it is folded when it is asked for");
    assert_eq!((day.stored(1).as_str(), day.stored(2)), ("", day.state(2)));

    day.time.pass(31 * DAY_MS);
    assert_eq!((day.tidy(), day.stored(1)), (1, state));
}

#[test]
fn nothing_leaves_that_the_hub_has_not_confirmed() {
    let mut day = Day::new();
    day.time.pass(31 * DAY_MS);
    assert_eq!(day.tidy(), 0, "the hand-over is pending");

    carry_until_idle(&day.station, &mut day.phone, SyncChannel::Events);
    day.time.pass(31 * DAY_MS);
    assert_eq!((day.tidy(), day.files()), (0, 1), "the photo is pending");

    day.sync();
    assert_eq!((day.tidy(), day.files()), (1, 0));
}

#[test]
fn what_the_hub_sends_of_a_lane_that_left_is_folded_on_top_and_the_rest_is_known() {
    let mut day = Day::new();
    day.sync();
    day.time.pass(31 * DAY_MS);
    assert_eq!(day.tidy(), 1);

    let reason = FreezeReason::SafetyRecall;
    assert_eq!(day.station.command(&Command::Freeze { waybill: waybill(1), reason }), 201);
    day.sync();
    assert!(day.state(1).contains("safety_recall"));
    assert!(day.state(1).contains("\"stage\":\"delivered\""));
    let (state, events) = (day.state(1), day.events(1));
    let hub = day.station.everything().states.remove(&lane(1).to_string());
    assert_eq!(hub.map(|state| state.to_string()), Some(sorted(&state)));

    // A phone that took a new incarnation reads its feed again from the start.
    let db = day.phone.disk.open("courier.db").expect("a good disk");
    db.execute("DELETE FROM meta WHERE key = 'cursor'", []).expect("a cursor");
    drop(db);
    day.sync();
    assert_eq!((day.state(1), day.events(1)), (state, events));
}

/// The same JSON in the order of its keys.
fn sorted(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).expect("JSON").to_string()
}

#[test]
fn a_photo_that_was_sent_leaves_the_phone_with_the_erased_person() {
    let mut day = Day::new();
    day.sync();
    day.erase();
    assert_eq!(day.files(), 1);
    day.sync();
    day.has_settled_the_erased_photo();
}

#[test]
fn an_upload_that_waits_ends_when_the_phone_hears_of_the_erasure() {
    let mut day = Day::new();
    day.carry(SyncChannel::Events);
    day.erase();
    day.carry(SyncChannel::Events);
    day.has_settled_the_erased_photo();
    day.carry(SyncChannel::Media);
    day.has_settled_the_erased_photo();
}

#[test]
fn a_late_upload_is_answered_so_that_the_phone_deletes_its_copy() {
    let mut day = Day::new();
    day.carry(SyncChannel::Events);
    day.erase();
    day.carry(SyncChannel::Media);
    day.has_settled_the_erased_photo();
    day.sync();
    day.has_settled_the_erased_photo();
}

#[test]
fn an_upload_under_way_ends_when_its_file_is_erased() {
    let mut day = Day::new();
    day.carry(SyncChannel::Events);
    let courier = day.phone.courier().expect("the app runs");
    let Next::Send { request } = courier.next_request(SyncChannel::Media).expect("a good disk")
    else {
        panic!("a photo waits");
    };
    let ask = request_of(&day.phone, &request);
    let begun = reply_of(day.station.ask(&ask));
    day.erase();
    day.carry(SyncChannel::Events);
    let courier = day.phone.courier().expect("the app runs");
    courier.apply_reply(request.id, &begun).expect("a good reply");
    day.carry(SyncChannel::Media);
    day.has_settled_the_erased_photo();
}

/// A photo of its own for each `n`, 1,000 bytes long, of a case that is reported with it.
fn report(day: &mut Day, n: u8) -> EvidenceRef {
    let courier = day.phone.courier().expect("the app runs");
    let case = courier.new_case();
    let jpeg = [PHOTO, &[n; 1000]].concat();
    let lane = Lane::Exception(case);
    let photo = courier.capture_bytes(&lane, &jpeg[..1000], MediaSource::Camera);
    let photo = photo.expect("a photo");
    day.record(&Command::ReportException {
        case,
        kind: ExceptionKind::Delay,
        waybill: None,
        evidence: vec![photo.clone()],
        shows: Vec::new(),
        note: None,
    });
    photo
}

#[test]
fn room_is_made_by_the_oldest_photos_that_the_hub_has_and_by_no_other() {
    let mut day = Day::new();
    day.sync();
    let sent: Vec<_> = (1..=3).map(|n| report(&mut day, n)).collect();
    day.sync();
    let waits = report(&mut day, 4);
    let here = |day: &mut Day, item: &EvidenceRef| {
        day.phone.courier().expect("the app runs").read_media(item.id, 0, 4).is_ok()
    };
    let shrink = |day: &mut Day, at_most: u64| {
        day.phone.courier().expect("the app runs").shrink_media(at_most).expect("a good disk")
    };
    assert_eq!(shrink(&mut day, 3_000), 3_000, "that of the parcel and the oldest went");
    let found: Vec<_> = sent.iter().map(|item| here(&mut day, item)).collect();
    assert_eq!(found, [false, true, true]);

    assert_eq!(shrink(&mut day, 0), 1_000, "what the hub does not have stays");
    assert!(here(&mut day, &waits));

    day.sync();
    let courier = day.phone.courier().expect("the app runs");
    let status = courier.sync_status().expect("a good disk");
    assert_eq!((status.media_pending, status.media_lost), (0, 0));
    let history = courier.history(&lane(1)).expect("a good disk");
    assert!(history.iter().all(|entry| entry.progress == Progress::Confirmed));
    assert_eq!(shrink(&mut day, 0), 0);
}
