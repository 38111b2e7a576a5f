//! The hub's policy pack: checked when it is loaded, kept as its exact bytes, signed as it is sent.

use lastmile_core::directory::Directory;
use lastmile_core::document::{Document, Signed, Unfit};
use lastmile_core::id::StationId;
use lastmile_core::policy::{Pack, Policy};

use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::Tx;

/// What a hub says until a company gives it a pack: the library's own values.
const BUILT_IN: &str = r#"{"format":"lastmile policy v1","version":1,"layers":[]}"#;

impl Hub {
    /// Adopts a policy pack and returns its version. Phones get it with their next sync. The same
    /// bytes again change nothing, so that a hub may be started with the same file every day.
    ///
    /// # Errors
    /// `DocumentFaulty` with every fault, `DocumentNotNewer`; the pack in force stays.
    pub fn adopt_policy(&self, text: &str) -> Result<u32> {
        let tx = self.store.begin()?;
        let version = Self::adopt(&*tx, text)?;
        tx.commit()?;
        Ok(version)
    }

    pub(crate) fn adopt(tx: &dyn Tx, text: &str) -> Result<u32> {
        let (pack, in_force) = (Pack::read(text)?, Self::policy_version(tx)?);
        if Self::policy_text(tx)? == text {
            return Ok(in_force);
        }
        if pack.version <= in_force {
            return Err(Unfit::NotNewer { offered: pack.version, in_force }.into());
        }
        // How long persons are kept is the policy's to say.
        let before = Pack::reread(&Self::policy_text(tx)?);
        for (value, lanes) in [("pii_erase_days", "complaint:"), ("parcel_erase_days", "parcel:")] {
            let set = before.iter().flat_map(|before| before.settings(value));
            if !set.eq(pack.settings(value)) {
                tx.look_again(lanes)?;
            }
        }
        tx.put_meta("policy", text)?;
        tx.put_meta("policy_version", &pack.version.to_string())?;
        tracing::info!(version = pack.version, "a policy pack was adopted");
        Ok(pack.version)
    }

    /// Returns the exact bytes of the pack in force.
    pub(crate) fn policy_text(tx: &dyn Tx) -> Result<String> {
        Ok(tx.meta("policy")?.unwrap_or_else(|| BUILT_IN.to_owned()))
    }

    /// Returns the version in force.
    pub(crate) fn policy_version(tx: &dyn Tx) -> Result<u32> {
        match tx.meta("policy_version")? {
            Some(text) => text.parse().map_err(|_| HubError::Damaged("its policy")),
            None => Ok(1),
        }
    }

    /// Returns the values that rules read at a station now.
    pub(crate) fn policy(&self, tx: &dyn Tx, station: &StationId) -> Result<Policy> {
        let pack = Pack::reread(&Self::policy_text(tx)?).ok_or(HubError::Damaged("its policy"))?;
        Ok(pack.resolve(station, self.now_ms()).policy)
    }

    /// Returns the pack for a phone that has version `known`, if there is a newer one.
    pub(crate) fn signed_policy(&self, tx: &dyn Tx, known: u32) -> Result<Option<Signed>> {
        if Self::policy_version(tx)? <= known {
            return Ok(None);
        }
        Ok(Some(self.keys.sign_document(Document::Policy, Self::policy_text(tx)?)))
    }

    /// Returns a directory as it travels.
    pub(crate) fn signed_directory(&self, directory: &Directory) -> Signed {
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_string(directory).unwrap_or_default();
        self.keys.sign_document(Document::Directory, body)
    }
}
