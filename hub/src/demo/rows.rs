//! The deliveries of a `LaDe-D` file: read, checked, and every fault of every row named.
//!
//! A file is played as a whole or not at all. A fault names the line, the column and what belongs
//! there; it never repeats what stands there, because a shifted column may hold a name.

use std::collections::HashMap;
use std::io::BufRead;

use chrono::NaiveDateTime;
use csv::ByteRecord;
use lastmile_core::Here;
use lastmile_core::id::{CourierNo, StationId};
use lastmile_core::waybill::Waybill;

/// The columns that are read; a file may have more, in any order.
const COLUMNS: [&str; 11] = [
    "order_id",
    "region_id",
    "courier_id",
    "lng",
    "lat",
    "accept_time",
    "accept_gps_lng",
    "accept_gps_lat",
    "delivery_time",
    "delivery_gps_lng",
    "delivery_gps_lat",
];

/// What some programs put in front of a text file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One delivery, as the data have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number, made from `order_id`.
    pub waybill: Waybill,
    /// Who delivered it.
    pub courier: CourierNo,
    /// The station, made from `region_id`.
    pub station: StationId,
    /// Where the address lies.
    pub address: Here,
    /// When it was accepted; the year is not in the data.
    pub accepted: NaiveDateTime,
    /// Where, unless the phone had lost its position.
    pub accepted_at: Option<Here>,
    /// When it was delivered; the year is not in the data.
    pub delivered: NaiveDateTime,
    /// Where, unless the phone had lost its position.
    pub delivered_at: Option<Here>,
}

/// What is wrong with one line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: u64,
    /// Everything that is wrong with it.
    pub what: Vec<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what.join("; "))
    }
}

/// Reads a whole file, line by line, so that an unclosed quotation mark spoils one line only.
///
/// # Errors
/// Every line that is not a delivery, with everything that is wrong with it.
pub fn read(from: impl BufRead) -> Result<Vec<Row>, Vec<Fault>> {
    let (mut header, mut places) = (ByteRecord::new(), [0; COLUMNS.len()]);
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut seen: HashMap<Waybill, u64> = HashMap::new();
    for (line, bytes) in (1..).zip(from.split(b'\n')) {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                faults.push(Fault::one(line, format!("cannot be read ({})", error.kind())));
                break;
            }
        };
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes).trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        let record = split(bytes);
        if header.is_empty() {
            places = find_columns(&record, line).map_err(|fault| vec![fault])?;
            header = record;
            continue;
        }
        if record.len() != header.len() {
            let what = format!("{} values, the first line names {}", record.len(), header.len());
            faults.push(Fault::one(line, what));
            continue;
        }
        let mut fields = Fields { record: &record, places: &places, faults: Vec::new() };
        let row = fields.row(&mut seen, line);
        match row.filter(|_| fields.faults.is_empty()) {
            Some(row) => rows.push(row),
            None => faults.push(Fault { line, what: fields.faults }),
        }
    }
    if rows.is_empty() && faults.is_empty() {
        faults.push(Fault::one(1, "the file holds no delivery"));
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// Splits one line at its commas; a value in quotation marks may hold some.
fn split(line: &[u8]) -> ByteRecord {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(line.len().max(1))
        .from_reader(line);
    let mut record = ByteRecord::new();
    // A slice can always be read, and bytes are not checked for being text here.
    let _ = reader.read_byte_record(&mut record);
    record
}

impl Fault {
    fn one(line: u64, what: impl Into<String>) -> Self {
        Self { line, what: vec![what.into()] }
    }
}

/// Finds where each column stands.
fn find_columns(header: &ByteRecord, line: u64) -> Result<[usize; COLUMNS.len()], Fault> {
    let mut places = [0; COLUMNS.len()];
    let mut what = Vec::new();
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        match header.iter().position(|field| field == name.as_bytes()) {
            Some(found) => *place = found,
            None => what.push(format!("the column {name} is missing")),
        }
    }
    if what.is_empty() { Ok(places) } else { Err(Fault { line, what }) }
}

/// The values of one line, and what was found wrong with them so far.
struct Fields<'a> {
    record: &'a ByteRecord,
    places: &'a [usize; COLUMNS.len()],
    faults: Vec<String>,
}

impl Fields<'_> {
    /// Reads all of them, so that every fault of a line is found at once.
    fn row(&mut self, lines: &mut HashMap<Waybill, u64>, line: u64) -> Option<Row> {
        let waybill = self.waybill();
        if let Some(waybill) = &waybill
            && let Some(first) = lines.insert(waybill.clone(), line)
        {
            self.faults.push(format!("order_id stands on line {first} already"));
        }
        let courier = self.id("courier_id", |text| CourierNo::new(text).ok());
        let station = self.id("region_id", |text| StationId::new(format!("region-{text}")).ok());
        let address = self.place("lng", "lat");
        let accepted = self.time("accept_time");
        let accepted_at = self.place_or_lost("accept_gps_lng", "accept_gps_lat");
        let delivered = self.time("delivery_time");
        let delivered_at = self.place_or_lost("delivery_gps_lng", "delivery_gps_lat");
        if let (Some(accepted), Some(delivered)) = (accepted, delivered)
            && delivered < accepted
        {
            self.faults.push("delivery_time is before accept_time".to_owned());
        }
        Some(Row {
            waybill: waybill?,
            courier: courier?,
            station: station?,
            address: address?,
            accepted: accepted?,
            accepted_at,
            delivered: delivered?,
            delivered_at,
        })
    }

    fn text(&self, column: &str) -> &str {
        let place = COLUMNS.iter().position(|name| *name == column).unwrap_or_default();
        let field = self.record.get(self.places[place]).unwrap_or_default();
        std::str::from_utf8(field).unwrap_or_default()
    }

    fn expect<T>(&mut self, column: &str, value: Option<T>, expected: &str) -> Option<T> {
        if value.is_none() {
            self.faults.push(format!("{column} is not {expected}"));
        }
        value
    }

    /// A number of SF Express has 13 digits; the order's own number fills them from the right.
    fn waybill(&mut self) -> Option<Waybill> {
        let text = self.text("order_id");
        let plain = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let waybill = plain.then(|| Waybill::parse(&format!("SF{text:0>13}")).ok()).flatten();
        self.expect("order_id", waybill, "a number of 1 to 12 digits")
    }

    fn id<T>(&mut self, column: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(column);
        let plain = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let id = plain.then(|| read(text)).flatten();
        self.expect(column, id, "a number of 1 to 9 digits")
    }

    fn time(&mut self, column: &str) -> Option<NaiveDateTime> {
        // The data name no year. In a leap year every date of the calendar can be read.
        let text = format!("2024-{}", self.text(column));
        let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok();
        self.expect(column, time, "a time like 09-25 08:08:00")
    }

    fn place(&mut self, lng: &str, lat: &str) -> Option<Here> {
        let within = |text: &str, most: f64| {
            text.parse::<f64>().ok().filter(|degrees| (-most..=most).contains(degrees))
        };
        let (east, north) = (within(self.text(lng), 180.0), within(self.text(lat), 90.0));
        let east = self.expect(lng, east, "a longitude in degrees, -180 to 180");
        let north = self.expect(lat, north, "a latitude in degrees, -90 to 90");
        Some(Here { lng: east?, lat: north? })
    }

    /// Reads a place that the phone may have lost; then both columns hold `nan`.
    fn place_or_lost(&mut self, lng: &str, lat: &str) -> Option<Here> {
        let is_lost = |text: &str| text.eq_ignore_ascii_case("nan");
        if is_lost(self.text(lng)) && is_lost(self.text(lat)) {
            return None;
        }
        self.place(lng, lat)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SAMPLE;
    use super::*;

    const HEAD: &str = "order_id,region_id,courier_id,lng,lat,accept_time,accept_gps_lng,\
        accept_gps_lat,delivery_time,delivery_gps_lng,delivery_gps_lat\n";
    const GOOD: &str = "7,31,435,126.5,43.8,09-25 08:08:00,126.5,43.8,09-25 11:32:00,126.5,43.8\n";

    fn faults(text: &str) -> Vec<String> {
        let faults = read(text.as_bytes()).expect_err("a file with faults");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_real_data_are_106_rows_of_5_couriers_and_4_lost_positions() {
        let rows = read(SAMPLE.as_bytes()).unwrap();
        let couriers: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.courier).collect();
        assert_eq!((rows.len(), couriers.len()), (106, 5));
        assert_eq!(rows.iter().filter(|row| row.accepted_at.is_none()).count(), 4);
        assert_eq!(rows[0].waybill.as_str(), "SF0000003322376");
    }

    #[test]
    fn every_bad_row_is_named_with_everything_that_is_wrong_with_it() {
        let text = [
            HEAD,
            GOOD,
            "x1,31,435,east,43.8,09-25 08:08:00,126.5,43.8,09-25 25:32:00,126.5,43.8\n",
            "8,31,\"435\n",
            "\n",
            "9,31,435,126.5,43.8,09-25 08:08:00,nan,nan,09-25 07:00:00,126.5,443.8\n",
            "7,31,435,126.5,43.8,09-25 08:08:00,nan,43.8,09-25 11:32:00,126.5,43.8\n",
        ]
        .concat();
        assert_eq!(
            faults(&text),
            [
                "line 3: order_id is not a number of 1 to 12 digits; lng is not a longitude in \
                 degrees, -180 to 180; delivery_time is not a time like 09-25 08:08:00",
                "line 4: 3 values, the first line names 11",
                "line 6: delivery_gps_lat is not a latitude in degrees, -90 to 90; delivery_time \
                 is before accept_time",
                "line 7: order_id stands on line 2 already; accept_gps_lng is not a longitude in \
                 degrees, -180 to 180",
            ]
        );
    }

    #[test]
    fn missing_columns_are_all_named_and_a_file_without_rows_is_none() {
        let head = HEAD.replace("courier_id,", "").replace(",lat", ",latitude");
        assert_eq!(
            faults(&head),
            ["line 1: the column courier_id is missing; the column lat is missing"]
        );
        assert_eq!(faults(HEAD), ["line 1: the file holds no delivery"]);
        assert_eq!(faults(""), ["line 1: the file holds no delivery"]);
    }

    #[test]
    fn a_fault_never_repeats_what_stands_in_the_file() {
        let text = format!("{HEAD}王小明,13800000000,{}", &GOOD[5..]);
        let said = faults(&text).concat();
        assert!(!said.contains("王小明") && !said.contains("13800000000"), "{said}");
    }

    #[test]
    fn columns_may_stand_in_any_order_with_others_between_and_a_mark_in_front() {
        let rows = read(
            "\u{feff}ds,delivery_gps_lat,delivery_gps_lng,delivery_time,accept_gps_lat,\
             accept_gps_lng,accept_time,lat,lng,courier_id,region_id,order_id\r\n\
             0925,43.8,126.5,09-25 11:32:00,43.8,126.5,09-25 08:08:00,43.8,126.5,435,31,7\r\n"
                .as_bytes(),
        );
        assert_eq!(rows.unwrap(), read([HEAD, GOOD].concat().as_bytes()).unwrap());
    }

    #[test]
    fn bytes_that_are_no_text_are_a_fault_of_their_line() {
        let mut bytes = [HEAD, GOOD].concat().into_bytes();
        bytes.extend(b"\xff\xfe,31,435,126.5,43.8,09-25 08:08:00,nan,nan,09-25 11:32:00,nan,nan\n");
        let faults = read(bytes.as_slice()).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, 3));
    }
}
