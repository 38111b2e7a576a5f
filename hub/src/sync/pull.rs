//! What a courier is sent: the next stretch of his feed, with the vault entries he may read.

use std::collections::HashSet;

use lastmile_core::bug::{Bug, planted};
use lastmile_core::document::Signed;
use lastmile_core::event::{Lane, digests};
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::sync::wire::{Pull, Withheld};
use lastmile_core::temporary_storage::SiteCodes;
use lastmile_core::visibility::{Sight, sees};

use super::ledger;
use crate::hub::Hub;
use crate::problem::Result;
use crate::store::{Device, FeedEntry, Tx};

/// Entries read from the feed at once.
const PAGE: u32 = 200;

/// What is sent.
#[derive(Default)]
pub(crate) struct Pulled {
    pub lines: Vec<Vec<u8>>,
    pub lane_seqs: Vec<u64>,
    pub vault: Vec<VaultEntry>,
    pub cursor: u64,
    pub more: bool,
    pub directory: Option<Signed>,
    pub policy: Option<Signed>,
    pub codes: Vec<SiteCodes>,
}

/// Collects what `device` is to be sent under its present incarnation.
pub(crate) fn collect(
    hub: &Hub,
    tx: &dyn Tx,
    device: &Device,
    incarnation: u32,
    pull: &Pull,
) -> Result<Pulled> {
    let mut pulled = Pulled { cursor: pull.cursor, ..Pulled::default() };
    let Some(courier) = &device.courier else { return Ok(pulled) };
    let courier = tx.courier(courier)?;
    let end = tx.feed_end(courier)?;
    if pulled.cursor > end {
        // The feed is shorter than the device remembers: the hub was restored from a backup.
        pulled.cursor = 0;
    }
    let wanted = pull.max_events.min(hub.settings.pull_events) as usize;
    let mut bytes = 0;
    let mut sent = HashSet::new();
    'feed: while pulled.cursor < end {
        for entry in tx.feed_after(courier, pulled.cursor, PAGE)? {
            let at = entry.event.origin;
            let own = at.device == device.row && at.incarnation == incarnation;
            // A device knows where its own events are, but not those a clerk released later.
            if !own || (entry.released && !planted(Bug::ReleaseHushed)) {
                if pulled.lines.len() >= wanted || bytes > hub.settings.pull_bytes {
                    pulled.cursor += u64::from(planted(Bug::FeedSkipsAtBorder));
                    break 'feed;
                }
                bytes += add(tx, &mut pulled, &entry, device, own, &mut sent)?;
            }
            pulled.cursor = entry.pos;
        }
    }
    pulled.more = pulled.cursor < end;
    if let Some(station) = tx.station(&device.station)? {
        pulled.codes = hub.lend_codes(tx, device, incarnation, &station.directory, pull)?;
        if station.directory.version > pull.directory {
            pulled.directory = Some(hub.signed_directory(&station.directory));
        }
    }
    pulled.policy = hub.signed_policy(tx, pull.policy)?;
    Ok(pulled)
}

/// Adds one entry and returns how many bytes that is.
fn add(
    tx: &dyn Tx,
    pulled: &mut Pulled,
    entry: &FeedEntry,
    device: &Device,
    own: bool,
    sent: &mut HashSet<VaultRef>,
) -> Result<usize> {
    let lane = match entry.event.lane {
        Some(lane) => tx.lane_name(lane)?,
        None => Lane::Other(String::new()),
    };
    let mut bytes = 0;
    let line = if entry.sight == Sight::Nothing {
        let withheld = Withheld { lane, withheld: entry.event.leaf };
        // Serialising plain structs into memory cannot fail.
        serde_json::to_vec(&withheld).unwrap_or_default()
    } else {
        if !own && (sees_persons(entry, device)? || planted(Bug::PersonsForAll)) {
            for digest in digests(&entry.event.bytes) {
                let reference = VaultRef(digest);
                if sent.insert(reference)
                    && let Some(found) = tx.entry(&reference, &lane)?
                {
                    bytes += found.body.len();
                    pulled.vault.push(found);
                }
            }
        }
        entry.event.bytes.clone()
    };
    bytes += line.len();
    pulled.lane_seqs.push(entry.event.place.unwrap_or_default());
    pulled.lines.push(line);
    Ok(bytes)
}

/// Tells whether the courier may have an event's persons: he was to have them when it was added,
/// and he has not lost them since.
fn sees_persons(entry: &FeedEntry, device: &Device) -> Result<bool> {
    let (Some(relation), Some(courier)) = (entry.relation, &device.courier) else {
        return Ok(false);
    };
    let event = ledger::parse(&entry.event.bytes)?;
    Ok(entry.sight == Sight::FactAndPerson
        && sees(&event, relation, courier) == Sight::FactAndPerson)
}
