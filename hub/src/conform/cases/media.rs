//! Photos and videos by tus 1.0: parts, cuts and confirmation.

use crate::Request;
use crate::conform::answer::{Answer, Checked, fault, holds, leaf, same};
use crate::conform::kit::{Kit, now_ms};
use crate::conform::phone::{Phone, new_id};

const PART: &str = "application/offset+octet-stream";
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

cases! {
    Core "6. Media: `/v1/media`, tus 1.0" a_photo_that_comes_in_parts_is_confirmed;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_begins_at_0_and_says_when_it_expires;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_moves_the_offset_and_confirms_nothing;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_tells_its_length_and_is_not_to_be_cached;
    Device "6. Media: `/v1/media`, tus 1.0" every_later_answer_says_that_it_is_confirmed;
    Device "6. Media: `/v1/media`, tus 1.0" creating_an_upload_that_was_begun_goes_on_with_it;
    Device "6. Media: `/v1/media`, tus 1.0" creating_an_upload_that_is_finished_is_answered_with_it;
    Device "6. Media: `/v1/media`, tus 1.0" what_came_before_a_cut_is_kept;
    Device "6. Media: `/v1/media`, tus 1.0" every_kind_is_known_by_its_first_bytes;
    Device "6. Media: `/v1/media`, tus 1.0" every_answer_names_the_tus_version;
    Device "6. Media: `/v1/media`, tus 1.0" the_hub_says_which_extensions_it_has;
    Device "6. Media: `/v1/media`, tus 1.0" an_unfinished_upload_can_be_ended;
    Device "6. Media: `/v1/media`, tus 1.0" a_finished_upload_stays;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_of_another_phone_does_not_exist;
    Device "6. Media: `/v1/media`, tus 1.0" two_phones_upload_the_same_file_each_for_itself;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_may_come_by_post_with_the_method_in_a_header;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_as_long_as_the_limits_say_is_taken;
}

/// A file of `length` bytes that begins like a photo and is like no other one.
pub(super) fn photo(length: usize) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xe0];
    file.extend_from_slice(new_id().as_bytes());
    file.resize(length, 7);
    file
}

pub(super) fn ask(phone: &Phone, method: &str, path: &str) -> Request {
    Request::new(method, path)
        .bearer(&phone.enrolment.device_token)
        .header("Tus-Resumable", "1.0.0")
}

fn encode(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}

/// The request that begins an upload.
pub(super) fn creation(phone: &Phone, sha256: &str, length: usize, kind: &str) -> Request {
    let (sha256, evidence, kind) = (encode(sha256), encode(&new_id()), encode(kind));
    let metadata = format!("sha256 {sha256},evidence {evidence},kind {kind}");
    ask(phone, "POST", "/v1/media")
        .header("Upload-Length", length.to_string())
        .header("Upload-Metadata", metadata)
}

pub(super) fn create(phone: &Phone, file: &[u8], kind: &str) -> Checked<Answer> {
    phone.kit.send(&creation(phone, &leaf(file).to_string(), file.len(), kind))
}

/// Begins an upload and returns its path.
pub(super) fn begin(phone: &Phone, file: &[u8], kind: &str) -> Checked<String> {
    let answer = create(phone, file, kind)?;
    answer.status(201)?;
    let location = answer.header("Location")?;
    // It may be a whole URL.
    let path = location.find("/v1/media/").map(|at| location[at..].to_owned());
    path.ok_or_else(|| fault("Location", "/v1/media/ and an id", location))
}

pub(super) fn part(phone: &Phone, path: &str, offset: usize, bytes: &[u8]) -> Request {
    ask(phone, "PATCH", path)
        .header("Content-Type", PART)
        .header("Upload-Offset", offset.to_string())
        .with_body(bytes)
}

pub(super) fn patch(phone: &Phone, path: &str, offset: usize, bytes: &[u8]) -> Checked<Answer> {
    phone.kit.send(&part(phone, path, offset, bytes))
}

pub(super) fn state(phone: &Phone, path: &str) -> Checked<Answer> {
    phone.kit.send(&ask(phone, "HEAD", path))
}

pub(super) fn offset(phone: &Phone, path: &str) -> Checked<u64> {
    let answer = state(phone, path)?;
    answer.status(200)?;
    answer.number("Upload-Offset")
}

fn confirms(answer: &Answer, file: &[u8]) -> Checked {
    same("Lastmile-Confirmed", answer.header("Lastmile-Confirmed")?, leaf(file).to_string())
}

/// Uploads a file in one part.
pub(super) fn upload(phone: &Phone, file: &[u8], kind: &str) -> Checked<String> {
    let path = begin(phone, file, kind)?;
    let answer = patch(phone, &path, 0, file)?;
    answer.status(204)?;
    confirms(&answer, file)?;
    Ok(path)
}

fn a_photo_that_comes_in_parts_is_confirmed(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(3000));
    let path = begin(&phone, &file, "jpeg")?;
    let first = patch(&phone, &path, 0, &file[..1000])?;
    first.status(204)?;
    same("Upload-Offset", first.number("Upload-Offset")?, 1000)?;
    same("Upload-Offset", offset(&phone, &path)?, 1000)?;
    let last = patch(&phone, &path, 1000, &file[1000..])?;
    last.status(204)?;
    confirms(&last, &file)
}

fn an_upload_begins_at_0_and_says_when_it_expires(kit: &Kit) -> Checked {
    let answer = create(&kit.phone()?, &photo(1000), "jpeg")?;
    answer.status(201)?;
    same("Upload-Offset", answer.number("Upload-Offset")?, 0)?;
    let text = answer.header("Upload-Expires")?;
    let expires = chrono::DateTime::parse_from_rfc2822(text);
    let expires = expires.map_err(|_| fault("Upload-Expires", "a date as HTTP writes it", text))?;
    let left = expires.timestamp_millis() - now_ms();
    holds((left - WEEK_MS).abs() < 600_000, "an unfinished upload is kept for 7 days")
}

fn a_part_moves_the_offset_and_confirms_nothing(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let answer = patch(&phone, &path, 0, &file[..999])?;
    same("Upload-Offset", answer.number("Upload-Offset")?, 999)?;
    holds(answer.0.get("Lastmile-Confirmed").is_none(), "a part confirms nothing")?;
    let now = state(&phone, &path)?;
    holds(now.0.get("Lastmile-Confirmed").is_none(), "an unfinished file is not confirmed")
}

fn an_upload_tells_its_length_and_is_not_to_be_cached(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let answer = state(&phone, &begin(&phone, &file, "jpeg")?)?;
    answer.status(200)?;
    same("Upload-Length", answer.number("Upload-Length")?, 1000)?;
    holds(answer.header("Cache-Control")?.contains("no-store"), "Cache-Control is no-store")
}

fn every_later_answer_says_that_it_is_confirmed(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = upload(&phone, &file, "jpeg")?;
    confirms(&state(&phone, &path)?, &file)?;
    confirms(&create(&phone, &file, "jpeg")?, &file)
}

fn creating_an_upload_that_was_begun_goes_on_with_it(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    patch(&phone, &path, 0, &file[..600])?.status(204)?;
    let again = create(&phone, &file, "jpeg")?;
    again.status(201)?;
    same("Upload-Offset", again.number("Upload-Offset")?, 600)?;
    let path = begin(&phone, &file, "jpeg")?;
    confirms(&patch(&phone, &path, 600, &file[600..])?, &file)
}

fn creating_an_upload_that_is_finished_is_answered_with_it(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    upload(&phone, &file, "jpeg")?;
    let again = create(&phone, &file, "jpeg")?;
    again.status(201)?;
    same("Upload-Offset", again.number("Upload-Offset")?, 1000)?;
    confirms(&again, &file)
}

fn what_came_before_a_cut_is_kept(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(100_000));
    let path = begin(&phone, &file, "jpeg")?;
    kit.send_torn(&part(&phone, &path, 0, &file), 60_000)?;
    let kept = settled(&phone, &path, 60_000)?;
    same("the bytes kept", kept, 60_000)?;
    confirms(&patch(&phone, &path, 60_000, &file[60_000..])?, &file)
}

/// Asks for the offset until it is `expected`: the server learns of the cut in its own time.
fn settled(phone: &Phone, path: &str, expected: u64) -> Checked<u64> {
    let mut found = offset(phone, path)?;
    for _ in 0..100 {
        if found == expected {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        found = offset(phone, path)?;
    }
    Ok(found)
}

fn every_kind_is_known_by_its_first_bytes(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    for (kind, start) in [
        ("jpeg", &b"\xff\xd8\xff\xe1\0\x10Exif\0\0"[..]),
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\x0d"),
        ("heic", b"\0\0\0\x18ftypheic"),
        ("heic", b"\0\0\0\x18ftypmif1"),
        ("mp4", b"\0\0\0\x18ftypisom"),
        ("mp4", b"\0\0\0\x14ftypqt  "),
    ] {
        upload(&phone, &[start, new_id().as_bytes()].concat(), kind)?;
    }
    Ok(())
}

fn every_answer_names_the_tus_version(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    for answer in [
        create(&phone, &file, "jpeg")?,
        state(&phone, &path)?,
        patch(&phone, &path, 9, &file)?,
        patch(&phone, &path, 0, &file)?,
    ] {
        same("Tus-Resumable", answer.header("Tus-Resumable")?, "1.0.0")?;
    }
    Ok(())
}

fn the_hub_says_which_extensions_it_has(kit: &Kit) -> Checked {
    let answer = kit.send(&Request::new("OPTIONS", "/v1/media"))?;
    answer.status(204)?;
    same("Tus-Version", answer.header("Tus-Version")?, "1.0.0")?;
    let extensions = answer.header("Tus-Extension")?;
    for name in ["creation", "termination", "expiration", "checksum"] {
        let there = extensions.split(',').any(|one| one.trim() == name);
        holds(there, &format!("Tus-Extension names {name}"))?;
    }
    let sums = answer.header("Tus-Checksum-Algorithm")?;
    holds(sums.contains("sha1") && sums.contains("sha256"), "it checks sha1 and sha256")
}

fn an_unfinished_upload_can_be_ended(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    patch(&phone, &path, 0, &file[..500])?.status(204)?;
    kit.send(&ask(&phone, "DELETE", &path))?.status(204)?;
    state(&phone, &path)?.status(404)?;
    patch(&phone, &path, 500, &file[500..])?.problem(404, "NotFound")
}

fn a_finished_upload_stays(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = upload(&phone, &file, "jpeg")?;
    kit.send(&ask(&phone, "DELETE", &path))?.problem(403, "Confirmed")?;
    confirms(&state(&phone, &path)?, &file)
}

fn an_upload_of_another_phone_does_not_exist(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (phone, other, file) = (courier.phone()?, courier.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    state(&other, &path)?.status(404)?;
    patch(&other, &path, 0, &file)?.problem(404, "NotFound")?;
    kit.send(&ask(&other, "DELETE", &path))?.problem(404, "NotFound")?;
    same("Upload-Offset", offset(&phone, &path)?, 0)
}

fn two_phones_upload_the_same_file_each_for_itself(kit: &Kit) -> Checked {
    let (one, two, file) = (kit.phone()?, kit.phone()?, photo(1000));
    upload(&one, &file, "jpeg")?;
    let second = create(&two, &file, "jpeg")?;
    same("Upload-Offset", second.number("Upload-Offset")?, 0)?;
    holds(
        second.0.get("Lastmile-Confirmed").is_none(),
        "a phone learns nothing of another's file",
    )?;
    upload(&two, &file, "jpeg").map(drop)
}

fn a_part_may_come_by_post_with_the_method_in_a_header(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let mut request = part(&phone, &path, 0, &file).header("X-HTTP-Method-Override", "PATCH");
    "POST".clone_into(&mut request.method);
    confirms(&kit.send(&request)?, &file)
}

fn a_part_as_long_as_the_limits_say_is_taken(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let chunk = usize::try_from(phone.offer(&[])?.limits()?.media_chunk).unwrap_or(usize::MAX);
    let file = photo(2 * chunk);
    let path = begin(&phone, &file, "jpeg")?;
    patch(&phone, &path, 0, &file[..chunk])?.status(204)?;
    confirms(&patch(&phone, &path, chunk, &file[chunk..])?, &file)
}
