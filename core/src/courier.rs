//! The one handle: a signed-in courier's store, his clock and his place.
//!
//! Every act goes through [`Courier::record`]: read the lanes, decide, append, fold, commit, in one
//! transaction. It is the only place that writes events of this device.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::decide::{self, Circumstances, Decided, Draft, LaneStates};
use crate::directory::Directory;
use crate::error::{Error, MediaError, Result};
use crate::event::{Actor, Against, CoarsePlace, Envelope, Event, EvidenceLost, Fact, Group, Lane};
use crate::evidence::{EvidenceRef, MediaSource};
use crate::fold::{LaneState, needs_refold};
use crate::id::{CaseId, CourierNo, DeviceId, EventId, EvidenceId, HubEpoch, StationId};
use crate::parcel::Parcel;
use crate::policy::Policy;
use crate::privacy::VaultBody;
use crate::refusal::Refusal;
use crate::store::{
    Durability, Head, Key, LaneRow, Location, Media, MediaState, Store, list, media, vault,
};
use crate::sync::Machine;
use crate::time::{
    self, BootMoment, Clock, Entropy, HubContact, Moment, SystemClock, SystemEntropy,
};

/// Whose store it is. Comes from the enrolment; holds no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Identity {
    /// The device, as the hub enrolled it.
    pub device: DeviceId,
    /// The courier.
    pub courier: CourierNo,
    /// His station.
    pub station: StationId,
    /// The hub's root key, P-256 SEC1 uncompressed, hexadecimal.
    pub root_key: String,
    /// The life of the hub's database.
    pub epoch: HubEpoch,
}

/// Signs the heads of the chain with a key that never leaves the phone's secure hardware.
pub trait DeviceSigner: Send + Sync {
    /// Signs `text` with P-256 and SHA-256; returns DER or raw r‖s.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>>;
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// Where it lies.
    pub location: Location,
    /// The only folder that captures are taken from, if any.
    pub capture_folder: Option<PathBuf>,
    /// How hard an act is pushed to the disk.
    pub durability: Durability,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// The device's key, if it was enrolled with one.
    pub signer: Option<Arc<dyn DeviceSigner>>,
}

impl Options {
    /// A store in `folder` with the system's clock, in the zone `offset_min` minutes ahead of UTC.
    ///
    /// The camera writes into `folder/capture`.
    pub fn folder(folder: impl Into<PathBuf>, offset_min: i16) -> Self {
        let folder = folder.into();
        Self {
            capture_folder: Some(folder.join("capture")),
            location: Location::Folder(folder),
            durability: Durability::default(),
            clock: Arc::new(SystemClock::new(offset_min)),
            entropy: Arc::new(SystemEntropy),
            signer: None,
        }
    }
}

/// A place as the phone's positioning gives it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Here {
    /// Longitude, WGS-84 degrees.
    pub lng: f64,
    /// Latitude, WGS-84 degrees.
    pub lat: f64,
}

impl Here {
    /// Returns the distance to another place in whole metres, on a sphere of the Earth's mean
    /// radius (haversine).
    pub fn metres_to(self, there: Self) -> u32 {
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        let (from, to) = (self.lat.to_radians(), there.lat.to_radians());
        let half_lat = ((to - from) / 2.0).sin();
        let half_lng = ((there.lng - self.lng).to_radians() / 2.0).sin();
        let a = half_lat * half_lat + from.cos() * to.cos() * half_lng * half_lng;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most half the Earth's girth, never below zero"
        )]
        let metres = (2.0 * EARTH_RADIUS_M * a.sqrt().clamp(0.0, 1.0).asin()).round() as u32;
        metres
    }
}

/// What was recorded. It is safe on the phone; the hub has yet to confirm it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Recorded {
    /// The events, in order.
    pub events: Vec<EventId>,
    /// The lanes they stand in, in the order of the events.
    pub lanes: Vec<Lane>,
    /// When, as the phone knew it.
    pub at: Moment,
}

/// The open store of one courier.
pub struct Courier {
    pub(crate) options: Options,
    pub(crate) identity: Identity,
    pub(crate) machine: Machine,
    actor: Actor,
    store: Option<Store>,
    head: Head,
    contact: Option<HubContact>,
    policy: Policy,
    directory: Directory,
    here: Option<Here>,
}

impl Courier {
    /// Opens the store, or makes it on first use.
    ///
    /// # Errors
    /// `OtherEnrolment` if the store belongs to somebody else, `OpenElsewhere` if another process
    /// has it, `ForeignStore` and `NewerStore` for a file that is not ours or is ahead of us.
    pub fn open(options: Options, identity: Identity) -> Result<Self> {
        let store = Store::open(&options.location, options.durability)?;
        match Key::Identity.get::<Identity>(&store.db)? {
            None => {
                Key::Identity.set(&store.db, &identity)?;
                Key::SignedIn.set(&store.db, &true)?;
            }
            Some(stored) if stored == identity => {}
            Some(_) => return Err(Error::OtherEnrolment),
        }
        if let Some(folder) = &options.capture_folder {
            std::fs::create_dir_all(folder)?;
        }
        let mut courier = Self {
            actor: Actor::Courier(identity.courier.clone()),
            machine: Machine::new(options.entropy.as_ref()),
            directory: Directory::empty(identity.station.clone()),
            policy: Policy::default(),
            head: Head::load(&store.db)?,
            contact: None,
            here: None,
            store: Some(store),
            options,
            identity,
        };
        courier.refresh()?;
        Ok(courier)
    }

    /// Reads again what is kept in memory of the store.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let db = &self.store()?.db;
        let (head, contact) = (Head::load(db)?, Key::Contact.get(db)?);
        let (policy, directory) = (Key::Policy.get(db)?, Key::Directory.get(db)?);
        (self.head, self.contact) = (head, contact);
        self.policy = policy.unwrap_or_default();
        if let Some(directory) = directory {
            self.directory = directory;
        }
        Ok(())
    }

    /// Closes every file, so that the system may suspend the app: iOS ends an app that holds a
    /// database lock in its sleep. Everything but [`resume`](Self::resume) then says `Suspended`.
    pub fn suspend(&mut self) -> Result<()> {
        if let Some(store) = self.store.take() {
            self.machine.forget_in_flight();
            store.checkpoint()?;
        }
        Ok(())
    }

    /// Opens the files again.
    pub fn resume(&mut self) -> Result<()> {
        if self.store.is_none() {
            self.store = Some(Store::open(&self.options.location, self.options.durability)?);
            self.refresh()?;
        }
        Ok(())
    }

    /// Says where the phone is, or that it does not know. Kept in memory only.
    pub fn set_here(&mut self, here: Option<Here>) {
        self.here = here;
    }

    /// Makes the id of a new exception case or complaint.
    pub fn new_case(&self) -> CaseId {
        CaseId::new(self.now().ms, self.options.entropy.as_ref())
    }

    /// Returns whose store it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the sites and stations known.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Returns the time as the phone knows it.
    pub fn now(&self) -> Moment {
        time::moment(&self.options.clock.read(), self.contact.as_ref())
    }

    pub(crate) fn store(&self) -> Result<&Store> {
        self.store.as_ref().ok_or(Error::Suspended)
    }

    pub(crate) fn store_mut(&mut self) -> Result<&mut Store> {
        self.store.as_mut().ok_or(Error::Suspended)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Records an act. When a rule refuses, nothing is written.
    ///
    /// When the call returns, the act survives a dead battery (with [`Durability::Full`]).
    ///
    /// # Errors
    /// `Refused` with the rule's code and advice; `DiskFull` and other errors of the store leave
    /// nothing half-written.
    pub fn record(&mut self, command: &Command) -> Result<Recorded> {
        self.write(command, None)
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
        if reason.trim().is_empty() {
            return Err(Error::BadArgument { field: "reason", expected: "why it was done" });
        }
        self.write(command, Some(reason))
    }

    /// Tells what rule would refuse an act, without recording anything.
    pub fn check(&self, command: &Command) -> Result<Option<Refusal>> {
        let db = &self.store()?.db;
        let at = self.circumstances(db, command)?;
        let lanes = Lanes::read(db, decide::lanes_of(command, &at))?;
        Ok(match decide::decide(command, &lanes.states, &at) {
            Ok(decision) => decision.refusal,
            Err(refusal) => Some(refusal),
        })
    }

    fn write(&mut self, command: &Command, done: Option<&str>) -> Result<Recorded> {
        let mut store = self.store.take().ok_or(Error::Suspended)?;
        let result = self.write_in(&mut store, command, done);
        self.store = Some(store);
        let (recorded, head) = result?;
        self.head = head;
        Ok(recorded)
    }

    fn write_in(
        &self,
        store: &mut Store,
        command: &Command,
        done: Option<&str>,
    ) -> Result<(Recorded, Head)> {
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let at = self.circumstances(&tx, command)?;
        let lanes = Lanes::read(&tx, decide::lanes_of(command, &at))?;
        let mut decision = decide::decide(command, &lanes.states, &at)?;
        let mut against = None;
        if let Some(refusal) = decision.refusal {
            let reason = match done {
                Some(reason) if refusal.can_be_recorded_against() => reason,
                _ => return Err(refusal.into()),
            };
            against = Some(decide::against(&mut decision.decided, &refusal, reason, &at));
        }
        let mut writer = Writer {
            db: &tx,
            courier: self,
            at: &at,
            head: self.head,
            lanes,
            recorded: Recorded { events: Vec::new(), lanes: Vec::new(), at: at.now },
        };
        let first = writer.append(&decision.decided, against.as_ref())?;
        for entry in &decision.decided.vault {
            let lane = LaneRow::load_or_create(&tx, &entry.lane)?;
            vault::put(&tx, lane.n, entry, first)?;
        }
        let (recorded, head) = writer.finish()?;
        tx.commit()?;
        Ok((recorded, head))
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
        let Some(media) = Media::load(&tx, item.id)? else { return Ok(self.head) };
        Media::settle(&tx, &item.sha256, MediaState::Lost)?;
        let lane = Lane::parse(&media.lane);
        let at = self.surroundings();
        let lanes = Lanes::read(&tx, vec![lane.clone()])?;
        let lost = EvidenceLost { evidence: item.id, sha256: item.sha256 };
        let mut writer = Writer {
            db: &tx,
            courier: self,
            at: &at,
            head: self.head,
            lanes,
            recorded: Recorded { events: Vec::new(), lanes: Vec::new(), at: at.now },
        };
        let groups = vec![vec![Draft { lane, fact: Fact::from(lost) }]];
        writer.append(&Decided { groups, vault: Vec::new() }, None)?;
        let (_, head) = writer.finish()?;
        tx.commit()?;
        Ok(head)
    }

    fn surroundings(&self) -> Circumstances<'_> {
        Circumstances {
            now: self.now(),
            actor: &self.actor,
            station: &self.identity.station,
            policy: &self.policy,
            directory: &self.directory,
            address_gap_m: None,
            station_gap_m: None,
            entropy: self.options.entropy.as_ref(),
        }
    }

    fn circumstances(&self, db: &Connection, command: &Command) -> Result<Circumstances<'_>> {
        let mut at = self.surroundings();
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
        if let (Command::Deliver { waybill, .. }, Some(here)) = (command, self.here) {
            at.address_gap_m = match LaneRow::load(db, &Lane::Parcel(waybill.clone()))? {
                Some(row) => gap_to_address(db, &row.confirmed, here)?,
                None => None,
            };
            at.station_gap_m = match (self.directory.station_lng, self.directory.station_lat) {
                (Some(lng), Some(lat)) => Some(here.metres_to(Here { lng, lat })),
                _ => None,
            };
        }
        Ok(at)
    }

    /// Takes a photo, video or signature from a file in the capture folder.
    ///
    /// The item belongs to `lane` from now on and can be named by one act of that lane only. The
    /// captured file itself is left where it is.
    ///
    /// # Errors
    /// `MediaBadPath` for a path that leads elsewhere, `MediaEmpty`, `MediaTooLarge`, `NotMedia`.
    pub fn capture_file(
        &mut self,
        lane: &Lane,
        path: &Path,
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        let folder =
            self.options.capture_folder.as_ref().ok_or(Error::Media(MediaError::BadPath))?;
        let mut file = media::open_capture(folder, path)?;
        self.capture(lane, &mut file, source)
    }

    /// Takes a photo, video or signature from memory. See [`capture_file`](Self::capture_file).
    pub fn capture_bytes(
        &mut self,
        lane: &Lane,
        mut bytes: &[u8],
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        self.capture(lane, &mut bytes, source)
    }

    fn capture(
        &mut self,
        lane: &Lane,
        from: &mut dyn Read,
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        let at = self.now();
        let id = EvidenceId::new(at.ms, self.options.entropy.as_ref());
        let store = self.store_mut()?;
        let written = media::write(store.media.as_ref(), &format!("{id}.draft"), from)?;
        let item = EvidenceRef {
            id,
            sha256: written.sha256,
            kind: written.kind,
            bytes: written.bytes,
            source,
            at,
        };
        Media::insert(&store.db, &lane.to_string(), &item)?;
        Ok(item)
    }
}

/// The lanes of one command, read once.
struct Lanes {
    states: LaneStates,
    rows: Vec<LaneRow>,
}

impl Lanes {
    fn read(db: &Connection, lanes: Vec<Lane>) -> Result<Self> {
        let mut read = Self { states: LaneStates::new(), rows: Vec::new() };
        for lane in lanes.into_iter().collect::<BTreeSet<_>>() {
            if let Some(row) = LaneRow::load(db, &lane)? {
                read.states.insert(lane, row.live(db)?);
                read.rows.push(row);
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
    head: Head,
    lanes: Lanes,
    recorded: Recorded,
}

impl Writer<'_> {
    /// Appends all groups; returns the row of the first event.
    fn append(&mut self, decided: &Decided, against: Option<&Against>) -> Result<Option<i64>> {
        let reading = self.courier.options.clock.read();
        let boot = BootMoment { id: reading.boot_id, ms: reading.boot_ms };
        let mut first_row = None;
        for drafts in &decided.groups {
            let ids: Vec<EventId> =
                drafts.iter().map(|_| EventId::new(self.at.now.ms, self.at.entropy)).collect();
            let group = match (ids.first(), u16::try_from(ids.len())) {
                (Some(first), Ok(size)) if size > 1 => Some(Group { first: *first, size }),
                _ => None,
            };
            for (draft, id) in drafts.iter().zip(ids) {
                let row = self.append_one(draft, id, group, boot, against)?;
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
        boot: BootMoment,
        against: Option<&Against>,
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
                boot: Some(boot),
                place: self.courier.here.map(coarse),
                seen: lane.1,
                policy: self.at.policy.version,
                epoch: state.parcel().and_then(Parcel::epoch),
                group,
                against: against.cloned(),
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
        let (head, row) = self.head.append(self.db, lane.0, &bytes)?;
        self.head = head;
        for item in draft.fact.evidence() {
            Media::queue(self.db, item.id, row)?;
        }
        if needs_refold(&event) {
            // The fold starts over without the event this one undoes.
            *state = LaneRow::by_row(self.db, lane.0)?.live(self.db)?;
        } else {
            state.apply(&event, None);
        }
        self.recorded.events.push(id);
        self.recorded.lanes.push(draft.lane.clone());
        Ok(row)
    }

    /// Returns a lane's row and the position folded here.
    fn lane(&mut self, lane: &Lane) -> Result<(i64, u64)> {
        if let Some(row) = self.lanes.rows.iter().find(|row| &row.lane == lane) {
            return Ok((row.n, row.folded_seq));
        }
        let row = LaneRow::load_or_create(self.db, lane)?;
        let found = (row.n, row.folded_seq);
        self.lanes.rows.push(row);
        Ok(found)
    }

    /// Writes the list rows of what changed.
    fn finish(self) -> Result<(Recorded, Head)> {
        let changed: BTreeSet<&Lane> = self.recorded.lanes.iter().collect();
        for row in self.lanes.rows.iter().filter(|row| changed.contains(&row.lane)) {
            if let Some(state) = self.lanes.states.get(&row.lane) {
                list::write(self.db, row.n, state, &self.courier.identity.courier)?;
            }
        }
        Ok((self.recorded, self.head))
    }
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
