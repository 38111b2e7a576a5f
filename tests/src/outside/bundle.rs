//! An evidence bundle, as anybody may have changed it.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use lastmile_core::sync::SyncChannel;
use lastmile_hub::{Bundle, verify};
use serde_json::Value;

use super::{Case, Day};
use crate::invented::waybill;
use crate::world::carry_until_idle;

struct Genuine {
    root_key: String,
    lines: BTreeSet<String>,
    bodies: Vec<Vec<u8>>,
}

thread_local! {
    static GENUINE: LazyCell<Genuine> = LazyCell::new(|| {
        let Day { station, mut phone, .. } = Day::new();
        carry_until_idle(&station, &mut phone, SyncChannel::Events);
        let bodies = [0, 1].map(|n| {
            let path = format!("/v1/clerk/bundle/{}?persons=1", waybill(n));
            station.desk("GET", &path, &Value::Null).body
        });
        let bundles = bodies.iter().map(|body| {
            serde_json::from_slice::<Bundle>(body).expect("the hub makes a bundle")
        });
        let lines = bundles.flat_map(|bundle| bundle.lanes).flat_map(|lane| lane.events);
        Genuine {
            root_key: phone.enrolment.root_key.clone(),
            lines: lines.map(|event| event.line).collect(),
            bodies: bodies.to_vec(),
        }
    });
}

pub(super) fn play(case: &[u8]) {
    GENUINE.with(|genuine| {
        let body = Case(case).arrives(&genuine.bodies);
        let Ok(bundle) = serde_json::from_slice::<Bundle>(&body) else { return };
        verify(&bundle, None, &|_| None);
        let report = verify(&bundle, Some(&genuine.root_key), &|_| None);
        let proven = report.proven.iter().filter(|line| line.contains(", byte for byte, by"));
        let events = bundle.lanes.iter().flat_map(|lane| &lane.events);
        let recorded = events.filter(|event| genuine.lines.contains(&event.line)).count();
        let proven = proven.count();
        assert!(proven <= recorded, "what nobody recorded is proven");
        if genuine.bodies.contains(&body) {
            assert_eq!(proven, recorded, "what was recorded is proven");
        }
    });
}
