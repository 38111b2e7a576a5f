//! What is due: the table over whole lanes.

use proptest::prelude::*;

use super::*;
use crate::complaint::{
    ComplaintClass, ComplaintClosed, ComplaintReceived, ComplaintSource, CustomerFirstContacted,
};
use crate::delivery::Channel;
use crate::event::Lane;
use crate::fold::LaneState;
use crate::id::Digest;
use crate::parcel::GoodsFlags;
use crate::policy::{Pack, Policies};
use crate::temporary_storage::{StorageNoticeSent, StoredParcelPickedUp};
use crate::testing::{
    MORNING_MS, Tale, complaint_lane, handed_over, moment, parcel_lane, station, vault, waybill,
};

fn built_in() -> Policies {
    Policies::new([], &station())
}

fn listed(tale: &Tale, minute: i64) -> Vec<(DeadlineKind, Timeliness, bool)> {
    deadlines(&tale.lane, &tale.state(), &built_in(), &moment(minute))
        .into_iter()
        .map(|view| (view.kind, view.standing, view.open))
        .collect()
}

fn complaint() -> Tale {
    let mut tale = Tale::new(complaint_lane());
    tale.by("A").tells(ComplaintReceived {
        waybill: waybill(),
        complainant: vault(1),
        demand: vault(2),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    });
    tale
}

fn contacted() -> CustomerFirstContacted {
    CustomerFirstContacted { channel: Channel::Phone, reached: true }
}

#[test]
fn a_complaint_runs_three_clocks_and_a_contact_stops_the_first() {
    use DeadlineKind::{ComplaintClosure, ComplaintFirstContact, ComplaintLegal};
    use Timeliness::{Late, OnTime, Running};
    let mut tale = complaint();
    let all = [ComplaintFirstContact, ComplaintClosure, ComplaintLegal];
    assert_eq!(listed(&tale, 5), all.map(|kind| (kind, Running, true)));
    assert_eq!(next_due(&tale.state(), &built_in()), Some(MORNING_MS + 60 * 60_000));
    assert_eq!(listed(&tale, 90)[0], (ComplaintFirstContact, Late, true), "late and still owed");

    tale.tells(contacted());
    assert_eq!(listed(&tale, 90)[0], (ComplaintFirstContact, OnTime, false));
    assert_eq!(next_due(&tale.state(), &built_in()), Some(MORNING_MS + 24 * 3_600_000));

    tale.station().tells(ComplaintClosed { outcome: vault(3) });
    assert!(listed(&tale, 90).iter().all(|(_, standing, open)| *standing == OnTime && !open));
    assert_eq!(next_due(&tale.state(), &built_in()), None);
}

#[test]
fn a_stored_parcel_owes_a_notice_and_then_waits_to_be_collected() {
    use DeadlineKind::{StorageCollect, StorageNotice};
    let mut tale = Tale::in_storage();
    assert_eq!(listed(&tale, 6), [(StorageNotice, Timeliness::Running, true)]);

    tale.tells(StorageNoticeSent {
        channel: Channel::Sms,
        template: "T01.1".into(),
        text: Digest([1; 32]),
    });
    let told = listed(&tale, 30);
    assert_eq!(told[0], (StorageNotice, Timeliness::OnTime, false));
    assert_eq!(told[1], (StorageCollect, Timeliness::Running, true));
    assert_eq!(next_due(&tale.state(), &built_in()), Some(MORNING_MS + 80_000_000));

    tale.tells(StoredParcelPickedUp { scanned: true });
    assert_eq!(listed(&tale, 30)[1], (StorageCollect, Timeliness::OnTime, false));
    assert_eq!(next_due(&tale.state(), &built_in()), None);
}

#[test]
fn a_promise_is_kept_by_the_hand_over() {
    let mut tale = Tale::out_for_delivery();
    assert_eq!(listed(&tale, 5), [], "nothing was promised");
    let LaneState::Parcel(mut parcel) = tale.state() else { panic!("a parcel") };
    parcel.promise_ms = Some(MORNING_MS + 10 * 60_000);
    let promised = LaneState::Parcel(parcel);
    assert_eq!(next_due(&promised, &built_in()), Some(MORNING_MS + 10 * 60_000));

    tale.tells(handed_over());
    let LaneState::Parcel(mut parcel) = tale.state() else { panic!("a parcel") };
    parcel.promise_ms = Some(MORNING_MS + 10 * 60_000);
    let kept = LaneState::Parcel(parcel);
    let views = deadlines(&tale.lane, &kept, &built_in(), &moment(500));
    assert_eq!((views[0].standing, views[0].started_at), (Timeliness::OnTime, None));
    assert_eq!(next_due(&kept, &built_in()), None);
}

#[test]
fn why_names_the_rule_and_the_value_with_its_source() {
    let views = deadlines(&complaint_lane(), &complaint().state(), &built_in(), &moment(5));
    let expected = "M54: reach the customer; first_contact_min = 60 (library): S0, S1 (M54)";
    assert_eq!(views[0].why, expected);
    assert!(views[2].why.contains("legal_reply_days = 7 (law, a floor): R10"), "{}", views[2].why);
}

#[test]
fn what_the_hub_has_not_confirmed_is_shown_as_such() {
    let mut tale = complaint();
    let before = tale.state();
    tale.tells(contacted());
    let read = |state: &LaneState| deadlines(&tale.lane, state, &built_in(), &moment(5));
    let mut views = read(&tale.state());
    confirm(&mut views, &read(&before));
    let confirmed: Vec<_> = views.iter().map(|view| view.confirmed).collect();
    assert_eq!(confirmed, [false, true, true], "the contact is this phone's word");
    assert_eq!(views[0].standing, Timeliness::OnTime);
}

#[test]
fn a_pack_that_comes_later_does_not_make_a_past_act_late() {
    let strict = r#"{"format":"lastmile policy v1","version":2,"layers":[{"layer":"law","values":[
        {"name":"first_contact_min","value":1,"source":"a new law"}]}]}"#;
    let strict = Pack::read(strict).unwrap();
    let mut tale = complaint();
    tale.tells(CustomerFirstContacted { channel: Channel::Phone, reached: false });
    tale.tells(contacted());
    let standing = |since_ms| {
        let policies = Policies::new([(&strict, since_ms)], &station());
        deadlines(&tale.lane, &tale.state(), &policies, &moment(500))[0].standing
    };
    assert_eq!(standing(MORNING_MS + 1), Timeliness::OnTime, "the clock ran before the pack came");
    assert_eq!(standing(MORNING_MS), Timeliness::Late, "the raised floor binds what follows it");
}

#[test]
fn a_log_has_no_clock() {
    let lane = Lane::Station(station());
    assert_eq!(deadlines(&lane, &LaneState::empty(&lane), &built_in(), &moment(0)), []);
    let announced = Tale::announced(GoodsFlags::default());
    assert_eq!(deadlines(&parcel_lane(), &announced.state(), &built_in(), &moment(0)), []);
}

fn any_moment() -> impl Strategy<Value = Moment> {
    (-200_000i64..400_000, prop::option::of(0u32..90_000)).prop_map(|(ms, unsure_ms)| Moment {
        ms,
        offset_min: 480,
        unsure_ms,
    })
}

proptest! {
    /// On time means: in time even if every clock errs as far as it may.
    #[test]
    fn what_uncertainty_leaves_open_is_never_on_time(
        start in prop::option::of(any_moment()),
        stops in prop::collection::vec(any_moment(), 0..4),
        now in any_moment(),
        minutes in 0u32..4,
    ) {
        let clock = match start {
            Some(start) => Deadline::after_minutes(start, minutes),
            None => Deadline::at(i64::from(minutes) * 60_000),
        };
        let surely = |stop: &Moment| {
            let start_errs = start.map_or(Some(0), |start| start.unsure_ms);
            match (start_errs, stop.unsure_ms) {
                (Some(a), Some(b)) => stop.ms + i64::from(a) + i64::from(b) <= clock.due_ms(),
                _ => false,
            }
        };
        let standing = clock.standing(&stops, &now);
        prop_assert!(standing != Timeliness::OnTime || stops.iter().any(surely));
        prop_assert!(standing != Timeliness::Late || !stops.iter().any(surely));
        prop_assert!(standing != Timeliness::Running || stops.is_empty());
    }
}
