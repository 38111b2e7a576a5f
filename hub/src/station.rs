//! What a station does by itself: facts recorded under the hub's own device.

use lastmile_core::decide::Draft;
use lastmile_core::event::{Actor, Group};
use lastmile_core::id::{EventId, StationId};
use lastmile_core::privacy::VaultEntry;
use serde::Serialize;

use crate::hub::Hub;
use crate::problem::Result;
use crate::store::Tx;
use crate::sync::Ledger;

/// A fact that was recorded, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedFact {
    /// Its id.
    pub event: EventId,
    /// Its lane.
    pub lane: lastmile_core::event::Lane,
    /// Its position there.
    pub lane_seq: u64,
}

impl Hub {
    /// Records facts as `actor` of a station, without asking a rule: imports, and tests.
    ///
    /// All groups are written in one transaction, with the vault entries they point at.
    pub fn record_facts(
        &self,
        station: &StationId,
        actor: &Actor,
        groups: Vec<Vec<Draft>>,
        vault: &[VaultEntry],
    ) -> Result<Vec<RecordedFact>> {
        let tx = self.store.begin()?;
        let mut ledger = Ledger::new(self, &*tx)?;
        let recorded = record_groups(&mut ledger, station, actor, groups, vault)?;
        ledger.settle()?;
        tx.commit()?;
        Ok(recorded)
    }

    /// Makes a station known, so that codes and clerks can be made for it.
    pub fn add_station(&self, id: &StationId) -> Result<()> {
        let tx: Box<dyn Tx> = self.store.begin()?;
        self.station(&*tx, id)?;
        tx.commit()
    }
}

/// Records groups of facts as the hub's own device.
pub(crate) fn record_groups(
    ledger: &mut Ledger,
    station: &StationId,
    actor: &Actor,
    groups: Vec<Vec<Draft>>,
    vault: &[VaultEntry],
) -> Result<Vec<RecordedFact>> {
    for entry in vault {
        ledger.tx.put_entry(entry)?;
    }
    let mut recorded = Vec::new();
    for drafts in groups {
        let new_id = || EventId::new(ledger.now.ms, &*ledger.hub.entropy);
        let ids: Vec<EventId> = drafts.iter().map(|_| new_id()).collect();
        let size = u16::try_from(ids.len()).unwrap_or(u16::MAX);
        let group = (size > 1).then(|| Group { first: ids[0], size });
        for (event, draft) in ids.into_iter().zip(drafts) {
            let lane_seq = ledger.record(event, &draft.lane, draft.fact, actor, station, group)?;
            recorded.push(RecordedFact { event, lane: draft.lane, lane_seq });
        }
    }
    Ok(recorded)
}
