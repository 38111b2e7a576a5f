//! Where a push meets what the hub holds of its device's chain: which lines are here already,
//! which are new, and from which on the device has forked.

use std::collections::HashMap;

use lastmile_core::bug::{Bug, planted};
use lastmile_core::event::{self, Event, Group, LineError};
use lastmile_core::id::{Digest, EventId};
use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{ParkReason, Push, head_text};

use super::ledger::Ledger;
use crate::problem::{HubError, Result};
use crate::store::{Device, Head, Held, Origin};

/// One pushed line, hashed and read once.
pub(crate) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) leaf: Digest,
    pub(super) event: std::result::Result<Event, LineError>,
}

impl<'a> Line<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        Self { bytes, leaf: event::leaf(bytes), event: Event::parse(bytes) }
    }
}

/// What becomes of a line.
pub(super) enum Fate {
    /// Its position is held already, by the same bytes.
    Here(Held),
    /// Its event is held already, at another position.
    Known(Held),
    /// It comes a second time in this push; the first is at this index.
    Again(usize),
    /// It is new: accepted, or parked.
    New(std::result::Result<(), ParkReason>),
    /// Its position or its id is taken by other bytes, or it comes after one that is.
    Forked,
}

/// Where a push meets what the hub holds of its device's chain.
pub(super) struct Chain {
    pub(super) incarnation: u32,
    pub(super) first_seq: u64,
    pub(super) prev_link: Digest,
    pub(super) held: Head,
    /// A later incarnation has pushed: whoever still uses this one is a second device.
    pub(super) outdated: bool,
    /// The push does not continue what is held.
    pub(super) gap: bool,
    /// It is signed, or its device has no key.
    pub(super) signed: bool,
    /// The signature, if there is a key that it was checked with.
    pub(super) signature: Option<String>,
    /// The link after each line.
    pub(super) links: Vec<Digest>,
    /// What stands at the pushed positions.
    pub(super) taken: HashMap<u64, Held>,
}

impl Chain {
    pub(super) fn meet(
        ledger: &Ledger,
        device: &Device,
        push: &Push,
        lines: &[Line],
    ) -> Result<Self> {
        let tx = ledger.tx;
        let header = &push.header;
        let (incarnation, first_seq) = (header.incarnation, header.first_seq);
        if incarnation == 0 || first_seq == 0 {
            return Err(HubError::malformed("a push; positions and incarnations start at 1"));
        }
        let end = first_seq + lines.len() as u64;
        let held = tx.head(device.row, incarnation)?;
        let older = tx.head_before(device.row, incarnation)?;
        let latest = tx.head_before(device.row, u32::MAX)?;
        let nothing = Head { incarnation, received_to: 0, link: Digest::default() };
        let before = older.map_or_else(Digest::default, |head| head.link);
        let head = held.unwrap_or(nothing);

        let mut taken = HashMap::new();
        let mut expected = match first_seq - 1 {
            0 => Some(before),
            last if last == head.received_to => Some(head.link),
            _ => None,
        };
        if first_seq <= head.received_to {
            let positions = tx.positions(device.row, incarnation, first_seq.max(2) - 1, end)?;
            for (seq, link, event) in positions {
                if seq + 1 == first_seq {
                    expected = Some(link);
                } else if seq >= first_seq {
                    taken.insert(seq, event);
                }
            }
        }

        let mut link = header.prev_link;
        let links: Vec<Digest> = lines
            .iter()
            .map(|line| {
                link = event::link(&link, &line.leaf);
                link
            })
            .collect();
        let signed = device.public_key.as_deref().is_none_or(|key| {
            let text = head_text(device.id, incarnation, end - 1, &link);
            let signature = header.signature.as_deref();
            signature.is_some_and(|signature| verifies(key, text.as_bytes(), signature))
        });
        Ok(Self {
            incarnation,
            first_seq,
            prev_link: header.prev_link,
            held: head,
            outdated: latest.is_some_and(|latest| latest.incarnation > incarnation),
            gap: expected != Some(header.prev_link),
            signed,
            signature: header.signature.clone().filter(|_| signed && device.public_key.is_some()),
            links,
            taken,
        })
    }

    pub(super) fn origin(&self, device: &Device, index: usize) -> Origin {
        let seq = self.first_seq + index as u64;
        Origin { device: device.row, incarnation: self.incarnation, seq }
    }

    /// Says which lines are held already, and from which on the device has forked.
    pub(super) fn fates(
        &self,
        ledger: &Ledger,
        device: &Device,
        lines: &[Line],
    ) -> Result<Vec<Fate>> {
        let tx = ledger.tx;
        let mut fates = Vec::with_capacity(lines.len());
        let mut ids: HashMap<EventId, usize> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            let seq = self.first_seq + index as u64;
            let fate = if let Some(held) = self.taken.get(&seq) {
                if held.leaf == line.leaf { Fate::Here(held.clone()) } else { Fate::Forked }
            } else if self.outdated {
                Fate::Forked
            } else if let Some(id) = own_id(line, device) {
                let known = if planted(Bug::IdsForgotten) { None } else { tx.event_by_id(id)? };
                match (ids.get(&id), known) {
                    (_, Some(held)) if held.leaf == line.leaf => Fate::Known(held),
                    (Some(first), None) if lines[*first].leaf == line.leaf => Fate::Again(*first),
                    (None, None) => {
                        ids.insert(id, index);
                        Fate::New(Ok(()))
                    }
                    _ => Fate::Forked,
                }
            } else if let Some(held) = tx.opaque(device.row, &line.leaf)? {
                Fate::Known(held)
            } else {
                Fate::New(Ok(()))
            };
            if matches!(fate, Fate::Forked) {
                break;
            }
            fates.push(fate);
        }
        if fates.len() < lines.len() {
            drop_cut_group(lines, &mut fates);
        }
        fates.resize_with(lines.len(), || Fate::Forked);
        Ok(fates)
    }

    /// Moves the head to the last line that is held now. Returns the highest position held.
    pub(super) fn advance(&self, ledger: &Ledger, device: &Device, fates: &[Fate]) -> Result<u64> {
        let held = fates.iter().take_while(|fate| !matches!(fate, Fate::Forked)).count();
        let last = self.first_seq + held as u64 - 1;
        if held == 0 || last <= self.held.received_to {
            return Ok(self.held.received_to);
        }
        let link = self.links[held - 1];
        let head = Head { incarnation: self.incarnation, received_to: last, link };
        ledger.tx.put_head(device.row, &head)?;
        Ok(last)
    }
}

/// Takes the beginning of a group that a fork cuts off out of what is held: the device offers all
/// of it again, and then it must find none of it here.
fn drop_cut_group(lines: &[Line], fates: &mut Vec<Fate>) {
    let Some(Fate::New(_)) = fates.last() else { return };
    let Some(group) = group_of(&lines[fates.len() - 1]) else { return };
    let same = |(line, fate): &(&Line, &Fate)| {
        matches!(fate, Fate::New(_)) && group_of(line) == Some(group)
    };
    let members = lines.iter().zip(fates.iter()).take(fates.len()).rev().take_while(same).count();
    if members < usize::from(group.size) {
        fates.truncate(fates.len() - members);
    }
}

/// The group a line belongs to.
pub(super) fn group_of(line: &Line) -> Option<Group> {
    line.event.as_ref().ok().and_then(|event| event.envelope.group)
}

/// The id under which a line is known: that of an event which this device says it recorded.
/// Anything else it sends is held without id, and cannot take the id of another's event.
pub(super) fn own_id(line: &Line, device: &Device) -> Option<EventId> {
    let event = line.event.as_ref().ok()?;
    (event.envelope.device == device.id).then_some(event.envelope.id)
}
