//! The policy pack: the numbers and lists that rules ask for, each with its source.
//!
//! The defaults of DOMAIN.md C7 are compiled in as version 1. An event names the version it was
//! decided under, so that a later change never blames an earlier act.

use serde::{Deserialize, Serialize};

use crate::delivery::{HandoverMethod, ProofKind};

/// The values in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Named by every event.
    pub version: u32,
    /// Time to the first real contact after a complaint, minutes (S0, S1; M54).
    pub first_contact_min: u32,
    /// Time to tell the recipient where a stored parcel is, minutes (ours; M32).
    pub storage_notice_min: u32,
    /// Time to report a refusal or an exception to the station, minutes (ours; M35, M42).
    pub report_min: u32,
    /// On how many different channels the recipient or the sender is tried before an address is
    /// given up as bad (M45).
    pub contact_channels_bad_address: u32,
    /// A hand-over further than this from the address is flagged, metres. Never a gate.
    pub geofence_m: u32,
    /// Within so many minutes a courier who asks again for the same person for the same reason is
    /// shown him without a second record (ours; M02).
    pub reveal_again_min: u32,
    /// How long a person is kept for claims after the last case about the parcel was closed, days
    /// (C6 row 20; the sources name none).
    pub erasure_hold_days: u32,
    /// By when the persons of a closed complaint must be erased, days; none runs while it is empty
    /// (个人信息保护法 art. 19 and 47 name no number).
    pub pii_erase_days: Option<u32>,
    /// How long a phone keeps what is closed, days (ours).
    pub keep_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: 1,
            first_contact_min: 60,
            storage_notice_min: 10,
            report_min: 15,
            contact_channels_bad_address: 2,
            geofence_m: 200,
            reveal_again_min: 10,
            erasure_hold_days: 0,
            pii_erase_days: None,
            keep_days: 30,
        }
    }
}

impl Policy {
    /// Returns the sets of proof that satisfy a method; any one of them is enough (C4.6, C4.7).
    ///
    /// A valuable parcel asks for a signature or an identity check besides a photo. A PIN or an
    /// ID check never goes with a parcel left at a place: nobody was there to give it.
    pub fn proof_matrix(&self, method: HandoverMethod, valuable: bool) -> &[&[ProofKind]] {
        use ProofKind::{IdCheck, Photo, Pin, Signature};
        match (method, valuable) {
            (HandoverMethod::FaceToFace, false) => &[&[Signature], &[Pin], &[Photo], &[IdCheck]],
            (HandoverMethod::FaceToFace, true) => {
                &[&[Signature, IdCheck], &[Signature, Photo], &[Pin, Photo]]
            }
            (HandoverMethod::Agent, false) => &[&[Signature], &[Photo]],
            (HandoverMethod::Agent, true) => &[&[Signature, IdCheck], &[Signature, Photo]],
            (HandoverMethod::NamedPlace, _) => &[&[Photo]],
        }
    }
}
