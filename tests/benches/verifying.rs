//! What it costs to verify the evidence of 10,000 events, offline and from the files alone.
//!
//! `cargo bench -p lastmile-tests --bench verifying`

use std::time::Instant;

use lastmile_core::command::Command;
use lastmile_core::delivery::{Channel, Party};
use lastmile_core::id::CourierNo;
use lastmile_core::privacy::Person;
use lastmile_core::sync::SyncChannel;
use lastmile_core::waybill::Waybill;
use lastmile_hub::{Bundle, verify};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle};

const PARCELS: usize = 20;
const EVENTS_EACH: usize = 500;

fn waybill(n: usize) -> Waybill {
    Waybill::parse(&format!("SF1{n:012}")).unwrap()
}

/// Parcels with a long history, all of it receipted, and their bundles.
fn bundles() -> Vec<Bundle> {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let courier = CourierNo::new("4849").unwrap();
    let person = Person { name: "王小明".to_owned(), ..Person::default() };
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..PARCELS {
        station.announce(&waybill(n), person.clone(), person.clone(), &mut rng);
        station.assign(&waybill(n), &courier);
    }
    let mut phone = Phone::new(&time, 1, station.enrol(&courier, None), None);
    phone.start().unwrap();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    phone.take_out(&(0..PARCELS).map(waybill).collect::<Vec<_>>()).unwrap();
    for n in 0..PARCELS {
        for _ in 0..EVENTS_EACH {
            let call = Command::Contact {
                waybill: waybill(n),
                channel: Channel::Phone,
                party: Party::Recipient,
                reached: false,
            };
            phone.courier().unwrap().record(&call).unwrap();
        }
        carry_until_idle(&station, &mut phone, SyncChannel::Events);
    }
    let bundle = |n| {
        let path = format!("/v1/clerk/bundle/{}", waybill(n));
        let answer = station.desk("GET", &path, &serde_json::Value::Null);
        serde_json::from_slice(&answer.body).unwrap()
    };
    (0..PARCELS).map(bundle).collect()
}

fn main() {
    let bundles = bundles();
    let events: usize =
        bundles.iter().flat_map(|bundle| &bundle.lanes).map(|lane| lane.events.len()).sum();
    let root = bundles[0].root_key.clone();
    let mut times = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        for bundle in &bundles {
            assert!(verify(bundle, Some(&root), &|_| None).holds());
        }
        times.push(start.elapsed());
    }
    times.sort();
    println!("{events} events in {PARCELS} bundles, median of 15: {:?}", times[7]);
}
