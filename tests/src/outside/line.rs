//! A line of the log, as a push, a reply, a bundle or a restored file brings it.

use std::sync::LazyLock;

use lastmile_core::event::Event;
use lastmile_core::fold::{LaneState, fold};

/// A line of every kind, as they were frozen.
static GENUINE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/fixtures/events");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the frozen lines")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a frozen line")).collect()
});

pub(super) fn play(case: &[u8]) {
    let line = super::Case(case).arrives(&GENUINE);
    let Ok(event) = Event::parse(line.strip_suffix(b"\n").unwrap_or(&line)) else { return };
    let again = Event::parse(&event.to_bytes()).expect("what was read can be read again");
    assert_eq!(again, event, "written and read again, it says the same");

    // In its lane, twice, behind an event of every kind.
    let mut events: Vec<Event> =
        GENUINE.iter().filter_map(|line| Event::parse(line.trim_ascii_end()).ok()).collect();
    for known in &mut events {
        known.envelope.lane = event.envelope.lane.clone();
    }
    events.extend([event.clone(), event]);
    let placed = (1..).map(Some).zip(&events).map(|(at, event)| (event, at));
    let state = fold(&events[0].envelope.lane, placed);
    let kept = serde_json::to_string(&state).expect("a state can be kept");
    let read: LaneState = serde_json::from_str(&kept).expect("what was kept can be read");
    assert_eq!(read, state, "a state that was kept is the same");
}
