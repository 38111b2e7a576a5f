//! What befalls phones, the hub and the way between them.

use fastrand::Rng;

use super::Sim;
use super::acts::one_of;
use super::link::Trip;

impl Sim {
    /// Something befalls a phone, or all.
    pub(super) fn fault(&mut self, who: usize) {
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

    /// The app signs the courier in.
    pub(super) fn sign_in(&mut self, who: usize) {
        self.renew_session(who);
        self.phones[who].signed_in = true;
        if let Ok(courier) = self.phones[who].courier() {
            // On a full or failing disk the phone says later that it is signed out.
            let _ = courier.set_signed_in(true);
        }
    }

    /// The app gets a new session token before the old one ends; the library need not know.
    pub(super) fn renew_session(&mut self, who: usize) {
        let session = self.station.new_session(&self.phones[who].enrolment);
        self.phones[who].enrolment.session_token = session;
    }
}
