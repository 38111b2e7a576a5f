//! Keeps `docs/protocol.md` true: its examples are what a hub says and hears, and its tables name
//! everything there is. `UPDATE_EXAMPLES=1 cargo test -p lastmile-hub --test protocol` writes them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{World, example};
use lastmile_core::badge::Badge;
use lastmile_core::event::{self, Fact};
use lastmile_core::id::{StationId, TransferId};
use lastmile_core::parcel::GoodsFlags;
use lastmile_core::sync::wire::{
    self, EnrolRequest, HubKey, ParkReason, Pull, PushHeader, ReplyHeader, Verdict,
};
use lastmile_core::transfer::{OfferedParcel, Token, TokenKind};
use lastmile_core::visibility::{Relation, Sight, sight};
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
        Some(Pull { cursor: 0, max_events: 500, directory: 1, policy: 1, ..Pull::default() });
    let answer = common::answer(&world.hub.handle(&a.request(&header, &lines, &[])));
    let body = a.receipt(&world.hub, &lines, &answer.header);
    let leaf = event::leaf(&lines[0]);
    let list = wire::verdict_list([(&leaf, &answer.header.verdicts[0])]);
    let keys = world.hub.handle(&Request::new("GET", "/v1/keys"));
    let keys: Vec<HubKey> = serde_json::from_slice(&keys.body).unwrap();
    let wrong = world.hub.handle(&Request::new("POST", "/v1/sync"));
    assert_eq!(body.head, event::link(&a.link, &leaf));
    assert_eq!(body.verdicts, lastmile_core::id::Digest::of(&[list.as_bytes()]));

    let badge = Badge::read(a.enrolment.badge.as_ref().unwrap()).unwrap();
    let offer = Token {
        kind: TokenKind::Offer,
        badge: badge.clone(),
        transfer: TransferId("01a1ee5d-3bc0-7a10-9c55-7b1d2f6e9a01".parse().unwrap()),
        to: common::courier("5021"),
        until_ms: common::START_MS + 1_800_000,
        parcels: vec![OfferedParcel { waybill: common::waybill(1), goods: GoodsFlags::default() }],
        signature: String::new(),
    };
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
        ("badge", badge.profile.text()),
        ("offer", offer.text()),
        ("receipt", body.text()),
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

#[test]
fn the_page_tells_of_each_kind_who_is_shown_it() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    let columns = [
        Relation::Holder,
        Relation::FormerHolder,
        Relation::ComplainedOf,
        Relation::ComplainedOfHidden,
    ];
    let shown = |kind: &str, fact: &Fact| {
        let sights = columns.map(|relation| match sight(fact, relation) {
            Sight::Nothing => "–",
            Sight::Fact => "fact",
            Sight::FactAndPerson => "person",
        });
        let row =
            page.lines().filter(|line| line.ends_with(&format!(" | {} |", sights.join(" | "))));
        let names = row.flat_map(|line| line.split(['|', ',']).map(str::trim));
        assert!(names.into_iter().any(|name| name == kind), "{kind} is {sights:?}");
        for relation in [Relation::Owner, Relation::Clerk] {
            assert_eq!(sight(fact, relation), Sight::FactAndPerson);
        }
    };
    for (kind, _) in Fact::KINDS {
        shown(kind, &example(kind).fact);
    }
    let unknown = Fact::Unknown { kind: "New".to_owned(), v: 1, data: "{}".to_owned() };
    shown("and every kind the hub does not know", &unknown);
}

/// The first of the kinds that open a lane, as the page has them; none if anything does.
fn openers<'p>(page: &'p str, lane: &str) -> Option<Vec<&'p str>> {
    let row = format!("| `{}:` | ", lane.split_once(':').unwrap().0);
    let kinds = page.lines().find_map(|line| line.strip_prefix(&row)?.strip_suffix(" |"));
    kinds.map(|kinds| kinds.split(", ").collect())
}

#[test]
fn the_page_tells_of_each_kind_which_lane_it_opens_and_whose_act_it_is() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    let acts = page.split_once("Acts of the station: ").unwrap().1.split_once(';').unwrap().0;
    let acts: Vec<_> = acts.split([',', '\n']).map(str::trim).collect();
    for (kind, _) in Fact::KINDS {
        let world = World::new();
        let a = world.phone("4849");
        let lane = match example(kind).envelope.lane.to_string().split_once(':').unwrap().0 {
            "shift" => "shift:4849/2026-11-21".to_owned(),
            "station" => "station:JL31".to_owned(),
            "pickup" => "pickup:PU-1".to_owned(),
            "parcel" => common::parcel(1).to_string(),
            name => format!("{name}:{}", a.new_case()),
        };
        let openers = openers(&page, &lane);
        let lane = event::Lane::parse(&lane);
        let lines = [a.event(&lane, example(kind).fact).to_bytes()];
        let offer = || a.try_lines(&world, &lines).header.verdicts[0];
        // The frozen transfer bears no proof of this hub, and the frozen owner is a clerk.
        let expected = |place| match *kind {
            "CustodyTransferred" => Verdict::Parked(ParkReason::BadSignature),
            "OwnerTaken" => Verdict::Parked(ParkReason::NotYourLane),
            kind if acts.contains(&kind) => Verdict::Parked(ParkReason::NotYourLane),
            _ => place,
        };

        let Some(first) = openers.filter(|kinds| !kinds.contains(kind)).map(|kinds| kinds[0])
        else {
            assert_eq!(offer(), expected(Verdict::Accepted(1)), "{kind} opens {lane}");
            continue;
        };
        let closed = Verdict::Parked(ParkReason::UnknownLane);
        assert_eq!(offer(), closed, "{kind} does not open {lane}");
        world.say(&common::station(), lane.clone(), opening(first, &common::station()), &[]);
        assert_eq!(offer(), expected(Verdict::AlreadyKnown(2)), "{kind} in {lane}");
    }
}

/// The frozen example of a kind that opens a lane, at a station.
fn opening(kind: &str, at: &StationId) -> Fact {
    let mut fact = example(kind).fact;
    match &mut fact {
        Fact::ParcelAnnounced(announced) => announced.station.clone_from(at),
        Fact::PickupAnnounced(announced) => announced.station.clone_from(at),
        _ => {}
    }
    fact
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
