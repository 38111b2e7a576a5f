//! One day made of many: each row keeps its courier, its time of day, its place and its order,
//! and all of them are folded onto one date. What the data do not say is decided by stated rules.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use lastmile_core::Here;
use lastmile_core::id::{CourierNo, StationId};
use lastmile_core::waybill::Waybill;

use super::link::{self, CUT_ONE_IN, LOST_ONE_IN, ROUND_MIN, SILENT_MIN};
use super::rows::Row;

/// The date every row is folded onto.
pub const DATE: &str = "Wednesday 18 June 2025";
/// Minutes that China is ahead of UTC.
pub const OFFSET_MIN: i16 = 480;

/// Every so many-th hand-over is stored with consent.
pub const STORED_EVERY: usize = 9;
/// Every so many-th parcel has a dent and is reported with a photo.
pub const DENTED_EVERY: usize = 13;
/// Every so many-th customer complains.
pub const COMPLAINT_EVERY: usize = 17;
/// Every so many-th hand-over is signed for on the screen; the others are photographed.
pub const SIGNED_EVERY: usize = 4;
/// Every so many-th hand-over goes to an agent.
pub const AGENT_EVERY: usize = 6;
/// After so many hand-overs the station stops the next parcel that it can, and releases it.
pub const STOPPED_EVERY: usize = 31;

const MINUTE_MS: i64 = 60_000;
/// A parcel is stopped so long before its hand-over.
pub const STOP_BEFORE_MS: i64 = 8 * MINUTE_MS;
/// And the courier tries to hand it over so long before.
pub const TRY_BEFORE_MS: i64 = 5 * MINUTE_MS;

/// How a delivery is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a stated rule by itself")]
pub struct Script {
    /// The recipient is out and consents to storage.
    pub stored: bool,
    /// The box has a dent.
    pub dented: bool,
    /// The customer complains afterwards.
    pub complaint: bool,
    /// Signed for on the screen instead of photographed.
    pub signed: bool,
    /// Taken by an agent.
    pub agent: bool,
    /// Stopped by the station on the way, and released.
    pub stopped: bool,
}

/// One delivery of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The parcel.
    pub waybill: Waybill,
    /// The courier, by his place in [`Day::couriers`].
    pub courier: usize,
    /// The station.
    pub station: StationId,
    /// Where the station lies, if any parcel was accepted at a known place.
    pub station_at: Option<Here>,
    /// Where the address lies.
    pub address: Here,
    /// When it is accepted, UTC milliseconds.
    pub accepted_ms: i64,
    /// Where the phone was then, if it knew.
    pub accepted_at: Option<Here>,
    /// When it is delivered, UTC milliseconds.
    pub delivered_ms: i64,
    /// Where the phone was then, if it knew.
    pub delivered_at: Option<Here>,
    /// How it is played.
    pub script: Script,
}

/// A courier and the station he belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// His number.
    pub no: CourierNo,
    /// His station: that of his first row.
    pub station: StationId,
}

/// The whole day.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// In the order of their numbers.
    pub couriers: Vec<Worker>,
    /// In the order of their delivery; the file's order where two share a minute.
    pub deliveries: Vec<Delivery>,
    /// Where each station lies: the middle of the places where its parcels were accepted.
    pub stations: BTreeMap<StationId, Option<Here>>,
}

/// Folds rows onto [`DATE`] and writes the script of each.
pub fn fold(rows: &[Row]) -> Day {
    let mut couriers: BTreeMap<(u64, CourierNo), StationId> = BTreeMap::new();
    let mut accepted: BTreeMap<StationId, Vec<Here>> = BTreeMap::new();
    for row in rows {
        couriers.entry(by_number(&row.courier)).or_insert_with(|| row.station.clone());
        accepted.entry(row.station.clone()).or_default().extend(row.accepted_at);
    }
    let stations: BTreeMap<StationId, Option<Here>> =
        accepted.into_iter().map(|(id, places)| (id, middle(places))).collect();
    let couriers: Vec<Worker> =
        couriers.into_iter().map(|((_, no), station)| Worker { no, station }).collect();
    let place: BTreeMap<&CourierNo, usize> =
        couriers.iter().enumerate().map(|(at, worker)| (&worker.no, at)).collect();
    let mut deliveries: Vec<Delivery> = rows
        .iter()
        .map(|row| {
            let accepted_ms = on_the_date(row.accepted);
            Delivery {
                waybill: row.waybill.clone(),
                courier: place[&row.courier],
                station_at: stations[&couriers[place[&row.courier]].station],
                station: couriers[place[&row.courier]].station.clone(),
                address: row.address,
                accepted_ms,
                accepted_at: row.accepted_at,
                delivered_ms: accepted_ms + (row.delivered - row.accepted).num_milliseconds(),
                delivered_at: row.delivered_at,
                script: Script::default(),
            }
        })
        .collect();
    deliveries.sort_by_key(|delivery| delivery.delivered_ms);
    write_scripts(&mut deliveries);
    Day { couriers, deliveries, stations }
}

/// Sorts couriers as people read numbers: 435 before 1558.
fn by_number(no: &CourierNo) -> (u64, CourierNo) {
    (no.as_str().parse().unwrap_or(u64::MAX), no.clone())
}

/// Keeps the time of day. A delivery after midnight keeps its distance from its acceptance.
fn on_the_date(time: NaiveDateTime) -> i64 {
    let midnight =
        NaiveDate::from_ymd_opt(2025, 6, 18).unwrap_or_default().and_time(NaiveTime::MIN);
    let local =
        midnight.and_utc().timestamp_millis() + i64::from(time.num_seconds_from_midnight()) * 1000;
    local - i64::from(OFFSET_MIN) * MINUTE_MS
}

/// Writes a time as the station's clock shows it.
pub fn local_time(ms: i64) -> String {
    let local = chrono::DateTime::from_timestamp_millis(ms + i64::from(OFFSET_MIN) * MINUTE_MS);
    local.map(|time| time.format("%m-%d %H:%M").to_string()).unwrap_or_default()
}

fn write_scripts(deliveries: &mut [Delivery]) {
    let mut since_stop = STOPPED_EVERY / 2;
    for (at, delivery) in deliveries.iter_mut().enumerate() {
        let every = |n: usize| (at + 1).is_multiple_of(n);
        since_stop += 1;
        let stopped = since_stop >= STOPPED_EVERY && can_be_stopped(delivery);
        if stopped {
            since_stop = 0;
        }
        let stored = !stopped && every(STORED_EVERY);
        let by_hand = !stored;
        delivery.script = Script {
            stored,
            stopped,
            dented: by_hand && !stopped && every(DENTED_EVERY),
            complaint: every(COMPLAINT_EVERY),
            signed: by_hand && every(SIGNED_EVERY),
            agent: by_hand && every(AGENT_EVERY),
        };
    }
}

/// An order reaches a courier who has the parcel with him and a signal.
fn can_be_stopped(delivery: &Delivery) -> bool {
    let stopped_ms = delivery.delivered_ms - STOP_BEFORE_MS;
    delivery.accepted_ms < stopped_ms
        && [STOP_BEFORE_MS, TRY_BEFORE_MS, 0]
            .iter()
            .all(|before| link::has_signal(delivery.courier, delivery.delivered_ms - before))
}

/// The median of each coordinate: one phone that was elsewhere does not move it.
fn middle(mut places: Vec<Here>) -> Option<Here> {
    let half = places.len() / 2;
    places.sort_by(|a, b| a.lng.total_cmp(&b.lng));
    let lng = places.get(half)?.lng;
    places.sort_by(|a, b| a.lat.total_cmp(&b.lat));
    Some(Here { lng, lat: places.get(half)?.lat })
}

/// Says what is real, what is invented, and by which rules.
pub fn rules(seed: u64) -> String {
    format!(
        "Real      courier, time of day, places and order of every row. All rows are played on\n\
         \x20         {DATE}, whatever their own dates were.\n\
         Invented  names, phones, addresses and pictures, from seed {seed}: the data have none.\n\
         Rules     In the order of delivery, every {STORED_EVERY}th parcel is stored with consent, every\n\
         \x20         {DENTED_EVERY}th has a dent (an exception with a photo), every {COMPLAINT_EVERY}th brings a complaint.\n\
         \x20         Every {SIGNED_EVERY}th hand-over is signed for, the others are photographed; every\n\
         \x20         {AGENT_EVERY}th goes to an agent. About every {STOPPED_EVERY}st parcel is stopped on its way\n\
         \x20         by the station, and released.\n\
         Signal    No phone has any for {SILENT_MIN} of every {ROUND_MIN} minutes. Of the rest, one answer in {LOST_ONE_IN} is\n\
         \x20         lost and one upload in {CUT_ONE_IN} breaks off half-way, by chance from the seed."
    )
}

#[cfg(test)]
mod tests {
    use super::super::{SAMPLE, rows};
    use super::*;

    fn day() -> (Vec<Row>, Day) {
        let rows = rows::read(SAMPLE.as_bytes()).unwrap();
        let day = fold(&rows);
        (rows, day)
    }

    #[test]
    fn every_row_keeps_its_courier_its_places_and_its_time_of_day() {
        let (rows, day) = day();
        assert_eq!(day.deliveries.len(), rows.len());
        for delivery in &day.deliveries {
            let row = rows.iter().find(|row| row.waybill == delivery.waybill).unwrap();
            let local = |ms: i64| {
                let local = ms + i64::from(OFFSET_MIN) * MINUTE_MS;
                chrono::DateTime::from_timestamp_millis(local).unwrap().naive_utc()
            };
            let date = NaiveDate::from_ymd_opt(2025, 6, 18).unwrap();
            assert_eq!(local(delivery.accepted_ms), date.and_time(row.accepted.time()));
            assert_eq!(local(delivery.delivered_ms), date.and_time(row.delivered.time()));
            assert_eq!(day.couriers[delivery.courier].no, row.courier);
            assert_eq!((delivery.address, delivery.delivered_at), (row.address, row.delivered_at));
        }
    }

    #[test]
    fn deliveries_are_in_the_order_of_their_time_and_then_of_the_file() {
        let (rows, day) = day();
        let place = |delivery: &Delivery| {
            rows.iter().position(|row| row.waybill == delivery.waybill).unwrap()
        };
        for pair in day.deliveries.windows(2) {
            let key = |delivery| (Delivery::clone(delivery).delivered_ms, place(delivery));
            assert!(key(&pair[0]) < key(&pair[1]));
        }
        let numbers: Vec<&str> = day.couriers.iter().map(|worker| worker.no.as_str()).collect();
        assert_eq!(numbers, ["435", "949", "1558", "4609", "4849"]);
    }

    #[test]
    fn a_delivery_after_midnight_keeps_its_distance() {
        let (mut rows, _) = day();
        rows.truncate(1);
        rows[0].delivered = rows[0].accepted + chrono::TimeDelta::hours(20);
        let delivery = &fold(&rows).deliveries[0];
        assert_eq!(delivery.delivered_ms - delivery.accepted_ms, 20 * 3_600_000);
    }

    #[test]
    fn the_station_lies_where_most_parcels_were_accepted() {
        let (_, day) = day();
        assert_eq!(day.stations.len(), 1);
        let station = day.stations.values().next().unwrap().unwrap();
        assert!((station.lng - 126.56607).abs() < 1e-4 && (station.lat - 43.87081).abs() < 1e-4);
    }

    #[test]
    fn the_rules_come_to_the_counts_they_state() {
        let (_, day) = day();
        let count = |rule: fn(&Script) -> bool| {
            day.deliveries.iter().filter(|delivery| rule(&delivery.script)).count()
        };
        assert_eq!(count(|script| script.stored), 106 / STORED_EVERY);
        assert_eq!(count(|script| script.complaint), 106 / COMPLAINT_EVERY);
        assert_eq!(count(|script| script.dented), 106 / DENTED_EVERY);
        assert!(count(|script| script.stopped) >= 2);
        assert_eq!(count(|script| script.stored && (script.dented || script.stopped)), 0);
    }
}
