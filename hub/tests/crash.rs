//! A hub process that is killed: what it had acknowledged is there, once, in the same order.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![cfg(unix)]

mod common;

use std::time::Duration;

use common::{World, answer, start};
use lastmile_core::sync::wire::Verdict;
use lastmile_hub::{Hub, Request, Response, Settings};

fn send(address: &str, request: &Request) -> Option<Response> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build();
    let mut builder = ureq::http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{address}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let mut response = config.new_agent().run(builder.body(request.body.clone()).unwrap()).ok()?;
    let body = response.body_mut().read_to_vec().ok()?;
    Some(Response { status: response.status().as_u16(), headers: Vec::new(), body })
}

#[test]
fn whatever_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    // The phone is enrolled and the parcel announced before the first process starts.
    let world = World::with(|clock, entropy| {
        Hub::in_folder(folder.path(), clock, entropy, Settings::default())
    });
    world.announce(1);
    let a = world.phone("A");
    drop(world);
    let lines: Vec<Vec<u8>> = (0..1500).map(|_| a.out(1).to_bytes()).collect();
    let mut known = vec![None; lines.len()];

    for round in 0..6u64 {
        let (mut hub, address) = start(folder.path());
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(40 + 23 * round));
            hub.kill().unwrap();
            hub.wait().unwrap();
        });
        // One event at a time, from the first that is not acknowledged: each is its own commit.
        let mut phone = a.clone();
        for (line, place) in lines.iter().zip(&mut known) {
            let one = std::slice::from_ref(line);
            if place.is_none() {
                let request = phone.request(&phone.header(one), one, &[]);
                let Some(response) = send(&address, &request) else { break };
                match answer(&response).header.verdicts[..] {
                    [Verdict::Accepted(at) | Verdict::AlreadyKnown(at)] => *place = Some(at),
                    ref other => panic!("{other:?}"),
                }
            }
            phone.link = lastmile_core::event::link(&phone.link, &lastmile_core::event::leaf(line));
            phone.next_seq += 1;
        }
        killer.join().unwrap();
    }

    let acknowledged: Vec<u64> = known.iter().map_while(|place| *place).collect();
    assert!(acknowledged.len() > 20, "only {}", acknowledged.len());
    assert_eq!(acknowledged, (2..2 + acknowledged.len() as u64).collect::<Vec<_>>());
    let (mut hub, address) = start(folder.path());
    let count = acknowledged.len().min(500);
    let all = &lines[..count];
    let again = answer(&send(&address, &a.request(&a.header(all), all, &[])).unwrap());
    hub.kill().unwrap();
    hub.wait().unwrap();
    let expected: Vec<_> = acknowledged.iter().map(|at| Verdict::AlreadyKnown(*at)).collect();
    assert_eq!(again.header.verdicts, expected[..count]);
}
