//! What a station signs for its phones: the policy pack, the directory, the message templates.

use std::sync::LazyLock;

use lastmile_core::directory::Directory;
use lastmile_core::id::StationId;
use lastmile_core::notice::Templates;
use lastmile_core::policy::{Pack, Policies, value_names};
use serde_json::json;

use super::Case;

static GENUINE: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let sites = json!([
        { "id": "LOCKER-1", "name": "locker", "kind": "locker", "hours": "8-20", "keeps_h": 48 },
    ]);
    let directory = json!({
        "version": 2, "station": "JL31", "station_phone": "0432-0000000",
        "station_lng": 126.566, "station_lat": 43.87, "sites": sites,
    });
    let (policy, directory) =
        (include_str!("../../../docs/policy.example.json"), directory.to_string());
    let templates = include_str!("../../../core/src/notice/templates.json");
    assert!(Pack::read(policy).is_ok() && Directory::read(&directory).is_ok());
    assert!(Templates::load(templates).is_ok());
    [policy, &directory, templates].map(|text| text.as_bytes().to_vec())
});

pub(super) fn play(case: &[u8]) {
    let text = Case(case).arrives_as_text(GENUINE.as_slice());
    if let Ok(pack) = Pack::read(&text) {
        let station = StationId::new("JL31").expect("a plain id");
        let policies = Policies::new([(&pack, 0)], &station);
        for ms in [0, 1_790_000_000_000, i64::MAX] {
            for value in value_names() {
                assert!(policies.at(ms).explain(value).is_some(), "{value} has a source");
            }
        }
        assert_eq!(Pack::reread(&text), Some(pack), "a pack that was adopted can be read again");
    }
    if let Ok(directory) = Directory::read(&text) {
        assert!(directory.faults().is_empty(), "what is adopted has no fault");
        // A degree may come back a hair off: JSON's reader is quick, not exact to the last bit.
        let plain = Directory { station_lng: None, station_lat: None, ..directory };
        let kept = serde_json::to_string(&plain).expect("it can be kept");
        assert_eq!(Directory::read(&kept), Ok(plain), "what was kept can be read");
    }
    if let Ok(templates) = Templates::load(&text) {
        for id in templates.ids() {
            templates.mandatory_slots(id).expect("a template that is there");
        }
    }
}
