//! The two codes of a transfer: the giver's offer and the receiver's answer.
//!
//! What is signed is a text, like everything that is signed here; what is carried is a short form
//! from which the text is made again (`docs/protocol.md`, section 10).

use std::fmt::Write as _;

use super::MOST_OFFERED;
use crate::badge::{Badge, raw_of};
use crate::compact::{MOST_CODE_CHARACTERS, Reader, Writer};
use crate::id::{CourierNo, TransferId};
use crate::parcel::GoodsFlags;
use crate::refusal::{Refusal, Verdict, refuse_if};
use crate::signature::{self, verifies};
use crate::waybill::Waybill;

/// Which of the two codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
// Kotlin and Swift have one space of names for everything.
#[cfg_attr(feature = "uniffi", uniffi(name = "TransferKind"))]
pub enum TokenKind {
    /// The giver's: take these.
    Offer,
    /// The receiver's: I have taken these.
    Answer,
}

impl TokenKind {
    const ALL: [Self; 2] = [Self::Offer, Self::Answer];

    /// The first byte of a code says what it is.
    fn byte(self) -> u8 {
        match self {
            Self::Offer => 2,
            Self::Answer => 3,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
        }
    }
}

/// One parcel of a code, and what a phone must know of it that has never heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedParcel {
    /// The parcel.
    pub waybill: Waybill,
    /// What care it asks for.
    pub goods: GoodsFlags,
}

/// A code, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which of the two.
    pub kind: TokenKind,
    /// The badge of the one who signs: it certifies his phone's key.
    pub badge: Badge,
    /// The transfer.
    pub transfer: TransferId,
    /// The one it is for.
    pub to: CourierNo,
    /// The last moment to accept the offer, UTC milliseconds.
    pub until_ms: i64,
    /// The parcels.
    pub parcels: Vec<OfferedParcel>,
    /// P-256 signature over [`Token::text`] with the phone's key, hexadecimal.
    pub signature: String,
}

impl Token {
    /// The text that the phone signs.
    pub fn text(&self) -> String {
        let Self { kind, badge, transfer, to, until_ms, parcels, .. } = self;
        let (word, profile) = (kind.word(), &badge.profile);
        let (device, courier) = (profile.device, &profile.courier);
        let mut text = format!(
            "lastmile custody {word} v1\n{transfer}\n{device}\n{courier}\n{to}\n{until_ms}\n"
        );
        for OfferedParcel { waybill, goods } in parcels {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{waybill} {}", bits(*goods));
        }
        text
    }

    /// Returns the form that a QR code carries.
    ///
    /// # Errors
    /// `BatchTooLarge` if the parcels do not fit into one.
    pub fn code(&self) -> Result<String, Refusal> {
        refuse_if(self.parcels.len() > MOST_OFFERED, Refusal::BatchTooLarge)?;
        let mut to = Writer::default();
        to.byte(self.kind.byte());
        self.badge.write(&mut to);
        to.bytes(self.transfer.0.as_bytes());
        to.text(self.to.as_str());
        to.time(self.until_ms);
        to.byte(u8::try_from(self.parcels.len()).map_err(|_| Refusal::BatchTooLarge)?);
        let mut before = "";
        for OfferedParcel { waybill, goods } in &self.parcels {
            to.byte(bits(*goods));
            to.waybill(before, waybill.as_str());
            before = waybill.as_str();
        }
        to.bytes(&raw_of(&self.signature));
        let code = to.code();
        refuse_if(code.len() > MOST_CODE_CHARACTERS, Refusal::BatchTooLarge)?;
        Ok(code)
    }

    /// Reads a code. Nothing is checked but its form.
    pub fn read(code: &str) -> Result<Self, Refusal> {
        Reader::new(code)
            .and_then(|mut from| Self::read_from(&mut from))
            .ok_or(Refusal::CodeUnreadable)
    }

    fn read_from(from: &mut Reader) -> Option<Self> {
        let byte = from.byte()?;
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.byte() == byte)?;
        let badge = Badge::read_from(from)?;
        let transfer = TransferId(uuid::Uuid::from_slice(&from.bytes(16)?).ok()?);
        let (to, until_ms) = (from.courier()?, from.time()?);
        let mut parcels: Vec<OfferedParcel> = Vec::new();
        for _ in 0..from.byte()? {
            let goods = flags(from.byte()?)?;
            let before = parcels.last().map_or("", |parcel| parcel.waybill.as_str());
            let waybill = from.waybill(before)?;
            parcels.push(OfferedParcel { waybill, goods });
        }
        let signature = data_encoding::HEXLOWER.encode(&from.bytes(signature::RAW)?);
        let whole = from.is_done() && !parcels.is_empty();
        whole.then_some(Self { kind, badge, transfer, to, until_ms, parcels, signature })
    }

    /// Checks both signatures: the hub's on the badge, under its root key, and the phone's.
    pub fn verify(&self, root_key: &str) -> Verdict {
        self.badge.verify(root_key)?;
        let key = self.badge.profile.public_key.as_deref().ok_or(Refusal::CodeTampered)?;
        let signed = verifies(key, self.text().as_bytes(), &self.signature);
        refuse_if(!signed, Refusal::CodeTampered)
    }
}

/// Six flags in one number: door only 1, fragile 2, valuable 4, fresh 8, storage allowed 16,
/// receipt form 32.
fn bits(goods: GoodsFlags) -> u8 {
    let GoodsFlags { door_only, fragile, valuable, fresh, storage_allowed, receipt_form } = goods;
    [door_only, fragile, valuable, fresh, storage_allowed, receipt_form]
        .into_iter()
        .rev()
        .fold(0, |n, flag| n << 1 | u8::from(flag))
}

fn flags(bits: u8) -> Option<GoodsFlags> {
    let flag = |n: u8| bits & n != 0;
    (bits < 64).then(|| GoodsFlags {
        door_only: flag(1),
        fragile: flag(2),
        valuable: flag(4),
        fresh: flag(8),
        storage_allowed: flag(16),
        receipt_form: flag(32),
    })
}
