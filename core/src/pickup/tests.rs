//! From the sender's order to the parcel in the courier's hands.

use super::*;
use crate::command::Command;
use crate::conflict::{ConflictRow, Ruling};
use crate::directory::GoodsClass;
use crate::event::{Fact, Lane};
use crate::parcel::{Condition, Holder, Parcel, ParcelReceivedAtStation, Stage};
use crate::privacy::Person;
use crate::refusal::Refusal;
use crate::testing::{
    MORNING_MS, Scene, Tale, clerk_acts, courier, handed_over, moment, order, parcel_lane, person,
    photo, pickup_lane, station, vault, waybill,
};
use crate::visibility::{Relation, loses_sight, viewers};

const HOUR_MS: i64 = 3_600_000;

fn announced() -> Tale {
    let mut tale = Tale::new(pickup_lane());
    tale.station().tells(PickupAnnounced {
        station: station(),
        source: OrderSource::Platform,
        sender: vault(1),
        contents: None,
        quantity: 2,
        goods: GoodsFlags { fragile: true, ..GoodsFlags::default() },
        from_ms: MORNING_MS + HOUR_MS,
        to_ms: MORNING_MS + 3 * HOUR_MS,
    });
    tale
}

fn given_to_a() -> Tale {
    let mut tale = announced();
    tale.tells(PickupAssigned { courier: courier("A") });
    tale.by("A");
    tale
}

fn all_answers() -> PickupAnswers {
    PickupAnswers {
        item: Some(ItemKind::Goods),
        weight_g: Some(1_250),
        insured: Some(InsuredNeed::Wanted(Fen(80_000))),
        packing: Some(Packing::Fit),
        face_to_face: Some(true),
        name_matches: Some(true),
        goods: Some(GoodsCheck::Ordinary),
        quantity: Some(2),
        state: Some(GoodsState::Clean),
    }
}

fn looked_at(answers: PickupAnswers, listed: Option<GoodsClass>) -> Tale {
    let mut tale = given_to_a();
    tale.tells(PickupInspected { answers, listed, anomaly: None, photo: None });
    tale
}

fn inspect(answers: PickupAnswers) -> Command {
    Command::InspectPickup { order: order(), answers, anomaly: None, photo: None }
}

fn fees() -> Vec<FeeLine> {
    let line = |kind, amount| FeeLine { kind, amount: Fen(amount) };
    vec![
        line(FeeKind::Freight, 1_800),
        line(FeeKind::Insurance, 400),
        line(FeeKind::Discount, -200),
    ]
}

fn collect_for(total: i64) -> Command {
    Command::CollectParcel {
        order: order(),
        waybill: waybill(),
        sender: person(),
        recipient: person(),
        fees: fees(),
        total: Fen(total),
        promise_ms: None,
    }
}

fn collect() -> Command {
    collect_for(2_000)
}

fn state(tale: &Tale) -> PickupOrder {
    tale.state().pickup().unwrap().clone()
}

#[test]
fn collecting_ends_the_order_and_opens_the_parcels_lane_in_one_group() {
    let tale = looked_at(all_answers(), None);
    let groups = Scene::new().facts("A", &collect(), &[&tale]);
    let [group] = groups.as_slice() else { panic!("one group") };
    let [order, parcel] = group.as_slice() else { panic!("two lanes") };
    assert_eq!((&order.lane, &parcel.lane), (&pickup_lane(), &parcel_lane()));
    assert_eq!(order.fact, PickupCompleted { waybill: waybill() }.into());
    let Fact::ParcelCollected(fact) = &parcel.fact else { panic!() };
    assert_eq!((fact.weight_g, fact.insured), (Some(1_250), Some(Fen(80_000))));
    assert!(fact.goods.fragile && fees_add_up(&fact.fees, fact.total));

    let mut way = Tale::new(parcel_lane());
    way.by("A").tells(fact.clone());
    let parcel = way.parcel();
    assert_eq!((parcel.stage, &parcel.holder), (Stage::Collected, &Holder::Courier(courier("A"))));
    assert_eq!(parcel.freight, Fen(1_800), "compensation is counted from the freight alone");
    assert_eq!(parcel.collected.unwrap().at, moment(0), "the 24 hours of M25 start here");
}

#[test]
fn a_parcel_is_not_taken_before_every_item_of_the_check_is_answered() {
    let scene = Scene::new();
    let mut tale = given_to_a();
    assert_eq!(scene.refusal("A", &collect(), &tale), Some(Refusal::PickupItemsOpen));
    let some = PickupAnswers { weight_g: None, goods: None, ..all_answers() };
    tale.tells(PickupInspected { answers: some, listed: None, anomaly: None, photo: None });
    assert_eq!(state(&tale).unanswered(), [PickupItem::Weight, PickupItem::Goods]);
    assert_eq!(scene.refusal("A", &collect(), &tale), Some(Refusal::PickupItemsOpen));

    let rest = PickupAnswers {
        weight_g: Some(900),
        goods: Some(GoodsCheck::Ordinary),
        ..PickupAnswers::default()
    };
    tale.tells(PickupInspected { answers: rest, listed: None, anomaly: None, photo: None });
    assert_eq!(state(&tale).unanswered(), []);
    assert_eq!(scene.refusal("A", &collect(), &tale), None);
}

#[test]
fn a_weight_or_a_quantity_of_zero_is_no_answer() {
    let answers = PickupAnswers { weight_g: Some(0), quantity: Some(0), ..all_answers() };
    let open = state(&looked_at(answers, None)).unanswered();
    assert_eq!(open, [PickupItem::Weight, PickupItem::Quantity]);
}

#[test]
fn what_is_not_clean_is_noted_and_what_is_not_fit_is_photographed() {
    let scene = Scene::new();
    let tale = given_to_a();
    let scratched = PickupAnswers { state: Some(GoodsState::Anomalous), ..all_answers() };
    let other = PickupAnswers { name_matches: Some(false), ..all_answers() };
    for answers in [scratched, other] {
        let refusal = scene.refusal("A", &inspect(answers.clone()), &tale);
        assert_eq!(refusal, Some(Refusal::AnomalyNoteMissing));
        let noted = Command::InspectPickup {
            order: order(),
            answers,
            anomaly: Some("a scratch on the lid".into()),
            photo: None,
        };
        assert_eq!(scene.refusal("A", &noted, &tale), None);
    }
    for packing in [Packing::Repacked, Packing::Declined, Packing::Refused] {
        let answers = PickupAnswers { packing: Some(packing), ..all_answers() };
        let refusal = scene.refusal("A", &inspect(answers.clone()), &tale);
        assert_eq!(refusal, Some(Refusal::PackingPhotoMissing));
        let shown =
            Command::InspectPickup { order: order(), answers, anomaly: None, photo: Some(photo()) };
        assert_eq!(scene.refusal("A", &shown, &tale), None);
    }
}

#[test]
fn prohibited_goods_stay_with_the_sender_and_stop_if_they_were_taken() {
    let scene = Scene::new();
    let listed = |code: &str, rule_followed| PickupAnswers {
        goods: Some(GoodsCheck::Listed { code: code.into(), rule_followed }),
        ..all_answers()
    };
    let groups = scene.facts("A", &inspect(listed("EXPLOSIVES", true)), &[&given_to_a()]);
    let Fact::PickupInspected(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!(fact.listed, Some(GoodsClass::Prohibited));
    let unknown = scene.refusal("A", &inspect(listed("DREAMS", true)), &given_to_a());
    assert_eq!(unknown, Some(Refusal::GoodsCodeUnknown));

    let tale = looked_at(fact.answers.clone(), fact.listed);
    let actor = crate::event::Actor::Courier(courier("A"));
    let decision = scene.decide(&actor, &collect(), &[&tale]).ok().unwrap();
    assert_eq!(decision.refusal, Some(Refusal::GoodsProhibited));
    let [_, _, frozen] = decision.decided.groups[0].as_slice() else { panic!() };
    assert!(matches!(frozen.fact, Fact::ParcelFrozen(_)));

    let class = Some(GoodsClass::Restricted);
    let tale = looked_at(listed("LITHIUM_BATTERIES", false), class);
    assert_eq!(scene.refusal("A", &collect(), &tale), Some(Refusal::GoodsRestricted));
    let tale = looked_at(listed("LITHIUM_BATTERIES", true), class);
    assert_eq!(scene.refusal("A", &collect(), &tale), None);
}

#[test]
fn the_parts_of_the_price_come_to_its_sum() {
    let scene = Scene::new();
    let tale = looked_at(all_answers(), None);
    for total in [1_999, 2_001, 2_400, -1] {
        let refusal = scene.refusal("A", &collect_for(total), &tale);
        assert_eq!(refusal, Some(Refusal::FeesDoNotAddUp));
    }
    assert!(!Refusal::FeesDoNotAddUp.can_be_recorded_against());
    let line = |kind, amount| FeeLine { kind, amount: Fen(amount) };
    assert!(!fees_add_up(&[line(FeeKind::Packing, -5)], Fen(-5)), "only a discount takes off");
    assert!(!fees_add_up(&[line(FeeKind::Discount, 5)], Fen(5)), "a discount takes off");
    let most = [line(FeeKind::Freight, i64::MAX), line(FeeKind::Surcharge, 1)];
    assert!(!fees_add_up(&most, Fen(i64::MIN)));
    assert!(fees_add_up(&[], Fen(0)));
}

#[test]
fn wrong_sums_are_refused_before_anything_that_may_be_recorded_against() {
    let nothing_answered = given_to_a();
    let refusal = Scene::new().refusal("B", &collect_for(1), &nothing_answered);
    assert_eq!(refusal, Some(Refusal::FeesDoNotAddUp));
}

#[test]
fn a_waybill_without_a_door_or_a_phone_is_not_taken() {
    let tale = looked_at(all_answers(), None);
    let mut incomplete = collect();
    if let Command::CollectParcel { recipient, .. } = &mut incomplete {
        recipient.phone = "12 34".into();
        recipient.address = "somewhere".into();
    }
    let refusal = Scene::new().refusal("A", &incomplete, &tale);
    assert_eq!(refusal, Some(Refusal::WaybillIncomplete));
}

#[test]
fn every_mistake_of_a_waybill_is_listed_at_once_and_none_of_its_content() {
    let whole = person();
    let wrong =
        Person { phone: "10900000000".into(), address: "解放路".into(), ..Person::default() };
    let errors = waybill_errors(&whole, &wrong);
    let fields: Vec<_> = errors.iter().map(|error| (&*error.field, &*error.code)).collect();
    assert_eq!(
        fields,
        [
            ("recipient.name", "Missing"),
            ("recipient.phone", "BadPhone"),
            ("recipient.address", "BadAddress")
        ]
    );
    assert!(errors.iter().all(|error| !error.advice.contains("解放路")));
    for phone in ["13900000001", "+86 139 0000 0001", "0432-6200 0000", "(010) 62000000"] {
        let person = Person { phone: phone.into(), ..whole.clone() };
        assert_eq!(waybill_errors(&person, &whole), [], "{phone}");
    }
    for address in ["吉林市昌邑区解放路5号3单元501室", "吉林市昌邑区幸福里三栋", "5 Test Road"]
    {
        let person = Person { address: address.into(), ..whole.clone() };
        assert_eq!(waybill_errors(&whole, &person), [], "{address}");
    }
}

#[test]
fn an_order_is_its_couriers_and_ends_once() {
    let scene = Scene::new();
    let tale = looked_at(all_answers(), None);
    assert_eq!(scene.refusal("B", &collect(), &tale), Some(Refusal::NotYourOrder));
    let refuse = Command::RefuseCollection {
        order: order(),
        reason: CollectionRefusal::SenderAbsent,
        note: None,
    };
    assert_eq!(scene.refusal("A", &refuse, &tale), None);
    let mut ended = tale;
    ended.tells(CollectionRefused { reason: CollectionRefusal::SenderAbsent, note: None });
    assert_eq!(state(&ended).stage, PickupStage::Refused);
    for command in [collect(), refuse, inspect(all_answers())] {
        assert_eq!(scene.refusal("A", &command, &ended), Some(Refusal::OrderClosed));
    }
    let nothing = Tale::new(pickup_lane());
    assert_eq!(scene.refusal("A", &collect(), &nothing), Some(Refusal::UnknownOrder));
}

#[test]
fn a_number_that_is_under_way_is_not_collected_again() {
    let scene = Scene::new();
    let order = looked_at(all_answers(), None);
    let actor = crate::event::Actor::Courier(courier("A"));
    let way = Tale::out_for_delivery();
    let refused = scene.decide(&actor, &collect(), &[&order, &way]).err();
    assert_eq!(refused, Some(Refusal::WaybillInUse));
    let expected = Tale::announced(GoodsFlags::default());
    let decision = scene.decide(&actor, &collect(), &[&order, &expected]).ok().unwrap();
    assert_eq!(decision.refusal, None, "a number announced beforehand is this parcel's");
}

#[test]
fn the_sender_who_waits_is_told_before_the_window_is_over() {
    let mut tale = given_to_a();
    let end = MORNING_MS + 3 * HOUR_MS;
    assert!(!state(&tale).late_untold(end));
    assert!(state(&tale).late_untold(end + 1));
    tale.tells(PickupDelayTold {
        reason: LateReason::Traffic,
        eta_ms: end + HOUR_MS,
        channel: Channel::Phone,
    });
    assert!(!state(&tale).late_untold(end + 1));
    assert!(state(&tale).late_untold(end + HOUR_MS + 1));

    let tell = |eta_ms| Command::TellPickupDelay {
        order: order(),
        reason: LateReason::Traffic,
        eta_ms,
        channel: Channel::Phone,
    };
    let scene = Scene::new();
    assert_eq!(scene.refusal("A", &tell(MORNING_MS), &tale), Some(Refusal::EtaPast));
    assert_eq!(scene.refusal("A", &tell(end), &tale), None);
}

#[test]
fn an_order_needs_a_sender_who_can_be_found_and_a_window_to_come() {
    let scene = Scene::new();
    let announce = |sender: Person, to_ms| Command::AnnouncePickup {
        order: order(),
        source: OrderSource::Phone,
        sender,
        contents: Some("two lamps".into()),
        quantity: 2,
        goods: GoodsFlags::default(),
        from_ms: MORNING_MS,
        to_ms,
    };
    let nothing = Tale::new(pickup_lane());
    let good = announce(person(), MORNING_MS + 9 * HOUR_MS);
    let say = |command: &Command, tale: &Tale| scene.refusal_to(&clerk_acts(), command, tale);
    assert_eq!(say(&good, &nothing), None);
    assert_eq!(say(&good, &announced()), Some(Refusal::AlreadyAnnounced));
    assert_eq!(scene.refusal("A", &good, &nothing), Some(Refusal::NotForThisActor));
    let nobody = announce(Person::default(), MORNING_MS + 9 * HOUR_MS);
    assert_eq!(say(&nobody, &nothing), Some(Refusal::SenderIncomplete));
    let past = announce(person(), MORNING_MS + 1);
    assert_eq!(say(&past, &nothing), Some(Refusal::AppointmentNotPossible));
}

fn fetched() -> ParcelCollected {
    ParcelCollected {
        order: order(),
        sender: vault(1),
        recipient: vault(2),
        goods: GoodsFlags::default(),
        weight_g: None,
        insured: None,
        fees: fees(),
        total: Fen(2_000),
        promise_ms: None,
    }
}

fn conflicts(parcel: &Parcel) -> Vec<(ConflictRow, Ruling)> {
    parcel.margin.conflicts.iter().map(|conflict| (conflict.row, conflict.ruling)).collect()
}

#[test]
fn a_collected_parcel_is_handed_in_and_goes_on_like_any_other() {
    let mut way = Tale::new(parcel_lane());
    way.by("A").tells(fetched());
    let deliver = Command::Arrive { waybill: waybill() };
    let refusal = Scene::new().refusal("A", &deliver, &way);
    assert_eq!(refusal, Some(Refusal::NotOutForDelivery), "it was fetched, not brought");
    way.tells(ParcelReceivedAtStation { condition: Condition::Sound });
    assert_eq!((way.parcel().stage, way.parcel().holder), (Stage::AtStation, Holder::Station));
    way.assign("B", 1);
    way.by("B").tells(crate::parcel::ParcelOutForDelivery {});
    way.tells(handed_over());
    assert_eq!(way.parcel().stage, Stage::Delivered);
    assert_eq!(conflicts(&way.parcel()), []);
}

#[test]
fn two_couriers_with_one_number_go_to_a_person() {
    let mut way = Tale::new(parcel_lane());
    way.by("A").tells(fetched());
    way.by("B").having_seen(0).tells(fetched());
    assert_eq!(conflicts(&way.parcel()), [(ConflictRow::NotTheHolder, Ruling::Open)]);
    assert!(way.parcel().held_by(&courier("A")));

    let mut way = Tale::new(parcel_lane());
    way.by("A").tells(fetched());
    way.tells(fetched());
    assert_eq!(conflicts(&way.parcel()), [(ConflictRow::RecordedTwice, Ruling::Settled)]);
}

#[test]
fn a_collection_that_comes_late_tells_where_the_way_began_and_moves_nothing() {
    let mut way = Tale::out_for_delivery();
    way.by("A").tells(handed_over());
    way.by("B").having_seen(0).tells(fetched());
    let parcel = way.parcel();
    assert_eq!(parcel.stage, Stage::Delivered);
    assert!(parcel.collected.is_some());
    assert_eq!(conflicts(&parcel), [(ConflictRow::NotTheHolder, Ruling::Settled)]);
}

#[test]
fn taken_is_taken_even_after_a_refusal() {
    let mut tale = looked_at(all_answers(), None);
    tale.tells(CollectionRefused { reason: CollectionRefusal::Cancelled, note: None });
    tale.by("A").having_seen(3).tells(PickupCompleted { waybill: waybill() });
    let order = state(&tale);
    assert_eq!((order.stage, order.waybill), (PickupStage::Collected, Some(waybill())));
    assert_eq!(order.margin.conflicts.len(), 1);
}

#[test]
fn the_former_courier_of_an_order_loses_sight_of_its_sender() {
    let mut tale = given_to_a();
    let lane = Lane::Pickup(order());
    tale.station().tells(PickupAssigned { courier: courier("B") });
    assert_eq!(
        viewers(&lane, &tale.state()),
        [(courier("A"), Relation::FormerHolder), (courier("B"), Relation::Holder)]
    );
    assert!(loses_sight(&tale.state(), &courier("A")));
    assert!(!loses_sight(&tale.state(), &courier("B")));
}

#[test]
fn an_order_is_given_to_another_courier_and_not_twice_to_the_same() {
    let (scene, tale) = (Scene::new(), given_to_a());
    let give = |to| Command::AssignPickup { order: order(), courier: courier(to) };
    let refusal = |to| scene.refusal_to(&clerk_acts(), &give(to), &tale);
    assert_eq!(refusal("A"), Some(Refusal::AlreadyAssigned));
    assert_eq!(refusal("B"), None);
}
