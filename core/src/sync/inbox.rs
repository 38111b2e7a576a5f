//! What the hub answered: verdicts on what was pushed, and what others did meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::vec;

use rusqlite::{TransactionBehavior, params};

use super::drift;
use super::outbox::Sent;
use super::wire::{self, Receipt, ReceiptBody, Reply, ReplyHeader, Verdict, Withheld};
use super::{EventsInFlight, FeedRead, HubReply, Question, unpacked};
use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::directory::Directory;
use crate::document::{Document, NotAdopted};
use crate::error::{Error, ReplyError, Result};
use crate::event::{Envelope, Lane};
use crate::id::{DeviceId, Digest};
use crate::policy::Adopted;
use crate::privacy::VaultEntry;
use crate::signature::verifies;
use crate::store::{Head, Key, LaneRow, log, media, refold, rewind, vault};
use crate::temporary_storage::CodeBook;
use crate::time::{ClockReading, HubContact};

/// Lines taken in one transaction: the courier's own act never waits for more than these.
const PER_TRANSACTION: usize = 50;

/// What is left of a reply that is being taken.
pub(crate) struct Applying {
    open: EventsInFlight,
    header: ReplyHeader,
    reading: ClockReading,
    /// The device begins a new incarnation.
    forked: bool,
    /// It tells something new of events.
    news: bool,
    /// The directory and the policies to adopt with the last of the lines.
    documents: Option<(Option<Directory>, Option<Vec<Adopted>>)>,
    vault: vec::IntoIter<VaultEntry>,
    lines: vec::IntoIter<Line>,
}

/// One event that the feed brought.
struct Line {
    lane: Lane,
    lane_seq: u64,
    /// It carries this device's name.
    own: bool,
    bytes: Vec<u8>,
}

impl Courier {
    /// Checks a reply and takes what it says of this phone's own events. Returns true if the rest is
    /// to be taken.
    pub(super) fn begin_events(
        &mut self,
        reply: &HubReply,
        reading: &ClockReading,
    ) -> Result<bool> {
        let Some(open) = self.machine.events.take() else { return Ok(false) };
        let HubReply::Answer { status, body, .. } = reply else {
            if planted(Bug::SilenceIsReceipt) {
                return self.settle_unanswered(&open).map(|()| false);
            }
            self.machine.events = planted(Bug::InFlightKept).then_some(open);
            return Ok(false);
        };
        match status {
            200 => {}
            401 | 403 => return Err(ReplyError::Unauthorised.into()),
            413 => {
                let sent = u32::try_from(open.sent.len()).unwrap_or(u32::MAX);
                self.machine.push_limit = Some((sent / 2).max(1));
                return Err(ReplyError::TooLarge.into());
            }
            426 => {
                self.machine.upgrade_required = true;
                return Err(ReplyError::UpgradeRequired.into());
            }
            429 | 500.. => return Ok(false),
            _ => return Err(ReplyError::Malformed.into()),
        }
        let body = unpacked(body)?;
        let reply = Reply::parse(&body).map_err(|_| ReplyError::Malformed)?;
        if let Some(signed) = &reply.header.receipt
            && self.hub_key(&signed.key)?.is_none()
        {
            return self.learn_key(&signed.key).map(|()| false);
        }
        let receipt = self.check_reply(&open, &reply)?;
        let forked = self.has_forked(&open, &reply.header);
        let taken = self
            .learn_time(&open, &reply, reading)
            .and_then(|()| self.apply_verdicts(&open, &reply, receipt.as_ref(), forked));
        self.follow_tables()?;
        taken?;
        self.machine.push_limit = None;
        self.machine.session_ended = reply.header.session_ended;
        let documents = open.asked.is_some() && !reply.header.session_ended;
        let documents = documents.then(|| self.fit_documents(&reply.header));
        if planted(Bug::CursorFirst) && documents.is_some() {
            Key::Feed.set(&self.store()?.db, &Some(feed_read(&reply.header)))?;
        }
        // What is asked for from here on is more than what this answer brings.
        if documents.is_some() {
            self.machine.pull_asked = forked;
        }
        let news = !open.sent.is_empty() || !reply.events.is_empty();
        let lines = reply.events.iter().map(|line| line.to_vec());
        let lines: Vec<_> = reply.header.lane_seqs.iter().copied().zip(lines).collect();
        if documents.is_some() && !forked {
            let mended = self.mend(&open, &lines);
            self.machine.pull_asked |= mended.is_err();
            mended?;
        }
        self.machine.applying = Some(Applying {
            open,
            header: reply.header,
            reading: *reading,
            forked,
            news,
            documents,
            vault: reply.vault.into_iter(),
            lines: by_lane(lines, self.identity.device).into_iter(),
        });
        Ok(true)
    }

    /// Takes the next part of a reply, and what follows from the whole with the last of it. Returns
    /// true if there is more.
    pub(super) fn apply_part(&mut self, mut applying: Applying) -> Result<bool> {
        let taken = self.apply_feed(&mut applying);
        if matches!(taken, Ok(true)) {
            self.machine.applying = Some(applying);
            return taken;
        }
        self.follow_tables()?;
        let whole = taken.and_then(|_| self.finish(&applying));
        self.machine.pull_asked |= whole.is_err();
        whole.map(|()| false)
    }

    /// What went through before something failed counts: memory follows the tables at once, and a
    /// handle that cannot read where its chain ends writes nothing more.
    fn follow_tables(&mut self) -> Result<()> {
        let followed = self.refresh();
        if followed.is_err() {
            self.store = None;
        }
        followed
    }

    /// What is to be done when all of a reply is taken.
    fn finish(&mut self, applying: &Applying) -> Result<()> {
        let Applying { open, header, reading, .. } = applying;
        let store = self.store_mut()?;
        if applying.news {
            store.journal.settle(&store.db)?;
        }
        media::delete_erased(&store.db, &store.media)?;
        if let Some(asked) = &open.asked
            && !header.session_ended
        {
            // A new incarnation reads the feed from its start.
            let forked = self.head.incarnation != open.incarnation;
            let differs = !drift::again(&self.store()?.db)?.is_empty();
            // A hub that always has more and sends nothing is not asked at once for ever.
            let read = (asked.cursor, asked.rest.as_ref());
            let came = !header.lane_seqs.is_empty()
                || (header.cursor, header.rest.as_ref().map(|rest| &rest.mark)) != read;
            self.machine.pull_asked |= (header.more && came) || forked || differs;
            let now = Some((reading.boot_id, reading.boot_ms));
            self.machine.last_pull_boot_ms = now;
            // A hub that had news could not compare.
            if asked.digest.is_some() && asked.cursor == header.cursor {
                self.machine.compared_boot_ms = now;
            }
        }
        // Sites came with the directory: their keys and codes are asked for at once.
        if open.asked.is_some() && !header.session_ended && header.directory.is_some() {
            self.machine.pull_asked |= !self.codes_wanted().is_empty();
        }
        let store = self.store()?;
        store.checkpoint_long()?;
        store.reserve.fill();
        Ok(())
    }

    /// What [`Bug::SilenceIsReceipt`] does.
    fn settle_unanswered(&self, open: &EventsInFlight) -> Result<()> {
        let db = &self.store()?.db;
        for sent in &open.sent {
            log::park(db, sent.n, wire::ParkReason::Behind)?;
            let end = Head { incarnation: open.incarnation, seq: sent.seq, link: sent.link };
            Key::SettledHead.set(db, &end)?;
        }
        Ok(())
    }

    /// Tells whether another store wrote under this one's name: the hub holds other bytes at a
    /// position of its chain, or positions that were never given out here. This one was restored
    /// from a backup then, or is a copy.
    fn has_forked(&self, open: &EventsInFlight, header: &wire::ReplyHeader) -> bool {
        let beyond =
            open.incarnation == self.head.incarnation && header.received_to > self.head.seq;
        beyond || header.verdicts.contains(&Verdict::DeviceForked)
    }

    /// Refuses a whole reply before any of it is taken. Returns the receipt for what was pushed.
    fn check_reply(&mut self, open: &EventsInFlight, reply: &Reply) -> Result<Option<Receipt>> {
        let malformed = || Error::Reply(ReplyError::Malformed);
        let header = &reply.header;
        if header.epoch != self.epoch() && !planted(Bug::EpochIgnored) {
            self.machine.succession = Some(Question::Open);
            return Err(ReplyError::OtherHub.into());
        }
        if header.verdicts.len() != open.sent.len() {
            return Err(malformed());
        }
        if !reply.vault.iter().all(VaultEntry::is_genuine) {
            return Err(malformed());
        }
        let (Some(first), Some(last)) = (open.sent.first(), open.sent.last()) else {
            return Ok(None);
        };
        let signed = header.receipt.as_ref().ok_or_else(malformed)?;
        let key = self.hub_key(&signed.key)?.ok_or(ReplyError::BadReceipt)?;
        let says = ReceiptBody {
            device: self.identity.device,
            incarnation: open.incarnation,
            first_seq: first.seq,
            count: u32::try_from(header.verdicts.len()).unwrap_or(u32::MAX),
            prev_link: open.prev_link,
            head: last.link,
            verdicts: Digest::of(&[verdict_list(open, reply).as_bytes()]),
            chain_gap: signed.chain_gap,
            hub_ms: header.hub_ms,
        };
        let body = says.text();
        let holds = verifies(&key.public, body.as_bytes(), &signed.signature);
        if holds || planted(Bug::AnyAnswerTaken) {
            let (key, signature) = (key.key, signed.signature.clone());
            Ok(Some(Receipt { body, key, signature }))
        } else {
            Err(ReplyError::BadReceipt.into())
        }
    }

    fn learn_time(
        &self,
        open: &EventsInFlight,
        reply: &Reply,
        reading: &ClockReading,
    ) -> Result<()> {
        let round_trip = (reading.boot_ms - open.sent_boot_ms).max(0);
        let contact = HubContact {
            boot_id: reading.boot_id,
            boot_ms: open.sent_boot_ms + round_trip / 2,
            hub_ms: reply.header.hub_ms,
            bound_ms: u32::try_from(round_trip / 2 + 1).unwrap_or(u32::MAX),
        };
        Key::Contact.set(&self.store()?.db, &contact)
    }

    /// Writes every verdict, the receipt and the new settled head in one transaction, and begins
    /// a new incarnation if the device has forked.
    fn apply_verdicts(
        &mut self,
        open: &EventsInFlight,
        reply: &Reply,
        receipt: Option<&Receipt>,
        forked: bool,
    ) -> Result<()> {
        if open.sent.is_empty() && !forked {
            return Ok(());
        }
        let head = self.head;
        let onlooker = self.onlooker();
        let tx = self.store_mut()?.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut touched = BTreeSet::new();
        let mut settled: Option<&Sent> = None;
        for (sent, verdict) in open.sent.iter().zip(&reply.header.verdicts) {
            match verdict {
                Verdict::Accepted(lane_seq) | Verdict::AlreadyKnown(lane_seq) => {
                    log::accept(&tx, sent.n, sent.lane, *lane_seq)?;
                }
                Verdict::Parked(_) if planted(Bug::ParkedDeleted) => {
                    tx.execute("DELETE FROM event WHERE n = ?1", [sent.n])?;
                }
                Verdict::Parked(reason) => log::park(&tx, sent.n, *reason)?,
                // The hub took nothing from here on.
                Verdict::DeviceForked => break,
            }
            touched.insert(sent.lane);
            settled = Some(sent);
        }
        if let (Some(first), Some(sent)) = (open.sent.first(), settled) {
            vault::settle(&tx, first.n, sent.n)?;
            let end = Head { incarnation: open.incarnation, seq: sent.seq, link: sent.link };
            Key::SettledHead.set(&tx, &end)?;
        }
        if let (Some(receipt), Some((first, last))) =
            (receipt, open.sent.first().zip(open.sent.last()))
        {
            tx.prepare_cached(
                "INSERT OR REPLACE INTO receipt (inc, first_seq, count, receipt, verdicts)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                open.incarnation,
                first.seq,
                last.seq - first.seq + 1,
                serde_json::to_string(receipt).unwrap_or_default(),
                verdict_list(open, reply)
            ])?;
        }
        for lane in touched {
            refold(&tx, lane, &onlooker)?;
        }
        if forked && !planted(Bug::SequenceReused) {
            head.reincarnate(&tx)?;
            // Another copy of this store may have given out the same codes.
            let mut codes: CodeBook = Key::Codes.get(&tx)?.unwrap_or_default();
            codes.forget_leases();
            Key::Codes.set(&tx, &codes)?;
        }
        tx.commit()?;
        self.machine.pull_asked |= forked;
        Ok(())
    }

    /// Stores the next of what others did: persons and texts first, then events, a few of them in
    /// one transaction; the cursor moves with the last, and only that one is synced: before it moves
    /// all of the answer can be asked for again. Returns true if there are more.
    fn apply_feed(&mut self, applying: &mut Applying) -> Result<bool> {
        let last = applying.vault.len() + applying.lines.len() <= PER_TRANSACTION;
        self.store_mut()?.sync_commits(last)?;
        let applied = self.apply_some(applying, last);
        if let Err(error) = self.store_mut()?.sync_commits(!planted(Bug::SyncsForgotten)) {
            // No act is recorded that would not be durable.
            self.store = None;
            return Err(error);
        }
        applied.map(|()| !last)
    }

    /// Stores so many of them in one transaction.
    fn apply_some(&mut self, applying: &mut Applying, last: bool) -> Result<()> {
        let onlooker = self.onlooker();
        let Applying { open, header, forked, vault, lines, .. } = applying;
        let room = PER_TRANSACTION.saturating_sub(vault.len());
        let tx = self.store_mut()?.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut touched = BTreeSet::new();
        for entry in vault.by_ref().take(PER_TRANSACTION) {
            let lane = LaneRow::load_or_create(&tx, &entry.lane)?;
            vault::put(&tx, lane.n, &entry, None)?;
        }
        let mut at: Option<LaneRow> = None;
        for Line { lane, lane_seq, own, bytes } in lines.by_ref().take(room) {
            let row = match at.take().filter(|row| row.lane == lane) {
                Some(row) => row,
                None => LaneRow::load_or_create(&tx, &lane)?,
            };
            let new = log::receive(&tx, row.n, lane_seq, &bytes, own)?;
            if new && !planted(Bug::FeedNotFolded) {
                touched.insert(row.n);
            }
            at = Some(row);
        }
        for lane in touched {
            refold(&tx, lane, &onlooker)?;
        }
        if last && let Some((directory, policy)) = &applying.documents {
            // A new incarnation reads the feed again from its start.
            if !*forked {
                Key::Feed.set(&tx, &Some(feed_read(header)))?;
            }
            if !header.more && !*forked && !planted(Bug::DoubtNeverEnds) {
                for lane in rewind::end(&tx)? {
                    refold(&tx, lane, &onlooker)?;
                }
            }
            if let Some(theirs) = &header.lanes
                && !*forked
            {
                drift::compare(&tx, &onlooker.me, theirs)?;
            }
            if let Some(directory) = directory {
                Key::Directory.set(&tx, directory)?;
            }
            if let Some(policy) = policy {
                Key::Policy.set(&tx, policy)?;
            }
            // Sent for the incarnation that asked: one that has just ended gives out no more.
            if !header.codes.is_empty() && !*forked {
                let mut codes: CodeBook = Key::Codes.get(&tx)?.unwrap_or_default();
                codes.take(&header.codes);
                Key::Codes.set(&tx, &codes)?;
            }
        }
        if last {
            Key::Limits.set(&tx, &header.limits)?;
            for leaf in &open.lost_acts {
                rewind::seen(&tx, leaf)?;
            }
            if let Some(seq) = header.durable_to {
                Key::Durable.set(&tx, &(open.incarnation, seq))?;
            }
        }
        tx.commit()?;
        Ok(())
    }
}

impl Courier {
    /// Returns the directory and the policies to adopt, and notes what is refused: a document that
    /// does not fit never holds up events.
    fn fit_documents(
        &mut self,
        header: &wire::ReplyHeader,
    ) -> (Option<Directory>, Option<Vec<Adopted>>) {
        let root = &self.identity.root_key;
        let (mut refused, mut directory, mut policy) = (Vec::new(), None, None);
        let mut refuse = |document, why| refused.push(NotAdopted { document, why });
        if let Some(signed) = &header.directory {
            match Directory::adopt(signed, root, self.directory()) {
                Ok(fit) => directory = Some(fit),
                Err(why) => refuse(Document::Directory, why),
            }
        }
        if let Some(signed) = &header.policy {
            match Adopted::adopt(signed, root, self.policy().version, header.hub_ms) {
                Ok(fit) => policy = Some([self.adopted(), &[fit]].concat()),
                Err(why) => refuse(Document::Policy, why),
            }
        }
        self.not_adopted = refused;
        (directory, policy)
    }
}

/// The list whose digest the receipt of this reply signs.
fn verdict_list(open: &EventsInFlight, reply: &Reply) -> String {
    wire::verdict_list(open.sent.iter().map(|sent| &sent.leaf).zip(&reply.header.verdicts))
}

/// Returns a pulled line's lane, and whether this device wrote it. A line that cannot even say
/// that much has no place here; its lane shows the gap.
pub(super) fn address(line: &[u8], device: DeviceId) -> Option<(Lane, bool)> {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(line) {
        return Some((envelope.lane, envelope.device == device));
    }
    Withheld::parse(line).map(|withheld| (withheld.lane, false))
}

/// Puts the events of a lane beside each other, and the lanes in the order in which they are first met:
/// each is then loaded, folded and written once, and not with each of its events. No rule knows an
/// order between lanes.
fn by_lane(lines: Vec<(u64, Vec<u8>)>, device: DeviceId) -> Vec<Line> {
    let mut met = HashMap::new();
    let mut placed: Vec<(usize, Line)> = Vec::with_capacity(lines.len());
    for (lane_seq, bytes) in lines {
        let Some((lane, own)) = address(&bytes, device) else { continue };
        let next = met.len();
        let place = *met.entry(lane.clone()).or_insert(next);
        placed.push((place, Line { lane, lane_seq, own, bytes }));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, line)| line).collect()
}

/// How far the feed was read once all of a reply is stored.
fn feed_read(header: &ReplyHeader) -> FeedRead {
    let rest = header.rest.clone().filter(|_| !planted(Bug::RestForgotten));
    FeedRead { cursor: header.cursor, rest }
}
