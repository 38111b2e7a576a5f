//! Pickup codes and slots at the hub: numbers are lent to devices, and two parcels with one code or
//! one slot are told apart again (C6.12).
//!
//! A number is given out once: by a row that is advanced in the same transaction. After a restore
//! from a backup the numbers jump ahead of all that the lost part can have given out.

use lastmile_core::command::Command;
use lastmile_core::directory::{Directory, Site};
use lastmile_core::event::{Actor, Event, Lane};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{Digest, EventId, SiteId, StationId};
use lastmile_core::parcel::Parcel;
use lastmile_core::privacy::{VaultBody, VaultEntry};
use lastmile_core::react::id_from;
use lastmile_core::sync::wire::Pull;
use lastmile_core::temporary_storage::{
    CodeBook, CodeIssuer, CodeKey, LockerSlot, PickupCodeReplaced, SiteCodes, Stay,
    StorageSlotClashed,
};

use crate::hub::Hub;
use crate::problem::Result;
use crate::store::{Device, Tx};
use crate::sync::Ledger;

/// More numbers than a site gives out between two backups; a thousand restores fit into 10^8.
pub(crate) const JUMP: u32 = 100_000;

impl Hub {
    /// Returns a site's key, made if there is none.
    fn site_key(&self, tx: &dyn Tx, station: &StationId, site: &SiteId) -> Result<CodeKey> {
        if let Some(key) = tx.site_key(station, site)? {
            return Ok(key);
        }
        let mut key = Digest::default();
        self.entropy.fill(&mut key.0);
        tx.put_site_key(station, site, &CodeKey(key))?;
        Ok(CodeKey(key))
    }

    /// Gives a device what it asks for: keys, and numbers where the library gives the codes out.
    /// What was lent to it and did not arrive is sent again.
    pub(crate) fn lend_codes(
        &self,
        tx: &dyn Tx,
        device: &Device,
        incarnation: u32,
        directory: &Directory,
        pull: &Pull,
    ) -> Result<Vec<SiteCodes>> {
        let mut sent = Vec::new();
        if pull.codes.is_empty() || device.quarantined {
            return Ok(sent);
        }
        let count = self.policy(tx, &device.station)?.code_lease;
        for wanted in &pull.codes {
            let Some(site) = directory.site(&wanted.site) else { continue };
            let key = self.site_key(tx, &device.station, &site.id)?;
            let mut lease = None;
            if site.codes == CodeIssuer::Library && count > 0 {
                let last = tx.lease(device.row, incarnation, &site.id)?;
                let lent = match last.filter(|last| last.end() > wanted.to) {
                    Some(on_its_way) => on_its_way,
                    None => tx.give_out(&device.station, &site.id, count)?,
                };
                tx.put_lease(device.row, incarnation, &site.id, &lent)?;
                lease = Some(lent);
            }
            sent.push(SiteCodes { site: site.id.clone(), key, lease });
        }
        Ok(sent)
    }

    /// Returns the keys of a station's sites for a clerk's act at one of them, and a number where
    /// he replaces a code and types none.
    pub(crate) fn clerk_codes(
        &self,
        tx: &dyn Tx,
        station: &StationId,
        directory: &Directory,
        command: &Command,
    ) -> Result<CodeBook> {
        let mut book = CodeBook::default();
        let numbers = match command {
            Command::PickUp { .. } => 0,
            Command::ReplaceCode { .. } => 1,
            _ => return Ok(book),
        };
        for site in &directory.sites {
            let key = self.site_key(tx, station, &site.id)?;
            let lease = if ours(Some(site)) && numbers > 0 {
                Some(tx.give_out(station, &site.id, numbers)?)
            } else {
                None
            };
            book.take(&[SiteCodes { site: site.id.clone(), key, lease }]);
        }
        Ok(book)
    }
}

fn ours(site: Option<&Site>) -> bool {
    site.is_some_and(|site| site.codes == CodeIssuer::Library)
}

/// The stay of a parcel that goes on.
fn stay(state: &LaneState) -> Option<&Stay> {
    state.parcel().and_then(|parcel: &Parcel| parcel.storage.current_stay())
}

/// What one parcel alone is to have at a site.
#[derive(PartialEq)]
enum Sole {
    /// A pickup code, by its HMAC.
    Code(Digest),
    /// A slot of a locker.
    Slot(LockerSlot),
}

impl Sole {
    fn hash(&self) -> Digest {
        match self {
            Self::Code(hash) => *hash,
            Self::Slot(slot) => Digest::of(&[b"lastmile slot v1\n", slot.as_str().as_bytes()]),
        }
    }

    /// Returns since when a stay has it, and by which event.
    fn since(&self, stay: &Stay) -> Option<(i64, EventId)> {
        match self {
            Self::Code(hash) => {
                (stay.code_hash == Some(*hash)).then_some((stay.at.ms, stay.mark.event))
            }
            Self::Slot(slot) => {
                let lies = stay.slot.as_ref().filter(|lies| lies.slot == *slot)?;
                Some((lies.at.ms, lies.said.event))
            }
        }
    }
}

/// What a parcel has for itself alone at the site where it lies.
fn soles(state: Option<&LaneState>) -> Vec<(SiteId, Sole)> {
    let Some(stay) = state.and_then(stay) else { return Vec::new() };
    let slot = stay.slot.as_ref().map(|lies| Sole::Slot(lies.slot.clone()));
    let soles = stay.code_hash.map(Sole::Code).into_iter().chain(slot);
    soles.map(|sole| (stay.site.clone(), sole)).collect()
}

/// Looks for another parcel that lies at the same site under the code or in the slot that `event`
/// named. The later of the two gets another code, or none where the site gives out its own; of a
/// slot, the lanes of both are told, and somebody must look where the later one lies.
pub(crate) fn tell_apart(
    ledger: &mut Ledger,
    event: &Event,
    before: &LaneState,
    station: &StationId,
) -> Result<()> {
    let lane = &event.envelope.lane;
    let (had, has) = (soles(Some(before)), soles(ledger.state(lane)?));
    if had == has {
        return Ok(());
    }
    let row = ledger.lane_row(lane)?;
    ledger.tx.free_hashes(row)?;
    for (site, sole) in &has {
        ledger.tx.use_hash(station, site, &sole.hash(), row)?;
    }
    for (site, sole) in has.iter().filter(|sole| !had.contains(sole)) {
        for other in ledger.tx.others_with_hash(station, site, &sole.hash(), row)? {
            let other = ledger.tx.lane_name(other)?;
            let since = |state: Option<&LaneState>| {
                let there = state.and_then(stay).filter(|stay| stay.site == *site);
                there.and_then(|stay| sole.since(stay))
            };
            let (Some(theirs), Some(this)) =
                (since(ledger.state(&other)?), since(ledger.state(lane)?))
            else {
                continue;
            };
            let two = [(lane, this), (&other, theirs)];
            let [earlier, later] = if this > theirs { [two[1], two[0]] } else { two };
            match sole {
                Sole::Code(_) => replace(ledger, event.envelope.id, later.0, site, station)?,
                Sole::Slot(slot) => {
                    tell_of_slot(ledger, later, earlier, slot, true, station)?;
                    tell_of_slot(ledger, earlier, later, slot, false, station)?;
                }
            }
        }
    }
    Ok(())
}

/// Tells a lane of the other parcel that is said to lie in its slot. The id is made of the two facts
/// that say so: whichever comes first, and however often, it is told once.
fn tell_of_slot(
    ledger: &mut Ledger,
    (lane, (_, said)): (&Lane, (i64, EventId)),
    (other, (_, theirs)): (&Lane, (i64, EventId)),
    slot: &LockerSlot,
    later: bool,
    station: &StationId,
) -> Result<()> {
    let Lane::Parcel(waybill) = other else { return Ok(()) };
    let id = EventId(id_from(said, &format!("slot.clash.{theirs}")));
    if ledger.tx.event_by_id(id)?.is_some() {
        return Ok(());
    }
    let (slot, waybill) = (slot.clone(), waybill.clone());
    let fact = StorageSlotClashed { slot, waybill, other: theirs, later };
    ledger.record(id, lane, fact.into(), &Actor::Station(station.clone()), station, None)?;
    Ok(())
}

/// Returns the slots among those that a clerk's command names in which other parcels lie.
pub(crate) fn slots_taken(
    ledger: &mut Ledger,
    station: &StationId,
    command: &Command,
) -> Result<Vec<(SiteId, LockerSlot)>> {
    let mut taken = Vec::new();
    for (waybill, slot) in command.slots() {
        let lane = Lane::Parcel(waybill.clone());
        let Some(site) = ledger.state(&lane)?.and_then(stay).map(|stay| stay.site.clone()) else {
            continue;
        };
        let (row, hash) = (ledger.lane_row(&lane)?, Sole::Slot(slot.clone()).hash());
        if !ledger.tx.others_with_hash(station, &site, &hash, row)?.is_empty() {
            taken.push((site, slot.clone()));
        }
    }
    Ok(taken)
}

fn replace(
    ledger: &mut Ledger,
    by: EventId,
    lane: &Lane,
    site: &SiteId,
    station: &StationId,
) -> Result<()> {
    let id = EventId(id_from(by, "code.clash"));
    if ledger.tx.event_by_id(id)?.is_some() {
        return Ok(());
    }
    let (hub, tx) = (ledger.hub, ledger.tx);
    let mut fact = PickupCodeReplaced { code_hash: None, code: None, clashed: true };
    if ours(hub.station(tx, station)?.directory.site(site)) {
        let key = hub.site_key(tx, station, site)?;
        let code = key.code(tx.give_out(station, site, 1)?.first);
        fact.code_hash = Some(key.hash(&code));
        let entry = VaultEntry::new(lane.clone(), &VaultBody::Code(code), &*hub.entropy);
        fact.code = Some(entry.reference);
        tx.put_entry(&entry)?;
    }
    ledger.record(id, lane, fact.into(), &Actor::Station(station.clone()), station, None)?;
    Ok(())
}
