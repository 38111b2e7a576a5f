//! A device with a broken app: it speaks the wire itself and sends what no rule would pass.
//!
//! It shares lanes with honest phones, so that whatever the hub parks has others to block, if it
//! blocked anything.

use fastrand::Rng;
use lastmile_core::delivery::{AddressArrived, ReturnAuthorised};
use lastmile_core::event::{Actor, Envelope, Event, Fact, Lane, leaf, link};
use lastmile_core::evidence::{EvidenceRef, MediaKind, MediaSource};
use lastmile_core::exception_report::EvidenceAdded;
use lastmile_core::id::{CourierNo, DeviceId, Digest, EventId, EvidenceId};
use lastmile_core::sync::wire::{self, Enrolment, PROTOCOL, PushHeader, ReplyHeader, Verdict};
use lastmile_core::time::Moment;
use lastmile_core::waybill::Waybill;
use lastmile_hub::Request;
use uuid::Uuid;

use super::tally::Tally;
use crate::world::{SoftSigner, Station};

/// The broken device and where its chain stands.
pub struct Rogue {
    enrolment: Enrolment,
    signer: SoftSigner,
    seq: u64,
    head: Digest,
    /// What the hub has to have, unless it was restored from a backup.
    pub(super) sent: Vec<Vec<u8>>,
}

impl Rogue {
    /// Takes an enrolment that was made with `signer`'s key.
    pub fn new(enrolment: Enrolment, signer: SoftSigner) -> Self {
        Self { enrolment, signer, seq: 0, head: Digest::default(), sent: Vec::new() }
    }

    /// Returns the device's id.
    pub fn device(&self) -> DeviceId {
        self.enrolment.device
    }

    /// Pushes a few bad events of all sorts and checks that the hub took every one of them.
    ///
    /// # Panics
    /// If the hub refuses the push, blocks, or loses a line of it.
    pub fn push(
        &mut self,
        rng: &mut Rng,
        station: &Station,
        waybills: &[Waybill],
        now_ms: i64,
        tally: &mut Tally,
    ) {
        let mut lines = Vec::new();
        let mut media_lost = Vec::new();
        for _ in 0..rng.usize(1..5) {
            let waybill = waybills[rng.usize(..waybills.len())].clone();
            lines.push(self.bad_line(rng, waybill, now_ms, &mut media_lost));
        }
        let bad_signature = rng.u8(..6) == 0;
        let first_seq = self.seq + 1;
        let prev_link = self.head;
        for line in &lines {
            self.head = link(&self.head, &leaf(line));
            self.seq += 1;
        }
        let signature = if bad_signature { "00".repeat(64) } else { self.sign() };
        let header = self.header(first_seq, prev_link, signature);
        let events = u32::try_from(lines.len()).unwrap_or(0);
        let header = PushHeader { events, media_lost, ..header };
        let reply = self.send(station, &header, &lines);
        assert_eq!(reply.verdicts.len(), lines.len(), "a verdict for every line");
        assert_eq!(reply.received_to, self.seq, "nothing bad stops the device's cursor");
        count(&reply.verdicts, tally);
        self.sent.extend(lines);

        if rng.u8(..4) == 0 {
            self.fork(station, tally, prev_link, first_seq);
        }
    }

    /// A push of one line.
    fn header(&self, first_seq: u64, prev_link: Digest, signature: String) -> PushHeader {
        PushHeader {
            protocol: PROTOCOL,
            device: self.enrolment.device,
            incarnation: 1,
            first_seq,
            prev_link,
            epoch: None,
            events: 1,
            vault: 0,
            pending: 0,
            media_lost: Vec::new(),
            lost_acts: Vec::new(),
            signature: Some(signature),
            pull: None,
        }
    }

    /// Sends other bytes for a position that the hub holds already.
    fn fork(&self, station: &Station, tally: &mut Tally, prev_link: Digest, first_seq: u64) {
        let line = br#"{"another":"life"}"#.to_vec();
        let head = link(&prev_link, &leaf(&line));
        let text = wire::head_text(self.enrolment.device, 1, first_seq, &head);
        let header = self.header(first_seq, prev_link, self.sign_text(&text));
        let reply = self.send(station, &header, &[line]);
        assert_eq!(reply.verdicts, [Verdict::DeviceForked]);
        count(&reply.verdicts, tally);
    }

    fn send(&self, station: &Station, header: &PushHeader, lines: &[Vec<u8>]) -> ReplyHeader {
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let request = Request::new("POST", "/v1/sync")
            .bearer(&self.enrolment.device_token)
            .header("Lastmile-Protocol", PROTOCOL.to_string())
            .with_body(wire::body(header, &lines, &[]));
        let response = station.ask(&request);
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        let line = response.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        serde_json::from_slice(line).expect("a reply header")
    }

    fn sign(&self) -> String {
        self.sign_text(&wire::head_text(self.enrolment.device, 1, self.seq, &self.head))
    }

    fn sign_text(&self, text: &str) -> String {
        use lastmile_core::DeviceSigner as _;
        let signature = self.signer.sign(text.as_bytes()).expect("a key in memory signs");
        data_encoding::HEXLOWER.encode(&signature)
    }

    fn bad_line(
        &self,
        rng: &mut Rng,
        waybill: Waybill,
        now_ms: i64,
        media_lost: &mut Vec<Digest>,
    ) -> Vec<u8> {
        let lane = Lane::Parcel(waybill);
        let me = Actor::Courier(self.enrolment.courier.clone());
        match rng.u8(..8) {
            0 => br#"{"not":"an event"}"#.to_vec(),
            1 => {
                let data = "{}".to_owned();
                let fact = Fact::Unknown { kind: "DroneLanded".to_owned(), v: 1, data };
                self.event(rng, lane, me, now_ms, fact, true)
            }
            2 => {
                let nowhere = Waybill::parse(&format!("NOWHERE{:06}", rng.u32(..1_000_000)));
                let lane = Lane::Parcel(nowhere.expect("a plain number"));
                self.event(rng, lane, me, now_ms, AddressArrived {}.into(), false)
            }
            3 => self.event(rng, lane, me, now_ms, ReturnAuthorised {}.into(), false),
            4 => {
                let other = CourierNo::new("somebody-else").expect("a plain number");
                let fact = AddressArrived {}.into();
                self.event(rng, lane, Actor::Courier(other), now_ms, fact, false)
            }
            5 => vec![b'x'; lastmile_core::event::MAX_EVENT_BYTES + 1],
            6 => {
                let sha256 = Digest::of(&[&rng.u64(..).to_le_bytes()]);
                media_lost.push(sha256);
                let evidence = EvidenceRef {
                    id: EvidenceId(Uuid::from_u128(rng.u128(..))),
                    sha256,
                    kind: MediaKind::Jpeg,
                    bytes: 1000,
                    source: MediaSource::Camera,
                    at: Moment::exact(now_ms, 480),
                };
                self.event(
                    rng,
                    lane,
                    me,
                    now_ms,
                    EvidenceAdded { evidence, shows: None }.into(),
                    false,
                )
            }
            _ => self.event(rng, lane, me, now_ms, AddressArrived {}.into(), false),
        }
    }

    fn event(
        &self,
        rng: &mut Rng,
        lane: Lane,
        actor: Actor,
        now_ms: i64,
        fact: Fact,
        must_understand: bool,
    ) -> Vec<u8> {
        let envelope = Envelope {
            id: EventId(Uuid::from_u128(rng.u128(..))),
            lane,
            device: self.enrolment.device,
            actor,
            at: Moment::exact(now_ms, 480),
            boot: None,
            place: None,
            seen: 0,
            policy: 1,
            epoch: None,
            group: None,
            against: None,
            late: None,
            must_understand,
        };
        Event { envelope, fact }.to_bytes()
    }
}

/// Counts verdicts and park reasons.
pub fn count(verdicts: &[Verdict], tally: &mut Tally) {
    for verdict in verdicts {
        match verdict {
            Verdict::Accepted(_) => tally.count("verdict", "Accepted"),
            Verdict::AlreadyKnown(_) => tally.count("verdict", "AlreadyKnown"),
            Verdict::DeviceForked => tally.count("verdict", "DeviceForked"),
            Verdict::Parked(reason) => {
                tally.count("verdict", "Parked");
                tally.count("park reason", format!("{reason:?}"));
            }
        }
    }
}
