//! What is read from many cases: the agenda of the open ones, counts for the review, and what a
//! claim is supported with.

use std::collections::BTreeMap;

use super::{CaseEvidence, Cause, ExceptionCase, ExceptionKind, Shown};
use crate::event::Actor;
use crate::id::{CaseId, ClerkNo, CourierNo, Digest, EvidenceId};
use crate::money::Fen;
use crate::parcel::Parcel;
use crate::refusal::Refusal;
use crate::time::Moment;
use crate::waybill::Waybill;

/// One open case of the agenda (M47, C4.18).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct OpenCase {
    /// The case.
    pub case: CaseId,
    /// What is wrong.
    pub kind: Option<ExceptionKind>,
    /// The parcel.
    pub waybill: Option<Waybill>,
    /// Who owns it.
    pub owner: Option<ClerkNo>,
    /// When he acts next, UTC milliseconds.
    pub next_action_ms: Option<i64>,
    /// Nobody owns it, or nothing is planned: somebody must take it.
    pub orphan: bool,
    /// It cannot wait: safety, prohibited goods, or escalated.
    pub urgent: bool,
}

/// Lists the open cases: orphans first, the urgent ones before the others, then by the time of the
/// next action (M47). A case that nobody reported yet is none.
pub fn agenda<'a>(cases: impl IntoIterator<Item = (CaseId, &'a ExceptionCase)>) -> Vec<OpenCase> {
    let open = cases.into_iter().filter(|(_, case)| case.is_open());
    let mut list: Vec<OpenCase> = open
        .map(|(id, case)| OpenCase {
            case: id,
            kind: case.kind,
            waybill: case.waybill.clone(),
            owner: case.owner.clone(),
            next_action_ms: case.next_action_ms,
            orphan: case.owner.is_none() || case.next_action_ms.is_none(),
            urgent: case.urgent || case.escalated_at.is_some(),
        })
        .collect();
    list.sort_by_key(|case| (!case.orphan, !case.urgent, case.next_action_ms, case.case));
    list
}

/// How many cases of one kind, cause, courier and week there were (M50). Holds nothing of any
/// customer: no waybill, no case, no word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ReviewLine {
    /// The week of the report, `2026-W47`, in the reporter's local time (ISO 8601).
    pub week: String,
    /// The kind.
    pub kind: ExceptionKind,
    /// The cause; none while the case is open.
    pub cause: Option<Cause>,
    /// The courier who reported it; none if a clerk or the hub did.
    pub courier: Option<CourierNo>,
    /// How many.
    pub count: u32,
}

/// Counts cases by kind, cause, courier and week, the latest week last (复盘, M50). What turned out
/// to be nothing is not counted.
pub fn review<'a>(cases: impl IntoIterator<Item = &'a ExceptionCase>) -> Vec<ReviewLine> {
    let mut counts: BTreeMap<_, u32> = BTreeMap::new();
    for case in cases {
        let (Some(kind), Some(at)) = (case.kind, case.reported_at) else { continue };
        if case.stage == super::CaseStage::Voided {
            continue;
        }
        let courier = case.reporter.as_ref().and_then(Actor::courier).cloned();
        *counts.entry((at.local_week(), kind, case.cause, courier)).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|((week, kind, cause, courier), count)| ReviewLine {
            week,
            kind,
            cause,
            courier,
            count,
        })
        .collect()
}

/// One photo or video of a claim, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ClaimItem {
    /// Its id.
    pub evidence: EvidenceId,
    /// SHA-256 of the file as it was captured.
    pub sha256: Option<Digest>,
    /// What it shows.
    pub shows: Option<Shown>,
}

/// What a customer's claim is supported with (理赔材料, M48): who, when and where come from the hub's
/// bundle; here stand the facts and the digests that the files must have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ClaimPacket {
    /// The case.
    pub case: CaseId,
    /// What is wrong.
    pub kind: Option<ExceptionKind>,
    /// The parcel.
    pub waybill: Option<Waybill>,
    /// When it was reported.
    pub reported_at: Option<Moment>,
    /// When the customer agreed.
    pub agreed_at: Moment,
    /// Freight paid, fen.
    pub freight: Fen,
    /// Insured value, fen, if insured.
    pub insured: Option<Fen>,
    /// Photos and videos that are there.
    pub evidence: Vec<ClaimItem>,
}

/// Puts a claim together, with the parcel if it is known.
///
/// # Errors
/// `ClaimNotAgreed` unless the customer agreed to it.
pub fn claim_packet(
    id: CaseId,
    case: &ExceptionCase,
    parcel: Option<&Parcel>,
) -> Result<ClaimPacket, Refusal> {
    let consent = case.claim_consent.filter(|consent| consent.agreed);
    let consent = consent.ok_or(Refusal::ClaimNotAgreed)?;
    let item = |item: &CaseEvidence| ClaimItem {
        evidence: item.id,
        sha256: item.sha256,
        shows: item.shows,
    };
    Ok(ClaimPacket {
        case: id,
        kind: case.kind,
        waybill: case.waybill.clone(),
        reported_at: case.reported_at,
        agreed_at: consent.at,
        freight: parcel.map_or(Fen(0), |parcel| parcel.freight),
        insured: parcel.and_then(|parcel| parcel.insured),
        evidence: case.evidence.iter().filter(|item| item.is_here()).map(item).collect(),
    })
}
