//! What may be stored, where, and on whose word.

use super::*;
use crate::command::Command;
use crate::delivery::{AttemptFailure, DeliveryAttemptFailed, RedeliveryScheduled};
use crate::event::{Actor, Fact};
use crate::parcel::{FreezeReason, GoodsFlags, ParcelFrozen, ParcelRecalled, Stage};
use crate::privacy::VaultBody;
use crate::refusal::Refusal;
use crate::testing::{
    MORNING_MS, Scene, Tale, clerk_acts, consent, courier, moment, site, waybill,
};

const DAY_MS: i64 = 86_400_000;

fn store_at(id: &str) -> Command {
    Command::Store {
        waybill: waybill(),
        site: site(id),
        collect_before_ms: MORNING_MS + DAY_MS / 2,
        code: None,
        photo: None,
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
