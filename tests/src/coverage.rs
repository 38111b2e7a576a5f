//! Which rule is shown by which scenario: `docs/coverage.md` is made from this.
//!
//! A step of a scenario says `"proves": ID`. An id is a row of the trade's rules (`M29`), a row
//! of the conflicts (`C6.7`), a deadline's or template's name, or a refusal's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lastmile_core::Refusal;
use lastmile_core::conflict::ConflictRow;
use serde_json::Value;

use crate::scenario;

/// The rules of the trade that work.
const RULES: &[&str] = &[
    "M01", "M02", "M03", "M04", "M05", "M06", "M07", "M08", "M09", "M10", "M11", "M12", "M13",
    "M14", "M15", "M17", "M18", "M19", "M20", "M21", "M22", "M23", "M24", "M25", "M26", "M27",
    "M28", "M29", "M30", "M31", "M32", "M33", "M34", "M35", "M36", "M37", "M38", "M39", "M40",
    "M41", "M42", "M43", "M44", "M45", "M46", "M47", "M48", "M49", "M50", "M51", "M52", "M53",
    "M54", "M55", "M56", "M65", "M78", "M79", "M83", "M86",
];

/// The conflicts that hold by construction; the others are the rows of [`ConflictRow`].
const CONFLICTS: &[&str] = &["C6.11", "C6.15", "C6.16", "C6.20"];

const DEADLINES: &[&str] = &[
    "SameCityDelivery",
    "RoutePromise",
    "DelayNoticeBefore",
    "RedirectAnswer",
    "RefusalReport",
    "ReceiptFormReturn",
    "UnreachableRule",
    "StorageNotice",
    "StorageCollect",
    "StorageRedelivery",
    "ExceptionReport",
    "ExceptionFeedback",
    "MisdeliveryContact",
    "Promise",
    "PickupVisit",
    "ComplaintFirstContact",
    "ComplaintClosure",
    "ComplaintLegal",
    "PIIErase",
];

/// The templates whose text as sent is recorded.
const TEMPLATES: &[&str] =
    &["T01", "T01B", "T01R", "T02", "T03", "T04", "T05", "T06", "T07", "T18"];

/// What no scenario can reach, and the test in Rust that shows it.
pub const UNREACHED: &[Unreached] = &[
    Unreached {
        id: "NotYourStation",
        reason: "the hub shows a clerk nothing of another station",
        file: "core/src/decide/tests.rs",
        test: "the_stations_orders_are_the_stations",
    },
    Unreached {
        id: "UpdateApp",
        reason: "needs an event that a newer release wrote",
        file: "core/src/decide/tests.rs",
        test: "a_lane_that_needs_an_update_takes_physical_facts_only",
    },
    Unreached {
        id: "NoDeviceKey",
        reason: "every phone of a scenario has a key",
        file: "core/src/transfer/tests.rs",
        test: "a_phone_vouches_only_with_a_badge_and_a_key_of_its_own",
    },
];

/// An id that no scenario can reach.
pub struct Unreached {
    /// The id.
    pub id: &'static str,
    /// Why not.
    pub reason: &'static str,
    /// The file of the test, from the repository's root.
    pub file: &'static str,
    /// The test.
    pub test: &'static str,
}

/// The ids that must have a scenario, or a line among the unreached.
pub fn ids() -> Vec<String> {
    let rows: BTreeSet<_> = ConflictRow::ALL.into_iter().map(ConflictRow::number).collect();
    let mut ids: Vec<String> = RULES.iter().map(|&id| id.to_owned()).collect();
    ids.extend(rows.iter().filter(|row| **row > 0).map(|row| format!("C6.{row}")));
    let named = CONFLICTS.iter().chain(DEADLINES).chain(TEMPLATES);
    ids.extend(named.map(|&id| id.to_owned()));
    ids.extend(Refusal::ALL.iter().map(|refusal| refusal.code().to_owned()));
    ids
}

/// A step that shows an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The id.
    pub id: String,
    /// The scenario file.
    pub file: String,
    /// The step, counted from 1.
    pub step: usize,
    /// What the step holds to be so.
    pub assertion: String,
    /// The step itself and every act before it: no two ids may lean on the same.
    pub leans_on: String,
}

/// Reads every scenario and returns who shows what.
///
/// # Panics
/// If a step claims to show something and asserts nothing.
pub fn shown() -> Vec<Shown> {
    let mut shown = Vec::new();
    for file in scenario::names() {
        let mut acts = String::new();
        for (at, mut step) in scenario::steps(&file).into_iter().enumerate() {
            let proves = step.as_object_mut().and_then(|fields| fields.remove("proves"));
            if let Some(id) = proves {
                let (id, file) = (id.as_str().expect("an id is a text").to_owned(), file.clone());
                assert!(asserts(&step), "{file}, step {}: it holds nothing to be so", at + 1);
                let (assertion, leans_on) = (assertion(&step), format!("{acts}{step}"));
                shown.push(Shown { id, file, step: at + 1, assertion, leans_on });
            }
            if !asserts(&step) {
                acts = format!("{acts}{step}\n");
            }
        }
    }
    shown
}

fn asserts(step: &Value) -> bool {
    let known = |verb| step.get(verb).is_some();
    let keeps = known("keep");
    !keeps && ["refused", "history", "state", "ask", "pending"].into_iter().any(known)
}

fn assertion(step: &Value) -> String {
    let part = |name: &str| step.get(name).map(|value| value.to_string().replace('"', ""));
    if let Some(code) = part("refused") {
        let command = step["command"]["do"].as_str().or(step["clerk"]["do"].as_str());
        let asked = command.or(step["path"].as_str()).unwrap_or_default();
        return format!("`{asked}` is refused: `{code}`");
    }
    if let (Some(lane), Some(kind)) = (part("history"), part("kind")) {
        return format!("`{kind}` in `{lane}` is `{}`", part("progress").unwrap_or_default());
    }
    let subject = match (part("state"), part("ask")) {
        (Some(lane), _) => lane,
        (_, Some(question)) => {
            let with = step["with"].as_object().into_iter().flatten();
            let with: Vec<_> = with.map(|(_, value)| value.to_string()).collect();
            format!("{question} {}", with.join(" ").replace('"', ""))
        }
        _ => "pending".to_owned(),
    };
    let is = part("is").or(part("pending")).unwrap_or_else(|| "null".to_owned());
    format!("`{subject}` `{}` is `{is}`", part("at").unwrap_or_default()).replace(" `` ", " ")
}

/// Writes `docs/coverage.md`.
pub fn page() -> String {
    let mut shown_by: BTreeMap<String, Shown> = BTreeMap::new();
    for shown in shown() {
        shown_by.entry(shown.id.clone()).or_insert(shown);
    }
    let mut page = HEAD.to_owned();
    for id in ids() {
        let Some(Shown { file, step, assertion, .. }) = shown_by.get(&id) else { continue };
        let _ = writeln!(
            page,
            "| {id} | [{file}](../tests/scenarios/{file}) step {step} | {} |",
            assertion.replace('|', "\\|")
        );
    }
    page.push_str(UNREACHED_HEAD);
    for Unreached { id, reason, file, test } in UNREACHED {
        let _ = writeln!(page, "| {id} | {reason} | [`{test}`](../{file}) |");
    }
    page
}

const HEAD: &str = "# Which scenario shows which rule

Made by `cargo run -p lastmile-tests --bin coverage > docs/coverage.md`; a test holds it to the scenario files.
`M…` are the rules of the trade, `C6.…` its conflicts, then deadlines, message templates and refusal codes.
Every scenario is played from Rust; those that one phone can play in real time, from Kotlin and Swift too.

| id | scenario | what it holds to be so |
| --- | --- | --- |
";

const UNREACHED_HEAD: &str = "
No scenario can reach these:

| id | why | the test that shows it |
| --- | --- | --- |
";
