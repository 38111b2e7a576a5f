//! What one screen shows of one parcel, case or complaint: small, masked, ready to be drawn.
//!
//! The states themselves ([`crate::parcel::Parcel`] and its like) stay in Rust.

use crate::complaint::{ComplaintClass, ComplaintStage};
use crate::courier::Courier;
use crate::delivery::Party;
use crate::error::Result;
use crate::event::Actor;
use crate::exception_report::{CaseStage, Decision, ExceptionKind};
use crate::id::{CaseId, SiteId};
use crate::parcel::{GoodsFlags, Stage};
use crate::privacy::{Person, PersonSight, VaultRef};
use crate::refusal::Refusal;
use crate::time::Moment;
use crate::waybill::Waybill;

/// What a rule says against an act, before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Objection {
    /// The stable code.
    pub code: String,
    /// What to do instead.
    pub advice: String,
    /// If it was done all the same, `record_done` takes it, with a reason.
    pub can_be_recorded_done: bool,
}

impl From<Refusal> for Objection {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code().to_owned(),
            advice: refusal.advice().to_owned(),
            can_be_recorded_done: refusal.can_be_recorded_against(),
        }
    }
}

/// One parcel.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[expect(clippy::struct_excessive_bools, reason = "each is a badge of its own on the screen")]
pub struct ParcelView {
    /// Its number.
    pub waybill: Waybill,
    /// Where the delivery stands.
    pub stage: Stage,
    /// It is in this courier's hands.
    pub held_here: bool,
    /// It is given to this courier.
    pub assigned_here: bool,
    /// What care it asks for.
    pub goods: GoodsFlags,
    /// It is stopped: keep it, hand it in, do not move it on.
    pub frozen: bool,
    /// It is wanted back.
    pub recalled: bool,
    /// It was visibly damaged.
    pub damaged: bool,
    /// How many attempts failed.
    pub attempts: u32,
    /// Two facts exclude each other and a person has yet to rule.
    pub disputed: bool,
    /// When the courier is to be there at the latest, UTC milliseconds: the end of the window
    /// agreed on or wished for, or what was promised (M20).
    pub due_ms: Option<i64>,
    /// The site it lies at, if it is stored.
    pub stored_at: Option<SiteId>,
    /// The recipient, masked (M02).
    pub recipient: Option<Person>,
    /// Whether `reveal` shows him, or why not.
    pub recipient_sight: PersonSight,
}

/// One exception case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ExceptionView {
    /// The case.
    pub case: CaseId,
    /// Where it stands.
    pub stage: CaseStage,
    /// What is wrong; none for a recovery that the hub asked for.
    pub kind: Option<ExceptionKind>,
    /// The parcel, if one is concerned.
    pub waybill: Option<Waybill>,
    /// It cannot wait.
    pub urgent: bool,
    /// When it was reported.
    pub reported_at: Option<Moment>,
    /// How many photos and videos it has.
    pub evidence: u32,
    /// What is to be done.
    pub decision: Option<Decision>,
    /// What the reporter saw, if it may be read here.
    pub note: Option<String>,
    /// What was written here before was erased.
    pub erased: bool,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ComplaintView {
    /// The case.
    pub case: CaseId,
    /// Where it stands.
    pub stage: ComplaintStage,
    /// What it is about.
    pub class: Option<ComplaintClass>,
    /// The parcel.
    pub waybill: Option<Waybill>,
    /// When it was received: the one-hour clock starts here.
    pub received_at: Option<Moment>,
    /// It is about this courier.
    pub about_me: bool,
    /// Who owns it.
    pub owner: Option<Actor>,
    /// What the customer wants, if it may be read here.
    pub demand: Option<String>,
    /// How it ended, if it may be read here.
    pub outcome: Option<String>,
    /// Who complained and what was written here before was erased.
    pub erased: bool,
}

impl Courier {
    /// Returns what a screen shows of a parcel; `None` if it is not known here.
    pub fn parcel_view(&self, waybill: &Waybill) -> Result<Option<ParcelView>> {
        let Some(parcel) = self.parcel(waybill)? else { return Ok(None) };
        let me = &self.identity().courier;
        let recipient = self.recipient_masked(waybill)?;
        let recipient_sight = match (parcel.sight_of(Party::Recipient), &recipient) {
            (PersonSight::Erased, _) => PersonSight::Erased,
            (_, None) => PersonSight::NotHere,
            (sight, Some(_)) => sight,
        };
        Ok(Some(ParcelView {
            waybill: waybill.clone(),
            stage: parcel.stage,
            held_here: parcel.held_by(me),
            assigned_here: parcel.assigned_to(me),
            goods: parcel.goods,
            frozen: parcel.frozen.is_some(),
            recalled: parcel.recalled.is_some(),
            damaged: parcel.damaged,
            attempts: parcel.delivery.attempts,
            disputed: parcel.margin.open_conflicts().next().is_some(),
            due_ms: parcel.due_ms(),
            stored_at: parcel.storage.current_stay().map(|stay| stay.site.clone()),
            recipient,
            recipient_sight,
        }))
    }

    /// Returns what a screen shows of an exception case; `None` if it is not known here.
    pub fn exception_view(&self, case: CaseId) -> Result<Option<ExceptionView>> {
        let Some(state) = self.exception(case)? else { return Ok(None) };
        Ok(Some(ExceptionView {
            case,
            stage: state.stage,
            kind: state.kind,
            waybill: state.waybill,
            urgent: state.urgent,
            reported_at: state.reported_at,
            evidence: u32::try_from(state.evidence.len()).unwrap_or(u32::MAX),
            decision: state.decision,
            erased: state.margin.erasure.is_some(),
            note: self.readable(state.note)?,
        }))
    }

    /// Returns what a screen shows of a complaint; `None` if it is not known here.
    pub fn complaint_view(&self, case: CaseId) -> Result<Option<ComplaintView>> {
        let Some(state) = self.complaint(case)? else { return Ok(None) };
        Ok(Some(ComplaintView {
            case,
            stage: state.stage,
            class: state.class,
            about_me: state.is_about(&self.identity().courier),
            owner: state.owner().cloned(),
            waybill: state.waybill,
            received_at: state.received_at,
            erased: state.margin.erasure.is_some(),
            demand: self.readable(state.demand)?,
            outcome: self.readable(state.outcome)?,
        }))
    }

    fn readable(&self, reference: Option<VaultRef>) -> Result<Option<String>> {
        reference.map_or(Ok(None), |reference| self.text(reference))
    }
}
