//! The questions a scenario may ask of the library.

use lastmile_core::event::Lane;
use lastmile_core::notice::{Audience, Language, NoticeDraft, Slot, SlotValue, Templates};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::text;

/// Asks the handle one question by name. The answer is what the method returns, as JSON.
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
            let wish = view.wish.map(|wish| json!({ "wish": wish.wish, "place": wish.place }));
            json!({ "wish": wish, "redirect": redirect, "unreachable": view.unreachable })
        }
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
    match Templates::built_in().render(&draft) {
        Ok(notice) => notice.text.into(),
        Err(error) => error.code().into(),
    }
}

fn waybill(with: &Value) -> Waybill {
    Waybill::parse(text(&with["waybill"])).expect("a waybill number")
}

fn answer(answer: Result<impl Serialize>) -> Value {
    serde_json::to_value(answer.expect("a good disk")).expect("plain data")
}
