//! What the phone puts on the air, counted in bytes both ways: request and status lines, headers
//! with tokens, bodies.

use lastmile_core::id::CourierNo;
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_tests::invented::{hand_over, person, waybill};
use lastmile_tests::world::{Phone, Station, TrueTime, reply_of, request_of};

const MINUTE_MS: i64 = 60_000;
const PARCELS: usize = 500;

/// A courier's phone, the hub and what went over the air between them.
struct Air {
    time: TrueTime,
    station: Station,
    phone: Phone,
    requests: u64,
    bytes: usize,
}

impl Air {
    /// A phone with `parcels` out for delivery, and everything confirmed.
    fn new(parcels: usize) -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let courier = CourierNo::new("4849").unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        for n in 0..parcels {
            station.announce(&waybill(n), person(), person(), &mut rng);
            station.assign(&waybill(n), &courier);
        }
        let enrolment = station.enrol(&courier, None);
        let phone = Phone::new(&time, 1, enrolment, None);
        let mut air = Self { time, station, phone, requests: 0, bytes: 0 };
        air.phone.start().unwrap();
        air.sync(true);
        air.phone.take_out(&(0..parcels).map(waybill).collect::<Vec<_>>()).unwrap();
        air.sync(true);
        (air.requests, air.bytes) = (0, 0);
        air
    }

    /// Asks for the next request until there is none; without a hub nothing ever answers.
    fn sync(&mut self, hub: bool) {
        while let Next::Send { request } =
            self.phone.courier().unwrap().next_request(SyncChannel::Events).unwrap()
        {
            let asked = request_of(&self.phone, &request);
            let line = |(name, value): &(String, String)| name.len() + value.len() + 4;
            self.requests += 1;
            self.bytes += asked.method.len() + asked.path.len() + " HTTP/1.1\r\n\r\n".len() + 1;
            self.bytes += asked.headers.iter().map(line).sum::<usize>() + asked.body.len();
            let reply = if hub {
                let answer = self.station.ask(&asked);
                self.bytes += "HTTP/1.1 200 OK\r\n\r\n".len() + answer.body.len();
                self.bytes += answer.headers.iter().map(line).sum::<usize>();
                reply_of(answer)
            } else {
                HubReply::NoAnswer
            };
            self.phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
        }
    }

    fn hand_over(&mut self, n: usize) {
        self.phone.courier().unwrap().record(&hand_over(n)).unwrap();
    }
}

/// A sync of four or five events is 1,130 bytes: 227 of request headers, 524 of events, and the rest
/// the reply with its receipt.
#[test]
fn a_shift_of_500_hand_overs_takes_at_most_150_kb() {
    let mut air = Air::new(PARCELS);
    // Ten hours, a sync every five minutes.
    for round in 0..120 {
        air.time.pass(5 * MINUTE_MS);
        for n in PARCELS * round / 120..PARCELS * (round + 1) / 120 {
            air.hand_over(n);
        }
        air.sync(true);
    }
    println!("{} requests, {} bytes", air.requests, air.bytes);
    assert!(air.bytes <= 150_000, "{} bytes", air.bytes);
}

#[test]
fn an_idle_hour_takes_at_most_2_kb() {
    let mut air = Air::new(1);
    for _ in 0..60 {
        air.time.pass(MINUTE_MS);
        air.sync(true);
    }
    println!("{} requests, {} bytes", air.requests, air.bytes);
    assert!(air.requests > 0, "a phone that never asks learns nothing");
    assert!(air.bytes <= 2_000, "{} bytes", air.bytes);
}

#[test]
fn ten_hours_without_a_hub_take_at_most_120_requests_and_half_a_megabyte() {
    let mut air = Air::new(PARCELS);
    for minute in 0..600 {
        air.time.pass(MINUTE_MS);
        if minute * PARCELS / 600 != (minute + 1) * PARCELS / 600 {
            air.hand_over(minute * PARCELS / 600);
        }
        air.sync(false);
    }
    println!("{} requests, {} bytes", air.requests, air.bytes);
    assert!(air.requests <= 120, "{} requests", air.requests);
    assert!(air.bytes <= 500_000, "{} bytes", air.bytes);

    air.time.pass(10 * MINUTE_MS);
    air.sync(true);
    assert_eq!(air.phone.courier().unwrap().sync_status().unwrap().pending, 0);
}

#[test]
fn a_hub_that_always_has_more_and_sends_nothing_is_not_asked_for_ever() {
    let mut air = Air::new(2);
    air.phone.courier().unwrap().pull_soon();
    let mut requests = 0;
    while let Next::Send { request } =
        air.phone.courier().unwrap().next_request(SyncChannel::Events).unwrap()
    {
        requests += 1;
        assert!(requests < 5, "it is asked again and again");
        let mut asked = request_of(&air.phone, &request);
        asked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Accept-Encoding"));
        let mut answer = air.station.ask(&asked);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("\"more\":false"));
        answer.body = text.replace("\"more\":false", "\"more\":true").into_bytes();
        air.phone.courier().unwrap().apply_reply(request.id, &reply_of(answer)).unwrap();
    }
    assert_eq!(requests, 1);
}
