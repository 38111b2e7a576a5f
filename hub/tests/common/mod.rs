//! A hub in memory, and a phone that speaks the bare protocol: no library, only the wire types.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a test function")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use lastmile_core::Fen;
use lastmile_core::decide::Draft;
use lastmile_core::delivery::{
    HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ParcelDelivered, ProofItem,
    ProofKind,
};
use lastmile_core::event::{self, Actor, Envelope, Event, Fact, Group, Lane};
use lastmile_core::evidence::{EvidenceRef, MediaKind, MediaSource};
use lastmile_core::id::{CaseId, CourierNo, Digest, EventId, EvidenceId, StationId};
use lastmile_core::parcel::{
    ParcelAnnounced, ParcelAssigned, ParcelOutForDelivery, ParcelReassigned,
};
use lastmile_core::privacy::{Person, VaultBody, VaultEntry};
use lastmile_core::signature::verifies;
use lastmile_core::sync::wire::{
    self, EnrolRequest, Enrolment, HubKey, PROTOCOL, Problem, Pull, PushHeader, ReceiptBody,
    ReplyHeader, Verdict,
};
use lastmile_core::time::{Clock, ClockReading, Entropy, Moment};
use lastmile_core::waybill::Waybill;
use lastmile_hub::{Hub, Request, Response};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use uuid::Uuid;

pub const START_MS: i64 = 1_795_000_000_000;

/// A clock that stands still until it is told to move.
pub struct FakeClock(pub AtomicI64);

impl Clock for FakeClock {
    fn read(&self) -> ClockReading {
        let wall_ms = self.0.load(Ordering::SeqCst);
        ClockReading { wall_ms, offset_min: 480, boot_id: Uuid::from_u128(1), boot_ms: wall_ms }
    }
}

/// Bytes that look random and are the same in every run.
pub struct Seeded(pub AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = Digest::of(&[&n.to_be_bytes()]).0[0];
        }
    }
}

pub struct World {
    pub hub: Arc<Hub>,
    pub clock: Arc<FakeClock>,
    pub entropy: Arc<Seeded>,
}

pub fn station() -> StationId {
    StationId::new("JL31").unwrap()
}

pub fn courier(no: &str) -> CourierNo {
    CourierNo::new(no).unwrap()
}

pub fn waybill(n: u32) -> Waybill {
    Waybill::parse(&format!("YT{n:013}")).unwrap()
}

/// Handed over at the door to who is named on the waybill.
pub fn handed_over(proof: Vec<ProofItem>) -> ParcelDelivered {
    ParcelDelivered {
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof,
        address_gap_m: None,
        station_gap_m: None,
    }
}

pub fn parcel(n: u32) -> Lane {
    Lane::Parcel(waybill(n))
}

/// The frozen example of a kind.
pub fn example(kind: &str) -> Event {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/fixtures/events");
    let line = std::fs::read(folder.join(format!("{kind}.v1.json"))).unwrap();
    Event::parse(line.trim_ascii_end()).unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::with(Hub::in_memory)
    }

    pub fn with(
        open: impl FnOnce(Arc<dyn Clock>, Arc<dyn Entropy>) -> lastmile_hub::Result<Hub>,
    ) -> Self {
        let clock = Arc::new(FakeClock(AtomicI64::new(START_MS)));
        let entropy = Arc::new(Seeded(AtomicU64::new(0)));
        let hub = Arc::new(open(clock.clone(), entropy.clone()).unwrap());
        hub.add_station(&station()).unwrap();
        Self { hub, clock, entropy }
    }

    pub fn wait_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Announces a parcel.
    pub fn announce(&self, n: u32) {
        self.announce_at(n, &station());
    }

    pub fn announce_at(&self, n: u32, station: &StationId) {
        let lane = parcel(n);
        let seal = |name: &str| {
            let person = Person {
                name: name.to_owned(),
                phone: "13900000000".to_owned(),
                address: "1 Example Road, room 101".to_owned(),
                ..Person::default()
            };
            VaultEntry::new(lane.clone(), &VaultBody::Person(person), &*self.entropy)
        };
        let (recipient, sender) = (seal("Recipient"), seal("Sender"));
        let announced = ParcelAnnounced {
            station: station.clone(),
            recipient: recipient.reference,
            sender: sender.reference,
            goods: lastmile_core::parcel::GoodsFlags::default(),
            promise_ms: None,
            freight: Fen(800),
            insured: None,
        };
        self.say(station, lane, announced, &[recipient, sender]);
    }

    /// Gives a parcel to a courier.
    pub fn assign(&self, n: u32, to: &str) {
        let fact = ParcelAssigned { courier: courier(to), epoch: 1 };
        self.say(&station(), parcel(n), fact, &[]);
    }

    /// Gives it to another.
    pub fn reassign(&self, n: u32, from: &str, to: &str, epoch: u32) {
        let fact = ParcelReassigned { from: courier(from), courier: courier(to), epoch };
        self.say(&station(), parcel(n), fact, &[]);
    }

    pub fn say(&self, at: &StationId, lane: Lane, fact: impl Into<Fact>, vault: &[VaultEntry]) {
        let draft = Draft { lane, fact: fact.into() };
        let actor = Actor::Station(at.clone());
        self.hub.record_facts(at, &actor, vec![vec![draft]], vault).unwrap();
    }

    /// A photo as proof.
    pub fn photo(&self, file: &[u8]) -> ProofItem {
        let photo = EvidenceRef {
            id: EvidenceId::new(START_MS, &*self.entropy),
            sha256: Digest::of(&[file]),
            kind: MediaKind::Jpeg,
            bytes: file.len() as u64,
            source: MediaSource::Camera,
            at: Moment::exact(START_MS, 480),
        };
        ProofItem { kind: ProofKind::Photo, evidence: Some(photo) }
    }

    /// Begins an upload and returns its location.
    pub fn create_upload(&self, phone: &Phone, file: &[u8]) -> String {
        let creation = phone.creation(&Digest::of(&[file]), file.len(), "jpeg");
        let answer = self.hub.handle(&creation);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.get("Location").unwrap().to_owned()
    }

    /// Enrols a phone without a key.
    pub fn phone(&self, no: &str) -> Phone {
        self.enrol(no, None)
    }

    /// Enrols a phone that signs.
    pub fn signing_phone(&self, no: &str) -> Phone {
        let mut bytes = [0u8; 32];
        self.entropy.fill(&mut bytes);
        self.enrol(no, Some(SigningKey::from_slice(&bytes).unwrap()))
    }

    fn enrol(&self, no: &str, key: Option<SigningKey>) -> Phone {
        let code = self.hub.new_code(courier(no), station()).unwrap();
        let public = |key: &SigningKey| {
            data_encoding::HEXLOWER.encode(key.verifying_key().to_sec1_point(false).as_bytes())
        };
        let request = EnrolRequest { code, public_key: key.as_ref().map(public) };
        let answer = self.hub.handle(&Request::new("POST", "/v1/enrol").json(&request));
        assert_eq!(answer.status, 201);
        Phone {
            enrolment: serde_json::from_slice(&answer.body).unwrap(),
            entropy: self.entropy.clone(),
            key,
            incarnation: 1,
            next_seq: 1,
            link: Digest::default(),
            cursor: 0,
        }
    }
}

/// A phone that keeps nothing but its place in the protocol.
#[derive(Clone)]
pub struct Phone {
    pub enrolment: Enrolment,
    pub entropy: Arc<Seeded>,
    pub key: Option<SigningKey>,
    pub incarnation: u32,
    pub next_seq: u64,
    pub link: Digest,
    pub cursor: u64,
}

/// A reply that owns its lines.
pub struct Answer {
    pub header: ReplyHeader,
    pub lines: Vec<Vec<u8>>,
    pub vault: Vec<VaultEntry>,
}

impl Answer {
    pub fn facts(&self) -> Vec<Fact> {
        self.lines.iter().map(|line| Event::parse(line).unwrap().fact).collect()
    }
}

pub fn problem(answer: &Response) -> Problem {
    serde_json::from_slice(&answer.body).unwrap()
}

pub fn answer(response: &Response) -> Answer {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    let reply = wire::Reply::parse(&response.body).unwrap();
    Answer {
        lines: reply.events.iter().map(|line| line.to_vec()).collect(),
        vault: reply.vault.clone(),
        header: reply.header,
    }
}

/// Makes events one group.
pub fn group(mut events: Vec<Event>) -> Vec<Event> {
    let size = u16::try_from(events.len()).unwrap();
    let first = events[0].envelope.id;
    for event in &mut events {
        event.envelope.group = Some(Group { first, size });
    }
    events
}

impl Phone {
    /// What the hub countersigned for `lines`, pushed from where this phone stands; checked up to
    /// the root key.
    pub fn receipt(&self, hub: &Hub, lines: &[Vec<u8>], header: &ReplyHeader) -> ReceiptBody {
        let signed = header.receipt.as_ref().unwrap();
        let keys = hub.handle(&Request::new("GET", "/v1/keys"));
        let keys: Vec<HubKey> = serde_json::from_slice(&keys.body).unwrap();
        let key = keys.iter().find(|key| key.key == signed.key).unwrap();
        assert!(key.is_certified_by(&self.enrolment.root_key));
        let leaves: Vec<_> = lines.iter().map(|line| event::leaf(line)).collect();
        let list = wire::verdict_list(leaves.iter().zip(&header.verdicts));
        let body = ReceiptBody {
            device: self.enrolment.device,
            incarnation: self.incarnation,
            first_seq: self.next_seq,
            count: u32::try_from(lines.len()).unwrap(),
            prev_link: self.link,
            head: leaves.iter().fold(self.link, |link, leaf| event::link(&link, leaf)),
            verdicts: Digest::of(&[list.as_bytes()]),
            chain_gap: signed.chain_gap,
            hub_ms: header.hub_ms,
        };
        assert!(verifies(&key.public, body.text().as_bytes(), &signed.signature));
        body
    }

    pub fn no(&self) -> &CourierNo {
        &self.enrolment.courier
    }

    pub fn event(&self, lane: &Lane, fact: impl Into<Fact>) -> Event {
        Event {
            envelope: Envelope {
                id: EventId::new(START_MS, &*self.entropy),
                lane: lane.clone(),
                device: self.enrolment.device,
                actor: Actor::Courier(self.no().clone()),
                at: Moment { ms: START_MS, offset_min: 480, unsure_ms: None },
                boot: None,
                place: None,
                seen: 0,
                policy: 1,
                epoch: None,
                group: None,
                against: None,
                late: None,
                must_understand: false,
            },
            fact: fact.into(),
        }
    }

    /// "Taken out for delivery", the plainest thing a courier can say about a parcel.
    pub fn out(&self, n: u32) -> Event {
        self.event(&parcel(n), ParcelOutForDelivery {})
    }

    pub fn media(&self, method: &str, path: &str) -> Request {
        Request::new(method, path)
            .bearer(&self.enrolment.device_token)
            .header("Tus-Resumable", "1.0.0")
    }

    pub fn creation(&self, sha256: &Digest, bytes: usize, kind: &str) -> Request {
        let encode = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
        let metadata = format!(
            "sha256 {},evidence {},kind {}",
            encode(&sha256.to_string()),
            encode("018f0000-0000-7000-8000-000000000000"),
            encode(kind)
        );
        self.media("POST", "/v1/media")
            .header("Upload-Length", bytes.to_string())
            .header("Upload-Metadata", metadata)
    }

    pub fn part(&self, location: &str, offset: usize, bytes: &[u8]) -> Request {
        self.media("PATCH", location)
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Offset", offset.to_string())
            .with_body(bytes)
    }

    pub fn new_case(&self) -> CaseId {
        CaseId::new(START_MS, &*self.entropy)
    }

    pub fn header(&self, lines: &[Vec<u8>]) -> PushHeader {
        let mut head = self.link;
        for line in lines {
            head = event::link(&head, &event::leaf(line));
        }
        let last = self.next_seq + lines.len() as u64 - 1;
        let text = wire::head_text(self.enrolment.device, self.incarnation, last, &head);
        let sign = |key: &SigningKey| {
            let signature: DerSignature = key.sign(text.as_bytes());
            data_encoding::HEXLOWER.encode(&signature.to_bytes())
        };
        PushHeader {
            protocol: PROTOCOL,
            device: self.enrolment.device,
            incarnation: self.incarnation,
            first_seq: self.next_seq,
            prev_link: self.link,
            epoch: (!lines.is_empty()).then_some(self.enrolment.epoch),
            events: u32::try_from(lines.len()).unwrap(),
            vault: 0,
            pending: 0,
            media_lost: Vec::new(),
            lost_acts: Vec::new(),
            signature: self.key.as_ref().map(sign),
            pull: Some(Pull { cursor: self.cursor, max_events: 1000, ..Pull::default() }),
        }
    }

    pub fn request(&self, header: &PushHeader, lines: &[Vec<u8>], vault: &[VaultEntry]) -> Request {
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        Request::new("POST", "/v1/sync")
            .bearer(&self.enrolment.device_token)
            .header("Lastmile-Session", self.enrolment.session_token.clone())
            .header("Lastmile-Protocol", PROTOCOL.to_string())
            .with_body(wire::body(header, &lines, vault))
    }

    /// Sends lines without moving on: the reply may get lost.
    pub fn try_lines(&self, world: &World, lines: &[Vec<u8>]) -> Answer {
        answer(&world.hub.handle(&self.request(&self.header(lines), lines, &[])))
    }

    /// Sends lines and moves on.
    pub fn push_lines(&mut self, world: &World, lines: &[Vec<u8>]) -> Answer {
        let answer = self.try_lines(world, lines);
        self.move_on(lines);
        self.cursor = answer.header.cursor;
        answer
    }

    pub fn move_on(&mut self, lines: &[Vec<u8>]) {
        for line in lines {
            self.link = event::link(&self.link, &event::leaf(line));
        }
        self.next_seq += lines.len() as u64;
    }

    pub fn push(&mut self, world: &World, events: &[Event]) -> Vec<Verdict> {
        let lines: Vec<_> = events.iter().map(Event::to_bytes).collect();
        self.push_lines(world, &lines).header.verdicts
    }

    pub fn pull(&mut self, world: &World) -> Answer {
        self.push_lines(world, &[])
    }
}

/// A hub in a process of its own, and its address.
pub fn start(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lastmile-hub"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    (child, address)
}
