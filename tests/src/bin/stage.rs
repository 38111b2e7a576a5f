//! A hub for every scenario that one phone plays in real time, each on a port of its own. Writes
//! a JSON array that tells where they are, and serves until its input ends.

use std::io::Read as _;
use std::sync::Arc;

use lastmile_core::id::{ClerkNo, CourierNo, StationId};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_hub::Hub;
use lastmile_tests::scenario;
use serde_json::{Value, json};

fn main() {
    let mut serving = Vec::new();
    let mut places: Vec<Value> = Vec::new();
    for name in scenario::names().into_iter().filter(|name| scenario::one_phone_plays(name)) {
        let hub = Hub::in_memory(Arc::new(SystemClock::new(480)), Arc::new(SystemEntropy));
        let hub = Arc::new(hub.expect("a hub in memory"));
        let station = StationId::new("JL31").expect("a plain id");
        let clerk = ClerkNo::new("clerk-1").expect("a plain number");
        let courier = CourierNo::new("4849").expect("a plain number");
        let clerk = hub.new_clerk(clerk, Some(station.clone())).expect("a hub in memory");
        let code = hub.new_code(courier, station).expect("a hub in memory");
        let served = lastmile_hub::serve::in_background(hub).expect("a free port");
        places.push(json!({ "file": name, "hub": served.url(), "clerk": clerk, "code": code }));
        serving.push(served);
    }
    println!("{}", Value::Array(places));
    // Until the one who started it ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
