//! What a courier or a clerk can answer about a parcel at once (M79): why it is marked as it is,
//! where it is, when it comes, and whom to call. From local data, and with none of a person.
//!
//! Codes and values, so that an app shows them in its own words and language.

use rusqlite::Connection;
use serde::Serialize;

use crate::courier::Courier;
use crate::delivery::{AttemptFailure, RefusalClass};
use crate::error::{Error, Result};
use crate::event::Lane;
use crate::exception_report::ExceptionKind;
use crate::id::{CaseId, CourierNo, EventId, SiteId};
use crate::parcel::{FreezeReason, Holder, Parcel, Stage};
use crate::policy::{Policies, Policy};
use crate::time::Moment;
use crate::waybill::Waybill;

/// Why a parcel is marked. The first one of a list weighs most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Trouble {
    /// It is stopped.
    Frozen {
        /// Why.
        reason: FreezeReason,
    },
    /// It is wanted back.
    Recalled {
        /// For safety.
        safety: bool,
    },
    /// Two facts exclude each other; a person has yet to rule.
    Disputed {
        /// The event that made the conflict.
        event: EventId,
    },
    /// The recipient refused it.
    Refused {
        /// What he does not want.
        class: RefusalClass,
    },
    /// It goes back to the sender, or may.
    Returning,
    /// It lies at a storage site.
    Stored {
        /// Where.
        site: SiteId,
    },
    /// Attempts failed.
    AttemptFailed {
        /// Why the last one did.
        cause: AttemptFailure,
        /// How many did.
        attempts: u32,
    },
    /// It was handed over further from its address than the policy's `geofence_m`. A flag, no fault.
    HandedOverFarAway {
        /// Metres between the phone and the address.
        metres: u32,
    },
    /// A facility holds it (imported).
    HeldOnTheWay {
        /// The facility's code.
        facility: String,
    },
    /// It was visibly damaged.
    Damaged,
    /// An open exception case is about it.
    Reported {
        /// The case.
        id: CaseId,
        /// What is wrong; none for a recovery that the hub asked for.
        kind: Option<ExceptionKind>,
    },
}

/// Where a parcel is, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Position {
    /// Where the delivery stands.
    pub stage: Stage,
    /// Who has it.
    pub holder: Holder,
    /// Since when, as the device that recorded it knew it; none if that is not known here.
    pub since: Option<Moment>,
    /// The courier it is offered to, whose word is not known here.
    pub offered_to: Option<CourierNo>,
    /// The facility of the last imported track point.
    pub facility: Option<String>,
    /// When it was there, by the carrier's system, UTC milliseconds.
    pub facility_ms: Option<i64>,
}

/// When it comes, or can be had until.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Eta {
    /// A second delivery is agreed.
    Appointment {
        /// Start of the window, UTC milliseconds.
        from_ms: i64,
        /// End of the window, UTC milliseconds.
        to_ms: i64,
    },
    /// It lies ready at its site.
    CollectBefore {
        /// The last moment to collect it, UTC milliseconds.
        ms: i64,
    },
    /// It is promised.
    Promise {
        /// By then, UTC milliseconds.
        ms: i64,
    },
}

/// What can be answered about a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ParcelExplanation {
    /// The parcel.
    pub waybill: Waybill,
    /// Why it is marked; empty if all is well.
    pub causes: Vec<Trouble>,
    /// Where it is.
    pub position: Position,
    /// When it comes; none if nothing was promised, or its way has ended.
    pub eta: Option<Eta>,
    /// Whom to call: the station's telephone; none before the first sync.
    pub station_phone: Option<String>,
}

impl Courier {
    /// Explains a parcel from what this phone knows (M79); `None` if it knows nothing of it.
    pub fn explain_parcel(&self, waybill: &Waybill) -> Result<Option<ParcelExplanation>> {
        let Some(parcel) = self.parcel(waybill)? else { return Ok(None) };
        let mut causes = causes(&parcel, &self.policies);
        for id in open_cases(&self.store()?.db, waybill)? {
            let case = self.exception(id)?;
            causes.push(Trouble::Reported { id, kind: case.and_then(|case| case.kind) });
        }
        let history = self.history(&Lane::Parcel(waybill.clone()))?;
        let since = parcel.held_since.and_then(|mark| {
            history.iter().find(|entry| entry.event == mark.event).map(|entry| entry.at)
        });
        let phone = &self.directory().station_phone;
        Ok(Some(ParcelExplanation {
            waybill: waybill.clone(),
            causes,
            eta: eta(&parcel),
            station_phone: Some(phone.clone()).filter(|phone| !phone.is_empty()),
            position: Position {
                stage: parcel.stage,
                holder: parcel.holder,
                since,
                offered_to: parcel.offer.map(|offer| offer.to),
                facility: parcel.track.as_ref().map(|point| point.facility.clone()),
                facility_ms: parcel.track.map(|point| point.at_ms),
            },
        }))
    }
}

/// What the parcel's own lane says.
fn causes(parcel: &Parcel, policies: &Policies) -> Vec<Trouble> {
    let mut causes = Vec::new();
    if let Some(frozen) = &parcel.frozen {
        causes.push(Trouble::Frozen { reason: frozen.reason });
    }
    if let Some(recall) = &parcel.recalled {
        causes.push(Trouble::Recalled { safety: recall.safety });
    }
    let open = parcel.margin.open_conflicts();
    causes.extend(open.map(|conflict| Trouble::Disputed { event: conflict.event }));
    let far = far_from_address(parcel, |at| &policies.at(at.ms).policy);
    causes.extend(far.map(|metres| Trouble::HandedOverFarAway { metres }));
    if parcel.stage.is_terminal() {
        return causes;
    }
    if let Some(refusal) = &parcel.delivery.refusal {
        causes.push(Trouble::Refused { class: refusal.class });
    }
    if matches!(parcel.stage, Stage::ReturnAuthorised | Stage::Returning) {
        causes.push(Trouble::Returning);
    }
    if let Some(stay) = parcel.storage.current_stay() {
        causes.push(Trouble::Stored { site: stay.site.clone() });
    }
    if let Some(last) = &parcel.delivery.last_attempt {
        let (cause, attempts) = (last.cause, parcel.delivery.attempts);
        causes.push(Trouble::AttemptFailed { cause, attempts });
    }
    if parcel.holder == Holder::Carrier
        && let Some(point) = parcel.track.as_ref().filter(|point| point.held)
    {
        causes.push(Trouble::HeldOnTheWay { facility: point.facility.clone() });
    }
    if parcel.damaged {
        causes.push(Trouble::Damaged);
    }
    causes
}

/// Tells how far from its address a parcel was handed over, if that is further than the policy of
/// the act allows without a flag.
pub(crate) fn far_from_address<'a>(
    parcel: &Parcel,
    policy: impl FnOnce(&Moment) -> &'a Policy,
) -> Option<u32> {
    let delivered = parcel.delivered()?;
    delivered.address_gap_m.filter(|metres| *metres > policy(&delivered.at).geofence_m)
}

/// What was agreed with the recipient goes before what was promised to the sender.
fn eta(parcel: &Parcel) -> Option<Eta> {
    if parcel.stage.is_terminal()
        || matches!(parcel.stage, Stage::ReturnAuthorised | Stage::Returning)
    {
        return None;
    }
    if let Some(stay) = parcel.storage.current_stay() {
        return Some(Eta::CollectBefore { ms: stay.collect_before_ms });
    }
    if let Some(agreed) = &parcel.delivery.appointment {
        return Some(Eta::Appointment { from_ms: agreed.from_ms, to_ms: agreed.to_ms });
    }
    parcel.promise_ms.map(|ms| Eta::Promise { ms })
}

/// The open exception cases about a parcel, the oldest first.
fn open_cases(db: &Connection, waybill: &Waybill) -> Result<Vec<CaseId>> {
    let mut rows = db.prepare_cached(
        "SELECT l.name FROM exception_case c JOIN lane l ON l.n = c.lane
         WHERE c.open = 1 AND c.waybill = ?1 ORDER BY l.name",
    )?;
    let rows = rows.query_map([waybill.as_str()], |row| row.get::<_, String>(0))?;
    rows.map(|name| match Lane::parse(&name?) {
        Lane::Exception(case) => Ok(case),
        _ => Err(Error::Corrupt),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{
        DeliveryAttemptFailed, DeliveryRefused, ParcelDelivered, RedeliveryScheduled,
    };
    use crate::parcel::{ParcelFrozen, ParcelRecalled};
    use crate::policy::Policies;
    use crate::testing::{Tale, handed_over, site, station, stored};

    fn causes(parcel: &Parcel) -> Vec<Trouble> {
        super::causes(parcel, &Policies::new([], &station()))
    }

    #[test]
    fn a_parcel_on_its_way_needs_no_explanation() {
        let parcel = Tale::out_for_delivery().parcel();
        assert_eq!((causes(&parcel), eta(&parcel)), (Vec::new(), None));
    }

    #[test]
    fn what_stops_it_comes_before_what_went_wrong() {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
        tale.station().tells(ParcelRecalled { safety: false });
        tale.tells(ParcelFrozen { reason: FreezeReason::Authority });
        assert_eq!(
            causes(&tale.parcel()),
            [
                Trouble::Frozen { reason: FreezeReason::Authority },
                Trouble::Recalled { safety: false },
                Trouble::AttemptFailed { cause: AttemptFailure::Absent, attempts: 1 },
            ]
        );
    }

    #[test]
    fn a_stored_parcel_is_to_be_collected_at_its_site() {
        let parcel = Tale::in_storage().parcel();
        assert_eq!(causes(&parcel), [Trouble::Stored { site: site("YZ-1") }]);
        assert_eq!(eta(&parcel), Some(Eta::CollectBefore { ms: stored().collect_before_ms }));
    }

    #[test]
    fn what_was_agreed_goes_before_what_was_promised() {
        let mut tale = Tale::out_for_delivery();
        let channel = crate::delivery::Channel::Phone;
        tale.by("A").tells(RedeliveryScheduled { from_ms: 10, to_ms: 20, channel });
        assert_eq!(eta(&tale.parcel()), Some(Eta::Appointment { from_ms: 10, to_ms: 20 }));
    }

    #[test]
    fn a_hand_over_far_from_the_address_is_flagged() {
        let far = |metres| {
            let mut tale = Tale::out_for_delivery();
            tale.by("A").tells(ParcelDelivered { address_gap_m: Some(metres), ..handed_over() });
            causes(&tale.parcel())
        };
        assert_eq!(far(200), []);
        assert_eq!(far(201), [Trouble::HandedOverFarAway { metres: 201 }]);
    }

    #[test]
    fn an_ended_way_has_no_eta_and_no_old_trouble() {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
        tale.tells(handed_over());
        assert_eq!((causes(&tale.parcel()), eta(&tale.parcel())), (Vec::new(), None));
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(DeliveryRefused { class: RefusalClass::Goods, reason: None });
        assert_eq!(causes(&tale.parcel()), [Trouble::Refused { class: RefusalClass::Goods }]);
    }
}
