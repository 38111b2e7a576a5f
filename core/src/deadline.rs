//! Deadlines: computed from events, never stored, and honest about clocks.
//!
//! A moment is known with an uncertainty. What could have been on time or late is neither:
//! [`Timeliness::CannotTell`] never turns into on time.

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

/// The erasing of a closed complaint's persons (`PIIErase`; 个人信息保护法 art. 19 and 47). `None`
/// before it is closed, and while the policy names no number of days.
pub fn pii_erase(
    complaint: &Complaint,
    policy: &Policy,
    now: &Moment,
) -> Option<(Deadline, Timeliness)> {
    let minutes = policy.pii_erase_days?.saturating_mul(24 * 60);
    let clock = Deadline::after_minutes(complaint.closed_at?, minutes);
    let erased = complaint.margin.erasure.as_ref().map(|erasure| &erasure.at);
    Some((clock, clock.standing(erased, now)))
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
    fn the_persons_of_a_closed_complaint_are_to_be_erased_in_the_policys_days() {
        let day = |n: i64| at(n * 86_400_000, Some(0));
        let mut complaint = Complaint { closed_at: Some(day(0)), ..Complaint::default() };
        let policy = Policy { pii_erase_days: Some(7), ..Policy::default() };
        let stands = |complaint: &Complaint, now| pii_erase(complaint, &policy, &now).unwrap().1;
        assert_eq!(stands(&complaint, day(7)), Timeliness::Running);
        assert_eq!(stands(&complaint, day(8)), Timeliness::Late);
        let erasure = crate::privacy::Erasure { at: day(6), references: Vec::new() };
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
