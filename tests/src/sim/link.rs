//! A link that drops, doubles, cuts and delays, as a seed decides.

use std::io::Read as _;

use fastrand::Rng;
use lastmile_core::sync::wire::ReplyHeader;
use lastmile_core::sync::{Auth, HubReply, Next, SyncChannel};
use lastmile_core::{Error, Result};
use lastmile_hub::Request;

use super::tally::Tally;
use crate::world::{Phone, Station, TrueTime, reply_of, request_of};

/// What a link does to one round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// Both ways arrive.
    Clean,
    /// The request never arrives.
    RequestLost,
    /// The hub acts, its answer is lost.
    ReplyLost,
    /// The request arrives twice; the second answer comes back.
    Doubled,
    /// The connection is cut while the request goes up.
    RequestCut,
    /// The answer is cut short.
    ReplyCut,
    /// The phone gives up waiting; the answer comes later.
    Late,
    /// The phone gives up; the request itself arrives later, behind newer ones.
    Overtaken,
    /// Something in front of the hub answers with a page of its own.
    CaptivePortal,
    /// The hub loses power while it works on the request, or right after its answer.
    HubFalls,
    /// The courier's session ends while the request is on its way.
    SessionEnds,
    /// A photo's bytes arrive with one of them changed; anything else arrives as it is.
    Damaged,
}

const TROUBLE: [Trip; 11] = [
    Trip::HubFalls,
    Trip::SessionEnds,
    Trip::Damaged,
    Trip::RequestLost,
    Trip::ReplyLost,
    Trip::Doubled,
    Trip::RequestCut,
    Trip::ReplyCut,
    Trip::Late,
    Trip::Overtaken,
    Trip::CaptivePortal,
];

impl Trip {
    /// Draws a trip; `trouble` of 100 go wrong.
    pub fn draw(rng: &mut Rng, trouble: u8) -> Self {
        if rng.u8(..100) < trouble { TROUBLE[rng.usize(..TROUBLE.len())] } else { Self::Clean }
    }
}

/// Something that arrives behind its time.
pub enum Straggler {
    /// An answer for a phone's request that is no longer open.
    Reply(usize, u64, HubReply),
    /// A request on its way to the hub; nobody waits for the answer.
    Request(Box<Request>),
}

/// What one step of a channel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A request was made.
    Sent,
    /// The machine waits.
    Waits(u64),
    /// Nothing to do.
    Idle,
}

/// What lies between the phones and the hub.
pub struct Link<'a> {
    /// The hub.
    pub station: &'a mut Station,
    /// The true time, which passes on the way.
    pub time: &'a TrueTime,
    /// What is still on its way.
    pub late: &'a mut Vec<Straggler>,
    /// What was met.
    pub tally: &'a mut Tally,
    /// Chance.
    pub rng: &'a mut Rng,
}

/// The longest way to the hub or back, ms.
const LONGEST_WAY_MS: i64 = 4_000;

/// Asks phone number `who` for its next request and carries it over the link. On the way back an
/// answer to an earlier request may come before it.
///
/// An `Err` is one of storage: the phone is going down. What the library says about a bad reply
/// is counted and lived with, as an app would.
pub fn step(
    phone: &mut Phone,
    who: usize,
    channel: SyncChannel,
    trip: Trip,
    link: Link,
) -> Result<Step> {
    let Link { station, time, late, tally, rng } = link;
    // What the phone did meanwhile stood between two parts of the answer before.
    while phone.courier()?.apply_more()? {}
    let request = match phone.courier()?.next_request(channel)? {
        Next::Send { request } => request,
        Next::Wait { ms } => return Ok(Step::Waits(ms)),
        Next::Idle => return Ok(Step::Idle),
    };
    let asks_for_others = request.auth == Auth::DeviceAndSession;
    assert!(phone.signed_in || !asks_for_others, "a signed-out phone asks for what others did");
    tally.count("request", format!("{channel:?}"));
    let mut ask = request_of(phone, &request);
    let carries_file = request.method == "PATCH";
    match trip {
        Trip::Clean => {}
        Trip::Damaged if !carries_file => {}
        Trip::RequestCut if carries_file => tally.count("fault", "media cut"),
        _ => tally.count("fault", format!("{trip:?}")),
    }
    time.pass(rng.i64(0..LONGEST_WAY_MS));
    let reply = match trip {
        Trip::Clean => reply_of(station.ask(&ask)),
        Trip::RequestLost => HubReply::NoAnswer,
        Trip::ReplyLost => {
            station.ask(&ask);
            HubReply::NoAnswer
        }
        Trip::Doubled => {
            station.ask(&ask);
            reply_of(station.ask(&ask))
        }
        Trip::RequestCut => {
            ask.body.truncate(rng.usize(..=ask.body.len()));
            ask.cut = true;
            station.ask(&ask);
            HubReply::NoAnswer
        }
        Trip::ReplyCut => match reply_of(station.ask(&ask)) {
            HubReply::Answer { status, headers, mut body } if !body.is_empty() => {
                body.truncate(rng.usize(..body.len()));
                HubReply::Answer { status, headers, body }
            }
            _ => HubReply::NoAnswer,
        },
        Trip::Late => {
            let reply = reply_of(station.ask(&ask));
            late.push(Straggler::Reply(who, request.id, reply));
            HubReply::NoAnswer
        }
        Trip::Overtaken => {
            late.push(Straggler::Request(Box::new(ask)));
            HubReply::NoAnswer
        }
        Trip::CaptivePortal => HubReply::Answer {
            status: 200,
            headers: Vec::new(),
            body: b"<html>Welcome to the lobby</html>\n".to_vec(),
        },
        Trip::HubFalls => match station.ask_while_it_falls(&ask, rng.u64(1..30), rng) {
            Some(answer) => reply_of(answer),
            None => HubReply::NoAnswer,
        },
        Trip::SessionEnds => {
            station.end_session(&phone.enrolment);
            reply_of(station.ask(&ask))
        }
        Trip::Damaged => {
            if carries_file && !ask.body.is_empty() {
                let at = rng.usize(..ask.body.len());
                ask.body[at] ^= 1;
            }
            reply_of(station.ask(&ask))
        }
    };
    time.pass(rng.i64(0..LONGEST_WAY_MS));
    let behind =
        |straggler: &Straggler| matches!(straggler, Straggler::Reply(to, ..) if *to == who);
    if let Some(at) = late.iter().position(behind)
        && rng.bool()
        && let Straggler::Reply(_, id, earlier) = late.swap_remove(at)
    {
        let taken = phone.courier()?.apply_reply(id, &earlier);
        tally.count(
            "late reply",
            taken.map_or_else(|error| error.code().to_owned(), |()| "taken".into()),
        );
    }
    match channel {
        SyncChannel::Events => count_verdicts(&reply, tally),
        SyncChannel::Media => count_preview(&request.method, &reply, tally),
    }
    match phone.courier()?.begin_reply(request.id, &reply) {
        Ok(true) if rng.u8(..4) == 0 => tally.count("reply", "taken half"),
        Ok(true) => while phone.courier()?.apply_more()? {},
        Ok(false) => {}
        Err(Error::Reply(error)) => tally.count("reply refused", format!("{error:?}")),
        Err(error) => return Err(error),
    }
    Ok(Step::Sent)
}

fn count_preview(method: &str, reply: &HubReply, tally: &mut Tally) {
    if let ("PUT", HubReply::Answer { status, .. }) = (method, reply) {
        let name = match status {
            204 => "taken",
            404 => "not known there",
            _ => "not taken",
        };
        tally.count("preview", name);
    }
}

fn count_verdicts(reply: &HubReply, tally: &mut Tally) {
    let HubReply::Answer { status: 200, body, .. } = reply else { return };
    let mut plain = Vec::new();
    let whole = match flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain) {
        Ok(_) => plain.as_slice(),
        Err(_) => body.as_slice(),
    };
    let first = whole.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(header) = serde_json::from_slice::<ReplyHeader>(first) {
        super::rogue::count(&header.verdicts, tally);
    }
}
