//! When a recipient counts as unreachable, so that the sender's word decides.
//!
//! 浙江省快递业促进条例 art. 33: two delivery messages at least 8 hours apart, and 24 hours of
//! silence after the second. Any word of the recipient's starts it anew. Only then may a parcel be
//! stored on the sender's word, or sent back because nobody was ever there.

use serde::{Deserialize, Serialize};

use super::{Channel, Party};
use crate::conflict::Incoming;
use crate::deadline::Deadline;
use crate::event::Fact;
use crate::parcel::Parcel;
use crate::policy::Policy;
use crate::temporary_storage::ConsentGiver;
use crate::time::Moment;

/// How far the rule has come, and what is still missing. Times are UTC milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Unreachable {
    /// Nothing was written to him since he last answered: send a first message.
    FirstMessage,
    /// The first message is out: send a second one, not before this moment.
    SecondMessage {
        /// The earliest moment.
        from_ms: i64,
    },
    /// Both are out: wait until this moment.
    Silence {
        /// The end of the wait.
        until_ms: i64,
    },
    /// He counts as unreachable since this moment.
    Since {
        /// The moment.
        ms: i64,
    },
}

/// Says what is still missing before the recipient counts as unreachable.
///
/// A message sent while the phone's clock was never compared with the hub's counts for nothing:
/// nobody could vouch for the hours in between.
pub fn unreachable(parcel: &Parcel, policy: &Policy, now: &Moment) -> Unreachable {
    let mut messages = parcel.delivery.messages.iter().filter(|at| at.unsure_ms.is_some());
    let Some(first) = messages.next() else { return Unreachable::FirstMessage };
    let gap = hours_after(first, policy.unreachable_gap_h);
    let Some(second) = messages.find(|at| gap.has_passed(at)) else {
        return Unreachable::SecondMessage { from_ms: surely_over(gap, first, now) };
    };
    let silence = hours_after(second, policy.unreachable_silence_h);
    if silence.has_passed(now) {
        Unreachable::Since { ms: silence.due_ms() }
    } else {
        Unreachable::Silence { until_ms: surely_over(silence, second, now) }
    }
}

/// When a wait is over whatever the clocks' errors are, as far as they are known.
fn surely_over(wait: Deadline, start: &Moment, now: &Moment) -> i64 {
    let unsure = [start, now].into_iter().filter_map(|at| at.unsure_ms);
    wait.due_ms().saturating_add(unsure.map(i64::from).sum())
}

fn hours_after(start: &Moment, hours: u32) -> Deadline {
    Deadline::after_minutes(*start, hours.saturating_mul(60))
}

impl Parcel {
    /// Keeps the messages that the recipient has not answered. His own word answers them all, and
    /// takes back what the sender decided for him.
    pub(crate) fn note_silence(&mut self, fact: &Fact, act: &Incoming) {
        if is_his_word(fact) {
            self.delivery.messages.clear();
            let consents = self.storage.consents.iter_mut();
            let by_sender = consents.filter(|given| given.given_by == ConsentGiver::Sender);
            for consent in by_sender.filter(|given| given.withdrawn.is_none()) {
                consent.withdrawn = Some(act.mark);
            }
        } else if is_message(fact) {
            self.delivery.messages.push(act.envelope.at);
        }
    }
}

/// A message to the recipient about the delivery, in writing.
fn is_message(fact: &Fact) -> bool {
    let channel = match fact {
        Fact::RecipientContactFailed(fact) if fact.party == Party::Recipient => fact.channel,
        Fact::AppointmentOffered(fact) => fact.channel,
        Fact::StorageConsentAsked(fact) => fact.channel,
        _ => return false,
    };
    matches!(channel, Channel::Sms | Channel::App)
}

/// Something that the recipient said or did.
fn is_his_word(fact: &Fact) -> bool {
    match fact {
        Fact::RecipientContacted(fact) => fact.party == Party::Recipient,
        Fact::StorageConsented(fact) => {
            matches!(fact.given_by, ConsentGiver::Recipient | ConsentGiver::Deputy)
        }
        Fact::PreferenceSet(fact) => fact.said_by != ConsentGiver::Courier,
        Fact::RedeliveryScheduled(_)
        | Fact::RedirectRequested(_)
        | Fact::DeliveryRefused(_)
        | Fact::StorageDeclined(_)
        | Fact::StorageConsentRevoked(_)
        | Fact::StoredParcelPickedUp(_) => true,
        _ => false,
    }
}
