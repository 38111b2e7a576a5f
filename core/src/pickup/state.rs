//! What is so now with one pick-up order.

use serde::{Deserialize, Serialize};

use super::{CollectionRefusal, GoodsCheck, LateReason, PickupAnswers};
use crate::conflict::{ConflictRow, Incoming, Margin, Mark, Ruling, is_default};
use crate::directory::GoodsClass;
use crate::event::{Event, Fact};
use crate::id::{CourierNo, StationId};
use crate::parcel::GoodsFlags;
use crate::privacy::VaultRef;
use crate::time::Moment;
use crate::waybill::Waybill;

/// Where the order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum PickupStage {
    /// Nothing was announced.
    #[default]
    Unannounced,
    /// Announced, given to nobody (待揽件).
    Announced,
    /// Given to a courier.
    Assigned,
    /// The courier looked at it (已验视).
    Inspected,
    /// He has it (已揽收).
    Collected,
    /// It was not taken (拒收寄).
    Refused,
}

impl PickupStage {
    /// Tells whether nothing more is to be done.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Collected | Self::Refused)
    }
}

/// One item of the pick-up check (M04, M05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum PickupItem {
    /// What kind of thing it is.
    Item,
    /// Its weight.
    Weight,
    /// Whether it is to be insured.
    Insured,
    /// The packing.
    Packing,
    /// In front of the sender.
    FaceToFace,
    /// What the waybill calls it.
    Name,
    /// The catalogue of prohibited and restricted goods.
    Goods,
    /// The number of pieces.
    Quantity,
    /// What it looks like.
    State,
}

/// A delay that the sender was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickupDelay {
    /// Why.
    pub reason: LateReason,
    /// When the courier will be there, UTC milliseconds.
    pub eta_ms: i64,
    /// When the sender was told.
    pub told_at: Moment,
}

/// One pick-up order, as its lane tells it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PickupOrder {
    /// The station that fetches it.
    #[serde(skip_serializing_if = "is_default")]
    pub station: Option<StationId>,
    /// The sender, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub sender: Option<VaultRef>,
    /// What he sends, in his words, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub contents: Option<VaultRef>,
    /// How many pieces he ordered to be fetched.
    #[serde(skip_serializing_if = "is_default")]
    pub quantity: u32,
    /// What care it asks for.
    #[serde(skip_serializing_if = "is_default")]
    pub goods: GoodsFlags,
    /// When it was announced.
    #[serde(skip_serializing_if = "is_default")]
    pub announced_at: Option<Moment>,
    /// Start of the window, UTC milliseconds: as wished, then as agreed.
    #[serde(skip_serializing_if = "is_default")]
    pub from_ms: Option<i64>,
    /// End of the window, UTC milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub to_ms: Option<i64>,
    /// Where it stands.
    pub stage: PickupStage,
    /// The courier who has the order.
    #[serde(skip_serializing_if = "is_default")]
    pub courier: Option<CourierNo>,
    /// Couriers who had it before.
    #[serde(skip_serializing_if = "is_default")]
    pub former: Vec<CourierNo>,
    /// The delays the sender was told of.
    #[serde(skip_serializing_if = "is_default")]
    pub delays: Vec<PickupDelay>,
    /// The answers of the check, the last of each.
    #[serde(skip_serializing_if = "is_default")]
    pub answers: PickupAnswers,
    /// The class of the goods, if they are listed.
    #[serde(skip_serializing_if = "is_default")]
    pub listed: Option<GoodsClass>,
    /// What was wrong with it, in the vault.
    #[serde(skip_serializing_if = "is_default")]
    pub anomaly: Option<VaultRef>,
    /// When the courier first looked at it.
    #[serde(skip_serializing_if = "is_default")]
    pub inspected_at: Option<Moment>,
    /// The parcel it became.
    #[serde(skip_serializing_if = "is_default")]
    pub waybill: Option<Waybill>,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "is_default")]
    pub refused: Option<CollectionRefusal>,
    /// When it ended.
    #[serde(skip_serializing_if = "is_default")]
    pub closed_at: Option<Moment>,
    /// The event that ended it.
    #[serde(skip_serializing_if = "is_default")]
    pub closed: Option<Mark>,
    /// Conflicts, acts against a rule, corrections.
    #[serde(skip_serializing_if = "is_default")]
    pub margin: Margin,
}

impl PickupOrder {
    /// Lists the items of the check that are not answered yet (M04).
    pub fn unanswered(&self) -> Vec<PickupItem> {
        let answers = &self.answers;
        let answered = [
            (PickupItem::Item, answers.item.is_some()),
            (PickupItem::Weight, answers.weight_g.is_some_and(|weight| weight > 0)),
            (PickupItem::Insured, answers.insured.is_some()),
            (PickupItem::Packing, answers.packing.is_some()),
            (PickupItem::FaceToFace, answers.face_to_face.is_some()),
            (PickupItem::Name, answers.name_matches.is_some()),
            (PickupItem::Goods, answers.goods.is_some()),
            (PickupItem::Quantity, answers.quantity.is_some_and(|pieces| pieces > 0)),
            (PickupItem::State, answers.state.is_some()),
        ];
        answered.into_iter().filter(|(_, yes)| !yes).map(|(item, _)| item).collect()
    }

    /// Tells whether what the catalogue asks of listed goods was done.
    pub fn rule_followed(&self) -> bool {
        matches!(self.answers.goods, Some(GoodsCheck::Listed { rule_followed: true, .. }))
    }

    /// Tells whether the window is over and the sender, who is still waiting, was told of no
    /// later time (M10).
    pub fn late_untold(&self, now_ms: i64) -> bool {
        let expected = self.delays.iter().map(|delay| delay.eta_ms).chain(self.to_ms).max();
        let waiting = !self.stage.is_closed() && self.inspected_at.is_none();
        waiting && expected.is_some_and(|expected| expected < now_ms)
    }

    /// Adds one event.
    pub fn apply(&mut self, event: &Event, lane_seq: Option<u64>) {
        if !self.margin.note(event) {
            return;
        }
        let act = Incoming::new(&event.envelope, lane_seq);
        match &event.fact {
            Fact::PickupAnnounced(fact) => {
                if self.announced_at.is_some() {
                    return self.misfit(ConflictRow::RecordedTwice, &act);
                }
                self.station = Some(fact.station.clone());
                self.sender = Some(fact.sender);
                self.contents = fact.contents;
                self.quantity = fact.quantity;
                self.goods = fact.goods;
                self.from_ms = Some(fact.from_ms);
                self.to_ms = Some(fact.to_ms);
                self.announced_at = Some(act.envelope.at);
                if self.stage == PickupStage::Unannounced {
                    self.stage = PickupStage::Announced;
                }
            }
            Fact::PickupAssigned(fact) => {
                if self.still_open(&act) {
                    self.give_to(&fact.courier);
                }
            }
            Fact::PickupScheduled(fact) => {
                if self.still_open(&act) {
                    self.from_ms = Some(fact.from_ms);
                    self.to_ms = Some(fact.to_ms);
                }
            }
            // Said is said, even of an order that had ended meanwhile.
            Fact::PickupDelayTold(fact) => self.delays.push(PickupDelay {
                reason: fact.reason,
                eta_ms: fact.eta_ms,
                told_at: act.envelope.at,
            }),
            Fact::PickupInspected(fact) => {
                self.take_answers(fact);
                self.inspected_at.get_or_insert(act.envelope.at);
                if self.still_open(&act) {
                    self.stage = PickupStage::Inspected;
                }
            }
            Fact::CollectionRefused(fact) => {
                if self.still_open(&act) {
                    self.refused = Some(fact.reason);
                    self.close(PickupStage::Refused, &act);
                }
            }
            Fact::PickupCompleted(fact) => self.completed(&fact.waybill, &act),
            Fact::CorrectionDeclared(_) | Fact::Unknown { .. } | Fact::EvidenceLost(_) => {}
            _ => self.misfit(ConflictRow::OutOfPlace, &act),
        }
    }

    fn give_to(&mut self, courier: &CourierNo) {
        if let Some(before) = self.courier.replace(courier.clone())
            && &before != courier
            && !self.former.contains(&before)
        {
            self.former.push(before);
        }
        if matches!(self.stage, PickupStage::Unannounced | PickupStage::Announced) {
            self.stage = PickupStage::Assigned;
        }
    }

    fn take_answers(&mut self, fact: &super::PickupInspected) {
        let (new, kept) = (fact.answers.clone(), &mut self.answers);
        if new.goods.is_some() {
            self.listed = fact.listed;
        }
        kept.item = new.item.or(kept.item);
        kept.weight_g = new.weight_g.or(kept.weight_g);
        kept.insured = new.insured.or(kept.insured);
        kept.packing = new.packing.or(kept.packing);
        kept.face_to_face = new.face_to_face.or(kept.face_to_face);
        kept.name_matches = new.name_matches.or(kept.name_matches);
        kept.goods = new.goods.or(kept.goods.take());
        kept.quantity = new.quantity.or(kept.quantity);
        kept.state = new.state.or(kept.state);
        self.anomaly = fact.anomaly.or(self.anomaly);
    }

    /// Taken is taken, even after a refusal: the courier has it. A second time is a conflict.
    fn completed(&mut self, waybill: &Waybill, act: &Incoming) {
        if self.stage == PickupStage::Collected {
            return self.misfit(ConflictRow::RecordedTwice, act);
        }
        if self.stage == PickupStage::Refused {
            self.misfit(ConflictRow::OutOfPlace, act);
        }
        self.waybill = Some(waybill.clone());
        self.close(PickupStage::Collected, act);
    }

    fn close(&mut self, stage: PickupStage, act: &Incoming) {
        self.stage = stage;
        self.closed_at = Some(act.envelope.at);
        self.closed = Some(act.mark);
    }

    /// Tells whether the order is open; notes it when it is not.
    fn still_open(&mut self, act: &Incoming) -> bool {
        let open = !self.stage.is_closed();
        if !open {
            self.misfit(ConflictRow::OutOfPlace, act);
        }
        open
    }

    fn misfit(&mut self, row: ConflictRow, act: &Incoming) {
        let other = self.closed.map(|closed| closed.event);
        self.margin.clash(row, act.id(), other, Ruling::Settled);
    }
}
