//! What the rules cost by themselves: one `decide` and one `apply` on a parcel of 50 events.
//!
//! `cargo bench -p lastmile-tests --bench deciding`

use std::hint::black_box;
use std::time::Instant;

use lastmile_core::command::Command;
use lastmile_core::decide::{Circumstances, LaneStates, decide};
use lastmile_core::delivery::AttemptFailure;
use lastmile_core::directory::Directory;
use lastmile_core::event::{Actor, Event, Lane};
use lastmile_core::fold::fold;
use lastmile_core::id::{CourierNo, ManifestId, StationId};
use lastmile_core::policy::Policy;
use lastmile_core::privacy::Person;
use lastmile_core::sync::SyncChannel;
use lastmile_core::temporary_storage::CodeBook;
use lastmile_core::time::SystemEntropy;
use lastmile_core::waybill::Waybill;
use lastmile_tests::world::{carry_until_idle, station_and_phone};

const EVENTS: usize = 50;
const ROUNDS: u32 = 20_000;

fn main() {
    let waybill = Waybill::parse("SF1000000000001").unwrap();
    let events = a_long_parcel(&waybill);
    let lane = Lane::Parcel(waybill.clone());
    let known = || fold(&lane, events.iter().zip(1..).map(|(event, n)| (event, Some(n))));

    let actor = Actor::Courier(CourierNo::new("4849").unwrap());
    let station = StationId::new("JL31").unwrap();
    let (policy, directory) = (Policy::default(), Directory::empty(station.clone()));
    let at = Circumstances {
        now: events[EVENTS - 1].envelope.at,
        actor: &actor,
        station: &station,
        root_key: "",
        policy: &policy,
        directory: &directory,
        address_gap_m: None,
        station_gap_m: None,
        entries: &[],
        pictures: &[],
        codes: &CodeBook::default(),
        slots_taken: Vec::new(),
        entropy: &SystemEntropy,
    };
    let command = Command::Arrive { waybill };
    let mut event = events[EVENTS - 1].clone();

    let states: Vec<_> = (0..ROUNDS).map(|_| LaneStates::from([(lane.clone(), known())])).collect();
    let start = Instant::now();
    for mut lanes in states {
        let Ok(decision) = decide(&command, &lanes, &at) else { panic!("refused") };
        for draft in decision.decided.groups.into_iter().flatten() {
            event.fact = draft.fact;
            lanes.get_mut(&draft.lane).unwrap().apply(&event, None);
        }
        black_box(&lanes);
    }
    println!("decide and apply on {EVENTS} events   {:?}", start.elapsed() / ROUNDS);

    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(known());
    }
    println!("fold of the {EVENTS} from nothing     {:?}", start.elapsed() / ROUNDS);
    let state = serde_json::to_vec(&known()).unwrap();
    println!("the folded state                {} bytes", state.len());
}

/// A parcel whose courier comes to the door, and fails, again and again.
fn a_long_parcel(waybill: &Waybill) -> Vec<Event> {
    let (station, mut phone) = station_and_phone();
    let (person, mut rng) = (Person::default(), fastrand::Rng::with_seed(1));
    station.announce(waybill, person.clone(), person, &mut rng);
    station.assign(waybill, &CourierNo::new("4849").unwrap());
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let courier = phone.courier().unwrap();
    let lane = Lane::Parcel(waybill.clone());
    let received = Command::ReconcileManifest {
        manifest: ManifestId(uuid::Uuid::nil()),
        expected: vec![waybill.clone()],
        scanned: vec![waybill.clone()],
        damaged: Vec::new(),
    };
    courier.record(&received).unwrap();
    courier.record(&Command::TakeOut { waybills: vec![waybill.clone()] }).unwrap();
    loop {
        let lines = courier.log().unwrap();
        let of_lane = lines.iter().filter(|line| line.lane == lane);
        let events: Vec<_> = of_lane.map(|line| Event::parse(&line.bytes).unwrap()).collect();
        if events.len() >= EVENTS {
            return events.into_iter().take(EVENTS).collect();
        }
        let arrive = Command::Arrive { waybill: waybill.clone() };
        courier.record(&arrive).unwrap();
        let fail =
            Command::FailAttempt { waybill: waybill.clone(), cause: AttemptFailure::NoAccess };
        courier.record(&fail).unwrap();
    }
}
