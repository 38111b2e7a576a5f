//! Deadlines: computed from events, never stored, and honest about clocks.
//!
//! A moment is known with an uncertainty. What could have been on time or late is neither:
//! [`Timeliness::CannotTell`] never turns into on time. One function per clock; the table in
//! `due.rs` lists them all, so that a screen can ask for what is due.

mod due;
#[cfg(test)]
mod due_tests;

pub use due::{DeadlineKind, DeadlineView, deadlines};
pub(crate) use due::{confirm, next_due};

use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;
use crate::delivery::{Unreachable, unreachable};
use crate::exception_report::{CasePromise, ExceptionCase, ExceptionKind, MisdeliveryStep};
use crate::parcel::{Parcel, Stage};
use crate::pickup::PickupOrder;
use crate::policy::Policy;
use crate::temporary_storage::Notice;
use crate::time::Moment;

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Timeliness {
    /// Not stopped, and not over yet.
    Running,
    /// Stopped in time, whatever the clocks' errors were.
    OnTime,
    /// Too late, whatever the clocks' errors were.
    Late,
    /// The clocks' errors leave it open.
    CannotTell,
}

/// A clock that was started and has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// None for a fixed end, which depends on no start.
    start: Option<Moment>,
    due_ms: i64,
}

impl Deadline {
    /// A clock started at `start` that runs for so many minutes.
    pub fn after_minutes(start: Moment, minutes: u32) -> Self {
        let limit_ms = i64::from(minutes) * 60_000;
        Self { start: Some(start), due_ms: start.ms.saturating_add(limit_ms) }
    }

    /// A clock started at `start` that runs for so many hours.
    pub fn after_hours(start: Moment, hours: u32) -> Self {
        Self::after_minutes(start, hours.saturating_mul(60))
    }

    /// A clock started at `start` that runs until `due_ms`, UTC milliseconds.
    pub fn until(start: Moment, due_ms: i64) -> Self {
        Self { start: Some(start), due_ms }
    }

    /// A clock that ends at a moment somebody named, UTC milliseconds.
    pub fn at(due_ms: i64) -> Self {
        Self { start: None, due_ms }
    }

    /// Returns when it started; `None` if only its end was named.
    pub fn started_at(&self) -> Option<Moment> {
        self.start
    }

    /// Returns when it ends, UTC milliseconds, by the clock that started it.
    pub fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// Judges an act that stopped it. Never [`Timeliness::Running`].
    pub fn judge(&self, stop: &Moment) -> Timeliness {
        let unsure = match (self.start, stop.unsure_ms) {
            (Some(start), Some(stop)) => {
                start.unsure_ms.map(|start| i64::from(start) + i64::from(stop))
            }
            (None, Some(stop)) => Some(i64::from(stop)),
            // This clock was never compared with the hub's.
            (_, None) => None,
        };
        let Some(unsure) = unsure else { return Timeliness::CannotTell };
        let (earliest, latest) = (stop.ms.saturating_sub(unsure), stop.ms.saturating_add(unsure));
        match self.start {
            // Before the start beyond all errors: one of the clocks is not what it claims to be.
            Some(start) if latest < start.ms => Timeliness::CannotTell,
            _ if latest <= self.due_ms => Timeliness::OnTime,
            _ if earliest > self.due_ms => Timeliness::Late,
            _ => Timeliness::CannotTell,
        }
    }

    /// Tells whether all of its time had passed at `at`, whatever the clocks' errors were.
    pub fn has_passed(&self, at: &Moment) -> bool {
        at.unsure_ms.is_some_and(|unsure| at.ms.saturating_sub(i64::from(unsure)) >= self.due_ms)
    }

    /// Tells how it stands at `now`, if any of `stops` stopped it. The best proof counts.
    pub fn standing<'a>(
        &self,
        stops: impl IntoIterator<Item = &'a Moment>,
        now: &Moment,
    ) -> Timeliness {
        let mut standing = None;
        for stop in stops {
            match (self.judge(stop), standing) {
                (Timeliness::OnTime, _) => return Timeliness::OnTime,
                (Timeliness::CannotTell, _) => standing = Some(Timeliness::CannotTell),
                (other, None) => standing = Some(other),
                (_, Some(_)) => {}
            }
        }
        standing.unwrap_or_else(|| match self.judge(now) {
            Timeliness::Late => Timeliness::Late,
            _ if now.ms <= self.due_ms() => Timeliness::Running,
            _ => Timeliness::CannotTell,
        })
    }
}

/// The first contact after a complaint (M54): stopped only by a contact that reached the customer,
/// whoever made it. `None` before the complaint was received.
pub fn first_contact(
    complaint: &Complaint,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::after_minutes(complaint.received_at?, policy.first_contact_min);
    let contacts = complaint.contacts.iter().map(|contact| &contact.at);
    Some((clock, clock.standing(contacts, now)))
}

/// The notice to the recipient of a stored parcel (M32). `None` if it never lay at a site.
pub fn storage_notice(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let stay = parcel.storage.stay.as_ref()?;
    let clock = Deadline::after_minutes(stay.notice_owed_since(), policy.storage_notice_min);
    let sent = match &stay.notice {
        Notice::Sent { at, .. } => Some(at),
        Notice::Owed | Notice::Failed { .. } => None,
    };
    Some((clock, clock.standing(sent, now)))
}

/// The station's answer to an exception report (M42). `None` before the report.
pub fn exception_report(
    case: &ExceptionCase,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::after_minutes(case.reported_at?, policy.report_min);
    Some((clock, clock.standing(&case.acknowledged_at, now)))
}

/// The collection of a stored parcel (M33): from the notice to the last moment to collect it,
/// stopped when it leaves the site, whoever takes it. `None` before the recipient was told.
pub fn storage_collect(parcel: &Parcel, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let stay = parcel.storage.stay.as_ref()?;
    let Notice::Sent { at: told, .. } = &stay.notice else { return None };
    let clock = Deadline::until(*told, stay.collect_before_ms);
    Some((clock, clock.standing(&left_the_site(parcel), now)))
}

/// When a parcel left its last site: taken out or handed back, else collected.
fn left_the_site(parcel: &Parcel) -> Option<Moment> {
    let ended = parcel.storage.stay.as_ref()?.ended.as_ref()?;
    ended.at.or(parcel.delivered().map(|delivered| delivered.at))
}

/// Arranging the delivery of a stored parcel whose recipient wants it at his door (C2, C6.7):
/// stopped by an appointment, or when it leaves the site. `None` while he does not.
pub fn storage_redelivery(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let stay = parcel.storage.stay.as_ref()?;
    let clock = Deadline::after_minutes(stay.redelivery_asked?, policy.storage_redelivery_min);
    let stops = [stay.redelivery_arranged, left_the_site(parcel)];
    Some((clock, clock.standing(stops.iter().flatten(), now)))
}

/// The closing of a complaint, counted from its receipt (M56).
pub fn closure(
    complaint: &Complaint,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::after_hours(complaint.received_at?, policy.closure_h);
    Some((clock, clock.standing(&complaint.closed_at, now)))
}

/// The answer that the law asks for (快递暂行条例, R10). Closing says how it ended; it stands for
/// telling the customer until a fact says when he was told.
pub fn legal_reply(
    complaint: &Complaint,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let hours = policy.legal_reply_days.saturating_mul(24);
    let clock = Deadline::after_hours(complaint.received_at?, hours);
    Some((clock, clock.standing(&complaint.closed_at, now)))
}

/// The erasing of a closed complaint's persons (`PIIErase`; 个人信息保护法 art. 19 and 47). `None`
/// before it is closed, and while the policy names no number of days.
pub fn pii_erase(
    complaint: &Complaint,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let hours = policy.pii_erase_days?.saturating_mul(24);
    let clock = Deadline::after_hours(complaint.closed_at?, hours);
    let erased = complaint.margin.erasure.as_ref().map(|erasure| &erasure.at);
    Some((clock, clock.standing(erased, now)))
}

// Delivery.

/// The answer to a redirection (M34). `None` if none was ever asked. A hand-over stops it too: there
/// is nothing left to answer.
pub fn redirect_answer(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let redirect = parcel.delivery.redirect.as_ref()?;
    let clock = Deadline::after_minutes(redirect.at, policy.redirect_answer_min);
    let answered = redirect.answer.as_ref().map(|answer| &answer.at);
    let moot = parcel.delivered().map(|delivered| &delivered.at);
    Some((clock, clock.standing(answered.or(moot), now)))
}

/// The report of a refusal to the station (M35). `None` if nothing was refused.
///
/// Stopped when the courier called the station, or when the hub had the record. Nobody writes down
/// when that was: it was before the station's first act in knowledge of it, and before `now`.
pub fn refusal_report(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let refusal = parcel.delivery.refusal.as_ref()?;
    let clock = Deadline::after_minutes(refusal.at, policy.report_min);
    let received = refusal.mark.seq.is_some().then_some(now);
    let standing = match (&refusal.called_at, refusal.known_at.as_ref().or(received)) {
        (Some(called), _) => clock.judge(called),
        (None, Some(by_then)) if clock.judge(by_then) == Timeliness::OnTime => Timeliness::OnTime,
        (None, Some(_)) => Timeliness::CannotTell,
        (None, None) => clock.standing([], now),
    };
    Some((clock, standing))
}

/// The word to the customer that his parcel comes late (M27): owed from the policy's lead before
/// the promise on, and again before each new promise. `None` while nothing is owed.
pub fn delay_notice(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let promised = Deadline::at(parcel.promised_ms()?);
    let near_ms = promised.due_ms() - i64::from(policy.delay_lead_min) * 60_000;
    let brought = brought(parcel).next();
    if brought.is_some_and(|at| promised.judge(at) == Timeliness::OnTime)
        || (brought.is_none() && now.ms < near_ms)
    {
        // Nothing is owed now; an earlier notice is judged by the promise it took the place of.
        let told = parcel.delivery.delay.as_ref()?;
        let clock = Deadline::at(told.instead_of_ms?);
        return Some((clock, clock.judge(&told.at)));
    }
    match brought {
        Some(at) => Some((promised, promised.judge(at))),
        None if !parcel.stage.is_on_the_way() && parcel.stage != Stage::Assigned => None,
        None => Some((promised, promised.standing([], now))),
    }
}

/// The delivery by the hub's promise (M26). `None` without a promise.
pub fn route_promise(parcel: &Parcel, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::at(parcel.promise_ms?);
    Some((clock, clock.standing(brought(parcel), now)))
}

/// The delivery inside one city (M25), counted from the collection. `None` if no courier of this
/// network collected it.
pub fn same_city_delivery(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let collected = parcel.collected.as_ref()?.at;
    let clock = Deadline::after_hours(collected, policy.same_city_hours);
    Some((clock, clock.standing(brought(parcel), now)))
}

/// The way of a signed return form back to the station (M37). `None` without a form, and where the
/// policy names no time.
pub fn receipt_form_return(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let form = parcel.delivery.receipt_form.as_ref()?;
    let hours = policy.receipt_form_return_h?;
    let clock = Deadline::after_minutes(form.signed_at, hours.saturating_mul(60));
    Some((clock, clock.standing(&form.handed_in_at, now)))
}

/// The wait of the unreachable rule that runs now (浙江省快递业促进条例 art. 33). Not a limit but a
/// lock: `Running` is too early, `Late` says that its time has passed and the next step is free.
pub fn unreachable_rule(
    parcel: &Parcel,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let free_ms = match unreachable(parcel, policy, now) {
        Unreachable::FirstMessage => return None,
        Unreachable::SecondMessage { from_ms: ms }
        | Unreachable::Silence { until_ms: ms }
        | Unreachable::Since { ms } => ms,
    };
    let clock = Deadline::at(free_ms);
    Some((clock, clock.standing([], now)))
}

/// When the recipient got it, or it was stored with his consent: both keep a promise.
fn brought(parcel: &Parcel) -> impl Iterator<Item = &Moment> {
    let stay = parcel.storage.stay.as_ref().filter(|stay| {
        let lies_there = stay.ended.is_none() || parcel.stage == Stage::PickedUp;
        stay.consent.is_some() && lies_there
    });
    stay.map(|stay| &stay.at).into_iter().chain(parcel.delivered().map(|delivered| &delivered.at))
}

/// The word to somebody concerned after a clerk owns the case (M47). `None` before that, and as long
/// as the policy sets no time.
pub fn exception_feedback(
    case: &ExceptionCase,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::after_minutes(case.acknowledged_at?, policy.exception_feedback_min?);
    Some((clock, clock.standing(case.told.iter().map(|told| &told.at), now)))
}

/// The first word to the recipient after a misdelivery is known (M51). `None` for any other case.
pub fn misdelivery_contact(
    case: &ExceptionCase,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    if case.kind != Some(ExceptionKind::Misdelivery) {
        return None;
    }
    let clock = Deadline::after_minutes(case.reported_at?, policy.misdelivery_contact_min);
    let spoken =
        case.steps.iter().filter(|taken| taken.step == MisdeliveryStep::RecipientContacted);
    Some((clock, clock.standing(spoken.map(|taken| &taken.at), now)))
}

/// A promise to a customer (M51): it runs as said, and stops when it is kept.
pub fn promise(made: &CasePromise, now: &Moment) -> (Deadline, Timeliness) {
    let clock = Deadline::until(made.made_at, made.until_ms);
    (clock, clock.standing(&made.kept_at, now))
}

/// The promise of a case that is to be kept first; once all are kept, the one kept last (M51).
pub fn promise_owed(case: &ExceptionCase, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let open = case.promises.iter().filter(|made| made.kept_at.is_none());
    let next = open.min_by_key(|made| made.until_ms);
    let last = || case.promises.iter().max_by_key(|made| made.kept_at.map(|at| at.ms));
    next.or_else(last).map(|made| promise(made, now))
}

/// The courier's visit to a sender (M10): by the end of the window he is there, or has told of a
/// later time, or the order has ended. `None` before the order was announced.
pub fn pickup_visit(order: &PickupOrder, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::until(order.announced_at?, order.to_ms?);
    let stops = order.delays.iter().map(|delay| &delay.told_at);
    Some((clock, clock.standing(stops.chain(&order.inspected_at).chain(&order.closed_at), now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64, unsure_ms: Option<u32>) -> Moment {
        Moment { ms, offset_min: 480, unsure_ms }
    }

    fn judged(start: Moment, stop: Moment) -> Timeliness {
        Deadline::after_minutes(start, 1).judge(&stop)
    }

    #[test]
    fn the_clocks_errors_decide_what_can_be_told() {
        let start = at(0, Some(1_000));
        assert_eq!(judged(start, at(58_000, Some(1_000))), Timeliness::OnTime);
        assert_eq!(judged(start, at(58_001, Some(1_000))), Timeliness::CannotTell);
        assert_eq!(judged(start, at(62_000, Some(1_000))), Timeliness::CannotTell);
        assert_eq!(judged(start, at(62_001, Some(1_000))), Timeliness::Late);
    }

    #[test]
    fn a_clock_that_was_never_compared_tells_nothing() {
        assert_eq!(judged(at(0, None), at(1, Some(0))), Timeliness::CannotTell);
        assert_eq!(judged(at(0, Some(0)), at(1, None)), Timeliness::CannotTell);
    }

    #[test]
    fn an_act_before_the_start_tells_nothing() {
        assert_eq!(judged(at(10_000, Some(10)), at(0, Some(10))), Timeliness::CannotTell);
    }

    #[test]
    fn an_open_clock_runs_until_it_is_surely_over() {
        let clock = Deadline::after_minutes(at(0, Some(0)), 1);
        assert_eq!(clock.standing([], &at(60_000, Some(9))), Timeliness::Running);
        assert_eq!(clock.standing([], &at(60_001, Some(9))), Timeliness::CannotTell);
        assert_eq!(clock.standing([], &at(60_010, Some(9))), Timeliness::Late);
        assert_eq!(clock.standing([], &at(60_010, None)), Timeliness::CannotTell);
    }

    #[test]
    fn a_promise_runs_as_said() {
        let made = CasePromise {
            promise: crate::exception_report::Promised::BringParcel,
            made_at: at(0, Some(0)),
            until_ms: 7_200_000,
            kept_at: None,
        };
        let standing = |kept_at, now| promise(&CasePromise { kept_at, ..made }, &now).1;
        assert_eq!(standing(None, at(7_200_000, Some(0))), Timeliness::Running);
        assert_eq!(standing(None, at(7_200_001, Some(0))), Timeliness::Late);
        let kept = Some(at(7_000_000, Some(0)));
        assert_eq!(standing(kept, at(9_000_000, Some(0))), Timeliness::OnTime);
        let unsure = Some(at(7_000_000, None));
        assert_eq!(standing(unsure, at(9_000_000, Some(0))), Timeliness::CannotTell);
    }

    #[test]
    fn the_persons_of_a_closed_complaint_are_to_be_erased_in_the_policys_days() {
        let day = |n: i64| at(n * 86_400_000, Some(0));
        let mut complaint = Complaint { closed_at: Some(day(0)), ..Complaint::default() };
        let policy = Policy { pii_erase_days: Some(7), ..Policy::default() };
        let stands = |complaint: &Complaint, now| pii_erase(complaint, &policy, &now).unwrap().1;
        assert_eq!(stands(&complaint, day(7)), Timeliness::Running);
        assert_eq!(stands(&complaint, day(8)), Timeliness::Late);
        let erasure =
            crate::privacy::Erasure { at: day(6), references: Vec::new(), media: Vec::new() };
        complaint.margin.erasure = Some(erasure);
        assert_eq!(stands(&complaint, day(8)), Timeliness::OnTime);
        assert_eq!(pii_erase(&complaint, &Policy::default(), &day(8)), None);
        assert_eq!(pii_erase(&Complaint::default(), &policy, &day(8)), None);
    }

    #[test]
    fn the_best_proof_of_several_counts_and_none_is_turned_into_on_time() {
        let clock = Deadline::after_minutes(at(0, Some(0)), 1);
        let (late, open, good) = (at(70_000, Some(0)), at(50_000, None), at(50_000, Some(0)));
        let now = at(90_000, Some(0));
        assert_eq!(clock.standing([&late, &good], &now), Timeliness::OnTime);
        assert_eq!(clock.standing([&open, &late], &now), Timeliness::CannotTell);
        assert_eq!(clock.standing([&late, &open], &now), Timeliness::CannotTell);
        assert_eq!(clock.standing([&late], &now), Timeliness::Late);
    }
}
