//! How long an act waits while a long history arrives, against the same act on an idle phone.
//!
//! `cargo bench -p lastmile-ffi --bench waiting`

#![allow(clippy::unwrap_used, reason = "a bench may fail where it stands")]

use std::time::{Duration, Instant};

use lastmile_core::Durability;
use lastmile_core::id::CourierNo;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_ffi::Lastmile;
use lastmile_hub::Request;
use lastmile_tests::invented::{person, report, waybill};
use lastmile_tests::world::{Station, TrueTime, reply_of};

/// Parcels that arrive with their persons, two events each.
const PARCELS: usize = 5_000;

/// Acts on the idle phone.
const ACTS: usize = 2_000;

fn act(app: &Lastmile) -> Duration {
    let report = report(app.new_case().unwrap(), Vec::new());
    let started = Instant::now();
    app.record(report).unwrap();
    let took = started.elapsed();
    // A courier does not act again at once.
    std::thread::sleep(Duration::from_millis(2));
    took
}

/// The median and the 99th percentile.
fn middle_and_end(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn main() {
    let station = Station::new(&TrueTime::at(1_790_000_000_000), 1);
    let courier = CourierNo::new("4849").unwrap();
    let enrolment = station.enrol(&courier, None);
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..PARCELS {
        station.announce(&waybill(n), person(), person(), &mut rng);
        station.assign(&waybill(n), &courier);
    }
    let folder = tempfile::tempdir_in(".").unwrap();
    let path = folder.path().join("store").to_str().unwrap().to_owned();
    let (identity, key) = (enrolment.identity(), vec![7; 32]);
    let app = Lastmile::open(path, key, identity, 480, Durability::Full, None, None).unwrap();

    let idle = middle_and_end((0..ACTS).map(|_| act(&app)).collect());
    let (mut during, mut answers) = (Vec::new(), 0);
    std::thread::scope(|threads| {
        let download = threads.spawn(|| {
            let mut answers = 0;
            // Until the last parcel is here: the acts give it something to send again and again.
            while app.parcel(waybill(PARCELS - 1)).unwrap().is_none() {
                let next = app.next_request(SyncChannel::Events).unwrap();
                let Next::Send { request } = next else { continue };
                let mut asked = Request::new(&request.method, &request.path)
                    .bearer(&enrolment.device_token)
                    .header("Lastmile-Session", enrolment.session_token.clone());
                for header in &request.headers {
                    asked = asked.header(&header.name, header.value.clone());
                }
                if let lastmile_core::sync::Body::Bytes { bytes } = request.body {
                    asked = asked.with_body(bytes);
                }
                app.apply_reply(request.id, reply_of(station.ask(&asked))).unwrap();
                answers += 1;
            }
            answers
        });
        while !download.is_finished() {
            during.push(act(&app));
        }
        answers = download.join().unwrap();
    });
    let acts = during.len();
    let during = middle_and_end(during);
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!("an act, median and 99th percentile, ms");
    println!("  idle                      {:6.2} {:6.2}", ms(idle.0), ms(idle.1));
    println!(
        "  during {answers} answers          {:6.2} {:6.2} ({acts} acts)",
        ms(during.0),
        ms(during.1)
    );
    println!(
        "  during against idle       {:6.2} {:6.2}",
        ratio(during.0, idle.0),
        ratio(during.1, idle.1)
    );
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
