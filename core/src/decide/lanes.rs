//! Which lanes a command reads and writes.

use crate::command::Command;
use crate::decide::Circumstances;
use crate::event::Lane;
use crate::transfer::Token;

/// Returns the lanes that [`decide`](super::decide) reads or writes for `command`.
pub fn lanes_of(command: &Command, at: &Circumstances) -> Vec<Lane> {
    match command {
        Command::ReconcileManifest { scanned, damaged, .. } => {
            let parcels = scanned.iter().chain(damaged).cloned().map(Lane::Parcel);
            std::iter::once(count_lane(at)).chain(parcels).collect()
        }
        Command::TakeOut { waybills }
        | Command::OfferCustody { waybills, .. }
        | Command::HandIn { waybills } => waybills.iter().cloned().map(Lane::Parcel).collect(),
        Command::AcceptCustody { code, .. } | Command::ConfirmCustody { code } => {
            let parcels = Token::read(code).map(|token| token.parcels).unwrap_or_default();
            parcels.into_iter().map(|parcel| Lane::Parcel(parcel.waybill)).collect()
        }
        Command::CloseShift { had, counted } => {
            let parcels = had.iter().chain(counted).cloned().map(Lane::Parcel);
            std::iter::once(count_lane(at)).chain(parcels).collect()
        }
        Command::DeliverMany { waybills, .. } => {
            waybills.iter().cloned().map(Lane::Parcel).collect()
        }
        Command::StoreMany { parcels, .. } => {
            parcels.iter().map(|one| Lane::Parcel(one.waybill.clone())).collect()
        }
        Command::OfferAppointment { waybill, .. }
        | Command::SetPreference { waybill, .. }
        | Command::RequestRedirect { waybill, .. }
        | Command::AnswerRedirect { waybill, .. }
        | Command::LogStationCall { waybill, .. }
        | Command::NotifyDelay { waybill, .. }
        | Command::SignReceiptForm { waybill, .. }
        | Command::HandInReceiptForm { waybill }
        | Command::CompleteReturn { waybill }
        | Command::Contact { waybill, .. }
        | Command::Arrive { waybill }
        | Command::Deliver { waybill, .. }
        | Command::FailAttempt { waybill, .. }
        | Command::ScheduleRedelivery { waybill, .. }
        | Command::Refuse { waybill, .. }
        | Command::StartReturn { waybill }
        | Command::AskConsent { waybill, .. }
        | Command::RecordConsent { waybill, .. }
        | Command::DeclineStorage { waybill, .. }
        | Command::RevokeConsent { waybill }
        | Command::Store { waybill, .. }
        | Command::RecordNotice { waybill, .. }
        | Command::SendNotice { waybill, .. }
        | Command::PickUp { waybill, .. }
        | Command::Retrieve { waybill, .. }
        | Command::ExtendStorage { waybill, .. }
        | Command::ReplaceCode { waybill, .. }
        | Command::CorrectSlot { waybill, .. }
        | Command::HandBack { waybill, .. }
        | Command::ExpireStorage { waybill }
        | Command::Announce { waybill, .. }
        | Command::Assign { waybill, .. }
        | Command::Freeze { waybill, .. }
        | Command::Release { waybill }
        | Command::Recall { waybill, .. }
        | Command::AuthoriseReturn { waybill }
        | Command::RuleConflict { waybill, .. }
        | Command::Reveal { waybill, .. }
        | Command::CorrectAddress { waybill, .. } => vec![Lane::Parcel(waybill.clone())],
        Command::ReportException { case, waybill, .. } => {
            let parcel = waybill.iter().cloned().map(Lane::Parcel);
            std::iter::once(Lane::Exception(*case)).chain(parcel).collect()
        }
        Command::AddEvidence { case, .. }
        | Command::Acknowledge { case, .. }
        | Command::DecideException { case, .. }
        | Command::ResolveException { case, .. }
        | Command::VoidException { case }
        | Command::ExcuseDuty { case, .. }
        | Command::NotifyParty { case, .. }
        | Command::MakePromise { case, .. }
        | Command::KeepPromise { case, .. }
        | Command::TakeMisdeliveryStep { case, .. }
        | Command::ReportErrorAnalysis { case, .. }
        | Command::RecordClaimConsent { case, .. }
        | Command::AddParticipant { case, .. }
        | Command::NoteProgress { case, .. }
        | Command::EscalateException { case, .. }
        | Command::CloseException { case }
        | Command::ReopenException { case, .. } => vec![Lane::Exception(*case)],
        Command::ReportDoorDamage { case, waybill, .. } => {
            vec![Lane::Parcel(waybill.clone()), Lane::Exception(*case)]
        }
        Command::AnnouncePickup { order, .. }
        | Command::AssignPickup { order, .. }
        | Command::SchedulePickup { order, .. }
        | Command::TellPickupDelay { order, .. }
        | Command::InspectPickup { order, .. }
        | Command::RefuseCollection { order, .. } => vec![Lane::Pickup(order.clone())],
        Command::CollectParcel { order, waybill, .. } => {
            vec![Lane::Pickup(order.clone()), Lane::Parcel(waybill.clone())]
        }
        Command::ReceiveComplaint { case, .. }
        | Command::ContactCustomer { case, .. }
        | Command::TakeComplaint { case }
        | Command::CloseComplaint { case, .. } => vec![Lane::Complaint(*case)],
        // Of a parcel the hub adds the cases about it: only the hub knows them all.
        Command::Correct { lane, .. } | Command::ErasePerson { lane, .. } => vec![lane.clone()],
    }
}

/// Where a count of parcels is written down: the courier's working day, or the station's affairs.
pub(super) fn count_lane(at: &Circumstances) -> Lane {
    match at.actor.courier() {
        Some(courier) => Lane::Shift(courier.clone(), at.now.local_day()),
        None => Lane::Station(at.station.clone()),
    }
}

/// Tells whether the command records what was physically done, said or seen. Only that goes on in
/// a lane where a newer release wrote something that must be understood.
pub(super) fn is_physical(command: &Command) -> bool {
    match command {
        Command::ReconcileManifest { .. }
        | Command::TakeOut { .. }
        | Command::Contact { .. }
        | Command::Arrive { .. }
        | Command::Deliver { .. }
        | Command::DeliverMany { .. }
        | Command::StoreMany { .. }
        | Command::OfferAppointment { .. }
        | Command::LogStationCall { .. }
        | Command::NotifyDelay { .. }
        | Command::SignReceiptForm { .. }
        | Command::HandInReceiptForm { .. }
        | Command::CompleteReturn { .. }
        | Command::FailAttempt { .. }
        | Command::Refuse { .. }
        | Command::StartReturn { .. }
        | Command::Store { .. }
        | Command::RecordNotice { .. }
        | Command::PickUp { .. }
        | Command::Retrieve { .. }
        | Command::HandBack { .. }
        | Command::ReplaceCode { .. }
        | Command::CorrectSlot { .. }
        | Command::ReportException { .. }
        | Command::AddEvidence { .. }
        | Command::ReceiveComplaint { .. }
        | Command::ContactCustomer { .. }
        | Command::TellPickupDelay { .. }
        | Command::InspectPickup { .. }
        | Command::CollectParcel { .. }
        | Command::RefuseCollection { .. }
        | Command::ReportDoorDamage { .. }
        | Command::NotifyParty { .. }
        | Command::MakePromise { .. }
        | Command::KeepPromise { .. }
        | Command::TakeMisdeliveryStep { .. }
        | Command::RecordClaimConsent { .. }
        | Command::NoteProgress { .. }
        | Command::AcceptCustody { .. }
        | Command::ConfirmCustody { .. }
        | Command::HandIn { .. }
        | Command::CloseShift { .. }
        | Command::Reveal { .. } => true,
        Command::ScheduleRedelivery { .. }
        | Command::SetPreference { .. }
        | Command::RequestRedirect { .. }
        | Command::AnswerRedirect { .. }
        | Command::AskConsent { .. }
        | Command::RecordConsent { .. }
        | Command::DeclineStorage { .. }
        | Command::RevokeConsent { .. }
        | Command::SendNotice { .. }
        | Command::ExtendStorage { .. }
        | Command::ExpireStorage { .. }
        | Command::Correct { .. }
        | Command::Announce { .. }
        | Command::Assign { .. }
        | Command::Freeze { .. }
        | Command::Release { .. }
        | Command::Recall { .. }
        | Command::AuthoriseReturn { .. }
        | Command::Acknowledge { .. }
        | Command::DecideException { .. }
        | Command::ResolveException { .. }
        | Command::VoidException { .. }
        | Command::TakeComplaint { .. }
        | Command::CloseComplaint { .. }
        | Command::AnnouncePickup { .. }
        | Command::AssignPickup { .. }
        | Command::SchedulePickup { .. }
        | Command::ExcuseDuty { .. }
        | Command::ReportErrorAnalysis { .. }
        | Command::AddParticipant { .. }
        | Command::EscalateException { .. }
        | Command::CloseException { .. }
        | Command::ReopenException { .. }
        | Command::CorrectAddress { .. }
        | Command::OfferCustody { .. }
        | Command::ErasePerson { .. }
        | Command::RuleConflict { .. } => false,
    }
}
