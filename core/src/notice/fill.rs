//! What the phone knows for a notice's slots, so that the app asks once and types little.

use super::{Audience, Finding, Language, Notice, NoticeDraft, Slot, SlotValue, Templates};
use super::{lint_message, without_address};
use crate::courier::Courier;
use crate::directory::{Directory, Site};
use crate::error::{Error, Result};
use crate::parcel::{Parcel, Stage};
use crate::temporary_storage::SiteKind;
use crate::time::Moment;
use crate::waybill::Waybill;

/// How many of the waybill number's last characters a notice shows.
const TAIL: usize = 4;

/// The storage notice of a parcel with a code, and of one without (M32).
const STORED: &str = "T01";
const STORED_WITHOUT_CODE: &str = "T01B";
/// The push at a node of the way: there alone the promise is what is expected (M40).
const NODE: &str = "T18";

impl Courier {
    /// Renders a notice about a parcel from what is known here; `given` adds what only the courier
    /// knows (a cause, a new time) and overrides the rest.
    ///
    /// T01 for a parcel that was stored without a code comes as T01B, which says to show the
    /// courier's number. Nothing is recorded: when the text was sent, record it with
    /// [`Command::RecordNotice`](crate::Command::RecordNotice), `template` and `sha256`.
    ///
    /// # Errors
    /// `NotFound` for an unknown parcel, `NoticeTemplateUnknown`, and `NoticeSlotEmpty` with every
    /// mandatory slot that nobody filled: half a message is worse than none.
    pub fn render_notice(
        &self,
        waybill: &Waybill,
        template: &str,
        language: Language,
        audience: Audience,
        given: Vec<SlotValue>,
    ) -> Result<Notice> {
        let parcel = self.parcel(waybill)?.ok_or(Error::NotFound { what: "the parcel" })?;
        let persons = [parcel.recipient, parcel.sender].map(|person| self.person(person));
        let [recipient, sender] = persons;
        let (recipient, sender) = (recipient?, sender?);
        let code = match parcel.storage.current_stay().and_then(|stay| stay.code) {
            Some(code) => self.text(code)?,
            None => None,
        };
        let typed = given.iter().any(|value| value.slot == Slot::PickupCode);
        let template = match template {
            STORED if code.is_none() && !typed => STORED_WITHOUT_CODE,
            template => template,
        };
        let now = self.now();
        let known = Known { parcel: &parcel, directory: self.directory(), now: &now, language };
        let courier = self.identity().courier.to_string();
        let mut slots = known.slots(template == NODE, code.is_some() || typed);
        slots.push((Slot::CourierNo, courier));
        slots.push((Slot::Parcel, tail(waybill)));
        slots.extend(code.map(|code| (Slot::PickupCode, code)));
        let addressed = recipient.as_ref().map(|person| person.name.clone());
        slots.extend(addressed.map(|name| (Slot::Recipient, name)));
        let mut slots: Vec<SlotValue> =
            slots.into_iter().map(|(slot, text)| SlotValue { slot, text }).collect();
        // The recipient is not told his own name.
        slots.retain(|value| value.slot != Slot::Recipient || audience == Audience::ThirdParty);
        slots.extend(given);
        let about = recipient.into_iter().chain(sender).collect();
        let template = template.to_owned();
        let draft = NoticeDraft { template, language, audience, slots, about };
        Ok(Templates::built_in().render(&draft, self.policy())?)
    }

    /// Warns about words of a message that evade or stay vague (M03), and about one that does not
    /// address its reader politely (M39: list `impolite`, at its start). Never blocks.
    pub fn lint_message(&self, text: &str) -> Vec<Finding> {
        without_address(text)
            .into_iter()
            .chain(lint_message(text, &self.policy().word_lists()))
            .collect()
    }
}

fn tail(waybill: &Waybill) -> String {
    let number = waybill.to_string();
    number.chars().skip(number.chars().count().saturating_sub(TAIL)).collect()
}

/// A parcel, and what is known around it.
struct Known<'a> {
    parcel: &'a Parcel,
    directory: &'a Directory,
    now: &'a Moment,
    language: Language,
}

impl Known<'_> {
    fn say(&self, zh: &str, en: &str) -> String {
        match self.language {
            Language::Zh => zh.to_owned(),
            Language::En => en.to_owned(),
        }
    }

    /// A time as a notice prints it, in the zone of the phone.
    fn time(&self, ms: i64) -> String {
        Moment { ms, ..*self.now }.local_minute()
    }

    fn slots(&self, at_a_node: bool, with_code: bool) -> Vec<(Slot, String)> {
        let parcel = self.parcel;
        let mut slots = vec![
            (Slot::Honorific, self.say("尊敬的客户", "dear customer")),
            (Slot::Goods, self.say("包裹", "parcel")),
            (Slot::Node, self.node()),
        ];
        let phone = &self.directory.station_phone;
        if !phone.trim().is_empty() {
            let call = self.say("请拨打", "please call");
            slots.push((Slot::DoorDelivery, format!("{call} {phone}")));
        }
        if let Some(stay) = parcel.storage.current_stay() {
            slots.push((Slot::CollectBefore, self.time(stay.collect_before_ms)));
            slots.extend(stay.slot.as_ref().map(|lies| (Slot::LockerSlot, lies.slot.to_string())));
            if let Some(site) = self.directory.site(&stay.site) {
                slots.push((Slot::Station, site.name.clone()));
                slots.push((Slot::OpeningHours, site.hours.clone()));
                slots.push((Slot::PickupMethod, self.method(site, with_code)));
            }
        }
        if let Some(track) = &parcel.track {
            slots.push((Slot::Position, track.facility.clone()));
        }
        let appointment =
            parcel.delivery.appointment.as_ref().map(|agreed| self.time(agreed.from_ms));
        let promise = parcel.promise_ms.filter(|_| at_a_node).map(|ms| self.time(ms));
        slots.extend(appointment.clone().map(|time| (Slot::ProposedTime, time)));
        // A delay is told with a new time: the promise that is broken is none.
        slots.extend(appointment.or(promise).map(|time| (Slot::Eta, time)));
        slots
    }

    /// How a stored parcel is collected, by the kind of its site (M33).
    fn method(&self, site: &Site, with_code: bool) -> String {
        match (site.kind, with_code) {
            (SiteKind::Locker, true) => {
                self.say("在柜机上输入取件码", "enter the pickup code at the locker")
            }
            (SiteKind::Locker, false) => self
                .say("到柜机前联系快递员开柜", "call the courier at the locker to have it opened"),
            (SiteKind::NamedPlace, _) => {
                self.say("到您指定的地点自取", "collect it at the place you named")
            }
            (_, true) => self.say("凭取件码当面领取", "show the pickup code to the keeper"),
            (_, false) => self.say("凭快递员工号当面领取", "show the courier number to the keeper"),
        }
    }

    /// What has just happened to the parcel (T18).
    fn node(&self) -> String {
        match self.parcel.stage {
            Stage::Announced => self.say("正在运往站点", "is on its way to the station"),
            Stage::Collected => self.say("已揽收", "was collected from the sender"),
            Stage::AtStation | Stage::Assigned => self.say("已到达站点", "has reached the station"),
            Stage::OutForDelivery | Stage::Arrived => self.say("正在派送", "is out for delivery"),
            Stage::AttemptFailed => self.say("本次派送未成功", "could not be delivered this time"),
            Stage::RedeliveryScheduled => {
                self.say("已约定再次派送", "will be brought again as agreed")
            }
            Stage::Stored => self.say("已暂存", "is stored for you"),
            Stage::RefusedHeld => {
                self.say("已拒收，由站点处理", "was refused; the station decides")
            }
            Stage::ReturnAuthorised | Stage::Returning => {
                self.say("正在退回寄件人", "is going back to the sender")
            }
            Stage::Delivered => self.say("已签收", "was delivered"),
            Stage::PickedUp => self.say("已取件", "was collected"),
            Stage::Returned => self.say("已退回寄件人", "is back with the sender"),
        }
    }
}
