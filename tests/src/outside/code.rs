//! The codes that phones show each other: a badge, an offer of parcels and its answer.

use std::cell::LazyCell;

use lastmile_core::Command;
use lastmile_core::badge::{Badge, verify_badge};
use lastmile_core::transfer::Token;

use super::{Case, Day};
use crate::invented::waybill;
use crate::world::Phone;

struct Shown {
    other: Phone,
    codes: Vec<Vec<u8>>,
}

thread_local! {
    static SHOWN: LazyCell<Shown> = LazyCell::new(|| {
        let Day { mut phone, mut other, .. } = Day::new();
        let badge = phone.enrolment.badge.clone().expect("this hub signs badges");
        let to = other.enrolment.courier.clone();
        let courier = phone.courier().expect("it runs");
        let (offer, _) = courier.offer_custody(&[2, 3].map(waybill), &to).expect("his parcels");
        let courier = other.courier().expect("it runs");
        let accept = Command::AcceptCustody { code: offer.code.clone(), missing: vec![waybill(3)] };
        courier.record(&accept).expect("a good offer");
        let answer = courier.answer_offer(&offer.code).expect("he took one");
        for code in [&offer.code, &answer.code] {
            let token = Token::read(code).expect("a code");
            assert!(token.verify(&other.enrolment.root_key).is_ok(), "it is well signed");
        }
        let codes = [badge, offer.code, answer.code].map(String::into_bytes);
        Shown { other, codes: codes.to_vec() }
    });
}

pub(super) fn play(case: &[u8]) {
    SHOWN.with(|shown| {
        let code = Case(case).arrives_as_text(&shown.codes);
        let root_key = &shown.other.enrolment.root_key;
        let genuine = |text: &str| {
            let said = |code: &Vec<u8>| {
                let code = String::from_utf8_lossy(code).into_owned();
                let token = Token::read(&code).map(|token| token.text());
                token.or_else(|_| Badge::read(&code).map(|badge| badge.profile.text())).ok()
            };
            shown.codes.iter().filter_map(said).any(|said| said == text)
        };
        if let Ok(token) = Token::read(&code) {
            let again = token.code().and_then(|code| Token::read(&code));
            assert_eq!(again.as_ref(), Ok(&token), "written and read again, it says the same");
            if token.verify(root_key).is_ok() {
                assert!(genuine(&token.text()), "nobody signed this: {code}");
            }
        }
        if let Ok(badge) = Badge::read(&code) {
            assert_eq!(Badge::read(&badge.code()).as_ref(), Ok(&badge), "it says the same again");
            if verify_badge(&code, root_key).is_ok() {
                assert!(genuine(&badge.profile.text()), "nobody signed this: {code}");
            }
        }
        let courier = shown.other.courier.as_ref().expect("it runs");
        let accept = Command::AcceptCustody { code: code.clone(), missing: vec![waybill(3)] };
        for command in [accept, Command::ConfirmCustody { code }] {
            courier.check(&command).expect("a rule says what is wrong");
        }
    });
}
