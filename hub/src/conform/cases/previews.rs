//! Previews, which a server may leave out: one that knows none passes each of these.

use serde_json::{Value, json};

use super::media::{ask, begin, patch, photo, upload};
use crate::conform::answer::{Answer, Checked, field, holds, leaf, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case, new_id};

cases! {
    Device "Previews" a_preview_is_taken_and_may_come_again;
    Device "Previews" a_preview_confirms_nothing_and_its_file_follows;
    Device "Previews" a_preview_of_a_whole_file_is_answered_with_it;
    Device "Previews" a_preview_of_what_no_event_names_is_refused;
    Device "Previews" a_preview_is_the_phones_whose_event_names_the_file;
    Device "Previews" a_preview_that_is_too_large_is_refused;
    Device "Previews" a_preview_that_is_no_picture_is_refused;
    Device "Previews" a_preview_takes_a_device_token;
    Station "Previews" a_clerk_sees_the_preview_until_the_file_is_there;
}

/// A server that does not know a path or a method says so with one of these.
const UNKNOWN: [u16; 3] = [404, 405, 501];

/// Sends a preview; `None` if the server knows none.
fn put(phone: &Phone, file: &[u8], picture: &[u8]) -> Checked<Option<Answer>> {
    let path = format!("/v1/media/previews/{}", leaf(file));
    let request = ask(phone, "PUT", &path).header("Content-Type", "image/jpeg");
    let answer = phone.kit.send(&request.with_body(picture))?;
    Ok((!UNKNOWN.contains(&answer.0.status)).then_some(answer))
}

/// A report that names a photo, pushed; and the photo.
fn named(phone: &mut Phone) -> Checked<(String, Vec<u8>)> {
    let (case, file) = (new_case(), photo(3000));
    let item = json!({
        "id": new_id(), "sha256": leaf(&file).to_string(), "kind": "jpeg", "bytes": file.len(),
        "source": "camera", "at": { "ms": 1_795_000_000_000_i64, "off": 480 },
    });
    let report =
        phone.event("ExceptionReported", &case, json!({ "kind": "delay", "evidence": [item] }));
    phone.push(&[line(&report)])?;
    Ok((case, file))
}

fn a_preview_is_taken_and_may_come_again(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    for picture in [photo(500), photo(600)] {
        let Some(answer) = put(&phone, &file, &picture)? else { return Ok(()) };
        answer.status(204)?;
    }
    Ok(())
}

fn a_preview_confirms_nothing_and_its_file_follows(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    let Some(answer) = put(&phone, &file, &photo(500))? else { return Ok(()) };
    holds(answer.0.get("Lastmile-Confirmed").is_none(), "a preview confirms nothing")?;
    upload(&phone, &file, "jpeg").map(drop)
}

fn a_preview_of_a_whole_file_is_answered_with_it(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    upload(&phone, &file, "jpeg")?;
    let Some(answer) = put(&phone, &file, &photo(500))? else { return Ok(()) };
    answer.status(204)?;
    same("Lastmile-Confirmed", answer.header("Lastmile-Confirmed")?, leaf(&file).to_string())
}

fn a_preview_of_what_no_event_names_is_refused(kit: &Kit) -> Checked {
    let Some(answer) = put(&kit.phone()?, &photo(3000), &photo(500))? else { return Ok(()) };
    answer.problem(409, "NotNamed")
}

fn a_preview_is_the_phones_whose_event_names_the_file(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (mut phone, other) = (courier.phone()?, courier.phone()?);
    let (_, file) = named(&mut phone)?;
    let Some(answer) = put(&other, &file, &photo(500))? else { return Ok(()) };
    answer.problem(409, "NotNamed")
}

fn a_preview_that_is_too_large_is_refused(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    let Some(answer) = put(&phone, &file, &photo(32_768))? else { return Ok(()) };
    answer.status(204)?;
    let Some(answer) = put(&phone, &file, &photo(32_769))? else { return Ok(()) };
    answer.problem(413, "PreviewTooLarge")
}

fn a_preview_that_is_no_picture_is_refused(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    for none in [&b"no picture at all"[..], b"\0\0\0\x18ftypisom\0\0\0\0"] {
        let Some(answer) = put(&phone, &file, none)? else { return Ok(()) };
        answer.problem(415, "PreviewNotPicture")?;
    }
    Ok(())
}

fn a_preview_takes_a_device_token(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let (_, file) = named(&mut phone)?;
    if put(&phone, &file, &photo(500))?.is_none() {
        return Ok(());
    }
    phone.enrolment.device_token = phone.enrolment.session_token.clone();
    let Some(answer) = put(&phone, &file, &photo(500))? else { return Ok(()) };
    answer.problem(401, "Unauthorised")
}

fn a_clerk_sees_the_preview_until_the_file_is_there(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let ((case, file), picture) = (named(&mut phone)?, photo(500));
    if put(&phone, &file, &picture)?.is_none() {
        return Ok(());
    }
    let path = format!("previews/{}/{}", phone.device(), leaf(&file));
    let shown = kit.clerk("GET", &path, &Value::Null)?;
    shown.status(200)?;
    holds(shown.0.body == picture, "the bytes are those that were sent")?;
    same("Content-Type", shown.header("Content-Type")?, "image/jpeg")?;
    let told = |whole: bool, preview: bool| -> Checked {
        let media = kit.clerk_get(&format!("lanes/{case}"))?["media"][0].clone();
        field(&media, "whole", whole)?;
        field(&media, "preview", preview)
    };
    told(false, true)?;
    let upload = begin(&phone, &file, "jpeg")?;
    patch(&phone, &upload, 0, &file)?.status(204)?;
    told(true, false)?;
    kit.clerk("GET", &path, &Value::Null)?.problem(404, "NotFound")
}
