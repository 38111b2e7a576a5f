//! What a push carries: a prefix of the pending chain, whole groups, and their vault entries.

use std::io::Write as _;

use rusqlite::Connection;

use super::drift;
use super::wire::{self, HubKey, Limits, PROTOCOL, Pull, PushHeader};
use super::{Auth, Body, FeedRead, Header, HubRequest, Next, SyncChannel};
use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::error::{Error, Result};
use crate::event::{Envelope, leaf};
use crate::id::Digest;
use crate::store::{Head, Key, Media, Outgoing, rewind, vault};
use crate::time::ClockReading;

/// The most events asked for at a time: one answer is then applied in a few tens of milliseconds.
const PULL_EVENTS: u32 = 500;

/// Events in a push while the hub does not answer: ten hours of trying must not cost a day's data.
const PROBE_EVENTS: u32 = 10;

/// Events asked for then: a link that cuts every long answer still brings short ones.
const PROBE_PULL: u32 = 50;

/// Bodies longer than this are compressed; below it gzip gains nothing.
const GZIP_FROM: usize = 300;

/// An events request on its way.
pub(crate) struct EventsInFlight {
    pub(super) id: u64,
    pub(super) sent_boot_ms: i64,
    /// What it asks to be sent.
    pub(super) asked: Option<Pull>,
    pub(super) incarnation: u32,
    pub(super) prev_link: Digest,
    pub(super) sent: Vec<Sent>,
    /// The leaves of the lost acts it tells of.
    pub(super) lost_acts: Vec<Digest>,
}

/// One event on its way.
pub(super) struct Sent {
    pub(super) n: i64,
    pub(super) lane: i64,
    pub(super) seq: u64,
    pub(super) leaf: Digest,
    pub(super) link: Digest,
}

impl Courier {
    pub(super) fn next_events(&mut self, reading: &ClockReading) -> Result<Next> {
        let db = &self.store()?.db;
        let limits = Key::Limits.get::<Limits>(db)?.unwrap_or_default();
        let signed_in = Key::SignedIn.get::<bool>(db)?.unwrap_or(false);
        let most = self.machine.push_limit.unwrap_or(limits.push_events).min(limits.push_events);
        let doubtful = self.machine.events_pace.is_doubtful();
        let most = if doubtful { most.min(PROBE_EVENTS) } else { most };
        let batch = whole_groups(Outgoing::load(db, most.max(1))?, limits.push_bytes, db)?;

        let may_pull = signed_in && !self.machine.session_ended && !self.machine.upgrade_required;
        let poll_due = match self.machine.last_pull_boot_ms {
            Some((boot, ms)) if boot == reading.boot_id => {
                reading.boot_ms - ms >= i64::try_from(limits.poll_ms).unwrap_or(i64::MAX)
            }
            _ => true,
        };
        // A push that is made anyway pulls as well: it is the same round trip.
        let pull_wanted = may_pull && (self.machine.pull_asked || poll_due || !batch.is_empty());
        if batch.is_empty() && !pull_wanted {
            return Ok(Next::Idle);
        }
        // Nothing is sent to a hub whose receipt could not be checked.
        if !batch.is_empty() && Key::HubKeys.get::<Vec<HubKey>>(db)?.is_none() {
            return Ok(self.ask_keys());
        }

        let head = self.head;
        let (first_n, last_n) = match (batch.first(), batch.last()) {
            (Some(first), Some(last)) => (first.n, last.n),
            _ => (0, -1),
        };
        let (first_seq, prev_link) = match batch.first() {
            Some(first) => (first.seq, previous_link(db, head, first)?),
            None => (head.seq + 1, head.link),
        };
        let entries = vault::outgoing(db, first_n, last_n)?;
        let end = batch.last().map(|last| (last.seq, last.link));
        let lost_acts = rewind::lost(db)?;
        let told = lost_acts.iter().map(|act| act.leaf).collect();
        let header = PushHeader {
            protocol: PROTOCOL,
            device: self.identity.device,
            incarnation: head.incarnation,
            first_seq,
            prev_link,
            epoch: (!batch.is_empty()).then(|| self.epoch()),
            events: u32::try_from(batch.len()).unwrap_or(u32::MAX),
            vault: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            pending: Outgoing::count(db)? - batch.len() as u64,
            media_lost: Media::lost_between(db, first_n, last_n)?,
            signature: self.sign_head(head.incarnation, end)?,
            lost_acts,
            pull: pull_wanted.then(|| self.pull(db, batch.is_empty(), reading)).transpose()?,
        };
        let lines: Vec<&[u8]> = batch.iter().map(|event| event.bytes.as_slice()).collect();
        let plain = wire::body(&header, &lines, &entries);
        let sent = batch
            .iter()
            .map(|event| Sent {
                n: event.n,
                lane: event.lane,
                seq: event.seq,
                leaf: leaf(&event.bytes),
                link: event.link,
            })
            .collect();

        let (headers, bytes) = packed(plain)?;
        let id = self.machine.new_id();
        self.machine.events = Some(EventsInFlight {
            id,
            sent_boot_ms: reading.boot_ms,
            asked: header.pull,
            incarnation: head.incarnation,
            prev_link,
            sent,
            lost_acts: told,
        });
        Ok(Next::Send {
            request: HubRequest {
                id,
                channel: SyncChannel::Events,
                method: "POST".to_owned(),
                path: "/v1/sync".to_owned(),
                headers,
                auth: if pull_wanted { Auth::DeviceAndSession } else { Auth::Device },
                body: Body::Bytes { bytes },
            },
        })
    }

    /// What this phone wants to be sent; `quiet` says that it sends nothing itself.
    fn pull(&self, db: &Connection, quiet: bool, reading: &ClockReading) -> Result<Pull> {
        let read = FeedRead::load(db)?.unwrap_or_default();
        let again = drift::again(db)?;
        let compares = quiet && again.is_empty();
        let digest = if compares { self.digest_due(db, &read, reading)? } else { None };
        let FeedRead { cursor, rest } = read;
        let doubtful = self.machine.events_pace.is_doubtful();
        Ok(Pull {
            cursor,
            rest: match rest {
                Some(rest) => Some(rest.mark),
                None => (cursor == 0).then(String::new),
            },
            max_events: if doubtful { PROBE_PULL } else { PULL_EVENTS },
            directory: self.directory().version,
            policy: self.policy().version,
            codes: self.codes_wanted(),
            digest,
            again,
        })
    }

    fn sign_head(&self, incarnation: u32, end: Option<(u64, Digest)>) -> Result<Option<String>> {
        let (Some(signer), Some((seq, link))) = (&self.options.signer, end) else {
            return Ok(None);
        };
        let text = wire::head_text(self.identity.device, incarnation, seq, &link);
        Ok(Some(data_encoding::HEXLOWER.encode(&signer.sign(text.as_bytes())?)))
    }
}

/// The link before the first event of a push: that of the event before it, or the chain's start.
fn previous_link(db: &Connection, head: Head, first: &Outgoing) -> Result<Digest> {
    let settled = Key::SettledHead.get::<Head>(db)?;
    match settled {
        Some(settled)
            if settled.incarnation == head.incarnation && settled.seq + 1 == first.seq =>
        {
            Ok(settled.link)
        }
        None if first.seq == 1 => Ok(Digest::default()),
        // The outbox starts right behind what was settled: anything else is a damaged file.
        _ => Err(Error::Corrupt),
    }
}

/// Cuts a batch so that its last group is whole and its bytes fit; at least one group stays.
///
/// A line that cannot be read and a group that ends with the outbox, as a broken release of the app
/// could have written them, go as they are: the hub parks them, and the rest of the day is not held up.
fn whole_groups(
    mut batch: Vec<Outgoing>,
    max_bytes: u64,
    db: &Connection,
) -> Result<Vec<Outgoing>> {
    let mut bytes = 0u64;
    let mut keep = 0;
    while let Some(first) = batch.get(keep) {
        let envelope = serde_json::from_slice::<Envelope>(&first.bytes).ok();
        let group = envelope.and_then(|it| it.group).filter(|_| !planted(Bug::GroupCut));
        let mut end = keep + group.map_or(1, |group| usize::from(group.size).max(1));
        if end > batch.len() {
            if keep > 0 {
                break;
            }
            batch = Outgoing::load(db, u32::try_from(end).unwrap_or(u32::MAX))?;
            end = end.min(batch.len());
        }
        bytes += batch[keep..end].iter().map(|event| event.bytes.len() as u64 + 1).sum::<u64>();
        if keep > 0 && bytes > max_bytes {
            break;
        }
        keep = end;
    }
    batch.truncate(keep);
    Ok(batch)
}

/// Packs a body, if that is worth it, and says so in the headers.
fn packed(plain: Vec<u8>) -> Result<(Vec<Header>, Vec<u8>)> {
    let mut headers = vec![
        Header::new("content-type", "application/x-ndjson"),
        Header::new("accept-encoding", "gzip"),
        Header::new("lastmile-protocol", PROTOCOL.to_string()),
    ];
    let bytes = if plain.len() > GZIP_FROM {
        headers.push(Header::new("content-encoding", "gzip"));
        gzip(&plain)?
    } else {
        plain
    };
    Ok((headers, bytes))
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(plain)?;
    Ok(zip.finish()?)
}
