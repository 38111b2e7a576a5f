//! What must hold on each phone.

use std::collections::{BTreeMap, BTreeSet};

use lastmile_core::diagnostics::Stall;
use lastmile_core::event::{Event, Lane, digests, leaf, link};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{CourierNo, Digest};
use lastmile_core::privacy::VaultRef;
use lastmile_core::sync::SyncChannel;
use lastmile_core::sync::wire::Withheld;
use lastmile_core::visibility::{self, Sight, sees};
use lastmile_core::{Courier, LogLine};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{count_previews, read_state};
use crate::sim::{PLANTED, Sim};
use crate::world::Everything;

/// The most that a support desk is sent.
const DIAGNOSTICS_BYTES: usize = 200_000;

pub(super) fn check(sim: &mut Sim, who: usize, hub: &Everything) -> Result<(), String> {
    let told = |error: lastmile_core::Error| error.to_string();
    let db = sim.phones[who].database();
    let rotted = u64::from(sim.rotted.contains(&who));
    let courier = sim.phones[who].courier().map_err(told)?;
    let log = courier.log().map_err(told)?;
    let checked = nothing_stuck(courier)
        .and_then(|()| chain_holds(&log))
        .and_then(|()| same_fold(courier, &log, hub))
        .and_then(|()| nothing_personal(&log))
        .and_then(|()| nothing_missing(courier, &log, hub))
        .and_then(|()| lists_are_right(courier, &db))
        .and_then(|()| no_preview_left(&db))
        .and_then(|()| only_what_rotted_was_mended(courier, rotted));
    checked.map_err(|what| format!("phone {who}: {what}"))?;
    let me = sim.phones[who].enrolment.courier.clone();
    let vault = Vault { db, log: &log, me: &me, hub };
    vault.check().map_err(|what| format!("phone {who}: {what}"))?;
    parked_is_parked(sim, who, &log, hub)
}

fn nothing_stuck(courier: &Courier) -> Result<(), String> {
    let status = courier.sync_status().map_err(|error| error.to_string())?;
    if status.pending > 0 || status.media_pending > 0 {
        return Err(format!("stuck: {status:?}"));
    }
    Ok(())
}

/// A preview is gone when the hub has answered, or has its file; only what no act names, or an act
/// that has no place, keeps one.
fn no_preview_left(db: &Connection) -> Result<(), String> {
    let sql = "SELECT count(*) FROM preview p JOIN media m ON m.id = p.evidence
         LEFT JOIN event e ON e.n = m.event
         WHERE m.state NOT IN (0, 3) OR (m.state = 3 AND e.lane_seq IS NOT NULL)";
    match count_previews(db, sql) {
        0 => Ok(()),
        left => Err(format!("stuck: {left} previews")),
    }
}

/// Phone and hub never hold other events of a lane but by a damaged disk.
fn only_what_rotted_was_mended(courier: &Courier, rotted: u64) -> Result<(), String> {
    let mended = courier.diagnostics().map_err(|error| error.to_string())?.mended;
    if mended == rotted {
        return Ok(());
    }
    Err(format!("drift: {mended} lanes were fetched again, {rotted} rotted"))
}

/// Returns what waits and why. A disk that does not answer explains nothing.
pub(super) fn explained(courier: &Courier, signed_in: bool) -> Result<Vec<Stall>, String> {
    let (Ok(status), Ok(told)) = (courier.sync_status(), courier.diagnostics()) else {
        return Ok(Vec::new());
    };
    let waits = |channel| -> i64 {
        let stalls = told.stalls.iter().filter(|stall| stall.channel == Some(channel));
        stalls.map(|stall| stall.count).sum()
    };
    let events = status.pending + status.parked;
    let media = status.media_pending + status.media_lost;
    if (waits(SyncChannel::Events), waits(SyncChannel::Media)) != (events, media) {
        return Err(format!("unexplained: {status:?}, {:?}", told.stalls));
    }
    let says = |code: &str| told.stalls.iter().any(|stall| stall.code == code);
    let out = says("SignedOut") || says("SessionEnded");
    if !signed_in && !says("SignedOut") || status.session_ended && !out {
        return Err(format!("unexplained: signed in {signed_in}, {status:?}, {:?}", told.stalls));
    }
    let text = serde_json::to_string(&told).map_err(|error| error.to_string())?;
    if text.contains(PLANTED) || text.len() > DIAGNOSTICS_BYTES {
        return Err(format!("personal: the diagnostics, {} bytes", text.len()));
    }
    Ok(told.stalls)
}

/// Own events make an unbroken chain in each incarnation.
fn chain_holds(log: &[LogLine]) -> Result<(), String> {
    let mut own: Vec<_> = log
        .iter()
        .filter_map(|line| Some((line.incarnation?, line.seq?, line.link?, &line.bytes)))
        .collect();
    own.sort_by_key(|(incarnation, seq, ..)| (*incarnation, *seq));
    let mut previous: Option<(u32, u64, Digest)> = None;
    for (incarnation, seq, found, bytes) in own {
        if let Some((i, s, before)) = previous
            && (i, s + 1) == (incarnation, seq)
            && link(&before, &leaf(bytes)) != found
        {
            return Err(format!("the chain breaks at {incarnation}/{seq}"));
        }
        previous = Some((incarnation, seq, found));
    }
    Ok(())
}

/// What a phone folds of a lane is what the hub folds of the same events; where the phone has the
/// whole lane, it is what the hub has.
fn same_fold(courier: &Courier, log: &[LogLine], hub: &Everything) -> Result<(), String> {
    let mut lanes: BTreeMap<String, Vec<(u64, &[u8])>> = BTreeMap::new();
    for line in log {
        if let Some(lane_seq) = line.lane_seq {
            lanes.entry(line.lane.to_string()).or_default().push((lane_seq, &line.bytes));
        }
    }
    let mut at_hub: BTreeMap<&str, BTreeMap<u64, &[u8]>> = BTreeMap::new();
    for (lane, lane_seq, bytes) in &hub.placed {
        at_hub.entry(lane).or_default().insert(*lane_seq, bytes);
    }
    // A phone shows what is parked as its courier recorded it; the hub gives it no place.
    for line in log.iter().filter(|line| line.lane_seq.is_none()) {
        lanes.remove(&line.lane.to_string());
    }
    for (lane, events) in lanes {
        let hub_events = at_hub.get(lane.as_str());
        let mut withheld = false;
        for (lane_seq, bytes) in &events {
            if Event::parse(bytes).is_err() {
                withheld = true;
                continue;
            }
            let theirs = hub_events.and_then(|events| events.get(lane_seq));
            if theirs != Some(bytes) {
                return Err(format!("diverged: other bytes at {lane} {lane_seq}"));
            }
        }
        let whole = hub_events.is_some_and(|theirs| theirs.len() == events.len()) && !withheld;
        if whole {
            let state = courier.lane(&Lane::parse(&lane)).map_err(|error| error.to_string())?;
            let mine = serde_json::to_value(&state).map_err(|error| error.to_string())?;
            let theirs = hub.states.get(&lane).unwrap_or(&serde_json::Value::Null);
            if !super::same_state(theirs, &mine) {
                return Err(format!(
                    "diverged: {lane} is folded otherwise: {mine}, there {theirs}"
                ));
            }
        }
    }
    Ok(())
}

/// No event on the phone holds a word that belongs into the vault.
fn nothing_personal(log: &[LogLine]) -> Result<(), String> {
    for line in log {
        if line.bytes.windows(PLANTED.len()).any(|window| window == PLANTED.as_bytes()) {
            return Err(format!("personal: an event of {} holds planted text", line.lane));
        }
    }
    Ok(())
}

/// The phone has every event of its courier's feed, in its place and as far as he may see it, and
/// the policy in force.
fn nothing_missing(courier: &Courier, log: &[LogLine], hub: &Everything) -> Result<(), String> {
    let here: BTreeMap<(String, u64), &[u8]> = log
        .iter()
        .filter_map(|line| Some(((line.lane.to_string(), line.lane_seq?), line.bytes.as_slice())))
        .collect();
    let identity = courier.identity();
    let feed = hub.feed.iter().filter(|sent| sent.courier == identity.courier);
    for sent in feed {
        let Some(bytes) = here.get(&(sent.lane.clone(), sent.lane_seq)) else {
            return Err(format!("missing: {} {} of its feed", sent.lane, sent.lane_seq));
        };
        let shown = sent.shown || sent.device == identity.device;
        let right = if shown { **bytes == sent.bytes } else { Withheld::parse(bytes).is_some() };
        // What was withheld at first may have been shown since.
        if !right && **bytes != sent.bytes {
            return Err(format!("missing: {} {} is shown otherwise", sent.lane, sent.lane_seq));
        }
    }
    // Who sees a lane has been sent all of it.
    for (name, state) in &hub.states {
        let lane = Lane::parse(name);
        let state = read_state(state)?;
        if visibility::relation(&lane, &state, &identity.courier).is_some() {
            let events = hub.placed.iter().filter(|(lane, ..)| lane == name);
            for (_, lane_seq, _) in events {
                if !here.contains_key(&(name.clone(), *lane_seq)) {
                    return Err(format!("missing: {name} {lane_seq} of a lane in sight"));
                }
            }
        }
    }
    Ok(())
}

/// The lists that screens show are what the log comes to.
fn lists_are_right(courier: &Courier, db: &Connection) -> Result<(), String> {
    let before = lists(db);
    courier.rebuild_lists().map_err(|error| error.to_string())?;
    match before.iter().zip(lists(db)).find(|(before, after)| *before != after) {
        Some((before, after)) => Err(format!("stale: a list says {before}, its lane {after}")),
        None => Ok(()),
    }
}

fn lists(db: &Connection) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["parcel", "pickup", "exception_case", "complaint"] {
        let sql = format!("SELECT * FROM {table} ORDER BY lane");
        let mut sql = db.prepare(&sql).expect("the phone's schema");
        let columns = sql.column_count();
        let mut found = sql.query([]).expect("its rows");
        while let Some(row) = found.next().expect("a row") {
            let cells = (0..columns).map(|at| row.get::<_, Value>(at).expect("a cell"));
            rows.push(format!("{table} {:?}", cells.collect::<Vec<_>>()));
        }
    }
    rows
}

/// The persons and texts on a phone.
struct Vault<'a> {
    db: Connection,
    log: &'a [LogLine],
    me: &'a CourierNo,
    hub: &'a Everything,
}

impl Vault<'_> {
    /// What the phone believes the hub has, the hub has; and the phone has nothing that its courier
    /// must not see.
    fn check(&self) -> Result<(), String> {
        let mut rows = self
            .db
            .prepare(
                "SELECT v.ref, l.name FROM vault v JOIN lane l ON l.n = v.lane
                 WHERE v.event IS NULL",
            )
            .expect("the phone's schema");
        let rows = rows.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)));
        let rows: Vec<(Vec<u8>, String)> =
            rows.and_then(Iterator::collect).expect("the phone's vault");
        let may_see = self.may_see();
        for (reference, lane) in rows {
            let reference = Digest::from_slice(&reference).ok_or("a digest is cut")?;
            if !self.hub.vault.contains_key(&VaultRef(reference)) {
                return Err(format!("lost: a person or text of {lane} is not at the hub"));
            }
            if !may_see.contains(&reference) {
                return Err(format!(
                    "personal: a person or text of {lane} is none of his business"
                ));
            }
        }
        Ok(())
    }

    fn may_see(&self) -> BTreeSet<Digest> {
        let mut may_see = BTreeSet::new();
        for line in self.log {
            let Ok(event) = Event::parse(&line.bytes) else { continue };
            let state = self.hub.states.get(&line.lane.to_string()).map(read_state);
            let state = state.and_then(Result::ok).unwrap_or(LaneState::empty(&line.lane));
            if visibility::loses_sight(&state, self.me) {
                continue;
            }
            let relation = visibility::relation(&line.lane, &state, self.me);
            let sight = relation.map(|relation| sees(&event, relation, self.me));
            let his = event.envelope.actor.courier() == Some(self.me);
            if his || sight == Some(Sight::FactAndPerson) {
                may_see.extend(digests(&line.bytes));
            }
        }
        may_see
    }
}

/// What the phone shows as parked is parked at the hub, and what is parked there the phone shows.
fn parked_is_parked(
    sim: &Sim,
    who: usize,
    log: &[LogLine],
    hub: &Everything,
) -> Result<(), String> {
    let places = super::places(hub);
    let mut shown = BTreeSet::new();
    for line in log {
        let Ok(event) = Event::parse(&line.bytes) else { continue };
        shown.insert(event.envelope.id);
        let place = places.get(&event.envelope.id);
        if line.lane_seq.is_none() && place.is_some_and(|place| place.is_ok()) {
            return Err(format!("phone {who}: stuck: {} has a place and is parked", line.lane));
        }
    }
    let own = sim.recorded.iter().filter(|(by, ..)| *by == who);
    for (_, event, lane) in own.filter(|_| !sim.restored.contains(&who)) {
        if !shown.contains(event) {
            return Err(format!("phone {who}: forgotten: {event} of {lane}"));
        }
    }
    Ok(())
}
