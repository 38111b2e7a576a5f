//! What a pack may say, what it comes to, and that nothing loosens a floor.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::resolve::LAW_FILE;
use super::values::TABLE;
use super::*;
use crate::delivery::ProofKind;
use crate::document::tests::TestHub;
use crate::document::{Document, Problem, Unfit};
use crate::id::StationId;
use crate::testing::{MORNING_MS, station};

const EXAMPLE: &str = include_str!("../../../docs/policy.example.json");

fn set(name: &str, value: impl Into<Value>) -> Value {
    json!({ "name": name, "value": value.into(), "source": "a test" })
}

fn floor(name: &str, value: impl Into<Value>) -> Value {
    json!({ "name": name, "value": value.into(), "source": "a test", "floor": true })
}

fn pack(version: u32, layers: &[Value]) -> String {
    json!({ "format": FORMAT, "version": version, "layers": layers }).to_string()
}

fn company(values: &[Value]) -> Value {
    json!({ "layer": "company", "values": values })
}

fn read(layers: &[Value]) -> Pack {
    Pack::read(&pack(2, layers)).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    match Pack::read(text) {
        Err(Unfit::Faulty { faults }) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn peak(name: &str, on: Option<bool>, windows: &[(&str, &str)], values: &[Value]) -> Value {
    let windows: Vec<_> =
        windows.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let mut layer = json!({ "layer": "peak", "name": name, "windows": windows, "values": values });
    if let Some(on) = on {
        layer["on"] = on.into();
    }
    layer
}

#[test]
fn every_value_compiled_in_has_a_source_and_the_defaults_keep_the_law() {
    let resolved = Pack::built_in().resolve(&station(), MORNING_MS);
    assert_eq!(resolved.policy, Policy::default(), "no default is looser than the law");
    for name in value_names() {
        let why = resolved.explain(name).unwrap();
        assert!(!why.source.trim().is_empty(), "{name}");
        assert_eq!(why.value, value_of(&resolved.policy, name).unwrap().to_string());
        assert!(!(why.floor && why.stricter == Stricter::Neither), "{name}");
    }
}

#[test]
fn every_legal_floor_cites_a_rule_of_the_collected_law_and_its_number() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/vocab/cn_rules.csv");
    let rules = std::fs::read_to_string(path).unwrap();
    let law = Pack::read(LAW_FILE).unwrap();
    for setting in law.layers.iter().flat_map(|layer| &layer.settings) {
        let (id, _) = setting.source.split_once(' ').unwrap();
        let rule = rules.lines().find(|line| line.starts_with(&format!("{id},")));
        let rule = rule.unwrap_or_else(|| panic!("{} cites no rule", setting.name));
        let instrument = setting.source.split(' ').nth(1).unwrap();
        assert!(rule.contains(instrument), "{} cites another law", setting.name);
        if let Some(number) = setting.value.as_u64() {
            let mut numbers = rule.split([',', ';']);
            assert!(numbers.any(|field| field == number.to_string()), "{}: {rule}", setting.name);
        }
    }
}

#[test]
fn the_table_names_each_value_once() {
    for (n, row) in TABLE.iter().enumerate() {
        assert!(TABLE[..n].iter().all(|earlier| earlier.name != row.name), "{}", row.name);
    }
}

#[test]
fn the_example_in_the_docs_is_a_pack() {
    let example = Pack::read(EXAMPLE).unwrap();
    let policy = example.resolve(&station(), MORNING_MS).policy;
    assert_eq!((policy.version, policy.closure_h, policy.storage_notice_min), (2, 20, 5));
    let elsewhere = example.resolve(&StationId::new("JL77").unwrap(), MORNING_MS).policy;
    assert_eq!(elsewhere.storage_notice_min, 10, "another station's layer is not its own");
}

#[test]
fn all_faults_are_told_at_once_each_with_its_layer_and_value() {
    let text = json!({
        "format": FORMAT,
        "version": 0,
        "colour": "red",
        "layers": [
            { "layer": "law", "values": [set("geofence_mm", 3), set("attempt_limit", 2)] },
            { "layer": "company", "values": [
                set("closure_h", "soon"),
                { "name": "first_contact_min", "value": 12 },
                set("report_min", 5),
                set("report_min", 6),
                { "name": "geofence_m", "value": 100, "source": "ours", "flor": true },
            ] },
            { "layer": "planet", "values": [] },
            { "layer": "station", "values": [] },
            peak("sale", None, &[("2026-11-12T00:00:00+08:00", "2026-11-11T00:00:00+08:00")], &[]),
            { "layer": "peak", "name": "spring", "values": [] },
        ],
    });
    assert_eq!(
        faults(&text.to_string()),
        [
            "pack, colour: no such name here",
            "pack, version: expected a whole number from 1",
            "law, geofence_mm: no such name here",
            "law, attempt_limit: cannot be a floor: neither side of it is stricter",
            "company, closure_h: expected a whole number",
            "company, first_contact_min.source: is missing or empty",
            "company, report_min: stands twice",
            "company, geofence_m.flor: no such name here",
            "layers[2], layer: expected law, company, station or peak",
            "layers[3], station: is missing or empty",
            "peak sale, windows: a window ends before it starts",
            "peak spring, windows: is missing or empty",
        ]
    );
}

#[test]
fn loosened_floors_and_peaks_at_one_time_are_told_at_once() {
    let text = pack(
        2,
        &[
            company(&[
                set("legal_reply_days", 8),
                set("storage_needs_consent", false),
                floor("notice_required_fields", json!(["station", "courier_no"])),
                floor("closure_h", 20),
            ]),
            json!({ "layer": "company", "values": [] }),
            json!({ "layer": "station", "station": "JL31", "values": [set("closure_h", 12)] }),
            peak("a", Some(true), &[], &[set("closure_h", 16)]),
            peak(
                "b",
                None,
                &[("2026-11-10T00:00:00+08:00", "2026-11-11T00:00:00+08:00")],
                &[set("notice_required_fields", json!(["station"]))],
            ),
        ],
    );
    let mut told = faults(&text);
    told.sort();
    assert_eq!(
        told,
        [
            "company, legal_reply_days: would loosen the floor 7",
            "company, storage_needs_consent: would loosen the floor true",
            "company: stands twice",
            "peak a, closure_h: would loosen the floor 12",
            "peak b, notice_required_fields: would loosen the floor [\"courier_no\",\"station\"]",
            "peak b, windows: is on at the same time as peak a",
        ]
    );
}

#[test]
fn an_explanation_names_value_layer_source_and_floor() {
    let resolved = read(&[
        company(&[floor("closure_h", 20), set("legal_reply_days", 5)]),
        json!({ "layer": "station", "station": "JL31", "values": [set("closure_h", 18)] }),
    ])
    .resolve(&station(), MORNING_MS);
    let why = resolved.explain("closure_h").unwrap();
    assert_eq!((why.value.as_str(), why.layer.as_str()), ("18", "station JL31"));
    assert_eq!((why.floor, why.floor_source.as_deref()), (true, Some("company: a test")));
    let why = resolved.explain("legal_reply_days").unwrap();
    assert_eq!((why.value.as_str(), why.layer.as_str()), ("5", "company"));
    assert!(why.floor_source.unwrap().starts_with("law: R10"));
    let why = resolved.explain("first_contact_min").unwrap();
    assert_eq!((why.value.as_str(), why.layer.as_str(), why.floor), ("60", "library", false));
    assert_eq!(why.line(), "first_contact_min = 60 (library): S0, S1 (M54)");
    assert_eq!(resolved.explain("no_such_value"), None);
}

#[test]
fn a_raised_legal_floor_gives_way_to_a_stricter_default_and_overrules_a_looser_one() {
    let law = json!({ "layer": "law", "values": [
        set("closure_h", 48), set("first_contact_min", 30), set("minimum_to_save", json!(["address"])),
    ] });
    let resolved = read(&[law]).resolve(&station(), MORNING_MS);
    assert_eq!((resolved.policy.closure_h, resolved.policy.first_contact_min), (24, 30));
    let least: Vec<_> = resolved.policy.minimum_to_save.iter().map(String::as_str).collect();
    assert_eq!(least, ["address", "demand", "name", "phone", "waybill"]);
    assert!(resolved.explain("closure_h").unwrap().floor);
}

#[test]
fn a_peak_holds_inside_its_windows_or_by_its_switch() {
    let windows = [("2026-11-21T08:00:00+08:00", "2026-11-21T09:00:00+08:00")];
    let at = |on, ms| {
        let sale = peak("sale", on, &windows, &[set("online_reply_s", 30)]);
        read(&[sale]).resolve(&station(), ms).policy.online_reply_s
    };
    assert_eq!(at(None, MORNING_MS - 1), 30);
    assert_eq!(at(None, MORNING_MS), 15, "a window ends before its end");
    assert_eq!(at(None, MORNING_MS - 3_600_001), 15);
    assert_eq!(at(Some(true), MORNING_MS), 30);
    assert_eq!(at(Some(false), MORNING_MS - 1), 15);
}

#[test]
fn a_pack_is_adopted_if_it_is_signed_sound_and_newer() {
    let hub = TestHub::new(1);
    let adopt = |text: &str, root: &str| {
        Adopted::adopt(&hub.sign(Document::Policy, text), root, 2, MORNING_MS).map(|_| ())
    };
    let root = hub.root_key();
    assert_eq!(adopt(&pack(3, &[]), &root), Ok(()));
    assert_eq!(adopt(&pack(2, &[]), &root), Err(Unfit::NotNewer { offered: 2, in_force: 2 }));
    assert_eq!(adopt(&pack(3, &[]), &TestHub::new(2).root_key()), Err(Unfit::BadSignature));
    let loose = adopt(&pack(3, &[company(&[set("mask_phone_digits", 4)])]), &root);
    let Err(Unfit::Faulty { faults }) = loose else { panic!("{loose:?}") };
    assert_eq!(faults[0].problem, Problem::Loosened { floor: "6".into() });
}

#[test]
fn a_clock_is_judged_by_the_values_that_were_in_force_when_it_started() {
    let stricter = read(&[
        company(&[floor("report_min", 5)]),
        peak(
            "night",
            None,
            &[("2026-11-21T20:00:00+08:00", "2026-11-21T22:00:00+08:00")],
            &[set("report_min", 2)],
        ),
    ]);
    let policies = Policies::new([(&stricter, MORNING_MS)], &station());
    let report_min = |ms| policies.at(ms).policy.report_min;
    assert_eq!(report_min(MORNING_MS - 1), 15, "before it came");
    assert_eq!(report_min(MORNING_MS), 5);
    assert_eq!(report_min(MORNING_MS + 11 * 3_600_000), 2, "in the peak");
    let present = &policies.now(MORNING_MS - 1).policy;
    assert_eq!((present.version, present.report_min), (2, 5), "an act now knows the newest pack");
}

#[test]
fn the_proof_of_a_hand_over_may_be_tightened_and_never_loosened() {
    let asks = |ways: Value| pack(2, &[company(&[set("proof_agent", ways)])]);
    let sound = Pack::read(&asks(json!([["photo", "signature"]]))).unwrap();
    let policy = sound.resolve(&station(), MORNING_MS).policy;
    let shown = |kinds: &[ProofKind]| {
        let proofs = policy.proofs(HandoverMethod::Agent, false);
        proofs.satisfied_by(|kind| kinds.contains(&kind))
    };
    assert!(shown(&[ProofKind::Photo, ProofKind::Signature]));
    assert!(!shown(&[ProofKind::Photo]));
    assert_eq!(
        faults(&asks(json!([["photo"], ["pin"]]))),
        ["company, proof_agent: would loosen the floor [[\"signature\"],[\"photo\"]]"]
    );
    for nothing in [json!([]), json!([[]]), json!([["promise"]])] {
        assert_eq!(
            faults(&asks(nothing)),
            ["company, proof_agent: expected a list of ways, each a list of signature, photo, \
              pin, id_check"]
        );
    }
}

#[test]
fn of_two_choices_of_proof_both_are_kept() {
    let law = json!({ "layer": "law", "values": [set("proof_agent", json!([["photo", "pin"]]))] });
    let policy = read(&[law]).resolve(&station(), MORNING_MS).policy;
    assert_eq!(value_of(&policy, "proof_agent").unwrap(), json!([["photo", "pin"]]));
    let both =
        Stricter::FewerWays.both(&json!([["photo"], ["pin"]]), &json!([["photo"], ["signature"]]));
    assert_eq!(both, json!([["signature", "pin"], ["photo"]]));
}

#[test]
fn the_words_to_warn_about_come_from_the_pack() {
    let mut policy = Policy::default();
    policy.vague_words.insert("one of these days".into());
    let lists = policy.word_lists();
    let found = crate::notice::lint_message("We come one of these days", &lists);
    assert_eq!(
        found.iter().map(|hit| hit.word.as_str()).collect::<Vec<_>>(),
        ["one of these days"]
    );
    let usual = Policy::default().word_lists();
    let of_library = crate::notice::word_lists();
    for text in ["可能明天", "尽可能", "I will call about your parcel", "maybe", "不归我管"]
    {
        let count = |lists| crate::notice::lint_message(text, lists).len();
        assert_eq!(count(&usual), count(of_library), "{text}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let names = ["station", "courier_no", "customer", "self", "x"];
    prop_oneof![
        (0u32..100).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        proptest::sample::subsequence(names.to_vec(), 0..5).prop_map(Value::from),
        prop::collection::vec(0u32..20, 0..4).prop_map(Value::from),
        prop::collection::vec(
            proptest::sample::subsequence(vec!["signature", "photo", "pin", "id_check"], 1..4),
            1..4,
        )
        .prop_map(|ways| json!(ways)),
    ]
}

/// A setting whose type fits, of any value.
fn any_setting() -> impl Strategy<Value = Setting> {
    (0..TABLE.len(), any_value(), any::<bool>()).prop_filter_map("type", |(n, value, floor)| {
        let row = &TABLE[n];
        let mut canonical = Policy::default();
        let floor = floor && row.stricter != Stricter::Neither;
        (row.write)(&mut canonical, &value).then(|| Setting {
            name: row.name.to_owned(),
            value: (row.read)(&canonical),
            source: "a test".to_owned(),
            floor,
        })
    })
}

fn any_layers() -> impl Strategy<Value = Vec<Layer>> {
    let scopes = vec![
        Scope::Law,
        Scope::Company,
        Scope::Station(station()),
        Scope::Peak(Peak { name: "sale".into(), on: Some(true), windows: Vec::new() }),
    ];
    let layer = |scope: Scope| {
        prop::collection::vec(any_setting(), 0..12).prop_map(move |mut settings| {
            settings.sort_by(|a, b| a.name.cmp(&b.name));
            settings.dedup_by(|a, b| a.name == b.name);
            for setting in &mut settings {
                setting.floor |= scope == Scope::Law;
            }
            Layer { scope: scope.clone(), settings }
        })
    };
    scopes.into_iter().map(layer).collect::<Vec<_>>()
}

proptest! {
    /// Checked or not, no layer ever loosens what the law or a layer below made a floor.
    #[test]
    fn no_layer_loosens_a_floor(layers in any_layers()) {
        for upto in 0..=layers.len() {
            let below = Policy::resolve(2, &layers[..upto], &station(), MORNING_MS);
            let floors = Pack { version: 2, layers: layers[..upto].to_vec() }
                .resolve(&station(), MORNING_MS);
            let all = Policy::resolve(2, &layers, &station(), MORNING_MS);
            // A law that comes on top counts below the defaults; it is not a layer above.
            if upto == 0 { continue; }
            for row in TABLE.iter().filter(|row| floors.explain(row.name).unwrap().floor) {
                let (old, new) = ((row.read)(&below), (row.read)(&all));
                prop_assert!(!row.stricter.loosens(&old, &new), "{}: {old} to {new}", row.name);
            }
        }
    }

    #[test]
    fn resolving_depends_on_the_layers_and_not_on_their_order(
        (layers, shuffled) in any_layers().prop_flat_map(|layers| {
            (Just(layers.clone()), Just(layers).prop_shuffle())
        }),
    ) {
        let resolve = |layers: &[Layer]| {
            Pack { version: 2, layers: layers.to_vec() }.resolve(&station(), MORNING_MS)
        };
        prop_assert_eq!(resolve(&layers), resolve(&layers));
        prop_assert_eq!(resolve(&layers), resolve(&shuffled));
    }

    #[test]
    fn no_text_makes_reading_a_pack_fail_hard(text in "\\PC{0,80}", layer in any_value(), value in any_value()) {
        let _ = Pack::read(&text);
        let odd = json!({ "format": FORMAT, "version": value, "layers": [layer, { "layer": "peak", "on": value, "values": [value] }] });
        prop_assert!(Pack::read(&odd.to_string()).is_err());
    }
}
