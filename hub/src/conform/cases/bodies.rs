//! Bodies that are wrong, too large or compressed, and what is said of them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::Request;
use crate::conform::answer::{Checked, Reply, accepted, field, holds, known, same};
use crate::conform::kit::Kit;
use crate::conform::phone::{Phone, line, new_case};

cases! {
    Core "4. `POST /v1/sync`: push and pull in one round trip" a_compressed_push_is_the_same_push;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_long_reply_is_compressed_for_who_can_read_it;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_reply_is_plain_for_who_did_not_ask;
    Device "4. `POST /v1/sync`: push and pull in one round trip" an_identity_encoding_is_plain;
    Device "7. When something is wrong" an_unknown_encoding_is_refused;
    Device "7. When something is wrong" a_compressed_body_that_is_cut_is_malformed;
    Device "7. When something is wrong" a_small_body_may_not_unfold_beyond_the_limit;
    Device "7. When something is wrong" a_body_without_its_last_newline_is_malformed;
    Device "7. When something is wrong" a_body_with_too_few_lines_is_malformed;
    Device "7. When something is wrong" a_body_with_too_many_lines_is_malformed;
    Device "7. When something is wrong" a_body_with_too_few_vault_lines_is_malformed;
    Device "7. When something is wrong" an_empty_body_is_malformed;
    Device "7. When something is wrong" a_header_that_is_not_json_is_malformed;
    Device "7. When something is wrong" a_header_without_a_required_field_is_malformed;
    Device "7. When something is wrong" positions_below_1_are_malformed;
    Device "7. When something is wrong" incarnations_below_1_are_malformed;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_push_of_as_many_events_as_are_allowed_is_taken;
    Device "7. When something is wrong" a_push_of_more_events_is_refused;
    Device "7. When something is wrong" a_body_that_is_too_long_is_refused;
    Device "7. When something is wrong" nothing_of_a_refused_push_is_written;
    Device "7. When something is wrong" an_unknown_path_is_not_found;
    Device "7. When something is wrong" a_known_path_with_another_method_is_not_found;
    Device "7. When something is wrong" a_problem_is_json_with_a_code_and_an_advice;
    Device "7. When something is wrong" a_problem_repeats_nothing_of_what_was_sent;
    Device "8. The clerk's side: `/v1/clerk/…`" anybody_may_ask_whether_the_hub_is_well;
    Station "8. The clerk's side: `/v1/clerk/…`" a_phone_is_no_clerk;
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = zip.write_all(bytes);
    zip.finish().unwrap_or_default()
}

/// A push of the first event of a case.
fn report(phone: &Phone) -> Request {
    let lines = [phone.report(&new_case())];
    phone.request(&phone.header(&lines), &lines, &[])
}

fn a_compressed_push_is_the_same_push(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let plain = report(&phone);
    let mut request = plain.clone().header("Content-Encoding", "gzip");
    request.body = zipped(&plain.body);
    Reply::read(&kit.send(&request)?)?.verdicts(&[accepted(1)])?;
    Reply::read(&kit.send(&plain)?)?.verdicts(&[known(1)])
}

/// Two phones of a courier, the second of which has more than 1 KB to pull.
fn much_to_pull(kit: &Kit) -> Checked<Request> {
    let courier = kit.courier()?;
    let (mut first, second) = (courier.phone()?, courier.phone()?);
    let lines: Vec<_> = (0..10).map(|_| first.report(&new_case())).collect();
    first.push(&lines)?;
    Ok(second.request(&second.pull_header(&[]), &[], &[]))
}

fn a_long_reply_is_compressed_for_who_can_read_it(kit: &Kit) -> Checked {
    let request = much_to_pull(kit)?.header("Accept-Encoding", "gzip");
    let answer = kit.send(&request)?;
    same("Content-Encoding", answer.header("Content-Encoding")?, "gzip")?;
    same("the events sent", Reply::read(&answer)?.lines.len(), 10)
}

fn a_reply_is_plain_for_who_did_not_ask(kit: &Kit) -> Checked {
    let answer = kit.send(&much_to_pull(kit)?.header("Accept-Encoding", "identity"))?;
    holds(answer.0.get("Content-Encoding").is_none(), "the reply is plain")?;
    same("the events sent", Reply::read(&answer)?.lines.len(), 10)
}

fn an_identity_encoding_is_plain(kit: &Kit) -> Checked {
    let request = report(&kit.phone()?).header("Content-Encoding", "identity");
    Reply::read(&kit.send(&request)?)?.verdicts(&[accepted(1)])
}

fn an_unknown_encoding_is_refused(kit: &Kit) -> Checked {
    let request = report(&kit.phone()?).header("Content-Encoding", "lzw");
    kit.send(&request)?.problem(415, "UnknownEncoding")
}

fn a_compressed_body_that_is_cut_is_malformed(kit: &Kit) -> Checked {
    let mut request = report(&kit.phone()?).header("Content-Encoding", "gzip");
    request.body = zipped(&request.body);
    request.body.truncate(request.body.len() - 6);
    kit.send(&request)?.problem(400, "Malformed")
}

fn a_small_body_may_not_unfold_beyond_the_limit(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let most = usize::try_from(phone.offer(&[])?.limits()?.push_bytes).unwrap_or(usize::MAX);
    let mut request = report(&phone).header("Content-Encoding", "gzip");
    request.body = zipped(&vec![b' '; most + 1]);
    kit.send(&request)?.problem(413, "RequestTooLarge")
}

/// Sends a push with another body.
fn malformed(kit: &Kit, change: impl Fn(&mut Vec<u8>)) -> Checked {
    let mut request = report(&kit.phone()?);
    change(&mut request.body);
    kit.send(&request)?.problem(400, "Malformed")
}

fn a_body_without_its_last_newline_is_malformed(kit: &Kit) -> Checked {
    malformed(kit, |body| body.truncate(body.len() - 1))
}

fn a_body_with_too_few_lines_is_malformed(kit: &Kit) -> Checked {
    malformed(kit, |body| {
        let header = body.iter().position(|byte| *byte == b'\n').unwrap_or_default();
        body.truncate(header + 1);
    })
}

fn a_body_with_too_many_lines_is_malformed(kit: &Kit) -> Checked {
    malformed(kit, |body| body.extend_from_slice(b"{}\n"))
}

fn a_body_with_too_few_vault_lines_is_malformed(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let mut header = phone.header(&[]);
    header["vault"] = json!(1);
    phone.send(&header, &[])?.problem(400, "Malformed")
}

fn an_empty_body_is_malformed(kit: &Kit) -> Checked {
    malformed(kit, Vec::clear)
}

fn a_header_that_is_not_json_is_malformed(kit: &Kit) -> Checked {
    malformed(kit, |body| body.splice(0..1, *b"[").for_each(drop))
}

fn a_header_without_a_required_field_is_malformed(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    for name in ["device", "incarnation", "first_seq", "prev_link", "events", "vault"] {
        let mut header = phone.header(&[]);
        header.as_object_mut().map(|header| header.remove(name));
        phone.send(&header, &[])?.problem(400, "Malformed")?;
    }
    Ok(())
}

fn positions_below_1_are_malformed(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut header = phone.header(&lines);
    header["first_seq"] = json!(0);
    phone.send(&header, &lines)?.problem(400, "Malformed")
}

fn incarnations_below_1_are_malformed(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut header = phone.header(&lines);
    header["incarnation"] = json!(0);
    phone.send(&header, &lines)?.problem(400, "Malformed")
}

/// The first event of a case and as many more that there are `count`.
fn many(phone: &Phone, count: usize) -> Vec<Vec<u8>> {
    let case = new_case();
    let later = (1..count).map(|_| phone.note(&case));
    std::iter::once(phone.report(&case)).chain(later).collect()
}

fn a_push_of_as_many_events_as_are_allowed_is_taken(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let most = phone.offer(&[])?.limits()?.push_events as usize;
    let lines = many(&phone, most);
    let verdicts: Vec<_> = (1..=most as u64).map(accepted).collect();
    phone.push(&lines)?.verdicts(&verdicts)
}

fn a_push_of_more_events_is_refused(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = many(&phone, phone.offer(&[])?.limits()?.push_events as usize + 1);
    phone.send(&phone.header(&lines), &lines)?.problem(413, "TooManyEvents")
}

fn a_body_that_is_too_long_is_refused(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines =
        [vec![b'x'; usize::try_from(phone.offer(&[])?.limits()?.push_bytes).unwrap_or(usize::MAX)]];
    phone.send(&phone.header(&lines), &lines)?.problem(413, "RequestTooLarge")
}

fn nothing_of_a_refused_push_is_written(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut torn = phone.request(&phone.header(&lines), &lines, &[]);
    torn.body.pop();
    kit.send(&torn)?.problem(400, "Malformed")?;
    let mut header = phone.header(&lines);
    header["events"] = json!(2);
    phone.send(&header, &lines)?.problem(400, "Malformed")?;
    same("received_to", phone.offer(&[])?.number("received_to")?, 0)?;
    phone.push(&lines)?.verdicts(&[accepted(1)])
}

fn an_unknown_path_is_not_found(kit: &Kit) -> Checked {
    kit.send(&Request::new("GET", "/v1/nothing"))?.problem(404, "NotFound")
}

fn a_known_path_with_another_method_is_not_found(kit: &Kit) -> Checked {
    kit.send(&Request::new("GET", "/v1/sync"))?.problem(404, "NotFound")
}

fn a_problem_is_json_with_a_code_and_an_advice(kit: &Kit) -> Checked {
    let answer = kit.send(&Request::new("GET", "/v1/nothing"))?;
    let kind = answer.header("Content-Type")?;
    holds(kind.starts_with("application/json"), "its Content-Type is application/json")?;
    let body = answer.json()?;
    field(&body, "code", "NotFound")?;
    holds(body["advice"].as_str().is_some_and(|text| !text.is_empty()), "it has an advice")
}

fn a_problem_repeats_nothing_of_what_was_sent(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let mut request = report(&phone);
    request.body = line(&json!({ "recipient": "Planted Name, 13911112222" }));
    let answer = kit.send(&request)?;
    answer.problem(400, "Malformed")?;
    let said = String::from_utf8_lossy(&answer.0.body).into_owned();
    let clean = !said.contains("Planted") && !said.contains("13911112222");
    holds(clean, "nothing personal is repeated")
}

fn anybody_may_ask_whether_the_hub_is_well(kit: &Kit) -> Checked {
    kit.send(&Request::new("GET", "/healthz"))?.status(200)
}

fn a_phone_is_no_clerk(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let request = Request::new("GET", "/v1/clerk/parked").bearer(&phone.enrolment.device_token);
    kit.send(&request)?.problem(401, "Unauthorised")
}
