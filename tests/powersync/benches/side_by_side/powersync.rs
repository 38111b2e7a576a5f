//! The PowerSync core in the same SQLite as ours, driven as its SDKs drive it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, LoadExtensionGuard, ToSql};
use serde_json::json;

use crate::lines::{self, Row};

/// How its database is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pragmas {
    /// As ours is: pages of 1 KiB, each commit synced.
    Ours,
    /// As its SDKs for phones do: SQLite's own pages of 4 KiB, commits not synced, a cache of 50 MB.
    Sdk,
}

/// A database with the core loaded and its tables made.
pub struct PowerSync {
    pub db: Connection,
}

/// What a row of `events` says, as text: the fields of an event's line but its id.
const EVENT: [&str; 14] = [
    "kind",
    "v",
    "lane",
    "dev",
    "group",
    "by",
    "at",
    "boot",
    "place",
    "seen",
    "policy",
    "epoch",
    "must_understand",
    "data",
];

/// What a row of `people` says: the fields of a vault entry but its reference.
const PERSON: [&str; 3] = ["lane", "salt", "body"];

/// What a row of `parcels` says: about as much as our state of a parcel on the way.
const PARCEL: [&str; 20] = [
    "waybill",
    "recipient",
    "sender",
    "goods",
    "freight",
    "promise_ms",
    "courier",
    "station",
    "stage",
    "assigned_at",
    "received_at",
    "out_at",
    "delivered_at",
    "delivered_boot",
    "method",
    "identity",
    "address_checked",
    "inspection",
    "proof",
    "policy",
];

impl PowerSync {
    /// Opens a database in a folder, loads the core and makes the tables.
    pub fn in_folder(folder: &Path, pragmas: Pragmas) -> Self {
        let db = Connection::open(folder.join("powersync.db")).unwrap();
        let (page, synchronous, cache, checkpoint) = match pragmas {
            Pragmas::Ours => (1024, "FULL", -2_000, 16_000),
            Pragmas::Sdk => (4096, "NORMAL", -51_200, 1_000),
        };
        db.pragma_update(None, "page_size", page).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", synchronous).unwrap();
        db.pragma_update(None, "cache_size", cache).unwrap();
        db.pragma_update(None, "wal_autocheckpoint", checkpoint).unwrap();
        db.pragma_update(None, "temp_store", "memory").unwrap();
        db.pragma_update(None, "recursive_triggers", true).unwrap();
        load(&db);
        let power_sync = Self { db };
        power_sync.call("SELECT powersync_init()", []);
        let table = |name: &str, columns: &[&str]| {
            let columns: Vec<_> =
                columns.iter().map(|name| json!({ "name": name, "type": "text" })).collect();
            json!({ "name": name, "columns": columns })
        };
        let tables = [table("events", &EVENT), table("people", &PERSON), table("parcels", &PARCEL)];
        let schema = json!({ "tables": tables }).to_string();
        power_sync.call("SELECT powersync_replace_schema(?1)", [&schema]);
        power_sync
    }

    /// Returns the core's version.
    pub fn version(&self) -> String {
        self.db.query_row("SELECT powersync_rs_version()", [], |row| row.get(0)).unwrap()
    }

    /// Takes a whole download, each line in a transaction of its own as the SDKs do, and returns how
    /// long that took. The core checks the sums before it publishes the rows.
    pub fn sync(&self, lines: &[Vec<u8>]) -> Duration {
        let started = Instant::now();
        self.control("start", &"{}");
        self.control("connection", &"established");
        let mut told = String::new();
        for line in lines {
            told = self.control("line_binary", line);
        }
        let took = started.elapsed();
        assert!(told.contains("DidCompleteSync"), "{told}");
        took
    }

    fn control(&self, verb: &str, with: &dyn ToSql) -> String {
        self.call("SELECT powersync_control(?1, ?2)", [&verb, with])
    }

    /// Runs one statement in a transaction and returns the text it answers.
    fn call<const N: usize>(&self, sql: &str, with: [&dyn ToSql; N]) -> String {
        self.db.execute_batch("BEGIN").unwrap();
        let mut call = self.db.prepare_cached(sql).unwrap();
        let told: Option<String> = call.query_row(with.as_slice(), |row| row.get(0)).unwrap();
        self.db.execute_batch("COMMIT").unwrap();
        told.unwrap_or_default()
    }

    /// Syncs so many parcels that are out for delivery.
    pub fn take_out(&self, parcels: usize) {
        let row = |n| Row { table: "parcels", id: parcel_id(n), columns: parcel_out(n) };
        self.sync(&lines::of(&(0..parcels).map(row).collect::<Vec<_>>()));
    }

    /// Hands a parcel over: one update through its view, which writes the row and its queue entry.
    pub fn hand_over(&self, n: usize) {
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        self.update(n);
        self.db.execute_batch("COMMIT").unwrap();
    }

    /// Hands parcels over in one transaction.
    pub fn hand_over_all(&self, parcels: std::ops::Range<usize>) {
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        parcels.for_each(|n| self.update(n));
        self.db.execute_batch("COMMIT").unwrap();
    }

    fn update(&self, n: usize) {
        let at = moment(180_000);
        let boot = r#"{"id":"00000000-0000-0000-0000-000000000001","ms":180000}"#;
        self.db
            .prepare_cached(
                "UPDATE parcels SET stage = 'delivered', delivered_at = ?2, delivered_boot = ?3,
                     method = 'face_to_face', identity = ?4, address_checked = 'true',
                     inspection = 'declined', proof = ?5, policy = '0' WHERE id = ?1",
            )
            .unwrap()
            .execute((
                parcel_id(n),
                at,
                boot,
                r#"{"method":"phone","matched":true}"#,
                r#"[{"kind":"pin"}]"#,
            ))
            .unwrap();
    }

    /// Returns how many entries its queue has.
    pub fn pending(&self) -> usize {
        self.db.query_row("SELECT count(*) FROM ps_crud", [], |row| row.get(0)).unwrap()
    }

    /// Empties the queue as the SDKs do: reads a hundred entries, takes them for sent, deletes them.
    pub fn drain(&self) -> Duration {
        let started = Instant::now();
        loop {
            let mut rows =
                self.db.prepare_cached("SELECT * FROM ps_crud ORDER BY id LIMIT 100").unwrap();
            let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
            let batch: Vec<(i64, String)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
            let Some((last, _)) = batch.last() else { break };
            self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
            let delete = "DELETE FROM ps_crud WHERE id <= ?1";
            self.db.prepare_cached(delete).unwrap().execute([last]).unwrap();
            self.db.execute_batch("COMMIT").unwrap();
        }
        started.elapsed()
    }
}

/// The id of parcel `n`.
fn parcel_id(n: usize) -> String {
    format!("01a0b7d4-4000-7000-8000-{n:012x}")
}

/// Parcel `n` out for delivery, as the core keeps it.
fn parcel_out(n: usize) -> String {
    json!({
        "waybill": format!("SF1{n:012}"),
        "recipient": format!("{n:064x}"),
        "sender": format!("{:064x}", n + 1),
        "goods": "{}",
        "freight": "1200",
        "courier": "4849",
        "station": "JL31",
        "stage": "out_for_delivery",
        "assigned_at": moment(0),
        "received_at": moment(60_000),
        "out_at": moment(120_000),
    })
    .to_string()
}

fn moment(ms: i64) -> String {
    json!({ "ms": 1_790_000_000_000 + ms, "offset_min": 480, "bound_ms": 1 }).to_string()
}

/// Loads the extension that comes with the npm package.
#[expect(unsafe_code, reason = "SQLite runs foreign code: the library that is compared with")]
fn load(db: &Connection) {
    let library = library();
    assert!(library.is_file(), "missing: {}\nrun: cargo xtask powersync", library.display());
    // SAFETY: the file is the one that the lock file's digest names, and its entry point is SQLite's.
    unsafe {
        let _open = LoadExtensionGuard::new(db).unwrap();
        db.load_extension(library, Some("sqlite3_powersync_init")).unwrap();
    }
}

fn library() -> PathBuf {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "libpowersync_aarch64.macos.dylib",
        ("macos", _) => "libpowersync_x64.macos.dylib",
        (_, "aarch64") => "libpowersync_aarch64.linux.so",
        _ => "libpowersync_x64.linux.so",
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@powersync/node/lib").join(name)
}
