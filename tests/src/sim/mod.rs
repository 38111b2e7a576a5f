//! The simulator: seeded days of phones, a hub, a bad network and dying batteries.
//!
//! A day is wholly decided by its seed. After the day the world heals, everybody syncs, and the
//! invariants of `checks.rs` must hold. A seed counts only if its day met enough.

mod acts;
mod checks;
mod link;
mod rogue;
mod tally;

pub use acts::PLANTED;
pub use tally::Tally;

use std::sync::Arc;

use fastrand::Rng;
use lastmile_core::Error;
use lastmile_core::event::Lane;
use lastmile_core::id::{CaseId, CourierNo, EventId, SiteId};
use lastmile_core::sync::SyncChannel;
use lastmile_core::waybill::Waybill;

use crate::disk::Disk;
use crate::world::{Phone, SoftSigner, Station, TrueTime};
use acts::Day;
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
    /// Every event whose recording returned, with its lane.
    pub(crate) recorded: Vec<(EventId, Lane)>,
    pub(crate) tally: Tally,
    rogue: Rogue,
    late: Vec<Straggler>,
    backup: Option<(usize, Disk)>,
    hub_backup: Option<Disk>,
}

/// Plays one seed.
///
/// # Errors
/// What went wrong, in words; the seed replays it.
pub fn run(seed: u64) -> Result<Tally, String> {
    let mut sim = Sim::new(seed);
    let steps = sim.rng.usize(420..620);
    for _ in 0..steps {
        sim.step()?;
    }
    sim.heal()?;
    checks::check(&mut sim)?;
    let lanes = sim.waybills.len() + sim.exceptions.len() + sim.complaints.len();
    let counted = sim.phones.len() >= LEAST_PHONES
        && lanes >= LEAST_LANES
        && sim.tally.sum("command") >= LEAST_COMMANDS
        && sim.tally.sum("fault") >= LEAST_FAULTS;
    sim.tally.count("seed", if counted { "counted" } else { "too little happened" });
    Ok(sim.tally)
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let time = TrueTime::at(START_MS);
        let station = Station::new(&time, seed);
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
        for waybill in &waybills {
            station.announce(waybill, acts::person(&mut rng), acts::person(&mut rng), &mut rng);
            let courier = &couriers[rng.usize(..couriers.len())];
            station.assign(waybill, courier);
        }
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
            0..38 => self.courier_acts(who),
            38..74 => self.sync(who, SyncChannel::Events, 35),
            74..86 => self.sync(who, SyncChannel::Media, 35),
            86..92 => self.clerk_acts(),
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
                    self.recorded.push((*event, lane.clone()));
                }
                Ok(())
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
            let trip = Trip::draw(&mut self.rng, trouble);
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
            station: &self.station,
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
        match rng.u8(..106) {
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
            67..72 => self.sign_in(who),
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
                let quarantined = rng.bool();
                self.station.quarantine(self.rogue.device(), quarantined);
                self.tally.count("fault", "quarantine");
            }
            91..92 => {
                if self.station.release_one(&mut rng) {
                    self.tally.count("clerk", "released from the park");
                }
            }
            92..94 => {
                if self.phones[who].lose_a_photo(&mut rng) {
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
            _ => self.restore_hub(),
        }
    }

    /// A phone is restored from its backup. Only done when the hub has all of it: what a stolen
    /// phone never sent is gone, and no library can change that.
    fn restore(&mut self) {
        let Some((who, disk)) = self.backup.take() else { return };
        let settled = self.phones[who].courier().and_then(|courier| courier.sync_status());
        let settled = settled.is_ok_and(|status| status.pending == 0 && status.media_pending == 0);
        if settled && !self.phones[who].disk.crashed() {
            self.hub_backup = None;
            self.phones[who].kill();
            self.phones[who].disk = disk;
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
        self.backup = None;
        self.tally.count("fault", "hub restored from backup");
    }

    fn sign_in(&mut self, who: usize) {
        let session = self.station.new_session(&self.phones[who].enrolment);
        self.phones[who].enrolment.session_token = session;
        if let Ok(courier) = self.phones[who].courier() {
            // A full or failing disk is another step's business.
            let _ = courier.set_signed_in(true);
        }
    }

    /// Everything works again: all phones run, are signed in, and sync until nothing is left.
    fn heal(&mut self) -> Result<(), String> {
        for who in 0..self.phones.len() {
            self.phones[who].disk.lift_full();
            if self.phones[who].disk.crashed() || self.phones[who].courier.is_none() {
                let mut rng = self.rng.fork();
                self.phones[who].power_loss(&mut rng);
            } else {
                self.phones[who].kill();
            }
            self.wake(who);
            self.sign_in(who);
        }
        while let Some(straggler) = self.late.pop() {
            if let Straggler::Request(request) = straggler {
                self.station.ask(&request);
            }
        }
        // Two rounds: what the first brings to the hub, the second brings to the others.
        for _ in 0..2 {
            for who in 0..self.phones.len() {
                if let Ok(courier) = self.phones[who].courier() {
                    courier.pull_soon();
                }
                self.drain(who, SyncChannel::Events)?;
                self.drain(who, SyncChannel::Media)?;
                self.drain(who, SyncChannel::Events)?;
            }
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
