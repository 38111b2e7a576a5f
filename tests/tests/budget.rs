//! Budgets that are counted, so that a slow machine cannot hide a broken one.

use lastmile_core::Progress;
use lastmile_core::command::Command;
use lastmile_core::delivery::{
    HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ProofItem, ProofKind,
};
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::sync::SyncChannel;
use lastmile_tests::invented::{complaint, person, waybill};
use lastmile_tests::world::{Phone, carry_until_idle, station_and_phone};

const DOOR: &[u8] = include_bytes!("../fixtures/media/door.jpg");

fn complain(phone: &mut Phone, n: usize) {
    let courier = phone.courier().unwrap();
    let complaint = complaint(courier.new_case(), n);
    courier.record(&complaint).unwrap();
}

#[test]
fn a_thousand_acts_cost_at_most_one_sync_call_each_and_a_twentieth() {
    let (_station, mut phone) = station_and_phone();
    let before = phone.disk.counts();
    for n in 0..1_000 {
        complain(&mut phone, n);
    }
    let syncs = phone.disk.counts().since(&before).syncs();
    assert!((1_000..=1_050).contains(&syncs), "{syncs} sync calls for 1,000 acts");
}

#[test]
fn a_batch_of_twenty_is_one_call_one_transaction_and_twenty_groups() {
    let (station, mut phone) = station_and_phone();
    let mut rng = fastrand::Rng::with_seed(7);
    let waybills: Vec<_> = (0..20).map(waybill).collect();
    let courier = phone.courier().unwrap().identity().courier.clone();
    for waybill in &waybills {
        station.announce(waybill, person(), person(), &mut rng);
        station.command(&Command::Assign { waybill: waybill.clone(), courier: courier.clone() });
    }
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let app = phone.courier().unwrap();
    app.record(&Command::ReconcileManifest {
        manifest: lastmile_core::id::ManifestId(uuid::Uuid::from_u128(1)),
        expected: waybills.clone(),
        scanned: waybills.clone(),
        damaged: Vec::new(),
    })
    .unwrap();
    app.record(&Command::TakeOut { waybills: waybills.clone() }).unwrap();
    let lane = Lane::Parcel(waybills[0].clone());
    let photo = app.capture_bytes(&lane, DOOR, MediaSource::Camera).unwrap();
    let batch = Command::DeliverMany {
        waybills: waybills.clone(),
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof: vec![ProofItem { kind: ProofKind::Photo, evidence: Some(photo) }],
    };
    assert!(app.check_each(&batch).unwrap().is_empty());

    let before = phone.disk.counts();
    let recorded = phone.courier().unwrap().record(&batch).unwrap();
    let syncs = phone.disk.counts().since(&before).syncs();
    assert_eq!(syncs, 1, "one transaction");
    assert_eq!((recorded.events.len(), recorded.left_out.len()), (20, 0));
    let lanes: std::collections::BTreeSet<_> = recorded.lanes.iter().collect();
    assert_eq!(lanes.len(), 20, "each parcel is accepted or parked by itself");

    for channel in [SyncChannel::Events, SyncChannel::Media, SyncChannel::Events] {
        carry_until_idle(&station, &mut phone, channel);
    }
    let app = phone.courier().unwrap();
    for waybill in waybills {
        let history = app.history(&Lane::Parcel(waybill)).unwrap();
        assert_eq!(history.last().unwrap().progress, Progress::Confirmed);
    }
}

#[test]
fn a_morning_of_many_events_costs_a_few_sync_calls_an_answer() {
    let (station, mut phone) = station_and_phone();
    let mut rng = fastrand::Rng::with_seed(7);
    let courier = phone.enrolment.courier.clone();
    for waybill in (0..500).map(waybill) {
        station.announce(&waybill, person(), person(), &mut rng);
        station.assign(&waybill, &courier);
    }
    phone.courier().unwrap().pull_soon();
    let before = phone.disk.counts();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let syncs = phone.disk.counts().since(&before).syncs();
    assert_eq!(phone.courier().unwrap().log().unwrap().len(), 1_000);
    assert!(syncs <= 15, "{syncs} sync calls for 1,000 events and as many persons");

    complain(&mut phone, 1);
    phone.power_loss(&mut rng);
    phone.start().unwrap();
    assert_eq!(phone.courier().unwrap().sync_status().unwrap().pending, 1);
}

#[test]
fn an_idle_phone_makes_no_request_until_its_poll_is_due() {
    let (station, mut phone) = station_and_phone();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    for channel in [SyncChannel::Events, SyncChannel::Media] {
        let next = phone.courier().unwrap().next_request(channel).unwrap();
        assert_eq!(next, lastmile_core::sync::Next::Idle);
    }
}

#[test]
fn list_rows_written_act_by_act_equal_those_rebuilt_from_the_log() {
    let (station, mut phone) = station_and_phone();
    for n in 0..20 {
        complain(&mut phone, n);
        if n == 10 {
            carry_until_idle(&station, &mut phone, SyncChannel::Events);
        }
    }
    let lists = |phone: &Phone| -> Vec<String> {
        let db = phone.disk.open("courier.db").unwrap();
        let mut rows = db
            .prepare(
                "SELECT 'p', lane, stage, open, mine, due_ms FROM parcel UNION ALL
                 SELECT 'e', lane, stage, open, waybill, 0 FROM exception_case UNION ALL
                 SELECT 'c', lane, stage, open, waybill, received_ms FROM complaint ORDER BY 1, 2",
            )
            .unwrap();
        let rows = rows.query_map([], |row| {
            Ok(format!("{:?} {:?} {:?}", row.get_ref(1)?, row.get_ref(2)?, row.get_ref(5)?))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    let live = lists(&phone);
    assert_eq!(live.len(), 20);
    phone.courier().unwrap().rebuild_lists().unwrap();
    assert_eq!(lists(&phone), live);
}
