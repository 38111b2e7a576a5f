//! The slots of a locker (格口): one parcel lies in each (C6.12).

use serde::{Deserialize, Serialize};

use crate::conflict::Mark;
use crate::error::{Error, Result};
use crate::time::Moment;

/// A slot of a locker, as it is written on its door.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LockerSlot(String);

impl LockerSlot {
    /// Takes 1 to 16 characters of `A-Z 0-9 -`; small letters become capital ones.
    ///
    /// More than five digits in a row, or eight in all, are no slot but a phone number or a pickup
    /// code, and must not get into an event.
    pub fn new(text: &str) -> Result<Self> {
        let slot = text.trim().to_ascii_uppercase();
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        let digits = slot.chars().filter(char::is_ascii_digit).count();
        let long_number = slot.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 5);
        let fits = (1..=16).contains(&slot.len()) && slot.chars().all(plain);
        if !fits || digits > 8 || long_number {
            return Err(Error::BadArgument {
                field: "LockerSlot",
                expected: "1 to 16 letters, digits or '-', with no long number",
            });
        }
        Ok(Self(slot))
    }

    /// Returns the slot as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for LockerSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for LockerSlot {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(LockerSlot, String, {
    try_lift: |text| Ok(LockerSlot::new(&text).map_err(crate::LastmileError::from)?),
    lower: |slot| slot.0,
});

/// The slot in which a stored parcel lies, by the last word on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InSlot {
    /// The slot.
    pub slot: LockerSlot,
    /// The event that says so.
    pub said: Mark,
    /// When.
    pub at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_read_as_its_door_has_it() {
        assert_eq!(LockerSlot::new(" b-07 ").unwrap().as_str(), "B-07");
        assert_eq!(serde_json::from_str::<LockerSlot>("\"a12\"").unwrap().to_string(), "A12");
        for wrong in ["", " ", "A 12", "A_12", "ABCDEFGHIJKLMNOPQ", "格口3"] {
            assert!(LockerSlot::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neither_a_phone_number_nor_a_pickup_code_is_a_slot() {
        for wrong in ["13900000001", "139-0000-0001", "87654321", "A123456"] {
            assert!(LockerSlot::new(wrong).is_err(), "{wrong}");
        }
        assert!(LockerSlot::new("03-02-0105").is_ok());
    }
}
