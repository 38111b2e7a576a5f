//! Media by tus: in parts, over cut connections, checked as a whole.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Phone, World, problem};
use lastmile_core::evidence::MediaKind;
use lastmile_core::id::Digest;
use lastmile_hub::{Request, Response};

fn photo(bytes: usize) -> Vec<u8> {
    let mut photo = vec![0xff, 0xd8, 0xff, 0xe0];
    photo.extend((0..bytes - 4).map(|n| u8::try_from(n % 251).unwrap()));
    photo
}

fn head(world: &World, phone: &Phone, location: &str) -> Response {
    world.hub.handle(&phone.media("HEAD", location))
}

#[test]
fn a_photo_in_parts_is_confirmed_when_all_of_it_is_checked() {
    let world = World::new();
    let a = world.phone("A");
    let file = photo(1000);
    let sha256 = Digest::of(&[&file]).to_string();
    let location = world.create_upload(&a, &file);

    let first = world.hub.handle(&a.part(&location, 0, &file[..600]));
    assert_eq!((first.status, first.get("Upload-Offset")), (204, Some("600")));
    assert_eq!(first.get("Lastmile-Confirmed"), None);
    let last = world.hub.handle(&a.part(&location, 600, &file[600..]));

    assert_eq!((last.status, last.get("Lastmile-Confirmed")), (204, Some(sha256.as_str())));
    let later = head(&world, &a, &location);
    assert_eq!(later.get("Lastmile-Confirmed"), Some(sha256.as_str()));
    assert_eq!(later.get("Upload-Offset"), later.get("Upload-Length"));
    assert_eq!(later.get("Tus-Resumable"), Some("1.0.0"));
}

#[test]
fn what_arrived_before_a_cut_is_kept() {
    let world = World::new();
    let a = world.phone("A");
    let file = photo(1000);
    let location = world.create_upload(&a, &file);
    let mut cut = a.part(&location, 0, &file[..437]);
    cut.cut = true;
    world.hub.handle(&cut);

    assert_eq!(head(&world, &a, &location).get("Upload-Offset"), Some("437"));
    let again = world.hub.handle(&a.part(&location, 0, &file));
    assert_eq!((again.status, problem(&again).code.as_str()), (409, "WrongOffset"));
    assert!(
        world.hub.handle(&a.part(&location, 437, &file[437..])).get("Lastmile-Confirmed").is_some()
    );
}

#[test]
fn a_file_that_is_here_already_needs_no_bytes() {
    let world = World::new();
    let a = world.phone("A");
    let file = photo(100);
    let location = world.create_upload(&a, &file);
    assert_eq!(world.create_upload(&a, &file), location, "an unfinished one goes on");
    world.hub.handle(&a.part(&location, 0, &file));

    let again = world.create_upload(&a, &file);

    let state = head(&world, &a, &again);
    assert_eq!(state.get("Upload-Offset"), Some("100"));
    assert!(state.get("Lastmile-Confirmed").is_some());
}

#[test]
fn bytes_that_do_not_hash_to_what_was_announced_are_thrown_away() {
    let world = World::new();
    let a = world.phone("A");
    let file = photo(100);
    let location = world.create_upload(&a, &file);
    let mut other = file.clone();
    other[50] ^= 1;

    let answer = world.hub.handle(&a.part(&location, 0, &other));

    assert_eq!((answer.status, problem(&answer).code.as_str()), (460, "DigestMismatch"));
    assert_eq!(head(&world, &a, &location).status, 404);
    let location = world.create_upload(&a, &file);
    assert_eq!(head(&world, &a, &location).get("Upload-Offset"), Some("0"));
}

#[test]
fn a_photo_that_is_not_a_photo_is_refused() {
    let world = World::new();
    let a = world.phone("A");
    let file = b"<html>not a photo</html>".to_vec();
    let location = world.create_upload(&a, &file);

    let answer = world.hub.handle(&a.part(&location, 0, &file));

    assert_eq!((answer.status, problem(&answer).code.as_str()), (415, "NotMedia"));
}

#[test]
fn empty_and_huge_files_are_refused_before_a_byte_is_sent() {
    let world = World::new();
    let a = world.phone("A");
    let digest = Digest::of(&[b""]);
    let refusal = |bytes, kind| {
        let answer = world.hub.handle(&a.creation(&digest, bytes, kind));
        (answer.status, problem(&answer).code)
    };

    assert_eq!(refusal(0, "jpeg"), (400, "MediaEmpty".to_owned()));
    assert_eq!(refusal(5_000_000_000, "jpeg"), (413, "MediaTooLarge".to_owned()));
    assert_eq!(refusal(20_000_001, "heic"), (413, "MediaTooLarge".to_owned()));
    assert_eq!(refusal(100_000_001, "mp4"), (413, "MediaTooLarge".to_owned()));
    assert_eq!(refusal(10, "../../etc/passwd"), (400, "BadUpload".to_owned()));
    let allowed = world.hub.handle(&a.creation(&digest, 20_000_001, "mp4"));
    assert_eq!(allowed.status, 201);
}

#[test]
fn another_device_cannot_see_or_touch_an_upload() {
    let world = World::new();
    let (a, b) = (world.phone("A"), world.phone("B"));
    let file = photo(100);
    let location = world.create_upload(&a, &file);

    assert_eq!(head(&world, &b, &location).status, 404);
    assert_eq!(world.hub.handle(&b.part(&location, 0, &file)).status, 404);
    assert_eq!(world.hub.handle(&b.media("DELETE", &location)).status, 404);
    assert_ne!(world.create_upload(&b, &file), location, "its own upload of the same bytes");
}

#[test]
fn an_upload_can_be_given_up_or_expires_but_evidence_stays() {
    let world = World::new();
    let a = world.phone("A");
    let (one, two, three) = (photo(100), photo(101), photo(102));
    let given_up = world.create_upload(&a, &one);
    assert_eq!(world.hub.handle(&a.media("DELETE", &given_up)).status, 204);
    assert_eq!(head(&world, &a, &given_up).status, 404);

    let done = world.create_upload(&a, &two);
    world.hub.handle(&a.part(&done, 0, &two));
    let waits = world.create_upload(&a, &three);
    world.wait_ms(8 * 24 * 3_600_000);
    assert_eq!(head(&world, &a, &waits).status, 410);
    assert_eq!(world.hub.handle(&a.media("DELETE", &done)).status, 403);
    assert_eq!(head(&world, &a, &done).status, 200);
    assert_eq!(world.hub.tidy().unwrap(), 0);
}

#[test]
fn others_clients_find_what_they_look_for() {
    let world = World::new();
    let a = world.phone("A");
    let options = world.hub.handle(&Request::new("OPTIONS", "/v1/media"));
    assert_eq!((options.status, options.get("Tus-Version")), (204, Some("1.0.0")));
    assert!(options.get("Tus-Extension").unwrap().contains("creation"));

    let mut old = a.creation(&Digest::default(), 10, "jpeg");
    old.headers.retain(|(name, _)| name != "Tus-Resumable");
    assert_eq!(world.hub.handle(&old).status, 412);

    let file = photo(100);
    let location = world.create_upload(&a, &file);
    let checksum =
        |bytes: &[u8]| format!("sha256 {}", data_encoding::BASE64.encode(&Digest::of(&[bytes]).0));
    let damaged =
        a.part(&location, 0, &file[..50]).header("Upload-Checksum", checksum(&file[..49]));
    assert_eq!(world.hub.handle(&damaged).status, 460);
    assert_eq!(head(&world, &a, &location).get("Upload-Offset"), Some("0"));
    let whole = a.part(&location, 0, &file[..50]).header("Upload-Checksum", checksum(&file[..50]));
    assert_eq!(world.hub.handle(&whole).status, 204);
    let mut overridden = a.part(&location, 50, &file[50..]);
    overridden.method = "POST".to_owned();
    let overridden = overridden.header("X-HTTP-Method-Override", "PATCH");
    assert!(world.hub.handle(&overridden).get("Lastmile-Confirmed").is_some());
}

#[test]
fn every_media_kind_has_the_name_that_uploads_use() {
    for (kind, name) in [
        (MediaKind::Jpeg, "jpeg"),
        (MediaKind::Png, "png"),
        (MediaKind::Heic, "heic"),
        (MediaKind::Mp4, "mp4"),
    ] {
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}
