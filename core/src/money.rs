//! Money in whole fen (分): no float ever touches an amount.

use serde::{Deserialize, Serialize};

/// An amount in fen; 100 fen are 1 yuan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Fen, i64, {
    try_lift: |fen| Ok(Fen(fen)),
    lower: |fen| fen.0,
});
