//! What may be stored, where, and on whose word.

use super::*;
use crate::command::{Command, ToStore};
use crate::conflict::{ConflictRow, Ruling};
use crate::deadline::{self, Timeliness};
use crate::delivery::{AttemptFailure, DeliveryAttemptFailed, RedeliveryScheduled};
use crate::event::{Actor, CorrectionReason, Fact, Lane};
use crate::parcel::{
    Condition, FreezeReason, GoodsFlags, ParcelFrozen, ParcelOutForDelivery, ParcelRecalled,
    ParcelReceivedAtStation, Stage,
};
use crate::policy::Policy;
use crate::privacy::VaultBody;
use crate::refusal::Refusal;
use crate::testing::{
    MORNING_MS, Scene, Tale, clerk_acts, consent, courier, moment, site, slot, stored, vault,
    waybill,
};
use crate::waybill::Waybill;

const DAY_MS: i64 = 86_400_000;

fn store_at(id: &str) -> Command {
    Command::Store {
        waybill: waybill(),
        site: site(id),
        collect_before_ms: MORNING_MS + DAY_MS / 2,
        code: None,
        photo: None,
        slot: None,
    }
}

fn consent_to(id: &str) -> Command {
    Command::RecordConsent {
        waybill: waybill(),
        given_by: ConsentGiver::Recipient,
        site: site(id),
        until_ms: MORNING_MS + DAY_MS,
        liability: Liability::Site,
        channel: Channel::Phone,
        evidence: None,
    }
}

/// Out with A, with a consent recorded.
fn agreed(given: StorageConsented) -> Tale {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(given);
    tale
}

fn refusal(command: &Command, tale: &Tale) -> Option<Refusal> {
    Scene::new().refusal("A", command, tale)
}

#[test]
fn a_store_rests_on_the_consent_for_its_site() {
    let tale = agreed(consent());
    let groups = Scene::new().facts("A", &store_at("YZ-1"), &[&tale]);
    let Fact::ParcelStored(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!(fact.consent, Some(consent().consent));
    assert_eq!(refusal(&store_at("LK-1"), &tale), Some(Refusal::ConsentMissing));
}

#[test]
fn nothing_is_stored_without_consent() {
    let tale = Tale::out_for_delivery();
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::ConsentMissing));
}

#[test]
fn an_absent_recipient_is_offered_a_second_delivery_first() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::AppointmentFirst));

    let window = RedeliveryScheduled { from_ms: 1, to_ms: 2, channel: Channel::Phone };
    tale.by("A").tells(window);
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::ConsentMissing));
}

#[test]
fn the_recipients_explicit_wish_comes_before_an_appointment() {
    let mut tale = Tale::out_for_delivery();
    tale.by("A").tells(DeliveryAttemptFailed { cause: AttemptFailure::Absent });
    tale.by("A").tells(consent());
    assert_eq!(refusal(&store_at("YZ-1"), &tale), None);
}

#[test]
fn a_courier_cannot_consent_for_the_recipient() {
    let mut own_word = consent_to("YZ-1");
    if let Command::RecordConsent { given_by, .. } = &mut own_word {
        *given_by = ConsentGiver::Courier;
    }
    let tale = Tale::out_for_delivery();
    assert_eq!(refusal(&own_word, &tale), Some(Refusal::ConsentByCourier));

    let recorded_all_the_same =
        agreed(StorageConsented { given_by: ConsentGiver::Courier, ..consent() });
    let refused = refusal(&store_at("YZ-1"), &recorded_all_the_same);
    assert_eq!(refused, Some(Refusal::ConsentByCourier));
}

#[test]
fn a_consent_ends() {
    let tale = agreed(StorageConsented { until_ms: moment(60).ms, ..consent() });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::ConsentEnded));

    let mut late = consent_to("YZ-1");
    if let Command::RecordConsent { until_ms, .. } = &mut late {
        *until_ms = moment(60).ms;
    }
    assert_eq!(refusal(&late, &Tale::out_for_delivery()), Some(Refusal::ConsentEnded));
}

#[test]
fn a_withdrawn_consent_and_a_plain_no_hold() {
    let mut tale = agreed(consent());
    tale.station().tells(StorageConsentRevoked { consent: consent().consent });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::ConsentWithdrawn));

    let mut tale = agreed(consent());
    tale.by("A").tells(StorageDeclined { channel: Channel::Phone });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::ConsentWithdrawn));
    assert_eq!(refusal(&store_at("LK-1"), &tale), Some(Refusal::ConsentWithdrawn));
}

#[test]
fn a_new_consent_after_a_withdrawal_counts() {
    let mut tale = agreed(consent());
    tale.by("A").tells(StorageConsentRevoked { consent: consent().consent });
    let again = ConsentId(uuid::Uuid::from_u128(8));
    tale.by("A").tells(StorageConsented { consent: again, ..consent() });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), None);
}

#[test]
fn a_door_only_parcel_is_never_stored() {
    let mut tale = Tale::out_with(GoodsFlags { door_only: true, ..GoodsFlags::default() });
    assert_eq!(refusal(&consent_to("YZ-1"), &tale), Some(Refusal::DoorOnly));
    tale.by("A").tells(consent());
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::DoorOnly));
}

#[test]
fn nothing_is_left_at_an_unattended_public_place() {
    let tale = agreed(StorageConsented { site: site("GATE"), ..consent() });
    assert_eq!(refusal(&store_at("GATE"), &tale), Some(Refusal::SiteUnattended));
    assert_eq!(refusal(&consent_to("GATE"), &tale), Some(Refusal::SiteUnattended));
}

#[test]
fn a_site_holds_what_it_may_hold() {
    let fresh = Tale::out_with(GoodsFlags { fresh: true, ..GoodsFlags::default() });
    assert_eq!(refusal(&consent_to("YZ-1"), &fresh), Some(Refusal::SiteCannotHold));
    let valuable = Tale::out_with(GoodsFlags { valuable: true, ..GoodsFlags::default() });
    assert_eq!(refusal(&consent_to("LK-1"), &valuable), Some(Refusal::SiteCannotHold));
    assert_eq!(refusal(&consent_to("YZ-1"), &valuable), Some(Refusal::SenderForbidsStorage));
    let allowed = GoodsFlags { valuable: true, storage_allowed: true, ..GoodsFlags::default() };
    assert_eq!(refusal(&consent_to("YZ-1"), &Tale::out_with(allowed)), None);
    assert_eq!(refusal(&consent_to("XX"), &valuable), Some(Refusal::SiteUnknown));
}

#[test]
fn a_stopped_or_recalled_parcel_is_not_stored() {
    let mut tale = agreed(consent());
    tale.station().tells(ParcelRecalled { safety: false });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::Recalled));
    tale.station().tells(ParcelFrozen { reason: FreezeReason::Authority });
    assert_eq!(refusal(&store_at("YZ-1"), &tale), Some(Refusal::Frozen));
}

#[test]
fn the_time_to_collect_lies_within_what_was_agreed() {
    let until = |collect_before| {
        let mut command = store_at("YZ-1");
        if let Command::Store { collect_before_ms, .. } = &mut command {
            *collect_before_ms = collect_before;
        }
        command
    };
    let tale = agreed(consent());
    let agreed_ms = consent().until_ms;
    assert_eq!(refusal(&until(agreed_ms), &tale), None);
    assert_eq!(refusal(&until(agreed_ms + 1), &tale), Some(Refusal::CollectBeforeTooLate));
    assert_eq!(refusal(&until(moment(60).ms), &tale), Some(Refusal::CollectBeforePast));

    let long = agreed(StorageConsented { until_ms: MORNING_MS + 30 * DAY_MS, ..consent() });
    let beyond_the_site = until(MORNING_MS + 10 * DAY_MS);
    assert_eq!(refusal(&beyond_the_site, &long), Some(Refusal::CollectBeforeTooLate));
}

#[test]
fn the_pickup_code_is_sealed() {
    let mut with_code = store_at("YZ-1");
    if let Command::Store { code, .. } = &mut with_code {
        *code = Some("8-2-1234".into());
    }
    let actor = Actor::Courier(courier("A"));
    let decision = Scene::new().decide(&actor, &with_code, &[&agreed(consent())]).ok().unwrap();
    let fact = serde_json::to_string(&decision.decided.groups[0][0].fact.kind()).unwrap();
    assert!(!fact.contains("1234"));
    assert_eq!(decision.decided.vault[0].read(), Some(VaultBody::Code("8-2-1234".into())));
}

#[test]
fn a_notice_names_its_template_and_tells_of_a_stay() {
    let notice = |template: &str| Command::RecordNotice {
        waybill: waybill(),
        channel: Channel::Sms,
        template: template.into(),
        text: Some(Digest([1; 32])),
    };
    let tale = Tale::in_storage();
    assert_eq!(refusal(&notice("T01.1"), &tale), None);
    let quoted = notice("Dear Mr Ceshi, your parcel");
    assert_eq!(refusal(&quoted, &tale), Some(Refusal::TemplateNotNamed));
    let elsewhere = Tale::out_for_delivery();
    assert_eq!(refusal(&notice("T01.1"), &elsewhere), Some(Refusal::NotInStorage));
}

#[test]
fn a_stored_parcel_is_given_out_or_taken_out_once() {
    let scene = Scene::new();
    let pick_up = Command::PickUp { waybill: waybill(), scanned: true, code: None };
    let retrieve = Command::Retrieve { waybill: waybill(), scanned: true };
    let mut tale = Tale::in_storage();
    assert_eq!(scene.refusal_to(&clerk_acts(), &pick_up, &tale), None);
    assert_eq!(scene.refusal("A", &retrieve, &tale), None);
    assert_eq!(scene.refusal("B", &retrieve, &tale), Some(Refusal::NotAssignedToYou));

    tale.station().tells(StoredParcelPickedUp { scanned: true, code_hash: None });
    assert_eq!(tale.parcel().stage, Stage::PickedUp);
    assert_eq!(scene.refusal("A", &retrieve, &tale), Some(Refusal::AlreadyDelivered));
}

#[test]
fn a_stopped_parcel_may_be_taken_out_to_be_handed_in_but_not_given_out() {
    let mut tale = Tale::in_storage();
    tale.station().tells(ParcelFrozen { reason: FreezeReason::SafetyRecall });
    let retrieve = Command::Retrieve { waybill: waybill(), scanned: true };
    let pick_up = Command::PickUp { waybill: waybill(), scanned: true, code: None };
    assert_eq!(refusal(&retrieve, &tale), None);
    assert_eq!(refusal(&pick_up, &tale), Some(Refusal::Frozen));
}

#[test]
fn revoking_takes_back_every_consent_in_one_group() {
    let mut tale = agreed(consent());
    let other = ConsentId(uuid::Uuid::from_u128(8));
    tale.by("A").tells(StorageConsented { consent: other, site: site("LK-1"), ..consent() });
    let revoke = Command::RevokeConsent { waybill: waybill() };
    let groups = Scene::new().facts("A", &revoke, &[&tale]);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
    let nothing = Tale::out_for_delivery();
    assert_eq!(refusal(&revoke, &nothing), Some(Refusal::NoConsent));
}

#[test]
fn a_place_without_a_keeper_needs_consent_that_can_be_shown() {
    let tale = Tale::out_for_delivery();
    assert_eq!(refusal(&consent_to("NP"), &tale), Some(Refusal::ConsentTraceMissing));
    let mut written = consent_to("NP");
    if let Command::RecordConsent { channel, .. } = &mut written {
        *channel = Channel::App;
    }
    assert_eq!(refusal(&written, &tale), None);
}

#[test]
fn a_damaged_parcel_lies_where_the_site_and_the_sender_allow_it() {
    let mut tale = Tale::announced(GoodsFlags { storage_allowed: true, ..GoodsFlags::default() });
    tale.assign("A", 1);
    tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Damaged });
    tale.by("A").tells(ParcelOutForDelivery {});
    assert_eq!(refusal(&consent_to("YZ-1"), &tale), Some(Refusal::SiteCannotHold));
    let mut scene = Scene::new();
    scene.directory.sites[0].takes_damaged = true;
    assert_eq!(scene.refusal("A", &consent_to("YZ-1"), &tale), None);
}

fn extend_to(collect_before_ms: i64) -> Command {
    Command::ExtendStorage { waybill: waybill(), collect_before_ms }
}

#[test]
fn a_stay_is_extended_within_its_consent_or_on_a_new_one() {
    let mut tale = Tale::in_storage();
    let (held, agreed) = (stored().collect_before_ms, consent().until_ms);
    assert_eq!(refusal(&extend_to(held), &tale), Some(Refusal::ExtensionNotLater));
    assert_eq!(refusal(&extend_to(agreed), &tale), None);
    let longer = agreed + DAY_MS;
    assert_eq!(refusal(&extend_to(longer), &tale), Some(Refusal::CollectBeforeTooLate));

    let again = ConsentId(uuid::Uuid::from_u128(8));
    tale.by("A").tells(StorageConsented { consent: again, until_ms: longer, ..consent() });
    let groups = Scene::new().facts("A", &extend_to(longer), &[&tale]);
    let Fact::StorageExtended(fact) = groups[0][0].fact.clone() else { panic!() };
    assert_eq!(fact.consent, Some(again));
    tale.by("A").tells(fact);
    let stay = tale.parcel().storage.stay.unwrap();
    assert_eq!((stay.collect_before_ms, stay.consent), (longer, Some(again)));
    let beyond_the_site = moment(0).ms + 4 * DAY_MS;
    assert_eq!(refusal(&extend_to(beyond_the_site), &tale), Some(Refusal::CollectBeforeTooLate));
}

#[test]
fn only_the_station_says_that_a_stay_is_over_and_only_when_it_is() {
    let mut tale = Tale::in_storage();
    let expire = Command::ExpireStorage { waybill: waybill() };
    let mut scene = Scene::new();
    assert_eq!(scene.refusal("A", &expire, &tale), Some(Refusal::NotForThisActor));
    assert_eq!(scene.refusal_to(&clerk_acts(), &expire, &tale), Some(Refusal::StayNotOver));
    scene.minute = 24 * 60;
    assert_eq!(scene.refusal_to(&clerk_acts(), &expire, &tale), None);
    tale.station().tells(StorageExpired {});
    assert!(tale.parcel().storage.stay.unwrap().expired.is_some());
    assert_eq!(tale.parcel().stage, Stage::Stored, "it still lies there");
}

#[test]
fn a_keeper_hands_it_back_when_the_stay_is_over() {
    let mut tale = Tale::in_storage();
    let hand_back = Command::HandBack { waybill: waybill(), scanned: true };
    let mut scene = Scene::new();
    assert_eq!(scene.refusal("A", &hand_back, &tale), Some(Refusal::StayNotOver));
    scene.minute = 24 * 60;
    assert_eq!(scene.refusal("A", &hand_back, &tale), None);

    tale.by("A").tells(StorageHandedBack { scanned: true });
    let parcel = tale.parcel();
    assert_eq!((parcel.stage, parcel.held_by(&courier("A"))), (Stage::Assigned, true));
    assert!(parcel.storage.stay.unwrap().ended.unwrap().handed_back);
    assert_eq!(scene.refusal("A", &hand_back, &tale), Some(Refusal::NotInStorage));
}

#[test]
fn consent_withdrawn_before_storing_is_a_no() {
    let mut tale = agreed(consent());
    tale.by("A").tells(StorageConsentRevoked { consent: consent().consent });
    assert!(tale.parcel().storage.declined.is_some());
    assert_eq!(refusal(&store_at("LK-1"), &tale), Some(Refusal::ConsentWithdrawn));
}

#[test]
fn consent_withdrawn_after_storing_starts_an_hour_and_the_parcel_stays() {
    let mut tale = Tale::in_storage();
    let policy = Policy::default();
    assert_eq!(deadline::storage_redelivery(&tale.parcel(), &policy, &moment(99)), None);
    tale.by("A").tells(StorageConsentRevoked { consent: consent().consent });
    let asked = tale.parcel().storage.stay.unwrap().redelivery_asked.unwrap();
    assert_eq!(tale.parcel().stage, Stage::Stored);
    let standing = |tale: &Tale, minute| {
        let (parcel, now) = (tale.parcel(), moment(minute));
        let (clock, standing) = deadline::storage_redelivery(&parcel, &policy, &now).unwrap();
        assert_eq!(clock.due_ms(), asked.ms + 3_600_000);
        standing
    };
    assert_eq!(standing(&tale, 30), Timeliness::Running);
    assert_eq!(standing(&tale, 90), Timeliness::Late);
    tale.by("A").tells(RedeliveryScheduled { from_ms: 1, to_ms: 2, channel: Channel::Phone });
    assert_eq!(standing(&tale, 90), Timeliness::OnTime);
}

#[test]
fn the_time_to_collect_runs_from_the_notice_on() {
    let mut tale = Tale::in_storage();
    assert_eq!(deadline::storage_collect(&tale.parcel(), &moment(60)), None);
    tale.by("A").tells(notice_sent());
    let (clock, standing) = deadline::storage_collect(&tale.parcel(), &moment(60)).unwrap();
    assert_eq!((clock.due_ms(), standing), (stored().collect_before_ms, Timeliness::Running));
    tale.station().tells(StoredParcelPickedUp { scanned: true, code_hash: None });
    let (_, standing) = deadline::storage_collect(&tale.parcel(), &moment(9_999)).unwrap();
    assert_eq!(standing, Timeliness::OnTime);
}

fn notice_sent() -> StorageNoticeSent {
    let (channel, template) = (Channel::Sms, "T01.1".to_owned());
    StorageNoticeSent { channel, template, text: Digest([1; 32]) }
}

#[test]
fn reminders_follow_the_ladder_and_a_missed_step_is_not_made_up_for() {
    let mut tale = Tale::in_storage();
    let (policy, day) = (Policy::default(), 24 * 60);
    let due = |tale: &Tale, days: i64| {
        tale.parcel().storage.stay.unwrap().reminder_due(&policy, &moment(days * day))
    };
    assert_eq!((due(&tale, 2), due(&tale, 3)), (None, Some(3)));
    assert_eq!(due(&tale, 8), Some(7), "the last step that was reached, not one after another");

    let remind = Command::RecordNotice {
        waybill: waybill(),
        channel: Channel::App,
        template: "T01R.1".into(),
        text: Some(Digest([1; 32])),
    };
    let mut scene = Scene::new();
    scene.minute = 8 * day;
    let Fact::StorageReminderSent(fact) = scene.facts("A", &remind, &[&tale])[0][0].fact.clone()
    else {
        panic!()
    };
    assert_eq!(fact.day, 7);
    tale.by("A").tells(fact);
    assert_eq!((due(&tale, 10), due(&tale, 11), due(&tale, 40)), (None, Some(11), Some(15)));
    tale.by("A").tells(StoredParcelRetrieved { scanned: true });
    assert_eq!(due(&tale, 40), None);
}

/// A scene in which the library gives out the codes of YZ-1, and so many are lent.
fn lending(count: u32) -> Scene {
    let mut scene = Scene::new();
    scene.directory.sites[0].codes = CodeIssuer::Library;
    let lease = Some(CodeLease { first: 0, count });
    scene.codes.take(&[SiteCodes { site: site("YZ-1"), key: key(), lease }]);
    scene
}

fn key() -> CodeKey {
    CodeKey(Digest([1; 32]))
}

#[test]
fn the_next_code_of_the_lease_is_sealed_and_its_keyed_hash_recorded() {
    let scene = lending(1);
    let tale = agreed(consent());
    let decision =
        scene.decide(&Actor::Courier(courier("A")), &store_at("YZ-1"), &[&tale]).ok().unwrap();
    let code = key().code(0);
    assert_eq!(decision.decided.vault[0].read(), Some(VaultBody::Code(code.clone())));
    let Fact::ParcelStored(fact) = &decision.decided.groups[0][0].fact else { panic!() };
    assert_eq!(fact.code_hash, Some(key().hash(&code)));
    assert_eq!(fact.code, Some(decision.decided.vault[0].reference));
}

#[test]
fn each_parcel_of_a_batch_gets_a_code_of_its_own_while_the_lease_lasts() {
    let (mut second, mut third) = (agreed(consent()), agreed(consent()));
    let others = ["SF1000000000002", "SF1000000000003"].map(|no| Waybill::parse(no).unwrap());
    second.move_to(Lane::Parcel(others[0].clone()));
    third.move_to(Lane::Parcel(others[1].clone()));
    let [other, last] = others;
    let to_store = |waybill| ToStore { waybill, code: None, slot: None };
    let command = Command::StoreMany {
        parcels: vec![to_store(waybill()), to_store(other), to_store(last)],
        site: site("YZ-1"),
        collect_before_ms: MORNING_MS + DAY_MS / 2,
        photo: None,
    };
    let tales = [&agreed(consent()), &second, &third];
    let groups = lending(2).facts("A", &command, &tales);
    let hashes: Vec<_> = groups
        .iter()
        .flatten()
        .map(|draft| {
            let Fact::ParcelStored(stored) = &draft.fact else { panic!() };
            stored.code_hash
        })
        .collect();
    let code = |n| Some(key().hash(&key().code(n)));
    assert_eq!(hashes, [code(0), code(1), None]);
}

#[test]
fn a_spent_lease_stores_without_a_code() {
    let groups = lending(0).facts("A", &store_at("YZ-1"), &[&agreed(consent())]);
    let Fact::ParcelStored(fact) = &groups[0][0].fact else { panic!() };
    assert_eq!((fact.code, fact.code_hash), (None, None));
}

#[test]
fn a_code_of_any_issue_is_honoured_in_its_time_and_any_other_is_left_open() {
    let mut tale = agreed(consent());
    let (first, second) = (key().hash("1111"), key().hash("2222"));
    tale.by("A").tells(ParcelStored { code_hash: Some(first), ..stored() });
    tale.by("A").tells(PickupCodeReplaced { code_hash: Some(second), code: None, clashed: false });
    let stay = tale.parcel().storage.stay.unwrap();
    for code in [first, second] {
        assert_eq!(stay.check_code(&code, moment(60).ms), CodeCheck::Verified);
        assert_eq!(stay.check_code(&code, moment(99_999).ms), CodeCheck::Unverified);
    }
    let unknown = key().hash("3333");
    assert_eq!(stay.check_code(&unknown, moment(60).ms), CodeCheck::Unverified);
}

#[test]
fn the_code_shown_is_recorded_as_its_hash_and_compared_by_who_knows_more() {
    let scene = lending(1);
    let mut tale = Tale::in_storage();
    let sent_again = key().hash("5555");
    let show = Command::PickUp { waybill: waybill(), scanned: true, code: Some("55 55".into()) };
    let Fact::StoredParcelPickedUp(fact) = scene.facts("A", &show, &[&tale])[0][0].fact.clone()
    else {
        panic!()
    };
    assert_eq!(fact.code_hash, Some(sent_again));

    let mut offline = Tale::in_storage();
    offline.by("A").tells(fact.clone());
    let shown = |tale: &Tale| tale.parcel().storage.stay.unwrap().code_shown;
    assert_eq!(shown(&offline), Some(CodeCheck::Unverified));
    tale.station().tells(PickupCodeReplaced {
        code_hash: Some(sent_again),
        code: None,
        clashed: false,
    });
    tale.by("A").having_seen(4).tells(fact);
    assert_eq!(shown(&tale), Some(CodeCheck::Verified));
}

#[test]
fn a_code_that_clashed_is_replaced_in_sight_and_the_notice_is_owed_again() {
    let mut tale = agreed(consent());
    tale.by("A").tells(ParcelStored { code: Some(vault(4)), ..stored() });
    tale.by("A").tells(notice_sent());
    let fact = PickupCodeReplaced { code_hash: None, code: Some(vault(5)), clashed: true };
    let replaced = tale.station().tells(fact);
    let parcel = tale.parcel();
    let conflict = parcel.margin.conflicts.last().unwrap();
    assert_eq!((conflict.row, conflict.event), (ConflictRow::CodeTwice, replaced));
    assert_eq!(parcel.storage.spent_codes, [vault(4)]);
    let since = parcel.storage.stay.as_ref().unwrap().owed_anew.as_ref().unwrap().at;
    let (clock, _) = deadline::storage_notice(&parcel, &Policy::default(), &moment(60)).unwrap();
    assert_eq!(clock.due_ms(), since.ms + 600_000, "the clock of the notice starts again");

    let notice = |tale: &Tale| tale.parcel().storage.stay.unwrap().notice;
    tale.by("B").having_seen(6).tells(notice_sent());
    assert_eq!(notice(&tale), Notice::Owed, "it told the old code");
    tale.by("A").tells(notice_sent());
    assert!(matches!(notice(&tale), Notice::Sent { .. }));
}

#[test]
fn what_is_taken_out_twice_is_linked_and_nobody_need_rule() {
    let mut tale = Tale::in_storage();
    let first = tale.by("A").tells(StoredParcelRetrieved { scanned: true });
    let once = tale.parcel();
    tale.by("A").tells(StoredParcelRetrieved { scanned: false });
    let [clash] = &tale.parcel().margin.conflicts[..] else { panic!("one conflict") };
    assert_eq!((clash.row, clash.ruling), (ConflictRow::RecordedTwice, Ruling::Settled));
    assert_eq!(clash.other, Some(first));
    assert_eq!(tale.parcel().storage, once.storage, "the first counts");
}

#[test]
fn a_code_is_to_be_forgotten_when_its_stay_ends() {
    let mut tale = agreed(consent());
    tale.by("A").tells(ParcelStored { code: Some(vault(4)), ..stored() });
    assert_eq!(tale.parcel().storage.spent_codes, []);
    tale.by("A").tells(StoredParcelRetrieved { scanned: true });
    assert_eq!(tale.parcel().storage.spent_codes, [vault(4)]);
}

#[test]
fn a_code_stays_spent_when_what_spent_it_or_the_stay_itself_is_taken_back() {
    let stored_and_retrieved = || {
        let mut tale = agreed(consent());
        let stay = tale.by("A").tells(ParcelStored { code: Some(vault(4)), ..stored() });
        let end = tale.by("A").tells(StoredParcelRetrieved { scanned: true });
        (tale, stay, end)
    };
    let (mut tale, _, end) = stored_and_retrieved();
    tale.by("A").correct(end, CorrectionReason::DidNotOccur);
    assert!(tale.parcel().storage.current_stay().is_some(), "it lies there still");
    assert_eq!(tale.parcel().storage.spent_codes, [vault(4)]);

    let (mut tale, stay, _) = stored_and_retrieved();
    tale.by("A").correct(stay, CorrectionReason::DidNotOccur);
    assert_eq!(tale.parcel().storage.stay, None, "it never lay there");
    assert_eq!(tale.parcel().storage.spent_codes, [vault(4)]);
}

#[test]
fn any_notice_is_recorded_under_the_fact_of_its_kind() {
    let scene = Scene::new();
    let record = |template: &str, text: Option<Digest>, tale: &Tale| {
        let (waybill, template) = (waybill(), template.to_owned());
        let told = Command::RecordNotice { waybill, channel: Channel::Sms, template, text };
        scene.facts("A", &told, &[tale])[0][0].fact.kind().to_owned()
    };
    let (lying, out, text) = (Tale::in_storage(), Tale::out_for_delivery(), Some(Digest([1; 32])));
    assert_eq!(record("T01B.1", text, &lying), "StorageNoticeSent");
    assert_eq!(record("T01.1", None, &lying), "StorageNoticeFailed");
    assert_eq!(record("T01R.1", text, &lying), "StorageReminderSent");
    assert_eq!(record("T01R.1", None, &lying), "NoticeFailed");
    assert_eq!(record("T04.1", text, &out), "NoticeSent");
    assert_eq!(record("T04.1", None, &out), "NoticeFailed");
}

fn store_in(id: &str, in_slot: &str) -> Command {
    let mut command = store_at(id);
    if let Command::Store { slot: named, .. } = &mut command {
        *named = Some(slot(in_slot));
    }
    command
}

/// Out with A, with consent to the locker.
fn for_the_locker() -> Tale {
    agreed(StorageConsented { site: site("LK-1"), ..consent() })
}

/// In slot A-1 of the locker.
fn in_the_locker() -> Tale {
    let mut tale = for_the_locker();
    tale.by("A").tells(ParcelStored { site: site("LK-1"), slot: Some(slot("A-1")), ..stored() });
    tale
}

fn clashed(later: bool) -> StorageSlotClashed {
    let other = EventId(uuid::Uuid::from_u128(99));
    StorageSlotClashed { slot: slot("A-1"), waybill: waybill(), other, later }
}

fn correct_to(text: &str) -> Command {
    Command::CorrectSlot { waybill: waybill(), slot: slot(text) }
}

#[test]
fn only_a_locker_has_slots() {
    let tale = for_the_locker();
    assert_eq!(refusal(&store_in("LK-1", "A-1"), &tale), None);
    assert_eq!(refusal(&store_in("YZ-1", "A-1"), &tale), Some(Refusal::SiteHasNoSlots));
    let at_the_counter = Tale::in_storage();
    assert_eq!(refusal(&correct_to("A-1"), &at_the_counter), Some(Refusal::SiteHasNoSlots));
}

#[test]
fn a_slot_in_which_another_parcel_lies_is_not_taken_again() {
    let mut scene = Scene::new();
    scene.slots_taken = vec![(site("LK-1"), slot("A-1")), (site("LK-2"), slot("A-2"))];
    let (out, lying) = (for_the_locker(), in_the_locker());
    assert_eq!(scene.refusal("A", &store_in("LK-1", "a-1"), &out), Some(Refusal::SlotTaken));
    assert_eq!(scene.refusal("A", &store_in("LK-1", "A-2"), &out), None);
    assert_eq!(scene.refusal("A", &correct_to("A-1"), &lying), Some(Refusal::SlotTaken));
    assert_eq!(scene.refusal("A", &correct_to("A-2"), &lying), None);
    assert_eq!(scene.refusal("B", &correct_to("A-2"), &lying), Some(Refusal::NotAssignedToYou));
    assert_eq!(scene.refusal("A", &correct_to("A-2"), &out), Some(Refusal::NotInStorage));
    assert!(Refusal::SlotTaken.can_be_recorded_against());
}

#[test]
fn of_two_parcels_of_a_batch_for_one_slot_the_second_is_left_out() {
    let mut second = for_the_locker();
    let other = Waybill::parse("SF1000000000002").unwrap();
    second.move_to(Lane::Parcel(other.clone()));
    let for_slot = |waybill| ToStore { waybill, code: None, slot: Some(slot("A-1")) };
    let command = Command::StoreMany {
        parcels: vec![for_slot(waybill()), for_slot(other.clone())],
        site: site("LK-1"),
        collect_before_ms: MORNING_MS + DAY_MS / 2,
        photo: None,
    };
    let actor = Actor::Courier(courier("A"));
    let tales = [&for_the_locker(), &second];
    let decision = Scene::new().decide(&actor, &command, &tales).ok().unwrap();
    let left_out = crate::decide::LeftOut { waybill: other, refusal: Refusal::SlotTaken };
    assert_eq!((decision.decided.groups.len(), decision.left_out), (1, vec![left_out]));
}

#[test]
fn of_two_parcels_in_one_slot_the_later_is_in_question_until_somebody_looked() {
    let mut tale = in_the_locker();
    let placed = tale.events.last().unwrap().envelope.id;
    tale.by("A").tells(notice_sent());
    tale.station().tells(clashed(true));
    let slot_conflict = |tale: &Tale| tale.parcel().margin.conflicts.last().cloned().unwrap();
    let conflict = slot_conflict(&tale);
    assert_eq!((conflict.row, conflict.event), (ConflictRow::SlotTwice, placed));
    assert_eq!((conflict.other, conflict.ruling), (Some(clashed(true).other), Ruling::Open));
    assert!(matches!(tale.parcel().storage.stay.unwrap().notice, Notice::Sent { .. }));

    let mut gone = in_the_locker();
    gone.station().tells(clashed(true));
    gone.by("A").tells(StoredParcelRetrieved { scanned: true });
    assert_eq!(slot_conflict(&gone).ruling, Ruling::Settled, "it left the slot");

    let seen = Scene::new().facts("A", &correct_to("A-2"), &[&tale])[0][0].fact.clone();
    tale.by("A").tells(seen);
    assert_eq!(slot_conflict(&tale).ruling, Ruling::Settled);
    let stay = tale.parcel().storage.stay.unwrap();
    assert_eq!(stay.slot.as_ref().unwrap().slot, slot("A-2"));
    assert_eq!(stay.notice, Notice::Owed, "he was told another slot");
    assert_eq!(stay.notice_owed_since(), tale.events.last().unwrap().envelope.at);
}

#[test]
fn the_earlier_of_two_parcels_in_one_slot_is_told_of_the_other_and_counts() {
    let mut tale = in_the_locker();
    tale.station().tells(clashed(false));
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.conflicts.last().unwrap().ruling, Ruling::Settled);
    assert_eq!(parcel.margin.open_conflicts().count(), 0);

    let mut elsewhere = Tale::in_storage();
    elsewhere.station().tells(clashed(true));
    assert_eq!(elsewhere.parcel().margin.conflicts.last().unwrap().row, ConflictRow::OutOfPlace);
}

#[test]
fn a_notice_of_the_wrong_slot_that_was_on_its_way_does_not_count() {
    let mut tale = in_the_locker();
    let (placed, known) = (tale.parcel().storage.stay.unwrap().at, tale.events.len() as u64);
    tale.station().tells(StorageSlotCorrected { slot: slot("A-2") });
    tale.by("A").having_seen(known).tells(notice_sent());
    let stay = tale.parcel().storage.stay.unwrap();
    assert_eq!(stay.notice, Notice::Owed);
    assert_eq!(stay.notice_owed_since(), placed, "nobody was told before: its clock runs on");
    tale.by("A").tells(notice_sent());
    assert!(matches!(tale.parcel().storage.stay.unwrap().notice, Notice::Sent { .. }));
}

#[test]
fn seen_where_it_was_said_to_lie_needs_no_new_notice() {
    let mut tale = in_the_locker();
    tale.by("A").tells(notice_sent());
    tale.station().tells(clashed(true));
    tale.by("A").tells(StorageSlotCorrected { slot: slot("A-1") });
    let parcel = tale.parcel();
    assert_eq!(parcel.margin.open_conflicts().count(), 0);
    assert!(matches!(parcel.storage.stay.unwrap().notice, Notice::Sent { .. }));
}
