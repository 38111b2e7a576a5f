//! What keeps something from the hub has a name, and what a support desk is sent is not personal.

use lastmile_core::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::diagnostics::Stall;
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::CourierNo;
use lastmile_core::privacy::Person;
use lastmile_core::sync::{Auth, Header, HubReply, Next, SyncChannel};
use lastmile_core::waybill::Waybill;
use lastmile_tests::world::{
    Phone, Station, TrueTime, carry_until_idle, reply_of, request_of, station_and_phone,
};

/// The most an app is asked to send to a support desk.
const MOST_BYTES: usize = 200_000;

const SAID: [&str; 4] = ["王小明", "13900000000", "解放路 5 号", "somebody's door"];

fn complain(phone: &mut Phone) {
    let courier = phone.courier().unwrap();
    let complaint = Command::ReceiveComplaint {
        case: courier.new_case(),
        waybill: Waybill::parse("SF1000000000001").unwrap(),
        complainant: Person {
            name: SAID[0].to_owned(),
            phone: SAID[1].to_owned(),
            address: SAID[2].to_owned(),
            ..Person::default()
        },
        demand: SAID[3].to_owned(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    };
    courier.record(&complaint).unwrap();
}

fn photograph(phone: &mut Phone) {
    let courier = phone.courier().unwrap();
    let case = courier.new_case();
    let lane = Lane::Exception(case);
    let photo = courier.capture_bytes(&lane, b"\xff\xd8\xff\xe0 a door", MediaSource::Camera);
    let report = Command::ReportException {
        case,
        kind: ExceptionKind::Delay,
        waybill: None,
        evidence: vec![photo.unwrap()],
        shows: Vec::new(),
        note: Some(SAID[3].to_owned()),
    };
    courier.record(&report).unwrap();
}

fn stalls(phone: &mut Phone) -> Vec<Stall> {
    phone.courier().unwrap().stalls().unwrap()
}

/// The codes of what stands in the way, with how much waits for each.
fn codes(phone: &mut Phone) -> Vec<(String, i64)> {
    stalls(phone).into_iter().map(|stall| (stall.code, stall.count)).collect()
}

fn code(code: &str, count: i64) -> Vec<(String, i64)> {
    vec![(code.to_owned(), count)]
}

/// Asks for a request, which must be there.
fn ask(phone: &mut Phone, channel: SyncChannel) -> u64 {
    match phone.courier().unwrap().next_request(channel).unwrap() {
        Next::Send { request } => request.id,
        next => panic!("{next:?}"),
    }
}

/// Gives the next request of the events an answer of this status.
fn answer(phone: &mut Phone, status: u16) {
    let id = ask(phone, SyncChannel::Events);
    let reply = HubReply::Answer { status, headers: Vec::<Header>::new(), body: Vec::new() };
    // What the machine makes of it is told by its stalls.
    let _ = phone.courier().unwrap().apply_reply(id, &reply);
}

fn synced() -> (Station, Phone) {
    let (station, mut phone) = station_and_phone();
    complain(&mut phone);
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), [], "everything is at the hub");
    (station, phone)
}

#[test]
fn what_was_recorded_and_not_asked_for_is_not_synced() {
    let (_station, mut phone) = synced();
    complain(&mut phone);
    assert_eq!(codes(&mut phone), code("NotSynced", 1));
    let id = ask(&mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), code("InFlight", 1));
    phone.courier().unwrap().apply_reply(id, &HubReply::NoAnswer).unwrap();
    let stalls = stalls(&mut phone);
    assert_eq!((stalls.len(), stalls[0].code.as_str(), stalls[0].count), (1, "NoAnswer", 1));
    assert!(stalls[0].retry_in_ms.unwrap() > 0);
}

#[test]
fn each_answer_that_is_none_has_its_code() {
    let told = [
        (503, "HubBusy"),
        (401, "Unauthorised"),
        (413, "RequestTooLarge"),
        (418, "ReplyMalformed"),
    ];
    for (status, expected) in told {
        let (_station, mut phone) = synced();
        complain(&mut phone);
        answer(&mut phone, status);
        assert_eq!(codes(&mut phone), code(expected, 1), "{status}");
    }
}

#[test]
fn an_app_too_old_to_receive_goes_on_sending() {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let mut phone =
        Phone::new(&time, 1, station.enrol(&CourierNo::new("4849").unwrap(), None), None);
    phone.start().unwrap();
    complain(&mut phone);
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    complain(&mut phone);
    answer(&mut phone, 426);
    let mut next = || phone.courier().unwrap().next_request(SyncChannel::Events).unwrap();
    let Next::Wait { ms } = next() else { panic!("it goes easy on the hub") };
    time.pass(ms.try_into().unwrap());

    let Next::Send { request } = next() else { panic!("what was recorded waits") };

    assert_eq!(request.auth, Auth::Device, "it asks for nothing that others did");
    let reply = reply_of(station.ask(&request_of(&phone, &request)));
    phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
    assert_eq!(phone.courier().unwrap().sync_status().unwrap().pending, 0);
    assert_eq!(codes(&mut phone), code("UpgradeRequired", 0));
}

#[test]
fn what_stops_receiving_alone_is_told_too() {
    let (_station, mut phone) = synced();
    phone.courier().unwrap().pull_soon();
    answer(&mut phone, 426);
    let found = codes(&mut phone);
    assert!(found.contains(&("UpgradeRequired".to_owned(), 0)), "{found:?}");

    let (_station, mut phone) = synced();
    phone.courier().unwrap().set_signed_in(false).unwrap();
    assert_eq!(codes(&mut phone), code("SignedOut", 0));

    let (station, mut phone) = synced();
    phone.enrolment.session_token = "another".to_owned();
    phone.courier().unwrap().pull_soon();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), code("SessionEnded", 0));
}

#[test]
fn files_and_what_is_parked_are_told_by_their_reason() {
    let (station, mut phone) = synced();
    photograph(&mut phone);
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), code("NotSynced", 1), "the photo");
    assert_eq!(stalls(&mut phone)[0].channel, Some(SyncChannel::Media));
    for name in phone.disk.files().list("media").unwrap() {
        phone.disk.files().remove(&format!("media/{name}")).unwrap();
    }
    carry_until_idle(&station, &mut phone, SyncChannel::Media);
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), code("MediaLost", 1));

    let (station, mut phone) = synced();
    station.quarantine(phone.enrolment.device, true);
    complain(&mut phone);
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    assert_eq!(codes(&mut phone), code("ParkedQuarantined", 1));
}

#[test]
fn what_a_support_desk_is_sent_is_small_and_not_personal() {
    let (station, mut phone) = synced();
    for _ in 0..300 {
        complain(&mut phone);
    }
    photograph(&mut phone);
    for _ in 0..200 {
        phone.courier().unwrap().pull_soon();
        let Next::Send { request } =
            phone.courier().unwrap().next_request(SyncChannel::Events).unwrap()
        else {
            panic!("there is something to send");
        };
        phone.courier().unwrap().apply_reply(request.id, &HubReply::NoAnswer).unwrap();
    }
    let told = phone.courier().unwrap().diagnostics().unwrap();
    assert_eq!(told.pending["complaint"], 300);
    assert_eq!((told.rows["vault"], told.media["Queued"]), (603, 1));
    assert_eq!(told.failures.last().unwrap().code, "NoAnswer");
    let json = serde_json::to_string(&told).unwrap();
    assert!(json.len() < MOST_BYTES, "{} bytes", json.len());
    for said in SAID.iter().copied().chain(["4849", "SF1000000000001"]) {
        assert!(!json.contains(said), "{said}");
    }
    // The hub answers: nothing is in the way any more.
    phone.courier().unwrap().pull_soon();
    let mut carry = |channel| {
        while let Next::Send { request } = phone.courier().unwrap().next_request(channel).unwrap() {
            let reply = reply_of(station.ask(&request_of(&phone, &request)));
            phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
        }
    };
    carry(SyncChannel::Events);
    carry(SyncChannel::Media);
    assert_eq!(codes(&mut phone), []);
}
