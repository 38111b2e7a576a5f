//! What an accepted event sets going in other lanes. On the hub only.
//!
//! Every id is made from the event's own id and the rule's name (UUID version 5), so that a
//! replay, or a hub restored from a backup, adds nothing twice.
//!
//! Where the rows of DOMAIN.md C6 are placed: rows 1, 2, 6 to 10, 14 and 21 in the parcel's
//! `apply`, row 5 in the complaint's, row 13 in the exception case's; rows 3 and 4 are flagged in
//! `apply` and set a recovery going here, row 9 and two scans of row 6 a case of misdelivery. Rows 15 and 16 hold by
//! construction: no clock takes part in an order, and each event names its policy version. Row 11
//! is in the stay's `check_code`; row 12 needs two lanes at once and is the hub's. Row 20 is in
//! the rules of `privacy`. Rows 17 to 19 wait for compensation.

use uuid::Uuid;

use crate::conflict::{Conflict, ConflictRow, Ruling};
use crate::event::{Event, Fact, Lane};
use crate::exception_report::{
    ExceptionKind, ExceptionReported, ParticipantAdded, RecoveryRequested,
};
use crate::fold::LaneState;
use crate::id::{CaseId, CourierNo, EventId};
use crate::parcel::Parcel;
use crate::waybill::Waybill;

/// A fact the hub adds by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Made from the id of the event that caused it: the same cause adds nothing twice.
    pub id: EventId,
    /// Its lane.
    pub lane: Lane,
    /// What it says.
    pub fact: Fact,
}

/// Returns what `event` sets going: the lane's state before it, and after.
pub fn react(before: &LaneState, after: &LaneState, event: &Event) -> Vec<Reaction> {
    match (before, after, &event.envelope.lane) {
        (LaneState::Parcel(before), LaneState::Parcel(after), Lane::Parcel(_)) => {
            let mut reactions = recovery(before, after, event);
            reactions.extend(misdelivery(before, after, event));
            reactions.extend(label_check(before, after, event));
            reactions
        }
        _ => Vec::new(),
    }
}

/// Rows 3 and 4: the recipient has a parcel that is wanted back. Whichever came first, the order
/// or the delivery, a case asks to bring it back; for safety or prohibited goods it is urgent. The
/// fact is told in the parcel's own lane too, where the courier who delivered it sees it.
fn recovery(before: &Parcel, after: &Parcel, event: &Event) -> Vec<Reaction> {
    let Some((delivered, urgent)) = to_be_recovered(after) else { return Vec::new() };
    if to_be_recovered(before) == Some((delivered, urgent)) {
        return Vec::new();
    }
    let Lane::Parcel(waybill) = event.envelope.lane.clone() else { return Vec::new() };
    let by = event.envelope.id;
    // What has become urgent is added to the case that is there.
    let case = match &after.recovery {
        Some(recovery) => recovery.case,
        None => CaseId(id_from(by, "recovery.case")),
    };
    let lane = Lane::Parcel(waybill.clone());
    let fact = Fact::from(RecoveryRequested { waybill, delivered, urgent, case });
    vec![
        Reaction {
            id: EventId(id_from(by, "recovery")),
            lane: Lane::Exception(case),
            fact: fact.clone(),
        },
        Reaction { id: EventId(id_from(by, "recovery.parcel")), lane, fact },
    ]
}

/// Returns the delivery of a parcel that is wanted back, and whether that is urgent.
fn to_be_recovered(parcel: &Parcel) -> Option<(EventId, bool)> {
    let delivered = parcel.delivered()?;
    let urgent = parcel.frozen.is_some();
    (urgent || parcel.recalled.is_some()).then_some((delivered.mark.event, urgent))
}

/// Row 9: a parcel was brought to an address that had been corrected meanwhile. A case asks to
/// fetch it back, and the courier who brought it takes part.
fn misdelivery(before: &Parcel, after: &Parcel, event: &Event) -> Vec<Reaction> {
    let to_old_address = |parcel: &Parcel| {
        let conflicts = parcel.margin.conflicts.iter();
        conflicts.filter(|conflict| conflict.row == ConflictRow::AddressCorrected).count()
    };
    let Some(delivered) = after.delivered() else { return Vec::new() };
    let Lane::Parcel(waybill) = event.envelope.lane.clone() else { return Vec::new() };
    if to_old_address(after) <= to_old_address(before) {
        return Vec::new();
    }
    let couriers = delivered.actor.courier().cloned();
    open_case(event, "misdelivery", waybill, delivered.mark.event, couriers)
}

/// Row 6: a parcel was collected at its site and taken out of it, and both scanned a label. One of
/// the two has another parcel: a case asks to compare the labels, and who scanned takes part.
fn label_check(before: &Parcel, after: &Parcel, event: &Event) -> Vec<Reaction> {
    let both_scanned = |conflict: &&Conflict| {
        conflict.row == ConflictRow::PickedUpAndRetrieved && conflict.ruling == Ruling::Open
    };
    let known = before.margin.conflicts.iter().filter(both_scanned).count();
    let Lane::Parcel(waybill) = event.envelope.lane.clone() else { return Vec::new() };
    let Some(conflict) = after.margin.conflicts.iter().filter(both_scanned).nth(known) else {
        return Vec::new();
    };
    let scans = [Some(conflict.event), conflict.other].into_iter().flatten();
    let mut couriers: Vec<_> =
        scans.filter_map(|scan| after.margin.recorded_by(scan).cloned()).collect();
    couriers.dedup();
    open_case(event, "labels", waybill, conflict.event, couriers)
}

/// Opens a case of misdelivery about an event, with the couriers who take part.
fn open_case(
    event: &Event,
    rule: &str,
    waybill: Waybill,
    about: EventId,
    couriers: impl IntoIterator<Item = CourierNo>,
) -> Vec<Reaction> {
    let by = event.envelope.id;
    let id = |part: &str| id_from(by, &format!("{rule}{part}"));
    let lane = Lane::Exception(CaseId(id(".case")));
    let reported = ExceptionReported {
        kind: ExceptionKind::Misdelivery,
        waybill: Some(waybill),
        about: Some(about),
        evidence: Vec::new(),
        shows: Vec::new(),
        note: None,
    };
    let first = Reaction { id: EventId(id("")), lane: lane.clone(), fact: reported.into() };
    let others = couriers.into_iter().enumerate().map(|(n, courier)| {
        let part = if n == 0 { ".courier".to_owned() } else { format!(".courier.{n}") };
        let fact = ParticipantAdded { courier }.into();
        Reaction { id: EventId(id(&part)), lane: lane.clone(), fact }
    });
    std::iter::once(first).chain(others).collect()
}

/// Makes an id for what `event` sets going by `rule`: the same at each replay.
pub fn id_from(event: EventId, rule: &str) -> Uuid {
    Uuid::new_v5(&event.0, rule.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::{AddressCorrected, FreezeReason, ParcelFrozen, ParcelRecalled};
    use crate::temporary_storage::{StoredParcelPickedUp, StoredParcelRetrieved};
    use crate::testing::{Tale, courier, handed_over, vault, waybill};

    /// What the last event of a tale sets going.
    fn reactions(tale: &Tale) -> Vec<Reaction> {
        let (last, earlier) = tale.events.split_last().unwrap();
        let mut before = LaneState::empty(&tale.lane);
        for (event, seq) in earlier.iter().zip(1..) {
            before.apply(event, Some(seq));
        }
        react(&before, &tale.state(), last)
    }

    #[test]
    fn a_recalled_parcel_that_was_delivered_is_to_be_brought_back() {
        let mut tale = Tale::out_for_delivery();
        tale.station().tells(ParcelRecalled { safety: false });
        assert_eq!(reactions(&tale), []);
        let delivered = tale.by("A").having_seen(4).tells(handed_over());

        let reactions = reactions(&tale);
        assert_eq!(reactions.len(), 2, "a case, and a word in the parcel's lane");
        let Fact::RecoveryRequested(fact) = &reactions[0].fact else { panic!() };
        assert_eq!((fact.delivered, fact.urgent), (delivered, false));
        assert_eq!(reactions[0].lane, Lane::Exception(fact.case));
        assert_eq!(reactions[1].lane, Lane::Parcel(waybill()));
    }

    #[test]
    fn the_same_event_sets_the_same_ids_going() {
        let mut tale = Tale::out_for_delivery();
        tale.station().tells(ParcelRecalled { safety: false });
        tale.by("A").having_seen(4).tells(handed_over());
        assert_eq!(reactions(&tale), reactions(&tale));
    }

    #[test]
    fn prohibited_goods_make_it_urgent_whichever_came_first() {
        let frozen = || ParcelFrozen { reason: FreezeReason::ProhibitedGoods };
        let mut tale = Tale::out_for_delivery();
        tale.station().tells(frozen());
        tale.by("A").having_seen(4).tells(handed_over());
        assert!(matches!(&reactions(&tale)[0].fact, Fact::RecoveryRequested(fact) if fact.urgent));

        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(handed_over());
        assert_eq!(reactions(&tale), []);
        tale.station().tells(frozen());
        assert!(matches!(&reactions(&tale)[0].fact, Fact::RecoveryRequested(fact) if fact.urgent));
    }

    #[test]
    fn a_parcel_brought_to_an_address_corrected_meanwhile_opens_a_misdelivery() {
        let correct = || AddressCorrected { recipient: vault(7) };
        let mut tale = Tale::out_for_delivery();
        tale.station().tells(correct());
        assert_eq!(reactions(&tale), []);
        let delivered = tale.by("A").having_seen(4).tells(handed_over());
        let [reported, taking_part] = &*reactions(&tale) else { panic!("a case and its courier") };
        let Fact::ExceptionReported(fact) = &reported.fact else { panic!() };
        assert_eq!((fact.kind, fact.about), (ExceptionKind::Misdelivery, Some(delivered)));
        assert_eq!(taking_part.lane, reported.lane);
        assert_eq!(taking_part.fact, ParticipantAdded { courier: courier("A") }.into());

        let mut knew = Tale::out_for_delivery();
        knew.station().tells(correct());
        knew.by("A").tells(handed_over());
        assert_eq!(reactions(&knew), [], "he had the new address");
    }

    #[test]
    fn of_two_scans_a_case_asks_to_compare_the_labels() {
        let taken = |scanned| {
            let mut tale = Tale::in_storage();
            tale.station().tells(StoredParcelPickedUp { scanned: true, code_hash: None });
            tale.by("A").having_seen(6).tells(StoredParcelRetrieved { scanned });
            reactions(&tale)
        };
        let [reported, taking_part] = &*taken(true) else { panic!("a case and its courier") };
        let Fact::ExceptionReported(fact) = &reported.fact else { panic!() };
        assert_eq!(fact.kind, ExceptionKind::Misdelivery);
        assert_eq!(taking_part.fact, ParticipantAdded { courier: courier("A") }.into());
        assert_eq!(taken(false), [], "the scan beats the act without one");
    }

    #[test]
    fn what_becomes_urgent_is_added_to_the_case_that_is_there() {
        let mut tale = Tale::out_for_delivery();
        tale.by("A").tells(handed_over());
        tale.station().tells(ParcelRecalled { safety: false });
        let asked = reactions(&tale).remove(1);
        let Fact::RecoveryRequested(first) = asked.fact.clone() else { panic!() };
        tale.tells(asked.fact);
        assert_eq!(reactions(&tale), [], "a reaction sets nothing further going");

        tale.tells(ParcelFrozen { reason: FreezeReason::SafetyRecall });
        let reactions = reactions(&tale);
        assert_eq!(reactions[0].lane, Lane::Exception(first.case));
    }
}
