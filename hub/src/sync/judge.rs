//! Judges one event of a phone: may it take its place in its lane, or why not.
//!
//! Pure. Whether the fact still fits the lane's state is not asked here: what happened, happened,
//! and the fold shows the conflict.

use lastmile_core::event::{Event, Fact, Lane};
use lastmile_core::id::StationId;
use lastmile_core::sync::wire::ParkReason;

use crate::store::Device;

/// The kinds of lanes this version knows by name; another is a newer version's, and open to all.
const KNOWN_LANES: [&str; 7] =
    ["parcel:", "pickup:", "exception:", "complaint:", "shift:", "station:", "device:"];

/// What is known of the event's lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneFacts<'a> {
    /// It has an event.
    pub known: bool,
    /// The station it belongs to.
    pub station: Option<&'a StationId>,
}

/// Judges `event`, pushed by `device`, at the hub with this root key. Says nothing about what its signature, its media or its
/// neighbours mean for it.
pub(crate) fn judge(
    event: &Event,
    device: &Device,
    lane: LaneFacts,
    root_key: &str,
) -> Result<(), ParkReason> {
    if device.quarantined {
        return Err(ParkReason::Quarantined);
    }
    let by_its_courier = event.envelope.actor.courier() == device.courier.as_ref();
    if event.envelope.device != device.id || device.courier.is_none() || !by_its_courier {
        return Err(ParkReason::NotYourLane);
    }
    if !event.is_understood() {
        return Err(ParkReason::UnknownKind);
    }
    if !lane.known && !opens(event) {
        return Err(ParkReason::UnknownLane);
    }
    let elsewhere = lane.station.is_some_and(|station| *station != device.station);
    if elsewhere || !own(&event.envelope.lane, device) || is_the_stations(event) {
        return Err(ParkReason::NotYourLane);
    }
    match (&event.fact, &event.envelope.lane, &device.courier) {
        (Fact::CustodyTransferred(fact), Lane::Parcel(waybill), Some(courier)) => {
            if !fact.is_proven(waybill, courier, root_key) {
                return Err(ParkReason::BadSignature);
            }
            // Made for another, it is taken from one who says so and why.
            let his = fact.is_for(courier) || event.envelope.against.is_some();
            if his { Ok(()) } else { Err(ParkReason::NotYourLane) }
        }
        _ => Ok(()),
    }
}

/// Tells whether the event may be the first of its lane.
fn opens(event: &Event) -> bool {
    match &event.envelope.lane {
        // A parcel appears by being announced, or by being fetched from its sender. What a courier
        // took from another is in his hands, whatever the station knows of it.
        Lane::Parcel(_) => matches!(
            event.fact,
            Fact::ParcelAnnounced(_) | Fact::ParcelCollected(_) | Fact::CustodyTransferred(_)
        ),
        Lane::Pickup(_) => matches!(event.fact, Fact::PickupAnnounced(_)),
        Lane::Exception(_) => {
            matches!(event.fact, Fact::ExceptionReported(_) | Fact::RecoveryRequested(_))
        }
        Lane::Complaint(_) => matches!(event.fact, Fact::ComplaintReceived(_)),
        Lane::Shift(..) | Lane::Station(_) | Lane::Device(_) => true,
        Lane::Other(key) => !KNOWN_LANES.iter().any(|kind| key.starts_with(kind)),
    }
}

/// Tells whether a lane that belongs to one courier, device or station is this one's.
fn own(lane: &Lane, device: &Device) -> bool {
    match lane {
        Lane::Shift(courier, _) => Some(courier) == device.courier.as_ref(),
        Lane::Device(id) => *id == device.id,
        Lane::Station(station) => *station == device.station,
        Lane::Parcel(_)
        | Lane::Pickup(_)
        | Lane::Exception(_)
        | Lane::Complaint(_)
        | Lane::Other(_) => true,
    }
}

/// Tells whether the act is the station's: orders, decisions, imports. A courier's phone cannot
/// say them, whoever holds it.
fn is_the_stations(event: &Event) -> bool {
    match &event.fact {
        Fact::ParcelAnnounced(_)
        | Fact::ParcelArrivedAtHub(_)
        | Fact::ParcelDispatched(_)
        | Fact::ParcelHeld(_)
        | Fact::ParcelAssigned(_)
        | Fact::ParcelReassigned(_)
        | Fact::ParcelReleased(_)
        | Fact::ParcelRecalled(_)
        | Fact::ConflictRuled(_)
        | Fact::ReturnAuthorised(_)
        | Fact::ParcelReturned(_)
        | Fact::ExceptionAcknowledged(_)
        | Fact::ExceptionDecided(_)
        | Fact::ExceptionResolved(_)
        | Fact::ExceptionVoided(_)
        | Fact::RecoveryRequested(_)
        | Fact::ParticipantAdded(_)
        | Fact::ExceptionClosed(_)
        | Fact::ExceptionReopened(_)
        | Fact::PickupAnnounced(_)
        | Fact::PickupAssigned(_)
        | Fact::AddressCorrected(_)
        | Fact::StorageExpired(_)
        | Fact::StorageSlotClashed(_)
        | Fact::ComplaintClosed(_)
        | Fact::ErasureHeld(_)
        | Fact::PersonErased(_) => true,
        // A courier owns a complaint himself or not at all: nobody gives his work to another.
        Fact::OwnerTaken(taken) => taken.owner != event.envelope.actor,
        _ => false,
    }
}
