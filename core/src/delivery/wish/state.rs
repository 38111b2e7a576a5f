//! The wish in force and the redirection that waits, as a part of the parcel's state.

use serde::{Deserialize, Serialize};

use super::{DeliveryRedirected, PreferenceSet, RedirectAnswered, RedirectReply, Wish};
use crate::conflict::{ConflictRow, Incoming, Mark, Ruling};
use crate::delivery::{Channel, DeliveryTask, HandoverMethod};
use crate::event::{Actor, Fact};
use crate::parcel::{Holder, Parcel};
use crate::privacy::VaultRef;
use crate::temporary_storage::{Consent, ConsentGiver};
use crate::time::Moment;

/// The wish in force (M38).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// Counts the wishes for this parcel from 1.
    pub version: u32,
    /// What the recipient wants.
    pub wish: Wish,
    /// The place he names, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<VaultRef>,
    /// Who said it.
    pub said_by: ConsentGiver,
    /// How he said it.
    pub channel: Channel,
    /// Who wrote it down.
    pub by: Actor,
    /// When.
    pub at: Moment,
    /// The event.
    pub mark: Mark,
}

/// The answer to a redirection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectAnswer {
    /// The answer.
    pub reply: RedirectReply,
    /// Why, in words, in the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<VaultRef>,
    /// When it was given.
    pub at: Moment,
    /// The event.
    pub mark: Mark,
}

/// A redirection (改派).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The event that asked: a request, or a new wish.
    pub mark: Mark,
    /// When it was asked; the clock starts here.
    pub at: Moment,
    /// Whom and where it is to go to, in the vault; none for a new wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<VaultRef>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<RedirectAnswer>,
    /// The event since which the new address counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Mark>,
}

impl DeliveryTask {
    /// Returns the redirection that waits for its answer.
    pub fn open_redirect(&self) -> Option<&Redirect> {
        self.redirect.as_ref().filter(|redirect| redirect.answer.is_none())
    }
}

impl Parcel {
    /// Tells whether the recipient's present wish is a place he named.
    pub fn wished_at_named_place(&self) -> bool {
        self.delivery.preference.as_ref().is_some_and(|wish| wish.wish == Wish::NamedPlace)
    }

    /// Adds a wish, a redirection or its answer. Tells whether it was one.
    pub(crate) fn apply_wish(&mut self, fact: &Fact, act: &Incoming) -> bool {
        match fact {
            Fact::PreferenceSet(fact) => self.preferred(fact, act),
            Fact::RedirectRequested(fact) => {
                if !self.wished_too_late(act) {
                    self.ask_redirect(Some(fact.to), act);
                }
            }
            Fact::RedirectAnswered(fact) => self.redirect_answered(fact, act),
            Fact::DeliveryRedirected(fact) => self.redirected(fact, act),
            _ => return false,
        }
        true
    }

    fn preferred(&mut self, fact: &PreferenceSet, act: &Incoming) {
        // No wish of the recipient's. That it was recorded against the rule stays visible.
        if fact.said_by == ConsentGiver::Courier || self.wished_too_late(act) {
            return;
        }
        // Two people wrote down a wish, and the second did not know of the first: the hub's order
        // decides, and both are shown.
        if let Some(other) = self.delivery.preference.as_ref()
            && fact.version <= other.version
        {
            let other = Some(other.mark.event);
            let row = ConflictRow::PreferenceChanged;
            return self.margin.clash(row, act.id(), other, Ruling::Settled);
        }
        self.delivery.preference = Some(Preference {
            version: fact.version,
            wish: fact.wish.clone(),
            place: fact.place,
            said_by: fact.said_by,
            channel: fact.channel,
            by: act.envelope.actor.clone(),
            at: act.envelope.at,
            mark: act.mark,
        });
        let site = match &fact.wish {
            Wish::AtSite { site, .. } => Some(site),
            Wish::Door | Wish::Window { .. } | Wish::NamedPlace => None,
        };
        self.storage.supersede(site, act);
        let at_the_door = matches!(fact.wish, Wish::Door | Wish::Window { .. });
        self.storage.declined = at_the_door.then_some(act.mark);
        if let (Wish::AtSite { site, liability }, Some(id)) = (&fact.wish, fact.consent) {
            self.storage.consents.push(Consent {
                id,
                given_by: fact.said_by,
                site: site.clone(),
                // A standing wish has no end of its own; the site's own time still counts.
                until_ms: i64::MAX,
                liability: *liability,
                withdrawn: None,
            });
        }
        // Under way, whoever has it must be told, unless he wrote it down himself.
        let himself = act.courier().is_some_and(|no| self.held_by(no) || self.assigned_to(no));
        let under_way = matches!(self.holder, Holder::Courier(_) | Holder::Site(_));
        if under_way && !himself && self.delivery.open_redirect().is_none() {
            self.ask_redirect(None, act);
        }
    }

    /// Notes a wish for a parcel whose way had ended. Tells whether it was so.
    fn wished_too_late(&mut self, act: &Incoming) -> bool {
        let Some(end) = self.ended().copied() else { return false };
        let row = ConflictRow::PreferenceChanged;
        self.margin.clash(row, act.id(), Some(end.event), Ruling::Settled);
        true
    }

    fn ask_redirect(&mut self, to: Option<VaultRef>, act: &Incoming) {
        self.delivery.redirect =
            Some(Redirect { mark: act.mark, at: act.envelope.at, to, answer: None, done: None });
    }

    /// The first answer counts. The same one again is a record made twice; the contrary one was
    /// told to the customer too, and a person must look at it.
    fn redirect_answered(&mut self, fact: &RedirectAnswered, act: &Incoming) {
        let asked = self.delivery.redirect.as_mut().filter(|ask| ask.mark.event == fact.request);
        let Some(redirect) = asked else {
            return self.out_of_place(act, Ruling::Settled);
        };
        match &redirect.answer {
            None => {
                redirect.answer = Some(RedirectAnswer {
                    reply: fact.reply,
                    reason: fact.reason,
                    at: act.envelope.at,
                    mark: act.mark,
                });
            }
            Some(first) => {
                let accepts = |reply: RedirectReply| reply == RedirectReply::Accept;
                let same = accepts(first.reply) == accepts(fact.reply);
                let ruling = if same { Ruling::Settled } else { Ruling::Open };
                let other = Some(first.mark.event);
                self.margin.clash(ConflictRow::RecordedTwice, act.id(), other, ruling);
            }
        }
    }

    fn redirected(&mut self, fact: &DeliveryRedirected, act: &Incoming) {
        if let Some(end) = self.ended().copied() {
            // Row 9: it was delivered to the old address, and somebody was told otherwise.
            let row = ConflictRow::AddressCorrected;
            return self.margin.clash(row, act.id(), Some(end.event), Ruling::Open);
        }
        let accepted = |ask: &&mut Redirect| {
            let answer = ask.answer.as_ref().map(|answer| answer.reply);
            ask.mark.event == fact.request && answer == Some(RedirectReply::Accept)
        };
        match self.delivery.redirect.as_mut().filter(accepted) {
            Some(redirect) if redirect.done.is_none() => {
                redirect.done = Some(act.mark);
                self.recipient = Some(fact.recipient);
            }
            Some(_) => self.out_of_place(act, Ruling::Settled),
            None => self.out_of_place(act, Ruling::Open),
        }
    }

    /// Notes the wishes that a hand-over could not know of. It stands: the parcel is gone.
    pub(crate) fn check_wishes(&mut self, method: HandoverMethod, act: &Incoming) {
        // Row 8: left at a place under an older wish. In the recipient's hands every wish is met.
        if let Some(wish) = &self.delivery.preference
            && method == HandoverMethod::NamedPlace
            && wish.wish != Wish::NamedPlace
            && !act.knew(&wish.mark)
        {
            let other = Some(wish.mark.event);
            let row = ConflictRow::PreferenceChanged;
            self.margin.clash(row, act.id(), other, Ruling::Settled);
        }
        // Row 9: at the old address.
        if let Some(done) = self.delivery.redirect.as_ref().and_then(|redirect| redirect.done)
            && !act.knew(&done)
        {
            let row = ConflictRow::AddressCorrected;
            self.margin.clash(row, act.id(), Some(done.event), Ruling::Open);
        }
    }
}
