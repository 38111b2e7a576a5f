//! What facts make of consents and stays: the storage part of a parcel's state.

use serde::{Deserialize, Serialize};

use super::{
    Asked, Consent, ConsentGiver, InSlot, LockerSlot, Notice, ParcelStored, PickupCodeReplaced,
    Reminder, Stay, StayEnd, StorageConsented, StorageExtended, StorageSlotClashed,
    StoredParcelPickedUp,
};
use crate::conflict::{ConflictRow, Incoming, Mark, Ruling, is_default};
use crate::delivery::{Delivered, DeliveredHow};
use crate::event::Fact;
use crate::id::{ConsentId, SiteId};
use crate::parcel::{Claim, Holder, Parcel, Stage};
use crate::privacy::VaultRef;
use crate::time::Moment;

/// The storage part of a parcel.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// The question that waits for an answer.
    #[serde(skip_serializing_if = "is_default")]
    pub asked: Option<Asked>,
    /// Every consent, in order.
    #[serde(skip_serializing_if = "is_default")]
    pub consents: Vec<Consent>,
    /// The recipient does not want it stored.
    #[serde(skip_serializing_if = "is_default")]
    pub declined: Option<Mark>,
    /// The last stay.
    #[serde(skip_serializing_if = "is_default")]
    pub stay: Option<Stay>,
    /// The sealed codes of stays that have ended and those that were replaced, and the texts of
    /// notices that the hub has sent: they are to go from every vault (C4.8). If a stay goes on
    /// because its end is taken back, the code that was given out holds; to be sent again it is
    /// replaced.
    #[serde(skip_serializing_if = "is_default")]
    pub spent_codes: Vec<VaultRef>,
}

impl Storage {
    /// Returns the stay that has not ended.
    pub fn current_stay(&self) -> Option<&Stay> {
        self.stay.as_ref().filter(|stay| stay.ended.is_none())
    }

    fn current_stay_mut(&mut self) -> Option<&mut Stay> {
        self.stay.as_mut().filter(|stay| stay.ended.is_none())
    }

    /// Ends the stay, however the parcel left the site. Tells whether there was one.
    pub(crate) fn end_stay(&mut self, mark: Mark) -> bool {
        self.end_stay_as(StayEnd { mark, at: None, handed_back: false, retrieved_scanned: None })
    }

    fn end_stay_as(&mut self, end: StayEnd) -> bool {
        let Some(stay) = self.current_stay_mut() else { return false };
        stay.ended = Some(end);
        let code = stay.code;
        self.spend(code);
        true
    }

    /// Notes codes and texts that nobody needs any more.
    pub(crate) fn spend(&mut self, texts: impl IntoIterator<Item = VaultRef>) {
        for text in texts {
            if !self.spent_codes.contains(&text) {
                self.spent_codes.push(text);
            }
        }
    }

    /// Notes that a delivery to the door was arranged.
    pub(crate) fn redelivery_arranged(&mut self, at: Moment) {
        if let Some(stay) = self.current_stay_mut()
            && stay.redelivery_asked.is_some()
        {
            stay.redelivery_arranged.get_or_insert(at);
        }
    }

    fn withdraw(&mut self, which: Option<ConsentId>, act: &Incoming) -> bool {
        let mut found = false;
        for consent in &mut self.consents {
            if consent.withdrawn.is_none() && which.is_none_or(|id| id == consent.id) {
                consent.withdrawn = Some(act.mark);
                found = true;
            }
        }
        // Consent withdrawn after placing: the stay goes on, a redelivery is asked for (C2).
        if let Some(stay) = self.current_stay_mut()
            && which.is_none_or(|id| stay.consent == Some(id))
        {
            stay.redelivery_asked.get_or_insert(act.envelope.at);
        } else if found && self.consents.iter().all(|consent| consent.withdrawn.is_some()) {
            // Withdrawn before placing: he does not want it stored (C2).
            self.declined = Some(act.mark);
        }
        found
    }

    /// A new wish takes the place of every earlier consent but those for the site it names. A stay
    /// elsewhere goes on, and the recipient wants it brought.
    pub(crate) fn supersede(&mut self, site: Option<&SiteId>, act: &Incoming) {
        self.asked = None;
        for consent in &mut self.consents {
            if consent.withdrawn.is_none() && Some(&consent.site) != site {
                consent.withdrawn = Some(act.mark);
            }
        }
        if let Some(stay) = self.current_stay_mut()
            && Some(&stay.site) != site
        {
            stay.redelivery_asked.get_or_insert(act.envelope.at);
        }
    }
}

fn in_slot(slot: &LockerSlot, act: &Incoming) -> InSlot {
    InSlot { slot: slot.clone(), said: act.mark, at: act.envelope.at }
}

impl Parcel {
    /// Returns the last consent that covers `site` at `now` (UTC milliseconds).
    pub fn live_consent(&self, site: &SiteId, now_ms: i64) -> Option<&Consent> {
        let consents = self.storage.consents.iter().rev();
        consents.filter(|consent| &consent.site == site).find(|consent| consent.is_live(now_ms))
    }

    /// Adds a fact of temporary storage. Tells whether it was one.
    pub(crate) fn apply_at_a_site(&mut self, fact: &Fact, act: &Incoming) -> bool {
        match fact {
            Fact::StorageConsentAsked(fact) => {
                self.storage.asked = Some(Asked { site: fact.site.clone(), channel: fact.channel });
            }
            Fact::StorageConsented(fact) => self.consented(fact),
            Fact::StorageDeclined(_) => {
                self.storage.asked = None;
                self.storage.declined = Some(act.mark);
                self.storage.withdraw(None, act);
            }
            Fact::StorageConsentRevoked(fact) => {
                if !self.storage.withdraw(Some(fact.consent), act) {
                    self.out_of_place(act, Ruling::Settled);
                }
            }
            Fact::ParcelStored(fact) => self.stored(fact, act),
            Fact::StorageNoticeSent(fact) => {
                let notice = Notice::Sent { channel: fact.channel, at: act.envelope.at };
                self.noticed(notice, act);
            }
            Fact::StorageNoticeFailed(fact) => {
                self.noticed(Notice::Failed { channel: fact.channel }, act);
            }
            Fact::StorageReminderSent(fact) => self.reminded(fact.day, act),
            Fact::StorageExtended(fact) => self.extended(fact, act),
            Fact::StorageExpired(_) => match self.storage.current_stay_mut() {
                Some(stay) => stay.expired = Some(act.mark),
                None => self.out_of_place(act, Ruling::Settled),
            },
            Fact::PickupCodeReplaced(fact) => self.code_replaced(fact, act),
            Fact::StorageSlotCorrected(fact) => self.slot_corrected(&fact.slot, act),
            Fact::StorageSlotClashed(fact) => self.slot_clashed(fact, act),
            Fact::StoredParcelPickedUp(fact) => self.picked_up(fact, act),
            Fact::StoredParcelRetrieved(fact) => self.retrieved(fact.scanned, false, act),
            Fact::StorageHandedBack(fact) => self.retrieved(fact.scanned, true, act),
            _ => return false,
        }
        true
    }

    fn consented(&mut self, fact: &StorageConsented) {
        self.storage.asked = None;
        if fact.given_by != ConsentGiver::Courier {
            self.storage.declined = None;
        }
        self.storage.consents.push(Consent {
            id: fact.consent,
            given_by: fact.given_by,
            site: fact.site.clone(),
            until_ms: fact.until_ms,
            liability: fact.liability,
            withdrawn: None,
        });
    }

    fn stored(&mut self, fact: &ParcelStored, act: &Incoming) {
        let consent = fact
            .consent
            .and_then(|id| self.storage.consents.iter().find(|consent| consent.id == id));
        let withdrawn = consent.and_then(|consent| consent.withdrawn);
        let liability = consent.map(|consent| consent.liability);
        let against_wish = self.goods.door_only || withdrawn.is_some();
        let stay = Stay {
            mark: act.mark,
            at: act.envelope.at,
            site: fact.site.clone(),
            consent: fact.consent,
            liability,
            collect_before_ms: fact.collect_before_ms,
            code_hash: fact.code_hash,
            code: fact.code,
            slot: fact.slot.as_ref().map(|slot| in_slot(slot, act)),
            notice: Notice::Owed,
            redelivery_asked: against_wish.then_some(act.envelope.at),
            redelivery_arranged: None,
            owed_anew: None,
            former_codes: Vec::new(),
            reminders: Vec::new(),
            expired: None,
            code_shown: None,
            ended: None,
        };
        let claim = Claim {
            stay: Some(Box::new(stay)),
            ..Claim::new(act, Stage::Stored, Holder::Site(fact.site.clone()))
        };
        if self.blocked_by_end(&claim, act) || self.blocked_by_holder(&claim, act) {
            return;
        }
        self.check_orders(act, false);
        if against_wish {
            // Row 7, and row 8 if a new wish withdrew the consent: the store stands, the right to
            // the door is kept, and nobody is blamed for what he could not know.
            let ruling = withdrawn.map_or(Ruling::Settled, |mark| act.settled(&mark));
            let other = withdrawn.map(|mark| mark.event);
            let wished = self.delivery.preference.as_ref().map(|wish| wish.mark.event);
            let row = match other {
                Some(_) if other == wished => ConflictRow::PreferenceChanged,
                _ => ConflictRow::StoredWithoutConsent,
            };
            self.margin.clash(row, act.id(), other, ruling);
        }
        self.settle(claim);
    }

    fn noticed(&mut self, notice: Notice, act: &Incoming) {
        match self.storage.stay.as_mut() {
            Some(stay) if matches!(stay.notice, Notice::Sent { .. }) => {}
            // It told the code or the slot that is another one meanwhile.
            Some(stay) if stay.owed_anew.as_ref().is_some_and(|anew| !act.knew(&anew.mark)) => {}
            Some(stay) => stay.notice = notice,
            // The recipient was told of a stay that is not there: a person must tell him.
            None => self.out_of_place(act, Ruling::Open),
        }
    }

    fn reminded(&mut self, day: u32, act: &Incoming) {
        match self.storage.current_stay_mut() {
            Some(stay) => stay.reminders.push(Reminder { day, at: act.envelope.at }),
            // He was told that it still lies there, and it does not: a person must tell him.
            None => self.out_of_place(act, Ruling::Open),
        }
    }

    fn extended(&mut self, fact: &StorageExtended, act: &Incoming) {
        let consents = &self.storage.consents;
        let rests_on = fact.consent.and_then(|id| consents.iter().find(|given| given.id == id));
        let (liability, withdrawn) = match rests_on {
            Some(given) => (Some(given.liability), given.withdrawn),
            None => (None, None),
        };
        let Some(stay) = self.storage.current_stay_mut() else {
            return self.out_of_place(act, Ruling::Settled);
        };
        stay.collect_before_ms = stay.collect_before_ms.max(fact.collect_before_ms);
        stay.expired = None;
        let Some(withdrawn) = withdrawn else {
            if let Some(liability) = liability {
                // He agreed to this stay anew: what he asked for before is settled.
                (stay.consent, stay.liability) = (fact.consent, Some(liability));
                (stay.redelivery_asked, stay.redelivery_arranged) = (None, None);
            }
            return;
        };
        // Row 7: the extension stands, the right to the door is kept.
        stay.redelivery_asked.get_or_insert(act.envelope.at);
        let (row, ruling) = (ConflictRow::StoredWithoutConsent, act.settled(&withdrawn));
        self.margin.clash(row, act.id(), Some(withdrawn.event), ruling);
    }

    /// Row 12, or a code that was sent again: the notice is owed anew.
    fn code_replaced(&mut self, fact: &PickupCodeReplaced, act: &Incoming) {
        let Some(stay) = self.storage.current_stay_mut() else {
            return self.out_of_place(act, Ruling::Settled);
        };
        stay.former_codes.extend(stay.code_hash);
        let spent = std::mem::replace(&mut stay.code, fact.code);
        stay.code_hash = fact.code_hash;
        stay.owe_notice(act, act.envelope.at);
        let placed = stay.mark.event;
        self.storage.spend(spent);
        if fact.clashed {
            self.margin.clash(ConflictRow::CodeTwice, act.id(), Some(placed), Ruling::Settled);
        }
    }

    /// Where it lies really. Told before, the recipient is to be told anew; the clock of a notice
    /// that was not sent yet runs on.
    fn slot_corrected(&mut self, slot: &LockerSlot, act: &Incoming) {
        let Some(stay) = self.storage.current_stay_mut() else {
            return self.out_of_place(act, Ruling::Settled);
        };
        let before = stay.slot.replace(in_slot(slot, act));
        if before.is_some_and(|before| before.slot != *slot) {
            let told = matches!(stay.notice, Notice::Sent { .. });
            let since = if told { act.envelope.at } else { stay.notice_owed_since() };
            stay.owe_notice(act, since);
        }
        self.settle_slot();
    }

    /// Row 12: both facts stand. The earlier one counts; somebody must look where the later lies.
    fn slot_clashed(&mut self, fact: &StorageSlotClashed, act: &Incoming) {
        let Some(lies) = self.storage.current_stay().and_then(|stay| stay.slot.as_ref()) else {
            return self.out_of_place(act, Ruling::Settled);
        };
        let (said, ruling) =
            (lies.said.event, if fact.later { Ruling::Open } else { Ruling::Settled });
        self.margin.clash(ConflictRow::SlotTwice, said, Some(fact.other), ruling);
    }

    /// Settles what was open about a slot in which the parcel is no longer said to lie.
    pub(crate) fn settle_slot(&mut self) {
        let lies = self.storage.current_stay().and_then(|stay| stay.slot.as_ref());
        let said = lies.map(|lies| lies.said.event);
        for conflict in &mut self.margin.conflicts {
            let about_slot = conflict.row == ConflictRow::SlotTwice;
            if about_slot && conflict.ruling == Ruling::Open && Some(conflict.event) != said {
                conflict.ruling = Ruling::Settled;
            }
        }
    }

    fn picked_up(&mut self, fact: &StoredParcelPickedUp, act: &Incoming) {
        let scanned = fact.scanned;
        let delivered = Delivered {
            mark: act.mark,
            actor: act.envelope.actor.clone(),
            at: act.envelope.at,
            how: DeliveredHow::Collected { scanned },
            address_gap_m: None,
        };
        let claim = Claim {
            delivered: Some(delivered),
            ..Claim::new(act, Stage::PickedUp, Holder::Recipient)
        };
        if self.blocked_by_end(&claim, act) {
            return;
        }
        if self.stage != Stage::Stored {
            let taken_out = self.storage.stay.as_ref().and_then(|stay| stay.ended.clone());
            match taken_out {
                Some(StayEnd { mark, retrieved_scanned: Some(theirs), .. }) => {
                    if !self.scan_decides(scanned, theirs, mark, &claim, act) {
                        return;
                    }
                }
                _ => self.out_of_place(act, Ruling::Open),
            }
        }
        self.check_orders(act, true);
        if let (Some(stay), Some(shown)) = (self.storage.current_stay_mut(), &fact.code_hash) {
            stay.code_shown = Some(stay.check_code(shown, act.envelope.at.ms));
        }
        self.settle(claim);
    }

    /// Taken out for redelivery, or handed back at the end: to the courier who says so, or to the
    /// station.
    fn retrieved(&mut self, scanned: bool, handed_back: bool, act: &Incoming) {
        let claim = match (act.courier(), handed_back) {
            (Some(courier), false) => {
                Claim::new(act, Stage::OutForDelivery, Holder::Courier(courier.clone()))
            }
            // In his bag again, on its way to the station: his round does not go on with it.
            (Some(courier), true) => {
                Claim::new(act, Stage::Assigned, Holder::Courier(courier.clone()))
            }
            (None, true) => {
                let given = self.assignment.is_some();
                let stage = if given { Stage::Assigned } else { Stage::AtStation };
                Claim::new(act, stage, Holder::Station)
            }
            (None, false) => return self.out_of_place(act, Ruling::Settled),
        };
        if let Some((theirs, mark)) = self.collected() {
            if !self.scan_decides(scanned, theirs, mark, &claim, act) {
                return;
            }
        } else if self.stage != Stage::Stored {
            if self.blocked_by_end(&claim, act) {
                return;
            }
            if self.holder == claim.holder {
                let other = self.held_since.map(|since| since.event);
                let row = ConflictRow::RecordedTwice;
                return self.margin.clash(row, act.id(), other, Ruling::Settled);
            }
            if self.blocked_by_holder(&claim, act) {
                return;
            }
            self.out_of_place(act, Ruling::Open);
        }
        self.storage.end_stay_as(StayEnd {
            mark: act.mark,
            at: Some(act.envelope.at),
            handed_back,
            retrieved_scanned: Some(scanned),
        });
        self.settle(claim);
    }

    /// Returns the scan and the event of a collection at the site, if that ended its way.
    fn collected(&self) -> Option<(bool, Mark)> {
        match self.delivery.delivered.as_ref()? {
            Delivered { mark, how: DeliveredHow::Collected { scanned }, .. } => {
                Some((*scanned, *mark))
            }
            Delivered { how: DeliveredHow::Handover(_), .. } => None,
        }
    }

    /// Row 6: the act with a scan of the label beats the one without; of two with a scan, or two
    /// without, a person must rule. Tells whether the present act wins.
    fn scan_decides(
        &mut self,
        ours: bool,
        theirs: bool,
        other: Mark,
        claim: &Claim,
        act: &Incoming,
    ) -> bool {
        let ruling = if ours == theirs { Ruling::Open } else { Ruling::Settled };
        let row = ConflictRow::PickedUpAndRetrieved;
        self.margin.clash(row, act.id(), Some(other.event), ruling);
        if ruling == Ruling::Open {
            self.claims.push(claim.clone());
        }
        ours && !theirs
    }
}
