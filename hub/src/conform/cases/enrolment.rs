//! One-time codes, tokens and badges.

use lastmile_core::badge::Badge;
use lastmile_core::signature::read_public;
use serde_json::json;

use crate::Request;
use crate::conform::answer::{Answer, Checked, fault, field, holds, is_token, same};
use crate::conform::kit::{Kit, new_key, public_hex};
use crate::conform::phone::{Phone, new_case};

cases! {
    Core "3. Signing in" a_code_becomes_a_device;
    Core "3. Signing in" a_code_is_good_for_one_use;
    Core "3. Signing in" a_wrong_device_token_is_refused;
    Device "3. Signing in" a_code_that_was_never_made_is_refused;
    Device "3. Signing in" spaces_hyphens_and_small_letters_of_a_code_do_not_matter;
    Device "3. Signing in" two_codes_of_a_courier_make_two_devices;
    Device "3. Signing in" all_devices_pin_the_same_root_key_and_epoch;
    Device "3. Signing in" a_key_that_is_no_point_is_refused_and_spends_no_code;
    Device "3. Signing in" an_enrolment_without_a_code_is_malformed;
    Device "3. Signing in" an_enrolment_that_is_not_json_is_malformed;
    Device "3. Signing in" a_field_nobody_knows_does_not_hinder_an_enrolment;
    Device "3. Signing in" a_badge_and_a_new_code_enrol_a_phone_again_as_the_device_it_is;
    Device "3. Signing in" a_badge_that_was_changed_enrols_nobody_and_spends_no_code;
    Device "3. Signing in" the_code_of_another_courier_enrols_nobody_again_and_is_not_spent;
    Device "3. Signing in" a_push_without_a_token_is_refused;
    Device "3. Signing in" a_session_token_is_no_device_token;
    Device "3. Signing in" a_token_pushes_for_its_own_device_alone;
    Device "10. Badges, and transfers between two phones" a_badge_names_the_courier_the_phone_and_its_key;
    Device "10. Badges, and transfers between two phones" a_badge_of_a_phone_without_a_key_says_so;
}

fn a_code_becomes_a_device(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let answer = courier.enrol(&courier.code()?, None)?;
    answer.status(201)?;
    let said = answer.json()?;
    field(&said, "courier", courier.no)?;
    let text = |name: &str| said[name].as_str().unwrap_or_default();
    let uuid = |name: &str| uuid::Uuid::parse_str(text(name)).is_ok();
    holds(uuid("device") && uuid("epoch"), "device and epoch are UUIDs")?;
    holds(!text("station").is_empty(), "the station is named")?;
    holds(read_public(text("root_key")).is_some(), "root_key is a point of P-256")?;
    for name in ["device_token", "session_token"] {
        holds(is_token(&said[name]), &format!("{name} is 22 to 128 letters and digits"))?;
    }
    holds(said["device_token"] != said["session_token"], "the two tokens differ")
}

fn a_code_is_good_for_one_use(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let code = courier.code()?;
    courier.enrol(&code, None)?.status(201)?;
    courier.enrol(&code, None)?.problem(401, "CodeSpent")
}

fn a_wrong_device_token_is_refused(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    let lines = [phone.report(&new_case())];
    let right = phone.enrolment.device_token.clone();
    phone.enrolment.device_token = "00".repeat(32);
    phone.send(&phone.header(&lines), &lines)?.problem(401, "Unauthorised")?;
    phone.enrolment.device_token = right;
    same("what was held of it", phone.offer(&[])?.number("received_to")?, 0)
}

fn a_code_that_was_never_made_is_refused(kit: &Kit) -> Checked {
    kit.courier()?.enrol("2222222222", None)?.problem(401, "CodeSpent")
}

fn spaces_hyphens_and_small_letters_of_a_code_do_not_matter(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let code = courier.code()?.to_lowercase();
    let (first, rest) = code.split_at(code.len() / 2);
    courier.enrol(&format!(" {first}-{rest} "), None)?.status(201)
}

fn two_codes_of_a_courier_make_two_devices(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (one, two) = (courier.phone()?, courier.phone()?);
    same("the courier of both", one.no(), two.no())?;
    holds(one.device() != two.device(), "each code makes a device of its own")?;
    let tokens = |phone: &Phone| phone.enrolment.device_token.clone();
    holds(tokens(&one) != tokens(&two), "each device has a token of its own")
}

fn all_devices_pin_the_same_root_key_and_epoch(kit: &Kit) -> Checked {
    let (one, two) = (kit.phone()?.enrolment, kit.phone()?.enrolment);
    same("the root key", one.root_key, two.root_key)?;
    same("the epoch", one.epoch, two.epoch)
}

fn a_key_that_is_no_point_is_refused_and_spends_no_code(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let code = courier.code()?;
    let off_the_curve = format!("04{}", "01".repeat(64));
    courier.enrol(&code, Some(off_the_curve))?.problem(400, "BadPublicKey")?;
    courier.enrol(&code, Some(public_hex(&new_key())))?.status(201)
}

fn an_enrolment_without_a_code_is_malformed(kit: &Kit) -> Checked {
    let request = Request::new("POST", "/v1/enrol").json(&json!({ "public_key": "04" }));
    kit.send(&request)?.problem(400, "Malformed")
}

fn an_enrolment_that_is_not_json_is_malformed(kit: &Kit) -> Checked {
    let request = Request::new("POST", "/v1/enrol").with_body("code=2222222222");
    kit.send(&request)?.problem(400, "Malformed")
}

fn a_field_nobody_knows_does_not_hinder_an_enrolment(kit: &Kit) -> Checked {
    let code = kit.courier()?.code()?;
    let body = json!({ "code": code, "public_key": null, "colour": "green" });
    kit.send(&Request::new("POST", "/v1/enrol").json(&body))?.status(201)
}

fn again(kit: &Kit, code: &str, badge: &str) -> Checked<Answer> {
    let body = json!({ "code": code, "badge": badge });
    kit.send(&Request::new("POST", "/v1/enrol/again").json(&body))
}

fn a_badge_and_a_new_code_enrol_a_phone_again_as_the_device_it_is(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let mut phone = courier.signing_phone()?;
    phone.push(&[phone.report(&new_case())])?;
    let badge = phone.enrolment.badge.clone().unwrap_or_default();
    let answer = again(kit, &courier.code()?, &badge)?;
    answer.status(201)?;
    let said = answer.json()?;
    field(&said, "device", phone.enrolment.device.to_string())?;
    field(&said, "courier", courier.no.clone())?;
    phone.send(&phone.header(&[]), &[])?.problem(401, "Unauthorised")?;
    phone.enrolment.device_token = said["device_token"].as_str().unwrap_or_default().into();
    same("what is held of it", phone.offer(&[])?.number("received_to")?, 1)
}

fn a_badge_that_was_changed_enrols_nobody_and_spends_no_code(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let phone = courier.phone()?;
    let code = courier.code()?;
    let badge = phone.enrolment.badge.clone().unwrap_or_default();
    let mut other = Badge::read(&badge).map_err(|_| fault("the badge", "a code", &badge))?;
    other.profile.valid_until_ms += 1;
    again(kit, &code, &other.code())?.problem(409, "BadBadge")?;
    again(kit, &code, &badge)?.status(201)
}

fn the_code_of_another_courier_enrols_nobody_again_and_is_not_spent(kit: &Kit) -> Checked {
    let other = kit.courier()?;
    let code = other.code()?;
    let badge = kit.phone()?.enrolment.badge.unwrap_or_default();
    again(kit, &code, &badge)?.problem(403, "OtherCourier")?;
    other.enrol(&code, None)?.status(201)
}

fn a_push_without_a_token_is_refused(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    let mut request = phone.request(&phone.header(&[]), &[], &[]);
    request.headers.retain(|(name, _)| name != "Authorization");
    kit.send(&request)?.problem(401, "Unauthorised")
}

fn a_session_token_is_no_device_token(kit: &Kit) -> Checked {
    let mut phone = kit.phone()?;
    phone.enrolment.device_token = phone.enrolment.session_token.clone();
    phone.send(&phone.header(&[]), &[])?.problem(401, "Unauthorised")
}

fn a_token_pushes_for_its_own_device_alone(kit: &Kit) -> Checked {
    let courier = kit.courier()?;
    let (mut one, two) = (courier.phone()?, courier.phone()?);
    one.enrolment.device_token = two.enrolment.device_token;
    one.send(&one.header(&[]), &[])?.problem(403, "OtherDevice")
}

/// Reads the badge of a phone and checks it up to the root key.
fn badge(phone: &Phone) -> Checked<Badge> {
    let code = phone.enrolment.badge.as_deref().unwrap_or_default();
    let badge = Badge::read(code).map_err(|_| fault("the badge", "a code of section 10", code))?;
    let verified = badge.verify(&phone.enrolment.root_key).is_ok();
    holds(verified, "the badge verifies up to the root key")?;
    Ok(badge)
}

fn a_badge_names_the_courier_the_phone_and_its_key(kit: &Kit) -> Checked {
    let phone = kit.signing_phone()?;
    let says = badge(&phone)?.profile;
    same("the badge's courier", says.courier.as_str(), phone.no())?;
    same("the badge's device", says.device, phone.enrolment.device)?;
    same("the badge's station", says.station, phone.enrolment.station.clone())?;
    same("the badge's key", says.public_key, phone.key.as_ref().map(public_hex))
}

fn a_badge_of_a_phone_without_a_key_says_so(kit: &Kit) -> Checked {
    same("the badge's key", badge(&kit.phone()?)?.profile.public_key, None)
}
