//! Plays the day: every act at its time, on the phone of the courier who did it.

use std::collections::BTreeMap;

use lastmile_core::directory::Site;
use lastmile_core::id::CaseId;
use lastmile_core::{Command, Refusal};

use super::Trouble;
use super::acts::{self, Job};
use super::bars::Bars;
use super::day::{self, Day, STOP_BEFORE_MS, TRY_BEFORE_MS};
use super::machine::PlayedTime;
use super::phone::Phone;
use super::station::Clerk;

const MINUTE_MS: i64 = 60_000;
/// The courier rings and stands at the door so long before the hand-over.
const ARRIVE_BEFORE_MS: i64 = 40_000;
/// The recipient of a stored parcel is told so long after it was stored.
const NOTICE_AFTER_MS: i64 = 2 * MINUTE_MS;
/// A customer complains so long after the hand-over, and is rung back so long after that.
const COMPLAINT_AFTER_MS: i64 = 4 * MINUTE_MS;
const CALL_BACK_AFTER_MS: i64 = 25 * MINUTE_MS;
/// A phone looks for a signal so often, whatever its courier does.
const SIGNAL_EVERY_MS: i64 = 15 * MINUTE_MS;
/// The clerk looks at the list of exceptions so often.
const CLERK_EVERY_MS: i64 = 30 * MINUTE_MS;

/// One thing that happens. The numbers are places in the day's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A courier scans parcels at the station and takes them out.
    Accept { courier: usize, parcels: Vec<usize> },
    /// The clerk looks at what was reported.
    LookAfter,
    /// A courier's phone looks for a signal by itself.
    LookForSignal(usize),
    /// The station stops a parcel.
    Stop(usize),
    /// The courier tries to hand a stopped parcel over; then the station releases it.
    TryStopped(usize),
    /// The courier rings and stands at the door.
    Arrive(usize),
    /// The parcel changes hands, or goes on a shelf.
    HandOver(usize),
    /// The recipient of a stored parcel is told.
    Notice(usize),
    /// The customer complains.
    Complain(usize),
    /// The courier rings him back.
    CallBack(usize),
}

/// Puts everything that happens into its order. What shares a moment keeps the order of the list.
fn steps(day: &Day) -> Vec<(i64, Step)> {
    let mut scans: BTreeMap<(i64, usize), Vec<usize>> = BTreeMap::new();
    let mut steps = Vec::new();
    for (number, delivery) in day.deliveries.iter().enumerate() {
        scans.entry((delivery.accepted_ms, delivery.courier)).or_default().push(number);
    }
    let first_ms = scans.keys().next().map_or(0, |(ms, _)| *ms);
    for ((ms, courier), parcels) in scans {
        steps.push((ms, Step::Accept { courier, parcels }));
    }
    let mut last_ms = first_ms;
    for (number, delivery) in day.deliveries.iter().enumerate() {
        let (script, ms) = (delivery.script, delivery.delivered_ms);
        if script.stopped {
            steps.push((ms - STOP_BEFORE_MS, Step::Stop(number)));
            steps.push((ms - TRY_BEFORE_MS, Step::TryStopped(number)));
        }
        let arrived_ms = (ms - ARRIVE_BEFORE_MS).max(delivery.accepted_ms);
        steps.push((arrived_ms, Step::Arrive(number)));
        steps.push((ms, Step::HandOver(number)));
        if script.stored {
            steps.push((ms + NOTICE_AFTER_MS, Step::Notice(number)));
        }
        if script.complaint {
            let complaint_ms = ms + COMPLAINT_AFTER_MS;
            steps.push((complaint_ms, Step::Complain(number)));
            steps.push((complaint_ms + CALL_BACK_AFTER_MS, Step::CallBack(number)));
        }
        last_ms = last_ms.max(ms);
    }
    let mut again = |every_ms: i64, step: Step| {
        let mut ms = first_ms + every_ms;
        while ms <= last_ms + CLERK_EVERY_MS {
            steps.push((ms, step.clone()));
            ms += every_ms;
        }
    };
    for courier in 0..day.couriers.len() {
        again(SIGNAL_EVERY_MS, Step::LookForSignal(courier));
    }
    again(CLERK_EVERY_MS, Step::LookAfter);
    steps.sort_by_key(|(ms, _)| *ms);
    steps
}

/// The refusals the phones gave, and how often.
pub type Refusals = BTreeMap<&'static str, (u32, Refusal)>;

/// Everything the play needs.
pub struct Play<'a> {
    /// The day.
    pub day: &'a Day,
    /// In the order of the day's couriers.
    pub phones: Vec<Phone>,
    /// The clerk at his desk.
    pub clerk: Clerk,
    /// What time it is.
    pub time: PlayedTime,
    /// Decides what is invented.
    pub seed: u64,
    /// The storage site of every station.
    pub site: Site,
    /// What the rules spoke against.
    pub refusals: Refusals,
    cases: BTreeMap<usize, CaseId>,
}

impl<'a> Play<'a> {
    /// Sets the scene.
    pub fn new(
        day: &'a Day,
        phones: Vec<Phone>,
        clerk: Clerk,
        time: PlayedTime,
        seed: u64,
        site: Site,
    ) -> Self {
        let (refusals, cases) = (Refusals::new(), BTreeMap::new());
        Self { day, phones, clerk, time, seed, site, refusals, cases }
    }

    /// Plays the whole day.
    pub fn run(&mut self, bars: &Bars) -> Result<(), Trouble> {
        for (ms, step) in steps(self.day) {
            self.time.move_to(ms);
            self.play(&step).map_err(|trouble| self.where_it_was(&step, &trouble))?;
            if let Some(courier) = self.courier_of(&step) {
                let done = u64::from(matches!(step, Step::HandOver(_)));
                bars.step(courier, done, self.phones[courier].waiting()?, ms);
            }
        }
        Ok(())
    }

    /// The couriers come back to the station, where everything gets through.
    pub fn come_back(&mut self, bars: &Bars) -> Result<(), Trouble> {
        for courier in 0..self.phones.len() {
            let mut rounds = 0;
            while rounds == 0 || self.phones[courier].waiting()? > 0 {
                rounds += 1;
                if rounds > 50 {
                    // Said by the accounts, parcel by parcel.
                    break;
                }
                self.time.move_to(self.time.ms() + MINUTE_MS);
                self.sync_well(courier)?;
            }
            bars.step(courier, 0, self.phones[courier].waiting()?, self.time.ms());
        }
        Ok(())
    }

    /// Says when and on whose phone something failed that should not.
    fn where_it_was(&self, step: &Step, trouble: &Trouble) -> Trouble {
        let when = day::local_time(self.time.ms());
        match self.courier_of(step) {
            Some(courier) => {
                format!("{when}, courier {}: {trouble}", self.day.couriers[courier].no).into()
            }
            None => format!("{when}, at the station: {trouble}").into(),
        }
    }

    fn courier_of(&self, step: &Step) -> Option<usize> {
        match step {
            Step::Accept { courier, .. } | Step::LookForSignal(courier) => Some(*courier),
            Step::LookAfter => None,
            Step::Stop(number)
            | Step::TryStopped(number)
            | Step::Arrive(number)
            | Step::HandOver(number)
            | Step::Notice(number)
            | Step::Complain(number)
            | Step::CallBack(number) => Some(self.day.deliveries[*number].courier),
        }
    }

    fn play(&mut self, step: &Step) -> Result<(), Trouble> {
        match step {
            Step::Accept { courier, parcels } => self.accept(*courier, parcels),
            Step::LookForSignal(courier) => self.sync(*courier),
            Step::LookAfter => self.clerk.look_after(self.time.ms()),
            Step::Stop(number) => {
                let delivery = &self.day.deliveries[*number];
                self.clerk.stop(&delivery.station, &delivery.waybill)
            }
            Step::TryStopped(number) => self.try_stopped(*number),
            Step::Arrive(number) => self.at(*number, Job::arrive),
            Step::HandOver(number) => self.hand_over(*number),
            Step::Notice(number) => self.at(*number, Job::give_notice),
            Step::Complain(number) => {
                let mut case = None;
                self.at(*number, |job, phone| {
                    case = Some(job.take_complaint(phone)?);
                    Ok(())
                })?;
                self.cases.extend(case.map(|case| (*number, case)));
                Ok(())
            }
            Step::CallBack(number) => match self.cases.get(number).copied() {
                Some(case) => self.at(*number, |_, phone| acts::call_back(phone, case)),
                None => Ok(()),
            },
        }
    }

    fn job(&self, number: usize) -> Job {
        let delivery = self.day.deliveries[number].clone();
        Job { delivery, number, seed: self.seed, site: self.site.clone() }
    }

    /// Does something about one delivery, then sends what can be sent.
    fn at(
        &mut self,
        number: usize,
        act: impl FnOnce(&Job, &mut Phone) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let job = self.job(number);
        let courier = job.delivery.courier;
        act(&job, &mut self.phones[courier])?;
        self.sync(courier)
    }

    fn accept(&mut self, courier: usize, parcels: &[usize]) -> Result<(), Trouble> {
        let deliveries: Vec<_> = parcels.iter().map(|at| &self.day.deliveries[*at]).collect();
        let waybills: Vec<_> = deliveries.iter().map(|d| d.waybill.clone()).collect();
        let phone = &mut self.phones[courier];
        phone.be_at(deliveries.iter().find_map(|delivery| delivery.accepted_at));
        let manifest = phone.new_manifest();
        phone.act(&Command::ReconcileManifest {
            manifest,
            expected: waybills.clone(),
            scanned: waybills.clone(),
            damaged: Vec::new(),
        })?;
        phone.act(&Command::TakeOut { waybills })?;
        self.sync_well(courier)
    }

    /// The station rang: the phone asks for news, and its rules know of the stop.
    fn try_stopped(&mut self, number: usize) -> Result<(), Trouble> {
        let delivery = &self.day.deliveries[number];
        self.sync_well(delivery.courier)?;
        if !self.phones[delivery.courier].knows_stopped(&delivery.waybill)? {
            return Err("the station's order did not reach the phone".into());
        }
        self.refuse(number, |job| job.deliver(Vec::new()))?;
        self.clerk.release(&delivery.station, &delivery.waybill)?;
        self.sync_well(delivery.courier)
    }

    fn hand_over(&mut self, number: usize) -> Result<(), Trouble> {
        let delivery = &self.day.deliveries[number];
        let deeds = self.phones[delivery.courier].deeds;
        if delivery.script.stored {
            // Each courier learns it once: without consent nothing goes on a shelf.
            if deeds.stored == 0 {
                self.refuse(number, Job::store_unasked)?;
            }
            return self.at(number, Job::store_with_consent);
        }
        // And once that a hand-over without proof is none.
        if deeds.delivered == 0 {
            self.refuse(number, |job| job.deliver(Vec::new()))?;
        }
        self.at(number, Job::hand_over)
    }

    fn refuse(
        &mut self,
        number: usize,
        command: impl FnOnce(&Job) -> Command,
    ) -> Result<(), Trouble> {
        let job = self.job(number);
        let refusal = self.phones[job.delivery.courier].try_in_vain(&command(&job))?;
        self.refusals.entry(refusal.code()).or_insert((0, refusal)).0 += 1;
        Ok(())
    }

    fn sync(&mut self, courier: usize) -> Result<(), Trouble> {
        self.phones[courier].sync()?;
        self.renew_session(courier)
    }

    fn sync_well(&mut self, courier: usize) -> Result<(), Trouble> {
        self.phones[courier].sync_well()?;
        self.renew_session(courier)
    }

    /// A session ends with the shift; who works longer signs in again.
    fn renew_session(&mut self, courier: usize) -> Result<(), Trouble> {
        if self.phones[courier].status()?.session_ended {
            let worker = &self.day.couriers[courier];
            let code = self.clerk.new_code(&worker.no, &worker.station)?;
            self.phones[courier].sign_in(code)?;
            self.phones[courier].sync_well()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{day, rows};
    use super::*;

    #[test]
    fn every_parcel_is_accepted_before_anything_else_happens_to_it() {
        let rows = rows::read(super::super::SAMPLE.as_bytes()).unwrap();
        let day = day::fold(&rows);
        let mut accepted = vec![false; day.deliveries.len()];
        let mut handed_over = 0;
        let mut before = 0;
        for (ms, step) in steps(&day) {
            assert!(ms >= before);
            before = ms;
            match step {
                Step::Accept { parcels, .. } => parcels.iter().for_each(|at| accepted[*at] = true),
                Step::LookAfter | Step::LookForSignal(_) => {}
                Step::HandOver(number) => {
                    assert!(accepted[number]);
                    handed_over += 1;
                }
                Step::Stop(number)
                | Step::TryStopped(number)
                | Step::Arrive(number)
                | Step::Notice(number)
                | Step::Complain(number)
                | Step::CallBack(number) => assert!(accepted[number]),
            }
        }
        assert_eq!(handed_over, 106);
    }
}
