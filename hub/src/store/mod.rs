//! Where the hub keeps everything but media, behind one narrow trait.
//!
//! The contract that any engine must keep:
//!
//! - One [`Tx`] is one transaction: all of it is durable when [`Tx::commit`] returns, or none of it
//!   ever happened. Dropping it undoes it.
//! - Order comes from a row that is locked and advanced in the same transaction
//!   (`UPDATE … SET next = next + n … RETURNING`), never from a sequence, an identity column or a
//!   clock. So an order has no holes, and nothing with a higher number is visible before
//!   something with a lower one.
//! - [`Lanes::lane`] locks the lane until the transaction ends.
//!
//! The tests in `tests/store.rs` hold an engine to it.

mod sqlite;

pub use sqlite::SqliteStore;

use lastmile_core::directory::Directory;
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaKind;
use lastmile_core::id::{
    ClerkNo, CourierNo, DeviceId, Digest, EventId, EvidenceId, SiteId, StationId,
};
use lastmile_core::privacy::{VaultEntry, VaultRef};
use lastmile_core::sync::wire::{LostAct, ParkReason, Receipt};
use lastmile_core::temporary_storage::{CodeKey, CodeLease};
use lastmile_core::visibility::{Relation, Sight};
use lastmile_core::waybill::Waybill;
use uuid::Uuid;

use crate::problem::Result;

/// The number of a row, given by the engine. Says nothing about order.
pub type Row = i64;

/// An engine that keeps the hub's records.
pub trait HubStore: Send + Sync {
    /// Starts the one transaction of a request.
    fn begin(&self) -> Result<Box<dyn Tx + '_>>;
}

/// One transaction.
pub trait Tx:
    Identity + Chains + Lanes + Feeds + Vault + Uploads + Previews + Codes + Backups
{
    /// Makes everything durable.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// A courier's phone, or the hub's own device at a station (then without courier).
#[derive(Debug, Clone)]
pub struct Device {
    /// Its row.
    pub row: Row,
    /// Its id.
    pub id: DeviceId,
    /// Whose phone it is.
    pub courier: Option<CourierNo>,
    /// The station it belongs to.
    pub station: StationId,
    /// Its public key, SEC1 in hexadecimal, if it enrolled with one.
    pub public_key: Option<String>,
    /// What it sends is parked.
    pub quarantined: bool,
    /// When it enrolled, UTC milliseconds.
    pub enrolled_ms: i64,
    /// When it was last heard of, UTC milliseconds.
    pub seen_ms: i64,
    /// How many events it said were still on it.
    pub pending: u64,
}

/// A station.
#[derive(Debug, Clone)]
pub struct Station {
    /// The hub's own device there.
    pub device: Device,
    /// Its directory.
    pub directory: Directory,
}

/// Someone at a station; an admin belongs to none.
#[derive(Debug, Clone)]
pub struct Clerk {
    /// His number.
    pub no: ClerkNo,
    /// His station.
    pub station: Option<StationId>,
}

/// A one-time code that was not used yet.
#[derive(Debug, Clone)]
pub struct Code {
    /// Who may enrol with it.
    pub courier: CourierNo,
    /// Where.
    pub station: StationId,
    /// Until when, UTC milliseconds.
    pub expires_ms: i64,
}

/// Who may speak to the hub.
pub trait Identity {
    /// Returns a small fact about the database.
    fn meta(&self, key: &str) -> Result<Option<String>>;
    /// Sets it.
    fn put_meta(&self, key: &str, value: &str) -> Result<()>;
    /// Adds a device; `token` is the hash of its token, none for the hub's own.
    fn add_device(&self, device: &Device, token: Option<&Digest>) -> Result<Row>;
    /// Gives a device another token, by its hash; the one before ends.
    fn set_token(&self, device: Row, token: &Digest) -> Result<()>;
    /// Returns a device by the hash of its token.
    fn device_by_token(&self, token: &Digest) -> Result<Option<Device>>;
    /// Returns a device by its row.
    fn device(&self, row: Row) -> Result<Device>;
    /// Returns a device by its id.
    fn device_by_id(&self, id: DeviceId) -> Result<Option<Device>>;
    /// Returns the phones of a station, or of all.
    fn devices(&self, station: Option<&StationId>) -> Result<Vec<Device>>;
    /// Notes that a device was heard of, and what it said is still on it.
    fn note_contact(&self, device: Row, now_ms: i64, pending: u64) -> Result<()>;
    /// Puts a device under quarantine or takes it out.
    fn set_quarantine(&self, device: Row, quarantined: bool) -> Result<()>;
    /// Keeps a one-time code.
    fn put_code(&self, hash: &Digest, code: &Code) -> Result<()>;
    /// Uses a one-time code up.
    fn take_code(&self, hash: &Digest) -> Result<Option<Code>>;
    /// Keeps a session, and forgets those that ended before `now_ms`.
    fn put_session(&self, token: &Digest, device: Row, expires_ms: i64, now_ms: i64) -> Result<()>;
    /// Tells whether a session of this device goes on after `now_ms`.
    fn session_lives(&self, token: &Digest, device: Row, now_ms: i64) -> Result<bool>;
    /// Ends a session.
    fn end_session(&self, token: &Digest) -> Result<()>;
    /// Adds a clerk under the hash of his token.
    fn put_clerk(&self, token: &Digest, clerk: &Clerk) -> Result<()>;
    /// Returns a clerk by the hash of his token.
    fn clerk_by_token(&self, token: &Digest) -> Result<Option<Clerk>>;
    /// Returns a station.
    fn station(&self, id: &StationId) -> Result<Option<Station>>;
    /// Adds a station, or changes its directory.
    fn put_station(&self, id: &StationId, device: Row, directory: &Directory) -> Result<()>;
}

/// The end of what the hub holds of one chain.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The incarnation.
    pub incarnation: u32,
    /// The highest position held.
    pub received_to: u64,
    /// The link after it.
    pub link: Digest,
}

/// Where an event of a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The device that pushed it first.
    pub device: Row,
    /// Under which incarnation.
    pub incarnation: u32,
    /// At which position.
    pub seq: u64,
}

/// An event as the hub holds it.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its row.
    pub row: Row,
    /// Its hash.
    pub leaf: Digest,
    /// Its lane; none while it is opaque.
    pub lane: Option<Row>,
    /// Its position in its lane, or why it has none.
    pub place: Result<u64, ParkReason>,
    /// Where it came from.
    pub origin: Origin,
    /// Its exact bytes; empty where a call says that it leaves them out.
    pub bytes: Vec<u8>,
}

/// An event to be held.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// Its id; none for bytes that are not an event of the pushing device.
    pub id: Option<EventId>,
    /// Its hash.
    pub leaf: &'a Digest,
    /// Its lane.
    pub lane: Option<Row>,
    /// Its position in its lane, or why it has none.
    pub place: std::result::Result<u64, ParkReason>,
    /// Where it came from.
    pub origin: Origin,
    /// Its exact bytes.
    pub bytes: &'a [u8],
}

/// What was signed, and what it takes to check it.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// Position of the first event.
    pub first_seq: u64,
    /// How many.
    pub count: u32,
    /// A letter for each verdict.
    pub letters: String,
    /// The leaves at its end that are not held.
    pub forked: Vec<Digest>,
    /// The receipt.
    pub receipt: Receipt,
    /// The device's own signature over the head of the stretch, if it verified.
    pub signed: Option<String>,
}

/// Devices' chains and the events in them.
pub trait Chains {
    /// Returns the head of one incarnation, locked until the transaction ends.
    fn head(&self, device: Row, incarnation: u32) -> Result<Option<Head>>;
    /// Returns the head of the latest incarnation up to `below`.
    fn head_before(&self, device: Row, below: u32) -> Result<Option<Head>>;
    /// Moves a head.
    fn put_head(&self, device: Row, head: &Head) -> Result<()>;
    /// Returns what is held at the positions `from..to`, without bytes, with each one's link.
    fn positions(
        &self,
        device: Row,
        incarnation: u32,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, Digest, Held)>>;
    /// Puts an event at a position.
    fn put_position(&self, at: &Origin, link: &Digest, event: Row) -> Result<()>;
    /// Returns an event by its id, without bytes.
    fn event_by_id(&self, id: EventId) -> Result<Option<Held>>;
    /// Returns an opaque event of a device by its hash, without bytes.
    fn opaque(&self, device: Row, leaf: &Digest) -> Result<Option<Held>>;
    /// Adds an event.
    fn add_event(&self, event: &NewEvent) -> Result<Row>;
    /// Changes why an event is parked.
    fn park_event(&self, event: Row, reason: ParkReason) -> Result<()>;
    /// Gives a parked event its place in its lane.
    fn place_event(&self, event: Row, id: EventId, lane: Row, lane_seq: u64) -> Result<()>;
    /// Returns an event.
    fn event(&self, row: Row) -> Result<Held>;
    /// Returns an event that may not be there.
    fn find_event(&self, row: Row) -> Result<Option<Held>>;
    /// Keeps a receipt.
    fn put_receipt(&self, device: Row, incarnation: u32, stretch: &Stretch) -> Result<()>;
    /// Returns the receipts that cover a position, oldest first.
    fn receipts(&self, at: &Origin) -> Result<Vec<Stretch>>;
}

/// A lane.
#[derive(Debug, Clone)]
pub struct LaneRow {
    /// Its row.
    pub row: Row,
    /// The position its next event gets.
    pub next: u64,
    /// The station it belongs to.
    pub station: Option<StationId>,
    /// The parcel it is about, for a case or a complaint.
    pub about: Option<Waybill>,
    /// The fold of its events, JSON.
    pub state: Option<String>,
    /// The version of that fold.
    pub fold: u32,
}

/// What a lane folded to.
#[derive(Debug, Clone, Copy)]
pub struct Folded<'a> {
    /// The state, JSON.
    pub state: &'a str,
    /// The version of the fold.
    pub fold: u32,
    /// Something is still to be done about it.
    pub open: bool,
    /// From when on it is worth a look at what waits in it, UTC milliseconds.
    pub due_ms: Option<i64>,
}

/// Lanes, their order and what waits for them.
pub trait Lanes {
    /// Returns a lane, made if there is none, and locks it until the transaction ends.
    fn lane(&self, lane: &Lane) -> Result<LaneRow>;
    /// Returns a lane's row without making or locking one.
    fn find_lane(&self, lane: &Lane) -> Result<Option<LaneRow>>;
    /// Returns a lane's name by its row.
    fn lane_name(&self, lane: Row) -> Result<Lane>;
    /// Gives out the next `count` positions of a lane and returns the first of them.
    fn advance(&self, lane: Row, count: u64) -> Result<u64>;
    /// Keeps what a lane folded to.
    fn put_state(&self, lane: Row, folded: &Folded) -> Result<()>;
    /// Says from when on the hub may have something to do in a lane by itself, UTC milliseconds.
    fn put_due(&self, lane: &Lane, due_ms: Option<i64>) -> Result<()>;
    /// Has every lane of a kind (`complaint:` …) looked at again.
    fn look_again(&self, kind: &str) -> Result<()>;
    /// Returns at most `limit` lanes in which something is due, the longest due first.
    fn lanes_due(&self, now_ms: i64, limit: u32) -> Result<Vec<Lane>>;
    /// Keeps to which station a lane belongs, and which parcel it is about.
    fn put_lane(
        &self,
        lane: Row,
        station: Option<&StationId>,
        about: Option<&Waybill>,
    ) -> Result<()>;
    /// Returns the cases and complaints about a parcel.
    fn lanes_about(&self, waybill: &Waybill) -> Result<Vec<(Lane, LaneRow)>>;
    /// Returns the placed events of a lane, in order.
    fn lane_events(&self, lane: Row) -> Result<Vec<Held>>;
    /// Returns at most `limit` lanes of a kind (`parcel:`, `exception:` …) at a station, by name,
    /// after the one called `after`.
    fn lanes_of(
        &self,
        kind: &str,
        station: &StationId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(Lane, LaneRow)>>;
    /// Returns the lanes in which a device has something parked.
    fn parked_lanes(&self, device: Row) -> Result<Vec<Row>>;
    /// Returns what a device has parked in a lane, in device order.
    fn parked_in(&self, device: Row, lane: Row) -> Result<Vec<Held>>;
    /// Returns the devices that have something parked in a lane.
    fn waiting_for(&self, lane: Row) -> Result<Vec<Row>>;
    /// Returns everything parked, of a station's devices or of all.
    fn parked(&self, station: Option<&StationId>) -> Result<Vec<Held>>;
}

/// An entry of a courier's feed.
#[derive(Debug, Clone)]
pub struct FeedEntry {
    /// Its position.
    pub pos: u64,
    /// The event.
    pub event: Held,
    /// How much of it he was to see when it was added.
    pub sight: Sight,
    /// It was released from the park.
    pub released: bool,
    /// How he stands to the lane now.
    pub relation: Option<Relation>,
}

/// What each courier may see and is sent.
pub trait Feeds {
    /// Returns the row of a courier, made if there is none.
    fn courier(&self, no: &CourierNo) -> Result<Row>;
    /// Returns who sees a lane, and as what.
    fn viewers(&self, lane: Row) -> Result<Vec<(CourierNo, Relation)>>;
    /// Returns at most `limit` open lanes that are a courier's now, no former ones, behind the one in
    /// row `after`, by their rows.
    fn lanes_now(&self, courier: Row, after: Row, limit: u32) -> Result<Vec<(Row, Relation)>>;
    /// Says who sees a lane.
    fn put_viewers(&self, lane: Row, viewers: &[(&CourierNo, Relation)]) -> Result<()>;
    /// Adds to the end of a courier's feed: events, how much is shown, released or not.
    fn add_to_feed(&self, courier: Row, entries: &[(Row, Sight, bool)]) -> Result<()>;
    /// Returns the position of a courier's last entry.
    fn feed_end(&self, courier: Row) -> Result<u64>;
    /// Returns at most `limit` entries after a position.
    fn feed_after(&self, courier: Row, pos: u64, limit: u32) -> Result<Vec<FeedEntry>>;
}

/// Personal data and free text.
pub trait Vault {
    /// Keeps an entry, unless it was erased.
    fn put_entry(&self, entry: &VaultEntry) -> Result<()>;
    /// Names the entries of a lane.
    fn entries_of(&self, lane: &Lane) -> Result<Vec<VaultRef>>;
    /// Deletes entries for good: none of them is kept again.
    fn erase(&self, references: &[VaultRef]) -> Result<()>;
    /// Returns an entry of a lane.
    fn entry(&self, reference: &VaultRef, lane: &Lane) -> Result<Option<VaultEntry>>;
}

/// A media file that arrives in parts, or has arrived.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its name in URLs and, while it arrives, in the media folder.
    pub id: Uuid,
    /// Who sends it.
    pub device: Row,
    /// What its bytes must hash to.
    pub sha256: Digest,
    /// How many there must be.
    pub length: u64,
    /// What it must be.
    pub kind: MediaKind,
    /// The evidence item it belongs to.
    pub evidence: EvidenceId,
    /// All bytes are here and were checked.
    pub confirmed: bool,
    /// The file was erased; it is never confirmed again.
    pub erased: bool,
    /// When an unfinished or erased one is thrown away, UTC milliseconds.
    pub expires_ms: i64,
}

/// Media files' records.
pub trait Uploads {
    /// Adds an upload, or changes it. The preview of a confirmed one goes.
    fn put_upload(&self, upload: &Upload) -> Result<()>;
    /// Returns an upload by its id.
    fn upload(&self, id: Uuid) -> Result<Option<Upload>>;
    /// Returns an upload by what it will be.
    fn upload_of(&self, device: Row, sha256: &Digest) -> Result<Option<Upload>>;
    /// Forgets an upload.
    fn remove_upload(&self, id: Uuid) -> Result<()>;
    /// Returns the unfinished and erased uploads that expired before `now_ms`.
    fn expired_uploads(&self, now_ms: i64) -> Result<Vec<Upload>>;
    /// Notes that a placed event of a lane names a file.
    fn name_media(&self, sha256: &Digest, lane: Row) -> Result<()>;
    /// Notes that a file was erased in a lane. If no other lane names it, its previews go, and its
    /// uploads are erased too and expire at `expires_ms`.
    fn erase_media(&self, sha256: &Digest, lane: Row, expires_ms: i64) -> Result<()>;
    /// Tells whether a file was erased in every lane that names it, and there is one.
    fn is_erased_media(&self, sha256: &Digest) -> Result<bool>;
    /// Returns the uploads whose files were erased.
    fn erased_uploads(&self) -> Result<Vec<Upload>>;
}

/// Small pictures of files that are on their way.
pub trait Previews {
    /// Tells whether a placed event of a device names a file.
    fn names_media(&self, device: Row, sha256: &Digest) -> Result<bool>;
    /// Keeps the preview of a device's file, in place of the one before.
    fn put_preview(&self, device: Row, sha256: &Digest, picture: &[u8]) -> Result<()>;
    /// Returns the preview of a device's file.
    fn preview(&self, device: Row, sha256: &Digest) -> Result<Option<Vec<u8>>>;
}

/// Pickup codes of the sites.
pub trait Codes {
    /// Returns a site's key.
    fn site_key(&self, station: &StationId, site: &SiteId) -> Result<Option<CodeKey>>;
    /// Keeps the key of a site that has none; its numbers start at 0.
    fn put_site_key(&self, station: &StationId, site: &SiteId, key: &CodeKey) -> Result<()>;
    /// Gives out the next `count` numbers of a site that has a key.
    fn give_out(&self, station: &StationId, site: &SiteId, count: u32) -> Result<CodeLease>;
    /// Leaves out the next `count` numbers of every site.
    fn skip_numbers(&self, count: u32) -> Result<()>;
    /// Returns the last lease of a device in one of its lives.
    fn lease(&self, device: Row, incarnation: u32, site: &SiteId) -> Result<Option<CodeLease>>;
    /// Keeps it.
    fn put_lease(
        &self,
        device: Row,
        incarnation: u32,
        site: &SiteId,
        lease: &CodeLease,
    ) -> Result<()>;
    /// Notes that a parcel lies at a site under a code or in a slot, by its hash.
    fn use_hash(&self, station: &StationId, site: &SiteId, hash: &Digest, lane: Row) -> Result<()>;
    /// Returns the other parcels that do.
    fn others_with_hash(
        &self,
        station: &StationId,
        site: &SiteId,
        hash: &Digest,
        lane: Row,
    ) -> Result<Vec<Row>>;
    /// Notes that a parcel lies nowhere under a code or in a slot.
    fn free_hashes(&self, lane: Row) -> Result<()>;
}

/// What backups hold, and what was lost when one was restored.
pub trait Backups {
    /// Returns the position of a chain up to which a backup holds everything; `None` if no backup
    /// was ever taken.
    fn durable_to(&self, device: Row, incarnation: u32) -> Result<Option<u64>>;
    /// Keeps an act that this database lost, once.
    fn put_lost(&self, station: &StationId, act: &LostAct) -> Result<()>;
    /// Returns the acts of a station that were lost.
    fn lost(&self, station: &StationId) -> Result<Vec<LostAct>>;
}
