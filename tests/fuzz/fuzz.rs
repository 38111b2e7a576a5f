//! The fuzzer. `LASTMILE_TARGET` names what it plays.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<String> =
    LazyLock::new(|| std::env::var("LASTMILE_TARGET").expect("LASTMILE_TARGET names a target"));

libfuzzer_sys::fuzz_target!(|case: &[u8]| lastmile_tests::outside::play(&TARGET, case));
