//! Every clock in one table, and what of it is due (DOMAIN.md C5).
//!
//! A clock is judged by the values that were in force when it started (C6.16, M83). To add one:
//! a variant of [`DeadlineKind`], a function beside the others in `deadline.rs`, a row here.

use serde::{Deserialize, Serialize};

use super::{
    Deadline, Timeliness, closure, delay_notice, exception_feedback, exception_report,
    first_contact, legal_reply, misdelivery_contact, pickup_visit, pii_erase, promise_owed,
    receipt_form_return, redirect_answer, refusal_report, route_promise, same_city_delivery,
    storage_collect, storage_notice, storage_redelivery, unreachable_rule,
};
use crate::complaint::Complaint;
use crate::event::Lane;
use crate::exception_report::ExceptionCase;
use crate::fold::LaneState;
use crate::parcel::{Parcel, Stage};
use crate::pickup::PickupOrder;
use crate::policy::{Policies, Policy, Resolved};
use crate::time::Moment;

/// Which clock it is: the names of DOMAIN.md C5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DeadlineKind {
    /// The promised delivery (M26).
    RoutePromise,
    /// The delivery inside one city, from the collection (M25).
    SameCityDelivery,
    /// The word to the customer that his parcel comes late (M27).
    DelayNoticeBefore,
    /// The answer to a redirection (M34).
    RedirectAnswer,
    /// The report of a refusal to the station (M35).
    RefusalReport,
    /// The way of a signed return form back to the station (M37).
    ReceiptFormReturn,
    /// The wait before a recipient counts as unreachable: a lock, not a limit.
    UnreachableRule,
    /// The notice to the recipient of a stored parcel (M32).
    StorageNotice,
    /// The recipient collects a stored parcel (M33).
    StorageCollect,
    /// Arranging the delivery of a stored parcel that is wanted at the door (C6.7).
    StorageRedelivery,
    /// The station's answer to an exception report (M42).
    ExceptionReport,
    /// The word to somebody concerned by an exception (M47).
    ExceptionFeedback,
    /// The first word to the recipient of a misdelivery (M51).
    MisdeliveryContact,
    /// A promise to a customer (M51).
    Promise,
    /// The courier's visit to a sender (M10).
    PickupVisit,
    /// The first contact after a complaint (M54).
    ComplaintFirstContact,
    /// The closing of a complaint (M56).
    ComplaintClosure,
    /// The answer that the law asks for (快递暂行条例).
    ComplaintLegal,
    /// The erasing of a closed complaint's persons (个人信息保护法 art. 19 and 47).
    #[serde(rename = "PIIErase")]
    PiiErase,
}

/// One clock of a lane, as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DeadlineView {
    /// Which clock.
    pub kind: DeadlineKind,
    /// The lane it runs in.
    pub lane: Lane,
    /// When it started; none if only its end was named.
    pub started_at: Option<Moment>,
    /// When it ends, UTC milliseconds.
    pub due_ms: i64,
    /// How it stands. `Late` and `CannotTell` may still be `open`.
    pub standing: Timeliness,
    /// Nothing has stopped it yet.
    pub open: bool,
    /// The hub has confirmed what started and what stopped it. Else the standing is this phone's
    /// word: recorded here, not yet synced.
    pub confirmed: bool,
    /// The rule and the value it rests on, with their sources.
    pub why: String,
}

type Clock<S> = fn(&S, &Policy, &Moment) -> Option<(Deadline, Timeliness)>;

/// One clock of one kind of lane.
struct Row<S> {
    kind: DeadlineKind,
    /// The mission row or law.
    rule: &'static str,
    /// The policy value it runs by, if it runs by one.
    value: Option<&'static str>,
    clock: Clock<S>,
    /// Tells whether an open clock still asks for something. What ended otherwise owes nothing.
    owed: fn(&S) -> bool,
}

const PARCEL: &[Row<Parcel>] = &[
    Row {
        kind: DeadlineKind::RoutePromise,
        rule: "M26: the route's promise, from the hub",
        value: None,
        clock: |parcel, _, now| route_promise(parcel, now),
        owed: |parcel| {
            !parcel.stage.is_terminal()
                && !matches!(
                    parcel.stage,
                    Stage::RefusedHeld | Stage::ReturnAuthorised | Stage::Returning
                )
        },
    },
    Row {
        kind: DeadlineKind::SameCityDelivery,
        rule: "M25: inside one city, from the collection",
        value: Some("same_city_hours"),
        clock: same_city_delivery,
        owed: on_its_way,
    },
    Row {
        kind: DeadlineKind::DelayNoticeBefore,
        rule: "M27: tell the customer before the promise passes",
        value: Some("delay_lead_min"),
        clock: delay_notice,
        owed: on_its_way,
    },
    Row {
        kind: DeadlineKind::RedirectAnswer,
        rule: "M34: answer a redirection",
        value: Some("redirect_answer_min"),
        clock: redirect_answer,
        owed: on_its_way,
    },
    Row {
        kind: DeadlineKind::RefusalReport,
        rule: "M35: report a refusal to the station at once",
        value: Some("report_min"),
        clock: refusal_report,
        owed: |parcel| parcel.stage == Stage::RefusedHeld,
    },
    Row {
        kind: DeadlineKind::ReceiptFormReturn,
        rule: "M37: hand the signed form in",
        value: Some("receipt_form_return_h"),
        clock: receipt_form_return,
        owed: |_| true,
    },
    Row {
        kind: DeadlineKind::UnreachableRule,
        rule: "two messages, and silence, before a recipient counts as unreachable",
        value: Some("unreachable_silence_h"),
        clock: unreachable_rule,
        owed: on_its_way,
    },
    Row {
        kind: DeadlineKind::StorageNotice,
        rule: "M32: tell the recipient where it lies",
        value: Some("storage_notice_min"),
        clock: storage_notice,
        owed: lies_at_a_site,
    },
    Row {
        kind: DeadlineKind::StorageCollect,
        rule: "M33: the recipient collects it; the site's own period",
        value: None,
        clock: |parcel, _, now| storage_collect(parcel, now),
        owed: lies_at_a_site,
    },
    Row {
        kind: DeadlineKind::StorageRedelivery,
        rule: "C6.7: arrange the delivery the recipient asks for",
        value: Some("storage_redelivery_min"),
        clock: storage_redelivery,
        owed: lies_at_a_site,
    },
];

const EXCEPTION: &[Row<ExceptionCase>] = &[
    Row {
        kind: DeadlineKind::ExceptionReport,
        rule: "M42: the station answers a report at once",
        value: Some("report_min"),
        clock: exception_report,
        owed: ExceptionCase::is_open,
    },
    Row {
        kind: DeadlineKind::ExceptionFeedback,
        rule: "M47: tell somebody concerned in time",
        value: Some("exception_feedback_min"),
        clock: exception_feedback,
        owed: ExceptionCase::is_open,
    },
    Row {
        kind: DeadlineKind::MisdeliveryContact,
        rule: "M51: speak to the recipient of a misdelivery",
        value: Some("misdelivery_contact_min"),
        clock: misdelivery_contact,
        owed: ExceptionCase::is_open,
    },
    Row {
        kind: DeadlineKind::Promise,
        rule: "M51: a promise runs as said",
        value: None,
        clock: |case, _, now| promise_owed(case, now),
        owed: |_| true,
    },
];

const PICKUP: &[Row<PickupOrder>] = &[Row {
    kind: DeadlineKind::PickupVisit,
    rule: "M10: be there in the window, or tell of a later time before it is over",
    value: None,
    clock: |order, _, now| pickup_visit(order, now),
    owed: |order| !order.stage.is_closed(),
}];

const COMPLAINT: &[Row<Complaint>] = &[
    Row {
        kind: DeadlineKind::ComplaintFirstContact,
        rule: "M54: reach the customer",
        value: Some("first_contact_min"),
        clock: first_contact,
        owed: |complaint| complaint.closed.is_none(),
    },
    Row {
        kind: DeadlineKind::ComplaintClosure,
        rule: "M56: close it",
        value: Some("closure_h"),
        clock: closure,
        owed: |complaint| complaint.closed.is_none(),
    },
    Row {
        kind: DeadlineKind::ComplaintLegal,
        rule: "快递暂行条例 (R10): handle it and tell the customer",
        value: Some("legal_reply_days"),
        clock: legal_reply,
        owed: |complaint| complaint.closed.is_none(),
    },
    Row {
        kind: DeadlineKind::PiiErase,
        rule: "个人信息保护法 19, 47: erase its persons",
        value: Some("pii_erase_days"),
        clock: pii_erase,
        owed: |complaint| complaint.margin.erasure.is_none(),
    },
];

fn on_its_way(parcel: &Parcel) -> bool {
    !parcel.stage.is_terminal()
}

fn lies_at_a_site(parcel: &Parcel) -> bool {
    parcel.storage.current_stay().is_some()
}

/// Before every clock: what still runs here was stopped by nothing.
const BEFORE_ALL: Moment = Moment { ms: i64::MIN / 4, offset_min: 0, unsure_ms: Some(0) };

/// One clock that was started, under the values it is judged by.
struct Started<'a> {
    clock: Deadline,
    standing: Timeliness,
    open: bool,
    values: &'a Resolved,
}

impl<S> Row<S> {
    /// Reads the clock; `None` if it was not started, or nothing is owed any more.
    fn read<'a>(&self, state: &S, policies: &'a Policies, now: &Moment) -> Option<Started<'a>> {
        let mut values = policies.now(now.ms);
        let (first, _) = (self.clock)(state, &values.policy, now)?;
        if let Some(start) = first.started_at() {
            values = policies.at(start.ms);
        }
        let (clock, standing) = (self.clock)(state, &values.policy, now)?;
        // What was stopped was stopped at any time; a clock that comes to be owed only later is
        // not even there before all.
        let before = (self.clock)(state, &values.policy, &BEFORE_ALL);
        let open =
            before.is_none_or(|(was, standing)| was != clock || standing == Timeliness::Running);
        let moot = open && !(self.owed)(state);
        (!moot).then_some(Started { clock, standing, open, values })
    }
}

/// What a table of clocks is asked for.
trait Reader {
    fn row<S>(&mut self, row: &Row<S>, state: &S);
}

fn read_all(state: &LaneState, reader: &mut impl Reader) {
    match state {
        LaneState::Parcel(parcel) => PARCEL.iter().for_each(|row| reader.row(row, parcel)),
        LaneState::Pickup(order) => PICKUP.iter().for_each(|row| reader.row(row, order)),
        LaneState::Exception(case) => EXCEPTION.iter().for_each(|row| reader.row(row, case)),
        LaneState::Complaint(case) => COMPLAINT.iter().for_each(|row| reader.row(row, case)),
        LaneState::Log { .. } => {}
    }
}

/// Returns every clock of a lane that was started, in the order of the table. Taken as confirmed;
/// a phone compares with the confirmed fold.
pub fn deadlines(
    lane: &Lane,
    state: &LaneState,
    policies: &Policies,
    now: &Moment,
) -> Vec<DeadlineView> {
    struct Views<'a> {
        lane: &'a Lane,
        policies: &'a Policies,
        now: &'a Moment,
        found: Vec<DeadlineView>,
    }
    impl Reader for Views<'_> {
        fn row<S>(&mut self, row: &Row<S>, state: &S) {
            let Some(read) = row.read(state, self.policies, self.now) else { return };
            let value = row.value.and_then(|value| read.values.explain(value));
            let why = value.map(|value| format!("; {}", value.line())).unwrap_or_default();
            self.found.push(DeadlineView {
                kind: row.kind,
                lane: self.lane.clone(),
                started_at: read.clock.started_at(),
                due_ms: read.clock.due_ms(),
                standing: read.standing,
                open: read.open,
                confirmed: true,
                why: format!("{}{why}", row.rule),
            });
        }
    }
    let mut views = Views { lane, policies, now, found: Vec::new() };
    read_all(state, &mut views);
    views.found
}

/// Marks what the hub has not confirmed: clocks that the confirmed fold does not show so.
pub(crate) fn confirm(views: &mut [DeadlineView], confirmed: &[DeadlineView]) {
    for view in views {
        view.confirmed = confirmed.contains(view);
    }
}

/// Returns when the first open clock of a lane ends, UTC milliseconds. Depends on no present time.
pub(crate) fn next_due(state: &LaneState, policies: &Policies) -> Option<i64> {
    struct First<'a> {
        policies: &'a Policies,
        due_ms: Option<i64>,
    }
    impl Reader for First<'_> {
        fn row<S>(&mut self, row: &Row<S>, state: &S) {
            let read = row.read(state, self.policies, &BEFORE_ALL);
            let due = read.filter(|read| read.open).map(|read| read.clock.due_ms());
            self.due_ms = self.due_ms.into_iter().chain(due).min();
        }
    }
    let mut first = First { policies, due_ms: None };
    read_all(state, &mut first);
    first.due_ms
}
