//! What keeps something from the hub, and what a support desk is sent to find out: codes, counts and
//! positions. Never a name, a number, an address, a text, a waybill or a courier.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::courier::Courier;
use crate::error::{Error, Result};
use crate::event::Envelope;
use crate::id::{DeviceId, HubEpoch, StationId};
use crate::store::{Head, Key, Media, MediaState};
use crate::sync::wire::{PROTOCOL, ParkReason};
use crate::sync::{FeedRead, SyncChannel};
use crate::time::ClockReading;

/// Failures remembered for [`Diagnostics`].
const REMEMBERED: usize = 50;

/// One reason why something recorded here is not at the hub, or why nothing comes from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Stall {
    /// The stable code: `NotSynced` (the app has not called since), `InFlight` (a request is on its
    /// way), `SignedOut`, `SessionEnded`, `Parked` and a reason, `MediaLost`, `HubBusy`, or the code
    /// of the error that the last request ended with, such as `NoAnswer`.
    pub code: String,
    /// What is kept up; none if nothing of this phone's own is.
    pub channel: Option<SyncChannel>,
    /// How many events or files wait for it. 0: only receiving does.
    pub count: i64,
    /// When the next request may be asked for, in milliseconds; none if waiting does not help.
    pub retry_in_ms: Option<i64>,
}

/// A request that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was asked.
    pub channel: SyncChannel,
    /// The stable code, as in [`Stall`].
    pub code: String,
    /// How long ago by the boot clock, milliseconds; none if the phone was started anew since.
    pub ago_ms: Option<i64>,
}

/// The state of a store, to be sent to a support desk as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// The release of this library.
    pub library: String,
    /// The protocol it speaks.
    pub protocol: u32,
    /// The device, as the hub knows it.
    pub device: DeviceId,
    /// Its station.
    pub station: StationId,
    /// The life of the hub's database that it goes by.
    pub epoch: HubEpoch,
    /// Where its chain ends: incarnation and sequence.
    pub head: (u32, u64),
    /// Where the hub's last answer ended: incarnation and sequence.
    pub settled: (u32, u64),
    /// The position in the feed.
    pub cursor: u64,
    /// How many lanes were fetched again because they were not as the hub holds them: a damaged
    /// disk, or a mistake to be told of.
    pub mended: u64,
    /// The version of the policy pack, and of the directory.
    pub documents: (u32, u32),
    /// How far its time may be off, milliseconds; none if the hub was not met in this boot.
    pub clock_unsure_ms: Option<u32>,
    /// What waits, and for what.
    pub stalls: Vec<Stall>,
    /// How long the first event of the outbox has waited, milliseconds by this phone's clock.
    pub oldest_pending_ms: Option<i64>,
    /// Events pending, by the kind of their lane.
    pub pending: BTreeMap<String, u64>,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Media files by what became of them.
    pub media: BTreeMap<String, u64>,
    /// Bytes of the database file, and bytes of it that are free.
    pub database_bytes: (u64, u64),
    /// What the last requests came to, if it was nothing; the latest last.
    pub failures: Vec<Failure>,
}

/// The memory behind [`Failure`]s; gone when the app ends.
#[derive(Default)]
pub(crate) struct Failures(VecDeque<(SyncChannel, &'static str, ClockReading)>);

impl Failures {
    pub(crate) fn remember(
        &mut self,
        channel: SyncChannel,
        code: &'static str,
        reading: &ClockReading,
    ) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((channel, code, *reading));
    }

    fn last(&self, channel: SyncChannel) -> Option<&'static str> {
        self.0.iter().rev().find(|failure| failure.0 == channel).map(|failure| failure.1)
    }

    fn told(&self, now: &ClockReading) -> Vec<Failure> {
        let told = |(channel, code, at): &(SyncChannel, &'static str, ClockReading)| Failure {
            channel: *channel,
            code: (*code).to_owned(),
            ago_ms: (at.boot_id == now.boot_id).then(|| now.boot_ms - at.boot_ms),
        };
        self.0.iter().map(told).collect()
    }
}

impl Courier {
    /// Tells what keeps events and files from the hub, and news from the phone. Empty when everything
    /// is confirmed and nothing stands in the way.
    pub fn stalls(&self) -> Result<Vec<Stall>> {
        let status = self.sync_status()?;
        let db = &self.store()?.db;
        let mut stalls = Vec::new();
        let waiting =
            [(SyncChannel::Events, status.pending), (SyncChannel::Media, status.media_pending)];
        for (channel, count) in waiting {
            let stall = |code: &str, retry_in_ms| {
                Some(Stall { code: code.to_owned(), channel: Some(channel), count, retry_in_ms })
            };
            let reading = self.options.clock.read();
            stalls.extend(match self.machine.wait_ms(channel, &reading) {
                Some(0) => stall("InFlight", None),
                Some(ms) => {
                    let code = self.machine.failures.last(channel).unwrap_or("NoAnswer");
                    stall(code, Some(i64::try_from(ms).unwrap_or(i64::MAX)))
                }
                None if count > 0 => stall("NotSynced", Some(0)),
                None => None,
            });
        }
        let signed_in = Key::SignedIn.get::<bool>(db)?.unwrap_or(false);
        let receiving = [
            ("SignedOut", !signed_in),
            ("SessionEnded", signed_in && self.machine.session_has_ended()),
            ("UpgradeRequired", self.machine.must_be_upgraded()),
        ];
        for (code, _) in receiving.into_iter().filter(|(_, stands)| *stands) {
            let code = code.to_owned();
            stalls.push(Stall { code, channel: None, count: 0, retry_in_ms: None });
        }
        for (reason, count) in self.parked()? {
            let (code, channel) = (format!("Parked{reason:?}"), Some(SyncChannel::Events));
            stalls.push(Stall { code, channel, count, retry_in_ms: None });
        }
        if status.media_lost > 0 {
            let (code, channel) = ("MediaLost".to_owned(), Some(SyncChannel::Media));
            stalls.push(Stall { code, channel, count: status.media_lost, retry_in_ms: None });
        }
        Ok(stalls)
    }

    fn parked(&self) -> Result<Vec<(ParkReason, i64)>> {
        let mut rows = self.store()?.db.prepare_cached(
            "SELECT park, count(*) FROM event WHERE lane_seq IS NULL AND park IS NOT NULL
             GROUP BY park ORDER BY park",
        )?;
        let rows = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        rows.map(|row| {
            let (reason, count) = row?;
            Ok((serde_json::from_str(&reason).map_err(|_| Error::Corrupt)?, count))
        })
        .collect()
    }

    /// Returns what a support desk needs to see of this store. Nothing in it is personal, so an app
    /// may send it without asking; it stays below 200 KB of JSON.
    pub fn diagnostics(&self) -> Result<Diagnostics> {
        let db = &self.store()?.db;
        let place = |head: Head| (head.incarnation, head.seq);
        let count = |table: &str| -> Result<u64> {
            Ok(db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?)
        };
        let number = |pragma: &str| -> Result<u64> {
            Ok(db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?)
        };
        let mut rows = BTreeMap::new();
        for table in ["event", "lane", "vault", "media", "preview", "receipt"] {
            rows.insert(table.to_owned(), count(table)?);
        }
        let mut media = BTreeMap::new();
        for state in MediaState::ALL {
            media.insert(format!("{state:?}"), Media::count(db, state)?);
        }
        let (pending, oldest) = self.outbox()?;
        let page_bytes = number("page_size")?;
        Ok(Diagnostics {
            library: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            device: self.identity.device,
            station: self.identity.station.clone(),
            epoch: self.epoch(),
            head: place(self.head),
            settled: place(Key::SettledHead.get(db)?.unwrap_or(Head::FIRST)),
            cursor: FeedRead::load(db)?.unwrap_or_default().cursor,
            mended: Key::Mended.get(db)?.unwrap_or(0),
            documents: (self.policy().version, self.directory().version),
            clock_unsure_ms: self.now().unsure_ms,
            stalls: self.stalls()?,
            oldest_pending_ms: oldest.map(|at_ms| self.now().ms - at_ms),
            pending,
            rows,
            media,
            database_bytes: (
                number("page_count")? * page_bytes,
                number("freelist_count")? * page_bytes,
            ),
            failures: self.machine.failures.told(&self.options.clock.read()),
        })
    }

    /// Counts what is pending by the kind of its lane, and tells when the first of it was recorded.
    fn outbox(&self) -> Result<(BTreeMap<String, u64>, Option<i64>)> {
        let db = &self.store()?.db;
        let mut kinds = BTreeMap::new();
        let mut rows = db.prepare_cached(
            "SELECT l.name, count(*) FROM event e JOIN lane l ON l.n = e.lane
             WHERE e.lane_seq IS NULL AND e.park IS NULL GROUP BY e.lane",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let lane: String = row.get(0)?;
            let kind = lane.split(':').next().unwrap_or_default();
            *kinds.entry(kind.to_owned()).or_default() += row.get::<_, u64>(1)?;
        }
        let first = crate::store::Outgoing::load(db, 1)?;
        let first: Option<Envelope> =
            first.first().and_then(|first| serde_json::from_slice(&first.bytes).ok());
        Ok((kinds, first.map(|envelope| self.mended(&envelope).ms)))
    }
}
