//! The scenario files, played from Rust against a hub in this process. Kotlin and Swift play the
//! same files, unchanged, against a hub on a port.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::{ClerkNo, CourierNo, StationId};
use lastmile_core::sync::wire::Enrolment;
use lastmile_core::sync::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel, enrol};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_core::{Command, Courier, Options, Progress};
use lastmile_hub::{Hub, Request};
use serde_json::Value;

/// A station with a clerk and one courier's phone.
struct Runner {
    hub: Hub,
    clerk: String,
    enrolment: Enrolment,
    courier: Courier,
    kept: BTreeMap<String, Value>,
    _folder: tempfile::TempDir,
}

impl Runner {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::in_memory(Arc::new(SystemClock::new(480)), Arc::new(SystemEntropy)).unwrap();
        let station = StationId::new("JL31").unwrap();
        let clerk = hub.new_clerk(ClerkNo::new("7").unwrap(), Some(station.clone())).unwrap();
        let code = hub.new_code(CourierNo::new("4849").unwrap(), station).unwrap();
        let answer = send(&hub, None, &enrol::enrol_request(&code, None));
        let enrolment = enrol::read_enrolment(&answer).unwrap();
        let options = Options::folder(folder.path(), 480);
        let courier = Courier::open(options, enrolment.identity()).unwrap();
        Self { hub, clerk, enrolment, courier, kept: BTreeMap::new(), _folder: folder }
    }

    fn play(&mut self, name: &str) {
        let text = std::fs::read_to_string(scenarios().join(name)).unwrap();
        let scenario: Value = serde_json::from_str(&text).unwrap();
        for (at, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            self.step(&self.filled(step), &format!("{name}, step {}", at + 1));
        }
    }

    fn step(&mut self, step: &Value, at: &str) {
        if let Some(command) = step.get("clerk") {
            let request = Request::new("POST", "/v1/clerk/commands").bearer(&self.clerk);
            let answer = self.hub.handle(&request.json(command));
            assert!(answer.status < 300, "{at}: {}", String::from_utf8_lossy(&answer.body));
        } else if let Some(name) = step.get("case") {
            self.keep(name, self.courier.new_case().to_string().into());
        } else if let Some(capture) = step.get("capture") {
            let lane = Lane::parse(capture["lane"].as_str().unwrap());
            let photo = self.courier.capture_bytes(&lane, &door(), MediaSource::Camera).unwrap();
            self.keep(&capture["as"], serde_json::to_value(photo).unwrap());
        } else if let Some(record) = step.get("record") {
            let recorded = self.courier.record(&command(record));
            assert!(recorded.is_ok(), "{at}: {}", recorded.unwrap_err());
        } else if let Some(code) = step.get("refused") {
            let refused = self.courier.record(&command(&step["command"])).unwrap_err();
            assert_eq!(refused.code(), code, "{at}");
        } else if step.get("sync").is_some() {
            self.sync();
        } else if let Some(pending) = step.get("pending") {
            let status = self.courier.sync_status().unwrap();
            assert_eq!(Some(status.pending), pending.as_i64(), "{at}");
        } else if let Some(lane) = step.get("history") {
            let history = self.courier.history(&Lane::parse(lane.as_str().unwrap())).unwrap();
            let last = history.iter().rfind(|entry| entry.kind == step["kind"]);
            assert_eq!(progress(last.unwrap().progress), step["progress"], "{at}");
        } else {
            panic!("{at}: unknown step");
        }
    }

    fn keep(&mut self, name: &Value, value: Value) {
        self.kept.insert(name.as_str().unwrap().to_owned(), value);
    }

    /// Puts what was kept where a string says `$name`.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.kept[name].clone(),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), self.filled(field))).collect()
            }
            _ => value.clone(),
        }
    }

    /// Carries requests until a round of both channels has nothing to send.
    fn sync(&mut self) {
        while self.drain(SyncChannel::Events) + self.drain(SyncChannel::Media) > 0 {}
    }

    fn drain(&mut self, channel: SyncChannel) -> u32 {
        let mut sent = 0;
        loop {
            match self.courier.next_request(channel).unwrap() {
                Next::Idle => return sent,
                Next::Wait { .. } => panic!("the hub is near and well"),
                Next::Send { request } => {
                    let reply = send(&self.hub, Some(&self.enrolment), &request);
                    self.courier.apply_reply(request.id, &reply).unwrap();
                    sent += 1;
                }
            }
        }
    }
}

/// Carries a request as an app's HTTP stack would.
fn send(hub: &Hub, tokens: Option<&Enrolment>, request: &HubRequest) -> HubReply {
    let mut asked = Request::new(&request.method, &request.path);
    for Header { name, value } in &request.headers {
        asked = asked.header(name, value);
    }
    if let (Some(tokens), true) = (tokens, request.auth != Auth::None) {
        asked = asked.bearer(&tokens.device_token);
        if request.auth == Auth::DeviceAndSession {
            asked = asked.header("lastmile-session", &tokens.session_token);
        }
    }
    let answer = hub.handle(&asked.with_body(match &request.body {
        Body::Empty => Vec::new(),
        Body::Bytes { bytes } => bytes.clone(),
        Body::File { path, offset, len, .. } => {
            let from = usize::try_from(*offset).unwrap();
            let to = from + usize::try_from(*len).unwrap();
            std::fs::read(path).unwrap()[from..to].to_vec()
        }
    }));
    let headers = answer.headers.into_iter().map(|(name, value)| Header { name, value }).collect();
    HubReply::Answer { status: answer.status, headers, body: answer.body }
}

fn command(json: &Value) -> Command {
    serde_json::from_value(json.clone()).unwrap()
}

fn progress(progress: Progress) -> &'static str {
    match progress {
        Progress::Recorded => "recorded",
        Progress::MediaPending => "media_pending",
        Progress::Confirmed => "confirmed",
        Progress::Parked { .. } => "parked",
    }
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn door() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media/door.jpg")).unwrap()
}

#[test]
fn every_scenario_comes_out_as_written() {
    let mut names: Vec<String> = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension() == Some("json".as_ref()) && name != "setup.json")
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for name in names {
        let mut runner = Runner::start();
        runner.play("setup.json");
        runner.play(&name);
    }
}
