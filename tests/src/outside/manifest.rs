//! The morning's list of parcels, as another system exports it.

use std::cell::LazyCell;

use serde_json::json;

use super::{Case, Day};

struct Morning {
    day: Day,
    genuine: Vec<Vec<u8>>,
}

thread_local! {
    static MORNING: LazyCell<Morning> = LazyCell::new(|| {
        let someone = json!({ "name": "李雷", "phone": "13800000000", "address": "河南街 1 号 2 单元 302 室" });
        let parcel = |waybill: &str| {
            json!({
                "waybill": waybill, "recipient": someone, "sender": someone, "courier": "4849",
                "freight": 1200, "promise_ms": 1_790_000_600_000_i64,
                "goods": { "fragile": true },
                "track": [{ "kind": "arrived_at_hub", "facility": "CC01", "at_ms": 1_789_990_000_000_i64 }],
            })
        };
        let list = json!({ "parcels": [parcel("SF1000000009001"), parcel("RB123456785CN")] });
        let (day, list) = (Day::new(), list.to_string().into_bytes());
        assert_eq!(day.station.twin().import(list.clone()).status, 201, "the list is a good one");
        Morning { day, genuine: vec![list] }
    });
}

pub(super) fn play(case: &[u8]) {
    MORNING.with(|morning| {
        let body = Case(case).arrives(&morning.genuine);
        let station = morning.day.station.twin();
        let before = station.everything().placed;
        let answer = station.import(body.clone());
        assert!(answer.status < 500, "the hub failed: {}", answer.status);
        let once = station.everything().placed;
        if answer.status >= 300 {
            assert_eq!(once, before, "a list with a mistake imports nothing");
        }
        let again = station.import(body);
        assert_eq!(again.status, answer.status, "the same list is taken as before");
        assert_eq!(station.everything().placed, once, "a list that comes twice counts once");
    });
}
