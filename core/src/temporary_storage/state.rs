//! Consent and stay, as a part of the parcel's state.

use serde::{Deserialize, Serialize};

use super::{ConsentGiver, Liability, ParcelStored, StorageConsented};
use crate::conflict::{ConflictRow, Incoming, Mark, Ruling, is_default};
use crate::delivery::{Channel, Delivered, DeliveredHow};
use crate::event::Fact;
use crate::id::{ConsentId, Digest, SiteId};
use crate::parcel::{Claim, Holder, Parcel, Stage};
use crate::privacy::VaultRef;
use crate::time::Moment;

/// The recipient was asked, and has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The site offered.
    pub site: SiteId,
    /// How.
    pub channel: Channel,
}

/// A consent, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Who agreed.
    pub given_by: ConsentGiver,
    /// The one site agreed on.
    pub site: SiteId,
    /// The end of the agreed period, UTC milliseconds.
    pub until_ms: i64,
    /// Who carries the risk.
    pub liability: Liability,
    /// The event that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Mark>,
}

impl Consent {
    /// Tells whether it holds at `now` (UTC milliseconds). A courier's own consent never does.
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.withdrawn.is_none() && self.given_by != ConsentGiver::Courier && self.until_ms > now_ms
    }
}

/// What became of the storage notice (M32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The recipient was not told yet.
    #[default]
    Owed,
    /// It could not be sent; try another way.
    Failed {
        /// How it was tried.
        channel: Channel,
    },
    /// It was sent.
    Sent {
        /// How.
        channel: Channel,
        /// When.
        at: Moment,
    },
}

/// How a stay ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StayEnd {
    /// The event.
    pub mark: Mark,
    /// A courier took it out; his scan of the label, if it was that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieved_scanned: Option<bool>,
}

/// One stay at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The event that placed it.
    pub mark: Mark,
    /// When it was placed.
    pub at: Moment,
    /// Where.
    pub site: SiteId,
    /// The consent it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// Who carries the risk; none if no consent says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liability: Option<Liability>,
    /// The last moment to collect it, UTC milliseconds.
    pub collect_before_ms: i64,
    /// The pickup code's HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<Digest>,
    /// The sealed pickup code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<VaultRef>,
    /// The notice to the recipient.
    #[serde(default, skip_serializing_if = "is_default")]
    pub notice: Notice,
    /// The recipient wants it at his door after all; the stay goes on (one-hour clock).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivery_asked: Option<Moment>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<StayEnd>,
}

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
        self.end_stay_as(mark, None)
    }

    fn end_stay_as(&mut self, mark: Mark, retrieved_scanned: Option<bool>) -> bool {
        let stay = self.current_stay_mut();
        stay.map(|stay| stay.ended = Some(StayEnd { mark, retrieved_scanned })).is_some()
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
            Fact::StoredParcelPickedUp(fact) => self.picked_up(fact.scanned, act),
            Fact::StoredParcelRetrieved(fact) => self.retrieved(fact.scanned, act),
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
            notice: Notice::Owed,
            redelivery_asked: against_wish.then_some(act.envelope.at),
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
            Some(stay) => stay.notice = notice,
            // The recipient was told of a stay that is not there: a person must tell him.
            None => self.out_of_place(act, Ruling::Open),
        }
    }

    fn picked_up(&mut self, scanned: bool, act: &Incoming) {
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
                Some(StayEnd { mark, retrieved_scanned: Some(theirs) }) => {
                    if !self.scan_decides(scanned, theirs, mark, &claim, act) {
                        return;
                    }
                }
                _ => self.out_of_place(act, Ruling::Open),
            }
        }
        self.check_orders(act, true);
        self.settle(claim);
    }

    fn retrieved(&mut self, scanned: bool, act: &Incoming) {
        let Some(courier) = act.courier() else {
            return self.out_of_place(act, Ruling::Settled);
        };
        let claim = Claim::new(act, Stage::OutForDelivery, Holder::Courier(courier.clone()));
        if let Some((theirs, mark)) = self.collected() {
            if !self.scan_decides(scanned, theirs, mark, &claim, act) {
                return;
            }
        } else if self.stage != Stage::Stored {
            if self.blocked_by_end(&claim, act) {
                return;
            }
            if self.held_by(courier) {
                let other = self.held_since.map(|since| since.event);
                let row = ConflictRow::RecordedTwice;
                return self.margin.clash(row, act.id(), other, Ruling::Settled);
            }
            if self.blocked_by_holder(&claim, act) {
                return;
            }
            self.out_of_place(act, Ruling::Open);
        }
        self.storage.end_stay_as(act.mark, Some(scanned));
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
