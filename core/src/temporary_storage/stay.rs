//! A consent, and one parcel's time at one site.

use serde::{Deserialize, Serialize};

use super::{CodeCheck, ConsentGiver, InSlot, Liability};
use crate::conflict::{Incoming, Mark, is_default};
use crate::delivery::Channel;
use crate::id::{ConsentId, Digest, SiteId};
use crate::policy::Policy;
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

/// Why a notice is owed a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedAnew {
    /// The event that replaced the code, or corrected the slot.
    pub mark: Mark,
    /// Since when.
    pub at: Moment,
}

/// A reminder that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The step of the ladder, in days since it was stored; 0 before the first step.
    pub day: u32,
    /// When.
    pub at: Moment,
}

/// How a stay ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StayEnd {
    /// The event.
    pub mark: Mark,
    /// When it was taken out or handed back; none where another event tells of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// The keeper of the site gave it back at the end of the stay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handed_back: bool,
    /// It was taken out or handed back; the scan of the label, if it was that.
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
    /// A delivery to the door was arranged after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivery_arranged: Option<Moment>,
    /// The slot of the locker in which it lies, if somebody said which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<InSlot>,
    /// The code was replaced or the slot corrected after it was placed: the notice is owed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_anew: Option<OwedAnew>,
    /// The HMACs of the codes it had before; they are honoured like the present one (C6.11).
    #[serde(default, skip_serializing_if = "is_default")]
    pub former_codes: Vec<Digest>,
    /// The reminders that were sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reminders: Vec<Reminder>,
    /// The station said that its time is over; it still lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Mark>,
    /// What became of the code that was shown as it was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_shown: Option<CodeCheck>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<StayEnd>,
}

impl Stay {
    /// Says which step of the reminder ladder is due at `now`: the highest that was reached and
    /// not sent, in days since it was stored. Days are calendar days of the place (C4.20).
    pub fn reminder_due(&self, policy: &Policy, now: &Moment) -> Option<u32> {
        let reached = self.reminder_step(policy, now);
        let sent = self.reminders.iter().map(|reminder| reminder.day).max().unwrap_or(0);
        (self.ended.is_none() && reached > sent).then_some(reached)
    }

    /// Returns the highest step of the ladder reached at `now`; 0 before the first.
    pub(crate) fn reminder_step(&self, policy: &Policy, now: &Moment) -> u32 {
        let days = now.days_since(&self.at);
        let ladder = policy.storage_reminder_days.iter().copied();
        ladder.filter(|step| i64::from(*step) <= days).max().unwrap_or(0)
    }

    /// Since when the recipient is to be told where it is.
    pub fn notice_owed_since(&self) -> Moment {
        self.owed_anew.as_ref().map_or(self.at, |anew| anew.at)
    }

    /// Lets the notice be owed anew since `at`: by `act`, what it told is so no longer.
    pub(super) fn owe_notice(&mut self, act: &Incoming, at: Moment) {
        self.notice = Notice::Owed;
        self.owed_anew = Some(OwedAnew { mark: act.mark, at });
    }

    /// Compares the HMAC of a code that is shown at `now` (UTC milliseconds) with every code that
    /// was given out for this stay (C6.11).
    pub fn check_code(&self, code_hash: &Digest, now_ms: i64) -> CodeCheck {
        let issued = self.code_hash.iter().chain(&self.former_codes).any(|hash| hash == code_hash);
        if issued && now_ms <= self.collect_before_ms {
            CodeCheck::Verified
        } else {
            CodeCheck::Unverified
        }
    }
}
