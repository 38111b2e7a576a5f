//! What the hub does by itself when its time has come: see `lastmile_core::chore`. `serve` asks for
//! it every few seconds.

use std::collections::BTreeMap;

use lastmile_core::chore::{Chore, chores};
use lastmile_core::event::{Actor, Lane};
use lastmile_core::fold::LaneState;
use lastmile_core::id::{Digest, EventId, StationId};
use lastmile_core::notice::{WaitingNotice, told};
use lastmile_core::privacy::{VaultBody, VaultRef};

use crate::clerk::judge;
use crate::gateway::{Message, MessageGateway, NotSent};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::station::record_groups;
use crate::sync::{self, Ledger};

/// Lanes looked after in one call, so that a restart after a long night holds up nobody.
const PER_CALL: u32 = 200;
/// What a rule speaks against is tried again after so long.
const AGAIN_MS: i64 = 60 * 60_000;
/// A message that does not get out is tried again after this, and then after half its age.
const RETRY_MS: i64 = 30_000;

/// What became of a message.
type Outcome = Result<Digest, NotSent>;

impl Hub {
    /// Does what is due, and returns how many chores were done. What is not done is tried again
    /// later; a lane in which something goes wrong holds up no other.
    ///
    /// # Errors
    /// Of the store.
    pub fn do_chores(&self, gateway: &dyn MessageGateway) -> Result<u32> {
        let lanes = self.store.begin()?.lanes_due(self.now_ms(), PER_CALL)?;
        let mut done = 0;
        for lane in lanes {
            match self.look_after(&lane, gateway) {
                Ok(count) => done += count,
                Err(error) => {
                    tracing::error!(%error, "a lane's chores wait");
                    let tx = self.store.begin()?;
                    tx.put_due(&lane, Some(self.now_ms() + AGAIN_MS))?;
                    tx.commit()?;
                }
            }
        }
        if done > 0 {
            self.delete_erased();
        }
        Ok(done)
    }

    fn look_after(&self, lane: &Lane, gateway: &dyn MessageGateway) -> Result<u32> {
        // Nobody waits for the database while a message is on its way.
        let outcomes: BTreeMap<EventId, Outcome> = self
            .letters(lane)?
            .into_iter()
            .map(|(id, message)| {
                let sent = message.ok_or(NotSent::Never).and_then(|message| {
                    gateway.send(&message).map(|()| Digest::of(&[message.text.as_bytes()]))
                });
                (id, sent)
            })
            .collect();

        let tx = self.store.begin()?;
        let mut ledger = Ledger::new(self, &*tx)?;
        let (mut done, mut again_ms) = (0, None::<i64>);
        let mut later = |ms: i64| again_ms = Some(again_ms.map_or(ms, |other| other.min(ms)));
        let now_ms = ledger.now.ms;
        if let Some((station, state)) = here(&mut ledger, lane)? {
            let policy = self.policy(&*tx, &station)?;
            for due in chores(lane, &state, &policy) {
                if due.at_ms > now_ms {
                    later(due.at_ms);
                    continue;
                }
                match due.chore {
                    Chore::Do(command) => {
                        let actor = Actor::Station(station.clone());
                        match judge(&mut ledger, &actor, &station, &command) {
                            Ok(decision) if decision.refusal.is_none() => {
                                let decided = decision.decided;
                                let (groups, vault) = (decided.groups, decided.vault);
                                record_groups(&mut ledger, &station, &actor, groups, &vault)?;
                                done += 1;
                            }
                            Ok(_) | Err(HubError::Refused(_)) => later(now_ms + AGAIN_MS),
                            Err(error) => return Err(error),
                        }
                    }
                    Chore::Send(notice) => match outcomes.get(&notice.event) {
                        Some(Err(NotSent::Later)) if !self.gives_up(&notice) => {
                            later(now_ms + RETRY_MS.max((now_ms - notice.at.ms) / 2));
                        }
                        Some(outcome) => {
                            let text = outcome.ok();
                            self.note_outcome(&mut ledger, lane, &station, &notice, text)?;
                            done += 1;
                        }
                        // It came while the others were sent.
                        None => later(now_ms),
                    },
                }
            }
        }
        ledger.settle()?;
        // What was just done may leave more to do: that is looked at next time.
        if done == 0 {
            tx.put_due(lane, again_ms)?;
        }
        tx.commit()?;
        Ok(done)
    }

    /// Returns what is to be sent of a lane; none where there is nobody, or nothing to tell.
    fn letters(&self, lane: &Lane) -> Result<Vec<(EventId, Option<Message>)>> {
        let tx = self.store.begin()?;
        let Some(row) = tx.find_lane(lane)? else { return Ok(Vec::new()) };
        let Some(station) = row.station.clone() else { return Ok(Vec::new()) };
        let state = sync::state_of(&*tx, lane, &row)?;
        let LaneState::Parcel(parcel) = state else { return Ok(Vec::new()) };
        let mut letters = Vec::new();
        for waiting in &parcel.waiting_notices {
            let notice = &waiting.notice;
            let read = |reference: Option<VaultRef>| -> Result<Option<VaultBody>> {
                let Some(reference) = reference else { return Ok(None) };
                Ok(tx.entry(&reference, lane)?.and_then(|entry| entry.read()))
            };
            // Who was told to collect it has done so meanwhile.
            let moot = notice.tells_of_a_stay() && parcel.storage.current_stay().is_none();
            let message = match (read(parcel.person(notice.to))?, read(Some(notice.text))?) {
                (Some(VaultBody::Person(person)), Some(VaultBody::Text(text)))
                    if !moot && !person.phone.trim().is_empty() =>
                {
                    Some(Message {
                        id: waiting.event,
                        station: station.clone(),
                        channel: notice.channel,
                        phone: person.phone,
                        template: notice.template.clone(),
                        text,
                    })
                }
                _ => None,
            };
            letters.push((waiting.event, message));
        }
        Ok(letters)
    }

    fn gives_up(&self, notice: &WaitingNotice) -> bool {
        self.now_ms() - notice.at.ms > self.settings.notice_ms
    }

    /// Records that a notice was sent, or could not be. The fact's id is the notice's own.
    fn note_outcome(
        &self,
        ledger: &mut Ledger,
        lane: &Lane,
        station: &StationId,
        waiting: &WaitingNotice,
        text: Option<Digest>,
    ) -> Result<()> {
        let now = ledger.now;
        let policy = self.policy(ledger.tx, station)?;
        let Some(LaneState::Parcel(parcel)) = ledger.state(lane)? else { return Ok(()) };
        let (channel, template) = (waiting.notice.channel, waiting.notice.template.clone());
        let fact = told(parcel, channel, template, text, &policy, &now);
        let actor = Actor::Station(station.clone());
        ledger.record(waiting.outcome_id(), lane, fact, &actor, station, None)?;
        if text.is_none() {
            tracing::warn!(notice = %waiting.event, "a notice was not sent");
        }
        Ok(())
    }
}

/// A lane as it stands now, and its station.
fn here(ledger: &mut Ledger, lane: &Lane) -> Result<Option<(StationId, LaneState)>> {
    let station = ledger.lane_facts(lane)?.station.cloned();
    let state = ledger.state(lane)?.cloned();
    Ok(station.zip(state))
}
