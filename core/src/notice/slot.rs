//! The closed list of slots. A text cannot ask for anything that is not here.

use std::fmt;

/// One slot of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Slot {
    /// The place where the parcel lies (站点).
    Station,
    /// The slot of the locker in which it lies (格口).
    LockerSlot,
    /// The code that opens or proves (取件码).
    PickupCode,
    /// How to collect it (取件方式).
    PickupMethod,
    /// When the place is open (开放时间).
    OpeningHours,
    /// The end of the agreed period (取件时限).
    CollectBefore,
    /// How to ask for delivery to the door (送货上门).
    DoorDelivery,
    /// The courier's number (工号).
    CourierNo,
    /// The courier's phone.
    CourierPhone,
    /// Where the courier stands and waits.
    CourierPlace,
    /// How to address the reader (称呼).
    Honorific,
    /// The recipient's name, for a reader who is not the recipient.
    Recipient,
    /// Brand or goods.
    Goods,
    /// The last characters of the waybill number.
    Parcel,
    /// Why it is late.
    Cause,
    /// When it is expected.
    Eta,
    /// Where the parcel is now.
    Position,
    /// When the line runs again.
    RecoveryTime,
    /// The next visit proposed.
    ProposedTime,
    /// The answer to a request.
    Result,
    /// Why that answer.
    Reason,
    /// The address after a redirection.
    NewAddress,
    /// What has just happened to the parcel.
    Node,
}

/// What a slot holds, which decides who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum SlotKind {
    /// A time or a number of ours: nothing of a person.
    Fixed,
    /// Words that someone typed or a place: rooms are hidden where others read.
    Plain,
    /// A name: masked for third parties.
    Name,
    /// A phone: masked for third parties.
    Phone,
    /// An address: masked for third parties.
    Address,
    /// A code or the goods: not shown to third parties at all.
    Secret,
}

impl Slot {
    /// Every slot.
    pub const ALL: [Self; 23] = [
        Self::Station,
        Self::LockerSlot,
        Self::PickupCode,
        Self::PickupMethod,
        Self::OpeningHours,
        Self::CollectBefore,
        Self::DoorDelivery,
        Self::CourierNo,
        Self::CourierPhone,
        Self::CourierPlace,
        Self::Honorific,
        Self::Recipient,
        Self::Goods,
        Self::Parcel,
        Self::Cause,
        Self::Eta,
        Self::Position,
        Self::RecoveryTime,
        Self::ProposedTime,
        Self::Result,
        Self::Reason,
        Self::NewAddress,
        Self::Node,
    ];

    /// Returns the name that a text uses between braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::LockerSlot => "locker_slot",
            Self::PickupCode => "pickup_code",
            Self::PickupMethod => "pickup_method",
            Self::OpeningHours => "opening_hours",
            Self::CollectBefore => "collect_before",
            Self::DoorDelivery => "door_delivery",
            Self::CourierNo => "courier_no",
            Self::CourierPhone => "courier_phone",
            Self::CourierPlace => "courier_place",
            Self::Honorific => "honorific",
            Self::Recipient => "recipient",
            Self::Goods => "goods",
            Self::Parcel => "parcel",
            Self::Cause => "cause",
            Self::Eta => "eta",
            Self::Position => "position",
            Self::RecoveryTime => "recovery_time",
            Self::ProposedTime => "proposed_time",
            Self::Result => "result",
            Self::Reason => "reason",
            Self::NewAddress => "new_address",
            Self::Node => "node",
        }
    }

    /// Returns the slot of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.name() == name)
    }

    /// Returns what it holds.
    pub fn kind(self) -> SlotKind {
        match self {
            Self::LockerSlot
            | Self::OpeningHours
            | Self::CollectBefore
            | Self::CourierNo
            | Self::Parcel
            | Self::Eta
            | Self::RecoveryTime
            | Self::ProposedTime => SlotKind::Fixed,
            Self::Station
            | Self::PickupMethod
            | Self::DoorDelivery
            | Self::CourierPlace
            | Self::Cause
            | Self::Position
            | Self::Result
            | Self::Reason
            | Self::Node => SlotKind::Plain,
            Self::Honorific | Self::Recipient => SlotKind::Name,
            Self::CourierPhone => SlotKind::Phone,
            Self::NewAddress => SlotKind::Address,
            Self::PickupCode | Self::Goods => SlotKind::Secret,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes slots with commas between.
pub(super) fn list(slots: &[Slot]) -> String {
    slots.iter().map(|slot| slot.name()).collect::<Vec<_>>().join(", ")
}
