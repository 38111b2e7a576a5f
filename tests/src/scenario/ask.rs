//! The questions a scenario may ask of the library.

use lastmile_core::badge::verify_badge;
use lastmile_core::event::Lane;
use lastmile_core::exception_report::exception_checklist;
use lastmile_core::notice::{Audience, Language, NoticeDraft, Slot, SlotValue, Templates};
use lastmile_core::pickup::waybill_errors;
use lastmile_core::policy::Policy;
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::text;
use crate::world::Phone;

/// Tells whether a photo's file lies on the phone.
pub(super) fn has_file(phone: &Phone, with: &Value) -> Value {
    let files = phone.disk.files().list("media").expect("a good disk");
    files.contains(&format!("{}.jpg", text(&with["photo"]["sha256"]))).into()
}

/// Asks the handle one question by name. The answer is what the method returns, as JSON.
#[expect(clippy::too_many_lines, reason = "one arm per question")]
pub(super) fn ask(courier: &mut Courier, question: &str, with: &Value, at: &str) -> Value {
    match question {
        "recipient_masked" => answer(courier.recipient_masked(&waybill(with))),
        "reveal" => {
            let party = serde_json::from_value(with["party"].clone()).expect("a party");
            let reason = serde_json::from_value(with["reason"].clone()).expect("a reason");
            let shown = courier.reveal(&waybill(with), party, reason, with["note"].as_str());
            shown.map_or_else(|refused| refused.code().into(), |person| answer(Ok(person)))
        }
        "recipient_sight" => {
            let view = courier.parcel_view(&waybill(with));
            answer(view.map(|view| view.map(|view| view.recipient_sight)))
        }
        "storage" => answer(courier.storage(&waybill(with))),
        "check_code" => answer(courier.check_code(&waybill(with), text(&with["code"]))),
        "render_notice" => {
            let language = serde_json::from_value(with["language"].clone());
            let audience = serde_json::from_value(with["audience"].clone());
            let given = with["given"].as_object().into_iter().flatten();
            let given = given.map(|(slot, value)| SlotValue {
                slot: Slot::named(slot).expect("the name of a slot"),
                text: text(value).to_owned(),
            });
            let notice = courier.render_notice(
                &waybill(with),
                text(&with["template"]),
                language.unwrap_or(Language::Zh),
                audience.unwrap_or(Audience::Recipient),
                given.collect(),
            );
            match notice {
                Ok(notice) => serde_json::json!({
                    "template": notice.template, "text": notice.text, "sha256": notice.sha256,
                }),
                Err(error) => {
                    serde_json::json!({ "code": error.code(), "advice": error.to_string() })
                }
            }
        }
        "lint_message" => {
            let found = courier.lint_message(text(&with["text"]));
            found.into_iter().map(|found| format!("{}: {}", found.list, found.word)).collect()
        }
        "delivery_view" => {
            let view = courier.delivery_view(&waybill(with)).expect("a good disk");
            let view = view.expect("a known parcel");
            let redirect = view.redirect.map(|redirect| json!({ "to": redirect.to }));
            let wanted = view.wish.map(|wish| json!({ "wish": wish.wish, "place": wish.place }));
            json!({ "wish": wanted, "redirect": redirect, "unreachable": view.unreachable })
        }
        "badge" => answer(courier.badge()),
        "verify_badge" => {
            let root_key = courier.identity().root_key.clone();
            judged(verify_badge(text(&with["code"]), &root_key))
        }
        "offer_custody" => {
            let to = argument(with, "to", at);
            let offered = courier.offer_custody(&argument::<Vec<_>>(with, "waybills", at), &to);
            judged(offered.map(|(code, _)| code))
        }
        // The code with one letter of its signature changed.
        "changed" => {
            let code = text(&with["code"]);
            let (before, rest) = code.split_at(code.len() - 20);
            let other = if rest.starts_with('A') { "B" } else { "A" };
            Value::String(format!("{before}{other}{}", &rest[1..]))
        }
        "read_transfer" => judged(courier.read_transfer(text(&with["code"]))),
        "answer_offer" => judged(courier.answer_offer(text(&with["code"]))),
        "shift_reconciliation" => {
            answer(courier.shift_reconciliation(&argument::<Vec<_>>(with, "counted", at)))
        }
        "close_shift" => answer(courier.close_shift(&argument::<Vec<_>>(with, "counted", at))),
        "explain_parcel" => answer(courier.explain_parcel(&waybill(with))),
        "stops" => {
            let stops = courier.stops().expect("a good disk");
            stops.iter().map(|stop| stop.waybill.to_string()).collect()
        }
        "deadline" => {
            let clocks = answer(courier.deadlines(&Lane::parse(text(&with["lane"]))));
            let clocks = clocks.as_array().expect("a list");
            let clock = clocks.iter().find(|clock| clock["kind"] == with["kind"]);
            clock.map_or(Value::Null, |clock| clock["standing"].clone())
        }
        "events" => {
            let lane = Lane::parse(text(&with["lane"]));
            let mut log = courier.log().expect("a good disk");
            log.retain(|line| line.lane == lane);
            let events = log.iter().map(|line| serde_json::from_slice::<Value>(&line.bytes));
            events.collect::<std::result::Result<_, _>>().expect("an event is JSON")
        }
        "waybill" => match Waybill::parse(text(&with["number"])) {
            Ok(waybill) => waybill.candidates().into_iter().map(|carrier| carrier.code).collect(),
            Err(error) => error.code().into(),
        },
        "notice" => rendered(with),
        "deadlines" => answer(courier.deadlines(&Lane::parse(text(&with["lane"])))),
        "deadlines_due" => answer(courier.deadlines_due(with["before"].as_i64().expect("a time"))),
        "next_deadline" => answer(courier.next_deadline()),
        "explain_policy" => answer(courier.explain_policy(text(&with["value"]))),
        "pickup_view" => answer(courier.pickup_view(&argument(with, "order", at))),
        "pickups" => answer(courier.pickups()),
        "waybill_errors" => answer(Ok(waybill_errors(
            &argument(with, "sender", at),
            &argument(with, "recipient", at),
        ))),
        "exception_checklist" => answer(Ok(exception_checklist(argument(with, "kind", at)))),
        "case_work" => answer(courier.case_work(argument(with, "case", at))),
        "open_cases" => answer(courier.open_cases()),
        "exception_review" => answer(courier.exception_review()),
        "claim_packet" => match courier.claim_packet(argument(with, "case", at)) {
            Err(refused) => serde_json::json!({ "refused": refused.code() }),
            packet => answer(packet),
        },
        _ => panic!("{at}: unknown question {question}"),
    }
}

/// A notice to the recipient in Chinese, or the code of why there is none.
fn rendered(with: &Value) -> Value {
    let slots = with["slots"].as_object().expect("slots");
    let slots = slots.iter().map(|(name, value)| SlotValue {
        slot: Slot::named(name).unwrap_or_else(|| panic!("there is no slot {name}")),
        text: text(value).to_owned(),
    });
    let draft = NoticeDraft {
        template: text(&with["template"]).to_owned(),
        language: Language::Zh,
        audience: Audience::Recipient,
        slots: slots.collect(),
        about: Vec::new(),
    };
    match Templates::built_in().render(&draft, &Policy::default()) {
        Ok(notice) => notice.text.into(),
        Err(error) => error.code().into(),
    }
}

/// Reads one argument of a question.
fn argument<T: DeserializeOwned>(with: &Value, name: &str, at: &str) -> T {
    serde_json::from_value(with[name].clone()).unwrap_or_else(|error| panic!("{at}: {error}"))
}

fn waybill(with: &Value) -> Waybill {
    Waybill::parse(text(&with["waybill"])).expect("a waybill number")
}

/// An answer, or the code of the refusal as `{"refused": CODE}`.
fn judged(asked: Result<impl Serialize>) -> Value {
    match asked {
        Err(error) => json!({ "refused": error.code() }),
        asked => answer(asked),
    }
}

fn answer(answer: Result<impl Serialize>) -> Value {
    serde_json::to_value(answer.expect("a good disk")).expect("plain data")
}
