//! What a hub does by itself once its time has come. On the hub only, like `react.rs`; that one
//! answers an event, this one a clock.
//!
//! Pure: the lane's state says what waits, and from when on. Nothing is remembered beside the lane,
//! so that a restart, or a second hub, does nothing twice.

use crate::command::Command;
use crate::delivery::Party;
use crate::event::Lane;
use crate::fold::LaneState;
use crate::notice::WaitingNotice;
use crate::parcel::{End, Parcel};
use crate::policy::Policy;
use crate::privacy::{ErasureReason, PersonSight};
use crate::time::Moment;

const DAY_MS: i64 = 86_400_000;

/// Something the hub does by itself.
#[derive(Clone, PartialEq)]
pub enum Chore {
    /// It gives this command in the station's name. A rule may still speak against it; then it is
    /// tried again later.
    Do(Box<Command>),
    /// It sends this message.
    Send(WaitingNotice),
}

/// A chore and from when on it is due, UTC milliseconds.
#[derive(Clone, PartialEq)]
pub struct Due {
    /// From when on.
    pub at_ms: i64,
    /// What is to be done.
    pub chore: Chore,
}

/// Returns what waits in a lane, under the station's policy.
///
/// A stay expires when its last moment to collect is over (C2). A notice that was handed to the hub
/// is sent at once. A person whose erasure waits for a case goes when the last one is closed
/// (C6.20); the persons of a complaint, and those of a parcel with its pictures, when the policy's
/// time after its closing or the end of its way is over.
pub fn chores(lane: &Lane, state: &LaneState, policy: &Policy) -> Vec<Due> {
    match (lane, state) {
        (Lane::Parcel(waybill), LaneState::Parcel(parcel)) => {
            let stay = parcel.storage.current_stay().filter(|stay| stay.expired.is_none());
            let expire = stay.map(|stay| {
                let command = Command::ExpireStorage { waybill: waybill.clone() };
                Due { at_ms: stay.collect_before_ms, chore: Chore::Do(Box::new(command)) }
            });
            let send = parcel
                .waiting_notices
                .iter()
                .map(|notice| Due { at_ms: notice.at.ms, chore: Chore::Send(notice.clone()) });
            let asked = held(parcel).map(|party| erase(lane, party, i64::MIN));
            let end = certain_end(parcel).zip(policy.parcel_erase_days);
            let over = end.into_iter().flat_map(|(end, days)| {
                let at_ms = days_after(&end.at, days);
                known(parcel).map(move |party| erase(lane, party, at_ms))
            });
            expire.into_iter().chain(send).chain(asked).chain(over).collect()
        }
        (Lane::Complaint(_), LaneState::Complaint(complaint)) => {
            let kept = policy.pii_erase_days.filter(|_| complaint.margin.erasure.is_none());
            let closed = complaint.closed_at.zip(kept);
            let due = closed.map(|(at, days)| erase(lane, Party::Recipient, days_after(&at, days)));
            due.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Returns when a lane is worth a look under any policy, UTC milliseconds; none if nothing waits.
///
/// A parcel that is over and waits for its erasure alone is looked at after a day, also where a
/// policy names none: until then the looks are for those who wait for something.
pub fn worth_a_look(state: &LaneState) -> Option<i64> {
    match state {
        LaneState::Parcel(parcel) => {
            let stay = parcel.storage.current_stay();
            let waits = stay.is_some_and(|stay| stay.expired.is_none())
                || !parcel.waiting_notices.is_empty()
                || held(parcel).next().is_some();
            let over = certain_end(parcel).filter(|_| known(parcel).next().is_some());
            if waits { Some(i64::MIN) } else { over.map(|end| days_after(&end.at, 1)) }
        }
        LaneState::Complaint(complaint) => {
            let waits = complaint.closed_at.is_some() && complaint.margin.erasure.is_none();
            waits.then_some(i64::MIN)
        }
        _ => None,
    }
}

/// How a parcel's way ended, if it is certain when: by a wrong clock nobody is erased too early.
fn certain_end(parcel: &Parcel) -> Option<&End> {
    parcel.end.as_ref().filter(|end| end.at.unsure_ms.is_some())
}

fn days_after(at: &Moment, days: u32) -> i64 {
    at.ms.saturating_add(i64::from(days) * DAY_MS)
}

/// The persons of a parcel who are not erased, nor wait to be.
fn known(parcel: &Parcel) -> impl Iterator<Item = Party> {
    let parties = [Party::Recipient, Party::Sender].into_iter();
    parties.filter(|party| parcel.sight_of(*party) == PersonSight::Masked)
}

fn held(parcel: &Parcel) -> impl Iterator<Item = Party> {
    let held = parcel.erasure_held.iter().copied();
    held.filter(|party| parcel.sight_of(*party) == PersonSight::Held)
}

fn erase(lane: &Lane, party: Party, at_ms: i64) -> Due {
    let (lane, reason) = (lane.clone(), ErasureReason::RetentionOver);
    Due { at_ms, chore: Chore::Do(Box::new(Command::ErasePerson { lane, party, reason })) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complaint::ComplaintClosed;
    use crate::delivery::Channel;
    use crate::notice::NoticeHandedToHub;
    use crate::privacy::{ErasureHeld, PersonErased};
    use crate::temporary_storage::{StorageExpired, StorageExtended, StoredParcelPickedUp};
    use crate::testing::{Tale, complaint_lane, handed_over, moment, stored, vault};

    fn waiting(tale: &Tale, policy: &Policy) -> Vec<i64> {
        let state = tale.state();
        let due = chores(&tale.lane, &state, policy);
        let due: Vec<_> = due.into_iter().map(|due| due.at_ms).collect();
        let looked_at = |at_ms: &i64| worth_a_look(&state).is_some_and(|look| look <= *at_ms);
        assert!(due.iter().all(looked_at), "what waits is looked at");
        due
    }

    #[test]
    fn a_stay_expires_once_after_its_last_moment_and_anew_after_an_extension() {
        let policy = Policy::default();
        let mut tale = Tale::in_storage();
        let until_ms = stored().collect_before_ms;
        assert_eq!(waiting(&tale, &policy), [until_ms]);
        tale.station().tells(StorageExpired {});
        assert_eq!(waiting(&tale, &policy), [] as [i64; 0]);
        tale.tells(StorageExtended { consent: None, collect_before_ms: until_ms + 1 });
        assert_eq!(waiting(&tale, &policy), [until_ms + 1]);
        tale.tells(StoredParcelPickedUp { scanned: true, code_hash: None });
        assert_eq!(waiting(&tale, &policy), [] as [i64; 0]);
    }

    #[test]
    fn a_notice_waits_until_the_hub_says_what_became_of_it() {
        let mut tale = Tale::out_for_delivery();
        let notice = NoticeHandedToHub {
            to: Party::Recipient,
            channel: Channel::Sms,
            template: "T05.1".into(),
            text: vault(5),
        };
        tale.by("A").tells(notice);
        assert_eq!(waiting(&tale, &Policy::default()), [moment(4).ms]);
        tale.tells(handed_over());
        assert_eq!(waiting(&tale, &Policy::default()).len(), 1, "it is sent all the same");
    }

    #[test]
    fn who_is_to_be_erased_waits_for_nothing_but_the_cases() {
        let mut tale = Tale::out_for_delivery();
        let (party, reason) = (Party::Sender, ErasureReason::Asked);
        tale.station().tells(ErasureHeld { party, reason });
        assert_eq!(waiting(&tale, &Policy::default()), [i64::MIN]);
    }

    #[test]
    fn a_closed_complaint_keeps_its_persons_for_the_policys_days() {
        let mut tale = Tale::new(complaint_lane());
        tale.station().tells(ComplaintClosed { outcome: vault(3) });
        assert_eq!(waiting(&tale, &Policy::default()), [] as [i64; 0]);
        let policy = Policy { pii_erase_days: Some(7), ..Policy::default() };
        assert_eq!(waiting(&tale, &policy), [moment(0).ms + 7 * DAY_MS]);
    }

    #[test]
    fn a_parcel_that_is_over_keeps_its_persons_for_the_policys_days() {
        let mut tale = Tale::out_for_delivery();
        let policy = Policy { parcel_erase_days: Some(90), ..Policy::default() };
        assert_eq!(waiting(&tale, &policy), [] as [i64; 0]);
        tale.by("A").tells(handed_over());
        assert_eq!(waiting(&tale, &Policy::default()), [] as [i64; 0]);
        let due_ms = moment(4).ms + 90 * DAY_MS;
        assert_eq!(waiting(&tale, &policy), [due_ms, due_ms], "the recipient, the sender");
        let (party, reason) = (Party::Sender, ErasureReason::RetentionOver);
        let references = vec![tale.state().parcel().and_then(|parcel| parcel.sender).unwrap()];
        tale.station().tells(PersonErased { party, reason, references, media: Vec::new() });
        assert_eq!(waiting(&tale, &policy), [due_ms]);
        assert_eq!(worth_a_look(&tale.state()), Some(moment(4).ms + DAY_MS), "not at once");
        let mut parcel = tale.parcel();
        parcel.end.as_mut().unwrap().at.unsure_ms = None;
        let state = LaneState::Parcel(Box::new(parcel));
        assert!(chores(&tale.lane, &state, &policy).is_empty(), "nobody can tell when");
    }
}
