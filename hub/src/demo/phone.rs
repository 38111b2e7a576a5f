//! One courier's phone: the real library over a real store, and its link to the hub.

use std::path::PathBuf;
use std::sync::Arc;

use lastmile_core::event::Lane;
use lastmile_core::evidence::{EvidenceRef, MediaSource};
use lastmile_core::id::{CaseId, CourierNo, EventId, ManifestId};
use lastmile_core::sync::wire::{EnrolRequest, Enrolment};
use lastmile_core::time::Entropy;
use lastmile_core::waybill::Waybill;
use lastmile_core::{
    Command, Courier, DataKey, Durability, Error, Here, Location, Options, Refusal, SyncStatus,
};
use uuid::Uuid;

use super::Trouble;
use super::link::{Link, has_signal};
use super::machine::{PlayedClock, PlayedTime, SeededEntropy, SoftKey};
use super::picture::{self, Motif};
use crate::client::{Client, enrol, exchange};

/// What a courier did, as his phone counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Parcels handed over.
    pub delivered: u32,
    /// Parcels stored with consent.
    pub stored: u32,
    /// Exceptions reported.
    pub exceptions: u32,
    /// Complaints taken.
    pub complaints: u32,
    /// Photos taken.
    pub photos: u32,
    /// Signatures taken.
    pub signatures: u32,
    /// The most events and pictures that ever waited for a signal.
    pub most_waiting: u64,
}

/// One phone.
pub struct Phone {
    /// Whose it is.
    pub no: CourierNo,
    /// What he did.
    pub deeds: Deeds,
    /// Its way to the hub.
    pub link: Link,
    place: usize,
    seed: u64,
    courier: Courier,
    entropy: Arc<SeededEntropy>,
}

/// What a phone is made of.
pub struct Make<'a> {
    /// The courier, by his place in the day's list.
    pub place: usize,
    /// Where the store lies.
    pub folder: PathBuf,
    /// Where the hub answers.
    pub hub: &'a str,
    /// The one-time code.
    pub code: String,
    /// What time it is.
    pub time: &'a PlayedTime,
    /// Decides what the phone leaves to chance.
    pub seed: u64,
}

impl Phone {
    /// Enrols a phone over HTTP and opens its store.
    pub fn enrol(make: Make) -> Result<Self, Trouble> {
        let Make { place, folder, hub, code, time, seed } = make;
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(place as u64);
        let entropy = SeededEntropy::new(seed);
        let key = SoftKey::new(&*entropy);
        let request = EnrolRequest { code, public_key: Some(key.public()) };
        let enrolment: Enrolment = enrol(hub, &request)?;
        let client = Client::new(hub, &enrolment);
        let options = Options {
            capture_folder: Some(folder.join("capture")),
            location: Location::Folder(folder),
            // An app keeps it in the Keystore; this one is never opened again.
            key: DataKey::random(),
            durability: Durability::Full,
            reserve_bytes: 4 << 20,
            clock: PlayedClock::new(time, Uuid::from_u64_pair(seed, place as u64 + 1)),
            entropy: entropy.clone(),
            signer: Some(Arc::new(key)),
        };
        let identity = enrolment.identity();
        Ok(Self {
            no: enrolment.courier,
            deeds: Deeds::default(),
            link: Link::new(client, seed),
            place,
            seed,
            courier: Courier::open(options, identity)?,
            entropy,
        })
    }

    /// Returns the hub's root key, as this phone pinned it at enrolment.
    pub fn root_key(&self) -> &str {
        &self.courier.identity().root_key
    }

    /// Says where the phone is.
    pub fn be_at(&mut self, here: Option<Here>) {
        self.courier.set_here(here);
    }

    /// Records an act that no rule speaks against. Returns its first event.
    pub fn act(&mut self, command: &Command) -> Result<EventId, Trouble> {
        let recorded = self.courier.record(command)?;
        recorded.events.first().copied().ok_or_else(|| "an act left no event".into())
    }

    /// Tries an act that a rule must refuse. Returns the refusal; nothing was written.
    pub fn try_in_vain(&mut self, command: &Command) -> Result<Refusal, Trouble> {
        let before = self.status()?;
        match self.courier.record(command) {
            Err(Error::Refused(refusal)) if self.status()? == before => Ok(refusal),
            Err(Error::Refused(_)) => Err("a refused act left something behind".into()),
            Err(error) => Err(error.into()),
            Ok(_) => Err("an act was recorded that a rule should have refused".into()),
        }
    }

    /// Takes a picture for an act in `lane`.
    pub fn picture(
        &mut self,
        lane: &Lane,
        motif: Motif,
        waybill: &Waybill,
    ) -> Result<EvidenceRef, Trouble> {
        let jpeg = picture::draw(motif, waybill.as_str(), self.seed)
            .map_err(|error| format!("a picture could not be drawn: {error}"))?;
        let source = match motif {
            Motif::Signature => MediaSource::Screen,
            Motif::Door | Motif::Shelf | Motif::Dent => MediaSource::Camera,
        };
        match source {
            MediaSource::Screen => self.deeds.signatures += 1,
            _ => self.deeds.photos += 1,
        }
        Ok(self.courier.capture_bytes(lane, &jpeg, source)?)
    }

    /// Makes the id of a new case.
    pub fn new_case(&self) -> CaseId {
        self.courier.new_case()
    }

    /// Makes the id of a new list of parcels.
    pub fn new_manifest(&self) -> ManifestId {
        ManifestId::new(self.courier.now().ms, &*self.entropy as &dyn Entropy)
    }

    /// Tells whether the station has stopped a parcel, as far as this phone knows.
    pub fn knows_stopped(&self, waybill: &Waybill) -> Result<bool, Trouble> {
        Ok(self.courier.parcel(waybill)?.is_some_and(|parcel| parcel.frozen.is_some()))
    }

    /// Sends and receives what it can, if there is a signal now.
    pub fn sync(&mut self) -> Result<(), Trouble> {
        if has_signal(self.place, self.courier.now().ms) {
            self.link.steady = false;
            exchange(&mut self.courier, |request| self.link.carry(request))?;
        }
        self.note_waiting()
    }

    /// Sends and receives over a link on which everything gets through, and asks for news first:
    /// at the station, or after the station rang.
    pub fn sync_well(&mut self) -> Result<(), Trouble> {
        self.link.steady = true;
        self.courier.pull_soon();
        exchange(&mut self.courier, |request| self.link.carry(request))?;
        self.note_waiting()
    }

    /// Signs in again after the session has ended.
    pub fn sign_in(&mut self, code: String) -> Result<(), Trouble> {
        self.link.client().sign_in(code)?;
        Ok(self.courier.set_signed_in(true)?)
    }

    /// Returns how far everything has come.
    pub fn status(&self) -> Result<SyncStatus, Trouble> {
        Ok(self.courier.sync_status()?)
    }

    /// Counts the events this phone recorded, and those of them that the hub has confirmed.
    pub fn events(&self) -> Result<(u64, u64), Trouble> {
        let log = self.courier.log()?;
        let own = || log.iter().filter(|line| line.seq.is_some());
        let confirmed = own().filter(|line| line.lane_seq.is_some());
        Ok((own().count() as u64, confirmed.count() as u64))
    }

    /// Returns how many events and pictures wait for a signal.
    pub fn waiting(&self) -> Result<u64, Trouble> {
        let status = self.status()?;
        Ok((status.pending + status.media_pending).unsigned_abs())
    }

    fn note_waiting(&mut self) -> Result<(), Trouble> {
        self.deeds.most_waiting = self.deeds.most_waiting.max(self.waiting()?);
        Ok(())
    }
}
