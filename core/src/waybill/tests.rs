//! The table against its public sources, and the newtype against its promises.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fancy_regex::Regex;
use proptest::prelude::*;
use serde_json::Value;

use super::carriers::{FORMATS, Format, Verdict};
use super::*;

/// The formats that `tracking_number_data` leaves without an id, by their name.
const UNNAMED: [(&str, &str); 4] = [
    ("LaserShip 1LS7 (18)", "lasership_1ls7_18"),
    ("Old Dominion", "old_dominion"),
    ("Old Dominion Guaranteed Shipment", "old_dominion_guaranteed"),
    ("UPS Waybill", "ups_waybill"),
];

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(path)
}

fn format(id: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.id == id).unwrap_or_else(|| panic!("no format {id}"))
}

/// One format as `tracking_number_data` publishes it.
struct Source {
    id: String,
    code: String,
    body: Value,
}

impl Source {
    fn strings(&self, list: &str) -> Vec<String> {
        serde_json::from_value(self.body["test_numbers"][list].clone()).unwrap()
    }

    /// The published expression, over a number without spaces and hyphens.
    fn expression(&self) -> Regex {
        let lines = match &self.body["regex"] {
            Value::Array(lines) => lines.iter().map(|line| line.as_str().unwrap()).collect(),
            line => line.as_str().unwrap().to_owned(),
        };
        Regex::new(&format!("^(?:{})$", lines.replace(r")-\s*", ")"))).unwrap()
    }

    /// The published check rule, in the words of `formats.json`.
    fn check(&self) -> Value {
        let rule = &self.body["validation"]["checksum"];
        match rule["name"].as_str() {
            None => Value::Null,
            Some("mod10") => serde_json::json!({"mod10":
                {"evens": rule["evens_multiplier"], "odds": rule["odds_multiplier"]}}),
            Some("sum_product_with_weightings_and_modulo") => serde_json::json!({"weighted":
                {"weights": rule["weightings"], "modulo1": rule["modulo1"], "modulo2": rule["modulo2"]}}),
            Some("mod_37_36") => "mod37_36".into(),
            Some(name @ ("mod7" | "luhn" | "s10")) => name.into(),
            Some(other) => panic!("unknown rule {other}"),
        }
    }

    fn format(&self) -> &'static Format {
        format(&self.id)
    }
}

fn sources() -> Vec<Source> {
    let mut files: Vec<_> = std::fs::read_dir(data("tracking-numbers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut sources = Vec::new();
    for file in files {
        let courier: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for body in courier["tracking_numbers"].as_array().unwrap() {
            let name = body["name"].as_str().unwrap();
            let id = body["id"].as_str().unwrap_or_else(|| {
                UNNAMED.iter().find(|(unnamed, _)| *unnamed == name).expect("has an id").1
            });
            sources.push(Source {
                id: id.to_owned(),
                code: courier["courier_code"].as_str().unwrap().to_owned(),
                body: body.clone(),
            });
        }
    }
    sources
}

/// The rows of `cn_waybill_patterns.csv`, each cell by its column.
fn chinese_rows() -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(data("vocab/cn_waybill_patterns.csv")).unwrap();
    let mut lines = text.lines().map(cells);
    let head = lines.next().unwrap();
    lines.map(|row| head.iter().cloned().zip(row).collect()).collect()
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

/// The international postal row of the Chinese list is the S10 format.
fn chinese_id(row: &BTreeMap<String, String>) -> String {
    match row["carrier"].as_str() {
        "EMS_S10" => "s10".to_owned(),
        code => code.to_lowercase(),
    }
}

fn candidates(text: &str) -> Vec<String> {
    match Waybill::parse(text) {
        Ok(waybill) => waybill.candidates().into_iter().map(|found| found.format).collect(),
        Err(_) => Vec::new(),
    }
}

fn judge(format: &Format, number: &str) -> Verdict {
    format.judge(number.as_bytes())
}

#[test]
fn all_192_valid_test_numbers_are_accepted_as_their_format() {
    let mut count = 0;
    for source in sources() {
        for number in source.strings("valid") {
            Waybill::parse(&number).unwrap_or_else(|error| panic!("{}: {error}", source.id));
            assert!(candidates(&number).contains(&source.id), "{}: {number}", source.id);
            count += 1;
        }
    }
    assert_eq!(count, 192);
}

#[test]
fn all_88_invalid_test_numbers_are_refused_as_that_format() {
    let mut count = 0;
    for source in sources() {
        for number in source.strings("invalid") {
            assert!(!candidates(&number).contains(&source.id), "{}: {number}", source.id);
            count += 1;
        }
    }
    assert_eq!(count, 88);
}

#[test]
fn the_table_holds_39_international_and_13_chinese_formats_and_nothing_else() {
    let sources = sources();
    assert_eq!(sources.len(), 39);

    let chinese: Vec<_> = chinese_rows().iter().map(chinese_id).collect();
    assert_eq!(chinese.len(), 14, "thirteen and S10");

    let mut known: Vec<_> = sources.iter().map(|source| source.id.clone()).chain(chinese).collect();
    known.sort();
    known.dedup();
    let mut table: Vec<_> = FORMATS.iter().map(|format| format.id.clone()).collect();
    table.sort();
    assert_eq!(table, known);
}

#[test]
fn the_table_equals_its_sources_in_names_rules_and_countries() {
    for source in sources() {
        let format = source.format();
        let rule = serde_json::from_value::<Option<_>>(source.check()).unwrap();
        assert_eq!(format.check, rule, "{}", source.id);
        assert_eq!(format.code, source.code, "{}", source.id);
        let has_name = format.name == source.body["name"].as_str().unwrap();
        assert!(has_name || source.id == "s10", "{}", source.id);
        let prefix = &source.body["validation"]["serial_number_format"]["prepend_if"]["content"];
        assert_eq!(format.prepend.as_deref(), prefix.as_str(), "{}", source.id);
        let trusted = if rule.is_some() { Confidence::High } else { Confidence::Medium };
        assert_eq!(format.confidence, trusted, "{}", source.id);
        let asks_for_country = !source.body["validation"]["additional"]["exists"].is_null();
        assert_eq!(format.countries.is_some(), asks_for_country, "{}", source.id);
    }
    for row in chinese_rows().iter().filter(|row| row["carrier"] != "EMS_S10") {
        let format = format(&chinese_id(row));
        assert_eq!(format.name_zh.as_deref(), Some(row["carrier_zh"].as_str()));
        assert_eq!(format!("{:?}", format.confidence).to_lowercase(), row["confidence"]);
        assert_eq!((&format.check, row["check_digit"].as_str()), (&None, "none known"));
    }
    let s10 = sources().into_iter().find(|source| source.id == "s10").unwrap();
    let mut countries: Vec<_> = s10.body["additional"][1]["lookup"]
        .as_array()
        .unwrap()
        .iter()
        .map(|country| country["matches"].as_str().unwrap())
        .collect();
    countries.sort_unstable();
    assert_eq!(countries.len(), 191);
    assert_eq!(format("s10").countries, Some(countries.concat()));
}

/// Draws a number that follows one of the alternatives of a written pattern.
fn follows(pattern: &str) -> impl Strategy<Value = String> + use<> {
    let expression = |alternative: &str| {
        let alternative = alternative.replace(['(', ')', '!'], "");
        alternative
            .replace('<', "(")
            .replace('>', ")")
            .replace('#', "[0-9]")
            .replace('@', "[A-Z]")
            .replace('?', "[A-Z0-9]")
    };
    let any = pattern.split(' ').map(expression).collect::<Vec<_>>().join("|");
    proptest::string::string_regex(&any).unwrap()
}

/// Damages a number in one place, or leaves it whole.
fn damaged(number: &str, kind: u8, at: usize, sign: char) -> String {
    let mut signs: Vec<char> = number.chars().collect();
    let at = at % signs.len();
    match kind % 6 {
        0 => signs[at] = sign,
        1 => drop(signs.remove(at)),
        2 => signs.insert(at, sign),
        3 => signs.truncate(at + 1),
        _ => {}
    }
    signs.into_iter().collect()
}

/// The patterns as written, which the table itself does not keep.
fn written_patterns() -> BTreeMap<String, String> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("formats.json")).unwrap();
    let cell = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (cell(row, "format"), cell(row, "pattern"))).collect()
}

/// Compares our pattern with a published expression, over numbers that nearly fit.
fn same_language(format: &Format, published: &Regex, international: bool) {
    let pattern = &written_patterns()[&format.id];
    let near = (follows(pattern), any::<u8>(), any::<usize>(), proptest::char::range('0', 'Z'))
        .prop_filter_map("only letters and digits", |(number, kind, at, sign)| {
            sign.is_ascii_alphanumeric().then(|| damaged(&number, kind, at, sign))
        });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    });
    let result = runner.run(&near, |number| {
        let ours = format.pattern.explain(number.as_bytes());
        let captures = published.captures(&number).unwrap();
        prop_assert_eq!(!ours.is_empty(), captures.is_some(), "{}", number);
        if let Some(captures) = captures
            && international
            && format.check.is_some()
        {
            let part = |name| captures.name(name).unwrap().as_str().as_bytes();
            let theirs = (part("SerialNumber"), part("CheckDigit")[0]);
            let known = ours.iter().any(|parts| parts.of(number.as_bytes()) == Some(theirs));
            prop_assert!(known, "another serial in {}", number);
        }
        Ok(())
    });
    assert!(result.is_ok(), "{}: {}", format.id, result.unwrap_err());
}

#[test]
fn every_pattern_of_the_table_means_what_its_source_means() {
    for source in sources() {
        same_language(source.format(), &source.expression(), true);
    }
    for row in chinese_rows() {
        same_language(format(&chinese_id(&row)), &Regex::new(&row["pattern"]).unwrap(), false);
    }
}

#[test]
fn every_chinese_example_is_recognised() {
    for row in chinese_rows() {
        let found = candidates(&row["synthetic_example"]);
        assert!(found.contains(&chinese_id(&row)), "{}: {found:?}", row["carrier"]);
    }
}

#[test]
fn a_twelve_digit_number_lists_every_carrier_that_could_own_it() {
    assert_eq!(candidates("268000000001"), ["sf_old", "sto_old", "yto_old"]);
    assert_eq!(
        candidates("320595463938"),
        ["sf_old", "yto_old", "purolator_numeric"],
        "the check digit of Purolator agrees, that of FedEx does not"
    );
    assert_eq!(candidates("986578788855"), ["sf_old", "yto_old", "fedex_12"]);
}

#[test]
fn the_length_decides_between_yto_and_yunexpress() {
    assert_eq!(candidates("YT1000000000001"), ["yto"]);
    assert_eq!(candidates("YT2229521272164446"), ["yunexpress"]);
}

#[test]
fn an_unknown_number_is_plausible() {
    let waybill = Waybill::parse("XQ77-0000-0000-0000-0001").unwrap();
    assert_eq!(waybill.candidates(), []);
}

#[test]
fn a_wrong_s10_check_digit_is_refused_and_explained() {
    let error = Waybill::parse("EA123456784CN").unwrap_err();

    assert_eq!(error, WaybillError::CheckDigit { expected: '5', found: '4' });
    assert_eq!(error.code(), "WaybillCheckDigit");
    assert!(!error.to_string().contains("EA1234"), "the number is not repeated");
}

/// S10 has ten digits for eleven remainders: 0 and 5 stand for two each, so some misreadings agree.
#[test]
fn s10_finds_74_of_the_81_ways_to_misread_one_digit() {
    let right = "EA123456785CN";
    let misread = (2..11).flat_map(|at| {
        let others = ('0'..='9').filter(move |&digit| !right[at..].starts_with(digit));
        others.map(move |digit| format!("{}{digit}{}", &right[..at], &right[at + 1..]))
    });

    let (refused, taken): (Vec<_>, Vec<_>) =
        misread.partition(|number| Waybill::parse(number).is_err());

    assert_eq!((refused.len(), taken.len()), (74, 7));
}

#[test]
fn an_s10_number_of_an_unknown_country_is_not_provably_wrong() {
    assert_eq!(candidates("RB123456785XX"), [""; 0]);
    assert!(Waybill::parse("RB123456786XX").is_ok());
}

#[test]
fn a_wrong_s10_digit_is_not_refused_when_another_format_explains_it() {
    assert_eq!(candidates("LX123456784CN"), ["dhl_ecommerce"]);
}

#[test]
fn a_number_is_normalised() {
    for text in
        [" ea 1234-5678-5 cn\r\n", "ＥＡ１２３４５６７８５ＣＮ", "\u{feff}EA123456785–CN\u{200b}"]
    {
        assert_eq!(Waybill::parse(text).unwrap().as_str(), "EA123456785CN");
    }
    assert_eq!(Waybill::parse("EA123456785CN").unwrap().tail(), "85CN");
}

#[test]
fn a_wrong_form_is_refused_with_a_reason() {
    use WaybillError::{Character, Empty, TooLong, TooShort};
    let refused = |text: &str| Waybill::parse(text).unwrap_err();

    assert_eq!(refused(" - "), Empty);
    assert_eq!(refused("SF 12-34"), TooShort { found: 6, least: 8 });
    assert_eq!(refused(&"7".repeat(41)), TooLong { most: 40 });
    assert_eq!(refused("SF1000?00000001"), Character { position: 7 });
    assert_eq!(refused("顺丰1000000000001"), Character { position: 1 });
    assert!(Waybill::parse("12345678").is_ok());
    assert!(Waybill::parse(&"7".repeat(40)).is_ok());
}

#[test]
fn a_recorded_number_stays_readable_even_if_its_check_digit_is_wrong() {
    let read: Waybill = serde_json::from_str("\"EA123456784CN\"").unwrap();

    assert_eq!(serde_json::to_string(&read).unwrap(), "\"EA123456784CN\"");
    assert!(serde_json::from_str::<Waybill>("\"EA12\"").is_err());
}

proptest! {
    #[test]
    fn parsing_is_total_and_keeps_its_own_output(text in "\\PC*") {
        if let Ok(waybill) = Waybill::parse(&text) {
            let again = Waybill::parse(waybill.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&waybill));
            prop_assert!((8..=40).contains(&waybill.as_str().len()));
        }
    }

    #[test]
    fn an_error_never_repeats_the_number(number in "[A-Z]{2}[0-9]{9}(CN|US|GB)") {
        if let Err(error) = Waybill::parse(&number) {
            prop_assert!(!error.to_string().contains(&number[2..6]));
        }
    }

    #[test]
    fn judging_is_total(number in "[A-Z0-9]{0,60}") {
        for format in FORMATS.iter() {
            judge(format, &number);
        }
    }
}
