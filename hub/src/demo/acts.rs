//! What a courier does at the door, at a storage site and on the phone with a customer.

use lastmile_core::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::delivery::{
    Channel, HandoverMethod, IdentityCheck, IdentityMethod, Inspection, Party, ProofItem, ProofKind,
};
use lastmile_core::directory::Site;
use lastmile_core::event::Lane;
use lastmile_core::evidence::EvidenceRef;
use lastmile_core::exception_report::{ExceptionKind, Shown};
use lastmile_core::id::CaseId;
use lastmile_core::notice::{Audience, Language, NoticeDraft, Slot, SlotValue, Templates};
use lastmile_core::policy::Policy;
use lastmile_core::temporary_storage::{ConsentGiver, Liability};

use super::Trouble;
use super::day::{self, Delivery};
use super::people::{self, Role};
use super::phone::Phone;
use super::picture::Motif;

const HOUR_MS: i64 = 3_600_000;
/// The recipient agrees to so long, and is asked to collect it within half of that.
const CONSENT_MS: i64 = 48 * HOUR_MS;
const COLLECT_MS: i64 = 24 * HOUR_MS;

/// One delivery in the hands of its courier.
pub struct Job {
    /// The delivery.
    pub delivery: Delivery,
    /// Its place in the day's list.
    pub number: usize,
    /// Decides what is invented.
    pub seed: u64,
    /// Where parcels of its station may be stored.
    pub site: Site,
}

impl Job {
    fn lane(&self) -> Lane {
        Lane::Parcel(self.delivery.waybill.clone())
    }

    /// Stands at the address; the box may have a dent.
    pub fn arrive(&self, phone: &mut Phone) -> Result<(), Trouble> {
        let waybill = &self.delivery.waybill;
        phone.be_at(self.delivery.delivered_at);
        phone.act(&Command::Contact {
            waybill: waybill.clone(),
            channel: Channel::Phone,
            party: Party::Recipient,
            reached: true,
        })?;
        if self.delivery.script.stored {
            return Ok(());
        }
        phone.act(&Command::Arrive { waybill: waybill.clone() })?;
        if self.delivery.script.dented {
            let case = phone.new_case();
            let photo = phone.picture(&Lane::Exception(case), Motif::Dent, waybill)?;
            phone.act(&Command::ReportException {
                case,
                kind: ExceptionKind::Damage,
                waybill: Some(waybill.clone()),
                evidence: vec![photo],
                shows: vec![Shown::OuterBox],
                note: Some("外箱一角压凹,封条完好".to_owned()),
            })?;
            phone.deeds.exceptions += 1;
        }
        Ok(())
    }

    /// The hand-over, with the proof given.
    pub fn deliver(&self, proof: Vec<ProofItem>) -> Command {
        let script = self.delivery.script;
        let agent =
            script.agent.then(|| people::person(self.seed, self.number, Role::Agent, None).name);
        Command::Deliver {
            waybill: self.delivery.waybill.clone(),
            method: if script.agent { HandoverMethod::Agent } else { HandoverMethod::FaceToFace },
            taker: agent,
            identity: IdentityCheck { method: IdentityMethod::Phone, matched: true },
            address_checked: true,
            inspection: if script.dented { Inspection::OpenedSound } else { Inspection::Declined },
            proof,
        }
    }

    /// Hands the parcel over, with a photo or a signature.
    pub fn hand_over(&self, phone: &mut Phone) -> Result<(), Trouble> {
        phone.be_at(self.delivery.delivered_at);
        let (kind, motif) = if self.delivery.script.signed {
            (ProofKind::Signature, Motif::Signature)
        } else {
            (ProofKind::Photo, Motif::Door)
        };
        let evidence = phone.picture(&self.lane(), motif, &self.delivery.waybill)?;
        phone.act(&self.deliver(vec![ProofItem { kind, evidence: Some(evidence) }]))?;
        phone.deeds.delivered += 1;
        Ok(())
    }

    /// Putting it on the site's shelf, before anybody was asked.
    pub fn store_unasked(&self) -> Command {
        self.store(None)
    }

    fn store(&self, photo: Option<EvidenceRef>) -> Command {
        Command::Store {
            waybill: self.delivery.waybill.clone(),
            site: self.site.id.clone(),
            collect_before_ms: self.delivery.delivered_ms + COLLECT_MS,
            code: Some(self.pickup_code()),
            photo,
            slot: None,
        }
    }

    /// Asks for consent, gets it, and stores the parcel.
    pub fn store_with_consent(&self, phone: &mut Phone) -> Result<(), Trouble> {
        let waybill = &self.delivery.waybill;
        phone.be_at(self.delivery.delivered_at);
        phone.act(&Command::AskConsent {
            waybill: waybill.clone(),
            channel: Channel::Phone,
            site: self.site.id.clone(),
        })?;
        phone.act(&Command::RecordConsent {
            waybill: waybill.clone(),
            given_by: ConsentGiver::Recipient,
            site: self.site.id.clone(),
            until_ms: self.delivery.delivered_ms + CONSENT_MS,
            liability: Liability::Site,
            channel: Channel::Phone,
            evidence: None,
        })?;
        let photo = phone.picture(&self.lane(), Motif::Shelf, waybill)?;
        phone.act(&self.store(Some(photo)))?;
        phone.deeds.stored += 1;
        Ok(())
    }

    /// The code under which the site keeps it.
    fn pickup_code(&self) -> String {
        format!("{}-{:04}", self.number % 9 + 1, self.number * 37 % 10_000)
    }

    /// Tells the recipient where the parcel is, in the words of template T01. The text goes out
    /// by message; the log keeps the template's name and the text's digest.
    pub fn give_notice(&self, phone: &mut Phone) -> Result<(), Trouble> {
        let collect_before_ms = self.delivery.delivered_ms + COLLECT_MS;
        let slots = [
            (Slot::Station, self.site.name.clone()),
            (Slot::PickupCode, self.pickup_code()),
            (Slot::PickupMethod, "凭取件码取件".to_owned()),
            (Slot::OpeningHours, self.site.hours.clone()),
            (Slot::CollectBefore, day::local_time(collect_before_ms)),
            (Slot::DoorDelivery, "回复本短信".to_owned()),
            (Slot::CourierNo, phone.no.to_string()),
        ];
        let draft = NoticeDraft {
            template: "T01".to_owned(),
            language: Language::Zh,
            audience: Audience::Recipient,
            slots: slots.map(|(slot, text)| SlotValue { slot, text }).to_vec(),
            about: Vec::new(),
        };
        let notice = Templates::built_in().render(&draft, &Policy::default());
        let notice = notice.map_err(|error| error.to_string())?;
        phone.act(&Command::RecordNotice {
            waybill: self.delivery.waybill.clone(),
            channel: Channel::Sms,
            template: notice.template,
            text: Some(notice.sha256),
        })?;
        Ok(())
    }

    /// Takes the customer's complaint.
    pub fn take_complaint(&self, phone: &mut Phone) -> Result<CaseId, Trouble> {
        let case = phone.new_case();
        let customer = people::person(self.seed, self.number, Role::Recipient, None);
        phone.act(&Command::ReceiveComplaint {
            case,
            waybill: self.delivery.waybill.clone(),
            complainant: customer,
            demand: "希望说明为什么比约定时间晚".to_owned(),
            source: ComplaintSource::Customer,
            class: ComplaintClass::Delay,
            about: None,
        })?;
        phone.deeds.complaints += 1;
        Ok(case)
    }
}

/// Rings the customer who complained, within the hour.
pub fn call_back(phone: &mut Phone, case: CaseId) -> Result<(), Trouble> {
    phone.act(&Command::ContactCustomer { case, channel: Channel::Phone, reached: true })?;
    Ok(())
}
