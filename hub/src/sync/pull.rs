//! What a courier is sent: the next stretch of his feed, with the vault entries he may read.

use std::collections::HashSet;

use lastmile_core::bug::{Bug, planted};
use lastmile_core::document::Signed;
use lastmile_core::event::{Lane, digests};
use lastmile_core::id::{CourierNo, Digest};
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::sync::wire::{LaneDigest, Pull, Rest, Withheld, lanes_digest};
use lastmile_core::temporary_storage::SiteCodes;
use lastmile_core::visibility::{Relation, Sight, sees};

use super::ledger;
use crate::hub::Hub;
use crate::problem::Result;
use crate::store::{Device, FeedEntry, Row, Tx};

/// Entries read from the feed, or lanes, at once.
const PAGE: u32 = 200;

/// The most lanes that are sent again with one reply.
const AGAIN: usize = 10;

/// What is sent.
#[derive(Default)]
pub(crate) struct Pulled {
    pub lines: Vec<Vec<u8>>,
    pub lane_seqs: Vec<u64>,
    pub vault: Vec<VaultEntry>,
    pub cursor: u64,
    pub rest: Option<Rest>,
    pub more: bool,
    pub lanes: Option<Vec<LaneDigest>>,
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
    let Some(no) = &device.courier else { return Ok(pulled) };
    let courier = tx.courier(no)?;
    let end = tx.feed_end(courier)?;
    let (mut cursor, mut left) = Left::asked(pull, end);
    let mut page = Page {
        tx,
        device,
        no,
        courier,
        incarnation,
        lines: pull.max_events.min(hub.settings.pull_events) as usize,
        bytes: hub.settings.pull_bytes,
        sent: HashSet::new(),
        whole: HashSet::new(),
        pulled,
    };
    page.send_again(&pull.again)?;
    // News first: they are few.
    cursor = page.read(cursor, end, left.is_some())?;
    while cursor == end
        && !page.is_full()
        && let Some(some) = left
    {
        left = page.go_on(some)?;
    }
    // What the device holds is told of this very position.
    if let Some(digest) = pull.digest
        && (pull.cursor, cursor) == (end, end)
        && page.pulled.lines.is_empty()
    {
        page.pulled.lanes = page.lanes_other_than(&digest)?;
    }
    pulled = page.pulled;
    pulled.cursor = cursor;
    pulled.more = cursor < end || left.is_some();
    pulled.rest = left.map(Left::told);
    if let Some(station) = tx.station(&device.station)? {
        pulled.codes = hub.lend_codes(tx, device, incarnation, &station.directory, pull)?;
        if station.directory.version > pull.directory {
            pulled.directory = Some(hub.signed_directory(&station.directory));
        }
    }
    pulled.policy = hub.signed_policy(tx, pull.policy)?;
    Ok(pulled)
}

/// What is left of the feed before the cursor.
#[derive(Clone, Copy)]
enum Left {
    /// The lanes that are the courier's now, behind this row; then all of the feed to `to`.
    Lanes { after: Row, to: u64 },
    /// The feed from behind `at` to `to`. What was sent with its lane comes again: who was told of
    /// it need not be remembered.
    Feed { at: u64, to: u64 },
}

impl Left {
    /// Returns from where the device is to be sent its feed, and what is left before that. A mark
    /// that means nothing here, or lies beyond the feed's end, has it read from its start: the hub
    /// was restored from a backup.
    fn asked(pull: &Pull, end: u64) -> (u64, Option<Self>) {
        match pull.rest.as_deref() {
            Some("") if pull.cursor == 0 && end > 0 => {
                (end, Some(Self::Lanes { after: 0, to: end }))
            }
            Some("") | None if pull.cursor <= end => (pull.cursor, None),
            Some(mark) if pull.cursor <= end => match Self::read(mark) {
                Some(left) if left.is_within(end) => (pull.cursor, Some(left)),
                _ => (0, None),
            },
            _ => (0, None),
        }
    }

    fn is_within(self, end: u64) -> bool {
        match self {
            Self::Lanes { to, .. } => to <= end,
            Self::Feed { at, to } => at <= to && to <= end,
        }
    }

    fn read(mark: &str) -> Option<Self> {
        let (kind, places) = mark.split_once(' ')?;
        let (from, to) = places.split_once('-')?;
        let to = to.parse().ok()?;
        match kind {
            "lanes" => Some(Self::Lanes { after: from.parse().ok()?, to }),
            "feed" => Some(Self::Feed { at: from.parse().ok()?, to }),
            _ => None,
        }
    }

    fn told(self) -> Rest {
        match self {
            Self::Lanes { after, to } => {
                Rest { mark: format!("lanes {after}-{to}"), today: true, events: to }
            }
            Self::Feed { at, to } => {
                Rest { mark: format!("feed {at}-{to}"), today: false, events: to - at }
            }
        }
    }
}

/// One reply that is being filled.
struct Page<'a> {
    tx: &'a dyn Tx,
    device: &'a Device,
    /// Its courier, and his row.
    no: &'a CourierNo,
    courier: Row,
    incarnation: u32,
    /// The most lines of it, and how many bytes there is room for.
    lines: usize,
    bytes: usize,
    /// The vault entries in it.
    sent: HashSet<VaultRef>,
    /// The lanes of which the beginning is in it.
    whole: HashSet<Row>,
    pulled: Pulled,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.pulled.lines.len() >= self.lines || self.bytes == 0
    }

    /// Adds the feed from behind `at` to `to`, and returns how far that went. Of a lane whose
    /// beginning may be among what is left it is sent first: no lane is shown without it.
    fn read(&mut self, mut at: u64, to: u64, beginnings: bool) -> Result<u64> {
        while at < to {
            for entry in self.tx.feed_after(self.courier, at, PAGE)? {
                if entry.pos > to {
                    return Ok(to);
                }
                let origin = entry.event.origin;
                let own =
                    origin.device == self.device.row && origin.incarnation == self.incarnation;
                // A device knows where its own events are, but not those a clerk released later.
                if !own || (entry.released && !planted(Bug::ReleaseHushed)) {
                    if self.is_full() {
                        return Ok(at + u64::from(planted(Bug::FeedSkipsAtBorder)));
                    }
                    if beginnings
                        && let (Some(lane), Ok(2..), Some(relation)) =
                            (entry.event.lane, entry.event.place, entry.relation)
                        && !self.add_lane(lane, relation)?
                    {
                        return Ok(at);
                    }
                    self.add(&entry, own)?;
                }
                at = entry.pos;
            }
        }
        Ok(at)
    }

    /// Adds the next of what is left, and returns what is left then.
    fn go_on(&mut self, left: Left) -> Result<Option<Left>> {
        match left {
            Left::Lanes { mut after, to } => {
                let lanes = self.tx.lanes_now(self.courier, after, PAGE)?;
                if lanes.is_empty() {
                    return Ok(Some(Left::Feed { at: 0, to }));
                }
                for (lane, relation) in lanes {
                    if self.is_full() || !self.add_lane(lane, relation)? {
                        break;
                    }
                    after = lane;
                }
                Ok(Some(Left::Lanes { after, to }))
            }
            Left::Feed { at, to } => {
                let at = self.read(at, to, false)?;
                Ok((at < to).then_some(Left::Feed { at, to }))
            }
        }
    }

    /// Adds all of a lane, as the courier may see it now, unless this reply has it. Returns false if
    /// there is no room; one that no reply has room for fills one alone.
    fn add_lane(&mut self, lane: Row, relation: Relation) -> Result<bool> {
        if self.whole.contains(&lane) {
            return Ok(true);
        }
        let events = self.tx.lane_events(lane)?;
        let lines = self.pulled.lines.len();
        if lines > 0 && lines + events.len() >= self.lines {
            self.bytes = 0;
            return Ok(false);
        }
        self.whole.insert(lane);
        for event in events {
            let sight = sees(&ledger::parse(&event.bytes)?, relation, self.no);
            let relation = Some(relation);
            self.add(&FeedEntry { pos: 0, event, sight, released: false, relation }, false)?;
        }
        Ok(true)
    }

    /// Adds lanes that the device asks for again, if its courier stands in a relation to them.
    fn send_again(&mut self, lanes: &[Lane]) -> Result<()> {
        for lane in lanes.iter().take(AGAIN) {
            let Some(lane) = self.tx.find_lane(lane)? else { continue };
            let viewers = self.tx.viewers(lane.row)?;
            if let Some((_, relation)) = viewers.into_iter().find(|(no, _)| no == self.no) {
                self.add_lane(lane.row, relation)?;
            }
        }
        Ok(())
    }

    /// Returns the open lanes that are the courier's now, as they are held here, if that is not what
    /// the device's digest says.
    fn lanes_other_than(&self, digest: &Digest) -> Result<Option<Vec<LaneDigest>>> {
        let (mut lanes, mut after) = (Vec::new(), 0);
        loop {
            let page = self.tx.lanes_now(self.courier, after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (lane, _) in page {
                let events = self.tx.lane_events(lane)?;
                let leaves: Vec<_> = events.iter().map(|event| event.leaf).collect();
                lanes.push(LaneDigest::of(self.tx.lane_name(lane)?, &leaves));
            }
        }
        if lanes_digest(&lanes) == *digest {
            return Ok(None);
        }
        let device = self.device.id;
        tracing::warn!(%device, "a phone holds other events of its courier's lanes");
        Ok(Some(lanes))
    }

    fn add(&mut self, entry: &FeedEntry, own: bool) -> Result<()> {
        let lane = match entry.event.lane {
            Some(lane) => self.tx.lane_name(lane)?,
            None => Lane::Other(String::new()),
        };
        let mut bytes = 0;
        let line = if entry.sight == Sight::Nothing {
            let withheld = Withheld { lane, withheld: entry.event.leaf };
            // Serialising plain structs into memory cannot fail.
            serde_json::to_vec(&withheld).unwrap_or_default()
        } else {
            if !own && (sees_persons(entry, self.device)? || planted(Bug::PersonsForAll)) {
                for digest in digests(&entry.event.bytes) {
                    let reference = VaultRef(digest);
                    if self.sent.insert(reference)
                        && let Some(found) = self.tx.entry(&reference, &lane)?
                    {
                        bytes += found.body.len();
                        self.pulled.vault.push(found);
                    }
                }
            }
            entry.event.bytes.clone()
        };
        bytes += line.len();
        self.bytes = self.bytes.saturating_sub(bytes);
        self.pulled.lane_seqs.push(entry.event.place.unwrap_or_default());
        self.pulled.lines.push(line);
        Ok(())
    }
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
