//! The simulator: seeded days of phones, a hub, a bad network and dying batteries.
//!
//! A day is wholly decided by its seed. After the day the world heals, everybody syncs, and the
//! invariants of `checks.rs` must hold. A seed counts only if its day met enough.

mod acts;
#[cfg(feature = "planted-bugs")]
mod bugs;
mod checks;
mod link;
mod rogue;
mod run;
mod second;
mod tally;

pub use acts::PLANTED;
#[cfg(feature = "planted-bugs")]
pub use bugs::{Found, Mistake, hunt};
pub use run::Run;
pub use tally::Tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use lastmile_core::event::Lane;
use lastmile_core::id::{CaseId, CourierNo, EventId, SiteId};
use lastmile_core::sync::SyncChannel;
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Error};
use lastmile_hub::Settings;
use lastmile_hub::lastmile_core::sync::wire::Limits;

use crate::disk::Disk;
use crate::world::{Phone, SoftSigner, Station, TrueTime};
use acts::{Day, one_of};
use link::{Link, Step, Straggler, Trip};
use rogue::Rogue;

/// What a counted seed has at least.
pub const LEAST_PHONES: usize = 3;
/// What a counted seed has at least.
pub const LEAST_LANES: usize = 30;
/// What a counted seed has at least.
pub const LEAST_COMMANDS: u64 = 100;
/// What a counted seed has at least.
pub const LEAST_FAULTS: u64 = 10;

/// What a long run meets, heading and name, or it proves nothing about it.
pub const MUST_MEET: &[(&str, &str)] = &[
    ("verdict", "Accepted"),
    ("verdict", "AlreadyKnown"),
    ("verdict", "DeviceForked"),
    ("park reason", "BadSignature"),
    ("park reason", "Behind"),
    ("park reason", "MediaMissing"),
    ("park reason", "NotYourLane"),
    ("park reason", "Quarantined"),
    ("park reason", "TooLarge"),
    ("park reason", "UnknownKind"),
    ("park reason", "UnknownLane"),
    ("park reason", "Unparseable"),
    ("fault", "RequestLost"),
    ("fault", "ReplyLost"),
    ("fault", "Doubled"),
    ("fault", "RequestCut"),
    ("fault", "ReplyCut"),
    ("fault", "Late"),
    ("fault", "Overtaken"),
    ("fault", "CaptivePortal"),
    ("fault", "nothing reaches the hub"),
    ("fault", "nothing comes back"),
    ("fault", "media cut"),
    ("fault", "Damaged"),
    ("fault", "photo gone"),
    ("fault", "kill"),
    ("fault", "kill at a storage call"),
    ("fault", "power loss"),
    ("fault", "power loss at a storage call"),
    ("fault", "disk full"),
    ("fault", "clock turned"),
    ("fault", "session ended"),
    ("fault", "SessionEnds"),
    ("fault", "signed out, unsynced"),
    ("fault", "policy changed"),
    ("fault", "bad events"),
    ("fault", "quarantine"),
    ("fault", "restored from backup"),
    ("fault", "hub restarted"),
    ("fault", "HubFalls"),
    ("fault", "hub restored from backup"),
    ("fault", "bit rot"),
    ("fault", "second process, turned away"),
    ("fault", "second process, in turn"),
    ("preview", "taken"),
    ("preview", "not known there"),
];

/// Noon of some day, UTC milliseconds: where every simulated day starts.
const START_MS: i64 = 1_790_000_000_000;

/// One simulated day.
pub struct Sim {
    pub(crate) rng: Rng,
    pub(crate) time: TrueTime,
    pub(crate) station: Station,
    pub(crate) phones: Vec<Phone>,
    pub(crate) couriers: Vec<CourierNo>,
    pub(crate) waybills: Vec<Waybill>,
    pub(crate) sites: Vec<SiteId>,
    pub(crate) exceptions: Vec<CaseId>,
    pub(crate) complaints: Vec<CaseId>,
    /// Every event whose recording returned, with the phone and the lane.
    pub(crate) recorded: Vec<(usize, EventId, Lane)>,
    pub(crate) tally: Tally,
    pub(crate) rogue: Rogue,
    /// Names of the photos that went from a phone behind the library's back.
    pub(crate) photos_gone: BTreeSet<String>,
    /// Phones that went on from a backup: what they were told since is gone.
    pub(crate) restored: BTreeSet<usize>,
    /// Phones on which an event rotted.
    pub(crate) rotted: BTreeSet<usize>,
    /// A phone may be cloned.
    clones: bool,
    /// A phone that another goes on as.
    pub(crate) cloned: Option<usize>,
    /// The way to the hub or back that is closed for a phone, and until when.
    partitions: BTreeMap<usize, (Trip, i64)>,
    policies: u32,
    poll_ms: i64,
    late: Vec<Straggler>,
    backup: Option<(usize, Disk)>,
    hub_backup: Option<Disk>,
}

/// Plays one seed; with `clones`, a second phone may go on as the same device as one of the others.
///
/// # Errors
/// What went wrong, in words; the seed replays it.
pub fn run(seed: u64, clones: bool) -> Result<Tally, String> {
    play(Sim { clones, ..Sim::new(seed) })
}

fn play(mut sim: Sim) -> Result<Tally, String> {
    // One day in eight is a long one, and reaches deeper; the others are cheap.
    let least = if sim.rng.u8(..8) == 0 { sim.rng.u64(420..620) } else { sim.rng.u64(250..330) };
    let mut steps = 0;
    while steps < least || sim.tally.sum("command") < LEAST_COMMANDS {
        sim.step()?;
        steps += 1;
    }
    sim.heal()?;
    checks::check(&mut sim)?;
    if sim.rot()? {
        checks::check(&mut sim)?;
    }
    let lanes = sim.waybills.len() + sim.exceptions.len() + sim.complaints.len();
    let counted = sim.phones.len() >= LEAST_PHONES
        && lanes >= LEAST_LANES
        && sim.tally.sum("command") >= LEAST_COMMANDS
        && sim.tally.sum("fault") >= LEAST_FAULTS;
    sim.tally.add("seed", "steps", steps);
    sim.tally.count("seed", if counted { "counted" } else { "too little happened" });
    Ok(sim.tally)
}

/// A hub's numbers: small enough for pages, groups and photos to be cut by them.
fn settings(rng: &mut Rng) -> Settings {
    let limits = Limits {
        push_events: one_of(rng, &[8, 20, 500]),
        media_chunk: one_of(rng, &[300, 1_000, 256 << 10]),
        poll_ms: one_of(rng, &[600_000, 1_800_000]),
        ..Limits::default()
    };
    Settings {
        limits,
        pull_events: one_of(rng, &[3, 20, 1_000]),
        session_ms: one_of(rng, &[2, 12]) * 3_600_000,
        ..Settings::default()
    }
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let time = TrueTime::at(START_MS);
        let settings = settings(&mut rng);
        let poll_ms = i64::try_from(settings.limits.poll_ms).expect("minutes");
        let mut station = Station::with(&time, seed, settings);
        if rng.u8(..4) == 0 {
            station.refuse_previews();
        }
        let phones_wanted = rng.usize(LEAST_PHONES..=4);
        let mut couriers = Vec::new();
        let mut phones = Vec::new();
        for n in 0..phones_wanted {
            let courier = CourierNo::new(format!("courier-{n}")).expect("a plain number");
            let phone_seed = seed.wrapping_mul(1000).wrapping_add(n as u64 + 1);
            let signer = (n == 0).then(|| Arc::new(SoftSigner::new(phone_seed)));
            let key = signer.as_ref().map(|signer| signer.public());
            let enrolment = station.enrol(&courier, key);
            phones.push(Phone::new(&time, phone_seed, enrolment, signer));
            couriers.push(courier);
        }
        let signer = SoftSigner::new(seed ^ 0x0bad);
        let broken = CourierNo::new("broken-app").expect("a plain number");
        let rogue = Rogue::new(station.enrol(&broken, Some(signer.public())), signer);

        let sites = station.open_sites();
        let count = rng.usize(LEAST_LANES..40);
        let waybills: Vec<_> = (0..count)
            .map(|n| Waybill::parse(&format!("SF1{n:012}")).expect("a plain number"))
            .collect();
        station.must_import(&acts::manifest(&mut rng, &waybills, &couriers));
        let mut sim = Self {
            rng,
            time,
            station,
            phones,
            couriers,
            waybills,
            sites,
            exceptions: Vec::new(),
            complaints: Vec::new(),
            recorded: Vec::new(),
            tally: Tally::default(),
            rogue,
            photos_gone: BTreeSet::new(),
            restored: BTreeSet::new(),
            rotted: BTreeSet::new(),
            clones: false,
            cloned: None,
            partitions: BTreeMap::new(),
            policies: 1,
            poll_ms,
            late: Vec::new(),
            backup: None,
            hub_backup: None,
        };
        for who in 0..sim.phones.len() {
            sim.wake(who);
        }
        sim
    }

    fn step(&mut self) -> Result<(), String> {
        self.time.pass(self.rng.i64(100..60_000));
        self.stragglers();
        let who = self.rng.usize(..self.phones.len());
        match self.rng.u8(..100) {
            0..46 => self.courier_acts(who),
            46..74 => self.sync(who, SyncChannel::Events, 35),
            74..84 => self.sync(who, SyncChannel::Media, 35),
            84..91 => self.clerk_acts(),
            91 => self.second_process(who),
            _ => {
                self.fault(who);
                Ok(())
            }
        }
    }

    fn day(&self) -> Day<'_> {
        Day {
            waybills: &self.waybills,
            exceptions: &self.exceptions,
            complaints: &self.complaints,
            sites: &self.sites,
        }
    }

    fn courier_acts(&mut self, who: usize) -> Result<(), String> {
        let mut rng = self.rng.fork();
        let Self { waybills, exceptions, complaints, sites, phones, .. } = &mut *self;
        let day = Day { waybills, exceptions, complaints, sites };
        let result = match phones[who].courier() {
            Ok(courier) => acts::courier_act(&mut rng, courier, &day).and_then(|command| {
                let result = courier.record(&command);
                match result {
                    // Some of what is refused was done all the same.
                    Err(Error::Refused(refusal))
                        if refusal.can_be_recorded_against() && rng.u8(..5) == 0 =>
                    {
                        let reason = format!("{PLANTED} said so");
                        courier.record_done(&command, &reason).map(|done| (done, command))
                    }
                    result => result.map(|done| (done, command)),
                }
            }),
            Err(_) => return Ok(()),
        };
        match result {
            Ok((done, _)) => {
                self.tally.count("command", "recorded");
                for (event, lane) in done.events.iter().zip(&done.lanes) {
                    match lane {
                        Lane::Exception(case) if !self.exceptions.contains(case) => {
                            self.exceptions.push(*case);
                        }
                        Lane::Complaint(case) if !self.complaints.contains(case) => {
                            self.complaints.push(*case);
                        }
                        _ => {}
                    }
                    self.recorded.push((who, *event, lane.clone()));
                }
                let off = (done.at.ms - self.time.ms()).abs();
                match done.at.unsure_ms {
                    Some(bound) if off > i64::from(bound) => {
                        Err(format!("time: phone {who} is {off} ms off and says {bound}"))
                    }
                    _ => Ok(()),
                }
            }
            Err(Error::Refused(refusal)) => {
                self.tally.count("command", "refused");
                self.tally.count("refusal", refusal.code());
                Ok(())
            }
            Err(error) => self.trouble(who, &error),
        }
    }

    fn clerk_acts(&mut self) -> Result<(), String> {
        let mut rng = self.rng.fork();
        let command = acts::clerk_act(&mut rng, &self.day(), &self.couriers, self.time.ms());
        match self.station.command(&command) {
            200 | 201 => self.tally.count("clerk", "recorded"),
            400 | 404 | 409 | 422 => self.tally.count("clerk", "refused"),
            status => return Err(format!("a clerk's command was answered {status}")),
        }
        Ok(())
    }

    fn sync(&mut self, who: usize, channel: SyncChannel, trouble: u8) -> Result<(), String> {
        if self.phones[who].courier.is_none() {
            return Ok(());
        }
        // Several round trips in a row, as a foreground app makes them.
        for _ in 0..self.rng.usize(1..4) {
            let trip = match self.partitions.get(&who) {
                Some((trip, until)) if *until > self.time.ms() => *trip,
                _ => Trip::draw(&mut self.rng, trouble),
            };
            let step = self.carry(who, channel, trip);
            match step {
                Ok(Step::Sent) => {}
                Ok(Step::Idle | Step::Waits(_)) => break,
                Err(error) => return self.trouble(who, &error),
            }
        }
        Ok(())
    }

    fn carry(
        &mut self,
        who: usize,
        channel: SyncChannel,
        trip: Trip,
    ) -> lastmile_core::Result<Step> {
        let link = Link {
            station: &mut self.station,
            time: &self.time,
            late: &mut self.late,
            tally: &mut self.tally,
            rng: &mut self.rng,
        };
        link::step(&mut self.phones[who], who, channel, trip, link)
    }

    /// Lets arrive what is behind its time.
    fn stragglers(&mut self) {
        while !self.late.is_empty() && self.rng.u8(..3) == 0 {
            let at = self.rng.usize(..self.late.len());
            match self.late.swap_remove(at) {
                Straggler::Request(request) => {
                    self.station.ask(&request);
                }
                Straggler::Reply(who, id, reply) => {
                    if let Ok(courier) = self.phones[who].courier() {
                        let name = match courier.apply_reply(id, &reply) {
                            Ok(()) => "taken late".to_owned(),
                            Err(error) => error.code().to_owned(),
                        };
                        self.tally.count("late reply", name);
                    }
                }
            }
        }
    }

    /// An error of storage: the phone goes down, as real ones do, and comes back.
    fn trouble(&mut self, who: usize, error: &Error) -> Result<(), String> {
        match error {
            Error::DiskFull => {
                self.tally.count("storage error", "DiskFull");
                if self.rng.bool() {
                    self.phones[who].disk.lift_full();
                }
                Ok(())
            }
            _ if self.phones[who].disk.crashed() => {
                self.tally.count("storage error", error.code());
                if self.rng.bool() {
                    let mut rng = self.rng.fork();
                    self.phones[who].power_loss(&mut rng);
                    self.tally.count("fault", "power loss at a storage call");
                } else {
                    self.phones[who].kill();
                    self.tally.count("fault", "kill at a storage call");
                }
                self.wake(who);
                Ok(())
            }
            // A second process took its turn, and the disk did not let the app come back at once.
            Error::Suspended => {
                let back = self.phones[who].courier().and_then(Courier::resume);
                back.or_else(|error| self.trouble(who, &error))
            }
            Error::NotFound { .. } | Error::Media(_) | Error::BadArgument { .. } => {
                self.tally.count("input error", error.code());
                Ok(())
            }
            _ => Err(format!("phone {who}: {} ({error})", error.code())),
        }
    }

    /// Starts a phone's app; a disk that is told to fail may take several tries.
    fn wake(&mut self, who: usize) {
        for _ in 0..5 {
            if self.phones[who].start().is_ok() {
                return;
            }
            let mut rng = self.rng.fork();
            self.phones[who].power_loss(&mut rng);
            self.phones[who].disk.lift_full();
        }
    }

    fn fault(&mut self, who: usize) {
        let mut rng = self.rng.fork();
        match rng.u8(..122) {
            0..25 => self.phones[who].disk.crash_after(rng.u64(1..40)),
            25..35 => {
                self.phones[who].power_loss(&mut rng);
                self.tally.count("fault", "power loss");
                self.wake(who);
            }
            35..45 => {
                self.phones[who].kill();
                self.tally.count("fault", "kill");
                self.wake(who);
            }
            45..53 => {
                self.phones[who].clock.turn(rng.i64(-86_400_000..86_400_000));
                self.tally.count("fault", "clock turned");
            }
            53..58 => {
                self.phones[who].disk.fail_full_after(rng.usize(..20_000));
                self.tally.count("fault", "disk full");
            }
            58..62 => self.phones[who].disk.lift_full(),
            62..67 => {
                self.station.end_session(&self.phones[who].enrolment);
                self.tally.count("fault", "session ended");
            }
            67..72 if rng.bool() => self.sign_in(who),
            67..72 => self.sign_out(who),
            72..76 => {
                self.station.restart(&mut rng);
                self.tally.count("fault", "hub restarted");
            }
            76..88 => {
                let now = self.time.ms();
                let (rogue, station) = (&mut self.rogue, &self.station);
                rogue.push(&mut rng, station, &self.waybills, now, &mut self.tally);
                self.tally.count("fault", "bad events");
            }
            88..91 => {
                let honest = self.phones[who].enrolment.device;
                let device = if rng.bool() { honest } else { self.rogue.device() };
                self.station.quarantine(device, rng.bool());
                self.tally.count("fault", "quarantine");
            }
            91..92 => {
                if self.station.release_one(&mut rng) {
                    self.tally.count("clerk", "released from the park");
                }
            }
            92..94 => {
                if let Some(photo) = self.phones[who].lose_a_photo(&mut rng) {
                    self.photos_gone.insert(photo);
                    self.tally.count("fault", "photo gone");
                }
            }
            94..96 => self.backup = Some((who, self.phones[who].disk.duplicate())),
            96..98 => self.restore(),
            // Kept until it is needed, so that it grows old.
            98..102 => {
                if self.hub_backup.is_none() {
                    self.hub_backup = Some(self.station.backup());
                }
            }
            102..106 => self.restore_hub(),
            106..112 => {
                let (trip, name) = one_of(
                    &mut rng,
                    &[
                        (Trip::RequestLost, "nothing reaches the hub"),
                        (Trip::ReplyLost, "nothing comes back"),
                    ],
                );
                let until = self.time.ms() + rng.i64(300_000..3_600_000);
                self.partitions.insert(who, (trip, until));
                self.tally.count("fault", name);
            }
            112..118 => self.change_policy(&mut rng),
            _ => self.clone_phone(who),
        }
    }

    /// The station's rules change in mid-shift.
    fn change_policy(&mut self, rng: &mut Rng) {
        self.policies += 1;
        let pack = serde_json::json!({
            "format": "lastmile policy v1",
            "version": self.policies,
            "layers": [{ "layer": "company", "values": [{
                "name": "attempt_limit", "value": rng.u8(1..4), "source": "a decision of the company",
            }] }],
        });
        self.station.adopt_policy(&pack.to_string()).expect("a good pack");
        self.tally.count("fault", "policy changed");
    }

    /// Another phone goes on with a copy of all that this one stores, as the same device.
    fn clone_phone(&mut self, who: usize) {
        let whole = !self.phones[who].disk.crashed() && self.phones[who].courier.is_some();
        if self.clones && self.cloned.is_none() && whole && self.restored.is_empty() {
            self.cloned = Some(who);
            self.phones.push(self.phones[who].cloned(&self.time));
            self.tally.count("fault", "phone cloned");
            self.wake(self.phones.len() - 1);
        }
    }

    fn sign_out(&mut self, who: usize) {
        let Ok(courier) = self.phones[who].courier() else { return };
        if courier.set_signed_in(false).is_ok() {
            self.phones[who].signed_in = false;
            self.station.end_session(&self.phones[who].enrolment);
            let unsynced = self.phones[who].courier().and_then(|courier| courier.sync_status());
            let unsynced = unsynced.is_ok_and(|status| status.pending > 0);
            self.tally.count("fault", if unsynced { "signed out, unsynced" } else { "signed out" });
        }
    }

    /// A phone is restored from its backup. Only done when the hub has all of it: what a stolen
    /// phone never sent is gone, and no library can change that.
    fn restore(&mut self) {
        let Some((who, disk)) = self.backup.take() else { return };
        let settled = self.phones[who].courier().and_then(|courier| courier.sync_status());
        let settled = settled.is_ok_and(|status| status.pending == 0 && status.media_pending == 0);
        if settled && !self.phones[who].disk.crashed() && self.cloned.is_none() {
            self.restored.insert(who);
            self.hub_backup = None;
            self.phones[who].kill();
            self.phones[who].disk = disk;
            self.phones[who].signed_in = true;
            self.phones[who].clock.reboot();
            self.phones[who].new_chance();
            self.tally.count("fault", "restored from backup");
            self.wake(who);
        }
    }

    /// The hub's database is restored from a backup. Not done if a phone was restored since that was
    /// taken, nor is a phone restored to before this: what two devices lose at once is gone.
    fn restore_hub(&mut self) {
        let Some(backup) = self.hub_backup.take() else { return };
        self.station.restore(backup);
        self.rogue.sent.clear();
        self.backup = None;
        self.tally.count("fault", "hub restored from backup");
    }

    fn sign_in(&mut self, who: usize) {
        self.renew_session(who);
        self.phones[who].signed_in = true;
        if let Ok(courier) = self.phones[who].courier() {
            // On a full or failing disk the phone says later that it is signed out.
            let _ = courier.set_signed_in(true);
        }
    }

    /// The app gets a new session token before the old one ends; the library need not know.
    fn renew_session(&mut self, who: usize) {
        let session = self.station.new_session(&self.phones[who].enrolment);
        self.phones[who].enrolment.session_token = session;
    }

    /// Everything works again: all phones run, are signed in, and sync until nothing is left.
    fn heal(&mut self) -> Result<(), String> {
        for who in 0..self.phones.len() {
            checks::check_explained(self, who)?;
        }
        self.partitions.clear();
        for who in 0..self.phones.len() {
            let phone = &mut self.phones[who];
            let back = if phone.disk.crashed() || phone.courier.is_none() {
                let mut rng = self.rng.fork();
                phone.disk.calm();
                phone.power_loss(&mut rng);
                phone.start()
            } else if self.rng.bool() {
                phone.kill();
                phone.disk.calm();
                phone.start()
            } else {
                // What an app holds in memory must heal as well as what it stores.
                phone.disk.calm();
                phone.courier().and_then(Courier::resume)
            };
            back.map_err(|error| format!("phone {who} does not start again: {error}"))?;
        }
        while let Some(straggler) = self.late.pop() {
            if let Straggler::Request(request) = straggler {
                self.station.ask(&request);
            }
        }
        for phone in &self.phones {
            self.station.quarantine(phone.enrolment.device, false);
        }
        // What the first brings to the hub, the second brings to the others.
        for _ in 0..3 {
            self.time.pass(self.poll_ms + 1);
            for who in 0..self.phones.len() {
                self.unlock(who)?;
                self.drain(who, SyncChannel::Events)?;
                self.drain(who, SyncChannel::Media)?;
                self.drain(who, SyncChannel::Events)?;
            }
        }
        Ok(())
    }

    /// A bit of an event that the hub has confirmed turns on a phone, in a lane of today, while the app
    /// is off; then it syncs once more. Returns false if no phone has such an event.
    fn rot(&mut self) -> Result<bool, String> {
        let who = self.rng.usize(..self.phones.len());
        self.phones[who].kill();
        let rotted = self.phones[who].rot(&mut self.rng);
        let back = self.phones[who].start();
        back.map_err(|error| format!("phone {who} does not start again: {error}"))?;
        if rotted {
            self.tally.count("fault", "bit rot");
            self.rotted.insert(who);
        }
        self.time.pass(self.poll_ms + 1);
        self.unlock(who)?;
        self.drain(who, SyncChannel::Events)?;
        Ok(rotted)
    }

    /// Signs a courier in if the app has to, and at times if it need not.
    fn unlock(&mut self, who: usize) -> Result<(), String> {
        let stalls = self.phones[who].courier().and_then(|courier| courier.stalls());
        let stalls = stalls.map_err(|error| format!("phone {who}, healing: {error}"))?;
        let out = stalls.iter().any(|it| matches!(it.code.as_str(), "SessionEnded" | "SignedOut"));
        if out || self.rng.bool() {
            self.sign_in(who);
        } else {
            self.renew_session(who);
        }
        Ok(())
    }

    fn drain(&mut self, who: usize, channel: SyncChannel) -> Result<(), String> {
        for _ in 0..2_000 {
            let step = self.carry(who, channel, Trip::Clean);
            match step {
                Ok(Step::Sent) => {}
                Ok(Step::Idle) => return Ok(()),
                Ok(Step::Waits(ms)) => {
                    self.time.pass(i64::try_from(ms).unwrap_or(1000).max(1));
                }
                Err(error) => return Err(format!("phone {who}, healing: {error}")),
            }
        }
        Err(format!("phone {who}: {channel:?} is stuck after healing"))
    }
}
