//! The hub answers under another epoch: either it is another hub, or it was restored from a backup
//! and can show so, signed by a key that the pinned root certified. Then everything of this phone's
//! own is offered again, and everything else is read again.

use rusqlite::TransactionBehavior;

use super::wire::Succession;
use super::{Auth, HubReply, Next, Question, question, unpacked};
use crate::courier::Courier;
use crate::document::{Document, Signed};
use crate::error::{ReplyError, Result};
use crate::id::HubEpoch;
use crate::store::{Key, refold, rewind};

impl Courier {
    pub(super) fn ask_successions(&mut self) -> Next {
        let id = self.machine.new_id();
        self.machine.succession = Some(Question::OnItsWay { id });
        question(id, "/v1/successions", Auth::Device)
    }

    pub(super) fn apply_successions(&mut self, reply: &HubReply) -> Result<()> {
        self.machine.succession = None;
        let HubReply::Answer { status, body, .. } = reply else { return Ok(()) };
        match status {
            200 => {}
            401 | 403 => return Err(ReplyError::Unauthorised.into()),
            429 | 500.. => return Ok(()),
            _ => return Err(ReplyError::OtherHub.into()),
        }
        let body = unpacked(body)?;
        let successions: Vec<Signed> =
            serde_json::from_slice(&body).map_err(|_| ReplyError::Malformed)?;
        match self.successor(&successions) {
            Some(epoch) => self.follow(epoch),
            None => Err(ReplyError::OtherHub.into()),
        }
    }

    /// Returns the epoch that a list of signed steps leads to from the one known here.
    fn successor(&self, successions: &[Signed]) -> Option<HubEpoch> {
        let root = &self.identity().root_key;
        let mut epoch = None;
        for signed in successions {
            let body = signed.verified(Document::Succession, root).ok()?;
            let step: Succession = serde_json::from_str(body).ok()?;
            if step.from == epoch.unwrap_or(self.epoch()) {
                epoch = Some(step.to);
            }
        }
        epoch
    }

    /// Goes on under the new epoch. Whatever is on its way was meant for the old one.
    fn follow(&mut self, epoch: HubEpoch) -> Result<()> {
        let (head, device, onlooker) = (self.head, self.identity().device, self.onlooker());
        let store = self.store_mut()?;
        let tx = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Key::Epoch.set(&tx, &epoch)?;
        let (head, lanes) = rewind::begin(&tx, &store.media, device, head)?;
        for lane in lanes {
            refold(&tx, lane, &onlooker)?;
        }
        tx.commit()?;
        store.journal.rewrite(&store.db);
        (self.head, self.epoch) = (head, epoch);
        self.machine.forget_in_flight();
        self.machine.pull_asked = true;
        Ok(())
    }
}
