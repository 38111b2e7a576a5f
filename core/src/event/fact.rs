//! The list of all facts. Each payload stands in its subject's folder.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::complaint::{ComplaintClosed, ComplaintReceived, CustomerFirstContacted, OwnerTaken};
use crate::delivery::{
    AddressArrived, AppointmentOffered, DelayNotified, DeliveryAttemptFailed, DeliveryRedirected,
    DeliveryRefused, ParcelDelivered, ParcelReturned, PreferenceSet, ReceiptFormHandedIn,
    ReceiptFormSigned, RecipientContactFailed, RecipientContacted, RedeliveryScheduled,
    RedirectAnswered, RedirectRequested, ReturnAuthorised, ReturnStarted, StationCalled,
};
use crate::evidence::EvidenceRef;
use crate::exception_report::{
    ClaimConsentRecorded, DutyExcused, ErrorAnalysisReported, EvidenceAdded, ExceptionAcknowledged,
    ExceptionClosed, ExceptionDecided, ExceptionEscalated, ExceptionReopened, ExceptionReported,
    ExceptionResolved, ExceptionVoided, MisdeliveryStepTaken, ParticipantAdded, PartyNotified,
    ProgressNoted, PromiseKept, PromiseMade, RecoveryRequested,
};
use crate::id::{Digest, EventId, EvidenceId, ManifestId};
use crate::notice::{NoticeFailed, NoticeHandedToHub, NoticeSent};
use crate::parcel::{
    AddressCorrected, ConflictRuled, ParcelAnnounced, ParcelArrivedAtHub, ParcelAssigned,
    ParcelDispatched, ParcelFrozen, ParcelHeld, ParcelOutForDelivery, ParcelReassigned,
    ParcelRecalled, ParcelReceivedAtStation, ParcelReleased,
};
use crate::pickup::{
    CollectionRefused, ParcelCollected, PickupAnnounced, PickupAssigned, PickupCompleted,
    PickupDelayTold, PickupInspected, PickupScheduled,
};
use crate::privacy::{ContactRevealed, ErasureHeld, PersonErased, VaultRef};
use crate::shift::ShiftClosed;
use crate::temporary_storage::{
    ParcelStored, PickupCodeReplaced, StorageConsentAsked, StorageConsentRevoked, StorageConsented,
    StorageDeclined, StorageExpired, StorageExtended, StorageHandedBack, StorageNoticeFailed,
    StorageNoticeSent, StorageReminderSent, StorageSlotClashed, StorageSlotCorrected,
    StoredParcelPickedUp, StoredParcelRetrieved,
};
use crate::transfer::{CustodyOffered, CustodyTransferred};
use crate::waybill::Waybill;

/// Declares the fact enum with the version each kind is written in, and its reader and writer.
/// `Kind = 2 { 1 => KindV1 }` reads the older version too, by `From<KindV1> for Kind`.
macro_rules! facts {
    ($($kind:ident = $v:literal $({ $($old_v:literal => $old:ty),+ })?),* $(,)?) => {
        /// Something that happened. Never edited, never deleted.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind($kind),
            )*
            /// A kind, or a version of a kind, this code does not know: kept and passed on.
            Unknown {
                /// Its kind.
                kind: String,
                /// Its version.
                v: u16,
                /// Its payload as it came.
                data: String,
            },
        }

        $(
            impl From<$kind> for Fact {
                fn from(payload: $kind) -> Self {
                    Self::$kind(payload)
                }
            }
        )*

        impl Fact {
            /// Every kind this version writes, with its version.
            pub const KINDS: &'static [(&'static str, u16)] = &[$((stringify!($kind), $v)),*];

            /// Returns the name of the kind.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$kind(_) => stringify!($kind),)*
                    Self::Unknown { kind, .. } => kind,
                }
            }

            pub(super) fn to_parts(&self) -> (String, u16, String) {
                match self {
                    $(Self::$kind(payload) => (
                        stringify!($kind).to_owned(),
                        $v,
                        // Serialising plain structs into memory cannot fail.
                        serde_json::to_string(payload).unwrap_or_default(),
                    ),)*
                    Self::Unknown { kind, v, data } => (kind.clone(), *v, data.clone()),
                }
            }

            pub(super) fn from_parts(
                kind: &str,
                v: u16,
                data: &RawValue,
            ) -> Result<Self, serde_json::Error> {
                match (kind, v) {
                    $((stringify!($kind), $v) => {
                        serde_json::from_str(data.get()).map(Self::$kind)
                    }
                    $($((stringify!($kind), $old_v) => {
                        serde_json::from_str::<$old>(data.get()).map(|old| Self::$kind(old.into()))
                    })+)?)*
                    _ => Ok(Self::Unknown {
                        kind: kind.to_owned(),
                        v,
                        data: data.get().to_owned(),
                    }),
                }
            }
        }
    };
}

facts! {
    ParcelAnnounced = 1,
    ParcelArrivedAtHub = 1,
    ParcelDispatched = 1,
    ParcelHeld = 1,
    ParcelReceivedAtStation = 1,
    ManifestReconciled = 1,
    ParcelAssigned = 1,
    ParcelReassigned = 1,
    ParcelOutForDelivery = 1,
    ParcelFrozen = 1,
    ParcelReleased = 1,
    ParcelRecalled = 1,
    ConflictRuled = 1,
    RecipientContacted = 1,
    RecipientContactFailed = 1,
    AddressArrived = 1,
    ParcelDelivered = 1,
    DeliveryAttemptFailed = 1,
    RedeliveryScheduled = 1,
    DeliveryRefused = 1,
    ReturnAuthorised = 1,
    ReturnStarted = 1,
    ParcelReturned = 1,
    PreferenceSet = 1,
    RedirectRequested = 1,
    RedirectAnswered = 1,
    DeliveryRedirected = 1,
    AppointmentOffered = 1,
    StationCalled = 1,
    DelayNotified = 1,
    ReceiptFormSigned = 1,
    ReceiptFormHandedIn = 1,
    StorageConsentAsked = 1,
    StorageConsented = 1,
    StorageDeclined = 1,
    StorageConsentRevoked = 1,
    ParcelStored = 1,
    StorageNoticeSent = 1,
    StorageNoticeFailed = 1,
    StoredParcelPickedUp = 1,
    StoredParcelRetrieved = 1,
    StorageReminderSent = 1,
    StorageExtended = 1,
    StorageExpired = 1,
    StorageHandedBack = 1,
    PickupCodeReplaced = 1,
    StorageSlotCorrected = 1,
    StorageSlotClashed = 1,
    NoticeSent = 1,
    NoticeFailed = 1,
    NoticeHandedToHub = 1,
    ExceptionReported = 1,
    EvidenceAdded = 1,
    ExceptionAcknowledged = 1,
    ExceptionDecided = 1,
    ExceptionResolved = 1,
    ExceptionVoided = 1,
    RecoveryRequested = 1,
    ComplaintReceived = 1,
    OwnerTaken = 1,
    CustomerFirstContacted = 1,
    ComplaintClosed = 1,
    CustodyOffered = 1,
    CustodyTransferred = 1,
    ShiftClosed = 1,
    EvidenceLost = 1,
    CorrectionDeclared = 1,
    PickupAnnounced = 1,
    PickupAssigned = 1,
    PickupScheduled = 1,
    PickupDelayTold = 1,
    PickupInspected = 1,
    CollectionRefused = 1,
    PickupCompleted = 1,
    ParcelCollected = 1,
    AddressCorrected = 1,
    DutyExcused = 1,
    PartyNotified = 1,
    PromiseMade = 1,
    PromiseKept = 1,
    MisdeliveryStepTaken = 1,
    ErrorAnalysisReported = 1,
    ClaimConsentRecorded = 1,
    ParticipantAdded = 1,
    ProgressNoted = 1,
    ExceptionEscalated = 1,
    ExceptionClosed = 1,
    ExceptionReopened = 1,
    ContactRevealed = 1,
    ErasureHeld = 1,
    PersonErased = 1,
}

/// A mistake is answered, never edited (GS1 EPCIS `errorDeclaration`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionDeclared {
    /// The event it is about, in the same lane.
    pub event: EventId,
    /// What is wrong with it.
    pub reason: CorrectionReason,
    /// Why, in the vault.
    pub note: VaultRef,
}

/// What is wrong with a recorded event (GS1 CBV error reasons).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CorrectionReason {
    /// It did not happen: the lane is folded again without it.
    DidNotOccur,
    /// It happened, but some of what was said is wrong: it stands, marked.
    IncorrectData,
}

/// The morning's count of a station's parcels against the list of expected ones (M19).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestReconciled {
    /// The list.
    pub manifest: ManifestId,
    /// How many were expected.
    pub expected: u32,
    /// How many of the expected were scanned.
    pub received: u32,
    /// Expected, not scanned.
    pub missing: Vec<Waybill>,
    /// Scanned, not expected.
    pub extra: Vec<Waybill>,
    /// Scanned and visibly damaged.
    pub damaged: Vec<Waybill>,
}

/// A photo or video that is gone from the phone before it reached the hub. Its hash stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLost {
    /// The item.
    pub evidence: EvidenceId,
    /// Its SHA-256.
    pub sha256: Digest,
}

impl Fact {
    /// Returns the photos, videos and signatures the fact names.
    pub fn evidence(&self) -> Vec<&EvidenceRef> {
        match self {
            Self::ParcelDelivered(delivered) => {
                delivered.proof.iter().filter_map(|item| item.evidence.as_ref()).collect()
            }
            Self::StorageConsented(consented) => consented.evidence.iter().collect(),
            Self::ParcelStored(stored) => stored.photo.iter().collect(),
            Self::PreferenceSet(set) => set.evidence.iter().collect(),
            Self::ReceiptFormSigned(signed) => signed.photo.iter().collect(),
            Self::ExceptionReported(reported) => reported.evidence.iter().collect(),
            Self::EvidenceAdded(added) => vec![&added.evidence],
            Self::PickupInspected(inspected) => inspected.photo.iter().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::value::RawValue;

    /// An invented kind, as it is written today.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct BoxSeen {
        colour: String,
    }

    /// The same as a release wrote it once.
    #[derive(Deserialize)]
    struct BoxSeenV1 {
        red: bool,
    }

    impl From<BoxSeenV1> for BoxSeen {
        fn from(old: BoxSeenV1) -> Self {
            Self { colour: if old.red { "red" } else { "unknown" }.to_owned() }
        }
    }

    facts! {
        BoxSeen = 2 { 1 => BoxSeenV1 },
    }

    fn read(v: u16, data: &str) -> Fact {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        Fact::from_parts("BoxSeen", v, &data).unwrap()
    }

    #[test]
    fn an_older_version_of_a_kind_is_read_as_todays() {
        let seen = read(2, r#"{"colour":"red"}"#);
        assert_eq!(read(1, r#"{"red":true}"#), seen);
        let written = ("BoxSeen".to_owned(), 2, r#"{"colour":"red"}"#.to_owned());
        assert_eq!((seen.kind(), seen.to_parts()), ("BoxSeen", written));
        assert_eq!(Fact::KINDS, [("BoxSeen", 2)], "today's alone is written");
    }

    #[test]
    fn a_later_version_of_a_kind_is_kept_as_it_came() {
        let later = read(3, r#"{"colours":["red"]}"#);
        let kept = ("BoxSeen".to_owned(), 3, r#"{"colours":["red"]}"#.to_owned());
        assert!(matches!(later, Fact::Unknown { .. }));
        assert_eq!(later.to_parts(), kept);
    }
}
