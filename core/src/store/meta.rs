//! Single values, each sealed: some are secret, and none need be told apart. None of them says what
//! to do next: that is derived from the tables.

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Result;

/// The values kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Whose store this is.
    Identity,
    /// The chain's end at the last answer of the hub.
    SettledHead,
    /// How far the courier's feed was read: a [`FeedRead`](crate::sync::FeedRead).
    Feed,
    /// The lanes to be fetched again, for the hub holds them otherwise.
    Again,
    /// How many lanes were.
    Mended,
    /// The last contact with the hub.
    Contact,
    /// The sites and stations.
    Directory,
    /// Every policy pack adopted, each with the time since when it was here.
    Policy,
    /// The pickup codes lent to this device, less what was spent.
    Codes,
    /// What the hub allows.
    Limits,
    /// The courier is signed in: pulling is wanted.
    SignedIn,
    /// The courier's badge.
    Badge,
    /// The life of the hub's database, if it is another than at enrolment.
    Epoch,
    /// The hub's keys that the pinned root key certified.
    HubKeys,
    /// The end of what a backup of the hub holds of this device's chain.
    Durable,
    /// The version of the fold that every lane and list was made by.
    Folded,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::SettledHead => "settled_head",
            Self::Feed => "feed",
            Self::Again => "again",
            Self::Mended => "mended",
            Self::Contact => "contact",
            Self::Directory => "directory",
            Self::Policy => "policy",
            Self::Codes => "codes",
            Self::Limits => "limits",
            Self::SignedIn => "signed_in",
            Self::Badge => "badge",
            Self::Epoch => "epoch",
            Self::HubKeys => "hub_keys",
            Self::Durable => "durable",
            Self::Folded => "folded",
        }
    }

    /// Reads a value; `None` if it was never set.
    pub(crate) fn get<T: DeserializeOwned>(self, db: &Connection) -> Result<Option<T>> {
        let text: Option<String> = db
            .prepare_cached("SELECT unseal(key, value) FROM meta WHERE key = ?1")?
            .query_row([self.name()], |row| row.get(0))
            .optional()?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| crate::Error::Corrupt)).transpose()
    }

    /// Writes a value.
    pub(crate) fn set<T: Serialize>(self, db: &Connection, value: &T) -> Result<()> {
        // Serialising plain structs into memory cannot fail.
        let text = serde_json::to_string(value).unwrap_or_default();
        db.prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, seal(?1, ?2))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([self.name(), &text])?;
        Ok(())
    }
}
