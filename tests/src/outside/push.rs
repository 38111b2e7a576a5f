//! The body of a push, as a phone, a broken app or anybody with a token sends it.

use std::cell::LazyCell;

use lastmile_core::sync::wire::{Push, Reply, Verdict};
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_hub::{Request, Response};

use super::{Case, Day};
use crate::world::{Station, request_of};

struct Pushing {
    day: Day,
    request: Request,
    genuine: Vec<Vec<u8>>,
}

thread_local! {
    static PUSHING: LazyCell<Pushing> = LazyCell::new(|| {
        let day = Day::new();
        let mut phone = day.another_phone();
        let next = phone.courier().and_then(|courier| courier.next_request(SyncChannel::Events));
        let Ok(Next::Send { request }) = next else { panic!("something is pending") };
        let mut request = request_of(&phone, &request);
        let genuine = vec![plain(&request)];
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().ends_with("-encoding"));
        let whole = request.clone().with_body(genuine[0].clone());
        let answer = verdicts(&day.station.twin().ask(&whole));
        assert_eq!(answer, [5, 1, 1].map(Verdict::Accepted), "it is a good push");
        Pushing { day, request, genuine }
    });
}

fn plain(request: &Request) -> Vec<u8> {
    use std::io::Read as _;
    match request.get("Content-Encoding") {
        Some("gzip") => {
            let mut plain = Vec::new();
            let mut unzip = flate2::read::GzDecoder::new(request.body.as_slice());
            unzip.read_to_end(&mut plain).expect("the library zips well");
            plain
        }
        _ => request.body.clone(),
    }
}

pub(super) fn play(case: &[u8]) {
    PUSHING.with(|pushing| {
        let body = Case(case).arrives(&pushing.genuine);
        let station = pushing.day.station.twin();
        let request = pushing.request.clone().with_body(body.clone());
        let first = station.ask(&request);
        assert!(first.status < 500, "the hub failed: {}", first.status);
        let once = placed(&station);
        let again = station.ask(&request);
        assert_eq!(again.status, first.status, "what is sent again is answered as before");
        assert_eq!(placed(&station), once, "what is sent again changes nothing");
        let (first, again) = (verdicts(&first), verdicts(&again));
        if first.is_empty() {
            return;
        }
        let sent = Push::parse(&body).expect("what has verdicts was a push").events.len();
        assert_eq!((first.len(), again.len()), (sent, sent), "a verdict per event");
        for verdicts in first.iter().zip(&again) {
            match verdicts {
                (
                    Verdict::Accepted(at) | Verdict::AlreadyKnown(at),
                    Verdict::AlreadyKnown(again),
                ) => {
                    assert_eq!(at, again, "an event stays in its place");
                }
                (before, after) => assert_eq!(before, after, "a verdict stays"),
            }
        }
    });
}

/// Every event with a place, after a look that places are dense.
fn placed(station: &Station) -> Vec<(String, u64, Vec<u8>)> {
    let placed = station.everything().placed;
    let mut before: (&str, u64) = ("", 0);
    for (lane, at, _) in &placed {
        let due = if *lane == before.0 { before.1 + 1 } else { 1 };
        assert_eq!(*at, due, "positions are dense");
        before = (lane, *at);
    }
    placed
}

fn verdicts(answer: &Response) -> Vec<Verdict> {
    Reply::parse(&answer.body).map(|reply| reply.header.verdicts).unwrap_or_default()
}
