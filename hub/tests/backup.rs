//! The hub's database is lost and one goes on from a backup, with real processes, files and HTTP.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::{Child, Command as Process, Output};

use common::start;
use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::event::{Event, Lane};
use lastmile_core::id::CourierNo;
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::Person;
use lastmile_core::sync::wire::{EnrolAgainRequest, EnrolRequest, Enrolment};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, DataKey, Fen, Options};
use lastmile_hub::client::{self, Ask, Carried, Client};
use lastmile_hub::conform::{Kit, all_cases, run_cases};

fn hub(folder: &Path, command: &str, rest: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_lastmile-hub"))
        .args([command, "--data"])
        .arg(folder)
        .args(rest)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

/// A hub is killed and goes on from a backup.
fn restored(mut process: Child, data: &Path, backup: &str) -> (Child, String) {
    process.kill().unwrap();
    process.wait().unwrap();
    printed(&hub(data, "restore", &[backup]));
    start(data)
}

fn person() -> Person {
    Person { name: "Wang Ceshi".into(), phone: "13900000000".into(), ..Person::default() }
}

fn waybill(n: u32) -> Waybill {
    Waybill::parse(&format!("SF1{n:012}")).unwrap()
}

fn complain(courier: &mut Courier) {
    let complaint = Command::ReceiveComplaint {
        case: courier.new_case(),
        waybill: waybill(1),
        complainant: person(),
        demand: "Come today".to_owned(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    };
    courier.record(&complaint).unwrap();
}

fn announce(address: &str, token: &str, n: u32) {
    let announced = Command::Announce {
        waybill: waybill(n),
        recipient: person(),
        sender: person(),
        goods: GoodsFlags::default(),
        promise_ms: None,
        freight: Fen(1200),
        insured: None,
    };
    let assigned =
        Command::Assign { waybill: waybill(n), courier: CourierNo::new("4849").unwrap() };
    for command in [announced, assigned] {
        let url = format!("{address}/v1/clerk/commands");
        Ask::new("POST", &url).token(token).json(&command).bytes(&client::agent()).unwrap();
    }
}

#[test]
fn after_a_restore_phones_offer_again_and_lost_acts_of_the_station_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    let (process, address) = start(&data);
    let code = printed(&hub(&data, "code", &["--courier", "4849", "--station", "JL31"]));
    let clerk = printed(&hub(&data, "clerk", &["--clerk", "c1", "--station", "JL31"]));
    let enrolment = client::enrol(&address, &EnrolRequest { code, public_key: None }).unwrap();
    let options = Options::folder(folder.path().join("phone"), DataKey::random(), 480);
    let mut courier = Courier::open(options, enrolment.identity()).unwrap();
    let sync = |address: &str, courier: &mut Courier| {
        courier.pull_soon();
        Client::new(address, &enrolment).sync(courier, &mut Carried::default()).unwrap();
    };

    announce(&address, &clerk, 1);
    complain(&mut courier);
    sync(&address, &mut courier);
    let backup = folder.path().join("noon.db");
    let backup = backup.to_str().unwrap();
    printed(&hub(&data, "backup", &[backup]));
    assert!(!hub(&data, "backup", &[backup]).status.success(), "a backup is never overwritten");

    // What the backup lacks: a courier's act, and a clerk's.
    complain(&mut courier);
    announce(&address, &clerk, 2);
    sync(&address, &mut courier);
    assert!(courier.parcel(&waybill(2)).unwrap().is_some());
    assert!(!hub(&data, "restore", &[backup]).status.success(), "not while it serves");
    let (mut process, address) = restored(process, &data, backup);
    let aside = std::fs::read_dir(&data).unwrap().flatten();
    let aside = aside.filter(|file| file.file_name().to_string_lossy().contains(".aside-"));
    assert!(aside.count() > 0, "what was there is set aside, not deleted");

    // The first exchange tells the phone of the new epoch, the next ones follow it.
    for _ in 0..4 {
        sync(&address, &mut courier);
    }
    let status = courier.sync_status().unwrap();
    assert_eq!((status.pending, status.parked), (0, 0));
    assert!(courier.parcel(&waybill(1)).unwrap().is_some());
    let log = courier.log().unwrap();
    let there = |n| log.iter().any(|line| line.lane == Lane::Parcel(waybill(n)));
    assert!(there(1) && !there(2), "what the station lost is not shown as if it stood");

    let db = rusqlite::Connection::open(data.join("hub.db")).unwrap();
    let mut lines = db.prepare("SELECT bytes FROM event WHERE lane_seq IS NOT NULL").unwrap();
    let lines = lines.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let kinds: Vec<_> =
        lines.map(|line| Event::parse(&line.unwrap()).unwrap().fact.kind().to_owned()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "ComplaintReceived").count(), 2, "{kinds:?}");

    let list: serde_json::Value = Ask::new("GET", &format!("{address}/v1/clerk/lost"))
        .token(&clerk)
        .read(&client::agent())
        .unwrap();
    let told: Vec<_> = list["lost"].as_array().unwrap().iter().map(|act| &act["kind"]).collect();
    assert_eq!(told, ["ParcelAnnounced", "ParcelAssigned"]);

    // It keeps every rule of the page, its succession's included.
    let (kit, cases) = (Kit::with_clerk(&address, &clerk), all_cases().collect::<Vec<_>>());
    let mut told = Vec::new();
    let tally = run_cases(&kit, &cases, &mut told).unwrap();
    assert!(tally.failed.is_empty(), "{}", String::from_utf8_lossy(&told));
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_phone_that_enrolled_after_the_backup_is_enrolled_again_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    let (process, address) = start(&data);
    let backup = folder.path().join("noon.db");
    let backup = backup.to_str().unwrap();
    printed(&hub(&data, "backup", &[backup]));
    let new_code =
        |courier| printed(&hub(&data, "code", &["--courier", courier, "--station", "JL31"]));

    let code = new_code("4849");
    let enrolment = client::enrol(&address, &EnrolRequest { code, public_key: None }).unwrap();
    let badge = enrolment.badge.clone().unwrap();
    let key = DataKey::random();
    let open = |enrolment: &Enrolment| {
        let options = Options::folder(folder.path().join("phone"), key.clone(), 480);
        Courier::open(options, enrolment.identity()).unwrap()
    };
    let mut courier = open(&enrolment);
    let sync = |address: &str, enrolment: &Enrolment, courier: &mut Courier| {
        courier.pull_soon();
        Client::new(address, enrolment).sync(courier, &mut Carried::default())
    };
    complain(&mut courier);
    sync(&address, &enrolment, &mut courier).unwrap();
    complain(&mut courier);

    let (mut process, address) = restored(process, &data, backup);
    sync(&address, &enrolment, &mut courier).unwrap();
    let stalls = courier.stalls().unwrap();
    assert!(stalls.iter().any(|stall| stall.code == "Unauthorised"), "{stalls:?}");
    let again = |courier| {
        let request = EnrolAgainRequest { code: new_code(courier), badge: badge.clone() };
        client::enrol_again(&address, &request)
    };
    assert!(again("5021").err().unwrap().contains("another courier"));
    // The first answer is lost on its way.
    let _ = again("4849").unwrap();
    let again = again("4849").unwrap();
    assert_eq!((again.device, again.epoch == enrolment.epoch), (enrolment.device, false));

    // Once with the open store, then as an app does that is started with the new enrolment.
    sync(&address, &again, &mut courier).unwrap();
    drop(courier);
    let mut courier = open(&again);
    complain(&mut courier);
    for _ in 0..4 {
        sync(&address, &again, &mut courier).unwrap();
    }
    let status = courier.sync_status().unwrap();
    assert_eq!((status.pending, status.parked), (0, 0));
    let db = rusqlite::Connection::open(data.join("hub.db")).unwrap();
    let count = |what| db.query_row(what, [], |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM event WHERE lane_seq IS NOT NULL"), 3);
    assert_eq!(count("SELECT count(*) FROM vault"), 6, "of each a person and a demand");
    assert_eq!(count("SELECT count(*) FROM device WHERE courier IS NOT NULL"), 1);
    process.kill().unwrap();
    process.wait().unwrap();
}
