//! Every rule has a scenario that shows it, and the page that says so is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lastmile_tests::coverage::{self, UNREACHED};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_rule_has_a_scenario() {
    let ids: BTreeSet<_> = coverage::ids().into_iter().collect();
    let shown: BTreeSet<_> = coverage::shown().into_iter().map(|shown| shown.id).collect();
    let unreached: BTreeSet<_> = UNREACHED.iter().map(|line| line.id.to_owned()).collect();
    let covered = &shown | &unreached;
    assert_eq!(&ids - &covered, BTreeSet::new(), "no scenario shows these");
    assert_eq!(&covered - &ids, BTreeSet::new(), "there are no such rules");
    assert_eq!(&shown & &unreached, BTreeSet::new(), "a scenario does reach these");
}

#[test]
fn no_two_rules_lean_on_the_same_step() {
    let mut leaning = BTreeMap::new();
    for shown in coverage::shown() {
        let place = format!("{} at {}, step {}", shown.id, shown.file, shown.step);
        if let Some(other) = leaning.insert(shown.leans_on, place.clone()) {
            panic!("after the same acts the same is held to be so: {other}; {place}");
        }
    }
}

#[test]
fn what_no_scenario_reaches_has_a_test() {
    for line in UNREACHED {
        let code = std::fs::read_to_string(root().join(line.file)).expect("the test's file");
        assert!(code.contains(&format!("fn {}()", line.test)), "no {} in {}", line.test, line.file);
    }
}

#[test]
fn the_page_is_true() {
    let written = std::fs::read_to_string(root().join("docs/coverage.md")).unwrap_or_default();
    assert!(
        written == coverage::page(),
        "write it anew: cargo run -p lastmile-tests --bin coverage > docs/coverage.md"
    );
}
