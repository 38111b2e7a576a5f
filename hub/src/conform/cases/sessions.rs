//! The token that pulls: it begins with a code, ends, and never stands in the way of a push.

use lastmile_core::badge::Badge;
use serde_json::json;

use crate::Request;
use crate::conform::answer::{
    Answer, Checked, Reply, accepted, fault, field, holds, is_token, same,
};
use crate::conform::kit::{Kit, now_ms};
use crate::conform::phone::{Phone, new_case};

const SHIFT_MS: i64 = 12 * 3_600_000;
/// How far the kit's clock and the server's may differ.
const CLOCKS_MS: i64 = 5 * 60_000;

cases! {
    Device "3. Signing in" a_new_code_starts_a_new_session;
    Device "3. Signing in" a_new_session_pulls;
    Device "3. Signing in" a_session_ends_after_twelve_hours;
    Device "3. Signing in" a_new_session_brings_a_badge_that_ends_with_it;
    Device "3. Signing in" a_session_is_for_a_device_that_shows_its_token;
    Device "3. Signing in" the_code_of_a_session_is_good_for_one_use;
    Device "3. Signing in" the_code_of_another_courier_starts_no_session_and_is_not_spent;
    Device "3. Signing in" a_session_without_a_code_is_malformed;
    Device "3. Signing in" an_ended_session_pulls_nothing;
    Device "3. Signing in" a_session_may_be_ended_twice;
    Device "3. Signing in" ending_a_session_takes_a_device_token;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_phone_without_a_session_pushes_all_the_same;
    Device "4. `POST /v1/sync`: push and pull in one round trip" a_wrong_session_token_pulls_nothing;
    Device "4. `POST /v1/sync`: push and pull in one round trip" the_session_of_another_phone_pulls_nothing;
    Device "4. `POST /v1/sync`: push and pull in one round trip" an_ended_session_leaves_the_cursor_where_it_was;
}

fn renew(phone: &Phone, code: &str) -> Checked<Answer> {
    let request = Request::new("POST", "/v1/session").bearer(&phone.enrolment.device_token);
    phone.kit.send(&request.json(&json!({ "code": code })))
}

fn end(phone: &Phone) -> Checked<Answer> {
    let request = Request::new("DELETE", "/v1/session").bearer(&phone.enrolment.device_token);
    phone.kit.send(&request.header("Lastmile-Session", &phone.enrolment.session_token))
}

/// A pull that was not granted: nothing was sent, and the phone is told why.
fn pulled_nothing(reply: &Reply) -> Checked {
    field(&reply.header, "session_ended", true)?;
    same("what was pulled", reply.lines.len() + reply.vault.len(), 0)
}

/// A courier's first phone, and a second one that has something to pull.
fn two_phones(kit: &Kit) -> Checked<[Phone<'_>; 2]> {
    let courier = kit.courier()?;
    let (mut first, second) = (courier.phone()?, courier.phone()?);
    first.push(&[first.report(&new_case())])?;
    Ok([first, second])
}

fn a_new_code_starts_a_new_session(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let phone = courier.phone()?;
    let answer = renew(&phone, &courier.code()?)?;
    answer.status(201)?;
    let token = &answer.json()?["session_token"];
    holds(is_token(token), "it brings a token of 22 to 128 letters and digits")?;
    holds(*token != json!(phone.enrolment.session_token), "the token is a new one")
}

fn a_new_session_pulls(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (mut first, mut second) = (courier.phone()?, courier.phone()?);
    first.push(&[first.report(&new_case())])?;
    end(&second)?.status(204)?;
    let granted = renew(&second, &courier.code()?)?.json()?;
    second.enrolment.session_token = granted["session_token"].as_str().unwrap_or_default().into();
    let reply = second.pull()?;
    reply.lacks("session_ended")?;
    same("the events pulled", reply.lines.len(), 1)
}

fn a_session_ends_after_twelve_hours(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let granted = renew(&courier.phone()?, &courier.code()?)?.json()?;
    let until = granted["expires_ms"].as_i64().unwrap_or_default();
    let off = (until - now_ms() - SHIFT_MS).abs();
    if off <= CLOCKS_MS { Ok(()) } else { Err(fault("expires_ms", "12 hours from now", until)) }
}

fn a_new_session_brings_a_badge_that_ends_with_it(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let granted = renew(&courier.phone()?, &courier.code()?)?.json()?;
    let badge = Badge::read(granted["badge"].as_str().unwrap_or_default());
    let badge = badge.map_err(|_| fault("the badge", "a code of section 10", &granted["badge"]))?;
    field(&granted, "expires_ms", badge.profile.valid_until_ms)
}

fn a_session_is_for_a_device_that_shows_its_token(kit: &Kit) -> Checked {
    let request = Request::new("POST", "/v1/session").json(&json!({ "code": "2222222222" }));
    kit.send(&request)?.problem(401, "Unauthorised")
}

fn the_code_of_a_session_is_good_for_one_use(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (phone, code) = (courier.phone()?, courier.code()?);
    renew(&phone, &code)?.status(201)?;
    renew(&phone, &code)?.problem(401, "CodeSpent")
}

fn the_code_of_another_courier_starts_no_session_and_is_not_spent(kit: &Kit) -> Checked {
    let other = kit.courier()?;
    let code = other.code()?;
    renew(&kit.phone()?, &code)?.problem(403, "OtherCourier")?;
    other.enrol(&code, None)?.status(201)
}

fn a_session_without_a_code_is_malformed(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let request = Request::new("POST", "/v1/session").bearer(&phone.enrolment.device_token);
    kit.send(&request.json(&json!({})))?.problem(400, "Malformed")
}

fn an_ended_session_pulls_nothing(kit: &Kit) -> Checked {
    let [_, mut second] = two_phones(kit)?;
    end(&second)?.status(204)?;
    pulled_nothing(&second.pull()?)
}

fn a_session_may_be_ended_twice(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    end(&phone)?.status(204)?;
    end(&phone)?.status(204)
}

fn ending_a_session_takes_a_device_token(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let token = &phone.enrolment.session_token;
    let request = Request::new("DELETE", "/v1/session").header("Lastmile-Session", token);
    kit.send(&request)?.problem(401, "Unauthorised")?;
    phone.pull_with_session(Some(token))?.lacks("session_ended")
}

fn a_phone_without_a_session_pushes_all_the_same(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let mut request = phone.request(&phone.pull_header(&lines), &lines, &[]);
    request.headers.retain(|(name, _)| name != "Lastmile-Session");
    let reply = Reply::read(&kit.send(&request)?)?;
    reply.verdicts(&[accepted(1)])?;
    pulled_nothing(&reply)
}

fn a_wrong_session_token_pulls_nothing(kit: &Kit) -> Checked {
    let [_, second] = two_phones(kit)?;
    pulled_nothing(&second.pull_with_session(Some(&"00".repeat(32)))?)
}

fn the_session_of_another_phone_pulls_nothing(kit: &Kit) -> Checked {
    let [first, second] = two_phones(kit)?;
    pulled_nothing(&second.pull_with_session(Some(&first.enrolment.session_token))?)
}

fn an_ended_session_leaves_the_cursor_where_it_was(kit: &Kit) -> Checked {
    let [mut first, mut second] = two_phones(kit)?;
    let cursor = second.pull()?.number("cursor")?;
    first.push(&[first.report(&new_case())])?;
    same("the cursor", second.pull_with_session(None)?.number("cursor")?, cursor)
}
