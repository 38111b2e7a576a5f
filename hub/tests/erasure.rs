//! Erasing a person: the vault forgets him, his pictures go, the log stays whole.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::{Path, PathBuf};

use common::{Phone, World, handed_over, parcel, problem, station, waybill};
use lastmile_core::delivery::Party;
use lastmile_core::event::Fact;
use lastmile_core::id::{ClerkNo, Digest};
use lastmile_core::privacy::{ErasureReason, PersonErased};
use lastmile_core::sync::wire::{ParkReason, Verdict};
use lastmile_hub::{Bundle, Hub, Request, Response, Settings, verify};
use serde_json::{Value, json};

const RECIPIENT: [&str; 3] = ["Zhuge Planted", "13911112222", "77 Planted Street, room 501"];

fn photo(n: u8) -> Vec<u8> {
    let mut photo = vec![0xff, 0xd8, 0xff, 0xe0];
    photo.extend([n; 500]);
    photo
}

/// Every file in a media folder, parts included.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn in_folder(path: &Path) -> World {
    World::with(|clock, entropy| Hub::in_folder(path, clock, entropy, Settings::default()))
}

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
        self.erase_of(1)
    }

    fn erase_of(&self, n: u32) -> Response {
        self.act(&json!({ "do": "erase_person", "lane": parcel(n), "party": "recipient",
                          "reason": "asked" }))
    }

    /// Has a phone hand over a parcel with these photos as proof.
    fn delivered(&self, phone: &mut Phone, n: u32, photos: &[&[u8]]) {
        let proof = photos.iter().map(|photo| self.world.photo(photo)).collect();
        let delivered = handed_over(proof);
        let event = phone.event(&parcel(n), delivered);
        let verdicts = phone.push(&self.world, &[event]);
        assert!(matches!(verdicts[..], [Verdict::Accepted(_)]), "{verdicts:?}");
    }

    /// Sends a whole file and returns where.
    fn upload(&self, phone: &Phone, file: &[u8]) -> String {
        let location = self.world.create_upload(phone, file);
        let sent = self.world.hub.handle(&phone.part(&location, 0, file));
        assert!(sent.get("Lastmile-Confirmed").is_some());
        location
    }

    fn sees(&self, phone: &Phone, file: &[u8]) -> bool {
        let path = format!("/v1/clerk/media/{}/{}", phone.enrolment.device, Digest::of(&[file]));
        let answer = self.world.hub.handle(&Request::new("GET", &path).bearer(&self.token));
        assert!(answer.status == 404 || answer.body == file);
        answer.status == 200
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
    let desk = Desk::of(in_folder(&path));
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
    let (party, reason, media) = (Party::Recipient, ErasureReason::Asked, Vec::new());
    let forged = a.event(&parcel(1), PersonErased { party, reason, references, media });

    let verdicts = a.push(&desk.world, &[forged]);

    assert_eq!(verdicts, [Verdict::Parked(ParkReason::NotYourLane)]);
    assert!(desk.lane().contains(RECIPIENT[0]));
}

#[test]
fn erased_pictures_are_gone_from_the_disk_and_are_not_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::of(in_folder(&folder.path().join("hub")));
    let media = folder.path().join("hub/media");
    let (door, signature, late) = (photo(1), photo(2), photo(3));
    let mut a = desk.world.phone("A");
    desk.delivered(&mut a, 1, &[&door, &signature, &late]);
    let done = desk.upload(&a, &door);
    let begun = desk.world.create_upload(&a, &signature);
    desk.world.hub.handle(&a.part(&begun, 0, &signature[..300]));
    assert!(files(&media).len() == 2 && desk.sees(&a, &door));

    assert_eq!(desk.erase().status, 201);

    assert_eq!(files(&media), Vec::<PathBuf>::new());
    assert!(!desk.sees(&a, &door));
    let rest = a.part(&begun, 300, &signature[300..]);
    for request in [a.media("HEAD", &done), a.media("HEAD", &begun), rest] {
        assert_eq!(desk.world.hub.handle(&request).status, 410);
    }
    for file in [&door, &signature, &late] {
        let sha256 = Digest::of(&[file]);
        let again = desk.world.hub.handle(&a.creation(&sha256, file.len(), "jpeg"));
        assert_eq!((again.status, &*problem(&again).code), (410, "MediaErased"));
        assert_eq!(again.get("Lastmile-Erased"), Some(&*sha256.to_string()));
    }
    assert_eq!(files(&media), Vec::<PathBuf>::new());
    let report = verify(&desk.bundle(), Some(&desk.world.hub.root_key()), &|_| None);
    assert_eq!(report.failed, Vec::<String>::new());
    let gone = report.not_proven.iter().filter(|line| line.contains("it was erased, as an event"));
    assert_eq!(gone.count(), 3, "{report:?}");
    assert!(!report.not_proven.iter().any(|line| line.contains("never reached")));
}

#[test]
fn a_file_that_two_acts_name_goes_with_the_second_of_them() {
    let desk = Desk::of(World::new());
    desk.world.announce(2);
    let door = photo(1);
    let mut a = desk.world.phone("A");
    desk.delivered(&mut a, 1, &[&door]);
    desk.delivered(&mut a, 2, &[&door]);
    desk.upload(&a, &door);

    assert_eq!(desk.erase_of(1).status, 201);
    assert!(desk.sees(&a, &door), "the other recipient's proof stays");
    assert_eq!(problem(&desk.erase_of(1)).code, "NothingToErase");
    assert_eq!(desk.erase_of(2).status, 201);
    assert!(!desk.sees(&a, &door));
}

#[test]
fn a_hub_that_fell_before_a_file_was_deleted_deletes_it_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, media) = (folder.path().join("hub"), folder.path().join("hub/media"));
    let (door, part) = (photo(1), photo(2));
    {
        let desk = Desk::of(in_folder(&path));
        let mut a = desk.world.phone("A");
        desk.delivered(&mut a, 1, &[&door, &part]);
        desk.upload(&a, &door);
        let begun = desk.world.create_upload(&a, &part);
        desk.world.hub.handle(&a.part(&begun, 0, &part[..300]));
        // The erasure was committed, and nothing came after it.
        let (party, reason, references) = (Party::Recipient, ErasureReason::Asked, Vec::new());
        let media = vec![Digest::of(&[&door]), Digest::of(&[&part])];
        let erased = PersonErased { party, reason, references, media };
        desk.world.say(&station(), parcel(1), erased, &[]);
        assert!(!desk.sees(&a, &door), "it is served to nobody from then on");
    }
    assert_eq!(files(&media).len(), 2);

    let world = in_folder(&path);
    world.hub.tidy().unwrap();
    assert_eq!(files(&media), Vec::<PathBuf>::new());
    world.wait_ms(8 * 24 * 3_600_000);
    assert_eq!(world.hub.tidy().unwrap(), 2, "its record goes in the end");
}
