//! Bad input: each gets a typed error with a stable code, writes nothing half, loses nothing.

use std::path::Path;

use lastmile_core::command::Command;
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::{CourierNo, DeviceId, EvidenceId, HubEpoch, StationId};
use lastmile_core::sync::{Header, HubReply, Next, SyncChannel};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Error, Identity, Options};
use lastmile_tests::world::{Phone, key, reply_of, request_of, station_and_phone};
use uuid::Uuid;

fn identity(device: u128) -> Identity {
    Identity {
        device: DeviceId(Uuid::from_u128(device)),
        courier: CourierNo::new("4849").unwrap(),
        station: StationId::new("JL31").unwrap(),
        root_key: String::new(),
        epoch: HubEpoch(Uuid::from_u128(1)),
    }
}

fn open(folder: &Path) -> Result<Courier, Error> {
    Courier::open(Options::folder(folder, key(), 480), identity(1))
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().expect("it must be refused").code()
}

fn parcel() -> Lane {
    Lane::Parcel(Waybill::parse("SF1000000000001").unwrap())
}

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 0, 0x10, b'J', b'F', b'I', b'F', 0, 1];

#[test]
fn a_wrong_check_digit_and_a_short_number_are_told_apart() {
    assert_eq!(Waybill::parse("EA123456784CN").unwrap_err().code(), "WaybillCheckDigit");
    assert_eq!(Waybill::parse("12").unwrap_err().code(), "WaybillTooShort");
}

#[test]
fn a_store_is_not_opened_twice_nor_by_another_courier() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    assert_eq!(code(open(folder.path())), "OpenElsewhere");
    drop(first);
    let other = Courier::open(Options::folder(folder.path(), key(), 480), identity(2));
    assert_eq!(code(other), "OtherEnrolment");
    open(folder.path()).unwrap();
}

#[test]
fn a_suspended_store_says_so_and_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let mut courier = open(folder.path()).unwrap();
    courier.suspend().unwrap();
    assert_eq!(code(courier.stops()), "Suspended");
    drop(open(folder.path()).unwrap());
    courier.resume().unwrap();
    courier.stops().unwrap();
}

#[test]
fn a_foreign_a_newer_and_a_damaged_file_are_named_and_left_alone() {
    for (sql, expected) in [
        ("CREATE TABLE notes (text TEXT)", "ForeignStore"),
        ("PRAGMA application_id = 1280144244; PRAGMA user_version = 99", "NewerStore"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lastmile.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&file).unwrap();
        assert_eq!(code(open(folder.path())), expected);
        assert_eq!(std::fs::read(&file).unwrap(), before, "not a byte of it is changed");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lastmile.db");
    std::fs::write(&file, "this is a letter, not a database, and it is long enough".repeat(40))
        .unwrap();
    assert_eq!(code(open(folder.path())), "ForeignStore");
}

#[test]
fn only_pictures_of_a_sane_size_from_the_capture_folder_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut courier = open(folder.path()).unwrap();
    let capture = folder.path().join("capture");
    let mut take = |bytes: &[u8]| courier.capture_bytes(&parcel(), bytes, MediaSource::Camera);
    assert_eq!(code(take(&[])), "MediaEmpty");
    assert_eq!(code(take(b"PK\x03\x04 this is a zip file")), "NotMedia");
    let mut large = JPEG.to_vec();
    large.resize(20_000_001, 0);
    assert_eq!(code(take(&large)), "MediaTooLarge");

    std::fs::write(folder.path().join("outside.jpg"), JPEG).unwrap();
    std::os::unix::fs::symlink(folder.path().join("outside.jpg"), capture.join("link.jpg"))
        .unwrap();
    let five_gb = std::fs::File::create(capture.join("huge.mp4")).unwrap();
    five_gb.set_len(5_000_000_000).unwrap();
    for (path, expected) in [
        (folder.path().join("outside.jpg"), "MediaBadPath"),
        (capture.join("../outside.jpg"), "MediaBadPath"),
        (capture.join("link.jpg"), "MediaBadPath"),
        (capture.clone(), "MediaBadPath"),
        (capture.join("none.jpg"), "MediaBadPath"),
        (capture.join("huge.mp4"), "MediaTooLarge"),
    ] {
        let taken = courier.capture_file(&parcel(), &path, MediaSource::Camera);
        assert_eq!(code(taken), expected);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path().join("media")).unwrap().collect();
    assert!(left.is_empty(), "nothing of what was refused stays");

    std::fs::write(capture.join("door.jpg"), JPEG).unwrap();
    courier.capture_file(&parcel(), &capture.join("door.jpg"), MediaSource::Camera).unwrap();
    assert!(!capture.join("door.jpg").exists(), "what was taken is there once, and sealed");
    let unknown = EvidenceId(Uuid::from_u128(7));
    assert_eq!(code(courier.read_media(unknown, 0, 10)), "NotFound");
}

fn next(phone: &mut Phone) -> lastmile_core::sync::HubRequest {
    phone.courier().unwrap().pull_soon();
    match phone.courier().unwrap().next_request(SyncChannel::Events).unwrap() {
        Next::Send { request } => request,
        other => panic!("a request was due, not {other:?}"),
    }
}

#[test]
fn a_reply_that_is_cut_stale_or_from_another_hub_is_refused_whole() {
    let (station, mut phone) = station_and_phone();
    let request = next(&mut phone);
    let HubReply::Answer { status, headers, body } =
        reply_of(station.ask(&request_of(&phone, &request)))
    else {
        unreachable!("the hub answers")
    };
    let cut = HubReply::Answer {
        status,
        headers: headers.clone(),
        body: body[..body.len() / 2].to_vec(),
    };
    let mut apply = |id: u64, reply: &HubReply| phone.courier().unwrap().apply_reply(id, reply);
    assert_eq!(code(apply(request.id, &cut)), "ReplyMalformed");
    let whole = HubReply::Answer { status, headers, body };
    assert_eq!(code(apply(request.id, &whole)), "ReplyStale");

    let request = next(&mut phone);
    // What a hub with another database answers, its own signature and all.
    let mut asked = request_of(&phone, &request);
    asked.headers.retain(|(name, _)| name != "accept-encoding");
    let mut answer = reply_of(station.ask(&asked));
    if let HubReply::Answer { body, .. } = &mut answer {
        let text = String::from_utf8(body.clone()).unwrap();
        let ours = phone.enrolment.epoch.to_string();
        let theirs = Uuid::from_u128(7).to_string();
        *body = text.replace(&ours, &theirs).into_bytes();
    }
    let refused = phone.courier().unwrap().apply_reply(request.id, &answer);
    assert_eq!(code(refused), "OtherHub");
}

#[test]
fn a_wrong_token_is_told_and_nothing_is_lost() {
    let (station, mut phone) = station_and_phone();
    phone.enrolment.device_token = "0".repeat(64);
    let request = next(&mut phone);
    let reply = reply_of(station.ask(&request_of(&phone, &request)));
    let refused = phone.courier().unwrap().apply_reply(request.id, &reply);
    assert_eq!(code(refused), "Unauthorised");
}

#[test]
fn a_page_of_somebody_in_between_is_no_reply() {
    let (_station, mut phone) = station_and_phone();
    let request = next(&mut phone);
    let page = HubReply::Answer {
        status: 200,
        headers: vec![Header { name: "content-type".into(), value: "text/html".into() }],
        body: b"<html>Welcome to the lobby</html>".to_vec(),
    };
    assert_eq!(code(phone.courier().unwrap().apply_reply(request.id, &page)), "ReplyMalformed");
}

#[test]
fn an_unknown_parcel_is_refused_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut courier = open(folder.path()).unwrap();
    let waybill = Waybill::parse("SF1000000000001").unwrap();
    let refused = courier.record(&Command::Arrive { waybill });
    assert_eq!(code(refused), "UnknownParcel");
    assert!(courier.log().unwrap().is_empty());
}
