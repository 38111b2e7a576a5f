//! What one screen shows of one parcel, case or complaint: small, masked, ready to be drawn.
//!
//! The states themselves ([`crate::parcel::Parcel`] and its like) stay in Rust.

use crate::complaint::{ComplaintClass, ComplaintStage};
use crate::courier::Courier;
use crate::deadline::{self, Deadline, Timeliness};
use crate::delivery::Party;
use crate::directory::GoodsClass;
use crate::error::{Error, Result};
use crate::event::Actor;
use crate::exception_report::{
    CaseDuty, CasePromise, CaseStage, ClaimPacket, Decision, ExceptionKind, OpenCase, Promised,
    ReviewLine, agenda, claim_packet, review,
};
use crate::id::{CaseId, ClerkNo, CourierNo, OrderNo, SiteId};
use crate::parcel::{GoodsFlags, Stage};
use crate::pickup::{PickupItem, PickupStage};
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
    /// How many photos and videos it has, those that were erased left out.
    pub evidence: u32,
    /// What is to be done.
    pub decision: Option<Decision>,
    /// What the reporter saw, if it may be read here.
    pub note: Option<String>,
    /// What was written here before was erased, and so were photos and videos.
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

/// One pick-up order.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PickupView {
    /// The order.
    pub order: OrderNo,
    /// Where it stands.
    pub stage: PickupStage,
    /// Start of the window, UTC milliseconds.
    pub from_ms: Option<i64>,
    /// End of the window, UTC milliseconds.
    pub to_ms: Option<i64>,
    /// The window is over and the sender, who waits, was told of no later time (M10).
    pub late_untold: bool,
    /// How many pieces he ordered to be fetched.
    pub quantity: u32,
    /// What care they ask for.
    pub goods: GoodsFlags,
    /// The items of the check that are not answered yet (M04).
    pub unanswered: Vec<PickupItem>,
    /// The goods are prohibited or restricted.
    pub listed: Option<GoodsClass>,
    /// The parcel it became.
    pub waybill: Option<Waybill>,
    /// The sender, masked (M02).
    pub sender: Option<Person>,
    /// What he sends, in his words, if it may be read here.
    pub contents: Option<String>,
}

/// How the work on an exception case stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct CaseWorkView {
    /// The case.
    pub case: CaseId,
    /// What stands between it and its end, in the order in which to do it.
    pub duties: Vec<CaseDuty>,
    /// Who owns it.
    pub owner: Option<ClerkNo>,
    /// When he acts next, UTC milliseconds.
    pub next_action_ms: Option<i64>,
    /// The station's first answer (M42). Counted from the moment of the report, wherever the phone
    /// was: an offline report is not late by being sent late.
    pub report: Option<Timeliness>,
    /// The word to somebody concerned, if the policy sets a time (M47).
    pub feedback: Option<Timeliness>,
    /// The first word to the recipient of a misdelivery (M51).
    pub contact: Option<Timeliness>,
    /// The promises, in the order in which they were made.
    pub promises: Vec<PromiseView>,
    /// Somebody above the station was asked for.
    pub escalated: bool,
    /// How often it was opened again.
    pub reopened: u32,
    /// Evidence came after its end: somebody should look at it again (C6.13).
    pub reopening_proposed: bool,
    /// The couriers who take part, besides the reporter.
    pub participants: Vec<CourierNo>,
}

/// One promise to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PromiseView {
    /// What.
    pub promise: Promised,
    /// By when, UTC milliseconds.
    pub until_ms: i64,
    /// How it stands.
    pub standing: Timeliness,
}

impl Courier {
    /// Returns what a screen shows of a pick-up order; `None` if it is not known here.
    pub fn pickup_view(&self, order: &OrderNo) -> Result<Option<PickupView>> {
        let Some(state) = self.pickup(order)? else { return Ok(None) };
        Ok(Some(PickupView {
            order: order.clone(),
            stage: state.stage,
            from_ms: state.from_ms,
            to_ms: state.to_ms,
            late_untold: state.late_untold(self.now().ms),
            quantity: state.quantity,
            goods: state.goods,
            unanswered: state.unanswered(),
            listed: state.listed,
            sender: self.pickup_sender(order)?.map(|sender| sender.masked(&self.policy().mask())),
            contents: self.readable(state.contents)?,
            waybill: state.waybill,
        }))
    }

    /// Returns how the work on an exception case stands; `None` if it is not known here.
    pub fn case_work(&self, case: CaseId) -> Result<Option<CaseWorkView>> {
        let Some(state) = self.exception(case)? else { return Ok(None) };
        let (policy, now) = (self.policy(), self.now());
        let standing = |clock: Option<(Deadline, Timeliness)>| clock.map(|(_, standing)| standing);
        let promise = |made: &CasePromise| PromiseView {
            promise: made.promise,
            until_ms: made.until_ms,
            standing: deadline::promise(made, &now).1,
        };
        Ok(Some(CaseWorkView {
            case,
            duties: state.duties(),
            report: standing(deadline::exception_report(&state, policy, &now)),
            feedback: standing(deadline::exception_feedback(&state, policy, &now)),
            contact: standing(deadline::misdelivery_contact(&state, policy, &now)),
            promises: state.promises.iter().map(promise).collect(),
            escalated: state.escalated_at.is_some(),
            reopened: state.reopened,
            reopening_proposed: state.reopening_proposed(),
            owner: state.owner,
            next_action_ms: state.next_action_ms,
            participants: state.participants,
        }))
    }

    /// Lists the open exception cases that are known here: those without an owner first, then by the
    /// time of the next action (M47).
    pub fn open_cases(&self) -> Result<Vec<OpenCase>> {
        let mut cases = Vec::new();
        for id in self.open_exceptions()? {
            cases.extend(self.exception(id)?.map(|case| (id, case)));
        }
        Ok(agenda(cases.iter().map(|(id, case)| (*id, case))))
    }

    /// Counts the exception cases that are known here by week, kind, cause and courier (M50).
    pub fn exception_review(&self) -> Result<Vec<ReviewLine>> {
        let mut cases = Vec::new();
        for id in self.exceptions()? {
            cases.extend(self.exception(id)?);
        }
        Ok(review(&cases))
    }

    /// Puts together what a customer's claim is supported with (M48).
    ///
    /// # Errors
    /// `ClaimNotAgreed` unless the customer agreed to it; `NotFound` if the case is not known here.
    pub fn claim_packet(&self, case: CaseId) -> Result<ClaimPacket> {
        let state = self.exception(case)?.ok_or(Error::NotFound { what: "the case" })?;
        let parcel = match &state.waybill {
            Some(waybill) => self.parcel(waybill)?,
            None => None,
        };
        Ok(claim_packet(case, &state, parcel.as_ref())?)
    }

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
            evidence: u32::try_from(state.evidence.iter().filter(|item| !item.erased).count())
                .unwrap_or(u32::MAX),
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
