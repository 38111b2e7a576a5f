//! What a device sent: where each event stands in its chain, and what becomes of it.
//!
//! Nothing a device sends blocks its cursor or another lane: whatever cannot be placed is parked,
//! chained and receipted like everything else.

use std::collections::HashSet;

use lastmile_core::bug::{Bug, planted};
use lastmile_core::event::{Lane, LineError, digests};
use lastmile_core::id::Digest;
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::sync::wire::{
    Countersignature, ParkReason, Push, ReceiptBody, Verdict, verdict_list,
};

use super::chain::{Chain, Fate, Line, group_of, own_id};
use super::judge::judge;
use super::ledger::{Arrival, Ledger};
use super::park;
use crate::problem::{HubError, Result};
use crate::store::{Device, Held, NewEvent, Row, Stretch};

/// What the hub says about a push.
#[derive(Default)]
pub(crate) struct Received {
    pub verdicts: Vec<Verdict>,
    pub vault_refused: Vec<VaultRef>,
    pub receipt: Option<Countersignature>,
    pub held_to: u64,
}

/// Takes a push in.
pub(crate) fn receive(
    ledger: &mut Ledger,
    device: &Device,
    push: &Push,
    lines: &[Line],
) -> Result<Received> {
    let vault_refused = take_vault(ledger, push)?;
    let mut chain = Chain::meet(ledger, device, push, lines)?;
    if chain.signed && forgive(ledger, device, &chain)? {
        chain = Chain::meet(ledger, device, push, lines)?;
    }
    let held_to = chain.held.received_to;
    if lines.is_empty() {
        return Ok(Received { vault_refused, held_to, ..Received::default() });
    }
    let mut fates = chain.fates(ledger, device, lines)?;
    sentence(ledger, device, push, lines, &chain, &mut fates)?;
    let verdicts = execute(ledger, device, lines, &chain, &fates)?;
    let held_to = chain.advance(ledger, device, &fates)?;
    let receipt = sign(ledger, device, lines, &chain, &fates, &verdicts)?;
    Ok(Received { verdicts, vault_refused, receipt: Some(receipt), held_to })
}

fn take_vault(ledger: &Ledger, push: &Push) -> Result<Vec<VaultRef>> {
    let mut refused = Vec::new();
    for line in &push.vault {
        match serde_json::from_slice::<VaultEntry>(line) {
            Ok(entry) if entry.is_genuine() => ledger.tx.put_entry(&entry)?,
            Ok(entry) => refused.push(entry.reference),
            // It has no name to refuse it by, and the push must not be stuck for it.
            Err(_) => tracing::warn!("a vault line is not an entry and was left out"),
        }
    }
    Ok(refused)
}

/// Looks again at what was parked because its push was not signed, now that it comes signed.
fn forgive(ledger: &mut Ledger, device: &Device, chain: &Chain) -> Result<bool> {
    let unsigned: Vec<Row> = chain
        .taken
        .values()
        .filter(|held| held.place == Err(ParkReason::BadSignature))
        .map(|held| held.row)
        .collect();
    for row in &unsigned {
        ledger.tx.park_event(*row, ParkReason::Behind)?;
    }
    if unsigned.is_empty() {
        return Ok(false);
    }
    park::reconsider_device(ledger, device)?;
    Ok(true)
}

/// Says which of the new lines are accepted and why others are parked, group by group.
fn sentence(
    ledger: &mut Ledger,
    device: &Device,
    push: &Push,
    lines: &[Line],
    chain: &Chain,
    fates: &mut [Fate],
) -> Result<()> {
    let lost: HashSet<Digest> = push.header.media_lost.iter().copied().collect();
    let lost = not_held(ledger, device, lost)?;
    let mut blocked: HashSet<Row> = ledger.tx.parked_lanes(device.row)?.into_iter().collect();
    let mut opened: HashSet<Lane> = HashSet::new();
    let mut start = 0;
    while start < lines.len() {
        if !matches!(fates[start], Fate::New(_)) {
            start += 1;
            continue;
        }
        let (end, whole) = group_end(lines, fates, start);
        let mut reasons = Vec::with_capacity(end - start);
        // A group may open a lane and go on in it.
        let mut before: Vec<&Lane> = Vec::new();
        for line in &lines[start..end] {
            let known = |lane: &Lane| opened.contains(lane) || before.contains(&lane);
            let mut result = judge_line(ledger, device, chain, line, known)?;
            before.extend(line.event.as_ref().map(|event| &event.envelope.lane));
            if result.is_ok() && names_any(line.bytes, &lost) {
                result = Err(ParkReason::MediaMissing);
            }
            let behind = blocked.contains(&row_of(ledger, line)?.unwrap_or_default());
            if result.is_ok() && behind && !planted(Bug::LaneNotHeldBack) {
                result = Err(ParkReason::Behind);
            }
            reasons.push(result.and(if whole { Ok(()) } else { Err(ParkReason::Unparseable) }));
        }
        let all_pass = reasons.iter().all(std::result::Result::is_ok);
        for (index, reason) in (start..end).zip(reasons) {
            if all_pass {
                if let Ok(event) = &lines[index].event {
                    opened.insert(event.envelope.lane.clone());
                }
            } else {
                fates[index] = Fate::New(Err(reason.err().unwrap_or(ParkReason::Behind)));
                blocked.extend(row_of(ledger, &lines[index])?);
            }
        }
        start = end;
    }
    Ok(())
}

/// Tells whether `bytes` name one of `wanted`.
fn names_any(bytes: &[u8], wanted: &HashSet<Digest>) -> bool {
    !wanted.is_empty() && digests(bytes).any(|digest| wanted.contains(&digest))
}

fn not_held(
    ledger: &Ledger,
    device: &Device,
    mut digests: HashSet<Digest>,
) -> Result<HashSet<Digest>> {
    for digest in digests.clone() {
        if ledger.tx.upload_of(device.row, &digest)?.is_some_and(|upload| upload.confirmed) {
            digests.remove(&digest);
        }
    }
    Ok(digests)
}

/// The row of a line's lane; lines that are not events have none.
fn row_of(ledger: &mut Ledger, line: &Line) -> Result<Option<Row>> {
    match &line.event {
        Ok(event) => ledger.lane_row(&event.envelope.lane).map(Some),
        Err(_) => Ok(None),
    }
}

/// Returns where the group that starts at `start` ends, and whether it is whole. A member that
/// does not parse belongs to it by its position.
fn group_end(lines: &[Line], fates: &[Fate], start: usize) -> (usize, bool) {
    let Some(group) = group_of(&lines[start]) else { return (start + 1, true) };
    let size = usize::from(group.size).max(1);
    let first = lines[start].event.as_ref().is_ok_and(|event| event.envelope.id == group.first);
    let belongs = |index: usize| {
        matches!(fates[index], Fate::New(_))
            && (lines[index].event.is_err() || group_of(&lines[index]) == Some(group))
    };
    let mut end = start + 1;
    while end < lines.len() && end < start + size && belongs(end) {
        end += 1;
    }
    (end, first && end - start == size)
}

fn judge_line(
    ledger: &mut Ledger,
    device: &Device,
    chain: &Chain,
    line: &Line,
    opened: impl Fn(&Lane) -> bool,
) -> Result<std::result::Result<(), ParkReason>> {
    let event = match &line.event {
        Ok(event) => event,
        Err(LineError::TooLarge) => return Ok(Err(ParkReason::TooLarge)),
        Err(LineError::Unparseable) => return Ok(Err(ParkReason::Unparseable)),
    };
    if !chain.signed {
        return Ok(Err(ParkReason::BadSignature));
    }
    let root_key = ledger.hub.root_key();
    let mut facts = ledger.lane_facts(&event.envelope.lane)?;
    facts.known |= opened(&event.envelope.lane);
    Ok(judge(event, device, facts, &root_key))
}

/// Writes the new lines down and returns a verdict for every line.
fn execute(
    ledger: &mut Ledger,
    device: &Device,
    lines: &[Line],
    chain: &Chain,
    fates: &[Fate],
) -> Result<Vec<Verdict>> {
    reserve(ledger, lines, fates)?;
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(lines.len());
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    for (index, (line, fate)) in lines.iter().zip(fates).enumerate() {
        let origin = chain.origin(device, index);
        if let (true, Ok(event)) = (planted(Bug::FoldsBeforeDedupe), &line.event) {
            ledger.fold_once_more(event, fate)?;
        }
        let (verdict, row) = match fate {
            Fate::Forked => (Verdict::DeviceForked, None),
            Fate::Here(held) => (as_before(held), None),
            Fate::Known(held) => (as_before(held), Some(held.row)),
            Fate::Again(first) => (again(verdicts[*first]), Some(rows[*first])),
            Fate::New(Ok(())) => {
                let event =
                    line.event.as_ref().map_err(|_| HubError::Damaged("an accepted event"))?;
                let arrival = Arrival::New { leaf: &line.leaf, bytes: line.bytes, origin };
                let placed = ledger.accept(event, arrival, &device.station)?;
                (Verdict::Accepted(placed.lane_seq), Some(placed.row))
            }
            Fate::New(Err(reason)) if planted(Bug::ParkedNotKept) => {
                (Verdict::Parked(*reason), None)
            }
            Fate::New(Err(reason)) => {
                let lane = row_of(ledger, line)?;
                let row = ledger.tx.add_event(&NewEvent {
                    id: own_id(line, device),
                    leaf: &line.leaf,
                    lane,
                    place: Err(*reason),
                    origin,
                    bytes: line.bytes,
                })?;
                (Verdict::Parked(*reason), Some(row))
            }
        };
        if let Some(row) = row {
            ledger.tx.put_position(&origin, &chain.links[index], row)?;
        }
        verdicts.push(verdict);
        rows.push(row.unwrap_or_default());
    }
    Ok(verdicts)
}

/// Advances each lane's row once for all of its events.
fn reserve(ledger: &mut Ledger, lines: &[Line], fates: &[Fate]) -> Result<()> {
    let mut counts: std::collections::BTreeMap<&Lane, u64> = std::collections::BTreeMap::new();
    for (line, fate) in lines.iter().zip(fates) {
        if let (Ok(event), Fate::New(Ok(()))) = (&line.event, fate) {
            *counts.entry(&event.envelope.lane).or_default() += 1;
        }
    }
    for (lane, count) in counts {
        ledger.reserve(lane, count)?;
    }
    Ok(())
}

fn as_before(held: &Held) -> Verdict {
    match held.place {
        Ok(lane_seq) => Verdict::AlreadyKnown(lane_seq),
        Err(reason) => Verdict::Parked(reason),
    }
}

fn again(first: Verdict) -> Verdict {
    match first {
        Verdict::Accepted(lane_seq) => Verdict::AlreadyKnown(lane_seq),
        other => other,
    }
}

/// Signs what was received. A push that brought nothing new is receipted too, but not kept twice.
fn sign(
    ledger: &Ledger,
    device: &Device,
    lines: &[Line],
    chain: &Chain,
    fates: &[Fate],
    verdicts: &[Verdict],
) -> Result<Countersignature> {
    let list = verdict_list(lines.iter().map(|line| &line.leaf).zip(verdicts));
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let receipt = ledger.hub.keys.sign(&ReceiptBody {
        device: device.id,
        incarnation: chain.incarnation,
        first_seq: chain.first_seq,
        count,
        prev_link: chain.prev_link,
        head: chain.links.last().copied().unwrap_or(chain.prev_link),
        verdicts: Digest::of(&[list.as_bytes()]),
        chain_gap: chain.gap,
        hub_ms: ledger.now.ms,
    });
    if fates.iter().any(|fate| !matches!(fate, Fate::Here(_) | Fate::Forked)) {
        let letters = list.lines().filter_map(|line| line.chars().last()).collect();
        let forked = lines.iter().zip(fates);
        let forked = forked.filter(|(_, fate)| matches!(fate, Fate::Forked));
        let stretch = Stretch {
            first_seq: chain.first_seq,
            count,
            letters,
            forked: forked.map(|(line, _)| line.leaf).collect(),
            receipt: receipt.clone(),
            signed: chain.signature.clone(),
        };
        ledger.tx.put_receipt(device.row, chain.incarnation, &stretch)?;
    }
    let chain_gap = chain.gap;
    Ok(Countersignature { key: receipt.key, signature: receipt.signature, chain_gap })
}
