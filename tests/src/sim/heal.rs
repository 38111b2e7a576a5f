//! The world heals after the day.

use lastmile_core::Courier;
use lastmile_core::sync::SyncChannel;

use super::link::{Step, Straggler, Trip};
use super::{Sim, checks};

impl Sim {
    /// Everything works again: all phones run, are signed in, and sync until nothing is left.
    pub(super) fn heal(&mut self) -> Result<(), String> {
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
    pub(super) fn rot(&mut self) -> Result<bool, String> {
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
