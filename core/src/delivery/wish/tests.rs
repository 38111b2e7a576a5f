//! Wishes and redirections: what may be wished, whose word counts, and who was told too late.

use super::*;
use crate::command::Command;
use crate::conflict::{ConflictRow, Ruling};
use crate::delivery::{
    DeliveryRefused, HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ParcelDelivered,
    ProofItem, ProofKind, RefusalClass,
};
use crate::event::{Actor, Fact};
use crate::parcel::{GoodsFlags, Parcel, ParcelOutForDelivery};
use crate::privacy::{Person, VaultBody};
use crate::refusal::Refusal;
use crate::temporary_storage::ParcelStored;
use crate::testing::{
    MORNING_MS, Scene, Tale, clerk_acts, consent, courier, handed_over, moment, person, photo,
    site, stored, vault, waybill,
};

fn wish_for(wish: Wish) -> Command {
    Command::SetPreference {
        waybill: waybill(),
        place: (wish == Wish::NamedPlace).then(|| "the green cupboard".to_owned()),
        wish,
        said_by: ConsentGiver::Recipient,
        channel: Channel::Phone,
        evidence: None,
    }
}

fn at_site(id: &str) -> Wish {
    Wish::AtSite { site: site(id), liability: Liability::Recipient }
}

/// The wish as a fact.
fn wished(version: u32, wish: Wish) -> PreferenceSet {
    let consent = matches!(wish, Wish::AtSite { .. }).then(|| consent().consent);
    let (said_by, channel) = (ConsentGiver::Recipient, Channel::Phone);
    PreferenceSet { version, wish, place: None, consent, said_by, channel, evidence: None }
}

fn left_there() -> Command {
    Command::Deliver {
        waybill: waybill(),
        method: HandoverMethod::NamedPlace,
        taker: Some("the green cupboard".into()),
        identity: IdentityCheck { method: IdentityMethod::NotPresent, matched: false },
        address_checked: true,
        inspection: Inspection::NotPresent,
        proof: vec![ProofItem { kind: ProofKind::Photo, evidence: Some(photo()) }],
    }
}

fn store() -> Command {
    Command::Store {
        waybill: waybill(),
        site: site("YZ-1"),
        collect_before_ms: MORNING_MS + 40_000_000,
        code: None,
        photo: None,
        slot: None,
    }
}

fn elsewhere() -> Command {
    Command::RequestRedirect { waybill: waybill(), to: person(), channel: Channel::Phone }
}

fn answer(reply: RedirectReply) -> Command {
    Command::AnswerRedirect { waybill: waybill(), reply, reason: None }
}

fn refusal(command: &Command, tale: &Tale) -> Option<Refusal> {
    Scene::new().refusal("A", command, tale)
}

fn conflicts(parcel: &Parcel) -> Vec<(ConflictRow, Ruling)> {
    parcel.margin.conflicts.iter().map(|conflict| (conflict.row, conflict.ruling)).collect()
}

fn out_with(wish: Wish) -> Tale {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(wished(1, wish));
    tale
}

#[test]
fn a_wish_keeps_its_version_and_seals_the_place() {
    let tale = out_with(Wish::Door);
    let actor = Actor::Courier(courier("A"));
    let decision = Scene::new().decide(&actor, &wish_for(Wish::NamedPlace), &[&tale]).ok().unwrap();
    let Fact::PreferenceSet(fact) = &decision.decided.groups[0][0].fact else { panic!() };
    assert_eq!((fact.version, fact.said_by), (2, ConsentGiver::Recipient));
    let [entry] = decision.decided.vault.as_slice() else { panic!("the place, sealed") };
    assert_eq!(entry.read(), Some(VaultBody::Text("the green cupboard".into())));
    assert_eq!(fact.place, Some(entry.reference));
}

#[test]
fn a_wish_that_cannot_be_carried_out_is_refused() {
    let tale = Tale::out_for_delivery();
    let now = moment(Scene::new().minute).ms;
    let window = |from_ms, to_ms| wish_for(Wish::Window { from_ms, to_ms });
    assert_eq!(refusal(&window(now, now + 9), &tale), None);
    assert_eq!(refusal(&window(now - 9, now), &tale), Some(Refusal::AppointmentNotPossible));
    assert_eq!(refusal(&wish_for(at_site("GATE")), &tale), Some(Refusal::SiteUnattended));

    let nowhere = Command::SetPreference {
        waybill: waybill(),
        wish: Wish::NamedPlace,
        place: Some("  ".into()),
        said_by: ConsentGiver::Recipient,
        channel: Channel::Phone,
        evidence: None,
    };
    assert_eq!(refusal(&nowhere, &tale), Some(Refusal::PlaceNotNamed));

    let door_only = Tale::out_with(GoodsFlags { door_only: true, ..GoodsFlags::default() });
    for wish in [at_site("YZ-1"), Wish::NamedPlace] {
        assert_eq!(refusal(&wish_for(wish), &door_only), Some(Refusal::DoorOnly));
    }
}

#[test]
fn a_courier_has_no_wish_of_his_own() {
    let mut tale = Tale::out_for_delivery();
    let his = Command::SetPreference {
        waybill: waybill(),
        wish: Wish::NamedPlace,
        place: Some("anywhere".into()),
        said_by: ConsentGiver::Courier,
        channel: Channel::InPerson,
        evidence: None,
    };
    assert_eq!(refusal(&his, &tale), Some(Refusal::ConsentByCourier));

    let fact = PreferenceSet { said_by: ConsentGiver::Courier, ..wished(1, Wish::NamedPlace) };
    tale.by("A").against("ConsentByCourier").tells(fact);
    assert!(tale.parcel().delivery.preference.is_none());
    assert_eq!(tale.parcel().margin.against.len(), 1);
}

#[test]
fn a_standing_wish_for_a_site_is_consent_to_store_there() {
    assert_eq!(refusal(&store(), &Tale::out_for_delivery()), Some(Refusal::ConsentMissing));
    let tale = out_with(at_site("YZ-1"));
    let groups = Scene::new().facts("A", &store(), &[&tale]);
    let Fact::ParcelStored(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!(fact.consent, Some(consent().consent));
    let mut tale = tale;
    tale.tells(stored());
    let liability = tale.parcel().storage.current_stay().unwrap().liability;
    assert_eq!(liability, Some(Liability::Recipient));
}

#[test]
fn a_standing_wish_for_a_named_place_lets_it_be_left_there() {
    assert_eq!(
        refusal(&left_there(), &Tale::out_for_delivery()),
        Some(Refusal::PlaceWithoutConsent)
    );
    assert_eq!(refusal(&left_there(), &out_with(Wish::NamedPlace)), None);
}

#[test]
fn the_latest_wish_wins() {
    let mut tale = out_with(at_site("YZ-1"));
    tale.tells(wished(2, Wish::Door));
    assert_eq!(refusal(&store(), &tale), Some(Refusal::ConsentWithdrawn));
    tale.tells(wished(3, at_site("YZ-1")));
    assert_eq!(refusal(&store(), &tale), None);

    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(consent());
    tale.tells(wished(1, Wish::Door));
    assert_eq!(refusal(&store(), &tale), Some(Refusal::ConsentWithdrawn));
    assert_eq!(refusal(&left_there(), &tale), Some(Refusal::PlaceWithoutConsent));
}

#[test]
fn of_two_wishes_under_one_version_the_first_counts_and_both_are_shown() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(wished(1, Wish::Door));
    tale.by("A").having_seen(4).tells(wished(1, Wish::NamedPlace));
    let parcel = tale.parcel();
    assert_eq!(parcel.delivery.preference.as_ref().unwrap().wish, Wish::Door);
    assert_eq!(conflicts(&parcel), [(ConflictRow::PreferenceChanged, Ruling::Settled)]);
}

#[test]
fn a_store_under_an_older_wish_stands_without_blame_and_the_new_wish_waits_for_an_answer() {
    let mut tale = out_with(at_site("YZ-1"));
    let asked = tale.station().tells(wished(2, Wish::Door));
    tale.by("A").having_seen(5).tells(stored());

    let parcel = tale.parcel();
    assert_eq!(conflicts(&parcel), [(ConflictRow::PreferenceChanged, Ruling::Settled)]);
    assert_eq!(parcel.delivery.open_redirect().unwrap().mark.event, asked);
    assert!(parcel.storage.current_stay().unwrap().redelivery_asked.is_some());
    assert_eq!(refusal(&answer(RedirectReply::Accept), &tale), None);
}

#[test]
fn a_store_against_a_wish_that_was_known_is_a_breach() {
    let mut tale = out_with(at_site("YZ-1"));
    tale.station().tells(wished(2, Wish::Door));
    tale.by("A").tells(stored());
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::PreferenceChanged, Ruling::Breach)]);
}

#[test]
fn a_withdrawal_after_a_wish_is_still_row_7() {
    let mut tale = out_with(at_site("YZ-1"));
    let revoked = crate::temporary_storage::StorageConsentRevoked { consent: consent().consent };
    tale.station().tells(revoked);
    tale.by("A").having_seen(5).tells(ParcelStored { ..stored() });
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::StoredWithoutConsent, Ruling::Settled)]);
}

#[test]
fn a_parcel_left_at_a_place_under_an_older_wish_is_shown_and_in_his_hands_every_wish_is_met() {
    let mut tale = out_with(Wish::NamedPlace);
    tale.station().tells(wished(2, Wish::Door));
    let left = ParcelDelivered { method: HandoverMethod::NamedPlace, ..handed_over() };
    tale.by("A").having_seen(5).tells(left);
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::PreferenceChanged, Ruling::Settled)]);

    let mut tale = out_with(at_site("YZ-1"));
    tale.station().tells(wished(2, at_site("LK-1")));
    tale.by("A").having_seen(5).tells(handed_over());
    assert_eq!(conflicts(&tale.parcel()), []);
}

#[test]
fn a_wish_asks_for_an_answer_only_when_somebody_else_wrote_it_down_under_way() {
    let mut tale = Tale::announced(GoodsFlags::default());
    tale.station().tells(wished(1, Wish::Door));
    assert!(tale.parcel().delivery.redirect.is_none(), "nobody is on his way with it");
    assert!(out_with(Wish::Door).parcel().delivery.redirect.is_none(), "he was told himself");

    let mut tale = Tale::out_for_delivery();
    tale.station().tells(wished(1, Wish::Door));
    assert!(tale.parcel().delivery.open_redirect().is_some());
}

#[test]
fn a_redirection_needs_a_whole_address_and_waits_for_one_answer() {
    let mut tale = Tale::out_for_delivery();
    assert_eq!(refusal(&elsewhere(), &tale), None);
    assert_eq!(Scene::new().refusal_to(&clerk_acts(), &elsewhere(), &tale), None);
    for blank in [
        Person { name: " ".into(), ..person() },
        Person { phone: String::new(), ..person() },
        Person { address: String::new(), ..person() },
    ] {
        let channel = Channel::Phone;
        let command = Command::RequestRedirect { waybill: waybill(), to: blank, channel };
        assert_eq!(refusal(&command, &tale), Some(Refusal::NewAddressIncomplete));
    }
    assert_eq!(refusal(&answer(RedirectReply::Accept), &tale), Some(Refusal::NoRedirect));
    tale.by("A").tells(RedirectRequested { to: vault(7), channel: Channel::Phone });
    assert_eq!(refusal(&elsewhere(), &tale), Some(Refusal::RedirectPending));
}

#[test]
fn the_new_address_is_sealed_and_counts_when_it_is_accepted() {
    let mut tale = Tale::out_for_delivery();
    let decision = Scene::new().decide(&clerk_acts(), &elsewhere(), &[&tale]).ok().unwrap();
    let Fact::RedirectRequested(fact) = &decision.decided.groups[0][0].fact else { panic!() };
    assert_eq!(decision.decided.vault[0].read(), Some(VaultBody::Person(person())));
    let to = fact.to;

    let request = tale.station().tells(fact.clone());
    let groups = Scene::new().facts("A", &answer(RedirectReply::Accept), &[&tale]);
    let [group] = groups.as_slice() else { panic!("one group") };
    tale.by("A").tells(group[0].fact.clone());
    assert_eq!(tale.parcel().recipient, Some(vault(1)));
    tale.tells(group[1].fact.clone());
    let parcel = tale.parcel();
    assert_eq!(parcel.recipient, Some(to));
    let redirect = parcel.delivery.redirect.as_ref().unwrap();
    assert_eq!(redirect.mark.event, request);
    assert!(redirect.answer.is_some() && redirect.done.is_some() && conflicts(&parcel).is_empty());
}

#[test]
fn a_declined_redirection_says_why_and_leaves_the_address() {
    let mut tale = Tale::out_for_delivery();
    tale.station().tells(RedirectRequested { to: vault(7), channel: Channel::Phone });
    let other = RedirectReply::Decline { class: DeclineClass::Other };
    assert_eq!(refusal(&answer(other), &tale), Some(Refusal::DeclineReasonMissing));
    let far = RedirectReply::Decline { class: DeclineClass::OutsideArea };
    let groups = Scene::new().facts("A", &answer(far), &[&tale]);
    assert_eq!(groups[0].len(), 1);
    tale.by("A").tells(groups[0][0].fact.clone());
    assert_eq!(tale.parcel().recipient, Some(vault(1)));
    assert_eq!(refusal(&answer(far), &tale), Some(Refusal::NoRedirect));
}

#[test]
fn two_contrary_answers_go_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    let ask = RedirectRequested { to: vault(7), channel: Channel::Phone };
    let request = tale.station().tells(ask);
    let declined = RedirectReply::Decline { class: DeclineClass::TooLate };
    tale.station().tells(RedirectAnswered { request, reply: declined, reason: None });
    let reply = RedirectReply::Accept;
    tale.by("A").having_seen(5).tells(RedirectAnswered { request, reply, reason: None });
    tale.by("A").having_seen(5).tells(DeliveryRedirected { request, recipient: vault(7) });
    let parcel = tale.parcel();
    assert_eq!(parcel.recipient, Some(vault(1)));
    assert_eq!(
        conflicts(&parcel),
        [(ConflictRow::RecordedTwice, Ruling::Open), (ConflictRow::OutOfPlace, Ruling::Open)]
    );
}

#[test]
fn a_delivery_to_the_old_address_after_an_unseen_redirection_goes_to_a_person() {
    let mut tale = Tale::out_for_delivery();
    let ask = RedirectRequested { to: vault(7), channel: Channel::Phone };
    let request = tale.station().tells(ask);
    tale.tells(RedirectAnswered { request, reply: RedirectReply::Accept, reason: None });
    tale.tells(DeliveryRedirected { request, recipient: vault(7) });
    tale.by("A").having_seen(4).tells(handed_over());
    assert_eq!(conflicts(&tale.parcel()), [(ConflictRow::AddressCorrected, Ruling::Open)]);
}

#[test]
fn a_refused_parcel_takes_no_wish_until_the_station_has_decided() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryRefused { class: RefusalClass::NoReason, reason: None });
    assert_eq!(refusal(&wish_for(Wish::Door), &tale), Some(Refusal::RefusalPending));
    tale.assign("A", 2);
    tale.by("A").tells(ParcelOutForDelivery {});
    assert_eq!(refusal(&wish_for(Wish::Door), &tale), None);
}
