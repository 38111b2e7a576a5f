//! The simulator: seeded days of phones, a hub, a bad network and dying batteries.
//!
//! A day is wholly decided by its seed. After the day the world heals, everybody syncs, and the
//! invariants of `checks` must hold. A seed counts only if its day met enough.

mod acts;
#[cfg(feature = "planted-bugs")]
mod bugs;
mod checks;
mod faults;
mod heal;
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
}
