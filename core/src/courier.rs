//! The one handle: a signed-in courier's store, his clock and his place.
//!
//! It opens, suspends and captures; acts are recorded in `record.rs`, screens are fed by
//! `views.rs`, and `sync` adds what travels.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::TransactionBehavior;
use serde::{Deserialize, Serialize};

use crate::bug::{Bug, planted};
use crate::decide::LeftOut;
use crate::directory::Directory;
use crate::document::NotAdopted;
use crate::error::{Error, MediaError, Result};
use crate::event::{Actor, Envelope, Lane};
use crate::evidence::{EvidenceRef, MediaSource};
use crate::fold::FOLD_VERSION;
use crate::id::{CaseId, CourierNo, DeviceId, EventId, EvidenceId, HubEpoch, StationId};
use crate::policy::{Adopted, Explanation, Policies, Policy};
use crate::store::list::Onlooker;
use crate::store::{DataKey, Durability, Head, Key, Location, Media, Salvaged, Store, folder};
use crate::sync::Machine;
use crate::temporary_storage::CodeBook;
use crate::time::{
    self, Clock, ClockReading, Entropy, HubContact, Moment, SystemClock, SystemEntropy,
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
    /// The life of the hub's database at enrolment. The store follows the hub when it is restored
    /// from a backup.
    pub epoch: HubEpoch,
}

impl Identity {
    /// Tells whether a store of this identity opens with that of `enrolment`, which may be a later
    /// one of the same device: the store has followed the hub's lives since.
    pub fn opens_with(&self, enrolment: &Self) -> bool {
        let Self { device, courier, station, root_key, epoch: _ } = self;
        (device, courier, station, root_key)
            == (&enrolment.device, &enrolment.courier, &enrolment.station, &enrolment.root_key)
    }
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
    /// What opens it. Kept in memory as long as the handle, so that it resumes in the background
    /// while the phone's Keystore is locked.
    pub key: DataKey,
    /// The only folder that captures are taken from, if any.
    pub capture_folder: Option<PathBuf>,
    /// How hard an act is pushed to the disk.
    pub durability: Durability,
    /// How many bytes are kept for acts that find the disk full.
    pub reserve_bytes: u64,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// The device's key, if it was enrolled with one.
    pub signer: Option<Arc<dyn DeviceSigner>>,
}

/// Several hundred hand-overs.
const RESERVE_BYTES: u64 = 4 << 20;

impl Options {
    /// A store in `folder`, sealed under `key`, with the system's clock, in the zone `offset_min`
    /// minutes ahead of UTC.
    ///
    /// The camera writes into `folder/capture`.
    pub fn folder(folder: impl Into<PathBuf>, key: DataKey, offset_min: i16) -> Self {
        let folder = folder.into();
        Self {
            key,
            capture_folder: Some(folder.join("capture")),
            location: Location::Folder(folder),
            durability: Durability::default(),
            reserve_bytes: RESERVE_BYTES,
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
    /// Of a batch, the parcels that were not recorded, each with the rule that speaks against it.
    /// Show them: they are still in the courier's hands.
    pub left_out: Vec<LeftOut>,
}

/// The open store of one courier.
pub struct Courier {
    pub(crate) options: Options,
    pub(crate) identity: Identity,
    pub(crate) machine: Machine,
    pub(crate) actor: Actor,
    pub(crate) store: Option<Store>,
    pub(crate) head: Head,
    pub(crate) epoch: HubEpoch,
    contact: Option<HubContact>,
    adopted: Vec<Adopted>,
    pub(crate) policies: Arc<Policies>,
    directory: Directory,
    pub(crate) not_adopted: Vec<NotAdopted>,
    pub(crate) codes: CodeBook,
    pub(crate) here: Option<Here>,
}

impl Courier {
    /// Opens the store, or makes it on first use.
    ///
    /// # Errors
    /// `WrongKey` if another key opens the store, and then no byte of the folder is changed;
    /// `OtherEnrolment` if the store belongs to somebody else, `OpenElsewhere` if another process
    /// has it, `ForeignStore` and `NewerStore` for a file that is not ours or is ahead of us. A
    /// damaged database is no error: see [`salvaged`](Self::salvaged).
    pub fn open(options: Options, identity: Identity) -> Result<Self> {
        let mut store = Store::open(
            &options.location,
            options.durability,
            &options.key,
            identity.device,
            options.reserve_bytes,
        )?;
        let identity = match Key::Identity.get::<Identity>(&store.db)? {
            None => {
                let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                Key::Identity.set(&tx, &identity)?;
                Key::SignedIn.set(&tx, &true)?;
                Key::Folded.set(&tx, &FOLD_VERSION)?;
                tx.commit()?;
                identity
            }
            Some(stored) if stored.opens_with(&identity) => stored,
            Some(_) => return Err(Error::OtherEnrolment),
        };
        if let Some(folder) = &options.capture_folder {
            folder::open_captures(folder, options.clock.read().wall_ms)?;
        }
        let mut courier = Self {
            actor: Actor::Courier(identity.courier.clone()),
            machine: Machine::new(options.entropy.as_ref()),
            directory: Directory::empty(identity.station.clone()),
            policies: Arc::new(Policies::new([], &identity.station)),
            adopted: Vec::new(),
            not_adopted: Vec::new(),
            codes: CodeBook::default(),
            head: Head::load(&store.db)?,
            epoch: identity.epoch,
            contact: None,
            here: None,
            store: Some(store),
            options,
            identity,
        };
        courier.refresh()?;
        courier.bring_lists_up_to_date()?;
        Ok(courier)
    }

    /// Puts what was salvaged on the lists, and folds anew what another release folded.
    fn bring_lists_up_to_date(&mut self) -> Result<()> {
        let onlooker = self.onlooker();
        let store = self.store.as_mut().ok_or(Error::Suspended)?;
        if store.salvaged.is_some() {
            store.rebuild_lists(&onlooker)?;
        }
        let folded = store.refold_outdated(&onlooker);
        self.noticed(folded)
    }

    /// Returns what was saved if the store was found damaged when it was opened. The app need do
    /// nothing: it is sent again, and everything else comes from the hub.
    pub fn salvaged(&self) -> Result<Option<Salvaged>> {
        Ok(self.store()?.salvaged.clone())
    }

    /// Remembers that the database is damaged, if that is what went wrong.
    pub(crate) fn noticed<T>(&self, result: Result<T>) -> Result<T> {
        if let (Err(error), Some(store)) = (&result, &self.store)
            && error.is_damage()
        {
            store.suspect();
        }
        result
    }

    /// Reads again what is kept in memory of the store.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let db = &self.store()?.db;
        let (head, contact) = (Head::load(db)?, Key::Contact.get(db)?);
        let (adopted, directory) = (Key::Policy.get(db)?, Key::Directory.get(db)?);
        let (codes, epoch) = (Key::Codes.get(db)?, Key::Epoch.get(db)?);
        (self.head, self.contact) = (head, contact);
        self.epoch = epoch.unwrap_or(self.identity.epoch);
        self.codes = codes.unwrap_or_default();
        let adopted: Vec<Adopted> = adopted.unwrap_or_default();
        if self.adopted != adopted {
            self.policies = Arc::new(Adopted::resolve(&adopted, &self.identity.station)?);
            self.adopted = adopted;
        }
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

    /// Opens the files again, with the key that this handle was opened with or rotated to last.
    ///
    /// # Errors
    /// As [`open`](Self::open): `WrongKey` if another process rotated the key meanwhile.
    pub fn resume(&mut self) -> Result<()> {
        if self.store.is_none() {
            let Options { location, durability, key, reserve_bytes, .. } = &self.options;
            let device = self.identity.device;
            self.store = Some(Store::open(location, *durability, key, device, *reserve_bytes)?);
            if !planted(Bug::ResumedBlindly) {
                self.refresh()?;
            }
            self.bring_lists_up_to_date()?;
        }
        Ok(())
    }

    /// Lets `new` open the store from now on, and no other key. No row and no photo is written again,
    /// so it takes milliseconds however much there is.
    ///
    /// Keep both keys until this returns: if the phone dies meanwhile, one of the two opens the store.
    pub fn rotate_key(&mut self, new: DataKey) -> Result<()> {
        let store = self.store()?;
        let rotated = store.rotate_key(&self.options.key, &new);
        // An error may have come after the file was replaced.
        if store.opens_with(&new) {
            self.options.key = new;
        }
        rotated
    }

    /// Tells whether this is the key that the handle goes by.
    pub fn has_key(&self, key: &DataKey) -> bool {
        self.options.key == *key
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
        self.moment(&self.options.clock.read())
    }

    pub(crate) fn moment(&self, reading: &ClockReading) -> Moment {
        time::moment(reading, self.contact.as_ref())
    }

    /// Returns when an event was recorded, as well as this phone knows by now.
    pub(crate) fn mended(&self, envelope: &Envelope) -> Moment {
        time::mended(envelope.at, envelope.boot.as_ref(), self.contact.as_ref())
    }

    /// Returns the life of the hub's database that this store goes by now.
    pub(crate) fn epoch(&self) -> HubEpoch {
        self.epoch
    }

    pub(crate) fn store(&self) -> Result<&Store> {
        self.store.as_ref().ok_or(Error::Suspended)
    }

    pub(crate) fn store_mut(&mut self) -> Result<&mut Store> {
        self.store.as_mut().ok_or(Error::Suspended)
    }

    /// Returns the values that rules read now.
    pub fn policy(&self) -> &Policy {
        &self.policies.now(self.now().ms).policy
    }

    pub(crate) fn onlooker(&self) -> Onlooker {
        let me = self.identity.courier.clone();
        Onlooker { me, policies: Arc::clone(&self.policies) }
    }

    pub(crate) fn adopted(&self) -> &[Adopted] {
        &self.adopted
    }

    /// Tells why a value of the policy is what it is now, and where it comes from (C7).
    ///
    /// # Errors
    /// `NotFound` if there is no value of that name.
    pub fn explain_policy(&self, value: &str) -> Result<Explanation> {
        let resolved = self.policies.now(self.now().ms);
        resolved.explain(value).ok_or(Error::NotFound { what: "the policy value" })
    }

    /// Returns the policy pack or directory that the hub offered last and this phone refused, with
    /// everything that is wrong with it. The one in force stays.
    pub fn not_adopted(&self) -> &[NotAdopted] {
        &self.not_adopted
    }

    /// Takes a photo, video or signature from a file in the capture folder.
    ///
    /// The item belongs to `lane` from now on and can be named by one act of that lane only. The
    /// captured file is deleted once its sealed copy is durable; one that is never taken goes when
    /// the store is opened a day later.
    ///
    /// # Errors
    /// `MediaBadPath` for a path that leads elsewhere, `MediaEmpty`, `MediaTooLarge`, `NotMedia`.
    pub fn capture_file(
        &mut self,
        lane: &Lane,
        path: &Path,
        source: MediaSource,
    ) -> Result<EvidenceRef> {
        let inside =
            self.options.capture_folder.as_ref().ok_or(Error::Media(MediaError::BadPath))?;
        let mut file = folder::open_capture(inside, path)?;
        let item = self.capture(lane, &mut file, source)?;
        // If it cannot be deleted now, it is when the store is opened another day.
        let _ = std::fs::remove_file(path);
        Ok(item)
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
        let written = store.media.write(&format!("{id}.draft"), from)?;
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
