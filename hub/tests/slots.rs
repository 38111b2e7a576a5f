//! Slots of lockers: two parcels in one are found, in whatever order the hub hears of them (C6.12).

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Phone, START_MS, World, parcel, waybill};
use lastmile_core::event::{Event, Fact};
use lastmile_core::id::SiteId;
use lastmile_core::sync::wire::Verdict;
use lastmile_core::temporary_storage::{
    LockerSlot, ParcelStored, StorageSlotClashed, StorageSlotCorrected, StoredParcelRetrieved,
};

fn slot(text: &str) -> LockerSlot {
    LockerSlot::new(text).unwrap()
}

/// Parcel `n` is put into a slot, so many minutes after the start.
fn stored(phone: &Phone, n: u32, into: &str, minute: i64) -> Event {
    let fact = ParcelStored {
        consent: None,
        site: SiteId::new("LOCKER-1").unwrap(),
        collect_before_ms: START_MS + 86_400_000,
        code_hash: None,
        code: None,
        photo: None,
        slot: Some(slot(into)),
    };
    at_minute(minute, phone.event(&parcel(n), fact))
}

fn at_minute(minute: i64, mut event: Event) -> Event {
    event.envelope.at.ms = START_MS + minute * 60_000;
    event
}

fn world() -> (World, Phone, Phone) {
    let world = World::new();
    let (a, b) = (world.phone("4849"), world.phone("5021"));
    for (n, to) in [(1, "4849"), (2, "5021"), (3, "4849")] {
        world.announce(n);
        world.assign(n, to);
    }
    (world, a, b)
}

fn push(phone: &mut Phone, world: &World, event: impl FnOnce(&Phone) -> Event) {
    let event = event(phone);
    let verdicts = phone.push(world, &[event]);
    assert!(matches!(verdicts[..], [Verdict::Accepted(_)]), "{verdicts:?}");
}

/// What the hub told both couriers of slots, in the order of the parcels told of.
fn clashes(world: &World) -> Vec<StorageSlotClashed> {
    let sent = ["4849", "5021"].map(|no| world.phone(no).pull(world).facts());
    let told = sent.into_iter().flatten().filter_map(|fact| match fact {
        Fact::StorageSlotClashed(told) => Some(told),
        _ => None,
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|told| told.waybill.clone());
    told
}

#[test]
fn the_later_put_of_two_is_in_question_whichever_is_heard_of_first() {
    let told = [true, false].map(|in_order| {
        let (world, mut a, mut b) = world();
        let (first, second) = (stored(&a, 1, "A-1", 0), stored(&b, 2, "A-1", 5));
        let (first_id, second_id) = (first.envelope.id, second.envelope.id);
        let again = first.to_bytes();
        if in_order {
            push(&mut a, &world, |_| first);
            push(&mut b, &world, |_| second);
        } else {
            push(&mut b, &world, |_| second);
            push(&mut a, &world, |_| first);
        }
        a.push_lines(&world, &[again]);
        let told = clashes(&world);
        let told_as: Vec<_> =
            told.iter().map(|told| (told.waybill.clone(), told.other, told.later)).collect();
        assert_eq!(told_as, [(waybill(1), first_id, true), (waybill(2), second_id, false)]);
        told
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_slot_is_free_again_when_its_parcel_left_it_or_lies_elsewhere() {
    let (world, mut a, mut b) = world();
    push(&mut a, &world, |phone| stored(phone, 1, "A-1", 0));
    push(&mut a, &world, |phone| phone.event(&parcel(1), StoredParcelRetrieved { scanned: true }));
    push(&mut b, &world, |phone| stored(phone, 2, "A-1", 5));
    let seen = StorageSlotCorrected { slot: slot("A-2") };
    push(&mut b, &world, |phone| at_minute(6, phone.event(&parcel(2), seen)));
    push(&mut a, &world, |phone| stored(phone, 3, "A-1", 7));
    assert_eq!(clashes(&world), []);

    let back = StorageSlotCorrected { slot: slot("A-1") };
    push(&mut b, &world, |phone| at_minute(8, phone.event(&parcel(2), back)));
    let told: Vec<_> = clashes(&world).iter().map(|told| told.later).collect();
    assert_eq!(told, [false, true], "the one corrected last is in question");
}
