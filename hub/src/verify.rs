//! Checks an evidence bundle offline, and says what it proves and what it does not.
//!
//! Pure: no hub, no network, no file. What is proven rests on one thing alone, the root key that
//! the reader got by another way.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

use lastmile_core::event::{self, Event, Fact, Lane};
use lastmile_core::evidence::EvidenceRef;
use lastmile_core::id::{DeviceId, Digest};
use lastmile_core::privacy::{PersonErased, VaultRef};
use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{ReceiptBody, head_text};

use serde::Deserialize as _;

use crate::bundle::{Bundle, BundleEvent, BundleLane, BundleStretch, FORMAT};

/// What a bundle shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is certain if the root key is the right one.
    pub proven: Vec<String>,
    /// What nothing in the bundle shows, for or against.
    pub not_proven: Vec<String>,
    /// What contradicts itself: somebody changed the bundle, or lied.
    pub failed: Vec<String>,
}

impl Report {
    /// Tells whether nothing in the bundle contradicts itself.
    pub fn holds(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Checks a bundle. `pinned` is the root key as the reader knows it, in hexadecimal; `file` returns
/// the hash of the media file that lies beside the bundle under a name.
pub fn verify(
    bundle: &Bundle,
    pinned: Option<&str>,
    file: &dyn Fn(&Digest) -> Option<Digest>,
) -> Report {
    let mut report = Report::default();
    if bundle.format != FORMAT {
        report.failed.push(format!("the format is not \"{FORMAT}\""));
        return report;
    }
    check_root(bundle, pinned, &mut report);
    // Signatures are half of the work, lines the other half.
    let (covered, lanes) = thread::scope(|scope| {
        let lanes = scope.spawn(|| bundle.lanes.iter().map(ReadLane::of).collect::<Vec<_>>());
        let keys = certified_keys(bundle, &mut report);
        let covered = covered(bundle, &keys, &mut report);
        (covered, lanes.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    for lane in &lanes {
        check_lane(bundle, lane, &covered, &mut report);
    }
    let facts: Vec<&Fact> = lanes.iter().flat_map(ReadLane::facts).collect();
    let erasures: Vec<&PersonErased> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::PersonErased(erased) => Some(erased),
            _ => None,
        })
        .collect();
    check_media(bundle, &facts, &erasures, file, &mut report);
    check_vault(bundle, &erasures, &mut report);
    report.not_proven.push(
        "the order of the events in a lane, and that none is left out at its end: \
         receipts sign what was held, and its order in the phone's own chain"
            .to_owned(),
    );
    report
}

fn short(hex: &str) -> &str {
    hex.get(..16).unwrap_or(hex)
}

fn check_root(bundle: &Bundle, pinned: Option<&str>, report: &mut Report) {
    match pinned.map(|key| key.trim().to_ascii_lowercase()) {
        Some(key) if key == bundle.root_key => {
            report.proven.push(format!("the root key is the pinned one, {}…", short(&key)));
        }
        Some(_) => report.failed.push("the root key is not the pinned one".to_owned()),
        None => report.not_proven.push(format!(
            "that the root key {}… is the company's: compare it with the one phones pinned (--root)",
            short(&bundle.root_key)
        )),
    }
}

/// Returns the keys that the root certified, by name.
fn certified_keys(bundle: &Bundle, report: &mut Report) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for key in &bundle.keys {
        if key.is_certified_by(&bundle.root_key) {
            report.proven.push(format!("{} is certified by the root key", key.key));
            keys.insert(key.key.clone(), key.public.clone());
        } else {
            report.failed.push(format!("{} is not certified by the root key", key.key));
        }
    }
    keys
}

/// One event's place in a stretch that was checked.
struct Covered {
    leaf: Digest,
    letter: char,
    hub_ms: i64,
    chain_gap: bool,
    by_device: bool,
}

type Positions = BTreeMap<(DeviceId, u32, u64), Covered>;

/// Checks every receipt and returns what the good ones cover.
fn covered(bundle: &Bundle, keys: &BTreeMap<String, String>, report: &mut Report) -> Positions {
    let mut positions = Positions::new();
    let mut good = 0;
    for (index, stretch) in bundle.stretches.iter().enumerate() {
        match check_stretch(bundle, stretch, keys, &mut positions) {
            Ok(()) => good += 1,
            Err(why) => report.failed.push(format!("receipt {}: {why}", index + 1)),
        }
    }
    if good > 0 {
        report.proven.push(format!(
            "receipts that are signed by a certified key, over exactly the listed events and chain: \
             {good}"
        ));
    }
    positions
}

fn check_stretch(
    bundle: &Bundle,
    stretch: &BundleStretch,
    keys: &BTreeMap<String, String>,
    positions: &mut Positions,
) -> Result<(), &'static str> {
    let receipt = &stretch.receipt;
    let public = keys.get(&receipt.key).ok_or("its key is not certified")?;
    if !verifies(public, receipt.body.as_bytes(), &receipt.signature) {
        return Err("its signature does not verify");
    }
    let body = ReceiptBody::parse(&receipt.body).ok_or("its body is not a receipt")?;
    if Digest::of(&[stretch.list.as_bytes()]) != body.verdicts {
        return Err("the list is not the one it signs");
    }
    let mut list = Vec::new();
    for line in stretch.list.lines() {
        let (leaf, letter) = line.split_once(' ').ok_or("the list is malformed")?;
        let leaf: Digest = leaf.parse().map_err(|_| "the list is malformed")?;
        list.push((leaf, letter.chars().next().ok_or("the list is malformed")?));
    }
    if list.len() != body.count as usize {
        return Err("the list has another length than it says");
    }
    let last = body.first_seq.checked_add(u64::from(body.count)).and_then(|end| end.checked_sub(1));
    let last = last.ok_or("no chain has the positions it names")?;
    let head = list.iter().fold(body.prev_link, |link, (leaf, _)| event::link(&link, leaf));
    if head != body.head {
        return Err("the chain does not lead to the head it signs");
    }
    let by_device = signed_by_device(bundle, stretch, &body, last)?;
    // What the receipt says was not taken is no proof of anything.
    let list = list.into_iter().zip(body.first_seq..).filter(|((_, letter), _)| *letter != 'f');
    for ((leaf, letter), seq) in list {
        let (hub_ms, chain_gap) = (body.hub_ms, body.chain_gap);
        let covered = Covered { leaf, letter, hub_ms, chain_gap, by_device };
        positions.entry((body.device, body.incarnation, seq)).or_insert(covered);
    }
    Ok(())
}

/// Tells whether the device itself signed the head of the stretch.
fn signed_by_device(
    bundle: &Bundle,
    stretch: &BundleStretch,
    body: &ReceiptBody,
    last: u64,
) -> Result<bool, &'static str> {
    let Some(signature) = &stretch.device_signature else { return Ok(false) };
    let device = bundle.devices.iter().find(|device| device.device == body.device);
    let key = device.and_then(|device| device.public_key.as_deref());
    let key = key.ok_or("it bears a phone's signature, but the phone's key is missing")?;
    let text = head_text(body.device, body.incarnation, last, &body.head);
    if verifies(key, text.as_bytes(), signature) {
        Ok(true)
    } else {
        Err("the phone's signature does not verify")
    }
}

/// A lane whose lines were read, which is done once: it is most of what verifying costs.
struct ReadLane<'a> {
    lane: &'a Lane,
    /// Each event as the bundle holds it, and what its line says if it is an event.
    events: Vec<(&'a BundleEvent, Option<Event>)>,
}

impl<'a> ReadLane<'a> {
    fn of(lane: &'a BundleLane) -> Self {
        let read = |held: &'a BundleEvent| (held, Event::parse(held.line.as_bytes()).ok());
        Self { lane: &lane.lane, events: lane.events.iter().map(read).collect() }
    }

    fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.events.iter().filter_map(|(_, event)| event.as_ref().map(|event| &event.fact))
    }
}

fn check_lane(bundle: &Bundle, lane: &ReadLane, covered: &Positions, report: &mut Report) {
    let name = lane.lane.to_string();
    let mut ids = BTreeSet::new();
    for (expected, (held, event)) in (1..).zip(&lane.events) {
        if held.lane_seq != expected {
            report.failed.push(format!("{name}: position {expected} is missing"));
            return;
        }
        let Some(event) = event else {
            report.failed.push(format!("{name} #{}: the line is not an event", held.lane_seq));
            continue;
        };
        let title = format!("{name} #{} {}", held.lane_seq, event.fact.kind());
        if event.envelope.lane != *lane.lane || !ids.insert(event.envelope.id) {
            report.failed.push(format!("{title}: it is of another lane, or there twice"));
            continue;
        }
        check_event(bundle, &title, held, event, covered, report);
    }
}

fn check_event(
    bundle: &Bundle,
    title: &str,
    held: &BundleEvent,
    event: &Event,
    covered: &Positions,
    report: &mut Report,
) {
    let at = (held.device, held.incarnation, held.seq);
    let Some(place) = covered.get(&at) else {
        report.not_proven.push(format!("{title}: no receipt covers it"));
        return;
    };
    if place.leaf != event::leaf(held.line.as_bytes()) {
        report.failed.push(format!("{title}: its bytes are not those that were receipted"));
        return;
    }
    let how = if place.letter == 'a' { "accepted" } else { "held, parked at first" };
    let actor = &event.envelope.actor;
    let owner = bundle.devices.iter().find(|device| device.device == held.device);
    let whose = match owner.and_then(|device| device.courier.as_ref()) {
        Some(courier) => format!("the phone of courier {courier}"),
        None => "the hub itself".to_owned(),
    };
    let signed = if place.by_device { ", signed with the phone's own key" } else { "" };
    report.proven.push(format!(
        "{title}: {how}, byte for byte, by {}; recorded as {actor} on {whose}, event {} of its \
         chain{signed}",
        time(place.hub_ms),
        held.seq
    ));
    if event.envelope.device != held.device {
        report.not_proven.push(format!(
            "{title}: that {actor} recorded it: another device brought it, a clerk let it pass"
        ));
    }
    if place.chain_gap {
        report.not_proven.push(format!("{title}: what the phone recorded just before its stretch"));
    }
    let moment = event.envelope.at;
    if let Some(late) = &event.envelope.late {
        report.not_proven.push(format!(
            "{title}: that it happened at {}: {actor} attested it at {}, after his phone was lost",
            time(moment.ms),
            time(late.at.ms)
        ));
        return;
    }
    match moment.unsure_ms {
        None => report.not_proven.push(format!(
            "{title}: that it happened at {}: the phone's clock had not met the hub's",
            time(moment.ms)
        )),
        Some(_) if moment.ms > place.hub_ms.saturating_add(60_000) => {
            report.not_proven.push(format!(
                "{title}: that it happened at {}: that is after the hub had it",
                time(moment.ms)
            ));
        }
        Some(_) => {}
    }
}

/// Every media file that the facts name. In a fact that this version does not know, whatever has
/// the shape of an evidence item is one.
fn named_media(facts: &[&Fact]) -> BTreeMap<Digest, EvidenceRef> {
    fn walk(value: &serde_json::Value, found: &mut Vec<EvidenceRef>) {
        found.extend(EvidenceRef::deserialize(value));
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|field| walk(field, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for fact in facts {
        match fact {
            Fact::Unknown { data, .. } => {
                walk(&serde_json::from_str(data).unwrap_or_default(), &mut found);
            }
            known => found.extend(known.evidence().into_iter().cloned()),
        }
    }
    found.into_iter().map(|item| (item.sha256, item)).collect()
}

fn check_media(
    bundle: &Bundle,
    facts: &[&Fact],
    erasures: &[&PersonErased],
    file: &dyn Fn(&Digest) -> Option<Digest>,
    report: &mut Report,
) {
    let erased: BTreeSet<&Digest> = erasures.iter().flat_map(|erased| &erased.media).collect();
    for (sha256, item) in named_media(facts) {
        let name =
            format!("file {}… ({:?}, {} bytes)", short(&sha256.to_string()), item.kind, item.bytes);
        match file(&sha256) {
            Some(found) if found == sha256 => {
                report
                    .proven
                    .push(format!("{name}: the one beside the bundle is the one recorded"));
            }
            Some(_) => report.failed.push(format!("{name}: the one beside the bundle is another")),
            None if bundle.media.iter().any(|known| known.sha256 == sha256) => report
                .not_proven
                .push(format!("{name}: the hub says it has it, but it is not beside the bundle")),
            None if erased.contains(&sha256) => report
                .not_proven
                .push(format!("{name}: it was erased, as an event tells; its digest stays")),
            None => report.not_proven.push(format!("{name}: it never reached the hub")),
        }
    }
}

fn check_vault(bundle: &Bundle, erasures: &[&PersonErased], report: &mut Report) {
    let erased: BTreeSet<&VaultRef> =
        erasures.iter().flat_map(|erased| &erased.references).collect();
    if !erased.is_empty() {
        report.not_proven.push(format!(
            "what {} persons and texts were: they were erased, as an event tells; their digests stay",
            erased.len()
        ));
    }
    if bundle.vault.is_empty() {
        report.not_proven.push(
            "who the persons are and what the notes say: the bundle holds only their digests"
                .to_owned(),
        );
        return;
    }
    let lines: Vec<&str> =
        bundle.lanes.iter().flat_map(|lane| &lane.events).map(|event| &*event.line).collect();
    let mut good = 0;
    for entry in &bundle.vault {
        let reference = entry.reference.to_string();
        if entry.is_genuine() && lines.iter().any(|line| line.contains(&reference)) {
            good += 1;
        } else {
            report.failed.push(format!("text {}…: it is not the one recorded", short(&reference)));
        }
    }
    report.proven.push(format!("persons and texts that are those the events point at: {good}"));
}

fn time(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}
