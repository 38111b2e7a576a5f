//! What screens show: lists, one item, and how far everything has come.

use rusqlite::{OptionalExtension as _, params};

use crate::courier::Courier;
use crate::deadline::{self, DeadlineView};
use crate::error::{Error, Result};
use crate::event::{Event, Lane};
use crate::fold::LaneState;
use crate::id::{CaseId, EventId, OrderNo};
use crate::parcel::Parcel;
use crate::privacy::{Person, VaultBody, VaultRef};
use crate::store::{LaneRow, Media, MediaState, Outgoing, vault};
use crate::sync::FeedRead;
use crate::sync::wire::ParkReason;
use crate::time::Moment;
use crate::waybill::Waybill;

/// How far a recorded act has come. "Recorded here" and "confirmed" are two things everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
// Foundation has a class `Progress`: two modules that declare one name cannot be told apart.
#[cfg_attr(feature = "uniffi", uniffi(name = "EventProgress"))]
pub enum Progress {
    /// Safe on this phone; the hub has not answered yet.
    Recorded,
    /// The hub has the event; some of its photos are still on their way.
    MediaPending,
    /// The hub has the event, its persons and every photo, and its receipt is here.
    Confirmed,
    /// The hub holds it, but could not give it a place; a clerk looks at it.
    Parked {
        /// Why.
        reason: ParkReason,
    },
}

/// One line of a lane's history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Entry {
    /// The event.
    pub event: EventId,
    /// Its kind, such as `ParcelDelivered`.
    pub kind: String,
    /// When, as the device that recorded it knew it; an own act from before the hub was met is put
    /// right by a later contact in the same boot of the phone.
    pub at: Moment,
    /// Who did it.
    pub by: crate::event::Actor,
    /// How far it has come.
    pub progress: Progress,
    /// When it was attested, if that was only after the phone which had recorded it was lost: then
    /// `at` is the courier's word.
    pub attested_at: Option<Moment>,
}

/// One parcel of today's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Stop {
    /// The parcel.
    pub waybill: Waybill,
    /// Where it stands, such as `out_for_delivery`.
    pub stage: String,
    /// When the courier is to be there at the latest, UTC milliseconds: the end of the window
    /// agreed on or wished for, or what was promised (M20).
    pub due_ms: Option<i64>,
}

/// How far everything has come. The counts are signed, as Kotlin and Swift count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SyncStatus {
    /// Events recorded here that the hub has not answered.
    pub pending: i64,
    /// Events the hub holds without a place.
    pub parked: i64,
    /// Photos and videos on their way.
    pub media_pending: i64,
    /// Photos and videos that were gone before the hub had them.
    pub media_lost: i64,
    /// The session has ended: sign in again to receive.
    pub session_ended: bool,
    /// Everything the hub had of this courier's work when it was last asked is here. False on a new
    /// phone until its first answers: it is sent the lanes that are his now before all others.
    pub today_here: bool,
    /// Events of the past that the hub has yet to send, about.
    pub to_come: i64,
}

/// The lanes with an open clock, each with the end of its first.
const DUE: &str = "SELECT lane, due_ms FROM parcel WHERE today = 1 AND open = 1 AND mine = 1
     UNION ALL SELECT lane, due_ms FROM parcel WHERE open = 0 AND due_ms IS NOT NULL AND mine = 1
     UNION ALL SELECT lane, due_ms FROM exception_case WHERE open = 1
     UNION ALL SELECT lane, due_ms FROM complaint WHERE open = 1
     UNION ALL SELECT lane, due_ms FROM pickup WHERE open = 1 AND mine = 1";

impl Courier {
    /// Returns a parcel as it stands here; `None` if it is not known.
    pub fn parcel(&self, waybill: &Waybill) -> Result<Option<Parcel>> {
        match self.lane(&Lane::Parcel(waybill.clone()))? {
            Some(LaneState::Parcel(parcel)) => Ok(Some(*parcel)),
            _ => Ok(None),
        }
    }

    /// Returns an exception case as it stands here; `None` if it is not known.
    pub fn exception(
        &self,
        case: CaseId,
    ) -> Result<Option<crate::exception_report::ExceptionCase>> {
        match self.lane(&Lane::Exception(case))? {
            Some(LaneState::Exception(case)) => Ok(Some(*case)),
            _ => Ok(None),
        }
    }

    /// Returns a pick-up order as it stands here; `None` if it is not known.
    pub fn pickup(&self, order: &OrderNo) -> Result<Option<crate::pickup::PickupOrder>> {
        match self.lane(&Lane::Pickup(order.clone()))? {
            Some(LaneState::Pickup(order)) => Ok(Some(*order)),
            _ => Ok(None),
        }
    }

    /// Returns a complaint as it stands here; `None` if it is not known.
    pub fn complaint(&self, case: CaseId) -> Result<Option<crate::complaint::Complaint>> {
        match self.lane(&Lane::Complaint(case))? {
            Some(LaneState::Complaint(complaint)) => Ok(Some(*complaint)),
            _ => Ok(None),
        }
    }

    /// Returns the state of any lane; `None` if it has no event here.
    pub fn lane(&self, lane: &Lane) -> Result<Option<LaneState>> {
        let db = &self.store()?.db;
        LaneRow::load(db, lane)?.map(|row| row.live(db)).transpose()
    }

    /// Lists the courier's open parcels, the nearest deadline first (M20).
    pub fn stops(&self) -> Result<Vec<Stop>> {
        let db = &self.store()?.db;
        let mut rows = db.prepare_cached(
            "SELECT l.name, p.stage, p.promise_ms FROM parcel p JOIN lane l ON l.n = p.lane
             WHERE p.today = 1 AND p.open = 1 AND p.mine = 1
             ORDER BY p.promise_ms IS NULL, p.promise_ms, l.name",
        )?;
        let rows =
            rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (name, stage, due_ms) = row?;
            match Lane::parse(&name) {
                Lane::Parcel(waybill) => Ok(Stop { waybill, stage, due_ms }),
                _ => Err(Error::Corrupt),
            }
        })
        .collect()
    }

    /// Lists the courier's open pick-up orders, the window that ends first leading.
    pub fn pickups(&self) -> Result<Vec<OrderNo>> {
        let mut rows = self.store()?.db.prepare_cached(
            "SELECT l.name FROM pickup p JOIN lane l ON l.n = p.lane
             WHERE p.open = 1 AND p.mine = 1 ORDER BY p.to_ms, l.name",
        )?;
        let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|name| match Lane::parse(&name?) {
            Lane::Pickup(order) => Ok(order),
            _ => Err(Error::Corrupt),
        })
        .collect()
    }

    /// Returns the sender of a pick-up order in the clear, to call him or to find his door.
    pub fn pickup_sender(&self, order: &OrderNo) -> Result<Option<Person>> {
        let sender = self.pickup(order)?.and_then(|order| order.sender);
        let Some(reference) = sender else { return Ok(None) };
        Ok(match vault::read(&self.store()?.db, reference)? {
            Some(VaultBody::Person(person)) => Some(person),
            _ => None,
        })
    }

    /// Lists the open complaints, the oldest first.
    pub fn open_complaints(&self) -> Result<Vec<CaseId>> {
        self.cases(
            "SELECT l.name FROM complaint c JOIN lane l ON l.n = c.lane
             WHERE c.open = 1 ORDER BY c.received_ms, l.name",
        )
    }

    /// Lists the open exception cases.
    pub fn open_exceptions(&self) -> Result<Vec<CaseId>> {
        self.cases(
            "SELECT l.name FROM exception_case c JOIN lane l ON l.n = c.lane
             WHERE c.open = 1 ORDER BY l.name",
        )
    }

    /// Lists every exception case known here, the ended ones too.
    pub(crate) fn exceptions(&self) -> Result<Vec<CaseId>> {
        self.cases(
            "SELECT l.name FROM exception_case c JOIN lane l ON l.n = c.lane ORDER BY l.name",
        )
    }

    /// Returns every clock of a lane that was started, open or stopped (C5).
    pub fn deadlines(&self, lane: &Lane) -> Result<Vec<DeadlineView>> {
        let db = &self.store()?.db;
        let Some(row) = LaneRow::load(db, lane)? else { return Ok(Vec::new()) };
        let now = self.now();
        let read = |state: &LaneState| deadline::deadlines(lane, state, &self.policies, &now);
        let mut views = read(&row.clone().live(db)?);
        deadline::confirm(&mut views, &read(&row.confirmed));
        Ok(views)
    }

    /// Lists the open clocks of this courier's parcels and of all cases here that end before
    /// `before_ms`, UTC milliseconds, the first first. What is over and not yet done is among
    /// them. Only lanes with something due are folded.
    pub fn deadlines_due(&self, before_ms: i64) -> Result<Vec<DeadlineView>> {
        let mut due = Vec::new();
        for lane in self.lanes_due(before_ms)? {
            let open = self.deadlines(&lane)?.into_iter();
            due.extend(open.filter(|view| view.open && view.due_ms < before_ms));
        }
        due.sort_by(|a, b| (a.due_ms, &a.lane, a.kind).cmp(&(b.due_ms, &b.lane, b.kind)));
        Ok(due)
    }

    /// Returns the open clock that ends next from now on, for the app's next reminder; `None` if
    /// none is open.
    pub fn next_deadline(&self) -> Result<Option<DeadlineView>> {
        let now_ms = self.now().ms;
        let next_row: Option<i64> = self
            .store()?
            .db
            .prepare_cached(&format!("SELECT min(due_ms) FROM ({DUE}) WHERE due_ms >= ?1"))?
            .query_row([now_ms], |row| row.get(0))?;
        // A lane whose first clock is over may have a later one that ends sooner than all others.
        let before = next_row.map_or(i64::MAX, |due_ms| due_ms.saturating_add(1));
        let due = self.deadlines_due(before)?;
        Ok(due.into_iter().find(|view| view.due_ms >= now_ms))
    }

    fn lanes_due(&self, before_ms: i64) -> Result<Vec<Lane>> {
        let sql =
            format!("SELECT l.name FROM ({DUE}) d JOIN lane l ON l.n = d.lane WHERE d.due_ms < ?1");
        let mut rows = self.store()?.db.prepare_cached(&sql)?;
        let rows = rows.query_map([before_ms], |row| row.get::<_, String>(0))?;
        rows.map(|name| Ok(Lane::parse(&name?))).collect()
    }

    fn cases(&self, sql: &str) -> Result<Vec<CaseId>> {
        let mut rows = self.store()?.db.prepare_cached(sql)?;
        let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|name| match Lane::parse(&name?) {
            Lane::Exception(case) | Lane::Complaint(case) => Ok(case),
            _ => Err(Error::Corrupt),
        })
        .collect()
    }

    /// Returns a lane's history, oldest first: confirmed events, then what is open here.
    pub fn history(&self, lane: &Lane) -> Result<Vec<Entry>> {
        let db = &self.store()?.db;
        let Some(row) = LaneRow::load(db, lane)? else { return Ok(Vec::new()) };
        let mut rows = db.prepare_cached(
            "SELECT n, lane_seq, park, bytes FROM event WHERE lane = ?1
             ORDER BY lane_seq IS NULL, lane_seq, n",
        )?;
        let mut rows = rows.query(params![row.n])?;
        let mut history = Vec::new();
        while let Some(row) = rows.next()? {
            let Ok(event) = Event::parse(row.get_ref(3)?.as_blob().unwrap_or_default()) else {
                continue;
            };
            let lane_seq: Option<u64> = row.get(1)?;
            let park: Option<String> = row.get(2)?;
            let progress = match (lane_seq, park) {
                (Some(_), _) if Media::event_waits(db, row.get(0)?)? => Progress::MediaPending,
                (Some(_), _) => Progress::Confirmed,
                (None, Some(reason)) => Progress::Parked {
                    reason: serde_json::from_str(&reason).map_err(|_| Error::Corrupt)?,
                },
                (None, None) => Progress::Recorded,
            };
            history.push(Entry {
                event: event.envelope.id,
                kind: event.fact.kind().to_owned(),
                at: self.mended(&event.envelope),
                attested_at: event.envelope.late.as_ref().map(|late| late.at),
                by: event.envelope.actor,
                progress,
            });
        }
        Ok(history)
    }

    /// Returns how far everything has come.
    pub fn sync_status(&self) -> Result<SyncStatus> {
        let db = &self.store()?.db;
        let parked = db
            .prepare_cached(
                "SELECT count(*) FROM event WHERE lane_seq IS NULL AND park IS NOT NULL",
            )?
            .query_row([], |row| row.get(0))?;
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let read = FeedRead::load(db)?;
        let rest = read.iter().find_map(|read| read.rest.as_ref());
        Ok(SyncStatus {
            pending: signed(Outgoing::count(db)?),
            parked,
            media_pending: signed(Media::count(db, MediaState::Queued)?),
            media_lost: signed(Media::count(db, MediaState::Lost)?),
            session_ended: self.machine.session_has_ended(),
            today_here: read.as_ref().is_some_and(FeedRead::has_today),
            to_come: signed(rest.map_or(0, |rest| rest.events)),
        })
    }

    /// Returns the recipient of a parcel, masked as GB/T 41833 asks (M02).
    pub fn recipient_masked(&self, waybill: &Waybill) -> Result<Option<Person>> {
        let Some(parcel) = self.parcel(waybill)? else { return Ok(None) };
        Ok(self.person(parcel.recipient)?.map(|person| person.masked(&self.policy().mask())))
    }

    /// Returns a person that an event of this phone's lanes points at, masked.
    pub(crate) fn person_masked(&self, reference: VaultRef) -> Result<Option<Person>> {
        Ok(self.person(Some(reference))?.map(|person| person.masked(&self.policy().mask())))
    }

    /// Reads a person in the clear. Nobody outside gets one but from `reveal`.
    pub(crate) fn person(&self, reference: Option<VaultRef>) -> Result<Option<Person>> {
        let Some(reference) = reference else { return Ok(None) };
        Ok(match vault::read(&self.store()?.db, reference)? {
            Some(VaultBody::Person(person)) => Some(person),
            _ => None,
        })
    }

    /// Returns a free text or a code that an event of this phone's lanes points at; `None` if it
    /// is not here, or no longer.
    pub fn text(&self, reference: VaultRef) -> Result<Option<String>> {
        Ok(match vault::read(&self.store()?.db, reference)? {
            Some(VaultBody::Text(text) | VaultBody::Code(text)) => Some(text),
            _ => None,
        })
    }

    /// Writes every list row anew from the log.
    pub fn rebuild_lists(&self) -> Result<()> {
        self.store()?.rebuild_lists(&self.onlooker())
    }

    /// Returns every event this phone holds, as (lane, position, exact bytes), in log order.
    /// For tests, exports and support.
    pub fn log(&self) -> Result<Vec<LogLine>> {
        let db = &self.store()?.db;
        let mut rows = db.prepare_cached(
            "SELECT l.name, e.lane_seq, e.inc, e.seq, e.link, e.bytes
             FROM event e JOIN lane l ON l.n = e.lane ORDER BY e.n",
        )?;
        let rows = rows.query_map([], |row| {
            Ok(LogLine {
                lane: Lane::parse(&row.get::<_, String>(0)?),
                lane_seq: row.get(1)?,
                incarnation: row.get(2)?,
                seq: row.get(3)?,
                link: row
                    .get::<_, Option<Vec<u8>>>(4)?
                    .and_then(|link| crate::id::Digest::from_slice(&link)),
                bytes: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Tells whether the stored log still holds an item under this id.
    pub fn has_media(&self, id: crate::id::EvidenceId) -> Result<bool> {
        let held = self
            .store()?
            .db
            .prepare_cached("SELECT 1 FROM media WHERE id = ?1")?
            .query_row([id.0.as_bytes()], |_| Ok(()))
            .optional()?;
        Ok(held.is_some())
    }
}

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its lane.
    pub lane: Lane,
    /// Its confirmed position; `None` while it is open.
    pub lane_seq: Option<u64>,
    /// Own events: the incarnation they were last chained in.
    pub incarnation: Option<u32>,
    /// Own events: the position in that chain.
    pub seq: Option<u64>,
    /// Own events: the link after it.
    pub link: Option<crate::id::Digest>,
    /// The exact bytes.
    pub bytes: Vec<u8>,
}
