//! The courier's badge (工作证件, M01): the hub's signed word for who he is and which phone is his.
//!
//! It is one statement for two uses. Shown as a QR code it lets anybody who has the hub's root key
//! check a courier without a signal. And it certifies the phone's own key, so that a phone that
//! has never met another one can trust what that one signs (`transfer`). It is good for one
//! session; each sign-in brings a new one.
//!
//! It says that the company vouches for the courier of this number, not that the person who shows
//! it is he: a QR code can be photographed. Whoever must be sure compares the photo on the card.

use crate::compact::{Reader, Writer};
use crate::courier::Courier;
use crate::error::{Error, Result};
use crate::id::{CourierNo, DeviceId, StationId};
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::signature::{self, verifies};
use crate::store::Key;
use crate::sync::wire::{HubKey, key_name};

/// What the hub says of a courier and his phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The phone.
    pub device: DeviceId,
    /// The courier's number.
    pub courier: CourierNo,
    /// His station.
    pub station: StationId,
    /// The phone's public key, P-256 SEC1 uncompressed, hexadecimal; none if it has no signer.
    pub public_key: Option<String>,
    /// The last moment of the session, by the hub's clock, UTC milliseconds.
    pub valid_until_ms: i64,
}

impl Profile {
    /// The text that the hub signs.
    pub fn text(&self) -> String {
        let Self { device, courier, station, public_key, valid_until_ms } = self;
        let key = public_key.as_deref().unwrap_or("-");
        format!("lastmile badge v1\n{device}\n{courier}\n{station}\n{key}\n{valid_until_ms}\n")
    }
}

/// A badge with all that is needed to check it under the hub's root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The hub's key that signed it, certified by the root key.
    pub key: HubKey,
    /// What it says.
    pub profile: Profile,
    /// The hub's P-256 signature over [`Profile::text`], hexadecimal.
    pub signature: String,
}

/// The first byte of a code says what it is.
const BADGE: u8 = 1;

impl Badge {
    /// Returns the form that a QR code carries.
    pub fn code(&self) -> String {
        let mut to = Writer::default();
        to.byte(BADGE);
        self.write(&mut to);
        to.code()
    }

    /// Reads a code. Nothing is checked but its form.
    pub fn read(code: &str) -> Result<Self, Refusal> {
        let badge = Reader::new(code).and_then(|mut from| {
            let is_badge = from.byte()? == BADGE;
            Self::read_from(&mut from).filter(|_| is_badge && from.is_done())
        });
        badge.ok_or(Refusal::CodeUnreadable)
    }

    /// Checks that the hub with this root key signed it.
    pub fn verify(&self, root_key: &str) -> Verdict {
        refuse_if(!self.key.is_certified_by(root_key), Refusal::CodeForeign)?;
        let signed = verifies(&self.key.public, self.profile.text().as_bytes(), &self.signature);
        refuse_if(!signed, Refusal::CodeTampered)
    }

    /// Keys are written compressed and signatures raw; the hub key's name follows from the key.
    pub(crate) fn write(&self, to: &mut Writer) {
        let key = |public: &str| {
            signature::compressed(public).unwrap_or_else(|| vec![0; signature::COMPRESSED])
        };
        to.bytes(&key(&self.key.public));
        to.bytes(&raw_of(&self.key.certificate));
        to.bytes(self.profile.device.0.as_bytes());
        to.text(self.profile.courier.as_str());
        to.text(self.profile.station.as_str());
        match &self.profile.public_key {
            Some(public) => to.bytes(&key(public)),
            None => to.byte(0),
        }
        to.time(self.profile.valid_until_ms);
        to.bytes(&raw_of(&self.signature));
    }

    pub(crate) fn read_from(from: &mut Reader) -> Option<Self> {
        let hex = |bytes: Vec<u8>| data_encoding::HEXLOWER.encode(&bytes);
        let public = signature::uncompressed(&from.bytes(signature::COMPRESSED)?)?;
        let certificate = hex(from.bytes(signature::RAW)?);
        let key = HubKey { key: key_name(&public), public, certificate };
        let device = DeviceId(uuid::Uuid::from_slice(&from.bytes(16)?).ok()?);
        let courier = from.courier()?;
        let station = StationId::new(from.text()?).ok()?;
        let public_key = match from.byte()? {
            0 => None,
            first => {
                let rest = from.bytes(signature::COMPRESSED - 1)?;
                Some(signature::uncompressed(&[vec![first], rest].concat())?)
            }
        };
        let valid_until_ms = from.time()?;
        let signature = hex(from.bytes(signature::RAW)?);
        let profile = Profile { device, courier, station, public_key, valid_until_ms };
        Some(Self { key, profile, signature })
    }
}

/// The raw form of a signature in hexadecimal; one that is none becomes one that never verifies.
pub(crate) fn raw_of(hex: &str) -> Vec<u8> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap_or_default();
    signature::raw(&bytes).unwrap_or_else(|| vec![0; signature::RAW])
}

/// What a badge says of a courier, once it was checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct CourierProfile {
    /// The courier's number.
    pub courier_no: CourierNo,
    /// His station.
    pub station: StationId,
    /// The badge is good until then, by the hub's clock, UTC milliseconds. The caller compares it
    /// with his own clock.
    pub valid_until_ms: i64,
}

/// The badge that an app shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct BadgeCard {
    /// What it says.
    pub profile: CourierProfile,
    /// It is good now, as this phone knows the time.
    pub valid: bool,
    /// The signed form, to be shown as a QR code: at most 900 capital letters and digits.
    pub code: String,
}

/// Checks a courier's badge offline and returns what it says.
///
/// # Errors
/// `CodeUnreadable` if it is no badge, `CodeForeign` if another hub signed it, `CodeTampered` if
/// it was changed.
pub fn verify_badge(code: &str, root_key: &str) -> Result<CourierProfile> {
    let badge = Badge::read(code)?;
    badge.verify(root_key)?;
    let Profile { courier, station, valid_until_ms, .. } = badge.profile;
    Ok(CourierProfile { courier_no: courier, station, valid_until_ms })
}

impl Courier {
    /// Keeps the badge that an enrolment or a session brought.
    ///
    /// # Errors
    /// As [`verify_badge`], under the root key of this phone's hub; `CodeForAnother` if it is
    /// another courier's or another phone's. The badge that was kept before then stays.
    pub fn keep_badge(&mut self, code: &str) -> Result<()> {
        let badge = Badge::read(code)?;
        badge.verify(&self.identity.root_key)?;
        let Profile { device, courier, station, .. } = &badge.profile;
        let mine = (device, courier, station)
            == (&self.identity.device, &self.identity.courier, &self.identity.station);
        refuse_if(!mine, Refusal::CodeForAnother)?;
        Key::Badge.set(&self.store()?.db, &badge.code())
    }

    /// Returns the badge to be shown (M01); `None` before the first one was kept.
    pub fn badge(&self) -> Result<Option<BadgeCard>> {
        let Some(badge) = self.own_badge()? else { return Ok(None) };
        let code = badge.code();
        let Profile { courier, station, valid_until_ms, .. } = badge.profile;
        let valid = valid_until_ms > self.now().ms;
        let profile = CourierProfile { courier_no: courier, station, valid_until_ms };
        Ok(Some(BadgeCard { profile, valid, code }))
    }

    pub(crate) fn own_badge(&self) -> Result<Option<Badge>> {
        let code: Option<String> = Key::Badge.get(&self.store()?.db)?;
        code.map(|code| Badge::read(&code).map_err(|_| Error::Corrupt)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Issuer, courier};

    fn code(error: Result<CourierProfile>) -> &'static str {
        error.unwrap_err().code()
    }

    #[test]
    fn a_badge_is_checked_with_the_root_key_alone() {
        let hub = Issuer::new(1);
        let badge = hub.badge("A", Some(7));
        let shown = verify_badge(&badge.code(), &hub.root()).unwrap();
        assert_eq!(shown.courier_no, courier("A"));
        assert_eq!(shown.valid_until_ms, badge.profile.valid_until_ms);
        assert_eq!(Badge::read(&badge.code()), Ok(badge));
        let without_key = hub.badge("A", None);
        assert_eq!(Badge::read(&without_key.code()), Ok(without_key));
    }

    #[test]
    fn a_badge_of_another_hub_or_a_changed_one_is_refused() {
        let hub = Issuer::new(1);
        let badge = hub.badge("A", Some(7));
        assert_eq!(code(verify_badge(&badge.code(), &Issuer::new(2).root())), "CodeForeign");
        assert_eq!(code(verify_badge("HELLO", &hub.root())), "CodeUnreadable");
        let mut later = badge.clone();
        later.profile.valid_until_ms += 1;
        assert_eq!(code(verify_badge(&later.code(), &hub.root())), "CodeTampered");
        let mut other = badge;
        other.profile.courier = courier("B");
        assert_eq!(code(verify_badge(&other.code(), &hub.root())), "CodeTampered");
    }

    #[test]
    fn a_badge_fits_into_a_qr_code_whatever_the_numbers() {
        let mut badge = Issuer::new(1).badge(&"9".repeat(40), Some(7));
        badge.profile.station = StationId::new("S".repeat(40)).unwrap();
        assert!(badge.code().len() <= crate::compact::MOST_CODE_CHARACTERS);
    }
}
