//! Personal data is in the vault and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use common::{World, station, waybill};
use lastmile_core::id::ClerkNo;
use lastmile_hub::{Hub, Request, Settings};
use serde_json::json;

const PLANTED: [&str; 6] = [
    "Zhuge Planted",
    "13911112222",
    "77 Planted Street",
    "Sima Sender",
    "13733334444",
    "planted note",
];

/// Every cell of every table but the vault, as bytes.
fn outside_the_vault(path: &Path) -> Vec<u8> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all = Vec::new();
    for table in names.map(Result::unwrap).filter(|name| name != "vault") {
        let mut rows = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                use rusqlite::types::ValueRef;
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => all.extend_from_slice(bytes),
                    _ => {}
                }
                all.push(b'\n');
            }
        }
    }
    all
}

fn finds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn planted_names_and_notes_are_found_in_the_vault_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub");
    let world =
        World::with(|clock, entropy| Hub::in_folder(&path, clock, entropy, Settings::default()));
    let token = world.hub.new_clerk(ClerkNo::new("c1").unwrap(), Some(station())).unwrap();
    let ask = |path: &str, body: &serde_json::Value| {
        let request = Request::new("POST", path).bearer(&token).json(body);
        world.hub.handle(&request)
    };
    let imported = ask(
        "/v1/clerk/manifest",
        &json!({ "parcels": [{
            "waybill": waybill(1),
            "recipient": { "name": PLANTED[0], "phone": PLANTED[1], "address": PLANTED[2],
                           "lng": 125.3, "lat": 43.9 },
            "sender": { "name": PLANTED[3], "phone": PLANTED[4] },
            "courier": "A",
        }] }),
    );
    assert_eq!(imported.status, 201);
    let mut a = world.phone("A");
    a.pull(&world);
    let case = a.new_case();
    let reported = lastmile_core::exception_report::ExceptionReported {
        kind: lastmile_core::exception_report::ExceptionKind::Delay,
        waybill: Some(waybill(1)),
        about: None,
        evidence: Vec::new(),
        shows: Vec::new(),
        note: None,
    };
    a.push(&world, &[a.event(&lastmile_core::event::Lane::Exception(case), reported)]);
    ask(
        "/v1/clerk/commands",
        &json!({ "do": "acknowledge", "case": case, "owner": "c1",
                 "next_action_ms": common::START_MS + 1 }),
    );
    let decided = ask(
        "/v1/clerk/commands",
        &json!({ "do": "decide_exception", "case": case, "decision": "hold", "note": PLANTED[5] }),
    );
    assert_eq!(decided.status, 201, "{}", String::from_utf8_lossy(&decided.body));
    let answers = [imported.body, decided.body].concat();

    let outside = outside_the_vault(&path.join("hub.db"));

    assert!(finds(&outside, "ParcelAnnounced"), "it looks at the right place");
    for planted in PLANTED {
        assert!(!finds(&outside, planted), "{planted} is outside the vault");
        assert!(!finds(&answers, planted), "{planted} is in an answer that did not ask for it");
    }
}

#[test]
fn a_hubs_folder_is_its_own_users_alone() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub");
        World::with(|clock, entropy| Hub::in_folder(&path, clock, entropy, Settings::default()));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("admin.token")), 0o600);
    }
}
