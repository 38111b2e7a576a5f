//! Budgets that are counted, so that a slow machine cannot hide a broken one.

use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::id::CourierNo;
use lastmile_core::privacy::Person;
use lastmile_core::sync::SyncChannel;
use lastmile_core::waybill::Waybill;
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle};

fn complaint(phone: &mut Phone, n: u32) -> Command {
    Command::ReceiveComplaint {
        case: phone.courier().unwrap().new_case(),
        waybill: Waybill::parse(&format!("SF1{n:012}")).unwrap(),
        complainant: Person {
            name: "王小明".to_owned(),
            phone: "13900000000".to_owned(),
            ..Person::default()
        },
        demand: "Bring it today".to_owned(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    }
}

fn phone_of_a_new_courier() -> (Station, Phone) {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let enrolment = station.enrol(&CourierNo::new("4849").unwrap(), None);
    let mut phone = Phone::new(&time, 1, enrolment, None);
    phone.start().unwrap();
    (station, phone)
}

#[test]
fn a_thousand_acts_cost_at_most_one_sync_call_each_and_a_twentieth() {
    let (_station, mut phone) = phone_of_a_new_courier();
    let before = phone.disk.counts();
    for n in 0..1_000 {
        let command = complaint(&mut phone, n);
        phone.courier().unwrap().record(&command).unwrap();
    }
    let syncs = phone.disk.counts().since(&before).syncs();
    assert!((1_000..=1_050).contains(&syncs), "{syncs} sync calls for 1,000 acts");
}

#[test]
fn an_idle_phone_makes_no_request_until_its_poll_is_due() {
    let (station, mut phone) = phone_of_a_new_courier();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    for channel in [SyncChannel::Events, SyncChannel::Media] {
        let next = phone.courier().unwrap().next_request(channel).unwrap();
        assert_eq!(next, lastmile_core::sync::Next::Idle);
    }
}

#[test]
fn list_rows_written_act_by_act_equal_those_rebuilt_from_the_log() {
    let (station, mut phone) = phone_of_a_new_courier();
    for n in 0..20 {
        let command = complaint(&mut phone, n);
        phone.courier().unwrap().record(&command).unwrap();
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
