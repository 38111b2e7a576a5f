//! The evidence bundle of one parcel: its events byte for byte, with everything a stranger needs
//! to check that the hub held them, and since when, without asking the hub.
//!
//! Events of others in the same stretch of a device's chain stand in it as leaves only.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_core::event::{Lane, digests};
use lastmile_core::evidence::MediaKind;
use lastmile_core::id::{CourierNo, DeviceId, Digest, EvidenceId, HubEpoch, StationId};
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::sync::wire::{HubKey, Receipt};
use lastmile_core::waybill::Waybill;
use serde::{Deserialize, Serialize};

use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Device, LaneRow, Origin, Row, Stretch, Tx};
use crate::sync;

/// What the first field of a bundle says.
pub const FORMAT: &str = "lastmile bundle v1";

/// The evidence about one parcel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Names the shape of the file, so that a later one is told apart.
    pub format: String,
    /// The parcel.
    pub waybill: Waybill,
    /// When it was made, by the hub's clock, UTC milliseconds.
    pub made_ms: i64,
    /// The life of the hub's database.
    pub epoch: HubEpoch,
    /// The hub's root key, to be compared with the one that phones pinned.
    pub root_key: String,
    /// The keys it certified.
    pub keys: Vec<HubKey>,
    /// Who recorded the events.
    pub devices: Vec<BundleDevice>,
    /// The parcel's lane, and those of its cases and complaints.
    pub lanes: Vec<BundleLane>,
    /// The receipts that cover the events.
    pub stretches: Vec<BundleStretch>,
    /// The media files the events name.
    pub media: Vec<BundleMedia>,
    /// The persons and texts the events point at, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vault: Vec<VaultEntry>,
}

/// A device, as it enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleDevice {
    /// Its id.
    pub device: DeviceId,
    /// Whose phone it is; none for the hub's own device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier: Option<CourierNo>,
    /// Its station.
    pub station: StationId,
    /// Its public key, SEC1 in hexadecimal, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleLane {
    /// Its name.
    pub lane: Lane,
    /// Its events, in order.
    pub events: Vec<BundleEvent>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEvent {
    /// Its position in its lane.
    pub lane_seq: u64,
    /// The device that pushed it.
    pub device: DeviceId,
    /// Under which incarnation.
    pub incarnation: u32,
    /// At which position of its chain.
    pub seq: u64,
    /// Its exact bytes, which are text.
    pub line: String,
}

/// A stretch of a device's chain, and the receipt for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleStretch {
    /// The receipt.
    pub receipt: Receipt,
    /// The list that the receipt signs: a line per event, its leaf and its verdict's letter.
    pub list: String,
    /// The device's own signature over the head of the stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_signature: Option<String>,
}

/// A media file that an event names. The file itself may lie beside the bundle, named by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleMedia {
    /// Its hash.
    pub sha256: Digest,
    /// Its length.
    pub bytes: u64,
    /// What it is.
    pub kind: MediaKind,
    /// The evidence item.
    pub evidence: EvidenceId,
    /// Who sent it.
    pub device: DeviceId,
}

/// Makes the bundle of a parcel of `station`; with `persons`, the vault entries too.
pub(crate) fn make(
    hub: &Hub,
    tx: &dyn Tx,
    station: &StationId,
    waybill: &Waybill,
    persons: bool,
) -> Result<Bundle> {
    let parcel = Lane::Parcel(waybill.clone());
    let here = |row: &LaneRow| row.next > 1 && row.station.as_ref() == Some(station);
    let row = tx.find_lane(&parcel)?.filter(here);
    let row = row.ok_or_else(|| HubError::not_found("the parcel"))?;
    let mut maker = Maker::new(tx, persons);
    maker.lane(parcel, &row)?;
    for (lane, row) in tx.lanes_about(waybill)?.into_iter().filter(|(_, row)| here(row)) {
        maker.lane(lane, &row)?;
    }
    let devices = maker.devices.values().map(|device| BundleDevice {
        device: device.id,
        courier: device.courier.clone(),
        station: device.station.clone(),
        public_key: device.public_key.clone(),
    });
    Ok(Bundle {
        format: FORMAT.to_owned(),
        waybill: waybill.clone(),
        made_ms: hub.now_ms(),
        epoch: Hub::epoch(tx)?,
        root_key: hub.root_key(),
        keys: Hub::keys(tx)?,
        devices: devices.collect(),
        lanes: maker.lanes,
        stretches: maker.stretches,
        media: maker.media,
        vault: maker.vault,
    })
}

struct Maker<'a> {
    tx: &'a dyn Tx,
    persons: bool,
    devices: BTreeMap<Row, Device>,
    lanes: Vec<BundleLane>,
    covered: BTreeSet<(Row, u32, u64)>,
    stretches: Vec<BundleStretch>,
    media: Vec<BundleMedia>,
    vault: Vec<VaultEntry>,
    /// The lane's persons who are to be erased: an entry cannot be masked, so it is left out.
    masked: Vec<VaultRef>,
}

impl<'a> Maker<'a> {
    fn new(tx: &'a dyn Tx, persons: bool) -> Self {
        Self {
            tx,
            persons,
            devices: BTreeMap::new(),
            lanes: Vec::new(),
            covered: BTreeSet::new(),
            stretches: Vec::new(),
            media: Vec::new(),
            vault: Vec::new(),
            masked: Vec::new(),
        }
    }

    fn lane(&mut self, lane: Lane, row: &LaneRow) -> Result<()> {
        self.masked = sync::masked(&sync::state_of(self.tx, &lane, row)?);
        let mut events = Vec::new();
        for held in self.tx.lane_events(row.row)? {
            let at = held.origin;
            if !self.devices.contains_key(&at.device) {
                self.devices.insert(at.device, self.tx.device(at.device)?);
            }
            self.cover(&at)?;
            for digest in digests(&held.bytes) {
                self.name(&lane, at.device, digest)?;
            }
            let line = String::from_utf8(held.bytes).map_err(|_| HubError::Damaged("an event"))?;
            events.push(BundleEvent {
                lane_seq: held.place.unwrap_or_default(),
                device: self.devices[&at.device].id,
                incarnation: at.incarnation,
                seq: at.seq,
                line,
            });
        }
        self.lanes.push(BundleLane { lane, events });
        Ok(())
    }

    /// Adds the receipt of the stretch in which an event was first taken.
    fn cover(&mut self, at: &Origin) -> Result<()> {
        let took = |stretch: &Stretch| {
            let index = usize::try_from(at.seq - stretch.first_seq).unwrap_or(usize::MAX);
            stretch.letters.as_bytes().get(index).is_some_and(|letter| *letter != b'f')
        };
        let Some(stretch) = self.tx.receipts(at)?.into_iter().find(took) else { return Ok(()) };
        if !self.covered.insert((at.device, at.incarnation, stretch.first_seq)) {
            return Ok(());
        }
        let end = stretch.first_seq + u64::from(stretch.count);
        let held = self.tx.positions(at.device, at.incarnation, stretch.first_seq, end)?;
        let known = held.iter().map(|(_, _, held)| held.leaf);
        let known = known.take(stretch.count as usize - stretch.forked.len());
        let leaves: Vec<Digest> = known.chain(stretch.forked).collect();
        let lines = leaves.iter().zip(stretch.letters.chars());
        let list = lines.fold(String::new(), |list, (leaf, letter)| {
            list + &leaf.to_string() + " " + letter.encode_utf8(&mut [0; 4]) + "\n"
        });
        let device_signature = stretch.signed;
        self.stretches.push(BundleStretch { receipt: stretch.receipt, list, device_signature });
        Ok(())
    }

    /// Adds what a digest in an event names: a media file, or a vault entry.
    fn name(&mut self, lane: &Lane, device: Row, sha256: Digest) -> Result<()> {
        let upload = self.tx.upload_of(device, &sha256)?.filter(|upload| upload.confirmed);
        if let Some(upload) = upload
            && !self.media.iter().any(|known| known.sha256 == sha256)
        {
            self.media.push(BundleMedia {
                sha256,
                bytes: upload.length,
                kind: upload.kind,
                evidence: upload.evidence,
                device: self.devices[&device].id,
            });
        }
        let reference = VaultRef(sha256);
        let shown = self.persons && !self.masked.contains(&reference);
        let entry = if shown { self.tx.entry(&reference, lane)? } else { None };
        if let Some(entry) = entry
            && !self.vault.contains(&entry)
        {
            self.vault.push(entry);
        }
        Ok(())
    }
}
