//! The directory: sites, stations and their telephones, pulled from the hub by version.

use serde::{Deserialize, Serialize};

use crate::id::{SiteId, StationId};
use crate::parcel::GoodsFlags;
use crate::temporary_storage::{CodeIssuer, SiteKind};

/// One place that may hold parcels, and what it may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Its name, as a notice prints it.
    pub name: String,
    /// What kind of place it is.
    pub kind: SiteKind,
    /// Fresh goods may lie here.
    #[serde(default)]
    pub takes_fresh: bool,
    /// Valuable goods may lie here.
    #[serde(default)]
    pub takes_valuable: bool,
    /// Visibly damaged parcels may lie here.
    #[serde(default)]
    pub takes_damaged: bool,
    /// Who gives out its pickup codes.
    #[serde(default)]
    pub codes: CodeIssuer,
    /// When it is open, as a notice prints it.
    pub hours: String,
    /// How long a parcel may lie here, hours.
    pub keeps_h: u32,
}

impl Site {
    /// Tells whether goods with these flags, damaged or not, may lie here.
    pub fn accepts(&self, goods: GoodsFlags, damaged: bool) -> bool {
        (!goods.fresh || self.takes_fresh)
            && (!goods.valuable || self.takes_valuable)
            && (!damaged || self.takes_damaged)
    }
}

/// Everything a phone must know about places without a signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Directory {
    /// Raised by the hub at each change; 0 before the first pull.
    pub version: u32,
    /// The courier's station.
    pub station: StationId,
    /// The station's telephone, as a notice prints it.
    pub station_phone: String,
    /// Where the station lies: longitude, WGS-84 degrees.
    #[serde(default)]
    pub station_lng: Option<f64>,
    /// Where the station lies: latitude, WGS-84 degrees.
    #[serde(default)]
    pub station_lat: Option<f64>,
    /// The storage sites.
    pub sites: Vec<Site>,
}

impl Directory {
    /// An empty directory of `station`, before the first pull.
    pub fn empty(station: StationId) -> Self {
        Self {
            version: 0,
            station,
            station_phone: String::new(),
            station_lng: None,
            station_lat: None,
            sites: Vec::new(),
        }
    }

    /// Returns a site by its id.
    pub fn site(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| &site.id == id)
    }
}
