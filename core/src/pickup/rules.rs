//! What may be done with a pick-up order, and when a parcel may be taken from its sender.
//!
//! What can never be recorded is asked first, so that an act recorded against a rule still has
//! sums that add up and a lane of its own.

use super::{
    FeeLine, GoodsCheck, GoodsState, Packing, PickupAssigned, PickupDelayTold, PickupInspected,
    PickupOrder, PickupScheduled, fees_add_up, waybill_errors,
};
use crate::decide::Circumstances;
use crate::directory::GoodsClass;
use crate::id::CourierNo;
use crate::money::Fen;
use crate::parcel::rules::{courier, station_only};
use crate::parcel::{Parcel, Stage};
use crate::privacy::Person;
use crate::refusal::{Refusal, Verdict, refuse_if};

/// A window ends in the future and after its start.
pub(crate) fn window_possible(from_ms: i64, to_ms: i64, at: &Circumstances) -> Verdict {
    refuse_if(to_ms <= from_ms || to_ms <= at.now.ms, Refusal::AppointmentNotPossible)
}

/// Announcing an order: the station, once, with a way to find the sender (M11, M12).
pub(crate) fn may_announce(
    known: bool,
    sender: &Person,
    quantity: u32,
    window: (i64, i64),
    at: &Circumstances,
) -> Verdict {
    station_only(at)?;
    refuse_if(known, Refusal::AlreadyAnnounced)?;
    refuse_if(!waybill_errors(sender, sender).is_empty(), Refusal::SenderIncomplete)?;
    refuse_if(quantity == 0, Refusal::NothingGiven)?;
    window_possible(window.0, window.1, at)
}

fn still_open(order: &PickupOrder) -> Verdict {
    refuse_if(order.stage.is_closed(), Refusal::OrderClosed)
}

fn yours(order: &PickupOrder, courier: &CourierNo) -> Verdict {
    refuse_if(order.courier.as_ref() != Some(courier), Refusal::NotYourOrder)
}

/// The courier who has the order, or the station.
fn concerns(order: &PickupOrder, at: &Circumstances) -> Verdict {
    still_open(order)?;
    at.actor.courier().map_or(Ok(()), |courier| yours(order, courier))
}

/// Giving it to a courier, or to another one.
pub(crate) fn may_assign(
    order: &PickupOrder,
    fact: &PickupAssigned,
    at: &Circumstances,
) -> Verdict {
    station_only(at)?;
    still_open(order)?;
    refuse_if(order.courier.as_ref() == Some(&fact.courier), Refusal::AlreadyAssigned)
}

/// Agreeing on a window with the sender.
pub(crate) fn may_schedule(
    order: &PickupOrder,
    fact: &PickupScheduled,
    at: &Circumstances,
) -> Verdict {
    concerns(order, at)?;
    window_possible(fact.from_ms, fact.to_ms, at)
}

/// Telling the sender that the courier comes later: with the time he will be there.
pub(crate) fn may_tell_delay(
    order: &PickupOrder,
    fact: &PickupDelayTold,
    at: &Circumstances,
) -> Verdict {
    concerns(order, at)?;
    refuse_if(fact.eta_ms <= at.now.ms, Refusal::EtaPast)
}

/// Looking at it: what is not clean is noted on the spot (M05), what is not fit is photographed
/// (M07), and what is listed is named by the catalogue's code (M06).
pub(crate) fn may_inspect(
    order: &PickupOrder,
    fact: &PickupInspected,
    at: &Circumstances,
) -> Verdict {
    still_open(order)?;
    let courier = courier(at)?;
    let answers = &fact.answers;
    let named = matches!(answers.goods, Some(GoodsCheck::Listed { .. }));
    refuse_if(named && fact.listed.is_none(), Refusal::GoodsCodeUnknown)?;
    let anomalous =
        answers.state == Some(GoodsState::Anomalous) || answers.name_matches == Some(false);
    refuse_if(anomalous && fact.anomaly.is_none(), Refusal::AnomalyNoteMissing)?;
    yours(order, courier)?;
    let unfit = answers.packing.is_some_and(|packing| packing != Packing::Fit);
    refuse_if(unfit && fact.photo.is_none(), Refusal::PackingPhotoMissing)
}

/// Not taking it: the courier who has the order, or the station that looked it over.
pub(crate) fn may_refuse(order: &PickupOrder, at: &Circumstances) -> Verdict {
    concerns(order, at)
}

/// What the courier has in his hands when he collects.
pub(crate) struct Collecting<'a> {
    pub(crate) sender: &'a Person,
    pub(crate) recipient: &'a Person,
    pub(crate) fees: &'a [FeeLine],
    pub(crate) total: Fen,
    pub(crate) parcel: Option<&'a Parcel>,
}

/// Taking it: the sums, the number, the order, the check, the goods, the waybill.
pub(crate) fn may_collect(order: &PickupOrder, act: &Collecting, at: &Circumstances) -> Verdict {
    let courier = courier(at)?;
    still_open(order)?;
    refuse_if(!fees_add_up(act.fees, act.total), Refusal::FeesDoNotAddUp)?;
    let under_way = act
        .parcel
        .is_some_and(|parcel| parcel.stage != Stage::Announced || parcel.held_since.is_some());
    refuse_if(under_way, Refusal::WaybillInUse)?;
    yours(order, courier)?;
    refuse_if(!order.unanswered().is_empty(), Refusal::PickupItemsOpen)?;
    refuse_if(order.answers.face_to_face == Some(false), Refusal::NotFaceToFace)?;
    refuse_if(order.listed == Some(GoodsClass::Prohibited), Refusal::GoodsProhibited)?;
    let unruled = order.listed == Some(GoodsClass::Restricted) && !order.rule_followed();
    refuse_if(unruled, Refusal::GoodsRestricted)?;
    refuse_if(order.answers.packing == Some(Packing::Refused), Refusal::PackingUnfit)?;
    let incomplete = !waybill_errors(act.sender, act.recipient).is_empty();
    refuse_if(incomplete, Refusal::WaybillIncomplete)
}
