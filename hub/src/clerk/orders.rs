//! `POST /v1/clerk/pickups`: senders' orders from a platform, the company's app or an outlet (M10,
//! M11). Either all of it is right, or nothing is imported and every mistake is named at once.

use std::collections::HashSet;

use lastmile_core::command::Command;
use lastmile_core::event::Lane;
use lastmile_core::fold::LaneState;
use lastmile_core::id::{CourierNo, OrderNo};
use lastmile_core::pickup::waybill_errors;
use serde::Serialize;
use serde_json::Value;

use super::rows::{Rows, refused};
use super::{Acting, act};
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::Tx;
use crate::sync::Ledger;

#[derive(Serialize, Default)]
struct Imported {
    announced: usize,
    known: usize,
    assigned: usize,
}

/// One order that was read without a mistake.
struct Order {
    announce: Command,
    no: OrderNo,
    courier: Option<CourierNo>,
}

pub(super) fn import(
    hub: &Hub,
    tx: &dyn Tx,
    acting: &Acting,
    request: &Request,
) -> Result<Response> {
    let body: Value = request.read_json("a list of orders")?;
    let rows = body.get("orders").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| HubError::malformed("orders; they are a list \"orders\""))?;
    let mut ledger = Ledger::new(hub, tx)?;
    let (mut errors, mut seen, mut orders) = (Vec::new(), HashSet::new(), Vec::new());
    for (index, row) in rows.iter().enumerate() {
        let mut reader = Rows { index, row, errors: &mut errors };
        orders.extend(reader.order(&mut seen, ledger.now.ms));
    }
    if !errors.is_empty() {
        return Ok(refused("BadOrders", &errors));
    }

    let mut imported = Imported::default();
    for Order { announce, no, courier } in orders {
        let lane = Lane::Pickup(no.clone());
        if ledger.state(&lane)?.is_some() {
            imported.known += 1;
        } else {
            act::act(&mut ledger, acting, &announce)?;
            imported.announced += 1;
        }
        let pickup = ledger.state(&lane)?.and_then(LaneState::pickup);
        // An order that has ended is nobody's to fetch any more.
        let open = pickup.is_some_and(|pickup| !pickup.stage.is_closed());
        let given_to = pickup.and_then(|pickup| pickup.courier.clone());
        if let Some(courier) = courier
            && open
            && given_to.as_ref() != Some(&courier)
        {
            act::act(&mut ledger, acting, &Command::AssignPickup { order: no, courier })?;
            imported.assigned += 1;
        }
    }
    ledger.settle()?;
    Ok(Response::json(201, &imported))
}

impl Rows<'_> {
    fn order(&mut self, seen: &mut HashSet<OrderNo>, now_ms: i64) -> Option<Order> {
        let before = self.errors.len();
        let no = self.order_no(seen);
        let sender = self.person("sender", true);
        for wrong in sender.iter().flat_map(|sender| waybill_errors(sender, sender)) {
            // The order names no recipient yet: the sender stands for him here.
            if wrong.field.starts_with("sender.") {
                self.mistake(&wrong.field, "BadPerson", wrong.advice);
            }
        }
        let source =
            self.row.get("source").and_then(|text| serde_json::from_value(text.clone()).ok());
        if source.is_none() {
            self.mistake("source", "BadSource", "platform, phone, app or outlet");
        }
        let contents = match self.row.get("contents") {
            None | Some(Value::Null) => None,
            Some(text) => {
                if !text.is_string() {
                    self.mistake("contents", "BadText", "what is sent, in words");
                }
                text.as_str().map(str::to_owned)
            }
        };
        let goods = self.goods();
        let quantity = self.number("quantity").unwrap_or(1);
        let quantity = u32::try_from(quantity).ok().filter(|pieces| *pieces > 0);
        if quantity.is_none() {
            self.mistake("quantity", "BadNumber", "how many pieces, at least 1");
        }
        let (from_ms, to_ms) = (self.moment("from_ms"), self.moment("to_ms"));
        if let (Some(from_ms), Some(to_ms)) = (from_ms, to_ms)
            && (to_ms <= from_ms || to_ms <= now_ms)
        {
            self.mistake(
                "to_ms",
                "BadWindow",
                "a window that ends in the future and after its start",
            );
        }
        let courier = self.courier();
        if self.errors.len() > before {
            return None;
        }
        let no = no?;
        let announce = Command::AnnouncePickup {
            order: no.clone(),
            source: source?,
            sender: sender?,
            contents,
            quantity: quantity?,
            goods: goods?,
            from_ms: from_ms?,
            to_ms: to_ms?,
        };
        Some(Order { announce, no, courier })
    }

    fn order_no(&mut self, seen: &mut HashSet<OrderNo>) -> Option<OrderNo> {
        let order = self.row.get("order").and_then(Value::as_str);
        let Some(order) = order.and_then(|text| OrderNo::new(text).ok()) else {
            self.mistake("order", "BadOrder", "1 to 40 letters, digits, '_', '.' or '-'");
            return None;
        };
        if !seen.insert(order.clone()) {
            self.mistake("order", "Twice", "this number is in the list twice");
        }
        Some(order)
    }

    fn moment(&mut self, field: &str) -> Option<i64> {
        let moment = self.number(field);
        if moment.is_none() {
            self.mistake(field, "Missing", "UTC milliseconds");
        }
        moment
    }
}
