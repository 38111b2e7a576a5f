//! The end of the shift (收班对账): every parcel that was with the courier is accounted for (C3).
//!
//! The courier scans what is still in his van; the record says where the rest went. A parcel that
//! should be there and was not scanned, one that is there against the record, and one that is on
//! offer without the receiver's word are named before they are forgotten. He looks for them,
//! syncs, or hands them in; or he closes against the rule with a reason, and a person follows it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::courier::Courier;
use crate::error::Result;
use crate::event::{Event, Fact, Lane};
use crate::id::CourierNo;
use crate::parcel::{Holder, Parcel};
use crate::time::Moment;
use crate::waybill::Waybill;

/// What became of a parcel that was with the courier in this shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ShiftOutcome {
    /// The recipient has it (签收).
    Delivered,
    /// It lies at a storage site (暂存).
    Stored,
    /// Another courier has it (转交).
    HandedOver,
    /// It lies at the station (交回网点).
    HandedIn,
    /// The sender has it again.
    Returned,
    /// It is with him, counted, and a second delivery is agreed.
    Appointment,
    /// It is with him and counted.
    Kept,
    /// Two facts exclude each other; a person has yet to rule.
    Disputed,
    /// It is on offer to another courier whose word is not known. Unaccounted for.
    Offered,
    /// It is with him by the record and was not counted. Unaccounted for.
    Missing,
    /// It was counted and is not with him by the record. Unaccounted for.
    Unexpected,
}

impl ShiftOutcome {
    /// Tells whether somebody knows where the parcel is.
    pub fn is_accounted_for(self) -> bool {
        !matches!(self, Self::Offered | Self::Missing | Self::Unexpected)
    }
}

/// How many parcels came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ShiftCounts {
    /// The recipients have them.
    pub delivered: u32,
    /// At storage sites.
    pub stored: u32,
    /// With other couriers.
    pub handed_over: u32,
    /// At the station.
    pub handed_in: u32,
    /// Back with their senders.
    pub returned: u32,
    /// With him, a second delivery agreed.
    pub appointment: u32,
    /// With him.
    pub kept: u32,
    /// Disputed.
    pub disputed: u32,
    /// Not accounted for.
    pub unaccounted: u32,
}

/// The courier closed his working day with this count. A later one of the same day replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftClosed {
    /// What came to what.
    pub counts: ShiftCounts,
    /// The parcels that are not accounted for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaccounted: Vec<Waybill>,
}

/// One parcel of a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ShiftParcel {
    /// The parcel.
    pub waybill: Waybill,
    /// What became of it.
    pub outcome: ShiftOutcome,
    /// The other courier, if it was handed over or is offered.
    pub to: Option<CourierNo>,
}

/// A shift's parcels, each with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct ShiftReconciliation {
    /// The working day, `YYYY-MM-DD` in the courier's local time.
    pub day: String,
    /// Every parcel, by waybill number.
    pub parcels: Vec<ShiftParcel>,
    /// What came to what.
    pub counts: ShiftCounts,
    /// Those that are not accounted for: look for them before the shift is closed.
    pub unaccounted: Vec<ShiftParcel>,
}

/// Says of every parcel what became of it, from the parcels as `known` tells them.
pub(crate) fn account<'a>(
    courier: &CourierNo,
    had: &[Waybill],
    counted: &[Waybill],
    known: &dyn Fn(&Waybill) -> Option<&'a Parcel>,
) -> Vec<ShiftParcel> {
    let counted: BTreeSet<_> = counted.iter().collect();
    let all: BTreeSet<_> = had.iter().chain(counted.iter().copied()).collect();
    let all = all.into_iter();
    all.map(|waybill| {
        let (outcome, to) = outcome(courier, known(waybill), counted.contains(waybill));
        ShiftParcel { waybill: waybill.clone(), outcome, to }
    })
    .collect()
}

fn outcome(
    courier: &CourierNo,
    parcel: Option<&Parcel>,
    counted: bool,
) -> (ShiftOutcome, Option<CourierNo>) {
    let Some(parcel) = parcel else { return (ShiftOutcome::Unexpected, None) };
    if parcel.margin.open_conflicts().next().is_some() {
        return (ShiftOutcome::Disputed, None);
    }
    let outcome = match (&parcel.holder, &parcel.offer) {
        (Holder::Courier(holder), offer) if holder == courier => match (counted, offer) {
            (true, _) if parcel.delivery.appointment.is_some() => ShiftOutcome::Appointment,
            (true, _) => ShiftOutcome::Kept,
            (false, Some(offer)) => return (ShiftOutcome::Offered, Some(offer.to.clone())),
            (false, None) => ShiftOutcome::Missing,
        },
        _ if counted => ShiftOutcome::Unexpected,
        (Holder::Courier(other), _) => return (ShiftOutcome::HandedOver, Some(other.clone())),
        (Holder::Carrier | Holder::Station, _) => ShiftOutcome::HandedIn,
        (Holder::Site(_), _) => ShiftOutcome::Stored,
        (Holder::Recipient, _) => ShiftOutcome::Delivered,
        (Holder::Sender, _) => ShiftOutcome::Returned,
    };
    (outcome, None)
}

impl From<&Vec<ShiftParcel>> for ShiftClosed {
    fn from(parcels: &Vec<ShiftParcel>) -> Self {
        let mut counts = ShiftCounts::default();
        for parcel in parcels {
            *match parcel.outcome {
                ShiftOutcome::Delivered => &mut counts.delivered,
                ShiftOutcome::Stored => &mut counts.stored,
                ShiftOutcome::HandedOver => &mut counts.handed_over,
                ShiftOutcome::HandedIn => &mut counts.handed_in,
                ShiftOutcome::Returned => &mut counts.returned,
                ShiftOutcome::Appointment => &mut counts.appointment,
                ShiftOutcome::Kept => &mut counts.kept,
                ShiftOutcome::Disputed => &mut counts.disputed,
                ShiftOutcome::Offered | ShiftOutcome::Missing | ShiftOutcome::Unexpected => {
                    &mut counts.unaccounted
                }
            } += 1;
        }
        let open = parcels.iter().filter(|parcel| !parcel.outcome.is_accounted_for());
        Self { counts, unaccounted: open.map(|parcel| parcel.waybill.clone()).collect() }
    }
}

impl Courier {
    /// Says what became of every parcel that was with this courier in this shift. `counted` are
    /// those that are still with him, as scanned; empty before he has scanned them.
    ///
    /// Nothing is recorded. When nothing is unaccounted for, [`close_shift`](Self::close_shift).
    pub fn shift_reconciliation(&self, counted: &[Waybill]) -> Result<ShiftReconciliation> {
        let had = self.had_today()?;
        let mut states = BTreeMap::new();
        for waybill in had.iter().chain(counted) {
            if let Some(parcel) = self.parcel(waybill)? {
                states.insert(waybill.clone(), parcel);
            }
        }
        let me = &self.identity.courier;
        let parcels = account(me, &had, counted, &|waybill| states.get(waybill));
        let counts = ShiftClosed::from(&parcels).counts;
        let open = |parcel: &&ShiftParcel| !parcel.outcome.is_accounted_for();
        let unaccounted = parcels.iter().filter(open).cloned().collect();
        Ok(ShiftReconciliation { day: self.now().local_day(), parcels, counts, unaccounted })
    }

    /// Makes the command that closes the shift, with every parcel that was with this courier.
    /// Give it to [`record`](Self::record), or with a reason to [`record_done`](Self::record_done)
    /// when a parcel stays unaccounted for.
    pub fn close_shift(&self, counted: &[Waybill]) -> Result<Command> {
        Ok(Command::CloseShift { had: self.had_today()?, counted: counted.to_vec() })
    }

    /// The parcels that are with him by the record, and those that he moved today.
    fn had_today(&self) -> Result<Vec<Waybill>> {
        let db = &self.store()?.db;
        let mut had = moved_on(db, self.now())?;
        for stop in self.stops()? {
            let parcel = self.parcel(&stop.waybill)?;
            if parcel.is_some_and(|parcel| parcel.held_by(&self.identity.courier)) {
                had.insert(stop.waybill);
            }
        }
        Ok(had.into_iter().collect())
    }
}

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// The parcels that this phone's own acts of a working day show to have been with the courier.
///
/// Read from the end of the log: own events stand there in the order of their days.
fn moved_on(db: &Connection, now: Moment) -> Result<BTreeSet<Waybill>> {
    let day = now.local_day();
    let mut rows =
        db.prepare_cached("SELECT bytes FROM event WHERE inc IS NOT NULL ORDER BY n DESC")?;
    let mut rows = rows.query([])?;
    let mut moved = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let Ok(event) = Event::parse(row.get_ref(0)?.as_blob().unwrap_or_default()) else {
            continue;
        };
        let at = event.envelope.at;
        if at.local_day() == day {
            if let (Lane::Parcel(waybill), true) = (event.envelope.lane, had_it(&event.fact)) {
                moved.insert(waybill);
            }
        } else if at.unsure_ms.is_some() && now.ms - at.ms > 2 * DAY_MS {
            // A time that had met the hub's clock: nothing before it is of this shift.
            break;
        }
    }
    Ok(moved)
}

/// Tells whether a courier's own fact shows that he had the parcel.
fn had_it(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ParcelOutForDelivery(_)
            | Fact::CustodyOffered(_)
            | Fact::CustodyTransferred(_)
            | Fact::AddressArrived(_)
            | Fact::ParcelDelivered(_)
            | Fact::DeliveryAttemptFailed(_)
            | Fact::DeliveryRefused(_)
            | Fact::ReturnStarted(_)
            | Fact::ParcelStored(_)
            | Fact::StoredParcelRetrieved(_)
    )
}
