//! The conformance kit: our own hub passes every case, and a hub that does one thing wrong is
//! caught by the case whose rule it breaks.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod broken;

use std::collections::BTreeSet;
use std::path::Path;

use broken::breaks::BREAKS;
use broken::{Broken, Tamper};
use lastmile_hub::conform::{Case, Kit, Level, Tally, all_cases, own_hub, run_cases};
use lastmile_hub::{Request, Response};

fn run(kit: &Kit, cases: &[Case]) -> (Tally, String) {
    let mut told = Vec::new();
    let tally = run_cases(kit, cases, &mut told).unwrap();
    (tally, String::from_utf8(told).unwrap())
}

#[test]
fn our_own_hub_passes_every_case() {
    let (kit, _hub) = own_hub().unwrap();
    let cases: Vec<_> = all_cases().collect();

    let (tally, told) = run(&kit, &cases);

    assert!(tally.failed.is_empty(), "{told}");
    assert_eq!(tally.passed, cases.len());
    assert!(told.ends_with(&format!("{} passed, 0 failed\n", cases.len())), "{told}");
}

#[test]
fn there_are_150_rules_and_15_in_the_core_and_each_stands_on_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' '))
        .collect();
    let cases: Vec<_> = all_cases().collect();

    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();

    assert!(cases.len() >= 150 && names.len() == cases.len(), "{} cases", cases.len());
    assert_eq!(cases.iter().filter(|case| case.level == Level::Core).count(), 15);
    for case in cases {
        assert!(headings.contains(case.section), "{} stands under no heading", case.name);
    }
}

#[test]
fn a_hub_that_does_one_thing_wrong_is_caught_by_the_case_about_it() {
    let plain = Broken::start(Tamper::default());
    for wrong in BREAKS {
        let seen_by: Vec<_> =
            all_cases().filter(|case| wrong.seen_by.contains(&case.name)).collect();
        assert_eq!(seen_by.len(), wrong.seen_by.len(), "{}: no such case", wrong.what);
        let broken = Broken::start(wrong.tamper);

        let (honest, told) = run(&plain.kit(), &seen_by);
        assert!(honest.failed.is_empty(), "without it they pass: {told}");
        let (tally, told) = run(&broken.kit(), &seen_by);

        assert_eq!(tally.passed, 0, "{}: {told}", wrong.what);
        assert!(told.contains("FAILED") && told.contains("expected"), "{told}");
    }
}

/// The numbers of couriers that the page asks for: for all that phones can ask, and for the core.
fn couriers_needed() -> (u32, u32) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, told) = page.split_once("It asks all that phones can ask, and needs").unwrap();
    let mut numbers =
        told.split_whitespace().filter_map(|word| word.trim_matches('.').parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn as_many_listed_codes_as_the_page_asks_for_are_enough() {
    let (hub, url) = broken::honest();
    let (all, core) = couriers_needed();
    for (most, couriers) in [(Level::Device, all), (Level::Core, core)] {
        let list: String =
            (0..couriers).map(|n| broken::codes(&hub, &format!("{most:?}-{n}"))).collect();
        let cases: Vec<_> = all_cases().filter(|case| case.level <= most).collect();

        let (tally, told) = run(&Kit::with_codes(url.url(), &list).unwrap(), &cases);

        assert!(tally.failed.is_empty(), "{told}");
    }
}

#[test]
fn a_list_of_codes_that_is_too_short_says_so() {
    let broken = Broken::start(Tamper::default());
    let cases: Vec<_> = all_cases().filter(|case| case.level == Level::Core).collect();
    let list = broken::codes(&broken.hub, "4849");

    let (tally, told) = run(&Kit::with_codes(broken.url(), &list).unwrap(), &cases);

    assert_eq!(tally.passed, 1, "there was one courier: {told}");
    assert!(told.contains("none is left"), "{told}");
    assert!(Kit::with_codes(broken.url(), "4849").is_err());
}

#[test]
fn the_command_tells_what_it_came_to_and_ends_with_its_code() {
    let conform = |words: &[&str]| {
        let program = env!("CARGO_BIN_EXE_lastmile-hub");
        let ended = std::process::Command::new(program).arg("conform").args(words).output();
        let ended = ended.unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    };
    let (code, told) = conform(&["--self", "--core"]);
    assert_eq!((code, told.lines().last()), (Some(0), Some("15 passed, 0 failed")));

    let nobody = conform(&["--url", "http://127.0.0.1:9", "--clerk-token", "none", "--core"]);
    assert_eq!((nobody.0, nobody.1.lines().last()), (Some(1), Some("0 passed, 15 failed")));
    assert_eq!(conform(&["--url", "http://127.0.0.1:9", "--codes", "no/such/file"]).0, Some(2));
    assert_eq!(conform(&["--url", "http://127.0.0.1:9"]).0, Some(2), "couriers are needed");
}

#[test]
fn a_server_that_knows_no_previews_passes_the_cases_about_them() {
    let answer = |ask: &Request, it: &mut Response| {
        if ask.path.starts_with("/v1/media/previews/") {
            (it.status, it.body) = (405, Vec::new());
        }
    };
    let broken = Broken::start(Tamper { ask: |_| {}, answer });
    let cases: Vec<_> = all_cases().filter(|case| case.section == "Previews").collect();

    let (tally, told) = run(&broken.kit(), &cases);

    assert!(tally.failed.is_empty() && tally.passed == 9, "{told}");
}
