//! What the hub does by itself: messages go out once, failures are facts, and a restart repeats
//! nothing.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a test function")]

mod common;

use std::sync::Mutex;

use common::{World, parcel, station, waybill};
use lastmile_core::delivery::{Channel, Party};
use lastmile_core::event::{Actor, Event, Fact};
use lastmile_core::id::Digest;
use lastmile_core::notice::NoticeHandedToHub;
use lastmile_core::privacy::{VaultBody, VaultEntry};
use lastmile_core::temporary_storage::ParcelStored;
use lastmile_hub::gateway::{FolderGateway, MemoryGateway, Message, MessageGateway, NotSent};

const MINUTE_MS: i64 = 60_000;

/// Says this of every message, and remembers what it was given.
struct Says(Result<(), NotSent>, Mutex<Vec<Message>>);

impl Says {
    fn new(answer: Result<(), NotSent>) -> Self {
        Self(answer, Mutex::default())
    }

    fn tries(&self) -> usize {
        self.1.lock().unwrap().len()
    }
}

impl MessageGateway for Says {
    fn send(&self, message: &Message) -> Result<(), NotSent> {
        self.1.lock().unwrap().push(message.clone());
        self.0
    }
}

/// Hands a notice about parcel 1 to the hub, as its courier's phone would.
fn hand_over(world: &World, template: &str) {
    let text = VaultBody::Text("Your parcel comes later".into());
    let entry = VaultEntry::new(parcel(1), &text, &*world.entropy);
    let fact = NoticeHandedToHub {
        to: Party::Recipient,
        channel: Channel::Sms,
        template: template.into(),
        text: entry.reference,
    };
    world.say(&station(), parcel(1), fact, &[entry]);
}

fn announced() -> World {
    let world = World::new();
    world.announce(1);
    world.assign(1, "4849");
    world
}

/// The kinds of the lane's facts, and every line as text.
fn lane(world: &World) -> (Vec<String>, String) {
    let token = world
        .hub
        .new_clerk(lastmile_core::id::ClerkNo::new("C1").unwrap(), Some(station()))
        .unwrap();
    let path = format!("/v1/clerk/lanes/{}", parcel(1));
    let request = lastmile_hub::Request::new("GET", &path).bearer(&token);
    let body = world.hub.handle(&request).body;
    let view: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let lines: Vec<String> =
        view["events"].as_array().unwrap().iter().map(|event| event["line"].to_string()).collect();
    let kinds = lines.iter().map(|line| Event::parse(line.as_bytes()).unwrap().fact);
    (kinds.map(|fact: Fact| fact.kind().to_owned()).collect(), lines.concat())
}

fn last_kind(world: &World) -> String {
    lane(world).0.pop().unwrap()
}

#[test]
fn a_notice_goes_out_once_and_only_its_digest_stays() {
    let (world, gateway) = (announced(), MemoryGateway::default());
    hand_over(&world, "T04.1");
    assert_eq!(world.hub.do_chores(&gateway).unwrap(), 1);
    assert_eq!(world.hub.do_chores(&gateway).unwrap(), 0, "nothing is left to do");

    let sent = gateway.sent();
    assert_eq!((sent.len(), sent[0].phone.as_str()), (1, "13900000000"));
    let (kinds, lines) = lane(&world);
    assert_eq!(kinds.last().unwrap(), "NoticeSent");
    assert!(lines.contains(&Digest::of(&[sent[0].text.as_bytes()]).to_string()));
    assert!(!lines.contains("comes later") && !lines.contains("13900000000"));
    assert_eq!(format!("{:?}", sent[0]), format!("Message({})", sent[0].id));
}

#[test]
fn a_sender_that_does_not_answer_is_asked_again_for_an_hour() {
    let (world, silent) = (announced(), Says::new(Err(NotSent::Later)));
    hand_over(&world, "T04.1");
    for minute in 0..70 {
        world.hub.do_chores(&silent).unwrap();
        if minute < 60 {
            assert_eq!(last_kind(&world), "NoticeHandedToHub", "minute {minute}");
        }
        world.wait_ms(MINUTE_MS);
    }
    let tries = silent.tries();
    assert!((8..=14).contains(&tries), "ever less often: {tries}");
    let first = silent.1.lock().unwrap()[0].id;
    assert!(silent.1.lock().unwrap().iter().all(|message| message.id == first));
    world.wait_ms(60 * MINUTE_MS);
    world.hub.do_chores(&silent).unwrap();
    assert_eq!(last_kind(&world), "NoticeFailed");
}

#[test]
fn what_the_sender_refuses_failed() {
    let world = announced();
    hand_over(&world, "T04.1");
    world.hub.do_chores(&Says::new(Err(NotSent::Never))).unwrap();
    assert_eq!(last_kind(&world), "NoticeFailed");
    assert_eq!(world.hub.do_chores(&Says::new(Ok(()))).unwrap(), 0, "it is told once");
}

#[test]
fn a_word_about_a_stay_that_is_over_is_not_sent() {
    let (world, gateway) = (announced(), MemoryGateway::default());
    hand_over(&world, "T01.1");
    world.hub.do_chores(&gateway).unwrap();
    assert_eq!((gateway.sent().len(), last_kind(&world).as_str()), (0, "NoticeFailed"));
}

#[test]
fn a_second_try_writes_the_same_file() {
    let world = announced();
    let folder = tempfile::tempdir().unwrap();
    hand_over(&world, "T04.1");
    let seen = Says::new(Err(NotSent::Later));
    world.hub.do_chores(&seen).unwrap();
    let message = seen.1.lock().unwrap()[0].clone();
    let gateway = FolderGateway::new(&folder.path().join("outbox"));
    gateway.send(&message).unwrap();
    gateway.send(&message).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path().join("outbox")).unwrap().collect();
    assert_eq!(files.len(), 1);
}

#[test]
fn a_stay_expires_in_the_stations_name_and_only_once() {
    let (world, gateway) = (announced(), MemoryGateway::default());
    let stored = ParcelStored {
        consent: None,
        site: lastmile_core::id::SiteId::new("DESK-1").unwrap(),
        collect_before_ms: common::START_MS + 10 * MINUTE_MS,
        code_hash: None,
        code: None,
        photo: None,
        slot: None,
    };
    world.say(&station(), parcel(1), stored, &[]);
    assert_eq!(world.hub.do_chores(&gateway).unwrap(), 0, "its time is not over");
    world.wait_ms(10 * MINUTE_MS);
    assert_eq!(world.hub.do_chores(&gateway).unwrap(), 1);
    assert_eq!(world.hub.do_chores(&gateway).unwrap(), 0);
    let (kinds, lines) = lane(&world);
    assert_eq!(kinds.iter().filter(|kind| *kind == "StorageExpired").count(), 1);
    let by = serde_json::to_string(&Actor::Station(station())).unwrap();
    assert!(lines.contains(&format!("\"by\":{by}")), "{} {by}", waybill(1));
}
