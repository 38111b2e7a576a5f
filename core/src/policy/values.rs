//! The values of a policy: one line each, with type, default, stricter side and source.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::delivery::ProofKind::{self, IdCheck, Photo, Pin, Signature};
use crate::notice::word_lists;

/// Which side of a value is the stricter one. A layer may move a floor to that side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Stricter {
    /// A smaller number; a number where there was none.
    Smaller,
    /// A larger number; a number where there was none.
    Larger,
    /// `true`.
    Yes,
    /// A set with more in it.
    More,
    /// Fewer ways to satisfy it: each way asks for all that some way asked for before.
    FewerWays,
    /// Neither: the value is a choice and cannot be a floor.
    Neither,
}

impl Stricter {
    /// Tells whether going from `old` to `new` loosens the value. A choice never does.
    pub(super) fn loosens(self, old: &Value, new: &Value) -> bool {
        match self {
            Self::Smaller => match (old.as_u64(), new.as_u64()) {
                (Some(old), Some(new)) => new > old,
                (Some(_), None) => true,
                (None, _) => false,
            },
            Self::Larger => new.as_u64().unwrap_or(0) < old.as_u64().unwrap_or(0),
            Self::Yes => old == &Value::Bool(true) && new != &Value::Bool(true),
            Self::More => {
                let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
                let new = list(new);
                list(old).iter().any(|item| !new.contains(item))
            }
            Self::FewerWays => {
                let old = ways(old);
                !ways(new).iter().all(|way| old.iter().any(|asked| way.is_superset(asked)))
            }
            Self::Neither => false,
        }
    }

    /// Returns what is as strict as both: of two sets all, of two choices of ways each pair of them,
    /// else the stricter value.
    pub(super) fn both(self, one: &Value, other: &Value) -> Value {
        match (self, one, other) {
            (Self::More, Value::Array(one), Value::Array(other)) => {
                let mut all = one.clone();
                all.extend(other.iter().filter(|item| !one.contains(item)).cloned());
                Value::Array(all)
            }
            (Self::FewerWays, one, other)
                if self.loosens(one, other) && self.loosens(other, one) =>
            {
                let (one, other) = (ways(one), ways(other));
                let pairs = one.iter().flat_map(|a| other.iter().map(move |b| a | b));
                serde_json::to_value(Proofs::fewest(pairs)).unwrap_or_default()
            }
            _ if self.loosens(one, other) => one.clone(),
            _ => other.clone(),
        }
    }
}

/// A set of words or names.
pub type Words = BTreeSet<String>;

/// Ways to prove a hand-over: any one is enough, and of it every kind is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proofs(BTreeSet<BTreeSet<ProofKind>>);

impl Proofs {
    fn of<const N: usize>(ways: [&[ProofKind]; N]) -> Self {
        Self(ways.into_iter().map(|way| way.iter().copied().collect()).collect())
    }

    /// Leaves out each way that asks for all of another one and more.
    fn fewest(ways: impl Iterator<Item = BTreeSet<ProofKind>>) -> Self {
        let ways: BTreeSet<_> = ways.collect();
        let needless = |way: &BTreeSet<ProofKind>| {
            ways.iter().any(|other| other != way && way.is_superset(other))
        };
        Self(ways.iter().filter(|way| !needless(way)).cloned().collect())
    }

    /// Tells whether the kinds that `counts` says yes to are enough.
    pub fn satisfied_by(&self, counts: impl Fn(ProofKind) -> bool) -> bool {
        self.0.iter().any(|way| way.iter().all(|kind| counts(*kind)))
    }
}

impl<'de> Deserialize<'de> for Proofs {
    /// No way at all, or one that asks for nothing, is no choice of proof.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ways = BTreeSet::<BTreeSet<ProofKind>>::deserialize(deserializer)?;
        if ways.is_empty() || ways.iter().any(BTreeSet::is_empty) {
            return Err(serde::de::Error::custom("a way without proof"));
        }
        Ok(Self(ways))
    }
}

fn ways(value: &Value) -> BTreeSet<BTreeSet<ProofKind>> {
    Proofs::deserialize(value).map(|proofs| proofs.0).unwrap_or_default()
}

/// A type that a value can have.
trait ValueType: Serialize + serde::de::DeserializeOwned {
    /// What a pack must write for it.
    const EXPECTED: &str;
}

impl ValueType for u32 {
    const EXPECTED: &str = "a whole number";
}

impl ValueType for Option<u32> {
    const EXPECTED: &str = "a whole number or null";
}

impl ValueType for bool {
    const EXPECTED: &str = "true or false";
}

impl ValueType for Vec<u32> {
    const EXPECTED: &str = "a list of whole numbers";
}

impl ValueType for Words {
    const EXPECTED: &str = "a list of texts";
}

impl ValueType for Proofs {
    const EXPECTED: &str = "a list of ways, each a list of signature, photo, pin, id_check";
}

/// What the library knows of one value.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) stricter: Stricter,
    /// The source of the default.
    pub(super) source: &'static str,
    /// The default is a floor, without a law that makes it one.
    pub(super) floor: bool,
    pub(super) expected: &'static str,
    pub(super) read: fn(&Policy) -> Value,
    /// Writes a value in its canonical form; tells whether its type fits.
    pub(super) write: fn(&mut Policy, &Value) -> bool,
}

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $stricter:ident, $source:literal $($floor:ident)?;)*) => {
        /// The values in force, as rules read them.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Policy {
            /// Named by every event.
            pub version: u32,
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Policy {
            fn default() -> Self {
                Self { version: 1, $($name: $default,)* }
            }
        }

        /// Every value, in the order of the table.
        pub(super) const TABLE: &[Row] = &[$(Row {
            name: stringify!($name),
            stricter: Stricter::$stricter,
            source: $source,
            floor: values!(@ $($floor)?),
            expected: <$type as ValueType>::EXPECTED,
            read: |policy| serde_json::to_value(&policy.$name).unwrap_or_default(),
            write: |policy, value| {
                <$type>::deserialize(value).map(|value| policy.$name = value).is_ok()
            },
        }),*];
    };
    (@ floor) => { true };
    (@) => { false };
}

values! {
    /// Same-city delivery, hours from collection (M25).
    same_city_hours: u32 = 24, Smaller, "S0 (M25)";
    /// The least time before a promise passes at which a delay is to be told, minutes (M27).
    delay_lead_min: u32 = 120, Larger, "ours (M27)";
    /// Time to answer a redirection, minutes (M34).
    redirect_answer_min: u32 = 60, Smaller, "S0 (M34)";
    /// Time to report a refusal or an exception to the station, minutes (M35, M42).
    report_min: u32 = 15, Smaller, "ours, for \"at once\" in S0, S3, S4 (M35, M42)";
    /// On how many different channels the recipient or the sender is tried before an address is
    /// given up as bad (M45).
    contact_channels_bad_address: u32 = 2, Larger, "S3: several ways (M45)";
    /// Time to tell somebody concerned of an exception after a clerk owns it, minutes; none until
    /// the company says (M47).
    exception_feedback_min: Option<u32> = None, Smaller, "S4 says only \"in time\" (M47): empty";
    /// Time to speak to the recipient after a misdelivery is known, minutes (M51).
    misdelivery_contact_min: u32 = 15, Smaller, "S0, the case (M51)";
    /// A hand-over further than this from the address is flagged, metres. Never a gate.
    geofence_m: u32 = 200, Smaller, "ours: 23 of 106 sampled hand-overs lie beyond it";
    /// Proof of a hand-over into the recipient's own hands (C4.6).
    proof_face_to_face: Proofs = Proofs::of([&[Signature], &[Pin], &[Photo], &[IdCheck]]), FewerWays, "ours (C4.6)" floor;
    /// Proof of one of a valuable parcel.
    proof_face_to_face_valuable: Proofs = Proofs::of([&[Signature, IdCheck], &[Signature, Photo], &[Pin, Photo]]), FewerWays, "ours (C4.6): valuables need two" floor;
    /// Proof of a hand-over to an agent.
    proof_agent: Proofs = Proofs::of([&[Signature], &[Photo]]), FewerWays, "ours (C4.6)" floor;
    /// Proof of one of a valuable parcel.
    proof_agent_valuable: Proofs = Proofs::of([&[Signature, IdCheck], &[Signature, Photo]]), FewerWays, "ours (C4.6): valuables need two" floor;
    /// Proof of a parcel left at a place. A PIN or an ID check never goes with it: nobody was there
    /// to give one (C4.7).
    proof_named_place: Proofs = Proofs::of([&[Photo]]), FewerWays, "ours (C4.6, C4.7)" floor;
    /// Free attempts before the station decides; none is set until a person has checked
    /// GB/T 27917.
    attempt_limit: Option<u32> = None, Neither, "GB/T 27917, not checked: empty on purpose";
    /// An absent recipient is offered a second delivery before storage (M29).
    appointment_first: bool = true, Yes, "S0 (M29)";
    /// A parcel never lies in an unattended public place (M28).
    unattended_public_forbidden: bool = true, Yes, "S0 (M28)";
    /// A return needs the station's authorisation (M35).
    return_needs_authorisation: bool = true, Yes, "S0 (M35)";
    /// Time to hand in a signed return form, hours; none in the sources (M37).
    receipt_form_return_h: Option<u32> = None, Smaller, "S3 says only \"in time\" (M37): empty";
    /// The least time between two messages before a recipient counts as unreachable, hours.
    unreachable_gap_h: u32 = 8, Larger, "浙江省快递业促进条例 33(2) (R24)";
    /// The silence after the second message before he does, hours.
    unreachable_silence_h: u32 = 24, Larger, "浙江省快递业促进条例 33(2) (R24)";
    /// Nothing is stored without consent (M31).
    storage_needs_consent: bool = true, Yes, "S0 (M31)";
    /// Time to tell the recipient where a stored parcel is, minutes (M32).
    storage_notice_min: u32 = 10, Smaller, "ours (M32)";
    /// On which days after the notice's own the recipient is reminded of a stored parcel (M33).
    storage_reminder_days: Vec<u32> = vec![3, 7, 11, 15], Neither, "peer ladder (C5); S0 says only \"time limit\"";
    /// Time to arrange the delivery of a stored parcel whose recipient wants it at his door,
    /// minutes (C2, C6.7).
    storage_redelivery_min: u32 = 60, Smaller, "S0, as for a redirection (M34, C6.7)";
    /// How many pickup codes of a site a phone is lent at once (C6.12).
    code_lease: u32 = 50, Neither, "ours (C6.12)";
    /// What a storage notice must say, by slot (M32, M33, T01).
    notice_required_fields: Words = words(&["station", "pickup_code", "pickup_method", "opening_hours", "collect_before", "door_delivery", "courier_no"]), More, "S0 (M32, M33, T01)";
    /// Time to the first real contact after a complaint, minutes (M54).
    first_contact_min: u32 = 60, Smaller, "S0, S1 (M54)";
    /// Time to close a complaint, hours from receipt (M56).
    closure_h: u32 = 24, Smaller, "S1 (M56)";
    /// Time to tell a complaining customer the result, days.
    legal_reply_days: u32 = 7, Smaller, "快递暂行条例 (R10)";
    /// Time to answer a consultation, minutes (M77).
    consult_reply_min: u32 = 5, Smaller, "S1 (M77)";
    /// Time to the first answer online, seconds (M78).
    online_reply_s: u32 = 15, Smaller, "S1 (M78)";
    /// Rings before a call is answered (M78).
    phone_rings: u32 = 3, Smaller, "S1 (M78)";
    /// What a complaint must tell before it is saved at all (M65).
    minimum_to_save: Words = words(&["name", "waybill", "demand", "phone"]), More, "S1 (M65)";
    /// Characters hidden of each name (M02).
    mask_name_chars: u32 = 1, Larger, "GB/T 41833-2022 (R20)";
    /// Digits hidden of each phone number (M02).
    mask_phone_digits: u32 = 6, Larger, "GB/T 41833-2022 (R21)";
    /// Unit and room of an address are hidden (M02).
    mask_rooms: bool = true, Yes, "GB/T 41833-2022 (R22)";
    /// Evasive phrases to warn about (M03).
    forbidden_words: Words = listed("evasive"), More, "S0 (M03)";
    /// Vague words to warn about (M03).
    vague_words: Words = listed("vague"), More, "S1 (M03)";
    /// Days that a phone keeps a closed lane.
    retention_days: u32 = 30, Smaller, "ours, for 个人信息保护法 19 (R28): the shortest time needed";
    /// Within so many minutes a courier who asks again for the same person for the same reason is
    /// shown him without a second record (M02).
    reveal_again_min: u32 = 10, Smaller, "ours, for M02: who calls thrice was shown the number once";
    /// Days that a person is kept for claims after the last case about the parcel was closed
    /// (C6.20).
    erasure_hold_days: u32 = 0, Neither, "C6.20; the sources name none";
    /// Days after a case closes until its persons are erased; none until the company says.
    pii_erase_days: Option<u32> = None, Smaller, "个人信息保护法 19, 47 (R28, R30) name no number: empty";
    /// Days after a parcel's way has ended until the hub erases its persons and the pictures of it
    /// (M02); none until the company says.
    parcel_erase_days: Option<u32> = None, Smaller, "个人信息保护法 19, 47 (R28, R30) name no number: empty";
}

fn words(list: &[&str]) -> Words {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// The words of a list that comes with the library.
fn listed(name: &str) -> Words {
    let list = word_lists().iter().find(|list| list.name == name);
    list.map(|list| list.words.iter().cloned().collect()).unwrap_or_default()
}

/// Returns what the library knows of a value; `None` if there is none of that name.
pub(super) fn row(name: &str) -> Option<(usize, &'static Row)> {
    TABLE.iter().enumerate().find(|(_, row)| row.name == name)
}
