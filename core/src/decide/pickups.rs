//! Commands of a pick-up order.

use super::desk::Desk;
use super::{Decision, Draft};
use crate::command::Command;
use crate::directory::GoodsClass;
use crate::event::Lane;
use crate::fold::LaneState;
use crate::parcel::{FreezeReason, ParcelFrozen, rules as parcel};
use crate::pickup::rules::{self, Collecting};
use crate::pickup::{
    CollectionRefused, GoodsCheck, InsuredNeed, ParcelCollected, PickupAnnounced, PickupAssigned,
    PickupCompleted, PickupDelayTold, PickupInspected, PickupScheduled,
};
use crate::refusal::Refusal;

pub(super) fn decide(mut desk: Desk, command: &Command) -> Result<Decision, Refusal> {
    let at = desk.at;
    match command {
        Command::AnnouncePickup {
            order,
            source,
            sender,
            contents,
            quantity,
            goods,
            from_ms,
            to_ms,
        } => {
            parcel::station_only(at)?;
            let lane = Lane::Pickup(order.clone());
            let (known, window) = (desk.is_known(&lane), (*from_ms, *to_ms));
            let verdict = rules::may_announce(known, sender, *quantity, window, at);
            let fact = PickupAnnounced {
                station: at.station.clone(),
                source: *source,
                sender: desk.person(&lane, sender),
                contents: desk.text(&lane, contents.as_deref()),
                quantity: *quantity,
                goods: *goods,
                from_ms: *from_ms,
                to_ms: *to_ms,
            };
            desk.tell_in(verdict, lane, fact)
        }
        Command::AssignPickup { order, courier } => {
            let fact = PickupAssigned { courier: courier.clone() };
            let verdict = rules::may_assign(desk.pickup(order)?, &fact, at);
            desk.tell_in(verdict, Lane::Pickup(order.clone()), fact)
        }
        Command::SchedulePickup { order, from_ms, to_ms, channel } => {
            let fact = PickupScheduled { from_ms: *from_ms, to_ms: *to_ms, channel: *channel };
            let verdict = rules::may_schedule(desk.pickup(order)?, &fact, at);
            desk.tell_in(verdict, Lane::Pickup(order.clone()), fact)
        }
        Command::TellPickupDelay { order, reason, eta_ms, channel } => {
            let fact = PickupDelayTold { reason: *reason, eta_ms: *eta_ms, channel: *channel };
            let verdict = rules::may_tell_delay(desk.pickup(order)?, &fact, at);
            desk.tell_in(verdict, Lane::Pickup(order.clone()), fact)
        }
        Command::InspectPickup { order, answers, anomaly, photo } => {
            let lane = Lane::Pickup(order.clone());
            let listed = match &answers.goods {
                Some(GoodsCheck::Listed { code, .. }) => at.directory.goods(code),
                _ => None,
            };
            let fact = PickupInspected {
                answers: answers.clone(),
                listed: listed.map(|entry| entry.class),
                anomaly: desk.text(&lane, anomaly.as_deref()),
                photo: photo.clone(),
            };
            let verdict = rules::may_inspect(desk.pickup(order)?, &fact, at);
            desk.tell_in(verdict, lane, fact)
        }
        Command::RefuseCollection { order, reason, note } => {
            let lane = Lane::Pickup(order.clone());
            let verdict = rules::may_refuse(desk.pickup(order)?, at);
            let note = desk.text(&lane, note.as_deref());
            desk.tell_in(verdict, lane, CollectionRefused { reason: *reason, note })
        }
        Command::CollectParcel { .. } => collect(desk, command),
        _ => Err(Refusal::NotForThisActor),
    }
}

/// Collecting: the order ends and the parcel's lane begins, in one group. Prohibited goods that
/// were taken all the same are stopped in the same act (M06).
fn collect(mut desk: Desk, command: &Command) -> Result<Decision, Refusal> {
    let Command::CollectParcel { order, waybill, sender, recipient, fees, total, promise_ms } =
        command
    else {
        return Err(Refusal::UnknownOrder);
    };
    let pickup = desk.pickup(order)?;
    let lane = Lane::Parcel(waybill.clone());
    let parcel = desk.lanes.get(&lane).and_then(LaneState::parcel);
    let act = Collecting { sender, recipient, fees, total: *total, parcel };
    let verdict = rules::may_collect(pickup, &act, desk.at);
    let insured = match pickup.answers.insured {
        Some(InsuredNeed::Wanted(value)) => Some(value),
        _ => None,
    };
    let collected = ParcelCollected {
        order: order.clone(),
        sender: desk.person(&lane, sender),
        recipient: desk.person(&lane, recipient),
        goods: pickup.goods,
        weight_g: pickup.answers.weight_g,
        insured,
        fees: fees.clone(),
        total: *total,
        promise_ms: *promise_ms,
    };
    let completed = PickupCompleted { waybill: waybill.clone() };
    let mut group = vec![
        Draft { lane: Lane::Pickup(order.clone()), fact: completed.into() },
        Draft { lane: lane.clone(), fact: collected.into() },
    ];
    if pickup.listed == Some(GoodsClass::Prohibited) {
        let frozen = ParcelFrozen { reason: FreezeReason::ProhibitedGoods };
        group.push(Draft { lane, fact: frozen.into() });
    }
    desk.tell_all(verdict, vec![group])
}
