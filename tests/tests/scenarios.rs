//! The scenario files, played from Rust against a hub in this process. Kotlin and Swift play the
//! same files, unchanged, against a hub on a port.

use lastmile_tests::scenario;

#[test]
fn every_scenario_comes_out_as_written() {
    let names = scenario::names();
    assert!(!names.is_empty());
    let failed: Vec<_> = names
        .iter()
        .filter(|name| std::panic::catch_unwind(|| scenario::play(name)).is_err())
        .collect();
    assert!(failed.is_empty(), "did not come out as written: {failed:?}");
}
