//! What a recorded hand-over costs: counted first, then timed as ratios inside this one run.
//!
//! `cargo bench -p lastmile-tests --bench recording`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lastmile_core::id::CourierNo;
use lastmile_core::sync::SyncChannel;
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_core::{Courier, Durability, Location, Options};
use lastmile_tests::invented::{complaint, hand_over, person, waybill};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, key};
use rusqlite::Connection;

const HANDOVERS: usize = 1_000;

/// A station with `parcels` given to one courier, and that courier's phone, not yet started.
fn morning(parcels: usize) -> (Station, Phone) {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let courier = CourierNo::new("4849").unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..parcels {
        station.announce(&waybill(n), person(), person(), &mut rng);
        station.assign(&waybill(n), &courier);
    }
    let enrolment = station.enrol(&courier, None);
    (station, Phone::new(&time, 1, enrolment, None))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    counted();
    timed();
}

fn counted() {
    let (station, mut phone) = morning(HANDOVERS);
    phone.start().unwrap();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    phone.take_out(&(0..HANDOVERS).map(waybill).collect::<Vec<_>>()).unwrap();
    let before = phone.disk.counts();
    for n in 0..HANDOVERS {
        phone.courier().unwrap().record(&hand_over(n)).unwrap();
    }
    let cost = phone.disk.counts().since(&before);
    println!("counted over {HANDOVERS} hand-overs");
    println!("  sync calls           {}", cost.syncs());
    println!("  WAL bytes each       {}", cost.wal.bytes / HANDOVERS as u64);
    println!("  database bytes each  {}", cost.db.bytes / HANDOVERS as u64);
}

fn timed() {
    let parcels = 3 * HANDOVERS;
    let (station, mut phone) = morning(parcels);
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        location: Location::Folder(folder.path().to_owned()),
        key: key(),
        capture_folder: None,
        durability: Durability::Full,
        reserve_bytes: 4 << 20,
        clock: Arc::new(SystemClock::new(480)),
        entropy: Arc::new(SystemEntropy),
        signer: None,
    };
    phone.courier = Some(Courier::open(options, phone.identity()).unwrap());
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    phone.take_out(&(0..parcels).map(waybill).collect::<Vec<_>>()).unwrap();
    let courier = phone.courier().unwrap();

    // Both logs get the length they keep through a shift: making a file longer costs more than
    // writing over it.
    for n in 0..HANDOVERS {
        courier.record(&hand_over(n)).unwrap();
    }
    let line = courier.log().unwrap().last().unwrap().bytes.clone();
    let raw = RawStore::open(folder.path(), &line);
    (0..HANDOVERS).for_each(|n| raw.write(n));
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let courier = phone.courier().unwrap();
    println!("timed, medians of {HANDOVERS}, one disk, synchronous=FULL");
    let few = in_turns(courier, &raw, HANDOVERS);
    few.print("with 1,000 pending events at most");

    // Complaints, each a lane of its own, bring the outbox to 100,000.
    let mut pending = courier.sync_status().unwrap().pending;
    while pending < 100_000 {
        let recorded = courier.record(&complaint(courier.new_case(), 0)).unwrap();
        pending += i64::try_from(recorded.events.len()).unwrap();
    }
    let many = in_turns(courier, &raw, 2 * HANDOVERS);
    many.print(&format!("with {pending} pending events"));
    println!("  many against few               {:.2}", many.ratio() / few.ratio());
}

/// The medians of one hand-over and of the raw store's write.
struct Medians {
    ours: Duration,
    raw: Duration,
}

impl Medians {
    fn ratio(&self) -> f64 {
        self.ours.as_secs_f64() / self.raw.as_secs_f64()
    }

    fn print(&self, when: &str) {
        println!("  {when}");
        println!("    raw SQLite, event + lane row {:?}", self.raw);
        println!("    one hand-over                {:?}   {:.2} x raw", self.ours, self.ratio());
    }
}

/// Hands over the parcels from `first`, each beside a write of the raw store, so that whatever else
/// the machine does meets both.
fn in_turns(courier: &mut Courier, raw: &RawStore, first: usize) -> Medians {
    raw.checkpoint();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in first..first + HANDOVERS {
        let start = Instant::now();
        courier.record(&hand_over(n)).unwrap();
        ours.push(start.elapsed());
        let start = Instant::now();
        raw.write(n);
        theirs.push(start.elapsed());
    }
    Medians { ours: median(ours), raw: median(theirs) }
}

/// The least any store does: the event's row and its lane's row in one durable transaction.
struct RawStore {
    db: Connection,
    line: Vec<u8>,
}

impl RawStore {
    fn open(folder: &Path, line: &[u8]) -> Self {
        let db = Connection::open(folder.join("raw.db")).unwrap();
        db.execute_batch(
            "PRAGMA page_size = 1024; PRAGMA journal_mode = wal; PRAGMA synchronous = full;
             PRAGMA wal_autocheckpoint = 16000;
             CREATE TABLE event (n INTEGER PRIMARY KEY, lane INTEGER, bytes BLOB) STRICT;
             CREATE TABLE lane (n INTEGER PRIMARY KEY, state TEXT) STRICT;",
        )
        .unwrap();
        Self { db, line: line.to_vec() }
    }

    fn checkpoint(&self) {
        self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    }

    fn write(&self, n: usize) {
        let lane = i64::try_from(n).unwrap();
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        self.db
            .prepare_cached("INSERT INTO event (lane, bytes) VALUES (?1, ?2)")
            .unwrap()
            .execute((lane, &self.line))
            .unwrap();
        self.db
            .prepare_cached(
                "INSERT INTO lane (n, state) VALUES (?1, ?2)
                 ON CONFLICT (n) DO UPDATE SET state = excluded.state",
            )
            .unwrap()
            .execute((lane, "delivered"))
            .unwrap();
        self.db.execute_batch("COMMIT").unwrap();
    }
}
