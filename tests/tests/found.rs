//! What simulated days have found, each as small as it can be told.

use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::Channel;
use lastmile_core::event::{CorrectionReason, Event, Fact, Lane};
use lastmile_core::evidence::MediaSource;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::{CaseId, CourierNo, EventId, ManifestId};
use lastmile_core::privacy::{Person, VaultRef};
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_core::time::SystemEntropy;
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, SyncStatus};
use lastmile_tests::world::{
    Phone, Station, carry_until_idle, reply_of, request_of, station_and_phone,
};

fn waybill() -> Waybill {
    Waybill::parse("YT0000000000001").expect("a waybill number")
}

fn person() -> Person {
    Person { name: "Wang Ceshi".into(), phone: "13900000001".into(), ..Person::default() }
}

fn another() -> CourierNo {
    CourierNo::new("another").expect("a courier's number")
}

fn courier(phone: &mut Phone) -> &mut Courier {
    phone.courier().expect("the app runs")
}

fn carry(station: &Station, phone: &mut Phone) {
    courier(phone).pull_soon();
    carry_until_idle(station, phone, SyncChannel::Events);
}

/// Records that somebody complains about a courier's manners.
fn complain(phone: &mut Phone, about: &CourierNo) -> CaseId {
    let courier = courier(phone);
    let (case, about) = (courier.new_case(), Some(about.clone()));
    let command = Command::ReceiveComplaint {
        case,
        waybill: waybill(),
        complainant: person(),
        demand: "an apology".into(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Attitude,
        about,
    };
    courier.record(&command).expect("no rule speaks against it");
    case
}

/// Receives the one parcel at the station.
fn receive(phone: &mut Phone) {
    let courier = courier(phone);
    let manifest = ManifestId::new(courier.now().ms, &SystemEntropy);
    let (expected, scanned) = (vec![waybill()], vec![waybill()]);
    let count = Command::ReconcileManifest { manifest, expected, scanned, damaged: Vec::new() };
    courier.record(&count).expect("no rule speaks against it");
}

fn take_out(phone: &mut Phone) {
    let take_out = Command::TakeOut { waybills: vec![waybill()] };
    courier(phone).record(&take_out).expect("no rule speaks against it");
}

/// Puts the one parcel into a locker, whatever rules speak against it. Returns the reference of its
/// pickup code.
fn store(station: &Station, phone: &mut Phone) -> VaultRef {
    station.announce(&waybill(), person(), person(), &mut fastrand::Rng::with_seed(1));
    station.assign(&waybill(), &phone.enrolment.courier);
    let site = station.open_sites().remove(0);
    carry(station, phone);
    receive(phone);
    carry(station, phone);
    let collect_before_ms = courier(phone).now().ms + 80_000_000;
    let (code, photo, slot) = (Some("8-3021".to_owned()), None, None);
    let store = Command::Store { waybill: waybill(), site, collect_before_ms, code, photo, slot };
    courier(phone).record_done(&store, "a test").expect("it was done");
    let history = courier(phone).log().expect("a good disk");
    let facts = history.iter().filter_map(|line| Some(Event::parse(&line.bytes).ok()?.fact));
    let mut codes = facts.filter_map(|fact| match fact {
        Fact::ParcelStored(stored) => stored.code,
        _ => None,
    });
    codes.next_back().expect("a sealed code")
}

/// Takes the one parcel out of the locker. Returns the event.
fn retrieve(phone: &mut Phone) -> EventId {
    let retrieve = Command::Retrieve { waybill: waybill(), scanned: true };
    let done = courier(phone).record_done(&retrieve, "a test").expect("it was done");
    *done.events.first().expect("an event")
}

/// Whether a text lies on the phone, and at the hub.
fn kept(station: &Station, phone: &Phone, text: VaultRef) -> (bool, bool) {
    let db = phone.database();
    let mut sql = db.prepare("SELECT 1 FROM vault WHERE ref = ?1").expect("the phone's schema");
    let on_phone = sql.exists([&text.0.0]).expect("the phone's schema");
    (on_phone, station.everything().vault.contains_key(&text))
}

/// How many persons and texts lie on the phone.
fn persons(phone: &Phone) -> u32 {
    let sql = "SELECT count(*) FROM vault";
    phone.database().query_row(sql, [], |row| row.get(0)).expect("the phone's schema")
}

fn status(phone: &mut Phone) -> SyncStatus {
    courier(phone).sync_status().expect("a good disk")
}

#[test]
fn a_restored_phone_learns_what_it_had_done_before_it_records_anything() {
    let (station, mut phone) = station_and_phone();
    carry(&station, &mut phone);
    let backup = phone.disk.duplicate();
    let me = phone.enrolment.courier.clone();
    let case = complain(&mut phone, &me);
    carry(&station, &mut phone);

    phone.kill();
    phone.disk = backup;
    phone.new_chance();
    phone.start().expect("a good disk");
    carry(&station, &mut phone);

    let history = courier(&mut phone).history(&Lane::Complaint(case)).expect("a good disk");
    assert_eq!(history.len(), 1);
}

#[test]
fn a_courier_whose_station_took_the_complaint_about_him_forgets_who_complains() {
    let (station, mut phone) = station_and_phone();
    let me = phone.enrolment.courier.clone();
    let case = complain(&mut phone, &me);
    carry(&station, &mut phone);
    assert_ne!(persons(&phone), 0, "he may still speak to the customer");

    assert_eq!(station.command(&Command::TakeComplaint { case }), 201);
    carry(&station, &mut phone);

    assert_eq!(persons(&phone), 0);
}

#[test]
fn what_is_released_in_a_lane_out_of_sight_has_its_place_on_its_phone_too() {
    let (station, mut phone) = station_and_phone();
    let case = complain(&mut phone, &another());
    carry(&station, &mut phone);
    station.quarantine(phone.enrolment.device, true);
    let contact = Command::ContactCustomer { case, channel: Channel::Phone, reached: true };
    courier(&mut phone).record(&contact).expect("no rule speaks against it");
    carry(&station, &mut phone);
    assert_eq!(status(&mut phone).parked, 1);
    assert_eq!(station.command(&Command::TakeComplaint { case }), 201);
    carry(&station, &mut phone);

    assert!(station.release_one(&mut fastrand::Rng::with_seed(1)));
    carry(&station, &mut phone);

    assert_eq!(status(&mut phone).parked, 0);
}

#[test]
fn what_is_parked_keeps_no_person_of_a_parcel_that_went_to_another() {
    let (station, mut phone) = station_and_phone();
    let mut rng = fastrand::Rng::with_seed(1);
    station.announce(&waybill(), person(), person(), &mut rng);
    station.assign(&waybill(), &phone.enrolment.courier);
    carry(&station, &mut phone);
    station.quarantine(phone.enrolment.device, true);
    receive(&mut phone);
    take_out(&mut phone);
    carry(&station, &mut phone);
    assert_ne!(status(&mut phone).parked, 0);
    assert_ne!(persons(&phone), 0, "he is still to deliver it");

    let assign = Command::Assign { waybill: waybill(), courier: another() };
    assert_eq!(station.command(&assign), 201);
    carry(&station, &mut phone);

    assert_eq!(persons(&phone), 0);
}

#[test]
fn a_courier_whose_parcel_was_assigned_after_the_hubs_backup_forgets_its_persons() {
    let (mut station, mut phone) = station_and_phone();
    carry(&station, &mut phone);
    let backup = station.backup();
    let mut rng = fastrand::Rng::with_seed(1);
    station.announce(&waybill(), person(), person(), &mut rng);
    station.assign(&waybill(), &phone.enrolment.courier);
    carry(&station, &mut phone);
    assert_ne!(persons(&phone), 0);

    station.restore(backup);
    phone.enrolment.session_token = station.new_session(&phone.enrolment);
    for _ in 0..4 {
        pull_once(&station, &mut phone);
    }

    assert_eq!(persons(&phone), 0);
}

#[test]
fn what_was_on_its_way_while_the_hub_was_restored_stands_behind_what_came_before_it() {
    let (mut station, mut phone) = station_and_phone();
    let mut rng = fastrand::Rng::with_seed(1);
    station.announce(&waybill(), person(), person(), &mut rng);
    station.assign(&waybill(), &phone.enrolment.courier);
    carry(&station, &mut phone);
    let backup = station.backup();
    receive(&mut phone);
    carry(&station, &mut phone);
    take_out(&mut phone);
    let next = courier(&mut phone).next_request(SyncChannel::Events).expect("a good disk");
    let Next::Send { request } = next else { panic!("an act waits") };
    let on_its_way = request_of(&phone, &request);

    station.restore(backup);
    station.ask(&on_its_way);
    let _ = courier(&mut phone).apply_reply(request.id, &HubReply::NoAnswer);
    phone.enrolment.session_token = station.new_session(&phone.enrolment);
    for _ in 0..4 {
        pull_once(&station, &mut phone);
    }

    let placed = station.everything().placed;
    let own = placed.iter().filter_map(|(lane, _, bytes)| {
        let event = Event::parse(bytes).expect("an event");
        let own = lane.starts_with("parcel") && event.envelope.actor.courier().is_some();
        own.then(|| event.fact.kind().to_owned())
    });
    assert_eq!(own.collect::<Vec<_>>(), ["ParcelReceivedAtStation", "ParcelOutForDelivery"]);
}

#[test]
fn a_code_whose_stay_has_ended_does_not_come_back_with_a_push_that_is_sent_again() {
    let (station, mut phone) = station_and_phone();
    let code = store(&station, &mut phone);
    retrieve(&mut phone);
    let next = courier(&mut phone).next_request(SyncChannel::Events).expect("a good disk");
    let Next::Send { request } = next else { panic!("two acts wait") };
    station.ask(&request_of(&phone, &request));
    let lost = courier(&mut phone).apply_reply(request.id, &HubReply::NoAnswer);
    lost.expect("silence is no failure");
    carry(&station, &mut phone);

    assert_eq!(status(&mut phone).pending, 0);
    assert_eq!(kept(&station, &phone, code), (false, false));
}

#[test]
fn a_code_is_gone_everywhere_also_when_the_end_of_its_stay_is_taken_back() {
    let (station, mut phone) = station_and_phone();
    let code = store(&station, &mut phone);
    let event = retrieve(&mut phone);
    let next = courier(&mut phone).next_request(SyncChannel::Events).expect("a good disk");
    let Next::Send { request } = next else { panic!("two acts wait") };
    let reason = CorrectionReason::DidNotOccur;
    let (lane, note) = (Lane::Parcel(waybill()), "another parcel".to_owned());
    let correct = Command::Correct { lane, event, reason, note };
    courier(&mut phone).record(&correct).expect("no rule speaks against it");
    let answer = reply_of(station.ask(&request_of(&phone, &request)));
    courier(&mut phone).apply_reply(request.id, &answer).expect("a good answer");
    carry(&station, &mut phone);

    let stay = courier(&mut phone).parcel(&waybill()).expect("a good disk").expect("it is here");
    assert!(stay.storage.current_stay().is_some(), "it lies there still");
    assert_eq!(kept(&station, &phone, code), (false, false));
}

/// One round trip. The first answer of another epoch is refused, the second says why it is one.
fn pull_once(station: &Station, phone: &mut Phone) {
    courier(phone).pull_soon();
    let next = courier(phone).next_request(SyncChannel::Events).expect("a good disk");
    let Next::Send { request } = next else { return };
    let asked = request_of(phone, &request);
    let _ = courier(phone).apply_reply(request.id, &reply_of(station.ask(&asked)));
}

#[test]
fn a_hub_that_falls_before_it_threw_a_damaged_photo_away_does_so_when_it_is_asked() {
    for calls in 1..20 {
        let (mut station, mut phone) = station_and_phone();
        let mut rng = fastrand::Rng::with_seed(calls);
        station.announce(&waybill(), person(), person(), &mut rng);
        station.assign(&waybill(), &phone.enrolment.courier);
        carry(&station, &mut phone);
        let courier = courier(&mut phone);
        let case = courier.new_case();
        let photo: &[u8] = b"\xff\xd8\xff\xe0 a torn box";
        let photo = courier.capture_bytes(&Lane::Exception(case), photo, MediaSource::Camera);
        let report = Command::ReportException {
            case,
            kind: ExceptionKind::Damage,
            waybill: Some(waybill()),
            evidence: vec![photo.expect("a good disk")],
            shows: Vec::new(),
            note: None,
        };
        courier.record(&report).expect("no rule speaks against it");

        let mut damaged = false;
        for _ in 0..20 {
            let courier = phone.courier().expect("the app runs");
            let next = courier.next_request(SyncChannel::Media).expect("a good disk");
            let Next::Send { request } = next else { break };
            let mut asked = request_of(&phone, &request);
            let answer = match request.method.as_str() {
                "PATCH" if !std::mem::replace(&mut damaged, true) => {
                    *asked.body.last_mut().expect("a part of it") ^= 1;
                    station.ask_while_it_falls(&asked, calls, &mut rng)
                }
                _ => Some(station.ask(&asked)),
            };
            let reply = answer.map_or(HubReply::NoAnswer, reply_of);
            let courier = phone.courier().expect("the app runs");
            let _ = courier.apply_reply(request.id, &reply);
            courier.pull_soon();
        }

        assert_eq!(status(&mut phone).media_pending, 0, "it fell after {calls} calls");
    }
}
