//! Check digits: the arithmetic that tells a mistyped number from a real one.
//!
//! The rules and their parameters come from the carriers by way of
//! `tracking_number_data` (MIT, see `LICENSE-tracking-number-data.txt`).
//! A serial holds only `0-9` and `A-Z`; the pattern has seen to that.

use serde::Deserialize;

/// How a format computes its check character.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckRule {
    /// The serial as one number, modulo 7 (DHL Express).
    Mod7,
    /// Alternating multipliers from the left, modulo 10. Letters count as digits.
    Mod10 { evens: u32, odds: u32 },
    /// Luhn: every second digit from the right doubled (ISO/IEC 7812-1).
    Luhn,
    /// UPU S10: weights 8 6 4 2 3 5 9 7, modulo 11.
    S10,
    /// ISO/IEC 7064 hybrid system modulo 37, 36 (DPD).
    #[serde(rename = "mod37_36")]
    Mod37And36,
    /// Sum of products, modulo one number and then another (`FedEx`).
    Weighted { weights: Vec<u32>, modulo1: u32, modulo2: u32 },
}

const S10_WEIGHTS: [u32; 8] = [8, 6, 4, 2, 3, 5, 9, 7];

impl CheckRule {
    /// Returns the check character that belongs to `serial`.
    pub(super) fn expected(&self, serial: &[u8]) -> u8 {
        match self {
            Self::Mod7 => b'0' + digits(serial).fold(0, |rest, digit| (rest * 10 + digit) % 7),
            Self::Mod10 { evens, odds } => {
                let sum: u32 = mod10_values(serial)
                    .enumerate()
                    .map(|(at, value)| value * if at % 2 == 0 { *evens } else { *odds })
                    .sum();
                character((10 - sum % 10) % 10)
            }
            Self::Luhn => {
                let sum: u32 = digits(serial)
                    .rev()
                    .enumerate()
                    .map(|(at, digit)| if at % 2 == 0 { digit * 2 } else { digit })
                    .map(|value| u32::from(value / 10 + value % 10))
                    .sum();
                character((10 - sum % 10) % 10)
            }
            Self::S10 => match 11 - weighted_sum(serial, &S10_WEIGHTS) % 11 {
                10 => b'0',
                11 => b'5',
                digit => character(digit),
            },
            Self::Mod37And36 => {
                let product = serial.iter().fold(36, |product, &byte| {
                    let sum = match (product + base36(byte)) % 36 {
                        0 => 36,
                        sum => sum,
                    };
                    sum * 2 % 37
                });
                character((37 - product) % 36)
            }
            Self::Weighted { weights, modulo1, modulo2 } => {
                character(weighted_sum(serial, weights) % modulo1 % modulo2)
            }
        }
    }
}

fn digits(serial: &[u8]) -> impl DoubleEndedIterator<Item = u8> + ExactSizeIterator {
    serial.iter().map(|byte| byte.wrapping_sub(b'0') % 10)
}

/// UPS gives A the value 2, B 3 and so on, modulo 10.
fn mod10_values(serial: &[u8]) -> impl Iterator<Item = u32> {
    serial.iter().map(|&byte| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        letter => u32::from(letter.saturating_sub(63)) % 10,
    })
}

fn weighted_sum(serial: &[u8], weights: &[u32]) -> u32 {
    digits(serial).zip(weights).map(|(digit, weight)| u32::from(digit) * weight).sum()
}

fn base36(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or(0)
}

fn character(value: u32) -> u8 {
    char::from_digit(value, 36).map_or(b'0', |digit| digit.to_ascii_uppercase() as u8)
}
