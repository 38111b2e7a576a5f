//! Coming back from a backup: the database lives on under a new epoch, and every phone is shown,
//! signed, that it is still the same hub.

use lastmile_core::document::{Document, Signed};
use lastmile_core::event::Actor;
use lastmile_core::id::HubEpoch;
use lastmile_core::sync::wire::{LostAct, Succession};

use crate::http::Response;
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Device, Tx};

/// More lost acts in one push are not those of a phone.
const MOST_LOST: usize = 1_000;

impl Hub {
    /// Starts a new epoch: to be called after the database was restored from a backup, so that
    /// every device offers again what the backup may lack.
    pub fn new_epoch(&self) -> Result<HubEpoch> {
        let tx = self.store.begin()?;
        let from = Self::epoch(&*tx)?;
        let to = self.start_epoch(&*tx)?;
        let step = serde_json::to_string(&Succession { from, to })
            .map_err(|_| HubError::Damaged("its epoch"))?;
        let mut steps = Self::successions(&*tx)?;
        steps.push(self.keys.sign_document(Document::Succession, step));
        let steps =
            serde_json::to_string(&steps).map_err(|_| HubError::Damaged("its successions"))?;
        tx.put_meta("successions", &steps)?;
        tx.skip_numbers(crate::codes::JUMP)?;
        tx.commit()?;
        Ok(to)
    }

    /// Returns how the database came to its epoch, the oldest step first.
    pub(crate) fn successions(tx: &dyn Tx) -> Result<Vec<Signed>> {
        match tx.meta("successions")? {
            Some(text) => {
                serde_json::from_str(&text).map_err(|_| HubError::Damaged("its successions"))
            }
            None => Ok(Vec::new()),
        }
    }

    /// `GET /v1/successions`.
    pub(crate) fn tell_successions(&self) -> Result<Response> {
        let tx = self.store.begin()?;
        Ok(Response::json(200, &Self::successions(&*tx)?))
    }
}

/// Keeps what a phone says of acts that this database lacks.
pub(crate) fn note_lost(tx: &dyn Tx, device: &Device, acts: &[LostAct]) -> Result<()> {
    for act in acts.iter().take(MOST_LOST) {
        if !matches!(act.actor, Actor::Courier(_)) && tx.event_by_id(act.id)?.is_none() {
            tx.put_lost(&device.station, act)?;
        }
    }
    Ok(())
}
