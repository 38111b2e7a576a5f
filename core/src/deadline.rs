//! Deadlines: computed from events, never stored, and honest about clocks.
//!
//! A moment is known with an uncertainty. What could have been on time or late is neither:
//! [`Timeliness::CannotTell`] never turns into on time.

use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;
use crate::exception_report::{CasePromise, ExceptionCase, ExceptionKind, MisdeliveryStep};
use crate::parcel::Parcel;
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
    start: Moment,
    limit_ms: i64,
}

impl Deadline {
    /// A clock started at `start` that runs for so many minutes.
    pub fn after_minutes(start: Moment, minutes: u32) -> Self {
        Self { start, limit_ms: i64::from(minutes) * 60_000 }
    }

    /// Returns when it ends, UTC milliseconds, by the clock that started it.
    pub fn due_ms(&self) -> i64 {
        self.start.ms.saturating_add(self.limit_ms)
    }

    /// Judges an act that stopped it. Never [`Timeliness::Running`].
    pub fn judge(&self, stop: &Moment) -> Timeliness {
        match self.elapsed(stop) {
            // Before the start beyond all errors: one of the clocks is not what it claims to be.
            Some((_, most)) if most < 0 => Timeliness::CannotTell,
            Some((_, most)) if most <= self.limit_ms => Timeliness::OnTime,
            Some((least, _)) if least > self.limit_ms => Timeliness::Late,
            _ => Timeliness::CannotTell,
        }
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

    /// Returns the least and the most time that can have passed; `None` if one clock was never
    /// compared with the hub's.
    fn elapsed(&self, stop: &Moment) -> Option<(i64, i64)> {
        let unsure = i64::from(self.start.unsure_ms?) + i64::from(stop.unsure_ms?);
        let elapsed = stop.ms.saturating_sub(self.start.ms);
        Some((elapsed.saturating_sub(unsure), elapsed.saturating_add(unsure)))
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
    let clock = Deadline::after_minutes(stay.at, policy.storage_notice_min);
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
    let limit_ms = made.until_ms.saturating_sub(made.made_at.ms);
    let clock = Deadline { start: made.made_at, limit_ms };
    (clock, clock.standing(&made.kept_at, now))
}

/// The courier's visit to a sender (M10): by the end of the window he is there, or has told of a
/// later time, or the order has ended. `None` before the order was announced.
pub fn pickup_visit(order: &PickupOrder, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let start = order.announced_at?;
    let clock = Deadline { start, limit_ms: order.to_ms?.saturating_sub(start.ms) };
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
