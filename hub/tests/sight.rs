//! Who is sent what: the table is the core's, the feed keeps to it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Answer, Phone, World, courier, station, waybill};
use lastmile_core::complaint::{ComplaintClass, ComplaintReceived, ComplaintSource, OwnerTaken};
use lastmile_core::decide::Draft;
use lastmile_core::delivery::{Channel, Party, RecipientContacted};
use lastmile_core::event::{Actor, Event, Lane};
use lastmile_core::id::ClerkNo;
use lastmile_core::privacy::{VaultBody, VaultEntry};
use lastmile_core::sync::wire::Withheld;

fn contacted(phone: &Phone, n: u32) -> Event {
    let fact = RecipientContacted { channel: Channel::Phone, party: Party::Recipient };
    phone.event(&common::parcel(n), fact)
}

/// The kinds of a reply's lines, `-` for one that is withheld.
fn kinds(answer: &Answer) -> Vec<String> {
    let kind = |line: &Vec<u8>| {
        let Ok(event) = Event::parse(line) else {
            serde_json::from_slice::<Withheld>(line).unwrap();
            return "-".to_owned();
        };
        event.fact.kind().to_owned()
    };
    answer.lines.iter().map(kind).collect()
}

#[test]
fn a_new_holder_gets_the_whole_lane_and_the_persons() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "A");
    let events = [a.out(1), contacted(&a, 1)];
    a.push(&world, &events);

    world.reassign(1, "A", "B", 2);

    let all = b.pull(&world);
    assert_eq!(all.header.lane_seqs, [1, 2, 3, 4, 5]);
    assert_eq!(kinds(&all)[3], "RecipientContacted");
    assert_eq!(all.vault.len(), 2);
}

#[test]
fn a_former_holder_hears_where_the_parcel_goes_but_nothing_personal() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "A");
    a.push(&world, &[a.out(1)]);
    world.reassign(1, "A", "B", 2);
    let events = [b.out(1), contacted(&b, 1)];
    b.push(&world, &events);

    let after = a.pull(&world);

    assert_eq!(kinds(&after), ["ParcelReassigned", "ParcelOutForDelivery", "-"]);
    assert!(after.vault.is_empty());
}

#[test]
fn persons_that_wait_in_a_feed_are_not_sent_to_one_who_lost_them_meanwhile() {
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.assign(1, "A");
    world.reassign(1, "A", "B", 2);

    let late = a.pull(&world);

    assert_eq!(kinds(&late), ["ParcelAnnounced", "ParcelAssigned", "ParcelReassigned"]);
    assert!(late.vault.is_empty());
}

#[test]
fn who_gets_a_parcel_back_is_sent_what_was_withheld_and_the_persons_again() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    world.announce(1);
    world.assign(1, "A");
    a.push(&world, &[a.out(1)]);
    world.reassign(1, "A", "B", 2);
    let events = [b.out(1), contacted(&b, 1)];
    b.push(&world, &events);
    a.pull(&world);

    world.reassign(1, "B", "A", 3);

    let back = a.pull(&world);
    assert_eq!(kinds(&back), ["ParcelAnnounced", "RecipientContacted", "ParcelReassigned"]);
    assert_eq!(back.header.lane_seqs, [1, 6, 7]);
    assert_eq!(back.vault.len(), 2);
}

#[test]
fn who_complains_is_hidden_from_the_one_it_is_about() {
    let world = World::new();
    let (mut a, mut b) = (world.phone("A"), world.phone("B"));
    let lane = Lane::Complaint(b.new_case());
    let seal = |text: &str| {
        VaultEntry::new(lane.clone(), &VaultBody::Text(text.to_owned()), &*world.entropy)
    };
    let (complainant, demand) = (seal("Somebody"), seal("An apology"));
    let received = ComplaintReceived {
        waybill: waybill(1),
        complainant: complainant.reference,
        demand: demand.reference,
        source: ComplaintSource::Customer,
        class: ComplaintClass::Attitude,
        about: Some(courier("A")),
    };
    let lines = [b.event(&lane, received).to_bytes()];
    let mut header = b.header(&lines);
    header.vault = 2;
    let request = b.request(&header, &lines, &[complainant, demand]);
    common::answer(&world.hub.handle(&request));

    let told = a.pull(&world);

    assert_eq!(kinds(&told), ["-"], "the waybill alone would name the customer");
    assert!(told.vault.is_empty());

    let take = OwnerTaken { owner: Actor::Clerk(ClerkNo::new("c1").unwrap()) };
    let draft = Draft { lane, fact: take.into() };
    let clerk = Actor::Clerk(ClerkNo::new("c1").unwrap());
    world.hub.record_facts(&station(), &clerk, vec![vec![draft]], &[]).unwrap();
    b.next_seq = 2;
    b.link = lastmile_core::event::link(&b.link, &lastmile_core::event::leaf(&lines[0]));
    let last = b.pull(&world);
    assert_eq!(kinds(&last), ["OwnerTaken"], "the last thing the receiver hears of it");
    assert_eq!(kinds(&a.pull(&world)), ["-"]);
}

#[test]
fn a_recalled_parcel_that_was_delivered_opens_one_case_whatever_is_repeated() {
    use lastmile_core::delivery::{ProofItem, ProofKind};
    use lastmile_core::parcel::ParcelRecalled;
    let world = World::new();
    let mut a = world.phone("A");
    world.announce(1);
    world.assign(1, "A");
    a.push(&world, &[a.out(1)]);
    world.say(&station(), common::parcel(1), ParcelRecalled { safety: false }, &[]);
    let pin = ProofItem { kind: ProofKind::Pin, evidence: None };
    let delivered = common::handed_over(vec![pin]);
    let lines = [a.event(&common::parcel(1), delivered).to_bytes()];

    a.try_lines(&world, &lines);
    let all = kinds(&a.push_lines(&world, &lines));

    assert_eq!(all.iter().filter(|kind| *kind == "RecoveryRequested").count(), 1);
}
