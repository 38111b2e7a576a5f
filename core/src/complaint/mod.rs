//! Complaint (投诉): a customer is not content, and the one-hour clock runs (M52-M56, M65).

pub(crate) mod rules;
mod state;

pub use state::{Complaint, ComplaintStage, CustomerContact, Ownership};

use serde::{Deserialize, Serialize};

use crate::delivery::Channel;
use crate::event::Actor;
use crate::id::CourierNo;
use crate::privacy::VaultRef;
use crate::waybill::Waybill;

/// Where it came from (M52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ComplaintSource {
    /// The customer, to the courier or the station.
    Customer,
    /// A shopping platform.
    Platform,
    /// The station itself.
    Station,
    /// The hotline.
    Hotline,
    /// Web or app.
    Online,
    /// Social media.
    SocialMedia,
}

/// What it is about (M53). The first three are about service, the next three about the parcel,
/// the last two about process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ComplaintClass {
    /// Attitude (服务态度).
    Attitude,
    /// Delay (延误).
    Delay,
    /// Privacy leak (隐私泄露).
    PrivacyLeak,
    /// Damage (破损).
    Damage,
    /// Loss (丢失).
    Loss,
    /// Wrong item (错件).
    WrongItem,
    /// Signed for without delivery (签收异常).
    SignOffAnomaly,
    /// Dispute about a refund (退款纠纷).
    RefundDispute,
}

impl ComplaintClass {
    /// Tells whether the complained-of must not learn who complains (DESIGN 5).
    pub fn hides_complainant(self) -> bool {
        matches!(self, Self::Attitude | Self::PrivacyLeak)
    }
}

/// The complaint was received. Starts the one-hour clock (M54).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintReceived {
    /// The parcel: one of the four fields nothing is saved without.
    pub waybill: Waybill,
    /// Name and phone of the complainant, in the vault.
    pub complainant: VaultRef,
    /// What he wants, in the vault.
    pub demand: VaultRef,
    /// Where it came from.
    pub source: ComplaintSource,
    /// What it is about.
    pub class: ComplaintClass,
    /// The courier it is about, if one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<CourierNo>,
}

/// Somebody owns it now. The first receiver owns it by himself (首接负责制, M55).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerTaken {
    /// The owner.
    pub owner: Actor,
}

/// The customer was spoken to. Stops the one-hour clock; opening the case does not (C4.14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerFirstContacted {
    /// How.
    pub channel: Channel,
    /// The customer answered.
    pub reached: bool,
}

/// It is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplaintClosed {
    /// How it ended, in the vault.
    pub outcome: VaultRef,
}

#[cfg(test)]
mod tests;
