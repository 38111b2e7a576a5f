//! Keeps `docs/protocol.md` true: its examples are what a hub says and hears, and its tables name
//! everything there is. `UPDATE_EXAMPLES=1 cargo test -p lastmile-hub --test protocol` writes them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::World;
use lastmile_core::event::{self, Fact};
use lastmile_core::sync::wire::{
    self, EnrolRequest, HubKey, ParkReason, Pull, PushHeader, ReceiptBody, ReplyHeader,
};
use lastmile_hub::Request;

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md")
}

/// A real exchange with a hub, in pieces.
fn exchange() -> BTreeMap<&'static str, String> {
    let world = World::new();
    let code = world.hub.new_code(common::courier("4849"), common::station()).unwrap();
    let a = world.signing_phone("4849");
    world.announce(1);
    world.assign(1, "4849");
    let mut event = a.out(1);
    event.envelope.seen = 2;
    event.envelope.epoch = Some(1);
    let lines = [event.to_bytes()];
    let mut header = a.header(&lines);
    header.pull =
        Some(Pull { cursor: 0, max_events: 500, directory: 1, policy: 1, codes: Vec::new() });
    let answer = common::answer(&world.hub.handle(&a.request(&header, &lines, &[])));
    let receipt = answer.header.receipt.clone().unwrap();
    let body: ReceiptBody = serde_json::from_str(&receipt.body).unwrap();
    let leaf = event::leaf(&lines[0]);
    let list = wire::verdict_list([(&leaf, &answer.header.verdicts[0])]);
    let keys = world.hub.handle(&Request::new("GET", "/v1/keys"));
    let keys: Vec<HubKey> = serde_json::from_slice(&keys.body).unwrap();
    let wrong = world.hub.handle(&Request::new("POST", "/v1/sync"));
    assert_eq!(body.head, event::link(&a.link, &leaf));
    assert_eq!(body.verdicts, lastmile_core::id::Digest::of(&[list.as_bytes()]));

    let pretty = |value: serde_json::Value| serde_json::to_string_pretty(&value).unwrap();
    let public_key = header.signature.is_some().then(|| "04…".to_owned());
    BTreeMap::from([
        ("event", String::from_utf8(lines[0].clone()).unwrap()),
        ("vault", serde_json::to_string(&answer.vault[0]).unwrap()),
        ("head", wire::head_text(header.device, 1, 1, &body.head)),
        ("enrol-request", serde_json::to_string(&EnrolRequest { code, public_key }).unwrap()),
        ("enrol-answer", pretty(serde_json::to_value(&a.enrolment).unwrap())),
        ("push", pretty(serde_json::to_value(&header).unwrap())),
        ("reply", pretty(serde_json::to_value(&answer.header).unwrap())),
        ("receipt", receipt.body),
        ("verdict-list", list),
        ("key", wire::key_text(&keys[0].key, &keys[0].public)),
        ("problem", String::from_utf8(wrong.body).unwrap()),
    ])
}

/// Puts the examples into the page: each block whose info string ends with its name.
fn with_examples(page: &str, examples: &mut BTreeMap<&'static str, String>) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let name = line.strip_prefix("```").and_then(|info| info.split_once(' '));
        if let Some((_, name)) = name {
            let example = examples.remove(name).unwrap_or_else(|| panic!("no example {name}"));
            out.push_str(example.trim_end());
            out.push_str("\n```\n");
            for skipped in lines.by_ref() {
                if skipped == "```" {
                    break;
                }
            }
        }
    }
    out
}

#[test]
fn the_examples_are_what_a_hub_says_and_hears() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    let mut examples = exchange();

    let expected = with_examples(&page, &mut examples);

    assert!(examples.is_empty(), "these are not on the page: {:?}", examples.keys());
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(page_path(), &expected).unwrap();
    } else {
        assert_eq!(page, expected, "write them anew with UPDATE_EXAMPLES=1");
    }
}

#[test]
fn the_examples_read_back() {
    let examples = exchange();
    let event = event::Event::parse(examples["event"].as_bytes()).unwrap();
    assert_eq!(event.fact.kind(), "ParcelOutForDelivery");
    serde_json::from_str::<PushHeader>(&examples["push"]).unwrap();
    serde_json::from_str::<ReplyHeader>(&examples["reply"]).unwrap();
    serde_json::from_str::<wire::Enrolment>(&examples["enrol-answer"]).unwrap();
    let entry: lastmile_core::privacy::VaultEntry =
        serde_json::from_str(&examples["vault"]).unwrap();
    assert!(entry.is_genuine());
}

#[test]
fn the_page_names_every_kind_every_park_reason_and_every_problem() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    for (kind, _) in Fact::KINDS {
        assert!(page.contains(kind), "{kind}");
    }
    for reason in ParkReason::ALL {
        assert!(page.contains(&format!("| `{reason:?}` |")), "{reason:?}");
    }
    let codes = problem_codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code} is not in the table of problems");
    }
}

/// Every code that the hub's sources can answer with.
fn problem_codes(folder: &Path) -> Vec<String> {
    let mut codes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes.extend(problem_codes(&path));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for start in ["HubError::asked(", "Self::asked("] {
            for call in text.split(start).skip(1) {
                codes.extend(call.split('"').nth(1).map(str::to_owned));
            }
        }
    }
    codes
}
