//! Each command: the fact it would record, and the rule that judges it.

use super::at_a_site::{correct_slot, extend, pick_up, record_notice, replace_code, store};
use super::custody::{accept, close_shift, confirm, hand_in, offer};
use super::desk::Desk;
use super::lanes::is_physical;
use super::several::{
    answer_redirect, batch, erase, may_correct, reconcile, revoke, take_out, what_it_is_about,
};
use super::{Circumstances, Decision, Draft, LaneStates, cases, lanes_of, pickups};
use crate::command::Command;
use crate::complaint::{
    ComplaintClosed, ComplaintReceived, CustomerFirstContacted, OwnerTaken, rules as complaint,
};
use crate::delivery::{
    AddressArrived, AppointmentOffered, DelayNotified, DeliveryAttemptFailed, DeliveryRefused,
    ParcelDelivered, ParcelReturned, PreferenceSet, ReceiptFormHandedIn, ReceiptFormSigned,
    RecipientContactFailed, RecipientContacted, RedeliveryScheduled, RedirectRequested,
    ReturnAuthorised, ReturnStarted, StationCalled, Wish, rules as delivery, wish::rules as wishes,
};
use crate::event::{CorrectionDeclared, Fact, Lane};
use crate::exception_report::{
    EvidenceAdded, ExceptionAcknowledged, ExceptionDecided, ExceptionKind, ExceptionReported,
    ExceptionResolved, ExceptionVoided, rules as exception,
};
use crate::fold::LaneState;
use crate::id::ConsentId;
use crate::notice::{NoticeHandedToHub, rules as notice};
use crate::parcel::{
    AddressCorrected, ConflictRuled, FreezeReason, ParcelAnnounced, ParcelAssigned, ParcelFrozen,
    ParcelReassigned, ParcelRecalled, ParcelReleased, rules as parcel,
};
use crate::privacy::{ContactRevealed, VaultBody, rules as privacy};
use crate::refusal::{Refusal, refuse_if};
use crate::temporary_storage::{
    StorageConsentAsked, StorageConsented, StorageDeclined, StorageExpired, StorageHandedBack,
    StoredParcelRetrieved, rules as storage,
};

/// Decides `command`.
///
/// # Errors
/// A refusal that leaves nothing to record. A refusal that an act already done may be recorded
/// against comes with the facts, in [`Decision::refusal`].
#[expect(clippy::too_many_lines, reason = "one short arm per command, checked to be complete")]
pub fn decide(
    command: &Command,
    lanes: &LaneStates,
    at: &Circumstances,
) -> Result<Decision, Refusal> {
    if !is_physical(command) {
        let newer = |lane| lanes.get(&lane).is_some_and(LaneState::needs_update);
        refuse_if(lanes_of(command, at).into_iter().any(newer), Refusal::UpdateApp)?;
    }
    let mut desk = Desk::new(lanes, at);
    match command {
        Command::ReconcileManifest { manifest, expected, scanned, damaged } => {
            reconcile(desk, *manifest, expected, scanned, damaged)
        }
        Command::TakeOut { waybills } => take_out(desk, waybills),
        Command::Contact { waybill, channel, party, reached } => {
            let (channel, party) = (*channel, *party);
            let verdict = delivery::may_contact(desk.parcel(waybill)?, at);
            if *reached {
                desk.tell(verdict, waybill, RecipientContacted { channel, party })
            } else {
                desk.tell(verdict, waybill, RecipientContactFailed { channel, party })
            }
        }
        Command::Arrive { waybill } => {
            let verdict = delivery::may_arrive(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, AddressArrived {})
        }
        Command::Deliver {
            waybill,
            method,
            taker,
            identity,
            address_checked,
            inspection,
            proof,
        } => {
            let parcel = desk.parcel(waybill)?;
            let fact = ParcelDelivered {
                method: *method,
                taker: desk.text(&Lane::Parcel(waybill.clone()), taker.as_deref()),
                identity: *identity,
                address_checked: *address_checked,
                inspection: *inspection,
                proof: proof.clone(),
                address_gap_m: at.address_gap_m,
                station_gap_m: at.station_gap_m,
            };
            desk.tell(delivery::may_deliver(parcel, &fact, at), waybill, fact)
        }
        Command::FailAttempt { waybill, cause } => {
            let verdict = delivery::may_fail_attempt(desk.parcel(waybill)?, *cause, at);
            desk.tell(verdict, waybill, DeliveryAttemptFailed { cause: *cause })
        }
        Command::ScheduleRedelivery { waybill, from_ms, to_ms, channel } => {
            let fact = RedeliveryScheduled { from_ms: *from_ms, to_ms: *to_ms, channel: *channel };
            let verdict = delivery::may_schedule(desk.parcel(waybill)?, &fact, at);
            desk.tell(verdict, waybill, fact)
        }
        Command::Refuse { waybill, class, reason } => {
            let verdict = delivery::may_refuse(desk.parcel(waybill)?, at);
            let reason = desk.text(&Lane::Parcel(waybill.clone()), reason.as_deref());
            desk.tell(verdict, waybill, DeliveryRefused { class: *class, reason })
        }
        Command::StartReturn { waybill } => {
            let verdict = delivery::may_start_return(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ReturnStarted {})
        }
        Command::DeliverMany { .. } | Command::StoreMany { .. } => batch(&desk, command),
        Command::OfferAppointment { waybill, from_ms, to_ms, channel } => {
            let fact = AppointmentOffered { from_ms: *from_ms, to_ms: *to_ms, channel: *channel };
            let verdict = delivery::may_offer(desk.parcel(waybill)?, &fact, at);
            desk.tell(verdict, waybill, fact)
        }
        Command::SetPreference { waybill, wish, place, said_by, channel, evidence } => {
            let parcel = desk.parcel(waybill)?;
            let before = parcel.delivery.preference.as_ref().map_or(0, |wish| wish.version);
            let place = place.as_deref().filter(|_| *wish == Wish::NamedPlace);
            let fact = PreferenceSet {
                version: before.saturating_add(1),
                wish: wish.clone(),
                place: desk.text(&Lane::Parcel(waybill.clone()), place),
                consent: matches!(wish, Wish::AtSite { .. })
                    .then(|| ConsentId::new(at.now.ms, at.entropy)),
                said_by: *said_by,
                channel: *channel,
                evidence: evidence.clone(),
            };
            desk.tell(wishes::may_prefer(parcel, &fact, at), waybill, fact)
        }
        Command::RequestRedirect { waybill, to, channel } => {
            let verdict = wishes::may_redirect(desk.parcel(waybill)?, to, at);
            let lane = Lane::Parcel(waybill.clone());
            let to = desk.decided.seal(&lane, &VaultBody::Person(to.clone()), at);
            desk.tell(verdict, waybill, RedirectRequested { to, channel: *channel })
        }
        Command::AnswerRedirect { waybill, reply, reason } => {
            answer_redirect(desk, waybill, *reply, reason.as_deref())
        }
        Command::LogStationCall { waybill, channel } => {
            let verdict = delivery::may_call_station(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, StationCalled { channel: *channel })
        }
        Command::NotifyDelay { waybill, cause, position, eta_ms, channel } => {
            let parcel = desk.parcel(waybill)?;
            let fact = DelayNotified {
                cause: *cause,
                eta_ms: *eta_ms,
                position: desk.text(&Lane::Parcel(waybill.clone()), position.as_deref()),
                channel: *channel,
            };
            desk.tell(delivery::may_notify_delay(parcel, &fact, at), waybill, fact)
        }
        Command::SignReceiptForm { waybill, clear, photo } => {
            let fact = ReceiptFormSigned { clear: *clear, photo: photo.clone() };
            let verdict = delivery::may_sign_form(desk.parcel(waybill)?, &fact, at);
            desk.tell(verdict, waybill, fact)
        }
        Command::HandInReceiptForm { waybill } => {
            let verdict = delivery::may_hand_in_form(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ReceiptFormHandedIn {})
        }
        Command::CompleteReturn { waybill } => {
            let verdict = delivery::may_complete_return(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ParcelReturned {})
        }
        Command::AskConsent { waybill, channel, site } => {
            let verdict = storage::may_ask(desk.parcel(waybill)?, site, at);
            let fact = StorageConsentAsked { channel: *channel, site: site.clone() };
            desk.tell(verdict, waybill, fact)
        }
        Command::RecordConsent {
            waybill,
            given_by,
            site,
            until_ms,
            liability,
            channel,
            evidence,
        } => {
            let fact = StorageConsented {
                consent: ConsentId::new(at.now.ms, at.entropy),
                given_by: *given_by,
                site: site.clone(),
                until_ms: *until_ms,
                liability: *liability,
                channel: *channel,
                evidence: evidence.clone(),
            };
            let verdict = storage::may_consent(desk.parcel(waybill)?, &fact, at);
            desk.tell(verdict, waybill, fact)
        }
        Command::DeclineStorage { waybill, channel } => {
            let verdict = storage::may_decline(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, StorageDeclined { channel: *channel })
        }
        Command::RevokeConsent { waybill } => revoke(desk, waybill),
        Command::Store { waybill, site, collect_before_ms, code, photo, slot } => {
            let (code, photo, slot) = (code.as_deref(), photo.clone(), slot.clone());
            store(desk, waybill, site, *collect_before_ms, code, photo, slot)
        }
        Command::RecordNotice { waybill, channel, template, text } => {
            record_notice(desk, waybill, *channel, template, *text)
        }
        Command::SendNotice { waybill, to, channel, template, text } => {
            let parcel = desk.parcel(waybill)?;
            let fact = NoticeHandedToHub {
                to: *to,
                channel: *channel,
                template: template.clone(),
                text: desk.words(&Lane::Parcel(waybill.clone()), text),
            };
            desk.tell(notice::may_hand_to_hub(parcel, &fact, text, at), waybill, fact)
        }
        Command::PickUp { waybill, scanned, code } => {
            pick_up(desk, waybill, *scanned, code.as_deref())
        }
        Command::ExtendStorage { waybill, collect_before_ms } => {
            extend(desk, waybill, *collect_before_ms)
        }
        Command::ReplaceCode { waybill, code } => replace_code(desk, waybill, code.as_deref()),
        Command::CorrectSlot { waybill, slot } => correct_slot(desk, waybill, slot),
        Command::HandBack { waybill, scanned } => {
            let verdict = storage::may_hand_back(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, StorageHandedBack { scanned: *scanned })
        }
        Command::ExpireStorage { waybill } => {
            let verdict = storage::may_expire(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, StorageExpired {})
        }
        Command::Retrieve { waybill, scanned } => {
            let verdict = storage::may_retrieve(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, StoredParcelRetrieved { scanned: *scanned })
        }
        Command::ReportException { case, kind, waybill, evidence, shows, note } => {
            let lane = Lane::Exception(*case);
            let parcel = waybill.as_ref().and_then(|waybill| desk.parcel(waybill).ok());
            let fact = ExceptionReported {
                kind: *kind,
                waybill: waybill.clone(),
                about: parcel.and_then(|parcel| what_it_is_about(parcel, *kind)),
                evidence: evidence.clone(),
                shows: shows.clone(),
                note: desk.text(&lane, note.as_deref()),
            };
            let verdict = exception::may_report(desk.is_known(&lane), &fact);
            let mut group = vec![Draft { lane, fact: fact.into() }];
            // Prohibited goods stop in the same act (M06). An unknown parcel has no lane to
            // stop in, and a stopped one is stopped.
            if let (ExceptionKind::ProhibitedFound, Some(parcel), Some(waybill)) =
                (kind, parcel, waybill)
                && parcel.frozen.is_none()
            {
                let frozen = ParcelFrozen { reason: FreezeReason::ProhibitedGoods };
                group.push(Draft { lane: Lane::Parcel(waybill.clone()), fact: frozen.into() });
            }
            desk.tell_all(verdict, vec![group])
        }
        Command::AddEvidence { case, evidence, shows } => {
            desk.case(*case)?;
            let fact = EvidenceAdded { evidence: evidence.clone(), shows: *shows };
            desk.tell_in(Ok(()), Lane::Exception(*case), fact)
        }
        Command::ReceiveComplaint { case, waybill, complainant, demand, source, class, about } => {
            let lane = Lane::Complaint(*case);
            let known = desk.is_known(&lane);
            let fact = ComplaintReceived {
                waybill: waybill.clone(),
                complainant: desk.decided.seal(&lane, &VaultBody::Person(complainant.clone()), at),
                demand: desk.words(&lane, demand),
                source: *source,
                class: *class,
                about: about.clone(),
            };
            let verdict = complaint::may_receive(known, complainant, demand, at.policy);
            desk.tell_in(verdict, lane, fact)
        }
        Command::ContactCustomer { case, channel, reached } => {
            let verdict = complaint::may_contact(desk.complaint(*case)?, at);
            let fact = CustomerFirstContacted { channel: *channel, reached: *reached };
            desk.tell_in(verdict, Lane::Complaint(*case), fact)
        }
        Command::OfferCustody { transfer, waybills, to, until_ms } => {
            offer(desk, *transfer, waybills, to, *until_ms)
        }
        Command::AcceptCustody { code, missing } => accept(desk, code, missing),
        Command::ConfirmCustody { code } => confirm(desk, code),
        Command::HandIn { waybills } => hand_in(desk, waybills),
        Command::CloseShift { had, counted } => close_shift(desk, had, counted),
        Command::Correct { lane, event, reason, note } => {
            let verdict = may_correct(&desk, lane, *event);
            let note = desk.words(lane, note);
            let fact = CorrectionDeclared { event: *event, reason: *reason, note };
            desk.tell_in(verdict, lane.clone(), fact)
        }
        Command::Announce { waybill, recipient, sender, goods, promise_ms, freight, insured } => {
            parcel::station_only(at)?;
            let lane = Lane::Parcel(waybill.clone());
            // A courier may have got it from another before the station had its papers.
            let announced = desk.parcel(waybill).is_ok_and(|parcel| parcel.station.is_some());
            let verdict = refuse_if(announced, Refusal::AlreadyAnnounced);
            let fact = ParcelAnnounced {
                station: at.station.clone(),
                recipient: desk.decided.seal(&lane, &VaultBody::Person(recipient.clone()), at),
                sender: desk.decided.seal(&lane, &VaultBody::Person(sender.clone()), at),
                goods: *goods,
                promise_ms: *promise_ms,
                freight: *freight,
                insured: *insured,
            };
            desk.tell_in(verdict, lane, fact)
        }
        Command::Assign { waybill, courier } => {
            let parcel = desk.parcel(waybill)?;
            let verdict = parcel::may_assign(parcel, courier, at);
            let courier = courier.clone();
            let fact = match &parcel.assignment {
                None => Fact::from(ParcelAssigned { courier, epoch: 1 }),
                Some(before) => Fact::from(ParcelReassigned {
                    from: before.courier.clone(),
                    courier,
                    epoch: before.epoch.saturating_add(1),
                }),
            };
            desk.tell(verdict, waybill, fact)
        }
        Command::Freeze { waybill, reason } => {
            let verdict = parcel::may_freeze(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ParcelFrozen { reason: *reason })
        }
        Command::Release { waybill } => {
            let verdict = parcel::may_release(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ParcelReleased {})
        }
        Command::Recall { waybill, safety } => {
            let fact = ParcelRecalled { safety: *safety };
            let verdict = parcel::may_recall(desk.parcel(waybill)?, &fact, at);
            desk.tell(verdict, waybill, fact)
        }
        Command::AuthoriseReturn { waybill } => {
            let verdict = delivery::may_authorise_return(desk.parcel(waybill)?, at);
            desk.tell(verdict, waybill, ReturnAuthorised {})
        }
        Command::Acknowledge { case, owner, next_action_ms } => {
            let fact =
                ExceptionAcknowledged { owner: owner.clone(), next_action_ms: *next_action_ms };
            let verdict = exception::may_acknowledge(desk.case(*case)?, &fact, at);
            desk.tell_in(verdict, Lane::Exception(*case), fact)
        }
        Command::DecideException { case, decision, note } => {
            let lane = Lane::Exception(*case);
            let verdict = exception::may_decide(desk.case(*case)?, at);
            let note = desk.text(&lane, note.as_deref());
            desk.tell_in(verdict, lane, ExceptionDecided { decision: *decision, note })
        }
        Command::ResolveException { case, cause } => {
            let verdict = exception::may_resolve(desk.case(*case)?, at);
            desk.tell_in(verdict, Lane::Exception(*case), ExceptionResolved { cause: *cause })
        }
        Command::VoidException { case } => {
            let verdict = exception::may_void(desk.case(*case)?, at);
            desk.tell_in(verdict, Lane::Exception(*case), ExceptionVoided {})
        }
        Command::TakeComplaint { case } => {
            let verdict = complaint::may_take(desk.complaint(*case)?, at);
            let fact = OwnerTaken { owner: at.actor.clone() };
            desk.tell_in(verdict, Lane::Complaint(*case), fact)
        }
        Command::CloseComplaint { case, outcome } => {
            let lane = Lane::Complaint(*case);
            let verdict = complaint::may_close(desk.complaint(*case)?, outcome, at);
            let outcome = desk.words(&lane, outcome);
            desk.tell_in(verdict, lane, ComplaintClosed { outcome })
        }
        Command::Reveal { waybill, party, reason, note } => {
            let (party, reason) = (*party, *reason);
            let parcel = desk.parcel(waybill)?;
            let verdict = privacy::may_reveal(parcel, party, reason, note.as_deref(), at);
            let note = desk.text(&Lane::Parcel(waybill.clone()), note.as_deref());
            desk.tell(verdict, waybill, ContactRevealed { party, reason, note })
        }
        Command::ErasePerson { lane, party, reason } => erase(&desk, lane, *party, *reason),
        Command::RuleConflict { waybill, conflict, stands, note } => {
            let parcel = desk.parcel(waybill)?;
            let note = desk.words(&Lane::Parcel(waybill.clone()), note);
            let fact = ConflictRuled { conflict: *conflict, stands: *stands, note };
            desk.tell(parcel::may_rule(parcel, &fact, at), waybill, fact)
        }
        Command::CorrectAddress { waybill, recipient } => {
            let verdict = parcel::may_correct_address(desk.parcel(waybill)?, at);
            let recipient = desk.person(&Lane::Parcel(waybill.clone()), recipient);
            desk.tell(verdict, waybill, AddressCorrected { recipient })
        }
        Command::AnnouncePickup { .. }
        | Command::AssignPickup { .. }
        | Command::SchedulePickup { .. }
        | Command::TellPickupDelay { .. }
        | Command::InspectPickup { .. }
        | Command::CollectParcel { .. }
        | Command::RefuseCollection { .. } => pickups::decide(desk, command),
        Command::ReportDoorDamage { .. }
        | Command::ExcuseDuty { .. }
        | Command::NotifyParty { .. }
        | Command::MakePromise { .. }
        | Command::KeepPromise { .. }
        | Command::TakeMisdeliveryStep { .. }
        | Command::ReportErrorAnalysis { .. }
        | Command::RecordClaimConsent { .. }
        | Command::AddParticipant { .. }
        | Command::NoteProgress { .. }
        | Command::EscalateException { .. }
        | Command::CloseException { .. }
        | Command::ReopenException { .. } => cases::decide(desk, command),
    }
}
