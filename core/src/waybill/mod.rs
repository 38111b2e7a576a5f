//! The waybill number (运单号): the name by which everyone calls a parcel.
//!
//! A mistyped number sends the rest of the day to the wrong parcel, so a number
//! is checked where it enters (M08). Only what is provably wrong is refused:
//! most Chinese carriers use no check digit, new formats appear without notice,
//! and a courier at a door must be able to record a parcel nobody has heard of.
//! *Unknown but plausible* is therefore a valid verdict: the number is taken
//! and [`Waybill::candidates`] is empty.
//!
//! The carriers' formats are data in `formats.json`, read by `carriers.rs` with
//! the pattern language of `pattern.rs` and the arithmetic of `check_digit.rs`.

mod carriers;
mod check_digit;
mod pattern;
mod status;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

pub use carriers::{Carrier, Confidence};
pub use status::{CarrierStatus, carrier_status, carrier_statuses};

/// A waybill number in its one written form: 8 to 40 characters of `A-Z` and `0-9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Waybill(String);

/// Why a text is not a waybill number. Never repeats the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaybillError {
    /// Nothing but spaces and hyphens.
    #[error("the waybill number is empty: scan the label, or type the number under the bars")]
    Empty,
    /// Fewer characters than any carrier uses.
    #[error(
        "the waybill number has {found} characters and needs at least {least}: scan again, or type all of it"
    )]
    TooShort {
        /// Characters found, without spaces and hyphens.
        found: u32,
        /// The fewest accepted.
        least: u32,
    },
    /// More characters than any carrier uses.
    #[error("the waybill number has more than {most} characters: scan one bar code only")]
    TooLong {
        /// The most accepted.
        most: u32,
    },
    /// A character that no waybill number has.
    #[error(
        "character {position} of the waybill number is neither a letter A-Z nor a digit: scan the bar code of the waybill, not another one"
    )]
    Character {
        /// Which character, counted from 1 without spaces and hyphens.
        position: u32,
    },
    /// An international postal number whose check digit disagrees.
    #[error(
        "the check digit is {found} and should be {expected}, so a character was misread: scan again, or compare each character with the label"
    )]
    CheckDigit {
        /// The digit that the other characters ask for.
        expected: char,
        /// The digit that stands there.
        found: char,
    },
}

impl WaybillError {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "WaybillEmpty",
            Self::TooShort { .. } => "WaybillTooShort",
            Self::TooLong { .. } => "WaybillTooLong",
            Self::Character { .. } => "WaybillCharacter",
            Self::CheckDigit { .. } => "WaybillCheckDigit",
        }
    }
}

impl Waybill {
    /// The fewest characters of a number.
    pub const LEAST: u32 = 8;
    /// The most characters of a number.
    pub const MOST: u32 = 40;

    /// Reads a number as scanned or typed.
    ///
    /// Spaces, hyphens and invisible characters are dropped, full-width signs of
    /// a Chinese keyboard and lower case are folded. Refuses wrong characters, a
    /// wrong length, and an S10 number with a wrong check digit that no other
    /// format can explain.
    pub fn parse(text: &str) -> Result<Self, WaybillError> {
        let waybill = Self::recorded(text)?;
        match carriers::provably_wrong(waybill.0.as_bytes()) {
            Some((expected, found)) => Err(WaybillError::CheckDigit {
                expected: char::from(expected),
                found: char::from(found),
            }),
            None => Ok(waybill),
        }
    }

    /// Returns every carrier that could have issued this number, Chinese ones first.
    ///
    /// Empty: unknown but plausible. More than one: ask the operator. A format
    /// whose check digit disagrees is not among them.
    pub fn candidates(&self) -> Vec<Carrier> {
        carriers::candidates(self.0.as_bytes())
    }

    /// Returns the number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last four characters, enough for a recipient to know the parcel.
    pub fn tail(&self) -> &str {
        &self.0[self.0.len().saturating_sub(4)..]
    }

    /// Reads a number that was recorded before: the form is checked, the check digit is not.
    ///
    /// A number taken once stays readable, whatever the table learns later: a
    /// fact is never lost to a better rule.
    pub fn recorded(text: &str) -> Result<Self, WaybillError> {
        let mut number = String::new();
        let mut count = 0;
        for character in text.chars().filter(|&character| !is_filler(character)) {
            count += 1;
            if count > Self::MOST {
                return Err(WaybillError::TooLong { most: Self::MOST });
            }
            match half_width(character).to_ascii_uppercase() {
                folded @ ('A'..='Z' | '0'..='9') => number.push(folded),
                _ => return Err(WaybillError::Character { position: count }),
            }
        }
        match count {
            0 => Err(WaybillError::Empty),
            found if found < Self::LEAST => {
                Err(WaybillError::TooShort { found, least: Self::LEAST })
            }
            _ => Ok(Self(number)),
        }
    }
}

impl FromStr for Waybill {
    type Err = WaybillError;

    fn from_str(text: &str) -> Result<Self, WaybillError> {
        Self::parse(text)
    }
}

impl fmt::Display for Waybill {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl AsRef<str> for Waybill {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Reads as [`Waybill::recorded`] does.
impl<'de> Deserialize<'de> for Waybill {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::recorded(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Waybill, String, {
    try_lift: |text| {
        Ok(Waybill::parse(&text).map_err(crate::Error::from).map_err(crate::LastmileError::from)?)
    },
    lower: |waybill| waybill.0,
});

/// Spaces, hyphens of any width, and the invisible marks that scanners and
/// copied messages carry along.
fn is_filler(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}')
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Folds a full-width form (Ａ, １) to its ASCII character.
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(character as u32 - 0xff01 + 0x21).unwrap_or(character)
        }
        _ => character,
    }
}
