//! What it costs to bring pending events to the hub, per event, when few wait and when many do.

use std::time::{Duration, Instant};

use lastmile_core::Command;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_tests::invented::{hand_over, waybill};
use lastmile_tests::world::{Phone, carry_until_idle};

use crate::days::{Days, ask};
use crate::powersync::{PowerSync, Pragmas};
use crate::report::{figure, float, median};

/// What waits when little does, and how often that is drained.
const FEW: usize = 100;
const ROUNDS: usize = 21;
const MANY: usize = 100_000;

/// Arrivals at each door, besides the hand-over.
const ARRIVALS: usize = 9;

/// The parcels of all rounds.
const PARCELS: usize = (ROUNDS * FEW + MANY) / (ARRIVALS + 1);

/// Drains few and many of each.
pub fn compare() {
    let mut days = Days::new();
    let folder = tempfile::tempdir().unwrap();
    let parcels = days.announce(PARCELS);
    let mut phone = days.phone_in(folder.path(), 2);
    carry_until_idle(&days.station, &mut phone, SyncChannel::Events);
    phone.take_out(&parcels.clone().map(waybill).collect::<Vec<_>>()).unwrap();
    carry_until_idle(&days.station, &mut phone, SyncChannel::Events);

    let mut parcels = parcels;
    let few: Vec<_> = (0..ROUNDS)
        .map(|_| {
            visit(&mut phone, parcels.by_ref().take(FEW / (ARRIVALS + 1)), FEW);
            drain(&days, &mut phone, FEW)
        })
        .collect();
    visit(&mut phone, parcels, MANY);
    let many = drain(&days, &mut phone, MANY);

    println!("a drain of {MANY} pending events against {FEW}, per event");
    let of = |part: fn(&Drain) -> Duration| {
        let few = median(few.iter().map(part).collect()).as_secs_f64() / float(FEW);
        (few, part(&many).as_secs_f64() / float(MANY))
    };
    ratio("Lastmile, phone and hub", of(|drain| drain.phone + drain.hub));
    ratio("Lastmile, phone alone", of(|drain| drain.phone));
    ratio("PowerSync core, its queue alone", theirs());
}

/// Prints what an event costs among many, against among few.
fn ratio(who: &str, (few, many): (f64, f64)) {
    let us = |seconds: f64| format!("{:.0} us", seconds * 1e6);
    figure(who, format!("{:.2}   ({} against {})", many / few, us(many), us(few)));
}

/// How long a drain took on either side.
struct Drain {
    phone: Duration,
    hub: Duration,
}

/// Comes to the doors of these parcels and hands them over, until so many events are pending.
fn visit(phone: &mut Phone, parcels: impl Iterator<Item = usize>, pending: usize) {
    let courier = phone.courier().unwrap();
    for n in parcels {
        for _ in 0..ARRIVALS {
            courier.record(&Command::Arrive { waybill: waybill(n) }).unwrap();
        }
        courier.record(&hand_over(n)).unwrap();
    }
    assert_eq!(usize::try_from(courier.sync_status().unwrap().pending), Ok(pending));
}

/// Carries requests until nothing is pending: pushed, accepted, applied.
fn drain(days: &Days, phone: &mut Phone, pending: usize) -> Drain {
    let (mut phones, mut hubs) = (Duration::ZERO, Duration::ZERO);
    let time = |spent: &mut Duration, started: Instant| *spent += started.elapsed();
    loop {
        let started = Instant::now();
        let next = phone.courier().unwrap().next_request(SyncChannel::Events).unwrap();
        time(&mut phones, started);
        let Next::Send { request } = next else { break };
        let started = Instant::now();
        let reply = ask(&days.station, phone, &request, &mut 0);
        time(&mut hubs, started);
        let started = Instant::now();
        phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
        time(&mut phones, started);
    }
    let left = phone.courier().unwrap().sync_status().unwrap().pending;
    assert_eq!(left, 0, "of {pending}");
    Drain { phone: phones, hub: hubs }
}

/// The same of the core's queue: what is sent is read and deleted; nobody answers.
fn theirs() -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let power_sync = PowerSync::in_folder(folder.path(), Pragmas::Ours);
    power_sync.take_out(ROUNDS * FEW + MANY);
    let few = (0..ROUNDS).map(|round| {
        power_sync.hand_over_all(round * FEW..(round + 1) * FEW);
        power_sync.drain()
    });
    let few = median(few.collect());
    power_sync.hand_over_all(ROUNDS * FEW..ROUNDS * FEW + MANY);
    let many = power_sync.drain();
    (few.as_secs_f64() / float(FEW), many.as_secs_f64() / float(MANY))
}
