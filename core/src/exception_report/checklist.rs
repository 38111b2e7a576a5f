//! What each kind of exception asks for before its case may be resolved: what must be seen on a
//! photo or a video, who must be told, and the playbook of a misdelivery (M41, M44, M51).

use serde::{Deserialize, Serialize};

use super::{ExceptionCase, ExceptionKind, Promised};

/// What a photo or a video of a case shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Shown {
    /// The outer box from all sides (外包装).
    OuterBox,
    /// The waybill on it (面单).
    Label,
    /// What is inside (内件).
    Contents,
    /// It lies on a scale (称重).
    Scale,
    /// The door or the place where it was left or last seen (现场).
    Place,
}

/// Who is told of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CaseParty {
    /// The sender (寄件人).
    Sender,
    /// The recipient (收件人).
    Recipient,
    /// Who has a parcel that is not his (误收人).
    WrongTaker,
    /// The station or sorting hub where it happened (责任网点).
    Operations,
    /// The insurer (保险).
    Insurer,
    /// The postal administration or the police (主管部门).
    Authority,
}

/// What is done about a misdelivery, in this order (M51).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum MisdeliveryStep {
    /// The rightful recipient was spoken to, inside 15 minutes.
    RecipientContacted,
    /// Who has the parcel agreed to give it back.
    TakerAgreed,
    /// The courier brought it to the recipient in person.
    BroughtInPerson,
    /// The recipient was asked afterwards whether all is well.
    FollowedUp,
}

/// One thing that stands between a case and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CaseDuty {
    /// Show it on a photo or a video.
    Show(Shown),
    /// Tell somebody.
    Notify(CaseParty),
    /// Promise the recipient when he has his parcel.
    Promise,
    /// Take a step of the playbook.
    Step(MisdeliveryStep),
    /// Keep a promise that was made.
    Keep(Promised),
    /// Write the error analysis.
    ErrorAnalysis,
}

impl CaseDuty {
    /// Tells whether a reason may stand in its place. A promise made is kept, and the analysis can
    /// always be written.
    pub fn can_be_excused(self) -> bool {
        !matches!(self, Self::Keep(_) | Self::ErrorAnalysis)
    }
}

/// One photo or video that a kind asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ChecklistItem {
    /// What it shows.
    pub shows: Shown,
    /// The case is not resolved without it, or a reason.
    pub mandatory: bool,
    /// A video says more than a photo here.
    pub better_as_video: bool,
}

/// What a kind of exception asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Checklist {
    /// The kind.
    pub kind: ExceptionKind,
    /// What is to be seen, in the order in which to take it.
    pub evidence: Vec<ChecklistItem>,
    /// Who must be told.
    pub notify: Vec<CaseParty>,
    /// The playbook: these steps, a promise kept, and the error analysis. Empty for every kind but a
    /// misdelivery.
    pub steps: Vec<MisdeliveryStep>,
}

/// Returns what a kind of exception asks for (M44).
pub fn exception_checklist(kind: ExceptionKind) -> Checklist {
    use CaseParty::{Authority, Operations, Recipient, Sender, WrongTaker};
    use MisdeliveryStep::{BroughtInPerson, FollowedUp, RecipientContacted, TakerAgreed};
    use Shown::{Contents, Label, OuterBox, Place, Scale};
    let must = |shows| ChecklistItem { shows, mandatory: true, better_as_video: false };
    let may = |shows| ChecklistItem { mandatory: false, ..must(shows) };
    let unpacked = |item: ChecklistItem| ChecklistItem { better_as_video: true, ..item };
    let (evidence, notify, steps) = match kind {
        ExceptionKind::Damage => (
            vec![must(OuterBox), must(Label), unpacked(must(Contents)), may(Scale)],
            vec![Sender],
            vec![],
        ),
        ExceptionKind::Shortage => (
            vec![must(OuterBox), must(Label), unpacked(must(Contents)), must(Scale)],
            vec![Sender],
            vec![],
        ),
        ExceptionKind::Loss => (vec![may(Place)], vec![Sender, Recipient], vec![]),
        ExceptionKind::Missent | ExceptionKind::MisSorted => {
            (vec![must(Label)], vec![Operations], vec![])
        }
        ExceptionKind::Delay => (vec![], vec![Recipient], vec![]),
        ExceptionKind::AddressUnclear => (vec![must(Label), may(Place)], vec![Sender], vec![]),
        ExceptionKind::Refusal => (vec![may(OuterBox), may(Label)], vec![Sender], vec![]),
        ExceptionKind::ProhibitedFound => {
            (vec![must(OuterBox), must(Label), may(Contents)], vec![Operations, Authority], vec![])
        }
        ExceptionKind::Misdelivery => (
            vec![may(Label), must(Place)],
            vec![Recipient, WrongTaker],
            vec![RecipientContacted, TakerAgreed, BroughtInPerson, FollowedUp],
        ),
        ExceptionKind::AgainstRule => (vec![], vec![], vec![]),
    };
    Checklist { kind, evidence, notify, steps }
}

impl ExceptionCase {
    /// Lists what stands between the case and its end, in the order in which to do it (M42, M44,
    /// M51). Empty: it may be resolved once it is decided.
    pub fn duties(&self) -> Vec<CaseDuty> {
        let Some(kind) = self.kind else { return self.promises_to_keep().collect() };
        let checklist = exception_checklist(kind);
        let misdelivery = !checklist.steps.is_empty();
        let shown = checklist.evidence.iter().filter(|item| item.mandatory);
        let shown = shown.map(|item| CaseDuty::Show(item.shows));
        let told = checklist.notify.into_iter().map(CaseDuty::Notify);
        let promise = misdelivery.then_some(CaseDuty::Promise);
        let steps = checklist.steps.into_iter().map(CaseDuty::Step);
        let analysis = misdelivery.then_some(CaseDuty::ErrorAnalysis);
        let asked = shown.chain(told).chain(promise).chain(steps);
        asked
            .chain(self.promises_to_keep())
            .chain(analysis)
            .filter(|duty| !self.is_done(*duty) && !self.excused.contains(duty))
            .collect()
    }

    fn promises_to_keep(&self) -> impl Iterator<Item = CaseDuty> {
        let open = self.promises.iter().filter(|promise| promise.kept_at.is_none());
        open.map(|promise| CaseDuty::Keep(promise.promise))
    }

    fn is_done(&self, duty: CaseDuty) -> bool {
        match duty {
            CaseDuty::Show(shown) => {
                self.evidence.iter().any(|item| item.shows == Some(shown) && !item.lost)
            }
            CaseDuty::Notify(party) => self.told.iter().any(|told| told.party == party),
            CaseDuty::Promise => {
                self.promises.iter().any(|promise| promise.promise == Promised::BringParcel)
            }
            CaseDuty::Step(step) => self.steps.iter().any(|taken| taken.step == step),
            CaseDuty::Keep(_) => false,
            CaseDuty::ErrorAnalysis => self.analysis.is_some(),
        }
    }
}
