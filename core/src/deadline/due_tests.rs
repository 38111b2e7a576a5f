//! What is due: the table over whole lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::command::Command;
use crate::complaint::{
    ComplaintClass, ComplaintClosed, ComplaintReceived, ComplaintSource, CustomerFirstContacted,
};
use crate::courier::{Courier, Identity, Options};
use crate::delivery::Channel;
use crate::event::Lane;
use crate::exception_report::ExceptionKind;
use crate::fold::LaneState;
use crate::id::{DeviceId, Digest, HubEpoch};
use crate::parcel::GoodsFlags;
use crate::policy::{Pack, Policies};
use crate::temporary_storage::{StorageNoticeSent, StoredParcelPickedUp};
use crate::testing::{
    MORNING_MS, Tale, complaint_lane, courier, handed_over, key, moment, parcel_lane, person,
    station, vault, waybill,
};
use crate::time::{Clock, ClockReading};

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

    tale.tells(StoredParcelPickedUp { scanned: true, code_hash: None });
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

/// A clock that stands still until it is told to move; the phone never met a hub.
struct Still(AtomicI64);

impl Clock for Still {
    fn read(&self) -> ClockReading {
        let wall_ms = self.0.load(Ordering::SeqCst);
        ClockReading { wall_ms, offset_min: 480, boot_id: Uuid::from_u128(1), boot_ms: wall_ms }
    }
}

fn phone(folder: &std::path::Path, clock: &Arc<Still>) -> Courier {
    let identity = Identity {
        device: DeviceId(Uuid::from_u128(1)),
        courier: courier("A"),
        station: station(),
        root_key: String::new(),
        epoch: HubEpoch(Uuid::from_u128(2)),
    };
    let options = Options { clock: clock.clone(), ..Options::folder(folder, key(), 480) };
    Courier::open(options, identity).unwrap()
}

fn receive(phone: &mut Courier) -> Lane {
    let case = phone.new_case();
    let received = Command::ReceiveComplaint {
        case,
        waybill: waybill(),
        complainant: person(),
        demand: "today".into(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    };
    phone.record(&received).unwrap();
    Lane::Complaint(case)
}

fn due_column(phone: &Courier) -> Vec<(i64, Option<i64>)> {
    let db = &phone.store().unwrap().db;
    let sql = "SELECT lane, due_ms FROM complaint UNION ALL SELECT lane, due_ms FROM exception_case
               UNION ALL SELECT lane, due_ms FROM parcel ORDER BY lane";
    let mut rows = db.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_phone_lists_what_is_due_first_first_and_not_yet_synced() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Still(AtomicI64::new(MORNING_MS)));
    let mut phone = phone(folder.path(), &clock);
    let first = receive(&mut phone);
    clock.0.fetch_add(30 * 60_000, Ordering::SeqCst);
    let second = receive(&mut phone);

    let hour = 3_600_000;
    let due = phone.deadlines_due(MORNING_MS + 2 * hour).unwrap();
    let lanes: Vec<_> = due.iter().map(|view| (&view.lane, view.kind)).collect();
    let contact = DeadlineKind::ComplaintFirstContact;
    assert_eq!(lanes, [(&first, contact), (&second, contact)]);
    assert!(due.iter().all(|view| view.open && !view.confirmed));
    assert_eq!(phone.deadlines_due(MORNING_MS + hour).unwrap(), [], "before, not at");
    assert_eq!(phone.next_deadline().unwrap(), Some(due[0].clone()));

    clock.0.fetch_add(2 * hour, Ordering::SeqCst);
    let next = phone.next_deadline().unwrap().unwrap();
    assert_eq!((next.kind, &next.lane), (DeadlineKind::ComplaintClosure, &first));
    let over = phone.deadlines_due(phone.now().ms).unwrap();
    assert_eq!(over.len(), 2, "what is over and not done is still listed");
    assert!(over.iter().all(|view| view.standing == Timeliness::CannotTell), "no hub was ever met");
}

#[test]
fn the_due_column_rebuilt_from_the_log_equals_the_live_one() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Still(AtomicI64::new(MORNING_MS)));
    let mut phone = phone(folder.path(), &clock);
    let Lane::Complaint(case) = receive(&mut phone) else { panic!("a complaint") };
    receive(&mut phone);
    let channel = Channel::Phone;
    phone.record(&Command::ContactCustomer { case, channel, reached: true }).unwrap();
    let report = Command::ReportException {
        case: phone.new_case(),
        kind: ExceptionKind::Delay,
        waybill: None,
        evidence: Vec::new(),
        shows: Vec::new(),
        note: None,
    };
    phone.record(&report).unwrap();

    let live = due_column(&phone);
    phone.store().unwrap().db.execute("UPDATE complaint SET due_ms = 7", []).unwrap();
    phone.store().unwrap().db.execute("DELETE FROM exception_case", []).unwrap();
    phone.rebuild_lists().unwrap();
    assert_eq!(due_column(&phone), live);
    let minute = 60_000;
    let due: Vec<_> = live.iter().map(|(_, due_ms)| due_ms.unwrap() - MORNING_MS).collect();
    assert_eq!(due, [24 * 60 * minute, 60 * minute, 15 * minute]);
}
