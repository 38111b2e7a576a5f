//! Who handles a complaint, and what stops its clock.

use super::*;
use crate::command::Command;
use crate::conflict::ConflictRow;
use crate::deadline::{self, Timeliness};
use crate::event::{Actor, Fact};
use crate::id::ClerkNo;
use crate::policy::Policy;
use crate::privacy::Person;
use crate::refusal::Refusal;
use crate::testing::{
    Scene, Tale, case, clerk, clerk_acts, complaint_lane, courier, moment, person, vault, waybill,
};

fn receive(complainant: Person, demand: &str) -> Command {
    Command::ReceiveComplaint {
        case: case(),
        waybill: waybill(),
        complainant,
        demand: demand.into(),
        source: ComplaintSource::Customer,
        class: ComplaintClass::Delay,
        about: None,
    }
}

/// Received by A, about `about`.
fn received(class: ComplaintClass, about: &str) -> Tale {
    let mut tale = Tale::new(complaint_lane());
    tale.by("A").tells(ComplaintReceived {
        waybill: waybill(),
        complainant: vault(1),
        demand: vault(2),
        source: ComplaintSource::Customer,
        class,
        about: Some(courier(about)),
    });
    tale
}

fn state(tale: &Tale) -> Complaint {
    tale.state().complaint().unwrap().clone()
}

fn contacted(reached: bool) -> CustomerFirstContacted {
    CustomerFirstContacted { channel: Channel::Phone, reached }
}

#[test]
fn name_phone_and_demand_are_the_least_that_is_saved() {
    let scene = Scene::new();
    let nothing = Tale::new(complaint_lane());
    let nameless = Person { name: "  ".into(), ..person() };
    let phoneless = Person { phone: "none".into(), ..person() };
    for complainant in [nameless, phoneless] {
        let refusal = scene.refusal("A", &receive(complainant, "money back"), &nothing);
        assert_eq!(refusal, Some(Refusal::ComplainantIncomplete));
    }
    let refusal = scene.refusal("A", &receive(person(), " "), &nothing);
    assert_eq!(refusal, Some(Refusal::DemandMissing));
    assert_eq!(scene.refusal("A", &receive(person(), "money back"), &nothing), None);

    let twice = received(ComplaintClass::Delay, "B");
    let refusal = scene.refusal("A", &receive(person(), "money back"), &twice);
    assert_eq!(refusal, Some(Refusal::DuplicateCase));
}

#[test]
fn nothing_of_the_customer_stands_in_the_event() {
    let nothing = Tale::new(complaint_lane());
    let groups = Scene::new().facts("A", &receive(person(), "money back"), &[&nothing]);
    let Fact::ComplaintReceived(fact) = &groups[0][0].fact else { panic!() };
    let written = serde_json::to_string(fact).unwrap();
    for secret in ["Ceshi", "139", "Test Road", "money"] {
        assert!(!written.contains(secret), "{secret}");
    }
}

#[test]
fn the_first_receiver_owns_it() {
    let tale = received(ComplaintClass::Delay, "B");
    assert_eq!(state(&tale).owner(), Some(&Actor::Courier(courier("A"))));
}

#[test]
fn nobody_owns_a_complaint_about_his_own_manners() {
    let tale = received(ComplaintClass::Attitude, "A");
    assert_eq!(state(&tale).owner(), None);
    let scene = Scene::new();
    let take_over = Command::TakeComplaint { case: case() };
    let contact = Command::ContactCustomer { case: case(), channel: Channel::Phone, reached: true };
    for command in [&take_over, &contact] {
        assert_eq!(scene.refusal("A", command, &tale), Some(Refusal::ComplaintAboutYou));
        assert_eq!(scene.refusal_to(&clerk_acts(), command, &tale), None);
    }
}

#[test]
fn the_station_takes_over_from_a_courier_and_nobody_from_a_clerk() {
    let scene = Scene::new();
    let take_over = Command::TakeComplaint { case: case() };
    let mut tale = received(ComplaintClass::Delay, "B");
    assert_eq!(scene.refusal("A", &take_over, &tale), Some(Refusal::AlreadyOwner));
    assert_eq!(scene.refusal("B", &take_over, &tale), Some(Refusal::OwnedByAnother));
    assert_eq!(scene.refusal_to(&clerk_acts(), &take_over, &tale), None);

    tale.station().tells(OwnerTaken { owner: clerk_acts() });
    assert_eq!(state(&tale).owner(), Some(&Actor::Clerk(clerk())));
    let other = Actor::Clerk(ClerkNo::new("C2").unwrap());
    assert_eq!(scene.refusal_to(&other, &take_over, &tale), Some(Refusal::OwnedByAnother));
}

#[test]
fn of_two_who_took_it_unaware_of_each_other_the_first_owns_it() {
    let mut tale = received(ComplaintClass::Attitude, "A");
    tale.station().tells(OwnerTaken { owner: clerk_acts() });
    tale.by("B").having_seen(1).tells(OwnerTaken { owner: Actor::Courier(courier("B")) });
    assert_eq!(state(&tale).owner(), Some(&Actor::Clerk(clerk())));
    assert_eq!(state(&tale).margin.conflicts[0].row, ConflictRow::TwoOwners);
}

#[test]
fn only_a_contact_that_reached_the_customer_stops_the_clock() {
    let policy = Policy::default();
    let now = moment(120);
    let mut tale = received(ComplaintClass::Delay, "B");
    let standing = |tale: &Tale| deadline::first_contact(&state(tale), &policy, &now).unwrap().1;
    tale.by("A").tells(contacted(false));
    tale.station().tells(OwnerTaken { owner: clerk_acts() });
    assert_eq!(standing(&tale), Timeliness::Late, "neither a try nor an owner is a contact");

    tale.by("A").tells(contacted(true));
    assert_eq!(standing(&tale), Timeliness::OnTime, "whoever made it");
    assert_eq!(state(&tale).stage, ComplaintStage::FirstContacted);
}

#[test]
fn a_contact_by_an_unsure_clock_is_not_on_time() {
    let mut tale = received(ComplaintClass::Delay, "B");
    tale.by("A").tells(contacted(true));
    tale.events[1].envelope.at.unsure_ms = None;
    let policy = Policy::default();
    let (_, standing) = deadline::first_contact(&state(&tale), &policy, &moment(120)).unwrap();
    assert_eq!(standing, Timeliness::CannotTell);
}

#[test]
fn a_complaint_is_closed_after_the_customer_was_spoken_to_by_the_station() {
    let scene = Scene::new();
    let close = |outcome: &str| Command::CloseComplaint { case: case(), outcome: outcome.into() };
    let mut tale = received(ComplaintClass::Delay, "B");
    assert_eq!(scene.refusal("A", &close("coupon"), &tale), Some(Refusal::NotForThisActor));
    let early = scene.refusal_to(&clerk_acts(), &close("coupon"), &tale);
    assert_eq!(early, Some(Refusal::CustomerNotContacted));

    tale.by("A").tells(contacted(true));
    let mute = scene.refusal_to(&clerk_acts(), &close(" "), &tale);
    assert_eq!(mute, Some(Refusal::OutcomeMissing));
    assert_eq!(scene.refusal_to(&clerk_acts(), &close("coupon"), &tale), None);
    tale.station().tells(ComplaintClosed { outcome: vault(3) });
    assert_eq!(state(&tale).stage, ComplaintStage::Closed);
    let again = scene.refusal_to(&clerk_acts(), &close("coupon"), &tale);
    assert_eq!(again, Some(Refusal::CaseClosed));
}

#[test]
fn a_strange_courier_leaves_it_to_its_owner() {
    let contact = Command::ContactCustomer { case: case(), channel: Channel::Sms, reached: true };
    let tale = received(ComplaintClass::Delay, "B");
    let scene = Scene::new();
    assert_eq!(scene.refusal("B", &contact, &tale), None, "it is about him: he may");
    assert_eq!(scene.refusal("C", &contact, &tale), Some(Refusal::OwnedByAnother));
}
