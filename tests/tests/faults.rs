//! One storage call of a courier's day fails: a bad sector, a full disk. What the library says is
//! typed, the app tries again, and in the end the hub has each act once.

use lastmile_core::command::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::{
    HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ProofItem, ProofKind,
};
use lastmile_core::event::{Event, Lane};
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::{CaseId, CourierNo, EventId, ManifestId};
use lastmile_core::privacy::Person;
use lastmile_core::sync::{Next, SyncChannel};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Error, Result};
use lastmile_tests::disk::Disk;
use lastmile_tests::world::{Phone, Station, TrueTime, reply_of, request_of};
use rusqlite::ffi;

/// Of the storage calls of a part of the day, every so-manieth fails: all of them take two minutes.
const STRIDE: usize = 3;

/// What an app keeps by default.
const RESERVE_BYTES: u64 = 4 << 20;

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a hand-over at the door";

struct Day {
    time: TrueTime,
    station: Station,
    phone: Phone,
    /// As a backup took it at noon, when the hub had everything.
    noon: Option<Disk>,
    recorded: Vec<EventId>,
    errors: u32,
}

impl Day {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let courier = CourierNo::new("4849").unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        for n in 1..=3 {
            station.announce(&waybill(n), person(), person(), &mut rng);
            station.assign(&waybill(n), &courier);
        }
        let enrolment = station.enrol(&courier, None);
        let phone = Phone::new(&time, 1, enrolment, None);
        Self { time, station, phone, noon: None, recorded: Vec::new(), errors: 0 }
    }

    /// Does as an app does: what the store could not do is asked for again.
    fn tries<T>(&mut self, step: impl Fn(&mut Self) -> Result<T>) -> T {
        for _ in 0..5 {
            if self.phone.courier.is_none() && self.failed(|day| day.phone.start()).is_none() {
                continue;
            }
            if let Some(done) = self.failed(&step) {
                return done;
            }
        }
        panic!("one failed call, and the app never comes back");
    }

    fn failed<T>(&mut self, step: impl Fn(&mut Self) -> Result<T>) -> Option<T> {
        match step(self) {
            Ok(done) => Some(done),
            Err(Error::Suspended) => {
                self.phone.courier = None;
                None
            }
            Err(Error::DiskFull) => {
                self.errors += 1;
                self.phone.disk.lift_full();
                None
            }
            Err(Error::Database { .. } | Error::Io { .. }) => {
                self.errors += 1;
                None
            }
            Err(error) => panic!("not what a failing disk is told by: {error:?}"),
        }
    }

    fn record(&mut self, command: impl Fn(&mut Courier) -> Result<Command>) {
        let recorded = self.tries(|day| {
            let courier = day.phone.courier()?;
            let command = command(courier)?;
            courier.record(&command)
        });
        self.recorded.extend(recorded.events);
    }

    fn sync(&mut self) {
        for channel in [SyncChannel::Events, SyncChannel::Media] {
            self.tries(|day| day.phone.courier().map(Courier::pull_soon));
            while self.tries(|day| day.one_request(channel)) {}
        }
    }

    fn one_request(&mut self, channel: SyncChannel) -> Result<bool> {
        match self.phone.courier()?.next_request(channel)? {
            Next::Idle => Ok(false),
            Next::Wait { ms } => {
                self.time.pass(i64::try_from(ms).unwrap().max(1));
                Ok(true)
            }
            Next::Send { request } => {
                let reply = reply_of(self.station.ask(&request_of(&self.phone, &request)));
                self.phone.courier()?.apply_reply(request.id, &reply)?;
                Ok(true)
            }
        }
    }

    fn morning(&mut self) {
        self.sync();
        self.record(|courier| {
            let all: Vec<_> = (1..=3).map(waybill).collect();
            Ok(Command::ReconcileManifest {
                manifest: ManifestId::new(courier.now().ms, &lastmile_core::time::SystemEntropy),
                expected: all.clone(),
                scanned: all,
                damaged: Vec::new(),
            })
        });
        self.record(|_| Ok(Command::TakeOut { waybills: (1..=3).map(waybill).collect() }));
        self.hand_over(1);
        self.sync();
        self.noon = Some(self.phone.disk.duplicate());
    }

    fn afternoon(&mut self) {
        self.hand_over(2);
        self.sync();
        self.tries(|day| day.phone.courier()?.suspend());
        self.tries(|day| day.phone.courier()?.resume());
        self.complain();
        self.sync();
    }

    /// The phone breaks, and another one goes on from the backup of noon.
    fn evening(&mut self) {
        self.phone.disk = self.noon.take().unwrap();
        self.phone.courier = None;
        self.phone.new_chance();
        self.complain();
    }

    fn night(&mut self) {
        self.sync();
        self.hand_over(3);
        self.sync();
        self.tries(|day| day.phone.courier()?.rebuild_lists());
        self.tries(|day| day.phone.courier()?.tidy());
    }

    fn hand_over(&mut self, n: u32) {
        self.record(|courier| {
            let lane = Lane::Parcel(waybill(n));
            let photo = courier.capture_bytes(&lane, PHOTO, MediaSource::Camera)?;
            Ok(Command::Deliver {
                waybill: waybill(n),
                method: HandoverMethod::FaceToFace,
                taker: None,
                identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
                address_checked: true,
                inspection: Inspection::Declined,
                proof: vec![ProofItem { kind: ProofKind::Photo, evidence: Some(photo) }],
            })
        });
    }

    fn complain(&mut self) {
        let case = CaseId::new(self.time.ms(), &lastmile_core::time::SystemEntropy);
        self.record(|_| Ok(complaint(case)));
    }

    fn keeps_room(&self) -> bool {
        self.phone.disk.files().len("lastmile.reserve").is_ok()
    }

    /// Nothing waits, the hub has each act that was said to be recorded, and each once.
    fn check(&mut self) {
        let status = self.tries(|day| day.phone.courier()?.sync_status());
        assert_eq!((status.pending, status.parked, status.media_pending), (0, 0, 0));
        let placed = self.station.everything().placed;
        let id = |bytes: &[u8]| Event::parse(bytes).unwrap().envelope.id;
        let mut held: Vec<_> = placed.iter().map(|(_, _, bytes)| id(bytes)).collect();
        held.sort();
        let count = held.len();
        held.dedup();
        assert_eq!(held.len(), count, "an act counts twice");
        for event in &self.recorded {
            assert!(held.binary_search(event).is_ok(), "an act is lost");
        }
    }
}

fn waybill(n: u32) -> Waybill {
    Waybill::parse(&format!("YT{n:013}")).unwrap()
}

fn person() -> Person {
    Person { name: "Wang Ceshi".into(), phone: "13900000000".into(), ..Person::default() }
}

/// Plays the day once for each storage call of `part`, and lets that call fail; then the night, when
/// all is well again.
fn any_call_may_fail(before: fn(&mut Day), part: fn(&mut Day)) {
    let (mut told, mut tried) = (0, 0);
    for call in (1..).step_by(STRIDE) {
        let mut day = Day::new();
        before(&mut day);
        day.phone.disk.fail_call(call, ffi::SQLITE_IOERR);
        part(&mut day);
        if !day.phone.disk.has_failed() {
            assert!(told * 2 > tried, "of {tried} failures the app was told {told}");
            return;
        }
        tried += 1;
        told += u64::from(day.errors);
        day.night();
        day.check();
    }
}

/// Plays the day with room for less than `part` writes, and a little less each time, until there is
/// room for nothing; somebody deletes a film when the app says that the disk is full.
fn the_disk_may_be_full(before: fn(&mut Day), part: fn(&mut Day)) {
    let mut told = 0;
    for kib in (0..64).rev() {
        let mut day = Day::new();
        before(&mut day);
        // A log that was moved has room inside itself: with a new one the disk's counts.
        day.tries(|day| day.phone.courier()?.suspend());
        day.tries(|day| day.phone.courier()?.resume());
        day.phone.disk.fail_full_after(kib << 10);
        part(&mut day);
        told += day.errors;
        day.phone.disk.lift_full();
        day.night();
        day.check();
    }
    assert!(told > 0, "there was always room");
}

/// The acts that a phone whose disk is full records in the room that was kept for this.
#[test]
fn a_full_disk_leaves_room_for_another_fifty_hand_overs() {
    let mut day = Day::new();
    day.phone.reserve_bytes = RESERVE_BYTES;
    day.morning();
    assert!(day.keeps_room());
    day.phone.disk.fail_full_after(0);
    let mut acts = 0;
    let full = loop {
        let case = day.phone.courier().unwrap().new_case();
        match day.phone.courier().unwrap().record(&complaint(case)) {
            Ok(recorded) => day.recorded.extend(recorded.events),
            Err(error) => break error,
        }
        acts += 1;
    };
    assert!(acts >= 50, "{acts}");
    assert!(matches!(full, Error::DiskFull), "{full:?}");
    assert!(!day.keeps_room());

    day.phone.disk.lift_full();
    day.night();
    day.check();
    assert!(day.keeps_room(), "when there is room again");
}

fn complaint(case: CaseId) -> Command {
    Command::ReceiveComplaint {
        case,
        waybill: waybill(1),
        complainant: person(),
        demand: "Come today".to_owned(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    }
}

fn until_evening(day: &mut Day) {
    day.morning();
    day.afternoon();
    day.evening();
}

#[test]
fn any_call_of_the_first_morning_may_fail() {
    any_call_may_fail(|_| {}, Day::morning);
}

#[test]
fn any_call_of_a_day_may_fail() {
    any_call_may_fail(Day::morning, Day::afternoon);
}

#[test]
fn any_call_may_fail_while_a_fork_is_told() {
    any_call_may_fail(until_evening, Day::sync);
}

#[test]
fn the_disk_may_be_full_in_the_morning() {
    the_disk_may_be_full(|_| {}, Day::morning);
}

#[test]
fn the_disk_may_be_full_during_the_day() {
    the_disk_may_be_full(Day::morning, Day::afternoon);
}

#[test]
fn the_disk_may_be_full_while_a_fork_is_told() {
    the_disk_may_be_full(until_evening, Day::sync);
}
