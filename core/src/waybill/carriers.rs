//! Which carriers could have issued a number.
//!
//! The formats are data: `formats.json` holds one line per format, the Chinese
//! ones first. Chinese domestic numbers carry no check digit, so several
//! carriers may answer to one number; only the operator can choose.
//! `tests.rs` holds this table equal to its public sources.

use std::sync::LazyLock;

use serde::Deserialize;

use super::check_digit::CheckRule;
use super::pattern::Pattern;

/// One carrier that could have issued a number, by one of its formats.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Carrier {
    /// The carrier, stable and short: `sf`, `zto`, `ups`.
    pub code: String,
    /// The format of the number, stable: `sf`, `sf_old`, `usps_impb_c`.
    pub format: String,
    /// The name of the format in English.
    pub name: String,
    /// The Chinese name, where the carrier works in China.
    pub name_zh: Option<String>,
    /// How far the match can be trusted.
    pub confidence: Confidence,
}

/// How far a match of a number and a format can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A legacy or very wide pattern: a hint.
    Low,
    /// A pattern without a check digit.
    Medium,
    /// The check digit agrees.
    High,
}

/// One line of `formats.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Format {
    #[serde(rename = "format")]
    pub(super) id: String,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) name_zh: Option<String>,
    pub(super) confidence: Confidence,
    #[serde(deserialize_with = "read_pattern")]
    pub(super) pattern: Pattern,
    pub(super) check: Option<CheckRule>,
    /// Digits that the printed number leaves out and the check digit counts.
    pub(super) prepend: Option<String>,
    /// The country codes that may end the number, without separators (S10).
    pub(super) countries: Option<String>,
}

/// What a format says about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another shape, or a country that does not exist.
    Foreign,
    /// The right shape with the wrong check digit.
    WrongCheckDigit { expected: u8, found: u8 },
    /// This format explains the number.
    Explained,
}

impl Format {
    /// Judges `number`, already normalised.
    pub(super) fn judge(&self, number: &[u8]) -> Verdict {
        if !self.knows_country(number) {
            return Verdict::Foreign;
        }
        let mut verdict = Verdict::Foreign;
        for parts in self.pattern.explain(number) {
            let (Some(rule), Some((serial, found))) = (&self.check, parts.of(number)) else {
                return Verdict::Explained;
            };
            let expected = rule.expected(&self.whole_serial(serial));
            if expected == found {
                return Verdict::Explained;
            }
            verdict = Verdict::WrongCheckDigit { expected, found };
        }
        verdict
    }

    fn whole_serial(&self, serial: &[u8]) -> Vec<u8> {
        let missing = self.prepend.as_deref().unwrap_or_default().as_bytes();
        if serial.starts_with(missing) { serial.to_vec() } else { [missing, serial].concat() }
    }

    fn knows_country(&self, number: &[u8]) -> bool {
        let Some(countries) = &self.countries else { return true };
        number
            .last_chunk::<2>()
            .is_some_and(|end| countries.as_bytes().chunks(2).any(|code| code == end))
    }

    fn carrier(&self) -> Carrier {
        Carrier {
            code: self.code.clone(),
            format: self.id.clone(),
            name: self.name.clone(),
            name_zh: self.name_zh.clone(),
            confidence: self.confidence,
        }
    }
}

/// All formats, Chinese ones first.
pub(super) static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("formats.json")).expect("formats.json is read by a test")
});

/// Returns the carriers that explain `number`, in the order of the table.
pub(super) fn candidates(number: &[u8]) -> Vec<Carrier> {
    FORMATS
        .iter()
        .filter(|format| format.judge(number) == Verdict::Explained)
        .map(Format::carrier)
        .collect()
}

/// Returns the (expected, found) check digits of an S10 number that is
/// provably mistyped: the S10 shape with a postal country, a wrong digit, and
/// no other format to explain it.
pub(super) fn provably_wrong(number: &[u8]) -> Option<(u8, u8)> {
    let s10 = FORMATS.iter().find(|format| format.countries.is_some())?;
    let Verdict::WrongCheckDigit { expected, found } = s10.judge(number) else { return None };
    candidates(number).is_empty().then_some((expected, found))
}

fn read_pattern<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Pattern, D::Error> {
    let text = String::deserialize(reader)?;
    Pattern::read(&text).ok_or_else(|| serde::de::Error::custom("not a pattern"))
}
