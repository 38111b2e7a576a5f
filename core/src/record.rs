//! Recording: read the lanes, decide, append, fold, commit, in one transaction.
//!
//! The only place that writes events of this device.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, TransactionBehavior};

use crate::bug::{Bug, planted};
use crate::command::Command;
use crate::courier::{Courier, Here, Recorded};
use crate::decide::{self, Circumstances, Decided, Draft, LaneStates, LeftOut};
use crate::delivery::Party;
use crate::error::{Error, MediaError, Result};
use crate::event::{Against, CoarsePlace, Envelope, Event, EvidenceLost, Fact, Group, Lane, Late};
use crate::evidence::EvidenceRef;
use crate::fold::{LaneState, needs_refold};
use crate::id::{EventId, SiteId};
use crate::parcel::Parcel;
use crate::privacy::{Person, RevealReason, VaultBody, rules as privacy};
use crate::refusal::Refusal;
use crate::store::{Head, Key, LaneRow, Media, MediaState, Record, Store, list, vault};
use crate::temporary_storage::{CodeBook, LockerSlot};
use crate::time::{BootMoment, ClockReading, Moment};
use crate::waybill::Waybill;

impl Courier {
    /// Records an act. When a rule refuses, nothing is written.
    ///
    /// Of a batch, what a rule speaks against is left out and named in
    /// [`Recorded::left_out`]; the rest is recorded.
    ///
    /// When the call returns, the act survives a dead battery (with `Durability::Full`).
    ///
    /// # Errors
    /// `Refused` with the rule's code and advice; `DiskFull`, when the room that is kept for this is
    /// spent too, and other errors of the store leave nothing half-written.
    pub fn record(&mut self, command: &Command) -> Result<Recorded> {
        self.write(command, How::AsItHappens)
    }

    /// Records an act that was done although a rule speaks against it.
    ///
    /// The same fact is recorded, marked with the refusal's code and `reason`, and an exception
    /// case is opened about it. If no rule speaks against it, it is recorded as usual.
    ///
    /// # Errors
    /// `Refused` if the refusal leaves nothing to record, such as an unknown parcel;
    /// `BadArgument` if `reason` is blank.
    pub fn record_done(&mut self, command: &Command, reason: &str) -> Result<Recorded> {
        said(reason, "why it was done")?;
        self.write(command, How::Against { reason })
    }

    /// Records an act of before, which another phone had recorded and took with it: it was lost, or
    /// its store was deleted, before the hub had everything. `happened_ms` is when it happened, UTC
    /// milliseconds, as the courier remembers it.
    ///
    /// The same fact is recorded, marked as attested late with `reason`. It counts, and it is an
    /// evidence of its own class: its time is his word, so that no clock is on time by it, and the
    /// bundle says so. Against a rule it is recorded as by [`record_done`](Self::record_done): the
    /// proof was on the phone that is gone. If that one comes back, what was recorded first counts.
    ///
    /// # Errors
    /// `Refused` if the rule leaves nothing to record; `BadArgument` if `reason` is blank, or
    /// `happened_ms` is to come or longer ago than `retention_days`.
    pub fn attest_late(
        &mut self,
        command: &Command,
        happened_ms: i64,
        reason: &str,
    ) -> Result<Recorded> {
        said(reason, "why it is recorded only now")?;
        let ago_ms = self.now().ms.saturating_sub(happened_ms);
        let most_ms = i64::from(self.policy().retention_days) * 86_400_000;
        if !(0..=most_ms).contains(&ago_ms) {
            return Err(Error::BadArgument {
                field: "happened_ms",
                expected: "a moment of the last days (retention_days), UTC milliseconds",
            });
        }
        self.write(command, How::Late { happened_ms, reason })
    }

    /// Shows a person of the waybill in the clear, and records that this courier was shown him and
    /// why (M02): to call him, to find his door.
    ///
    /// The record is durable when the person is returned. Asked again for the same person for the
    /// same reason within the policy's `reveal_again_min`, it is one asking: the person is returned
    /// and nothing more is recorded. [`RevealReason::Other`] needs a `note` and is always recorded.
    ///
    /// # Errors
    /// `Refused` with `NotInSight` if the courier neither has the parcel nor is to deliver it, with
    /// `Erased` or `ErasureHeld` if the person is erased or to be erased; `NotFound` if this phone
    /// does not have him. Nothing is recorded then.
    pub fn reveal(
        &mut self,
        waybill: &Waybill,
        party: Party,
        reason: RevealReason,
        note: Option<&str>,
    ) -> Result<Person> {
        let note = note.map(str::to_owned);
        let command = Command::Reveal { waybill: waybill.clone(), party, reason, note };
        if let Some(refusal) = self.check(&command)? {
            return Err(refusal.into());
        }
        let parcel = self.parcel(waybill)?.ok_or(Refusal::UnknownParcel)?;
        let person = self.person(parcel.person(party))?;
        let person = person.ok_or(Error::NotFound { what: "the person" })?;
        let at = self.surroundings(&self.options.clock.read());
        if !privacy::is_one_asking(&parcel, party, reason, &at) {
            self.record(&command)?;
        }
        Ok(person)
    }

    /// Tells what rule would refuse an act, without recording anything.
    pub fn check(&self, command: &Command) -> Result<Option<Refusal>> {
        let db = &self.store()?.db;
        let (at, lanes) = self.read(db, command, &self.options.clock.read())?;
        Ok(match decide::decide(command, &lanes.states, &at) {
            Ok(decision) => decision.refusal,
            Err(refusal) => Some(refusal),
        })
    }

    /// Tells which parcels of a batch a rule speaks against, without recording anything. Empty for
    /// a command that is no batch.
    pub fn check_each(&self, command: &Command) -> Result<Vec<LeftOut>> {
        let db = &self.store()?.db;
        let (at, lanes) = self.read(db, command, &self.options.clock.read())?;
        Ok(decide::left_out(command, &lanes.states, &at))
    }

    fn write(&mut self, command: &Command, how: How) -> Result<Recorded> {
        let mut store = self.store.take().ok_or(Error::Suspended)?;
        let mut result = self.write_in(&mut store, command, how);
        // Nothing was written: it is done anew in the room that was kept for this.
        if matches!(result, Err(Error::DiskFull)) && store.reserve.release() {
            result = self.write_in(&mut store, command, how);
        }
        self.store = Some(store);
        let (recorded, head, codes) = self.noticed(result)?;
        self.head = head;
        if let Some(codes) = codes {
            self.codes = codes;
        }
        Ok(recorded)
    }

    fn write_in(
        &self,
        store: &mut Store,
        command: &Command,
        how: How,
    ) -> Result<(Recorded, Head, Option<CodeBook>)> {
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let reading = self.options.clock.read();
        let (mut at, lanes) = self.read(&tx, command, &reading)?;
        let now = at.now;
        if let How::Late { happened_ms, .. } = how {
            // Where the phone is now says nothing of then.
            (at.now, at.address_gap_m, at.station_gap_m) =
                (Moment { ms: happened_ms, unsure_ms: None, ..now }, None, None);
        }
        let mut decision = decide::decide(command, &lanes.states, &at)?;
        let mut marks = Marks::default();
        if let Some(refusal) = decision.refusal {
            let reason = match how {
                How::Against { reason } | How::Late { reason, .. }
                    if refusal.can_be_recorded_against() =>
                {
                    reason
                }
                _ => return Err(refusal.into()),
            };
            marks.against = Some(decide::against(&mut decision.decided, &refusal, reason, &at));
        }
        if let How::Late { reason, .. } = how {
            let why = decision.decided.explain(reason, &at);
            marks.late = Some(Late { at: now, why });
        }
        let mut writer = Writer::new(&tx, self, &at, &reading, lanes);
        let first = writer.append(&decision.decided, &marks)?;
        for entry in &decision.decided.vault {
            let lane = LaneRow::load_or_create(&tx, &entry.lane)?;
            vault::put(&tx, lane.n, entry, first)?;
        }
        let (mut recorded, head, mut records) = writer.finish()?;
        recorded.left_out = decision.left_out;
        let codes = self.codes_after(&decision.decided);
        if let Some(first) = records.first_mut() {
            first.vault = decision.decided.vault;
        }
        if let Some(codes) = &codes {
            Key::Codes.set(&tx, codes)?;
        }
        tx.commit()?;
        store.journal.add(&store.db, &records);
        Ok((recorded, head, codes))
    }

    /// Returns the book of codes less those that were given out, if any was.
    fn codes_after(&self, decided: &Decided) -> Option<CodeBook> {
        let mut codes = self.codes.clone();
        let mut spent = false;
        for draft in decided.groups.iter().flatten() {
            spent |= match &draft.fact {
                Fact::ParcelStored(stored) => codes.spend(stored.code_hash),
                Fact::PickupCodeReplaced(replaced) => codes.spend(replaced.code_hash),
                _ => false,
            };
        }
        spent.then_some(codes)
    }

    /// Records, for each event that names it, that a media file is gone before it was uploaded.
    pub(crate) fn record_lost(&mut self, item: &EvidenceRef) -> Result<()> {
        let mut store = self.store.take().ok_or(Error::Suspended)?;
        let result = self.record_lost_in(&mut store, item);
        self.store = Some(store);
        self.head = result?;
        Ok(())
    }

    fn record_lost_in(&self, store: &mut Store, item: &EvidenceRef) -> Result<Head> {
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let queued = |media: &Media| media.state == MediaState::Queued;
        let Some(media) = Media::load(&tx, item.id)?.filter(queued) else { return Ok(self.head) };
        Media::settle(&tx, &item.sha256, MediaState::Lost)?;
        if planted(Bug::LostPhotoHushed) {
            tx.commit()?;
            return Ok(self.head);
        }
        let lane = Lane::parse(&media.lane);
        let reading = self.options.clock.read();
        let at = self.surroundings(&reading);
        let lanes = Lanes::read(&tx, vec![lane.clone()])?;
        let lost = EvidenceLost { evidence: item.id, sha256: item.sha256 };
        let mut writer = Writer::new(&tx, self, &at, &reading, lanes);
        let groups = vec![vec![Draft { lane, fact: Fact::from(lost) }]];
        writer.append(&Decided { groups, vault: Vec::new() }, &Marks::default())?;
        let (_, head, records) = writer.finish()?;
        tx.commit()?;
        store.journal.add(&store.db, &records);
        Ok(head)
    }

    fn surroundings(&self, reading: &ClockReading) -> Circumstances<'_> {
        Circumstances {
            now: self.moment(reading),
            actor: &self.actor,
            station: &self.identity.station,
            root_key: &self.identity.root_key,
            policy: self.policy(),
            directory: self.directory(),
            codes: self.codes(),
            slots_taken: Vec::new(),
            address_gap_m: None,
            station_gap_m: None,
            entries: &[],
            pictures: &[],
            entropy: self.options.entropy.as_ref(),
        }
    }

    /// Reads the lanes of a command and what else its rules ask for.
    fn read(
        &self,
        db: &Connection,
        command: &Command,
        reading: &ClockReading,
    ) -> Result<(Circumstances<'_>, Lanes)> {
        let mut at = self.surroundings(reading);
        for (lane, item) in command.evidence() {
            let bound = Media::load(db, item.id)?.is_some_and(|media| {
                media.item == *item
                    && media.lane == lane.to_string()
                    && media.state == MediaState::Captured
            });
            if !bound {
                return Err(MediaError::NotBoundHere.into());
            }
        }
        let lanes = Lanes::read(db, decide::lanes_of(command, &at))?;
        at.slots_taken = slots_taken(db, command)?;
        if let (true, Some(here)) = (hands_over(command), self.here) {
            for state in lanes.states.values() {
                at.address_gap_m = at.address_gap_m.max(gap_to_address(db, state, here)?);
            }
            at.station_gap_m = match (self.directory().station_lng, self.directory().station_lat) {
                (Some(lng), Some(lat)) => Some(here.metres_to(Here { lng, lat })),
                _ => None,
            };
        }
        Ok((at, lanes))
    }
}

/// How an act comes to be recorded.
#[derive(Clone, Copy)]
enum How<'a> {
    /// As it happens, and no rule may speak against it.
    AsItHappens,
    /// As it happens, a rule or none.
    Against { reason: &'a str },
    /// Long after it happened, a rule or none.
    Late { happened_ms: i64, reason: &'a str },
}

/// What the events of an act are marked with.
#[derive(Default)]
struct Marks {
    against: Option<Against>,
    late: Option<Late>,
}

fn said(reason: &str, expected: &'static str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Error::BadArgument { field: "reason", expected });
    }
    Ok(())
}

/// The lanes of one command, read once.
struct Lanes {
    states: LaneStates,
    rows: BTreeMap<Lane, Place>,
}

/// A lane's row, and the highest position folded here.
#[derive(Clone, Copy)]
struct Place {
    n: i64,
    seen: u64,
}

impl Place {
    fn of(row: &LaneRow) -> Self {
        Self { n: row.n, seen: row.folded_seq }
    }
}

impl Lanes {
    fn read(db: &Connection, lanes: Vec<Lane>) -> Result<Self> {
        let mut read = Self { states: LaneStates::new(), rows: BTreeMap::new() };
        for lane in lanes.into_iter().collect::<BTreeSet<_>>() {
            if let Some(row) = LaneRow::load(db, &lane)? {
                read.rows.insert(lane.clone(), Place::of(&row));
                read.states.insert(lane, row.live(db)?);
            }
        }
        Ok(read)
    }
}

/// Appends the events of one transaction.
struct Writer<'a> {
    db: &'a Connection,
    courier: &'a Courier,
    at: &'a Circumstances<'a>,
    boot: BootMoment,
    head: Head,
    lanes: Lanes,
    recorded: Recorded,
    records: Vec<Record>,
}

impl<'a> Writer<'a> {
    fn new(
        db: &'a Connection,
        courier: &'a Courier,
        at: &'a Circumstances<'a>,
        reading: &ClockReading,
        lanes: Lanes,
    ) -> Self {
        let boot = BootMoment { id: reading.boot_id, ms: reading.boot_ms };
        let recorded =
            Recorded { events: Vec::new(), lanes: Vec::new(), at: at.now, left_out: Vec::new() };
        let records = Vec::new();
        Self { db, courier, at, boot, head: courier.head, lanes, recorded, records }
    }

    /// Appends all groups; returns the row of the first event.
    fn append(&mut self, decided: &Decided, marks: &Marks) -> Result<Option<i64>> {
        let mut first_row = None;
        for drafts in &decided.groups {
            let ids: Vec<EventId> =
                drafts.iter().map(|_| EventId::new(self.at.now.ms, self.at.entropy)).collect();
            let group = match (ids.first(), u16::try_from(ids.len())) {
                (Some(first), Ok(size)) if size > 1 => Some(Group { first: *first, size }),
                _ => None,
            };
            for (draft, id) in drafts.iter().zip(ids) {
                let row = self.append_one(draft, id, group, marks)?;
                first_row = first_row.or(Some(row));
            }
        }
        Ok(first_row)
    }

    fn append_one(
        &mut self,
        draft: &Draft,
        id: EventId,
        group: Option<Group>,
        marks: &Marks,
    ) -> Result<i64> {
        let lane = self.lane(&draft.lane)?;
        let state = self.lanes.states.entry(draft.lane.clone());
        let state = state.or_insert_with(|| LaneState::empty(&draft.lane));
        let event = Event {
            envelope: Envelope {
                id,
                lane: draft.lane.clone(),
                device: self.courier.identity.device,
                actor: self.at.actor.clone(),
                at: self.at.now,
                boot: marks.late.is_none().then_some(self.boot),
                place: self.courier.here.filter(|_| marks.late.is_none()).map(coarse),
                seen: lane.seen,
                policy: self.at.policy.version,
                epoch: state.parcel().and_then(Parcel::epoch),
                group,
                against: marks.against.clone(),
                late: marks.late.clone(),
                must_understand: false,
            },
            fact: draft.fact.clone(),
        };
        let bytes = event.to_bytes();
        if bytes.len() > crate::event::MAX_EVENT_BYTES {
            return Err(Error::BadArgument {
                field: "command",
                expected: "an act that fits into one event; split it",
            });
        }
        let (head, row) = self.head.append(self.db, lane.n, &bytes)?;
        self.head = head;
        self.records.push(Record {
            incarnation: head.incarnation,
            seq: head.seq,
            link: head.link,
            vault: Vec::new(),
            bytes,
        });
        for item in draft.fact.evidence() {
            Media::queue(self.db, &draft.lane, item, row)?;
        }
        if needs_refold(state, &event) {
            // The fold starts over without the event this one undoes.
            *state = LaneRow::by_row(self.db, lane.n)?.live(self.db)?;
        } else {
            state.apply(&event, None);
        }
        self.recorded.events.push(id);
        self.recorded.lanes.push(draft.lane.clone());
        Ok(row)
    }

    /// Returns a lane's place, which is made if the lane is new.
    fn lane(&mut self, lane: &Lane) -> Result<Place> {
        if let Some(place) = self.lanes.rows.get(lane) {
            return Ok(*place);
        }
        let place = Place::of(&LaneRow::load_or_create(self.db, lane)?);
        self.lanes.rows.insert(lane.clone(), place);
        Ok(place)
    }

    /// Writes the list rows of what changed.
    fn finish(self) -> Result<(Recorded, Head, Vec<Record>)> {
        let changed: BTreeSet<&Lane> = self.recorded.lanes.iter().collect();
        let onlooker = self.courier.onlooker();
        for lane in changed {
            if let (Some(row), Some(state)) =
                (self.lanes.rows.get(lane), self.lanes.states.get(lane))
            {
                list::write(self.db, row.n, state, &onlooker, list::After::Act)?;
            }
        }
        Ok((self.recorded, self.head, self.records))
    }
}

fn hands_over(command: &Command) -> bool {
    matches!(
        command,
        Command::Deliver { .. } | Command::DeliverMany { .. } | Command::ReportDoorDamage { .. }
    )
}

/// The slots in which the courier's other parcels lie, if a command names any (C6.12).
fn slots_taken(db: &Connection, command: &Command) -> Result<Vec<(SiteId, LockerSlot)>> {
    let named = command.slots();
    let mut taken = Vec::new();
    if named.is_empty() {
        return Ok(taken);
    }
    for n in list::stored(db)? {
        let row = LaneRow::by_row(db, n)?;
        if named.iter().any(|(waybill, _)| row.lane == Lane::Parcel((*waybill).clone())) {
            continue;
        }
        let state = row.live(db)?;
        let stay = state.parcel().and_then(|parcel| parcel.storage.current_stay());
        taken.extend(stay.and_then(|stay| {
            let lies = stay.slot.as_ref()?;
            Some((stay.site.clone(), lies.slot.clone()))
        }));
    }
    Ok(taken)
}

fn coarse(here: Here) -> CoarsePlace {
    #[expect(clippy::cast_possible_truncation, reason = "degrees times 1000 fit in 19 bits")]
    let thousandths = |degrees: f64| (degrees.clamp(-180.0, 180.0) * 1000.0).round() as i32;
    CoarsePlace { lng: thousandths(here.lng), lat: thousandths(here.lat) }
}

fn gap_to_address(db: &Connection, state: &LaneState, here: Here) -> Result<Option<u32>> {
    let Some(recipient) = state.parcel().and_then(|parcel| parcel.recipient) else {
        return Ok(None);
    };
    Ok(match vault::read(db, recipient)? {
        Some(VaultBody::Person(person)) => match (person.lng, person.lat) {
            (Some(lng), Some(lat)) => Some(here.metres_to(Here { lng, lat })),
            _ => None,
        },
        _ => None,
    })
}
