//! People, parcels and acts that are invented: for tests that need one, and not a particular one.

use lastmile_core::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::{
    HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ProofItem, ProofKind,
};
use lastmile_core::evidence::EvidenceRef;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::id::CaseId;
use lastmile_core::privacy::Person;
use lastmile_core::waybill::Waybill;

/// Waybill number `n`.
#[expect(clippy::missing_panics_doc, reason = "these numbers are sound")]
pub fn waybill(n: usize) -> Waybill {
    Waybill::parse(&format!("SF1{n:012}")).expect("a sound number")
}

/// Somebody.
pub fn person() -> Person {
    Person {
        name: "王小明".to_owned(),
        phone: "13900000000".to_owned(),
        address: "解放路 5 号 3 单元 501 室".to_owned(),
        ..Person::default()
    }
}

/// Somebody complains that parcel `n` is late.
pub fn complaint(case: CaseId, n: usize) -> Command {
    Command::ReceiveComplaint {
        case,
        waybill: waybill(n),
        complainant: person(),
        demand: "Bring it today".to_owned(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    }
}

/// A delay is reported, with a word and what was captured of it.
pub fn report(case: CaseId, evidence: Vec<EvidenceRef>) -> Command {
    Command::ReportException {
        case,
        kind: ExceptionKind::Delay,
        waybill: None,
        evidence,
        shows: Vec::new(),
        note: Some("Seen from the stairs".to_owned()),
    }
}

/// Parcel `n` is handed over for a PIN.
pub fn hand_over(n: usize) -> Command {
    Command::Deliver {
        waybill: waybill(n),
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof: vec![ProofItem { kind: ProofKind::Pin, evidence: None }],
    }
}
