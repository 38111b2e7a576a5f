//! A first sync of 100,000 events: a new phone of a courier who has worked for months.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use lastmile_core::sync::wire::Reply;
use lastmile_core::sync::{HubReply, Next, SyncChannel};

use crate::days::{Days, ask};
use crate::lines::{self, Row};
use crate::powersync::{PowerSync, Pragmas};
use crate::report::{at_least, at_most, figure, float};

const EVENTS: usize = 100_000;
const PARCELS_A_DAY: usize = 100;

/// Has each of them take the same history.
pub fn compare() {
    let mut days = Days::new();
    while in_feed(&days) < EVENTS {
        days.play(PARCELS_A_DAY);
    }
    let events = in_feed(&days);
    let Ours { stored: ours, wire, requests, people, rows } = ours(&days);
    let lines = lines::of(&rows);
    let (alike, sdk) = (by_power_sync(&lines, Pragmas::Ours), by_power_sync(&lines, Pragmas::Sdk));

    println!("a first sync of {events} events and {people} people");
    for (who, stored) in [("Lastmile", &ours), (ALIKE, &alike), (SDK, &sdk)] {
        let rows = float(events) / stored.took.as_secs_f64();
        figure(who, format!("{rows:.0} events/s, {} bytes each on the disk", stored.disk / events));
    }
    for (who, theirs) in [(ALIKE, &alike), (SDK, &sdk)] {
        let faster = theirs.took.as_secs_f64() / ours.took.as_secs_f64();
        at_least(&format!("events/s, Lastmile / {who}"), faster, 2.0);
        let disk = float(ours.disk) / float(theirs.disk);
        at_most(&format!("disk, Lastmile / {who}"), disk, 0.45, None);
    }
    at_most("wire bytes per event, Lastmile", float(wire) / float(events), 150.0, Some(115.0));
    figure("  with its people, in requests", requests);
    figure("wire bytes per event, PowerSync core's lines", lines::packed(&lines) / events);
}

const ALIKE: &str = "PowerSync core, opened as ours";
const SDK: &str = "PowerSync core, as its SDKs do";

/// What one of them did with the history.
struct Stored {
    took: Duration,
    /// The bytes of its files once it is closed.
    disk: usize,
}

fn by_power_sync(lines: &[Vec<u8>], pragmas: Pragmas) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let power_sync = PowerSync::in_folder(folder.path(), pragmas);
    let took = power_sync.sync(lines);
    drop(power_sync);
    Stored { took, disk: size(folder.path()) }
}

/// What our first sync was.
struct Ours {
    stored: Stored,
    wire: usize,
    requests: usize,
    people: usize,
    /// The same as rows for the other side.
    rows: Vec<Row>,
}

fn ours(days: &Days) -> Ours {
    let folder = tempfile::tempdir().unwrap();
    let mut phone = days.phone_in(folder.path(), 2);
    let (mut took, mut wire, mut requests) = (Duration::ZERO, 0, 0);
    let (mut rows, mut people) = (Vec::new(), 0);
    loop {
        let started = Instant::now();
        let next = phone.courier().unwrap().next_request(SyncChannel::Events).unwrap();
        took += started.elapsed();
        let Next::Send { request } = next else { break };
        requests += 1;
        let reply = ask(&days.station, &phone, &request, &mut wire);
        let started = Instant::now();
        phone.courier().unwrap().apply_reply(request.id, &reply).unwrap();
        took += started.elapsed();
        people += rows_of(&reply, &mut rows);
    }
    assert_eq!(phone.courier().unwrap().log().unwrap().len(), in_feed(days), "all of it is here");
    drop(phone);
    Ours { stored: Stored { took, disk: size(folder.path()) }, wire, requests, people, rows }
}

/// Adds what a reply brings as rows; returns how many of them are people.
fn rows_of(reply: &HubReply, rows: &mut Vec<Row>) -> usize {
    let HubReply::Answer { body, .. } = reply else { return 0 };
    let mut plain = Vec::new();
    if body.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
    } else {
        plain.clone_from(body);
    }
    // The first answer of all is the hub's keys.
    let Ok(reply) = Reply::parse(&plain) else { return 0 };
    let people = reply.vault.iter().map(|entry| serde_json::to_vec(entry).unwrap());
    rows.extend(people.map(|line| Row::of("people", &line, "ref")));
    rows.extend(reply.events.iter().map(|line| Row::of("events", line, "id")));
    reply.vault.len()
}

/// How many events the courier's feed holds.
fn in_feed(days: &Days) -> usize {
    let db = days.station.database();
    db.query_row("SELECT count(*) FROM feed", [], |row| row.get(0)).unwrap()
}

/// The bytes of all files in a folder.
fn size(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.metadata().unwrap() {
        found if found.is_dir() => size(&entry.path()),
        found => usize::try_from(found.len()).unwrap(),
    });
    sizes.sum()
}
