//! What a screen shows of the recipient's wish, of a redirection that waits, and of what is owed.

use super::{Unreachable, Wish, unreachable};
use crate::courier::Courier;
use crate::deadline::redirect_answer;
use crate::error::Result;
use crate::privacy::Person;
use crate::temporary_storage::ConsentGiver;
use crate::time::Moment;
use crate::waybill::Waybill;

/// The recipient's wish (M38).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WishView {
    /// Counts the wishes for this parcel from 1.
    pub version: u32,
    /// What he wants.
    pub wish: Wish,
    /// The place he names, if it may be read here.
    pub place: Option<String>,
    /// Who said it.
    pub said_by: ConsentGiver,
    /// When it was written down.
    pub at: Moment,
}

/// A redirection that waits for its answer (M34).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct RedirectView {
    /// When it was asked.
    pub asked_at: Moment,
    /// By when it is to be answered, UTC milliseconds.
    pub answer_by_ms: i64,
    /// Whom and where it is to go to, masked (M02); none for a new wish.
    pub to: Option<Person>,
}

/// The delivery of one parcel, beside what [`ParcelView`](crate::screens::ParcelView) shows.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct DeliveryView {
    /// How the recipient wants it.
    pub wish: Option<WishView>,
    /// What is to be answered.
    pub redirect: Option<RedirectView>,
    /// What is still missing before the recipient counts as unreachable.
    pub unreachable: Unreachable,
    /// A form is to be signed before it is handed over (M37).
    pub receipt_form_owed: bool,
    /// A signed form is to be handed in at the station (M37).
    pub receipt_form_to_hand_in: bool,
}

impl Courier {
    /// Returns what a screen shows of a parcel's delivery; `None` if it is not known here.
    pub fn delivery_view(&self, waybill: &Waybill) -> Result<Option<DeliveryView>> {
        let Some(parcel) = self.parcel(waybill)? else { return Ok(None) };
        let now = self.now();
        let task = &parcel.delivery;
        let wish = match &task.preference {
            Some(wish) => Some(WishView {
                version: wish.version,
                wish: wish.wish.clone(),
                place: wish.place.map_or(Ok(None), |place| self.text(place))?,
                said_by: wish.said_by,
                at: wish.at,
            }),
            None => None,
        };
        let clock = redirect_answer(&parcel, self.policy(), &now);
        let redirect = match (task.open_redirect(), clock) {
            (Some(redirect), Some((clock, _))) => Some(RedirectView {
                asked_at: redirect.at,
                answer_by_ms: clock.due_ms(),
                to: redirect.to.map_or(Ok(None), |to| self.person_masked(to))?,
            }),
            _ => None,
        };
        let form = task.receipt_form.as_ref();
        Ok(Some(DeliveryView {
            wish,
            redirect,
            unreachable: unreachable(&parcel, self.policy(), &now),
            receipt_form_owed: parcel.goods.receipt_form && form.is_none(),
            receipt_form_to_hand_in: form.is_some_and(|form| form.handed_in_at.is_none()),
        }))
    }
}
