//! Previews at the hub: whose are taken, who sees them, and when they go.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Phone, World, handed_over, parcel, problem, station};
use lastmile_core::id::{ClerkNo, Digest, StationId};
use lastmile_hub::{Hub, Request, Response, Settings};
use serde_json::{Value, json};

/// A picture of so many bytes.
fn jpeg(n: u8, bytes: usize) -> Vec<u8> {
    let mut picture = vec![n; bytes];
    picture[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
    picture
}

fn put(world: &World, phone: &Phone, file: &[u8], picture: &[u8]) -> Response {
    let path = format!("/v1/media/previews/{}", Digest::of(&[file]));
    world.hub.handle(&phone.media("PUT", &path).with_body(picture))
}

fn code(answer: &Response) -> (u16, String) {
    (answer.status, problem(answer).code)
}

/// A clerk of a station.
fn clerk(world: &World, at: &StationId) -> String {
    world.hub.new_clerk(ClerkNo::new("c1").unwrap(), Some(at.clone())).unwrap()
}

fn seen_by(world: &World, clerk: &str, phone: &Phone, file: &[u8]) -> Response {
    let path = format!("/v1/clerk/previews/{}/{}", phone.enrolment.device, Digest::of(&[file]));
    world.hub.handle(&Request::new("GET", &path).bearer(clerk))
}

/// Has a phone hand over a parcel with a photo.
fn deliver(world: &World, phone: &mut Phone, n: u32, file: &[u8]) {
    world.announce(n);
    world.assign(n, phone.no().as_str());
    let delivered = phone.event(&parcel(n), handed_over(vec![world.photo(file)]));
    phone.push(world, &[delivered]);
}

#[test]
fn a_preview_is_taken_of_what_an_event_of_this_phone_names_and_of_nothing_else() {
    let world = World::new();
    let (mut a, b) = (world.phone("A"), world.phone("B"));
    let (file, picture) = (jpeg(1, 5000), jpeg(2, 500));
    assert_eq!(code(&put(&world, &a, &file, &picture)), (409, "NotNamed".to_owned()));
    deliver(&world, &mut a, 1, &file);

    let taken = put(&world, &a, &file, &picture);
    assert_eq!((taken.status, taken.get("Tus-Resumable")), (204, Some("1.0.0")));
    assert!(taken.get("Lastmile-Confirmed").is_none());
    assert_eq!(code(&put(&world, &b, &file, &picture)), (409, "NotNamed".to_owned()));
    let clerk = clerk(&world, &station());
    let shown = seen_by(&world, &clerk, &a, &file);
    assert_eq!((shown.status, shown.get("Content-Type")), (200, Some("image/jpeg")));
    assert!(shown.body == picture);
    assert_eq!(seen_by(&world, &clerk, &b, &file).status, 404);

    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d";
    assert_eq!(put(&world, &a, &file, png).status, 204, "the later one counts");
    let shown = seen_by(&world, &clerk, &a, &file);
    assert_eq!((shown.get("Content-Type"), &*shown.body), (Some("image/png"), &png[..]));
}

#[test]
fn a_preview_that_is_none_or_comes_in_part_is_refused() {
    let world = World::new();
    let mut a = world.phone("A");
    let file = jpeg(1, 5000);
    deliver(&world, &mut a, 1, &file);
    let put = |picture: &[u8]| put(&world, &a, &file, picture);
    assert_eq!(code(&put(&jpeg(2, 32_769))), (413, "PreviewTooLarge".to_owned()));
    for none in [&b""[..], b"no picture at all", b"\0\0\0\x18ftypisom"] {
        assert_eq!(code(&put(none)), (415, "PreviewNotPicture".to_owned()));
    }
    let path = format!("/v1/media/previews/{}", Digest::of(&[&file]));
    let mut cut = a.media("PUT", &path).with_body(jpeg(2, 500));
    cut.cut = true;
    assert_eq!(world.hub.handle(&cut).status, 404);
    let nobody = Request::new("PUT", &path).header("Tus-Resumable", "1.0.0");
    assert_eq!(code(&world.hub.handle(&nobody)), (401, "Unauthorised".to_owned()));
    let bad = a.media("PUT", "/v1/media/previews/../hub.key").with_body(jpeg(2, 500));
    assert_eq!(world.hub.handle(&bad).status, 404);
    assert_eq!(seen_by(&world, &clerk(&world, &station()), &a, &file).status, 404);

    assert_eq!(put(&jpeg(2, 32_768)).status, 204);
}

#[test]
fn a_clerk_of_another_station_sees_no_preview() {
    let world = World::new();
    let mut a = world.phone("A");
    let file = jpeg(1, 5000);
    deliver(&world, &mut a, 1, &file);
    assert_eq!(put(&world, &a, &file, &jpeg(2, 500)).status, 204);
    let other = StationId::new("OTHER").unwrap();
    world.hub.add_station(&other).unwrap();
    assert_eq!(seen_by(&world, &clerk(&world, &other), &a, &file).status, 404);
    assert_eq!(seen_by(&world, "no token", &a, &file).status, 401);
}

#[test]
fn the_preview_goes_with_its_confirmed_file_and_a_late_one_is_answered_with_that() {
    let world = World::new();
    let mut a = world.phone("A");
    let file = jpeg(1, 5000);
    deliver(&world, &mut a, 1, &file);
    assert_eq!(put(&world, &a, &file, &jpeg(2, 500)).status, 204);
    let location = world.create_upload(&a, &file);
    world.hub.handle(&a.part(&location, 0, &file[..4000]));
    let clerk = clerk(&world, &station());
    assert_eq!(seen_by(&world, &clerk, &a, &file).status, 200, "it is not whole yet");

    world.hub.handle(&a.part(&location, 4000, &file[4000..]));
    assert_eq!(seen_by(&world, &clerk, &a, &file).status, 404);
    let late = put(&world, &a, &file, &jpeg(2, 500));
    let whole = Digest::of(&[&file]).to_string();
    assert_eq!((late.status, late.get("Lastmile-Confirmed")), (204, Some(&*whole)));
    assert_eq!(seen_by(&world, &clerk, &a, &file).status, 404);
}

#[test]
fn the_preview_of_an_erased_picture_is_in_no_byte_of_the_hub() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub");
    let world =
        World::with(|clock, entropy| Hub::in_folder(&path, clock, entropy, Settings::default()));
    let mut a = world.phone("A");
    let (file, kept) = (jpeg(1, 5000), jpeg(3, 5000));
    let pixels = b"the pixels of somebody's door, ";
    let mut picture = jpeg(2, 4);
    picture.extend(pixels.iter().cycle().take(20_000));
    deliver(&world, &mut a, 1, &file);
    deliver(&world, &mut a, 2, &kept);
    for file in [&file, &kept] {
        assert_eq!(put(&world, &a, file, &picture).status, 204);
    }
    let clerk = clerk(&world, &station());
    let erase = |n: u32| {
        let erase = json!({ "do": "erase_person", "lane": parcel(n), "party": "recipient",
                            "reason": "asked" });
        let ask = Request::new("POST", "/v1/clerk/commands").bearer(&clerk).json(&erase);
        assert_eq!(world.hub.handle(&ask).status, 201);
    };

    erase(1);
    assert_eq!(seen_by(&world, &clerk, &a, &file).status, 404);
    assert_eq!(seen_by(&world, &clerk, &a, &kept).status, 200, "another's stays");
    let late = put(&world, &a, &file, &picture);
    assert_eq!(code(&late), (410, "MediaErased".to_owned()));
    assert_eq!(late.get("Lastmile-Erased"), Some(&*Digest::of(&[&file]).to_string()));

    erase(2);
    drop(world);
    let db = std::fs::read(path.join("hub.db")).unwrap();
    assert!(!db.windows(pixels.len()).any(|window| window == pixels));
}

#[test]
fn a_lane_says_of_each_picture_what_is_there_of_it() {
    let world = World::new();
    let mut a = world.phone("A");
    let file = jpeg(1, 5000);
    deliver(&world, &mut a, 1, &file);
    let clerk = clerk(&world, &station());
    let told = || -> Value {
        let path = format!("/v1/clerk/lanes/{}", parcel(1));
        let answer = world.hub.handle(&Request::new("GET", &path).bearer(&clerk));
        serde_json::from_slice::<Value>(&answer.body).unwrap()["media"].take()
    };
    let (device, sha256) = (a.enrolment.device, Digest::of(&[&file]));
    let row = |whole: bool, preview: bool| json!([{ "device": device, "sha256": sha256, "whole": whole, "preview": preview }]);
    assert_eq!(told(), row(false, false));
    put(&world, &a, &file, &jpeg(2, 500));
    assert_eq!(told(), row(false, true));
    let location = world.create_upload(&a, &file);
    world.hub.handle(&a.part(&location, 0, &file));
    assert_eq!(told(), row(true, false));
}
