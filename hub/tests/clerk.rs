//! What a station does at its hub.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Phone, World, courier, group, problem, station, waybill};
use lastmile_core::directory::Directory;
use lastmile_core::document::Document;
use lastmile_core::event::Event;
use lastmile_core::id::{ClerkNo, StationId};
use lastmile_core::sync::wire::{ParkReason, Verdict};
use lastmile_hub::{Hub, Request, Response};
use serde_json::{Value, json};

struct Desk<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Desk<'a> {
    fn new(world: &'a World) -> Self {
        Self::at(world, Some(station()))
    }

    fn at(world: &'a World, station: Option<StationId>) -> Self {
        let token = world.hub.new_clerk(ClerkNo::new("c1").unwrap(), station).unwrap();
        Self { world, token }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Response {
        let request = Request::new(method, &format!("/v1/clerk/{path}")).bearer(&self.token);
        let request = if body.is_null() { request } else { request.json(body) };
        self.world.hub.handle(&request)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn command(&self, command: &Value) -> Response {
        self.ask("POST", "commands", command)
    }

    fn import(&self, parcels: &Value) -> (u16, Value) {
        let answer = self.ask("POST", "manifest", &json!({ "parcels": parcels }));
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }
}

fn row(n: u32) -> Value {
    json!({
        "waybill": waybill(n),
        "recipient": { "name": "Recipient", "phone": "139 0000 0000", "address": "1 Example Road" },
        "sender": { "name": "Sender", "phone": "+86 431 8000000" },
        "goods": { "fragile": true },
        "freight": 800,
        "track": [{ "kind": "arrived_at_hub", "facility": "CC-01", "at_ms": common::START_MS }],
        "courier": "A",
    })
}

#[test]
fn a_manifest_brings_parcels_with_their_way_and_their_courier() {
    let world = World::new();
    let desk = Desk::new(&world);
    let mut a = world.phone("A");

    let (status, imported) = desk.import(&json!([row(1), row(2)]));

    assert_eq!(status, 201);
    assert_eq!(imported, json!({ "announced": 2, "known": 0, "assigned": 2 }));
    let pulled = a.pull(&world);
    assert_eq!(pulled.header.lane_seqs, [1, 2, 3, 1, 2, 3]);
    assert_eq!(pulled.vault.len(), 4);
    let (_, again) = desk.import(&json!([row(1), row(2), row(3)]));
    assert_eq!(again, json!({ "announced": 1, "known": 2, "assigned": 1 }));
}

#[test]
fn all_mistakes_of_a_manifest_are_named_at_once_and_nothing_is_imported() {
    let world = World::new();
    let desk = Desk::new(&world);
    let mut bad = row(2);
    bad["waybill"] = json!("no");
    bad["recipient"]["phone"] = json!("twelve");
    bad["recipient"]["address"] = json!("");
    bad["freight"] = json!(-1);
    bad["track"][0]["kind"] = json!("teleported");
    bad["courier"] = json!("a b");
    let mut missing = row(3);
    missing.as_object_mut().unwrap().remove("sender");

    let (status, refused) = desk.import(&json!([row(1), bad, missing, row(1)]));

    assert_eq!((status, &refused["code"]), (422, &json!("BadManifest")));
    let errors = refused["errors"].as_array().unwrap();
    let named: Vec<_> =
        errors.iter().map(|error| (error["index"].as_u64().unwrap(), &error["field"])).collect();
    let expected = [
        (1, "waybill"),
        (1, "recipient.phone"),
        (1, "recipient.address"),
        (1, "freight"),
        (1, "track[0]"),
        (1, "courier"),
        (2, "sender"),
        (3, "waybill"),
    ];
    assert_eq!(named, expected.map(|(index, field)| (index, &*Box::leak(Box::new(json!(field))))));
    let text = refused.to_string();
    assert!(!text.contains("twelve") && !text.contains("Recipient"), "nothing personal is said");
    assert!(desk.get("parcels")["items"].as_array().unwrap().is_empty());
}

fn order(n: u32) -> Value {
    let address = "1 Example Road, room 101";
    json!({
        "order": format!("PU-{n}"),
        "source": "app",
        "sender": { "name": "Sender", "phone": "139 0000 0000", "address": address },
        "from_ms": common::START_MS + 3_600_000,
        "to_ms": common::START_MS + 7_200_000,
        "courier": "A",
    })
}

#[test]
fn imported_orders_are_announced_once_and_given_to_their_couriers() {
    let world = World::new();
    let desk = Desk::new(&world);
    let import = |orders: Value| desk.ask("POST", "pickups", &json!({ "orders": orders }));
    let answer = import(json!([order(1), order(2)]));
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told, json!({ "announced": 2, "known": 0, "assigned": 2 }));
    let mut to_another = order(2);
    to_another["courier"] = json!("B");
    let again: Value =
        serde_json::from_slice(&import(json!([order(1), to_another, order(3)])).body).unwrap();
    assert_eq!(again, json!({ "announced": 1, "known": 2, "assigned": 2 }));
}

#[test]
fn all_mistakes_of_imported_orders_are_named_at_once() {
    let world = World::new();
    let desk = Desk::new(&world);
    let mut bad = order(2);
    bad["order"] = json!("a b");
    bad["source"] = json!("pigeon");
    bad["sender"]["phone"] = json!("twelve");
    bad["quantity"] = json!(0);
    bad["to_ms"] = json!(common::START_MS);
    let mut nowhere = order(3);
    nowhere["sender"]["address"] = json!("somewhere");
    let body = json!({ "orders": [order(1), bad, nowhere, order(1)] });
    let answer = desk.ask("POST", "pickups", &body);
    let refused: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &refused["code"]), (422, &json!("BadOrders")));
    let errors = refused["errors"].as_array().unwrap();
    let named: Vec<_> = errors
        .iter()
        .map(|error| (error["index"].as_u64().unwrap(), error["field"].as_str().unwrap()))
        .collect();
    let expected = [
        (1, "order"),
        (1, "sender.phone"),
        (1, "source"),
        (1, "quantity"),
        (1, "to_ms"),
        (2, "sender.address"),
        (3, "order"),
    ];
    assert_eq!(named, expected);
    assert!(!refused.to_string().contains("twelve"), "nothing personal is said");
    assert!(desk.get("pickups")["items"].as_array().unwrap().is_empty());
}

#[test]
fn a_clerk_reassigns_recalls_freezes_and_releases_by_the_cores_rules() {
    let world = World::new();
    let desk = Desk::new(&world);
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    desk.import(&json!([row(1)]));
    a.pull(&world);
    let parcel = waybill(1);

    for command in [
        json!({ "do": "assign", "waybill": parcel, "courier": "B" }),
        json!({ "do": "recall", "waybill": parcel, "safety": false }),
        json!({ "do": "freeze", "waybill": parcel, "reason": "prohibited_goods" }),
        json!({ "do": "release", "waybill": parcel }),
    ] {
        let answer = desk.command(&command);
        assert_eq!(answer.status, 201, "{command} {}", String::from_utf8_lossy(&answer.body));
    }

    let kinds = |lines: &[Vec<u8>]| -> Vec<String> {
        lines.iter().map(|line| Event::parse(line).unwrap().fact.kind().to_owned()).collect()
    };
    let told = b.pull(&world);
    let last = ["ParcelReassigned", "ParcelRecalled", "ParcelFrozen", "ParcelReleased"];
    assert_eq!(kinds(&told.lines)[3..], last);
    assert_eq!(kinds(&a.pull(&world).lines), last, "the former one is told as well");

    let refused = desk.command(&json!({ "do": "assign", "waybill": waybill(9), "courier": "B" }));
    assert_eq!((refused.status, problem(&refused).code.as_str()), (409, "UnknownParcel"));
    let malformed = desk.command(&json!({ "do": "teleport" }));
    assert_eq!((malformed.status, problem(&malformed).code.as_str()), (400, "Malformed"));
}

#[test]
fn a_lane_shows_its_state_its_events_and_its_persons() {
    let world = World::new();
    let desk = Desk::new(&world);
    desk.import(&json!([row(1)]));

    let lane = desk.get(&format!("lanes/parcel:{}", waybill(1)));

    assert_eq!(lane["lane_seq"], 3);
    assert_eq!(lane["events"].as_array().unwrap().len(), 3);
    assert_eq!(lane["events"][0]["line"]["kind"], "ParcelAnnounced");
    let reference = lane["events"][0]["line"]["data"]["recipient"].as_str().unwrap();
    assert_eq!(lane["vault"][reference]["person"]["name"], "Recipient");
    assert_eq!(lane["state"]["parcel"]["assignment"]["courier"], "A");
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    let desk = Desk::new(&world);
    desk.import(&Value::Array((1..=5).map(row).collect()));

    let first = desk.get("parcels?limit=3");
    let after = first["next"].as_str().unwrap();
    let second = desk.get(&format!("parcels?limit=3&after={after}"));

    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert!(second["next"].is_null());
    assert!(desk.get("exceptions?open=1")["items"].as_array().unwrap().is_empty());
}

#[test]
fn a_released_event_takes_its_place_and_its_phone_is_told() {
    let world = World::new();
    let desk = Desk::new(&world);
    world.announce(1);
    let a = world.phone("A");
    let mut lost = a.header(&[]);
    let digest = "ab".repeat(32);
    let mut event = a.out(1);
    event.fact = lastmile_core::event::Fact::Unknown {
        kind: "ParcelPhotographed".into(),
        v: 1,
        data: format!(r#"{{"sha256":"{digest}"}}"#),
    };
    let lines = [event.to_bytes(), a.out(1).to_bytes()];
    lost.events = 2;
    lost.media_lost = vec![digest.parse().unwrap()];
    let answer = common::answer(&world.hub.handle(&a.request(&lost, &lines, &[])));
    let parked = [Verdict::Parked(ParkReason::MediaMissing), Verdict::Parked(ParkReason::Behind)];
    assert_eq!(answer.header.verdicts, parked);
    let waiting = desk.get("parked");
    assert_eq!(waiting["parked"][0]["reason"], "MediaMissing");
    assert_eq!(waiting["parked"][0]["lane"], format!("parcel:{}", waybill(1)));
    let row = &waiting["parked"][0]["row"];
    let exported = desk.ask("GET", &format!("parked/{row}"), &Value::Null);
    assert_eq!(exported.body, lines[0]);

    let behind = &waiting["parked"][1]["row"];
    let refused = desk.ask("POST", &format!("parked/{behind}/release"), &Value::Null);
    assert_eq!((refused.status, problem(&refused).code.as_str()), (409, "Behind"));

    let released = desk.ask("POST", &format!("parked/{row}/release"), &Value::Null);

    assert_eq!(released.status, 200);
    assert!(desk.get("parked")["parked"].as_array().unwrap().is_empty(), "the one behind it too");
    let told = a.try_lines(&world, &[]);
    assert_eq!(
        told.header.lane_seqs,
        [1, 2, 1, 3],
        "the lane and its own events in it; then, as the holder, the persons too"
    );
    let again = desk.ask("POST", &format!("parked/{row}/release"), &Value::Null);
    assert_eq!(again.status, 404);
}

#[test]
fn opaque_bytes_can_be_exported_but_never_get_a_place() {
    let world = World::new();
    let desk = Desk::new(&world);
    let mut a = world.phone("A");
    a.push_lines(&world, &[b"\xff\x00 no event".to_vec()]);
    let row = desk.get("parked")["parked"][0]["row"].clone();

    let exported = desk.ask("GET", &format!("parked/{row}"), &Value::Null);
    let refused = desk.ask("POST", &format!("parked/{row}/release"), &Value::Null);

    assert_eq!(exported.body, b"\xff\x00 no event");
    assert_eq!((refused.status, problem(&refused).code.as_str()), (409, "Unparseable"));
}

#[test]
fn a_quarantined_phone_is_parked_until_it_is_found_again() {
    let world = World::new();
    let desk = Desk::new(&world);
    world.announce(1);
    let mut a = world.phone("A");
    let path = format!("devices/{}/quarantine", a.enrolment.device);
    assert_eq!(desk.ask("POST", &path, &json!({ "quarantined": true })).status, 204);
    let parked = Verdict::Parked(ParkReason::Quarantined);
    let events = [a.out(1), a.out(1)];
    assert_eq!(a.push(&world, &events), [parked, parked]);
    assert_eq!(desk.get("devices")["devices"][0]["quarantined"], true);

    assert_eq!(desk.ask("POST", &path, &json!({ "quarantined": false })).status, 204);

    assert_eq!(a.push(&world, &[a.out(1)]), [Verdict::Accepted(4)]);
}

/// Pushes events while their phone is under quarantine; returns the reasons why something is parked
/// then, and why when it is over.
fn through_quarantine(world: &World, phone: &mut Phone, events: &[Event]) -> [Vec<String>; 2] {
    let desk = Desk::new(world);
    let path = format!("devices/{}/quarantine", phone.enrolment.device);
    let reasons = || {
        let waiting = desk.get("parked");
        let waiting = waiting["parked"].as_array().unwrap();
        waiting.iter().map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
    };
    desk.ask("POST", &path, &json!({ "quarantined": true }));
    phone.push(world, events);
    let during = reasons();
    desk.ask("POST", &path, &json!({ "quarantined": false }));
    [during, reasons()]
}

#[test]
fn what_stays_parked_after_a_quarantine_says_what_holds_it_up_now() {
    let world = World::new();
    world.announce(1);
    let mut a = world.phone("A");
    let mut unknown = a.out(1);
    unknown.envelope.must_understand = true;
    unknown.fact = lastmile_core::event::Fact::Unknown {
        kind: "ParcelWeighed".into(),
        v: 1,
        data: "{}".into(),
    };
    a.push(&world, &[unknown]);
    let events = [a.out(1)];

    let [during, after] = through_quarantine(&world, &mut a, &events);

    assert_eq!(during, ["UnknownKind", "Quarantined"]);
    assert_eq!(after, ["UnknownKind", "Behind"]);
}

#[test]
fn half_a_group_says_so_after_a_quarantine() {
    let world = World::new();
    world.announce(1);
    let mut a = world.phone("A");
    let members = group(vec![a.out(1), a.out(1)]);

    let [during, after] = through_quarantine(&world, &mut a, &members[..1]);

    assert_eq!(during, ["Quarantined"]);
    assert_eq!(after, ["Unparseable"]);
}

#[test]
fn a_release_that_knows_more_kinds_looks_again_at_what_is_parked() {
    use lastmile_hub::store::{HubStore as _, SqliteStore};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let settings = lastmile_hub::Settings::default;
    let world = World::with(|clock, entropy| Hub::in_folder(path, clock, entropy, settings()));
    world.announce(1);
    let mut a = world.phone("A");
    let desk = Desk::new(&world);
    let quarantine = format!("devices/{}/quarantine", a.enrolment.device);
    desk.ask("POST", &quarantine, &json!({ "quarantined": true }));
    a.push(&world, &[a.out(1)]);
    let store = SqliteStore::open(&path.join("hub.db")).unwrap();
    let tx = store.begin().unwrap();
    let device = tx.device_by_id(a.enrolment.device).unwrap().unwrap();
    tx.set_quarantine(device.row, false).unwrap();
    tx.put_meta("kinds", "1").unwrap();
    tx.commit().unwrap();

    let restarted = World::with(|clock, entropy| Hub::in_folder(path, clock, entropy, settings()));

    assert!(Desk::new(&restarted).get("parked")["parked"].as_array().unwrap().is_empty());
    assert_eq!(a.push(&restarted, &[a.out(1)]), [Verdict::Accepted(3)]);
}

#[test]
fn a_lost_phone_is_seen_with_what_is_still_on_it() {
    let world = World::new();
    let desk = Desk::new(&world);
    let a = world.phone("A");
    let mut header = a.header(&[]);
    header.pending = 17;
    world.hub.handle(&a.request(&header, &[], &[]));

    let devices = desk.get("devices");

    assert_eq!(devices["devices"][0]["unsynced"], 17);
    assert_eq!(devices["devices"][0]["courier"], "A");
}

#[test]
fn another_stations_clerk_sees_and_changes_nothing_here() {
    let world = World::new();
    let desk = Desk::new(&world);
    desk.import(&json!([row(1)]));
    let mut a = world.phone("A");
    a.push_lines(&world, &[b"opaque".to_vec()]);
    let device = a.enrolment.device;
    let row = desk.get("parked")["parked"][0]["row"].clone();
    let other = Desk::at(&world, Some(StationId::new("JL99").unwrap()));

    let lane = format!("lanes/parcel:{}", waybill(1));
    assert_eq!(other.ask("GET", &lane, &Value::Null).status, 404);
    let recall = json!({ "do": "recall", "waybill": waybill(1), "safety": false });
    assert_eq!(other.command(&recall).status, 404);
    assert_eq!(other.ask("GET", &format!("parked/{row}"), &Value::Null).status, 404);
    let quarantine = format!("devices/{device}/quarantine");
    assert_eq!(other.ask("POST", &quarantine, &json!({ "quarantined": true })).status, 404);
    assert!(other.get("parcels")["items"].as_array().unwrap().is_empty());
    assert!(other.get("devices")["devices"].as_array().unwrap().is_empty());
}

#[test]
fn only_a_clerk_has_a_desk_and_an_admin_names_his_station() {
    let world = World::new();
    let a = world.phone("A");
    let asked = Request::new("GET", "/v1/clerk/parcels").bearer(&a.enrolment.device_token);
    assert_eq!(world.hub.handle(&asked).status, 401);
    let admin = Desk::at(&world, None);
    let answer = admin.ask("GET", "parcels", &Value::Null);
    assert_eq!((answer.status, problem(&answer).code.as_str()), (400, "StationMissing"));
    let named = Request::new("POST", "/v1/clerk/clerks")
        .bearer(&admin.token)
        .header("Lastmile-Station", "JL77")
        .json(&json!({ "clerk": "c7", "station": "JL77" }));
    assert_eq!(world.hub.handle(&named).status, 201);
    let clerk = Desk::new(&world);
    let refused = clerk.ask("POST", "clerks", &json!({ "clerk": "c8", "station": "JL31" }));
    assert_eq!((refused.status, problem(&refused).code.as_str()), (403, "AdminOnly"));
}

#[test]
fn a_changed_directory_reaches_phones_with_their_next_sync() {
    let world = World::new();
    let desk = Desk::new(&world);
    let a = world.phone("A");
    let mut directory = desk.get("directory");
    let version = directory["version"].as_u64().unwrap();
    directory["station_phone"] = json!("0431-8000000");
    directory["version"] = json!(999);

    let put = desk.ask("PUT", "directory", &directory);

    assert_eq!(put.status, 200);
    let pulled = a.try_lines(&world, &[]).header.directory.unwrap();
    let root = world.hub.root_key();
    let pulled = Directory::read(pulled.verified(Document::Directory, &root).unwrap()).unwrap();
    assert_eq!(u64::from(pulled.version), version + 1);
    assert_eq!(pulled.station_phone, "0431-8000000");
}

#[test]
fn a_clerk_makes_codes_for_couriers_of_his_station() {
    let world = World::new();
    let desk = Desk::new(&world);
    let code = desk.ask("POST", "codes", &json!({ "courier": "A" }));
    let code: Value = serde_json::from_slice(&code.body).unwrap();

    let enrol = Request::new("POST", "/v1/enrol").json(&json!({ "code": code["code"] }));
    let enrolled: Value = serde_json::from_slice(&world.hub.handle(&enrol).body).unwrap();

    assert_eq!(enrolled["courier"], json!(courier("A")));
    assert_eq!(enrolled["station"], json!(station()));
}

#[test]
fn a_clerk_handles_an_exception_and_a_complaint_to_their_end() {
    use lastmile_core::exception_report::{ExceptionKind, ExceptionReported};
    let world = World::new();
    let desk = Desk::new(&world);
    let mut a = world.phone("A");
    let case = a.new_case();
    let reported = ExceptionReported {
        kind: ExceptionKind::Delay,
        waybill: None,
        about: None,
        evidence: Vec::new(),
        shows: Vec::new(),
        note: None,
    };
    let lane = lastmile_core::event::Lane::Exception(case);
    a.push(&world, &[a.event(&lane, reported)]);
    assert_eq!(desk.get("exceptions?open=1")["items"].as_array().unwrap().len(), 1);

    for command in [
        json!({ "do": "acknowledge", "case": case, "owner": "c1",
                "next_action_ms": common::START_MS + 60_000 }),
        json!({ "do": "decide_exception", "case": case, "decision": "hold", "note": "wait" }),
        json!({ "do": "notify_party", "case": case, "party": "recipient", "channel": "phone" }),
        json!({ "do": "resolve_exception", "case": case, "cause": "force_majeure" }),
    ] {
        let answer = desk.command(&command);
        assert_eq!(answer.status, 201, "{command} {}", String::from_utf8_lossy(&answer.body));
    }

    assert!(desk.get("exceptions?open=1")["items"].as_array().unwrap().is_empty());
    assert_eq!(a.pull(&world).header.lane_seqs, [2, 3, 4, 5], "who reported it hears of each step");
}
