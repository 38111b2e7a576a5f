//! A phone is lost with acts that the hub never had: the station sees how many, the courier attests
//! what he did from his next phone, and if the lost one comes back nothing counts twice.

use lastmile_core::command::Command;
use lastmile_core::conflict::Ruling;
use lastmile_core::delivery::{ProofItem, ProofKind};
use lastmile_core::event::Lane;
use lastmile_core::id::CourierNo;
use lastmile_core::parcel::Stage;
use lastmile_core::sync::wire::Limits;
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_core::{Courier, Error, Refusal};
use lastmile_hub::{Bundle, Settings, verify};
use lastmile_tests::invented::{hand_over, person, waybill};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, reply_of, request_of};
use serde_json::Value;

const PARCELS: usize = 6;
const HOUR_MS: i64 = 3_600_000;

struct Scene {
    time: TrueTime,
    station: Station,
    lost: Phone,
}

/// A phone that handed four parcels over, told the hub of two, and is lost.
fn scene() -> Scene {
    let time = TrueTime::at(1_790_000_000_000);
    let limits = Limits { push_events: 2, ..Limits::default() };
    let station = Station::with(&time, 1, Settings { limits, ..Settings::default() });
    let enrolment = station.enrol(&CourierNo::new("4849").expect("a plain number"), None);
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..PARCELS {
        station.announce(&waybill(n), person(), person(), &mut rng);
        station.assign(&waybill(n), &enrolment.courier);
    }
    let mut lost = Phone::new(&time, 1, enrolment, None);
    lost.start().expect("a good disk");
    carry_until_idle(&station, &mut lost, SyncChannel::Events);
    lost.take_out(&(0..PARCELS).map(waybill).collect::<Vec<_>>()).expect("his parcels");
    carry_until_idle(&station, &mut lost, SyncChannel::Events);
    for n in 0..4 {
        courier(&mut lost).record(&hand_over(n)).expect("no rule speaks against it");
    }
    let Ok(Next::Send { request }) = courier(&mut lost).next_request(SyncChannel::Events) else {
        panic!("four acts are pending");
    };
    let reply = reply_of(station.ask(&request_of(&lost, &request)));
    assert!(matches!(reply, HubReply::Answer { status: 200, .. }));
    Scene { time, station, lost }
}

impl Scene {
    /// The courier's next phone, with the day as the hub knows it.
    fn next_phone(&self) -> Phone {
        let enrolment = self.station.enrol(&self.lost.enrolment.courier, None);
        let mut phone = Phone::new(&self.time, 2, enrolment, None);
        phone.start().expect("a good disk");
        sync(&self.station, &mut phone);
        phone
    }
}

fn sync(station: &Station, phone: &mut Phone) {
    courier(phone).pull_soon();
    carry_until_idle(station, phone, SyncChannel::Events);
}

fn courier(phone: &mut Phone) -> &mut Courier {
    phone.courier().expect("the app runs")
}

#[test]
fn the_station_sees_how_many_acts_are_on_the_lost_phone() {
    let scene = scene();
    let answer = scene.station.desk("GET", "/v1/clerk/devices", &Value::Null);
    let devices: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let unsynced: Vec<_> = devices["devices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|device| &device["unsynced"])
        .collect();
    assert_eq!(unsynced, [2]);
}

#[test]
fn what_is_attested_counts_and_its_time_is_a_word() {
    let mut scene = scene();
    scene.time.pass(2 * HOUR_MS);
    let mut phone = scene.next_phone();
    let stage = |phone: &mut Phone, n| {
        courier(phone).parcel(&waybill(n)).expect("a good disk").expect("it is known").stage
    };
    assert_eq!([0, 1, 2, 3].map(|n| stage(&mut phone, n)), {
        use Stage::{Delivered, OutForDelivery};
        [Delivered, Delivered, OutForDelivery, OutForDelivery]
    });
    let happened_ms = scene.time.ms() - HOUR_MS;
    let why = "The phone fell into the canal";
    courier(&mut phone).attest_late(&hand_over(2), happened_ms, why).expect("he says so");
    sync(&scene.station, &mut phone);

    let parcel = courier(&mut phone).parcel(&waybill(2)).expect("a good disk").expect("known");
    let delivered = parcel.delivered().expect("it counts");
    assert_eq!((delivered.at.ms, delivered.at.unsure_ms), (happened_ms, None), "nobody can tell");
    let lane = Lane::Parcel(waybill(2));
    let history = courier(&mut phone).history(&lane).expect("a good disk");
    let last = history.last().expect("it has one");
    assert_eq!(last.kind, "ParcelDelivered");
    assert!(
        last.attested_at.is_some_and(|at| at.ms >= happened_ms + HOUR_MS && at.unsure_ms.is_some())
    );

    let path = format!("/v1/clerk/bundle/{}", waybill(2));
    let bundle: Bundle =
        serde_json::from_slice(&scene.station.desk("GET", &path, &Value::Null).body).expect("one");
    let report = verify(&bundle, None, &|_| None);
    assert!(report.holds());
    let said = |what: &str| report.not_proven.iter().any(|line| line.contains(what));
    assert!(said("ParcelDelivered: that it happened at") && said("attested it at"));

    // The lost phone is found, and sends what it has.
    scene.lost.kill();
    scene.lost.start().expect("a good disk");
    scene.lost.enrolment.session_token = scene.station.new_session(&scene.lost.enrolment);
    sync(&scene.station, &mut scene.lost);
    sync(&scene.station, &mut phone);
    let twice = courier(&mut phone).parcel(&waybill(2)).expect("a good disk").expect("known");
    assert_eq!(twice.delivered().map(|it| it.mark.event), Some(delivered.mark.event), "the first");
    let rulings: Vec<_> = twice.margin.conflicts.iter().map(|conflict| conflict.ruling).collect();
    assert_eq!(rulings, [Ruling::Settled], "nobody need rule");
    assert_eq!(stage(&mut phone, 3), Stage::Delivered, "and what nobody attested came");
}

#[test]
fn an_act_whose_proof_was_on_the_phone_is_attested_against_the_rule() {
    let scene = scene();
    scene.time.pass(HOUR_MS);
    let mut phone = scene.next_phone();
    let mut command = hand_over(2);
    if let Command::Deliver { proof, .. } = &mut command {
        proof.clear();
    }
    assert!(matches!(
        courier(&mut phone).record(&command),
        Err(Error::Refused(Refusal::ProofMissing))
    ));
    let happened_ms = scene.time.ms() - HOUR_MS / 2;
    courier(&mut phone).attest_late(&command, happened_ms, "It was stolen").expect("he says so");
    let parcel = courier(&mut phone).parcel(&waybill(2)).expect("a good disk").expect("known");
    assert_eq!(parcel.stage, Stage::Delivered);
    assert_eq!(parcel.margin.against.len(), 1, "never clean in a report");
    // What he does now is of now.
    let now = ProofItem { kind: ProofKind::Pin, evidence: None };
    if let Command::Deliver { proof, waybill: which, .. } = &mut command {
        (*proof, *which) = (vec![now], waybill(3));
    }
    courier(&mut phone).record(&command).expect("no rule speaks against it");
    let parcel = courier(&mut phone).parcel(&waybill(3)).expect("a good disk").expect("known");
    assert!(parcel.delivered().is_some_and(|it| it.at.unsure_ms.is_some()));
}

#[test]
fn what_cannot_be_attested_is_refused_and_nothing_is_written() {
    let scene = scene();
    let mut phone = scene.next_phone();
    let now_ms = scene.time.ms();
    let days = i64::from(courier(&mut phone).policy().retention_days) + 1;
    for (happened_ms, why, field) in [
        (now_ms - HOUR_MS, " ", "reason"),
        (now_ms + HOUR_MS, "It was stolen", "happened_ms"),
        (now_ms - days * 24 * HOUR_MS, "It was stolen", "happened_ms"),
    ] {
        let refused = courier(&mut phone).attest_late(&hand_over(2), happened_ms, why);
        assert!(
            matches!(refused, Err(Error::BadArgument { field: named, .. }) if named == field),
            "{refused:?}"
        );
    }
    let unknown = courier(&mut phone).attest_late(&hand_over(99), now_ms - 1, "It was stolen");
    assert!(matches!(unknown, Err(Error::Refused(Refusal::UnknownParcel))), "{unknown:?}");
    assert_eq!(courier(&mut phone).sync_status().expect("a good disk").pending, 0);
}
