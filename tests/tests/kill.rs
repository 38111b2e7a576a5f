//! Real processes on a real file system, killed, stopped and set against each other: what had
//! returned is there, once.

#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use lastmile_core::LogLine;
use lastmile_core::event::{Event, leaf, link};
use lastmile_hub::client::Carried;
use lastmile_tests::place::Place;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// DESIGN asks for 200 of each.
const RUNS: u32 = 200;

/// One phone's store, its hub, and what its processes said they had recorded.
struct Scene {
    place: Place,
    returned: BTreeSet<String>,
}

impl Scene {
    fn new() -> Self {
        Self { place: Place::new(), returned: BTreeSet::new() }
    }

    fn recorder(&self) -> Recorder {
        self.recorder_under(&[])
    }

    /// Starts a recorder as another program's program, in a process group of their own.
    fn recorder_under(&self, other: &[&str]) -> Recorder {
        let recorder = self.place.process(env!("CARGO_BIN_EXE_recorder"), self.place.url());
        let mut words: Vec<OsString> = other.iter().map(OsString::from).collect();
        words.push(recorder.get_program().to_owned());
        words.extend(recorder.get_args().map(ToOwned::to_owned));
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .process_group(0)
            // Cargo's long way to its libraries would be most of the files that are opened.
            .env_remove("LD_LIBRARY_PATH")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Recorder { child, out, said: String::new() }
    }

    /// Kills a process; returns what it complained of.
    fn kill(&mut self, mut recorder: Recorder) -> String {
        kill_process_group(Pid::from_child(&recorder.child), Signal::KILL).unwrap();
        recorder.out.read_to_string(&mut recorder.said).unwrap();
        let mut complaints = String::new();
        recorder.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        recorder.child.wait().unwrap();
        // The last line may be cut; only whole ones have been said.
        let whole = recorder.said.rfind('\n').map_or("", |end| &recorder.said[..end]);
        self.returned.extend(whole.lines().map(str::to_owned));
        complaints
    }

    /// Asserts that all that was said to be recorded is in the store, in one whole chain, and at the
    /// hub, each event once.
    fn settle(self) {
        let mut head = lastmile_core::id::Digest::default();
        for (expected, line) in (1..).zip(self.settle_in_any_chain()) {
            let place = (line.incarnation, line.seq);
            assert_eq!(place, (Some(1), Some(expected)), "the chain is dense");
            head = link(&head, &leaf(&line.bytes));
            assert_eq!(line.link, Some(head), "the chain verifies at {expected}");
        }
    }

    /// The same, but for the chain: a database that could not be read was salvaged into another.
    fn settle_in_any_chain(self) -> Vec<LogLine> {
        let mut courier = self.place.open().unwrap();
        let client = self.place.client(self.place.url());
        client.sync(&mut courier, &mut Carried::default()).unwrap();

        let mut here = BTreeSet::new();
        let log = courier.log().unwrap();
        for line in &log {
            assert!(line.lane_seq.is_some(), "the hub has it");
            let id = Event::parse(&line.bytes).unwrap().envelope.id.to_string();
            assert!(here.insert(id), "an event stands twice in the log");
        }
        let gone: Vec<_> = self.returned.difference(&here).collect();
        assert!(gone.is_empty(), "returned and gone: {gone:?}");

        let status = courier.sync_status().unwrap();
        assert_eq!((status.pending, status.parked, status.media_pending), (0, 0, 0));
        let placed: usize = rusqlite::Connection::open(self.place.hub().join("hub.db"))
            .unwrap()
            .query_row("SELECT count(*) FROM event WHERE lane_seq IS NOT NULL", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(placed, here.len(), "the hub has each event once");
        println!("{} events returned, {} in the log", self.returned.len(), here.len());
        log
    }
}

/// A process that records and syncs until it is killed, and says what it has recorded.
struct Recorder {
    child: Child,
    out: BufReader<ChildStdout>,
    said: String,
}

impl Recorder {
    /// Waits for one more act; returns false if the process has ended.
    fn hears(&mut self) -> bool {
        self.out.read_line(&mut self.said).unwrap() > 0
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

/// Kills so many processes, each at any moment.
fn kill_many(runs: u32) {
    let mut scene = Scene::new();
    let mut rng = fastrand::Rng::with_seed(7);
    for run in 0..runs {
        let mut recorder = scene.recorder();
        // After a few acts, however long they take here, and at any moment of the one that follows.
        for _ in 0..rng.u32(..8) {
            recorder.hears();
        }
        std::thread::sleep(Duration::from_micros(rng.u64(..20_000)));
        assert_eq!(scene.kill(recorder), "", "run {run} stopped by itself");
    }
    let count = scene.returned.len();
    assert!(count > 2 * runs as usize, "only {count} events: the runs were too short");
    scene.settle();
}

#[test]
fn after_200_kills_nothing_that_returned_is_gone_and_nothing_counts_twice() {
    kill_many(RUNS);
}

#[test]
#[ignore = "by hand: takes minutes"]
fn nor_after_2_000() {
    kill_many(10 * RUNS);
}

/// What a real disk can answer to the system calls that a store makes, and how many of each a run of
/// a few acts makes at least.
const FAILURES: [(&str, &str, u32); 7] = [
    ("pwrite64", "EIO", 300),
    ("pwrite64", "ENOSPC", 300),
    ("write", "ENOSPC", 30),
    ("fsync", "EIO", 10),
    ("pread64", "EIO", 100),
    ("ftruncate", "EIO", 4),
    ("openat", "EIO", 30),
];

#[test]
#[ignore = "by hand: needs strace, and takes minutes"]
fn a_system_call_that_fails_at_any_place_loses_and_doubles_nothing() {
    let mut scene = Scene::new();
    let mut rng = fastrand::Rng::with_seed(9);
    let mut ended = BTreeMap::new();
    for run in 0..RUNS {
        let (call, error, most) = FAILURES[run as usize % FAILURES.len()];
        let place = rng.u32(1..=most);
        let mut recorder = scene.recorder_under(&[
            "strace",
            "-qq",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &format!("inject={call}:error={error}:when={place}"),
        ]);
        // It ends at the failure, or goes on if that one could be borne.
        let goes_on = (0..12).all(|_| recorder.hears());
        let complaint = scene.kill(recorder);
        assert!(!complaint.contains("panicked"), "{call} {error} at {place}: {complaint}");
        assert_eq!(complaint.is_empty(), goes_on, "{call} {error} at {place}: {complaint}");
        *ended.entry((call, error, goes_on)).or_insert(0u32) += 1;
    }
    println!("(call, error, went on): {ended:?}");
    let failed = ended.iter().filter(|((.., goes_on), _)| !goes_on).map(|(_, runs)| runs);
    assert!(failed.sum::<u32>() > RUNS / 3, "a failure was met");
    scene.settle_in_any_chain();
}

#[test]
fn of_two_processes_that_race_for_a_store_one_writes_also_while_it_is_stopped() {
    let mut scene = Scene::new();
    let mut rng = fastrand::Rng::with_seed(8);
    let mut stopped = 0;
    for run in 0..RUNS {
        let mut racers = [scene.recorder(), scene.recorder()];
        let writes = [racers[0].hears(), racers[1].hears()];
        assert_ne!(writes[0], writes[1], "run {run}: one writes, the other ends");
        let [first, second] = racers;
        let (mut holder, loser) = if writes[0] { (first, second) } else { (second, first) };
        assert!(scene.kill(loser).contains("OpenElsewhere"), "run {run}: it was told why");
        if rng.bool() {
            stopped += 1;
            std::thread::sleep(Duration::from_micros(rng.u64(..2_000)));
            holder.signal(Signal::STOP);
            let mut late = scene.recorder();
            assert!(!late.hears(), "run {run}: a stopped holder still holds");
            assert!(scene.kill(late).contains("OpenElsewhere"));
            if rng.bool() {
                holder.signal(Signal::CONT);
                assert!(holder.hears(), "run {run}: it goes on where it stood");
            }
        }
        assert_eq!(scene.kill(holder), "", "run {run} stopped by itself");
    }
    assert!(stopped > 50, "only {stopped} holders were stopped");
    scene.settle();
}

#[test]
fn a_suspended_store_lets_another_process_in_and_is_told_when_it_comes_back() {
    let mut scene = Scene::new();
    let mut courier = scene.place.open().unwrap();
    courier.suspend().unwrap();
    let mut other = scene.recorder();
    assert!(other.hears(), "a suspended store holds no lock");
    assert_eq!(courier.resume().err().map(|error| error.code()), Some("OpenElsewhere"));
    assert_eq!(scene.kill(other), "");
    courier.resume().unwrap();
    drop(courier);
    scene.settle();
}
