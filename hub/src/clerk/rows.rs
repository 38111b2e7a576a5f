//! The rows of an import: what is read of one, and every mistake in it, named by its place and never
//! by its content.

use lastmile_core::id::CourierNo;
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::privacy::Person;
use serde::Serialize;
use serde_json::Value;

use crate::http::Response;

/// Fewer characters are no address that a courier could find.
const SHORTEST_ADDRESS: usize = 5;
/// Digits of a telephone number, without country code at least.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// One mistake.
#[derive(Serialize)]
pub(super) struct Mistake {
    index: usize,
    field: String,
    code: &'static str,
    advice: String,
}

/// Says that nothing was imported, and why not: `code` and every mistake.
pub(super) fn refused(code: &'static str, errors: &[Mistake]) -> Response {
    let advice = "nothing was imported; mend what is listed and send all of it again";
    let body = serde_json::json!({ "code": code, "advice": advice, "errors": errors });
    Response::json(422, &body)
}

/// Reads one row after the other and collects their mistakes.
pub(super) struct Rows<'a> {
    /// Which row is read.
    pub(super) index: usize,
    /// It.
    pub(super) row: &'a Value,
    /// What is wrong so far.
    pub(super) errors: &'a mut Vec<Mistake>,
}

impl Rows<'_> {
    /// Notes a mistake.
    pub(super) fn mistake(&mut self, field: &str, code: &'static str, advice: impl Into<String>) {
        let (index, field) = (self.index, field.to_owned());
        self.errors.push(Mistake { index, field, code, advice: advice.into() });
    }

    /// Reads a person; his address too where somebody is to find him by it.
    pub(super) fn person(&mut self, who: &str, with_address: bool) -> Option<Person> {
        let Some(found) = self.row.get(who).filter(|found| found.is_object()) else {
            self.mistake(who, "Missing", "an object of name, phone, address");
            return None;
        };
        let Ok(person) = serde_json::from_value::<Person>(found.clone()) else {
            self.mistake(
                who,
                "BadPerson",
                "name, phone and address are texts, lng and lat numbers",
            );
            return None;
        };
        let before = self.errors.len();
        if person.name.trim().is_empty() {
            self.mistake(&format!("{who}.name"), "Missing", "a name");
        }
        let digits = person.phone.chars().filter(char::is_ascii_digit).count();
        let plain = |c: char| c.is_ascii_digit() || " +-()".contains(c);
        if !PHONE_DIGITS.contains(&digits) || !person.phone.chars().all(plain) {
            self.mistake(&format!("{who}.phone"), "BadPhone", "7 to 15 digits");
        }
        if with_address && person.address.trim().chars().count() < SHORTEST_ADDRESS {
            self.mistake(&format!("{who}.address"), "BadAddress", "an address down to the door");
        }
        let out = |value: Option<f64>, most: f64| value.is_some_and(|value| value.abs() > most);
        if out(person.lng, 180.0) || out(person.lat, 90.0) {
            self.mistake(&format!("{who}.lng"), "BadPlace", "degrees, WGS-84");
        }
        (self.errors.len() == before).then_some(person)
    }

    /// Reads a number, if there is one.
    pub(super) fn number(&mut self, field: &str) -> Option<i64> {
        match self.row.get(field) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_i64().filter(|number| *number >= 0);
                if number.is_none() {
                    self.mistake(field, "BadNumber", "a whole number, not below zero");
                }
                number
            }
        }
    }

    /// Reads a courier's number, if there is one.
    pub(super) fn courier(&mut self) -> Option<CourierNo> {
        let courier = match self.row.get("courier") {
            None | Some(Value::Null) => return None,
            Some(value) => value.as_str().and_then(|text| CourierNo::new(text).ok()),
        };
        if courier.is_none() {
            self.mistake("courier", "BadCourier", "1 to 40 letters, digits, '_', '.' or '-'");
        }
        courier
    }

    /// Reads what care the goods ask for; none is said, none is asked.
    pub(super) fn goods(&mut self) -> Option<GoodsFlags> {
        let goods = match self.row.get("goods") {
            None | Some(Value::Null) => Some(GoodsFlags::default()),
            Some(goods) => serde_json::from_value(goods.clone()).ok(),
        };
        if goods.is_none() {
            let advice = "an object of door_only, fragile, valuable, fresh, receipt_form";
            self.mistake("goods", "BadGoods", advice);
        }
        goods
    }
}
