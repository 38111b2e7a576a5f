//! The vault: the only place where names, phones, addresses and free text are kept.
//!
//! An event holds a [`VaultRef`], the salted digest of a vault entry. The entry itself travels
//! beside events and can be erased; the digest that stays behind tells nothing without its salt.

use serde::{Deserialize, Serialize};

use crate::event::Lane;
use crate::id::Digest;
use crate::privacy::Mask;
use crate::time::Entropy;

/// Points at a vault entry: SHA-256 of its 16 salt bytes followed by its body bytes.
///
/// An entry never changes; a corrected address is a new entry, named by a new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VaultRef(pub Digest);

impl std::fmt::Display for VaultRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(VaultRef, String, {
    try_lift: |text| Ok(VaultRef(text.parse::<Digest>().map_err(crate::LastmileError::from)?)),
    lower: |reference| reference.to_string(),
});

/// A person of a waybill or a complaint, in the clear. Never printed: `Debug` shows nothing.
#[derive(Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Person {
    /// Full name.
    pub name: String,
    /// Phone number as dialled.
    pub phone: String,
    /// Full address, down to the room; empty if none is known.
    #[serde(default)]
    pub address: String,
    /// Where the address lies, if known: longitude, WGS-84 degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lng: Option<f64>,
    /// Where the address lies, if known: latitude, WGS-84 degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
}

impl Person {
    /// Hides what the policy, and GB/T 41833 at least, wants hidden (M02), and the place altogether.
    #[must_use]
    pub fn masked(&self, mask: &Mask) -> Self {
        Self {
            name: mask.name(&self.name),
            phone: mask.phone(&self.phone),
            address: mask.address(&self.address),
            lng: None,
            lat: None,
        }
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

/// What a vault entry holds.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VaultBody {
    /// A person.
    Person(Person),
    /// Free text: a note, a demand, a reason.
    Text(String),
    /// A precise place: longitude and latitude, WGS-84 degrees.
    Place(f64, f64),
    /// A pickup code (取件码).
    Code(String),
}

impl std::fmt::Debug for VaultBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultBody(…)")
    }
}

/// One entry, as it is stored and as it travels: one line of JSON beside the events.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct VaultEntry {
    /// The digest of `salt` and `body`.
    #[serde(rename = "ref")]
    pub reference: VaultRef,
    /// The lane it belongs to; whoever loses sight of the lane loses the entry.
    pub lane: Lane,
    /// 16 bytes, as 32 hexadecimal digits.
    pub salt: String,
    /// The exact bytes that were hashed: JSON of a [`VaultBody`].
    pub body: String,
}

impl std::fmt::Debug for VaultEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VaultEntry({})", self.reference)
    }
}

impl VaultEntry {
    /// Seals `body` under a fresh salt.
    pub fn new(lane: Lane, body: &VaultBody, entropy: &dyn Entropy) -> Self {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_string(body).unwrap_or_default();
        let reference = VaultRef(Digest::of(&[&salt, body.as_bytes()]));
        Self { reference, lane, salt: data_encoding::HEXLOWER.encode(&salt), body }
    }

    /// Tells whether the digest is that of salt and body.
    pub fn is_genuine(&self) -> bool {
        data_encoding::HEXLOWER.decode(self.salt.as_bytes()).is_ok_and(|salt| {
            salt.len() == 16 && self.reference.0 == Digest::of(&[&salt, self.body.as_bytes()])
        })
    }

    /// Reads the body; `None` if a newer version wrote a kind this one does not know.
    pub fn read(&self) -> Option<VaultBody> {
        serde_json::from_str(&self.body).ok()
    }
}
