//! The bytes of every event kind, frozen at its first release. A file here is never edited.

use std::path::PathBuf;

use lastmile_core::event::{Event, Fact};
use lastmile_core::fold::{LaneState, fold};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

/// Every frozen line, without its newline, with its file's name.
fn frozen() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).expect("the fixtures are there");
    let mut lines: Vec<_> = files
        .map(|file| {
            let file = file.expect("a file");
            let name = file.file_name().into_string().expect("a plain name");
            let bytes = std::fs::read(file.path()).expect("a readable file");
            (name, bytes.strip_suffix(b"\n").expect("one whole line").to_vec())
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn every_kind_has_a_frozen_line() {
    let names: Vec<_> = frozen().into_iter().map(|(name, _)| name).collect();
    for (kind, v) in Fact::KINDS {
        let name = format!("{kind}.v{v}.json");
        assert!(names.contains(&name), "{name} is missing: freeze the kind before its release");
    }
}

#[test]
fn every_frozen_line_is_understood_and_one_of_today_written_again_byte_for_byte() {
    for (name, line) in frozen() {
        let event = Event::parse(&line).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!matches!(event.fact, Fact::Unknown { .. }), "{name} is no longer understood");
        let today = Fact::KINDS.iter().find(|(kind, _)| *kind == event.fact.kind()).unwrap();
        if format!("{}.v{}.json", today.0, today.1) != name {
            assert!(name.starts_with(&format!("{}.v", today.0)), "{name}");
            continue;
        }
        assert_eq!(
            String::from_utf8(event.to_bytes()).unwrap(),
            String::from_utf8(line).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn every_frozen_line_folds() {
    for (name, line) in frozen() {
        let event = Event::parse(&line).unwrap();
        let lane = event.envelope.lane.clone();
        let state = fold(&lane, [(&event, Some(1))]);
        assert_ne!(state, LaneState::empty(&lane), "{name} left no trace");
    }
}

#[test]
fn every_frozen_line_folds_after_all_the_others_of_its_lane() {
    let events: Vec<_> = frozen().iter().map(|(_, line)| Event::parse(line).unwrap()).collect();
    for last in &events {
        let lane = &last.envelope.lane;
        let others = events.iter().filter(|event| &event.envelope.lane == lane);
        let all = others.chain([last]).zip(1..).map(|(event, seq)| (event, Some(seq)));
        let stored = serde_json::to_string(&fold(lane, all)).unwrap();
        serde_json::from_str::<LaneState>(&stored).unwrap();
    }
}
