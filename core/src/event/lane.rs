//! A lane is the unit of order: lanes never block each other.

use serde::{Deserialize, Serialize};

use crate::id::{CaseId, CourierNo, DeviceId, OrderNo, StationId};
use crate::waybill::Waybill;

/// What a lane is about. Each kind folds into a state of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// One parcel, from announcement to hand-over.
    Parcel(Waybill),
    /// One pick-up order (揽收单).
    Pickup(OrderNo),
    /// One exception case (异常件).
    Exception(CaseId),
    /// One complaint (投诉).
    Complaint(CaseId),
    /// One courier's working day, `YYYY-MM-DD` in his local time.
    Shift(CourierNo, String),
    /// One station's own affairs.
    Station(StationId),
    /// One device's own affairs.
    Device(DeviceId),
    /// A kind this version does not know: kept and passed on.
    Other(String),
}

impl Lane {
    /// Reads the text form, `kind:key`. Never fails: an unknown kind is kept as it is.
    pub fn parse(text: &str) -> Self {
        let other = || Self::Other(text.to_owned());
        let Some((kind, key)) = text.split_once(':') else { return other() };
        match kind {
            "parcel" => match Waybill::recorded(key) {
                Ok(waybill) if waybill.as_str() == key => Self::Parcel(waybill),
                _ => other(),
            },
            "pickup" => OrderNo::new(key).map_or_else(|_| other(), Self::Pickup),
            "exception" => key.parse().map_or_else(|_| other(), Self::Exception),
            "complaint" => key.parse().map_or_else(|_| other(), Self::Complaint),
            "shift" => match key.split_once('/') {
                Some((courier, day)) => CourierNo::new(courier)
                    .map_or_else(|_| other(), |courier| Self::Shift(courier, day.to_owned())),
                None => other(),
            },
            "station" => StationId::new(key).map_or_else(|_| other(), Self::Station),
            "device" => key.parse().map_or_else(|_| other(), Self::Device),
            _ => other(),
        }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parcel(waybill) => write!(f, "parcel:{waybill}"),
            Self::Pickup(order) => write!(f, "pickup:{order}"),
            Self::Exception(case) => write!(f, "exception:{case}"),
            Self::Complaint(case) => write!(f, "complaint:{case}"),
            Self::Shift(courier, day) => write!(f, "shift:{courier}/{day}"),
            Self::Station(station) => write!(f, "station:{station}"),
            Self::Device(device) => write!(f, "device:{device}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Lane {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(from)?))
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Lane, String, {
    try_lift: |text| Ok(Lane::parse(&text)),
    lower: |lane| lane.to_string(),
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_reads_back_from_its_text() {
        for text in [
            "parcel:SF1000000000001",
            "pickup:PU-2026-0001",
            "exception:018f0000-0000-7000-8000-000000000000",
            "complaint:018f0000-0000-7000-8000-000000000001",
            "shift:4849/2026-11-21",
            "station:JL31",
            "device:018f0000-0000-7000-8000-000000000002",
            "parcel:sf1",
            "drone:7",
            "nothing",
        ] {
            assert_eq!(Lane::parse(text).to_string(), text);
        }
        assert_eq!(Lane::parse("drone:7"), Lane::Other("drone:7".into()));
    }
}
