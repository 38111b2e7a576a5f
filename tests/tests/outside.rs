//! Whatever comes from outside, nothing falls, nothing is lost and nothing is believed: the cases
//! that the fuzzer kept, and as many again by chance.

use std::collections::BTreeSet;

use lastmile_tests::outside::{TARGETS, corpus};

/// Cases by chance, for each target.
const CHANCES: u64 = 300;

fn play_all(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let kept = corpus(name);
    assert!(!kept.is_empty(), "the corpus of {name} is empty");
    for case in &kept {
        (target.play)(case);
    }
    for seed in 0..CHANCES {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut case = rng.choice(&kept).cloned().unwrap_or_default();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..=case.len());
            match rng.u8(..3) {
                0 => case.insert(at, rng.u8(..)),
                1 if at < case.len() => case[at] = rng.u8(..),
                _ => case.truncate(at),
            }
        }
        (target.play)(&case);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play_all(stringify!($name));
        })*

        #[test]
        fn every_target_is_played() {
            let names = TARGETS.map(|target| target.name);
            assert_eq!(names, [$(stringify!($name)),*]);
        }

        /// The fuzzer goes by the files of kept cases.
        #[test]
        fn each_file_of_kept_cases_is_a_targets() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
            let files = std::fs::read_dir(folder).expect("the kept cases");
            let files = files.map(|file| file.expect("a file").file_name());
            let files: BTreeSet<_> = files.map(|name| name.into_string().expect("a name")).collect();
            assert_eq!(files, [$(concat!(stringify!($name), ".txt").to_owned()),*].into());
        }
    };
}

targets! { line reply push upload bundle code document manifest media }
