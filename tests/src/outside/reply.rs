//! Whatever answers a phone: the hub, a broken one, a lobby's page.

use std::cell::LazyCell;

use lastmile_core::Courier;
use lastmile_core::sync::{Header, HubReply, HubRequest, Next, SyncChannel};

use super::{Case, Day};
use crate::invented::complaint;
use crate::world::{Phone, reply_of, request_of};

/// Statuses that mean something to a phone, and some that do not.
const STATUSES: [&u16; 14] =
    [&200, &201, &204, &302, &400, &401, &403, &404, &409, &410, &413, &426, &429, &503];

struct Waiting {
    day: Day,
    /// What the hub answers to the pending push, and to the first part of the photo.
    answers: Vec<Vec<u8>>,
}

thread_local! {
    static WAITING: LazyCell<Waiting> = LazyCell::new(|| {
        let day = Day::new();
        let answers = [SyncChannel::Events, SyncChannel::Media].map(|channel| {
            let mut phone = day.another_phone();
            let request = open(&mut phone, channel);
            let mut asked = request_of(&phone, &request);
            asked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Accept-Encoding"));
            match reply_of(day.station.twin().ask(&asked)) {
                HubReply::Answer { body, .. } => body,
                HubReply::NoAnswer => Vec::new(),
            }
        });
        Waiting { day, answers: answers.to_vec() }
    });
}

fn open(phone: &mut Phone, channel: SyncChannel) -> HubRequest {
    match phone.courier().and_then(|courier| courier.next_request(channel)).expect("a good disk") {
        Next::Send { request } => request,
        other => panic!("something is pending, and yet: {other:?}"),
    }
}

fn lines(courier: &Courier) -> Vec<Vec<u8>> {
    let log = courier.log().expect("a good disk");
    log.into_iter().filter(|line| line.seq.is_some()).map(|line| line.bytes).collect()
}

pub(super) fn play(case: &[u8]) {
    WAITING.with(|waiting| {
        let mut phone = waiting.day.another_phone();
        let mut case = Case(case);
        let channel = *case.one_of(&[&SyncChannel::Events, &SyncChannel::Media]);
        let status = *case.one_of(&STATUSES);
        let mut headers = Vec::new();
        for line in case.lines() {
            if let Some((name, value)) = line.split_once(": ") {
                headers.push(Header { name: name.to_owned(), value: value.to_owned() });
            }
        }
        let body = case.arrives(&waiting.answers);
        let receipted = waiting.is_receipted(&body);
        let genuine = status == 200 && headers.is_empty() && body == waiting.answers[0];

        let request = open(&mut phone, channel);
        let courier = phone.courier().expect("it runs");
        let (before, pending) = (lines(courier), courier.sync_status().expect("a good disk"));
        let _ = courier.apply_reply(request.id, &HubReply::Answer { status, headers, body });

        let status = courier.sync_status().expect("a good disk");
        let after = lines(courier);
        assert!(before.iter().all(|line| after.contains(line)), "an own event is gone");
        if !receipted {
            assert_eq!(status.pending, pending.pending, "confirmed without the hub's signature");
        }
        if genuine && channel == SyncChannel::Events {
            assert_eq!(status.pending, 0, "the hub's own answer confirms");
        }
        courier.record(&complaint(courier.new_case(), 2)).expect("he is not kept from recording");
        courier.next_request(SyncChannel::Events).expect("a good disk");
        courier.next_request(SyncChannel::Media).expect("a good disk");
    });
}

impl Waiting {
    /// Tells whether the hub's signature under the pending push is in an answer.
    fn is_receipted(&self, body: &[u8]) -> bool {
        let signature = |body: &[u8]| {
            let header = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let header: serde_json::Value = serde_json::from_slice(header).unwrap_or_default();
            header["receipt"]["signature"].as_str().map(str::to_owned)
        };
        signature(body).is_some_and(|found| signature(&self.answers[0]) == Some(found))
    }
}
