//! The directory: sites, stations and their telephones, and what goods may be sent; pulled from the
//! hub by version.
//!
//! The catalogue of prohibited and restricted goods (M06) that comes with the library is in
//! `goods.json`, each entry with its source. A hub may add to it and never take from it.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::document::{Document, Fault, Problem, Signed, Unfit};
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
    /// How long a parcel may lie here, hours; 0 where only the consent limits it.
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

/// Whether goods may be sent (M06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum GoodsClass {
    /// Never taken; found later, the parcel stops at once (禁寄).
    Prohibited,
    /// Taken by the rule it names (限寄).
    Restricted,
}

/// One kind of goods that may not be sent, or only by a rule (禁限寄物品, M06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct GoodsEntry {
    /// Its stable code, such as `LITHIUM_BATTERIES`.
    pub code: String,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// Prohibited or restricted.
    pub class: GoodsClass,
    /// What the courier does with it.
    pub rule: String,
    /// The law or the document that says so.
    pub source: String,
}

static GOODS: LazyLock<Vec<GoodsEntry>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("directory/goods.json"))
        .expect("goods.json is read by a test")
});

/// Returns the catalogue that comes with the library.
pub fn built_in_goods() -> &'static [GoodsEntry] {
    &GOODS
}

fn default_goods() -> Vec<GoodsEntry> {
    GOODS.clone()
}

/// The library's own catalogue need not travel.
fn is_built_in(goods: &[GoodsEntry]) -> bool {
    goods == built_in_goods()
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
    /// Prohibited and restricted goods. Absent in a file: the library's own catalogue.
    #[serde(default = "default_goods", skip_serializing_if = "is_built_in")]
    pub goods: Vec<GoodsEntry>,
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
            goods: default_goods(),
        }
    }

    /// Checks a directory that the hub offers: signature, faults, version, in this order.
    pub(crate) fn adopt(signed: &Signed, root_key: &str, known: &Self) -> Result<Self, Unfit> {
        let body = signed.verified(Document::Directory, root_key)?;
        let directory = Self::read(body)?;
        if directory.station != known.station {
            let expected = format!("the directory of {}", known.station);
            let fault = Fault::new("directory", "station", Problem::WrongType { expected });
            return Err(Unfit::Faulty { faults: vec![fault] });
        }
        Unfit::if_older(directory.version, known.version)?;
        Ok(directory)
    }

    /// Reads a directory and checks it.
    ///
    /// # Errors
    /// `Faulty` with everything that is wrong.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let directory: Self = serde_json::from_str(text).map_err(|_| {
            let expected = "a directory".to_owned();
            let fault = Fault::new("directory", "", Problem::WrongType { expected });
            Unfit::Faulty { faults: vec![fault] }
        })?;
        Unfit::if_any(directory.faults())?;
        Ok(directory)
    }

    /// Returns everything that is wrong with it: ids that stand twice, empty fields, a place that is
    /// none, prohibited goods of the library's catalogue that are left out or let pass.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut missing = |part: &str, name: &str, is_missing: bool| {
            if is_missing {
                faults.push(Fault::new(part, name, Problem::Missing));
            }
        };
        missing("directory", "version", self.version == 0);
        for site in &self.sites {
            let part = format!("site {}", site.id);
            missing(&part, "name", site.name.trim().is_empty());
            missing(&part, "hours", site.hours.trim().is_empty());
            // Nobody keeps a place the recipient named: what was agreed is its only limit.
            let kept = !matches!(site.kind, SiteKind::UnattendedPublic | SiteKind::NamedPlace);
            missing(&part, "keeps_h", kept && site.keeps_h == 0);
        }
        for entry in &self.goods {
            let part = format!("goods {}", entry.code);
            let texts = [
                ("code", &entry.code),
                ("name_zh", &entry.name_zh),
                ("name_en", &entry.name_en),
                ("rule", &entry.rule),
                ("source", &entry.source),
            ];
            for (name, text) in texts {
                missing(&part, name, text.trim().is_empty());
            }
        }
        for (name, degrees, most) in
            [("station_lng", self.station_lng, 180.0), ("station_lat", self.station_lat, 90.0)]
        {
            if degrees.is_some_and(|degrees| degrees.abs() > most) {
                let expected = format!("WGS-84 degrees, at most {most}");
                faults.push(Fault::new("directory", name, Problem::WrongType { expected }));
            }
        }
        let mut twice = |part: String, is_twice: bool| {
            if is_twice {
                faults.push(Fault::new(part, "", Problem::Twice));
            }
        };
        for (n, site) in self.sites.iter().enumerate() {
            let earlier = self.sites[..n].iter().any(|earlier| earlier.id == site.id);
            twice(format!("site {}", site.id), earlier);
        }
        for (n, entry) in self.goods.iter().enumerate() {
            let earlier = self.goods[..n].iter().any(|earlier| earlier.code == entry.code);
            twice(format!("goods {}", entry.code), earlier);
        }
        let banned = |entry: &GoodsEntry| entry.class == GoodsClass::Prohibited;
        for law in built_in_goods().iter().filter(|entry| banned(entry)) {
            if !self.goods(&law.code).is_some_and(banned) {
                let floor = format!("prohibited, {}", law.source);
                let part = format!("goods {}", law.code);
                faults.push(Fault::new(part, "class", Problem::Loosened { floor }));
            }
        }
        faults
    }

    /// Returns a site by its id.
    pub fn site(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| &site.id == id)
    }
    /// Returns a kind of goods by its code; `None` if it may be sent like any other.
    pub fn goods(&self, code: &str) -> Option<&GoodsEntry> {
        self.goods.iter().find(|entry| entry.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::TestHub;

    #[test]
    fn every_entry_of_the_catalogue_has_a_code_of_its_own_a_rule_and_a_source() {
        let mut codes: Vec<_> = built_in_goods().iter().map(|entry| &entry.code).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), built_in_goods().len());
        for entry in built_in_goods() {
            let texts = [&entry.name_zh, &entry.name_en, &entry.rule, &entry.source];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", entry.code);
        }
        let banned = built_in_goods().iter().filter(|entry| entry.class == GoodsClass::Prohibited);
        assert_eq!(banned.count(), 19, "the annex of the rule has 18 groups and one for the rest");
    }

    #[test]
    fn all_faults_are_told_at_once_and_the_catalogue_never_shrinks_below_the_law() {
        let mut directory = Directory::empty(StationId::new("JL31").unwrap());
        let site = |id: &str, hours: &str, kind, keeps_h| Site {
            id: SiteId::new(id).unwrap(),
            name: "Desk".into(),
            kind,
            takes_fresh: false,
            takes_valuable: false,
            takes_damaged: false,
            codes: CodeIssuer::Site,
            hours: hours.into(),
            keeps_h,
        };
        directory.sites = vec![
            site("A", "8-20", SiteKind::Locker, 0),
            site("A", " ", SiteKind::PropertyDesk, 24),
            site("GATE", "0-24", SiteKind::UnattendedPublic, 0),
        ];
        directory.goods.retain(|entry| entry.code != "EXPLOSIVES");
        directory.goods[0].class = GoodsClass::Restricted;
        directory.goods[1].source.clear();
        (directory.station_lng, directory.station_lat) = (Some(-180.0), Some(90.5));
        let told: Vec<_> = directory.faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            told[..4],
            [
                "directory, version: is missing or empty",
                "site A, keeps_h: is missing or empty",
                "site A, hours: is missing or empty",
                "goods CONTROLLED_KNIVES, source: is missing or empty",
            ]
        );
        assert_eq!(told[4], "directory, station_lat: expected WGS-84 degrees, at most 90");
        assert_eq!(told[5], "site A: stands twice");
        assert!(told[6].starts_with("goods FIREARMS, class: would loosen the floor prohibited"));
        assert!(told[7].starts_with("goods EXPLOSIVES, class: would loosen the floor prohibited"));
        assert_eq!(told.len(), 8);
    }

    #[test]
    fn a_directory_is_adopted_if_it_is_signed_sound_newer_and_this_stations() {
        let hub = TestHub::new(1);
        let known = Directory::empty(StationId::new("JL31").unwrap());
        let adopt = |directory: &Directory| {
            let body = serde_json::to_string(directory).unwrap();
            Directory::adopt(&hub.sign(Document::Directory, &body), &hub.root_key(), &known)
        };
        let newer = Directory { version: 1, ..known.clone() };
        assert_eq!(adopt(&newer), Ok(newer.clone()));
        let others = Directory { version: 1, ..Directory::empty(StationId::new("JL77").unwrap()) };
        assert!(matches!(adopt(&others), Err(Unfit::Faulty { .. })));
        let body = serde_json::to_string(&newer).unwrap();
        let as_policy = hub.sign(Document::Policy, &body);
        let refused = Directory::adopt(&as_policy, &hub.root_key(), &known);
        assert_eq!(refused, Err(Unfit::BadSignature));
        let again =
            Directory::adopt(&hub.sign(Document::Directory, &body), &hub.root_key(), &newer);
        assert_eq!(again, Err(Unfit::NotNewer { offered: 1, in_force: 1 }));
    }

    #[test]
    fn a_directory_without_a_catalogue_has_the_librarys_own_and_does_not_carry_it() {
        let station = StationId::new("JL31").unwrap();
        let text = serde_json::to_string(&Directory::empty(station.clone())).unwrap();
        assert!(!text.contains("goods"));
        let read: Directory = serde_json::from_str(&text).unwrap();
        assert_eq!(read, Directory::empty(station));
        assert_eq!(read.goods("EXPLOSIVES").map(|entry| entry.class), Some(GoodsClass::Prohibited));
        assert_eq!(read.goods("BOOKS"), None);
    }
}
