//! What an app asks about a stored parcel.

use serde::Serialize;

use super::{CodeBook, CodeCheck, CodesWanted, LockerSlot, Notice};
use crate::conflict::ConflictRow;
use crate::courier::Courier;
use crate::error::{Error, Result};
use crate::id::SiteId;
use crate::time::Moment;
use crate::waybill::Waybill;

/// A stay at a site, as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[expect(clippy::struct_excessive_bools, reason = "each is a badge of its own on the screen")]
pub struct StorageView {
    /// Where it lies.
    pub site: SiteId,
    /// The site's name, if the site is in the directory.
    pub site_name: Option<String>,
    /// When it was placed.
    pub since: Moment,
    /// The last moment to collect it, UTC milliseconds.
    pub collect_before_ms: i64,
    /// It has a pickup code.
    pub has_code: bool,
    /// The slot of the locker in which it lies, if somebody said which.
    pub slot: Option<LockerSlot>,
    /// Another parcel was said to lie in this slot before: look where this one lies, and say so
    /// with [`Command::CorrectSlot`](crate::Command::CorrectSlot) (C6.12).
    pub slot_in_question: bool,
    /// The recipient was not told yet, or is to be told anew: send T01 (M32).
    pub notice_owed: bool,
    /// The step of the reminder ladder that is due, in days since it was placed: send T01R.
    pub reminder_due: Option<u32>,
    /// The recipient wants it at his door after all, and nothing was arranged yet (C2).
    pub redelivery_asked: bool,
    /// The station said that its time is over.
    pub expired: bool,
}

impl Courier {
    /// Returns the stay of a parcel that lies at a site; `None` if it does not.
    pub fn storage(&self, waybill: &Waybill) -> Result<Option<StorageView>> {
        let Some(parcel) = self.parcel(waybill)? else { return Ok(None) };
        let Some(stay) = parcel.storage.current_stay() else { return Ok(None) };
        Ok(Some(StorageView {
            site: stay.site.clone(),
            site_name: self.directory().site(&stay.site).map(|site| site.name.clone()),
            since: stay.at,
            collect_before_ms: stay.collect_before_ms,
            has_code: stay.code_hash.is_some() || stay.code.is_some(),
            slot: stay.slot.as_ref().map(|lies| lies.slot.clone()),
            slot_in_question: parcel
                .margin
                .open_conflicts()
                .any(|conflict| conflict.row == ConflictRow::SlotTwice),
            notice_owed: !matches!(stay.notice, Notice::Sent { .. }),
            reminder_due: stay.reminder_due(self.policy(), &self.now()),
            redelivery_asked: stay.redelivery_asked.is_some() && stay.redelivery_arranged.is_none(),
            expired: stay.expired.is_some(),
        }))
    }

    /// Compares a code that the recipient shows with those given out for his parcel, on this phone
    /// alone (C6.11). An honest customer is not turned away: what cannot be verified here is
    /// recorded with the collection, and the hub compares it.
    ///
    /// # Errors
    /// `NotFound` if the parcel does not lie at a site.
    pub fn check_code(&self, waybill: &Waybill, code: &str) -> Result<CodeCheck> {
        let parcel = self.parcel(waybill)?;
        let stay = parcel.as_ref().and_then(|parcel| parcel.storage.current_stay());
        let stay = stay.ok_or(Error::NotFound { what: "the parcel's stay at a site" })?;
        Ok(match self.codes().key(&stay.site) {
            Some(key) => stay.check_code(&key.hash(code), self.now().ms),
            None => CodeCheck::Unverified,
        })
    }

    /// Returns the sites whose key, or more codes, this phone needs.
    pub(crate) fn codes_wanted(&self) -> Vec<CodesWanted> {
        self.codes.wanted(self.directory(), self.policy().code_lease)
    }

    /// Returns the pickup codes this phone may check and give out.
    pub(crate) fn codes(&self) -> &CodeBook {
        &self.codes
    }
}
