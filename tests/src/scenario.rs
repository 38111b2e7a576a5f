//! Plays scenario files: one behaviour per JSON file, the same files as Kotlin and Swift play.
//!
//! The steps are described in `tests/scenarios/README.md`.

mod ask;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lastmile_core::command::Command;
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::CourierNo;
use lastmile_core::sync::SyncChannel;
use lastmile_core::{Courier, Progress, Refusal};
use lastmile_hub::Response;
use lastmile_hub::gateway::MemoryGateway;
use serde_json::Value;

use crate::planted::Planted;
use crate::world::{Phone, SoftSigner, Station, TrueTime, carry_until_idle};

const MINUTE_MS: i64 = 60_000;

/// The couriers of the station; the first one acts where a step names nobody.
const COURIERS: [(&str, &str); 3] = [("A", "4849"), ("B", "5021"), ("C", "6607")];

/// The folder of the scenario files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Lists the scenario files, `setup.json` left out, by their paths inside the folder.
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for file in std::fs::read_dir(&next).expect("the scenario folder") {
            let path = file.expect("the scenario folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "json") {
                let name = path.strip_prefix(folder()).expect("inside the folder");
                names.push(name.to_str().expect("a plain name").to_owned());
            }
        }
    }
    names.retain(|name| name != "setup.json");
    names.sort();
    names
}

/// Reads the steps of a scenario file.
pub fn steps(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(name)).expect("a scenario file");
    let mut scenario: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    match scenario["steps"].take() {
        Value::Array(steps) => steps,
        _ => panic!("{name}: no steps"),
    }
}

/// Tells whether one phone can play a scenario in real time, as Kotlin and Swift do. Their facades
/// tell a rule's refusal from every other error, which a step of this kind does not.
pub fn one_phone_plays(name: &str) -> bool {
    let needs_more =
        ["on", "wait_min", "clock_min", "restart", "numbers", "ask", "policy", "chores", "sign_in"];
    let is_refusal = |code: &Value| Refusal::ALL.iter().any(|refusal| refusal.code() == code);
    !steps(name).iter().any(|step| {
        needs_more.iter().any(|verb| step.get(verb).is_some())
            || (step.get("command").is_some() && !is_refusal(&step["refused"]))
    })
}

/// Plays one scenario from an empty hub on.
///
/// # Panics
/// If it does not come out as written; the text names the file and the step.
pub fn play(name: &str) {
    let mut scene = Scene::new();
    scene.play("setup.json");
    scene.play(name);
    scene.planted.search(&scene.station, scene.phones.values());
}

/// A station with its clerk, and the couriers' phones.
struct Scene {
    time: TrueTime,
    station: Station,
    phones: BTreeMap<String, Phone>,
    kept: BTreeMap<String, Value>,
    planted: Planted,
    gateway: MemoryGateway,
}

impl Scene {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let (phones, kept) = (BTreeMap::new(), BTreeMap::new());
        let (planted, gateway) = (Planted::default(), MemoryGateway::default());
        Self { time, station, phones, kept, planted, gateway }
    }

    fn play(&mut self, name: &str) {
        for (at, step) in steps(name).iter().enumerate() {
            let step = self.filled(step);
            self.step(&step, &format!("{name}, step {}", at + 1));
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per verb")]
    fn step(&mut self, step: &Value, at: &str) {
        self.planted.collect(step);
        let known = |name: &str| step.get(name).is_some();
        match step {
            _ if known("clerk") => {
                let body = &step["clerk"];
                let answer = self.station.desk("POST", "/v1/clerk/commands", body);
                self.planted.hear(accepted(&answer, step, at));
            }
            _ if known("desk") => {
                let (method, path) = (text(&step["desk"]), text(&step["path"]));
                let answer = self.station.desk(method, path, &step["body"]);
                self.planted.hear(accepted(&answer, step, at));
            }
            _ if known("policy") => {
                let adopted = self.station.adopt_policy(&step["policy"].to_string());
                let code = adopted.err().map(|error| error.problem().code);
                assert_eq!(code.as_deref(), step.get("refused").map(text), "{at}");
            }
            _ if known("chores") => self.station.do_chores(&self.gateway),
            _ if known("sent") => {
                let sent = serde_json::to_value(self.gateway.sent()).expect("plain data");
                expect(&sent, step, at);
            }
            _ if known("case") => {
                let case = self.courier(step).new_case().to_string();
                self.keep(&step["case"], case.into());
            }
            _ if known("keep") => {
                let state = self.state(step);
                let part = state.pointer(text(&step["at"]));
                let part = part.unwrap_or_else(|| panic!("{at}: it is not there: {state:#}"));
                self.keep(&step["keep"], part.clone());
            }
            _ if known("numbers") => {
                let count = step["count"].as_u64().expect("a count");
                let numbers = (1..=count).map(|n| format!("SF3{n:012}")).collect();
                self.keep(&step["numbers"], numbers);
            }
            _ if known("capture") => {
                let lane = Lane::parse(text(&step["capture"]["lane"]));
                let courier = self.courier(step);
                let photo = courier.capture_bytes(&lane, DOOR, MediaSource::Camera);
                let photo = serde_json::to_value(photo.expect("a photo")).expect("plain data");
                self.keep(&step["capture"]["as"], photo);
            }
            _ if known("record") => {
                let command = command(&step["record"], at);
                let recorded = match step.get("against") {
                    Some(reason) => self.courier(step).record_done(&command, text(reason)),
                    None => self.courier(step).record(&command),
                };
                if let Err(error) = recorded {
                    panic!("{at}: {error}");
                }
            }
            _ if known("refused") => {
                let command = command(&step["command"], at);
                let Err(refused) = self.courier(step).record(&command) else {
                    panic!("{at}: it was not refused");
                };
                assert_eq!(refused.code(), text(&step["refused"]), "{at}: {refused}");
                self.planted.hear(format!("{refused} {refused:?}"));
            }
            _ if known("sync") => self.sync(step),
            _ if known("sign_in") => {
                self.courier(step).set_signed_in(true).expect("a good disk");
                let name = step.get("on").map_or("A", text);
                let phone = self.phones.get_mut(name).expect("just put there");
                phone.enrolment.session_token = self.station.new_session(&phone.enrolment);
            }
            _ if known("wait_min") => {
                let minutes = step["wait_min"].as_i64().expect("whole minutes");
                self.time.pass(minutes * MINUTE_MS);
            }
            _ if known("clock_min") => {
                let minutes = step["clock_min"].as_i64().expect("whole minutes");
                self.phone(step).clock.turn(minutes * MINUTE_MS);
            }
            _ if known("restart") => {
                let phone = self.phone(step);
                phone.kill();
                phone.clock.reboot();
                phone.start().expect("a good disk");
            }
            _ if known("pending") => {
                let status = self.courier(step).sync_status().expect("a good disk");
                assert_eq!(Some(status.pending), step["pending"].as_i64(), "{at}");
            }
            _ if known("history") => {
                let lane = Lane::parse(text(&step["history"]));
                let history = self.courier(step).history(&lane).expect("a good disk");
                let last = history.iter().rfind(|entry| entry.kind == step["kind"]);
                let last = last.unwrap_or_else(|| panic!("{at}: no such event: {history:?}"));
                assert_eq!(progress(last.progress), step["progress"], "{at}");
            }
            _ if known("state") => {
                let state = self.state(step);
                expect(&state, step, at);
            }
            _ if known("ask") => {
                let with = &step["with"];
                let answer = match text(&step["ask"]) {
                    "has_file" => ask::has_file(self.phone(step), with),
                    question => ask::ask(self.courier(step), question, with, at),
                };
                match step.get("as") {
                    Some(name) => {
                        let part = answer.pointer(step.get("at").map_or("", text));
                        self.keep(name, part.unwrap_or(&Value::Null).clone());
                    }
                    None => expect(&answer, step, at),
                }
            }
            _ => panic!("{at}: unknown step"),
        }
    }

    fn phone(&mut self, step: &Value) -> &mut Phone {
        let name = step.get("on").map_or("A", text);
        if !self.phones.contains_key(name) {
            let number = COURIERS.iter().find(|(letter, _)| *letter == name);
            let (_, number) = number.unwrap_or_else(|| panic!("there is no phone {name}"));
            let seed = self.phones.len() as u64 + 1;
            let signer = SoftSigner::new(seed);
            let courier = CourierNo::new(*number).expect("a plain number");
            let enrolment = self.station.enrol(&courier, Some(signer.public()));
            let mut phone = Phone::new(&self.time, seed, enrolment, Some(signer.into()));
            phone.start().expect("a good disk");
            let badge = phone.enrolment.badge.clone().expect("the hub signs badges");
            phone.courier().and_then(|courier| courier.keep_badge(&badge)).expect("a good badge");
            self.phones.insert(name.to_owned(), phone);
        }
        self.phones.get_mut(name).expect("just put there")
    }

    fn courier(&mut self, step: &Value) -> &mut Courier {
        self.phone(step).courier().expect("the app runs")
    }

    /// Asks for news and carries requests until a round of both channels has nothing to send.
    fn sync(&mut self, step: &Value) {
        self.courier(step).pull_soon();
        let name = step.get("on").map_or("A", text);
        let phone = self.phones.get_mut(name).expect("just put there");
        for _ in 0..2 {
            carry_until_idle(&self.station, phone, SyncChannel::Events);
            carry_until_idle(&self.station, phone, SyncChannel::Media);
        }
    }

    fn state(&mut self, step: &Value) -> Value {
        let lane = text(&step["state"]);
        if step["hub"] == true {
            let view = self.station.desk("GET", &format!("/v1/clerk/lanes/{lane}"), &Value::Null);
            let view: Value = serde_json::from_slice(&view.body).expect("the hub answers in JSON");
            return unwrapped(view["state"].clone());
        }
        let state = self.courier(step).lane(&Lane::parse(lane)).expect("a good disk");
        unwrapped(serde_json::to_value(state).expect("plain data"))
    }

    fn keep(&mut self, name: &Value, value: Value) {
        self.kept.insert(text(name).to_owned(), value);
    }

    /// Puts what was kept where a string says `$name`, also inside a lane such as
    /// `exception:$case`, and a time where one says `now+minutes`.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let minutes = text.strip_prefix("now").map(str::parse::<i64>);
                if let Some(Ok(minutes)) = minutes {
                    return (self.time.ms() + minutes * MINUTE_MS).into();
                }
                match text.split_once('$') {
                    Some(("", name)) => self.kept[name].clone(),
                    Some((before, name)) => {
                        let kept = self.kept[name].as_str().expect("a text");
                        format!("{before}{kept}").into()
                    }
                    None => value.clone(),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), self.filled(field))).collect()
            }
            _ => value.clone(),
        }
    }
}

/// Holds an answer's part at `at` to `is`. A part that is not there is `null`.
fn expect(answer: &Value, step: &Value, at: &str) {
    let pointer = step.get("at").map_or("", text);
    let part = answer.pointer(pointer).unwrap_or(&Value::Null);
    assert_eq!(*part, step["is"], "{at}: {answer:#}");
}

/// Holds the desk's answer to `refused`, or to success. Returns its body if it is an error.
fn accepted(answer: &Response, step: &Value, at: &str) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    match step.get("refused") {
        Some(code) => {
            let problem: Value = serde_json::from_str(&body).expect("a problem is JSON");
            assert_eq!(problem["code"], *code, "{at}: {body}");
        }
        None => assert!(answer.status < 300, "{at}: {body}"),
    }
    if answer.status < 300 { String::new() } else { body.into_owned() }
}

/// A state without the name of its kind around it.
fn unwrapped(state: Value) -> Value {
    match state {
        Value::Object(fields) => fields.into_iter().next().map_or(Value::Null, |(_, inner)| inner),
        other => other,
    }
}

fn command(json: &Value, at: &str) -> Command {
    serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{at}: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn progress(progress: Progress) -> &'static str {
    match progress {
        Progress::Recorded => "recorded",
        Progress::MediaPending => "media_pending",
        Progress::Confirmed => "confirmed",
        Progress::Parked { .. } => "parked",
    }
}

const DOOR: &[u8] = include_bytes!("../fixtures/media/door.jpg");
