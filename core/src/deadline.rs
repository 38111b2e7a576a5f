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
use crate::exception_report::ExceptionCase;
use crate::parcel::Parcel;
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
    let owed_since = stay.owed_anew.as_ref().map_or(stay.at, |anew| anew.at);
    let clock = Deadline::after_minutes(owed_since, policy.storage_notice_min);
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

/// The promised delivery (M26): stopped by the hand-over, or by a store with consent.
pub fn route_promise(parcel: &Parcel, now: &Moment) -> Option<(Deadline, Timeliness)> {
    let clock = Deadline::at(parcel.promise_ms?);
    let stored = parcel.storage.stay.as_ref().filter(|stay| stay.consent.is_some());
    let stops = [parcel.delivered().map(|delivered| &delivered.at), stored.map(|stay| &stay.at)];
    Some((clock, clock.standing(stops.into_iter().flatten(), now)))
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
