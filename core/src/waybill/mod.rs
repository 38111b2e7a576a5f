//! Waybill numbers.

use serde::{Deserialize, Serialize};

/// A waybill number (运单号).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Waybill(String);

/// Why a waybill number is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaybillError {
    /// Not 8 to 40 letters and digits.
    #[error("a waybill number has 8 to 40 letters and digits")]
    Shape,
}

impl WaybillError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        "WaybillShape"
    }
}

impl Waybill {
    /// Parses a number as scanned or typed.
    pub fn parse(text: &str) -> Result<Self, WaybillError> {
        let text: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if (8..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric()) {
            Ok(Self(text))
        } else {
            Err(WaybillError::Shape)
        }
    }

    /// Returns the number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Waybill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
