//! Which keys the hub signs receipts with. None is believed but for the root key's certificate, so
//! that a hub which is not this phone's own is told nothing.

use super::wire::HubKey;
use super::{Auth, HubReply, Next, Question, question, unpacked};
use crate::courier::Courier;
use crate::error::{ReplyError, Result};
use crate::store::Key;

impl Courier {
    /// Returns a key of the hub's by its name, if the root key certified it.
    pub(super) fn hub_key(&self, name: &str) -> Result<Option<HubKey>> {
        let keys = Key::HubKeys.get::<Vec<HubKey>>(&self.store()?.db)?.unwrap_or_default();
        Ok(keys.into_iter().find(|key| key.key == name))
    }

    /// The hub signs with a new key: its certificate is asked for, and then the same is sent again.
    /// A hub that still has none for it is not believed, and not asked at once again.
    pub(super) fn learn_key(&mut self, name: &str) -> Result<()> {
        let before = self.machine.new_key.replace(name.to_owned());
        self.machine.keys = Some(Question::Open);
        if before.as_deref() == Some(name) { Err(ReplyError::BadReceipt.into()) } else { Ok(()) }
    }

    pub(super) fn ask_keys(&mut self) -> Next {
        let id = self.machine.new_id();
        self.machine.keys = Some(Question::OnItsWay { id });
        question(id, "/v1/keys", Auth::None)
    }

    pub(super) fn apply_keys(&mut self, reply: &HubReply) -> Result<()> {
        self.machine.keys = None;
        let HubReply::Answer { status, body, .. } = reply else { return Ok(()) };
        match status {
            200 => {}
            429 | 500.. => return Ok(()),
            _ => return Err(ReplyError::OtherHub.into()),
        }
        let body = unpacked(body)?;
        let mut keys: Vec<HubKey> =
            serde_json::from_slice(&body).map_err(|_| ReplyError::Malformed)?;
        keys.retain(|key| key.is_certified_by(&self.identity.root_key));
        if keys.is_empty() {
            return Err(ReplyError::OtherHub.into());
        }
        Key::HubKeys.set(&self.store()?.db, &keys)
    }
}
