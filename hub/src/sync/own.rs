//! The hub's own chains: at each station it is a device like others, and what its clerks do, what
//! is imported and what it adds by itself are events of that device.

use lastmile_core::event;
use lastmile_core::id::{Digest, StationId};
use lastmile_core::sync::wire::{ReceiptBody, Verdict, verdict_list};

use crate::hub::Hub;
use crate::problem::Result;
use crate::store::{Device, Head, Origin, Stretch, Tx};

/// The stretch that one transaction adds to the hub's own chain at a station.
pub(super) struct OwnChain {
    pub(super) device: Device,
    incarnation: u32,
    first_seq: u64,
    prev_link: Digest,
    link: Digest,
    leaves: Vec<Digest>,
}

impl OwnChain {
    /// Takes up the chain where it ends.
    pub(super) fn at(hub: &Hub, tx: &dyn Tx, station: &StationId) -> Result<Self> {
        let device = hub.station(tx, station)?.device;
        // Never a position twice: after each restore from a backup the chains begin anew.
        let incarnation = u32::try_from(1 + Hub::successions(tx)?.len()).unwrap_or(u32::MAX);
        let head = tx.head_before(device.row, incarnation.saturating_add(1))?;
        let link = head.map_or_else(Digest::default, |head| head.link);
        let here = head.filter(|head| head.incarnation == incarnation);
        let first_seq = here.map_or(0, |head| head.received_to) + 1;
        Ok(Self { device, incarnation, first_seq, prev_link: link, link, leaves: Vec::new() })
    }

    /// Adds an event. Returns its position and the link after it.
    pub(super) fn add(&mut self, leaf: Digest) -> (Origin, Digest) {
        let seq = self.first_seq + self.leaves.len() as u64;
        self.leaves.push(leaf);
        self.link = event::link(&self.link, &leaf);
        (Origin { device: self.device.row, incarnation: self.incarnation, seq }, self.link)
    }

    /// Signs the stretch and moves the head.
    pub(super) fn finish(&self, hub: &Hub, tx: &dyn Tx, now_ms: i64) -> Result<()> {
        let length = self.leaves.len();
        if length == 0 {
            return Ok(());
        }
        let accepted = Verdict::Accepted(0);
        let list = verdict_list(self.leaves.iter().map(|leaf| (leaf, &accepted)));
        let count = u32::try_from(length).unwrap_or(u32::MAX);
        let receipt = hub.keys.sign(&ReceiptBody {
            device: self.device.id,
            incarnation: self.incarnation,
            first_seq: self.first_seq,
            count,
            prev_link: self.prev_link,
            head: self.link,
            verdicts: Digest::of(&[list.as_bytes()]),
            chain_gap: false,
            hub_ms: now_ms,
        });
        let received_to = self.first_seq + length as u64 - 1;
        let head = Head { incarnation: self.incarnation, received_to, link: self.link };
        tx.put_head(self.device.row, &head)?;
        let stretch = Stretch {
            first_seq: self.first_seq,
            count,
            letters: "a".repeat(length),
            forked: Vec::new(),
            receipt,
            signed: None,
        };
        tx.put_receipt(self.device.row, self.incarnation, &stretch)
    }
}
