//! Looks for personal text where none may be: everywhere but in the vault.
//!
//! Every name, phone, address and free text that a scenario's commands hold is collected while it
//! is played. Afterwards none of them may stand in a table of a phone or of the hub, in any byte of a
//! phone's files, the vault's among them, or in an error that was seen on the way. What a station
//! makes public in its directory or its policy is not personal.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::world::{Phone, Station};

/// The steps' members that hold what people say; `desk` is looked at by itself.
const SPOKEN: [&str; 5] = ["clerk", "record", "command", "against", "body"];

/// What a station publishes.
const PUBLIC: [&str; 2] = ["/v1/clerk/directory", "/v1/clerk/policy"];

/// What is sealed looks like chance, and a shorter text would be found in it by chance.
const LEAST_IN_CHANCE: usize = 6;

/// A phone number as it is dialled in China.
const PHONE_DIGITS: usize = 11;

/// The personal texts of one scenario, and the errors seen while it was played.
#[derive(Default)]
pub struct Planted {
    texts: BTreeSet<String>,
    public: BTreeSet<String>,
    heard: Vec<String>,
}

impl Planted {
    /// Collects what a step plants.
    pub fn collect(&mut self, step: &Value) {
        let publishes = step["path"].as_str().is_some_and(|path| PUBLIC.contains(&path));
        let into = if publishes { &mut self.public } else { &mut self.texts };
        for member in SPOKEN {
            each_text(&step[member], &mut |text| {
                if is_personal(text) {
                    into.insert(text.to_owned());
                }
            });
        }
    }

    /// Remembers an error's words.
    pub fn hear(&mut self, error: impl Into<String>) {
        self.heard.push(error.into());
    }

    /// Looks everywhere.
    ///
    /// # Panics
    /// If a planted text stands outside the vault; says where.
    pub fn search<'a>(&self, station: &Station, phones: impl Iterator<Item = &'a Phone>) {
        let mut places: Vec<(String, Vec<u8>)> =
            self.heard.iter().map(|error| ("an error".to_owned(), error.clone().into())).collect();
        places.extend(cells("the hub", &station.database()));
        let mut sealed = Vec::new();
        for phone in phones {
            let name = format!("the phone of {}", phone.enrolment.courier);
            places.extend(cells(&name, &phone.disk.open("courier.db").expect("a good disk")));
            sealed.extend(files(&name, phone));
        }
        for text in self.texts.difference(&self.public) {
            let sealed = if text.len() < LEAST_IN_CHANCE { &[] } else { sealed.as_slice() };
            for (place, bytes) in places.iter().chain(sealed) {
                assert!(!stands_in(bytes, text), "\"{text}\" stands in {place}");
            }
        }
    }
}

/// A name, a phone number, or a text: it has a letter that is not ASCII, a space, or 11 digits.
fn is_personal(text: &str) -> bool {
    let foreign = |c: char| !c.is_ascii() && c.is_alphabetic();
    let number = text.len() == PHONE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    number || text.trim().contains(' ') || text.chars().any(foreign)
}

fn each_text(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, take)),
        Value::Object(fields) => fields.values().for_each(|field| each_text(field, take)),
        _ => {}
    }
}

/// Every byte of every file of a phone, and their names, with where they stand.
fn files(whose: &str, phone: &Phone) -> Vec<(String, Vec<u8>)> {
    let files = phone.disk.files();
    let mut all = Vec::new();
    for folder in ["", "media/"] {
        let names = files.list(folder.trim_end_matches('/')).expect("a good disk");
        all.push((format!("a file name on {whose}"), names.join("\n").into()));
        for name in names {
            let path = format!("{folder}{name}");
            let mut bytes = vec![0; files.len(&path).expect("a good disk")];
            files.read_at(&path, 0, &mut bytes).expect("a good disk");
            all.push((format!("the file {path} on {whose}"), bytes));
        }
    }
    all
}

/// Every cell of every table but the vault, with where it stands.
fn cells(whose: &str, db: &Connection) -> Vec<(String, Vec<u8>)> {
    let mut cells = Vec::new();
    let mut tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'vault'")
        .expect("a database");
    let names = tables.query_map([], |row| row.get::<_, String>(0)).expect("its tables");
    for table in names.map(|name| name.expect("a name")) {
        let mut rows = db.prepare(&format!("SELECT * FROM \"{table}\"")).expect("a table");
        let columns = rows.column_count();
        let mut rows = rows.query([]).expect("a table");
        while let Some(row) = rows.next().expect("its rows") {
            for column in 0..columns {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) =
                    row.get_ref(column).expect("a cell")
                {
                    cells.push((format!("the table {table} of {whose}"), bytes.to_vec()));
                }
            }
        }
    }
    cells
}

/// Tells whether a text stands there as it is, or as JSON writes it.
fn stands_in(bytes: &[u8], text: &str) -> bool {
    let json = Value::from(text).to_string();
    let finds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    finds(text.as_bytes()) || finds(&json.as_bytes()[1..json.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_texts_are_personal_and_codes_are_not() {
        for text in ["王", "13900000001", "left at the desk", "吉林市 5 号", "Zoë"] {
            assert!(is_personal(text), "{text}");
        }
        for text in ["SF1000000000001", "face_to_face", "LOCKER-1", "T01.1", "4849", "08:00-20:00"]
        {
            assert!(!is_personal(text), "{text}");
        }
    }

    #[test]
    #[should_panic(expected = "\"13900000001\" stands in an error")]
    fn a_planted_text_in_an_error_is_found() {
        let (station, phone) = crate::world::station_and_phone();
        let mut planted = Planted::default();
        planted.collect(&serde_json::json!({"clerk": {"phone": "13900000001"}}));
        planted.hear("no such number: 13900000001");
        planted.search(&station, std::iter::once(&phone));
    }

    #[test]
    #[should_panic(expected = "stands in the table meta of the hub")]
    fn a_planted_text_in_a_table_is_found() {
        let (station, phone) = crate::world::station_and_phone();
        let mut planted = Planted::default();
        planted.collect(&serde_json::json!({"record": {"note": "left with \"Wang\""}}));
        let written = r#"{"note":"left with \"Wang\""}"#;
        let sql = "INSERT INTO meta VALUES ('leak', ?1)";
        station.database().execute(sql, [written]).expect("the hub's schema");
        planted.search(&station, std::iter::once(&phone));
    }

    #[test]
    #[should_panic(expected = "stands in the file lastmile.key on the phone of 4849")]
    fn a_planted_text_in_any_file_is_found() {
        let (station, phone) = crate::world::station_and_phone();
        let mut planted = Planted::default();
        planted.collect(&serde_json::json!({"clerk": {"phone": "13900000001"}}));
        phone.disk.files().append("lastmile.key", b"13900000001").expect("room");
        planted.search(&station, std::iter::once(&phone));
    }

    #[test]
    fn what_a_station_publishes_is_not_personal() {
        let (station, phone) = crate::world::station_and_phone();
        let mut planted = Planted::default();
        planted.hear("东区快递柜");
        planted.collect(&serde_json::json!({"record": {"taker": "东区快递柜"}}));
        let directory = serde_json::json!({"sites": [{"name": "东区快递柜"}]});
        planted.collect(&serde_json::json!({"path": "/v1/clerk/directory", "body": directory}));
        planted.search(&station, std::iter::once(&phone));
    }
}
