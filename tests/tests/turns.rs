//! The courier's own act never waits for all of a long answer.

use std::ops::Range;

use lastmile_core::sync::{Next, SyncChannel};
use lastmile_tests::invented::{person, report, waybill};
use lastmile_tests::world::{
    Phone, Station, carry_until_idle, reply_of, request_of, station_and_phone,
};

/// Events that are taken at once.
const PART: usize = 50;

/// Parcels of a long answer.
const PARCELS: usize = 120;

/// Announces parcels and assigns them to the phone's courier: two events each.
fn announce(station: &Station, phone: &Phone, numbers: Range<usize>) {
    let mut rng = fastrand::Rng::with_seed(1);
    for n in numbers {
        station.announce(&waybill(n), person(), person(), &mut rng);
        station.assign(&waybill(n), &phone.enrolment.courier);
    }
}

fn events_here(phone: &mut Phone) -> usize {
    phone.courier().and_then(|courier| courier.log()).expect("a good disk").len()
}

#[test]
fn between_two_parts_of_an_answer_the_couriers_own_act_has_its_turn() {
    let (station, mut phone) = station_and_phone();
    announce(&station, &phone, 0..PARCELS);

    let mut parts = 0;
    let mut recorded = 0;
    loop {
        let courier = phone.courier().expect("the app runs");
        let next = courier.next_request(SyncChannel::Events).expect("a good disk");
        let Next::Send { request } = next else { break };
        let reply = reply_of(station.ask(&request_of(&phone, &request)));
        let courier = phone.courier().expect("the app runs");
        let mut more = courier.begin_reply(request.id, &reply).expect("a good reply");
        while more {
            let before = events_here(&mut phone);
            let courier = phone.courier().expect("the app runs");
            more = courier.apply_more().expect("a good disk");
            parts += 1;
            assert!(events_here(&mut phone) - before <= PART);

            let courier = phone.courier().expect("the app runs");
            if more {
                let next = courier.next_request(SyncChannel::Events).expect("a good disk");
                assert_eq!(next, Next::Wait { ms: 0 }, "one answer at a time");
            }
            if parts <= 8 {
                let report = report(courier.new_case(), Vec::new());
                courier.record(&report).expect("no rule speaks against it");
                recorded += 1;
            }
        }
    }

    assert!(parts > 8, "240 events and as many persons, and {parts} parts");
    let courier = phone.courier().expect("the app runs");
    let status = courier.sync_status().expect("a good disk");
    assert_eq!((status.pending, status.parked), (0, 0));
    assert_eq!(courier.stops().expect("a good disk").len(), PARCELS);
    let placed = station.everything().placed;
    assert_eq!(placed.len(), 2 * PARCELS + recorded);
}

/// Pulls until an answer was begun that has parts left.
fn begin_an_answer(station: &Station, phone: &mut Phone) {
    loop {
        let courier = phone.courier().expect("the app runs");
        let next = courier.next_request(SyncChannel::Events).expect("a good disk");
        let Next::Send { request } = next else { panic!("there is something to pull") };
        let reply = reply_of(station.ask(&request_of(phone, &request)));
        let courier = phone.courier().expect("the app runs");
        if courier.begin_reply(request.id, &reply).expect("a good reply") {
            assert!(courier.apply_more().expect("a good disk"), "more than one part");
            break;
        }
    }
}

#[test]
fn news_asked_for_between_two_parts_are_asked_for_after_them() {
    let (station, mut phone) = station_and_phone();
    announce(&station, &phone, 0..60);
    begin_an_answer(&station, &mut phone);
    announce(&station, &phone, 60..61);

    let courier = phone.courier().expect("the app runs");
    courier.pull_soon();
    while courier.apply_more().expect("a good disk") {}
    carry_until_idle(&station, &mut phone, SyncChannel::Events);

    assert_eq!(events_here(&mut phone), 122);
}

#[test]
fn what_is_forgotten_half_way_is_asked_for_again() {
    let (station, mut phone) = station_and_phone();
    announce(&station, &phone, 0..60);
    begin_an_answer(&station, &mut phone);
    assert_ne!(events_here(&mut phone), 120);

    let courier = phone.courier().expect("the app runs");
    courier.suspend().expect("a good disk");
    courier.resume().expect("a good disk");
    carry_until_idle(&station, &mut phone, SyncChannel::Events);

    assert_eq!(events_here(&mut phone), 120);
}
