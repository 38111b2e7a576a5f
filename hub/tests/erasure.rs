//! Erasing a person: the vault forgets him, the log stays whole.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{World, parcel, problem, station, waybill};
use lastmile_core::event::Fact;
use lastmile_core::id::ClerkNo;
use lastmile_core::privacy::{ErasureReason, PersonErased};
use lastmile_core::sync::wire::{ParkReason, Verdict};
use lastmile_hub::{Bundle, Hub, Request, Response, Settings, verify};
use serde_json::{Value, json};

const RECIPIENT: [&str; 3] = ["Zhuge Planted", "13911112222", "77 Planted Street, room 501"];

struct Desk {
    world: World,
    token: String,
}

impl Desk {
    fn of(world: World) -> Self {
        let token = world.hub.new_clerk(ClerkNo::new("c1").unwrap(), Some(station())).unwrap();
        let desk = Self { world, token };
        let [name, phone, address] = RECIPIENT;
        let imported = desk.ask(
            "/v1/clerk/manifest",
            &json!({ "parcels": [{
                "waybill": waybill(1),
                "recipient": { "name": name, "phone": phone, "address": address },
                "sender": { "name": "Sima Sender", "phone": "13733334444" },
                "courier": "A",
            }] }),
        );
        assert_eq!(imported.status, 201, "{}", String::from_utf8_lossy(&imported.body));
        desk
    }

    fn ask(&self, path: &str, body: &Value) -> Response {
        self.world.hub.handle(&Request::new("POST", path).bearer(&self.token).json(body))
    }

    fn act(&self, command: &Value) -> Response {
        self.ask("/v1/clerk/commands", command)
    }

    fn erase(&self) -> Response {
        self.act(&json!({ "do": "erase_person", "lane": parcel(1), "party": "recipient",
                          "reason": "asked" }))
    }

    fn get(&self, path: &str) -> Vec<u8> {
        self.world.hub.handle(&Request::new("GET", path).bearer(&self.token)).body
    }

    fn lane(&self) -> String {
        String::from_utf8(self.get(&format!("/v1/clerk/lanes/{}", parcel(1)))).unwrap()
    }

    fn bundle(&self) -> Bundle {
        let path = format!("/v1/clerk/bundle/{}?persons=1", waybill(1));
        serde_json::from_slice(&self.get(&path)).unwrap()
    }
}

#[test]
fn what_was_erased_is_gone_for_good_and_a_late_phone_does_not_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub");
    let world =
        World::with(|clock, entropy| Hub::in_folder(&path, clock, entropy, Settings::default()));
    let desk = Desk::of(world);
    let mut a = desk.world.phone("A");
    let entries = a.pull(&desk.world).vault;
    assert_eq!(entries.len(), 2);

    assert_eq!(desk.erase().status, 201);

    let told = a.pull(&desk.world);
    assert!(matches!(told.facts()[..], [Fact::PersonErased(_)]) && told.vault.is_empty());
    let mut header = a.header(&[]);
    header.vault = 2;
    let late = desk.world.hub.handle(&a.request(&header, &[], &entries));
    assert_eq!(late.status, 200);
    let mut anew = desk.world.phone("A");
    assert_eq!(anew.pull(&desk.world).vault.len(), 1, "the sender");
    let shown = desk.lane();
    assert!(shown.contains("Sima Sender"));
    assert!(RECIPIENT.iter().all(|clear| !shown.contains(clear)));

    drop(desk);
    let file = std::fs::read(path.join("hub.db")).unwrap();
    for clear in RECIPIENT {
        let left = file.windows(clear.len()).any(|window| window == clear.as_bytes());
        assert!(!left, "{clear} is still in the file");
    }
}

#[test]
fn the_bundle_of_an_erased_parcel_holds_and_says_that_it_was_erased() {
    let desk = Desk::of(World::new());
    assert_eq!(desk.erase().status, 201);

    let report = verify(&desk.bundle(), Some(&desk.world.hub.root_key()), &|_| None);

    assert_eq!(report.failed, Vec::<String>::new());
    assert!(report.proven.iter().any(|line| line.contains("PersonErased: accepted")));
    assert!(report.proven.iter().any(|line| line.contains("those the events point at: 1")));
    let erased = "what 1 persons and texts were: they were erased";
    assert!(report.not_proven.iter().any(|line| line.contains(erased)), "{report:?}");
}

#[test]
fn a_held_erasure_masks_the_person_for_the_clerk_and_leaves_him_out_of_bundles() {
    let desk = Desk::of(World::new());
    let case = desk.world.phone("A").new_case();
    let reported = desk.act(&json!({ "do": "report_exception", "case": case, "kind": "delay",
                                     "waybill": waybill(1), "evidence": [] }));
    assert_eq!(reported.status, 201, "{}", String::from_utf8_lossy(&reported.body));

    for _ in 0..2 {
        let held = desk.erase();
        assert_eq!((held.status, &*problem(&held).code), (409, "ErasureHeld"));
    }

    let shown = desk.lane();
    assert!(shown.contains("Z**** P******") && shown.contains("Sima Sender"), "{shown}");
    assert!(RECIPIENT.iter().all(|clear| !shown.contains(clear)));
    assert_eq!(shown.matches("\"kind\":\"ErasureHeld\"").count(), 1, "the wish is recorded once");
    assert_eq!(desk.bundle().vault.len(), 1);

    for decided in [
        json!({ "do": "acknowledge", "case": case, "owner": "c1",
                "next_action_ms": common::START_MS + 1 }),
        json!({ "do": "void_exception", "case": case }),
    ] {
        assert_eq!(desk.act(&decided).status, 201);
    }
    assert_eq!(desk.erase().status, 201);
    assert_eq!(problem(&desk.erase()).code, "NothingToErase");
}

#[test]
fn a_phone_cannot_erase() {
    let desk = Desk::of(World::new());
    let mut a = desk.world.phone("A");
    let references = a.pull(&desk.world).vault.iter().map(|entry| entry.reference).collect();
    let (party, reason) = (lastmile_core::delivery::Party::Recipient, ErasureReason::Asked);
    let forged = a.event(&parcel(1), PersonErased { party, reason, references });

    let verdicts = a.push(&desk.world, &[forged]);

    assert_eq!(verdicts, [Verdict::Parked(ParkReason::NotYourLane)]);
    assert!(desk.lane().contains(RECIPIENT[0]));
}
