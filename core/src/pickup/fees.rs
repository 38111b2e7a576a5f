//! What a sender pays, part by part (费用结算, M09). The hub's rate engine says how much; here the
//! parts are explained and add up.

use serde::{Deserialize, Serialize};

use crate::money::Fen;

/// What a part of the price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum FeeKind {
    /// Freight by weight or volume and destination (运费).
    Freight,
    /// Insurance (保价费).
    Insurance,
    /// Packing material (包装费).
    Packing,
    /// An extra service, a remote address, a holiday (附加费).
    Surcharge,
    /// Taken off (优惠); its amount is below zero.
    Discount,
}

/// One part of the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct FeeLine {
    /// What it is for.
    pub kind: FeeKind,
    /// How much, fen; below zero for a discount only.
    pub amount: Fen,
}

/// Tells whether the parts come to `total`: only a discount takes off, and nobody is paid for
/// sending a parcel.
pub fn fees_add_up(fees: &[FeeLine], total: Fen) -> bool {
    let signs = fees
        .iter()
        .all(|line| (line.amount.0 < 0) == (line.kind == FeeKind::Discount) || line.amount.0 == 0);
    let sum = fees.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.amount.0));
    signs && total.0 >= 0 && sum == Some(total.0)
}

/// Returns the freight among the parts.
pub(crate) fn freight(fees: &[FeeLine]) -> Fen {
    let freight = fees.iter().filter(|line| line.kind == FeeKind::Freight);
    Fen(freight.fold(0, |sum, line| sum.saturating_add(line.amount.0)))
}
