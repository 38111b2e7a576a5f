//! What simulated days have found, each as small as it can be told.

use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::Channel;
use lastmile_core::event::{Event, Lane};
use lastmile_core::evidence::MediaSource;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::{CaseId, CourierNo, ManifestId};
use lastmile_core::privacy::Person;
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
