//! What is missing on a waybill (运单填写核对, M08): every mistake at once, by its field and never by
//! its content.

use crate::privacy::Person;

/// Fewer characters are no address that a courier could find.
const SHORTEST_ADDRESS: usize = 5;
/// Digits of a telephone number, with or without country code.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// A house, building or room may be numbered in words.
const NUMERALS: &str = "零〇一二三四五六七八九十百";

/// One mistake in a form.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct FieldError {
    /// Where, such as `recipient.phone`.
    pub field: String,
    /// The stable code: `Missing`, `BadPhone`, `BadAddress`.
    pub code: String,
    /// What to write instead.
    pub advice: String,
}

/// Lists what is missing or wrong about the persons of a waybill, printed or written by hand: a
/// name, a telephone number that can be dialled, an address down to the door.
pub fn waybill_errors(sender: &Person, recipient: &Person) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (who, person) in [("sender", sender), ("recipient", recipient)] {
        let mut mistake = |field: &str, code: &str, advice: &str| {
            errors.push(FieldError {
                field: format!("{who}.{field}"),
                code: code.to_owned(),
                advice: advice.to_owned(),
            });
        };
        if person.name.trim().is_empty() {
            mistake("name", "Missing", "write the full name");
        }
        if !can_be_dialled(&person.phone) {
            mistake(
                "phone",
                "BadPhone",
                "write a mobile number of 11 digits, or a line with its area code",
            );
        }
        if !leads_to_a_door(&person.address) {
            mistake("address", "BadAddress", "write the address down to the house and the door");
        }
    }
    errors
}

/// A Chinese mobile number has 11 digits and begins with 13 to 19; others have 7 to 15.
fn can_be_dialled(phone: &str) -> bool {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let plain = phone.chars().all(|c| c.is_ascii_digit() || " +-()".contains(c));
    let mobile = match digits.as_slice() {
        ['8', '6', national @ ..] if national.len() == 11 => national,
        all => all,
    };
    let false_mobile =
        matches!(mobile, ['1', second, ..] if mobile.len() == 11 && !('3'..='9').contains(second));
    plain && PHONE_DIGITS.contains(&digits.len()) && !false_mobile
}

/// Long enough, and something in it is numbered: a house, a building, a room.
fn leads_to_a_door(address: &str) -> bool {
    let address = address.trim();
    let numbered = |c: char| c.is_numeric() || NUMERALS.contains(c);
    address.chars().count() >= SHORTEST_ADDRESS && address.chars().any(numbered)
}
