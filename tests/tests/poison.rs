//! Ten events that the hub cannot place, for six reasons, among a thousand on a hundred lanes: the rest
//! of the day lands as if they were not there, and everybody sees what waits and why.

use std::collections::BTreeMap;

use lastmile_core::command::Command;
use lastmile_core::delivery::Channel;
use lastmile_core::event::{Lane, MAX_EVENT_BYTES, leaf, link};
use lastmile_core::id::{CaseId, Digest};
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_core::{Courier, Progress};
use lastmile_tests::invented::{complaint, waybill};
use lastmile_tests::world::{Phone, Station, reply_of, request_of, station_and_phone};
use rusqlite::Connection;
use serde_json::{Value, json};

const LANES: usize = 100;
const EVENTS: usize = 1_000;

/// What a broken release of the app could have written instead of an event, and the reason for which
/// the hub gives it no place.
const POISON: [(&str, Spoil); 6] = [
    ("Unparseable", |line| *line = json!({ "not": "an event" })),
    ("UnknownKind", |line| {
        line["kind"] = json!("DroneLanded");
        line["must"] = json!(true);
    }),
    ("UnknownLane", |line| {
        line["lane"] = json!(Lane::Parcel(waybill(404)).to_string());
        line["kind"] = json!("AddressArrived");
        line["data"] = json!({});
    }),
    ("NotYourLane", |line| line["by"] = json!("courier:somebody-else")),
    ("TooLarge", |line| line["data"]["pad"] = json!("x".repeat(MAX_EVENT_BYTES))),
    ("MediaMissing", |line| line["data"]["photo"] = json!({ "sha256": LOST })),
];
/// A photo that went from the phone.
const LOST: &str = "aa00000000000000000000000000000000000000000000000000000000000000";

/// Makes a good line bad.
type Spoil = fn(&mut Value);
/// The lanes that have a bad event, by its reason.
type Bad = BTreeMap<&'static str, Vec<String>>;

/// A phone with a thousand events to send, ten on each of a hundred lanes, by turns.
fn day() -> (Station, Phone, Vec<CaseId>) {
    let (station, mut phone) = station_and_phone();
    carry(&station, &mut phone);
    let courier = phone.courier().unwrap();
    let cases: Vec<_> = (0..LANES).map(|_| courier.new_case()).collect();
    for &case in &cases {
        courier.record(&complaint(case, 1)).unwrap();
    }
    while courier.sync_status().unwrap().pending < i64::try_from(EVENTS).unwrap() {
        for &case in &cases {
            let call = Command::ContactCustomer { case, channel: Channel::Phone, reached: false };
            courier.record(&call).unwrap();
        }
    }
    assert_eq!(usize::try_from(courier.sync_status().unwrap().pending).unwrap(), EVENTS);
    (station, phone, cases)
}

/// The events to send: row, lane and line.
fn pending(db: &Connection) -> Vec<(i64, String, Vec<u8>)> {
    let mut rows = db
        .prepare(
            "SELECT e.n, l.name, e.bytes FROM event e JOIN lane l ON l.n = e.lane
             WHERE e.lane_seq IS NULL ORDER BY e.n",
        )
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Writes ten bad lines over good ones, each on a lane of its own, as if the app had recorded them.
/// Returns the lanes by the reason.
fn poison(phone: &mut Phone) -> Bad {
    phone.kill();
    let db = phone.database();
    let mut rows = pending(&db);
    let mut done = Bad::new();
    for n in 0..10 {
        let (reason, spoil) = POISON[n % POISON.len()];
        // The fifth event of a lane: four before it, five behind.
        let (row, lane, bytes) = &mut rows[4 * LANES + 7 * n];
        let mut spoilt = serde_json::from_slice(bytes).unwrap();
        spoil(&mut spoilt);
        *bytes = spoilt.to_string().into_bytes();
        if reason == "MediaMissing" {
            db.execute(
                "INSERT INTO media (id, lane, item, sha256, bytes, state, event)
                 VALUES (randomblob(16), '', '', unhex(?2), 1, 3, ?1)",
                (*row, LOST),
            )
            .unwrap();
        }
        done.entry(reason).or_default().push(lane.clone());
    }
    let mut head = Digest::default();
    for (n, _, bytes) in rows {
        head = link(&head, &leaf(&bytes));
        db.execute("UPDATE event SET bytes = ?1, link = ?2 WHERE n = ?3", (bytes, head.0, n))
            .unwrap();
    }
    drop(db);
    phone.start().unwrap();
    done
}

/// Requests, and bytes of bodies both ways, until the events channel is idle.
fn carry(station: &Station, phone: &mut Phone) -> (u64, u64) {
    let (mut requests, mut bytes) = (0, 0);
    while let Next::Send { request } =
        phone.courier().unwrap().next_request(SyncChannel::Events).unwrap()
    {
        let ask = request_of(phone, &request);
        let answer = station.ask(&ask);
        requests += 1;
        bytes += (ask.body.len() + answer.body.len()) as u64;
        phone.courier().unwrap().apply_reply(request.id, &reply_of(answer)).unwrap();
    }
    (requests, bytes)
}

/// How many events of each lane have a place at the hub. They lie there without a gap.
fn placed(station: &Station) -> BTreeMap<String, u64> {
    let mut placed = BTreeMap::new();
    for (lane, seq, _) in station.everything().placed {
        let last = placed.entry(lane).or_default();
        assert_eq!(seq, *last + 1);
        *last = seq;
    }
    placed
}

#[test]
fn ten_bad_events_among_a_thousand_hold_up_their_own_lanes_and_no_other() {
    let (clean, mut phone, _) = day();
    let (requests, bytes) = carry(&clean, &mut phone);
    let whole = placed(&clean);
    let (station, mut phone, cases) = day();
    let bad = poison(&mut phone);

    let cost = carry(&station, &mut phone);

    println!("clean: {requests} requests, {bytes} bytes; with ten bad ones: {cost:?}");
    assert!(cost.0 <= requests, "{} requests, {requests} on a clean day", cost.0);
    assert!(cost.1 * 10 <= bytes * 11, "{} bytes, {bytes} on a clean day", cost.1);
    assert_eq!(bad.len(), 6, "for six reasons");
    let landed = placed(&station);
    let held: Vec<&String> = bad.values().flatten().collect();
    for case in &cases {
        let lane = Lane::Complaint(*case).to_string();
        if !held.contains(&&lane) {
            assert_eq!(landed[&lane], 10, "{lane} is whole");
        }
    }
    assert_eq!(landed.len(), whole.len());
    its_reasons_are_seen(&station, &mut phone, &bad);
    what_stands_behind_it_keeps_its_order(&station, &mut phone, &bad);
}

/// Courier and clerk both see what waits, and why.
fn its_reasons_are_seen(station: &Station, phone: &mut Phone, bad: &Bad) {
    let list = desk(station, "GET", "parked");
    let parked = list["parked"].as_array().unwrap();
    let stalls = phone.courier().unwrap().stalls().unwrap();
    for (reason, lanes) in bad {
        let seen = parked.iter().filter(|row| row["reason"] == *reason).count();
        assert_eq!(seen, lanes.len(), "the clerk sees {reason}");
        let stall = stalls.iter().find(|stall| stall.code == format!("Parked{reason}")).unwrap();
        assert_eq!(usize::try_from(stall.count).unwrap(), lanes.len(), "the courier sees {reason}");
    }
}

/// Of a lane whose fifth event is parked, four have a place and five wait behind it. Once a clerk
/// releases the fifth, all have one, in the order in which they were recorded.
fn what_stands_behind_it_keeps_its_order(station: &Station, phone: &mut Phone, bad: &Bad) {
    let courier = phone.courier().unwrap();
    let recorded: Vec<_> = courier.log().unwrap().into_iter().map(|line| line.bytes).collect();
    for lane in &bad["MediaMissing"] {
        assert_eq!(placed(station)[lane], 4);
        let reasons = reasons(courier, lane);
        assert_eq!(reasons, ["MediaMissing", "Behind", "Behind", "Behind", "Behind", "Behind"]);
        let list = desk(station, "GET", "parked");
        let held = list["parked"].as_array().unwrap().iter();
        let held = held.filter(|row| row["lane"] == **lane && row["reason"] == "MediaMissing");
        for row in held.map(|row| &row["row"]) {
            let exported = station.desk("GET", &format!("/v1/clerk/parked/{row}"), &Value::Null);
            assert!(recorded.contains(&exported.body), "every byte of it");
            desk(station, "POST", &format!("parked/{row}/release"));
        }
        let everything = station.everything().placed;
        let there: Vec<_> = everything.into_iter().filter(|(name, ..)| name == lane).collect();
        assert_eq!(there.len(), 10);
        let order = there.iter().map(|(.., bytes)| recorded.iter().position(|line| line == bytes));
        assert!(order.is_sorted(), "{lane} keeps its order");
    }
}

/// Why the events of a lane that are parked are, in their order.
fn reasons(courier: &Courier, lane: &str) -> Vec<String> {
    let history = courier.history(&Lane::parse(lane)).unwrap();
    let parked = history.into_iter().filter_map(|entry| match entry.progress {
        Progress::Parked { reason } => Some(format!("{reason:?}")),
        _ => None,
    });
    parked.collect()
}

/// What a clerk is answered.
fn desk(station: &Station, method: &str, path: &str) -> Value {
    let answer = station.desk(method, &format!("/v1/clerk/{path}"), &Value::Null);
    assert_eq!(answer.status, 200, "{path}");
    serde_json::from_slice(&answer.body).unwrap_or_default()
}
