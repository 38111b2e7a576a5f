//! Builders for this crate's own tests. Every name, number and phone in them is invented.

use std::sync::atomic::{AtomicU64, Ordering};

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use uuid::Uuid;

use crate::badge::{Badge, Profile};
use crate::command::Command;
use crate::decide::{Circumstances, Decision, Draft, LaneStates, decide, lanes_of};
use crate::delivery::{
    Channel, HandoverMethod, IdentityCheck, IdentityMethod, Inspection, ParcelDelivered,
};
use crate::directory::{Directory, Site};
use crate::event::{
    Actor, Against, CorrectionDeclared, CorrectionReason, Envelope, Event, Fact, Lane,
};
use crate::evidence::{EvidenceRef, MediaKind, MediaSource};
use crate::fold::{LaneState, fold};
use crate::id::{
    CaseId, ClerkNo, ConsentId, CourierNo, DeviceId, Digest, EventId, EvidenceId, OrderNo, SiteId,
    StationId,
};
use crate::money::Fen;
use crate::parcel::{
    Condition, GoodsFlags, Parcel, ParcelAnnounced, ParcelAssigned, ParcelOutForDelivery,
    ParcelReassigned, ParcelReceivedAtStation,
};
use crate::policy::Policy;
use crate::privacy::{Person, Picture, VaultRef};
use crate::refusal::Refusal;
use crate::store::DataKey;
use crate::sync::wire::{HubKey, key_name, key_text};
use crate::temporary_storage::{
    CodeBook, CodeIssuer, ConsentGiver, Liability, LockerSlot, ParcelStored, SiteKind,
    StorageConsented,
};
use crate::time::{Entropy, Moment};
use crate::waybill::Waybill;

/// The key that this crate's own tests seal their stores under.
pub(crate) fn key() -> DataKey {
    DataKey::from_bytes(&[7; 32]).unwrap()
}

/// 2026-11-21 09:00 in China.
pub(crate) const MORNING_MS: i64 = 1_795_222_800_000;

pub(crate) fn courier(no: &str) -> CourierNo {
    CourierNo::new(no).unwrap()
}

pub(crate) fn clerk() -> ClerkNo {
    ClerkNo::new("C1").unwrap()
}

pub(crate) fn station() -> StationId {
    StationId::new("JL31").unwrap()
}

pub(crate) fn site(id: &str) -> SiteId {
    SiteId::new(id).unwrap()
}

pub(crate) fn waybill() -> Waybill {
    Waybill::parse("SF1000000000001").unwrap()
}

pub(crate) fn vault(n: u8) -> VaultRef {
    VaultRef(Digest([n; 32]))
}

pub(crate) fn case() -> CaseId {
    CaseId(Uuid::from_u128(0xCA5E))
}

pub(crate) fn order() -> OrderNo {
    OrderNo::new("PU-1").unwrap()
}

pub(crate) fn pickup_lane() -> Lane {
    Lane::Pickup(order())
}

pub(crate) fn complaint_lane() -> Lane {
    Lane::Complaint(case())
}

pub(crate) fn parcel_lane() -> Lane {
    Lane::Parcel(waybill())
}

pub(crate) fn moment(minute: i64) -> Moment {
    Moment { ms: MORNING_MS + minute * 60_000, offset_min: 480, unsure_ms: Some(50) }
}

/// A hand-over into the recipient's hands.
pub(crate) fn handed_over() -> ParcelDelivered {
    ParcelDelivered {
        method: HandoverMethod::FaceToFace,
        taker: None,
        identity: IdentityCheck { method: IdentityMethod::Name, matched: true },
        address_checked: true,
        inspection: Inspection::Declined,
        proof: Vec::new(),
        address_gap_m: None,
        station_gap_m: None,
    }
}

/// The recipient's consent to the station counter YZ-1.
pub(crate) fn consent() -> StorageConsented {
    StorageConsented {
        consent: ConsentId(Uuid::from_u128(7)),
        given_by: ConsentGiver::Recipient,
        site: site("YZ-1"),
        until_ms: MORNING_MS + 86_400_000,
        liability: Liability::Site,
        channel: Channel::Phone,
        evidence: None,
    }
}

/// A store that rests on it.
pub(crate) fn stored() -> ParcelStored {
    ParcelStored {
        consent: Some(consent().consent),
        site: site("YZ-1"),
        collect_before_ms: MORNING_MS + 80_000_000,
        code_hash: None,
        code: None,
        photo: None,
        slot: None,
    }
}

pub(crate) fn slot(text: &str) -> LockerSlot {
    LockerSlot::new(text).unwrap()
}

/// A state without the positions of its events, which a pending event does not have yet.
pub(crate) fn without_positions(state: &LaneState) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.remove("seq");
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(state).unwrap();
    strip(&mut value);
    value
}

/// The events of one lane, in the order the hub gave them.
pub(crate) struct Tale {
    pub(crate) lane: Lane,
    pub(crate) events: Vec<Event>,
    actor: Actor,
    seen: Option<u64>,
    against: Option<&'static str>,
}

impl Tale {
    pub(crate) fn new(lane: Lane) -> Self {
        let actor = Actor::Station(station());
        Self { lane, events: Vec::new(), actor, seen: None, against: None }
    }

    /// A parcel of the station, assigned to courier A, scanned, and taken out by him.
    pub(crate) fn out_for_delivery() -> Self {
        Self::out_with(GoodsFlags::default())
    }

    /// The same, with goods that need care.
    pub(crate) fn out_with(goods: GoodsFlags) -> Self {
        let mut tale = Self::announced(goods);
        tale.assign("A", 1);
        tale.by("A").tells(ParcelReceivedAtStation { condition: Condition::Sound });
        tale.by("A").tells(ParcelOutForDelivery {});
        tale
    }

    /// Taken out by A and stored with consent.
    pub(crate) fn in_storage() -> Self {
        let mut tale = Self::out_for_delivery();
        tale.by("A").tells(consent());
        tale.tells(stored());
        tale
    }

    pub(crate) fn announced(goods: GoodsFlags) -> Self {
        let mut tale = Self::new(parcel_lane());
        tale.tells(ParcelAnnounced {
            station: station(),
            recipient: vault(1),
            sender: vault(2),
            goods,
            promise_ms: None,
            freight: Fen(1200),
            insured: None,
        });
        tale
    }

    pub(crate) fn assign(&mut self, to: &str, epoch: u32) -> EventId {
        let courier = courier(to);
        if epoch == 1 {
            self.station().tells(ParcelAssigned { courier, epoch })
        } else {
            let from = self.parcel().assignment.unwrap().courier;
            self.station().tells(ParcelReassigned { from, courier, epoch })
        }
    }

    /// The next event is a courier's.
    pub(crate) fn by(&mut self, no: &str) -> &mut Self {
        self.actor = Actor::Courier(courier(no));
        self
    }

    /// The next event is a clerk's.
    pub(crate) fn station(&mut self) -> &mut Self {
        self.actor = Actor::Clerk(clerk());
        self
    }

    /// The next event was decided when only so many events were known.
    pub(crate) fn having_seen(&mut self, seen: u64) -> &mut Self {
        self.seen = Some(seen);
        self
    }

    /// The next event was recorded against this refusal.
    pub(crate) fn against(&mut self, code: &'static str) -> &mut Self {
        self.against = Some(code);
        self
    }

    /// Adds an event.
    pub(crate) fn tells(&mut self, fact: impl Into<Fact>) -> EventId {
        let n = self.events.len() as u64;
        let id = EventId(Uuid::from_u128(u128::from(n) + 1));
        let device = match &self.actor {
            Actor::Courier(no) => no.as_str().bytes().map(u128::from).sum(),
            Actor::Clerk(_) | Actor::Station(_) => 1u128,
        };
        self.events.push(Event {
            envelope: Envelope {
                id,
                lane: self.lane.clone(),
                device: DeviceId(Uuid::from_u128(device)),
                actor: self.actor.clone(),
                at: moment(i64::try_from(n).unwrap()),
                boot: None,
                place: None,
                seen: self.seen.take().unwrap_or(n),
                policy: 1,
                epoch: None,
                group: None,
                late: None,
                against: self
                    .against
                    .take()
                    .map(|code| Against { code: code.to_owned(), reason: vault(9) }),
                must_understand: false,
            },
            fact: fact.into(),
        });
        id
    }

    pub(crate) fn correct(&mut self, event: EventId, reason: CorrectionReason) -> EventId {
        self.tells(CorrectionDeclared { event, reason, note: vault(8) })
    }

    /// Tells the same of another lane.
    pub(crate) fn move_to(&mut self, lane: Lane) {
        for event in &mut self.events {
            event.envelope.lane = lane.clone();
        }
        self.lane = lane;
    }

    /// Every event with the position the hub gave it.
    pub(crate) fn confirmed(&self) -> impl Iterator<Item = (&Event, Option<u64>)> + Clone {
        self.events.iter().zip(1..).map(|(event, seq)| (event, Some(seq)))
    }

    pub(crate) fn state(&self) -> LaneState {
        fold(&self.lane, self.confirmed())
    }

    pub(crate) fn parcel(&self) -> Parcel {
        self.state().parcel().unwrap().clone()
    }
}

/// Bytes that differ at each call and are the same in each run.
#[derive(Default)]
pub(crate) struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&n[8 - chunk.len()..]);
        }
    }
}

/// What is around a command: a station with one site of each kind, and the time.
pub(crate) struct Scene {
    pub(crate) directory: Directory,
    pub(crate) policy: Policy,
    pub(crate) codes: CodeBook,
    pub(crate) slots_taken: Vec<(SiteId, LockerSlot)>,
    pub(crate) minute: i64,
    pub(crate) root_key: String,
    pub(crate) entries: Vec<(Lane, VaultRef)>,
    pub(crate) pictures: Vec<Picture>,
    station: StationId,
    entropy: Counted,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let kinds = [
            ("YZ-1", SiteKind::Station),
            ("LK-1", SiteKind::Locker),
            ("NP", SiteKind::NamedPlace),
            ("GATE", SiteKind::UnattendedPublic),
        ];
        let mut directory = Directory::empty(station());
        directory.sites = kinds
            .into_iter()
            .map(|(id, kind)| Site {
                id: site(id),
                name: format!("Site {id}"),
                kind,
                takes_fresh: false,
                takes_valuable: kind == SiteKind::Station,
                takes_damaged: false,
                codes: CodeIssuer::Site,
                hours: "8-20".into(),
                keeps_h: 72,
            })
            .collect();
        let (policy, entropy) = (Policy::default(), Counted::default());
        let (codes, root_key) = (CodeBook::default(), Issuer::new(1).root());
        let (entries, pictures, slots_taken) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            directory,
            policy,
            codes,
            slots_taken,
            minute: 60,
            root_key,
            entries,
            pictures,
            station: station(),
            entropy,
        }
    }

    /// Decides a command of `actor` on the lanes of some tales.
    pub(crate) fn decide(
        &self,
        actor: &Actor,
        command: &Command,
        tales: &[&Tale],
    ) -> Result<Decision, Refusal> {
        self.around(actor, |at| {
            let read = lanes_of(command, at);
            let lanes: LaneStates = tales
                .iter()
                .filter(|tale| !tale.events.is_empty())
                .filter(|tale| read.contains(&tale.lane) || erases_all(command))
                .map(|tale| (tale.lane.clone(), tale.state()))
                .collect();
            decide(command, &lanes, at)
        })
    }

    /// What a rule says in these circumstances.
    pub(crate) fn around<T>(&self, actor: &Actor, ask: impl FnOnce(&Circumstances) -> T) -> T {
        ask(&Circumstances {
            now: moment(self.minute),
            actor,
            station: &self.station,
            root_key: &self.root_key,
            policy: &self.policy,
            directory: &self.directory,
            codes: &self.codes,
            slots_taken: self.slots_taken.clone(),
            address_gap_m: None,
            station_gap_m: None,
            entries: &self.entries,
            pictures: &self.pictures,
            entropy: &self.entropy,
        })
    }

    /// What rule speaks against a courier's command.
    pub(crate) fn refusal(&self, no: &str, command: &Command, tale: &Tale) -> Option<Refusal> {
        self.refusal_to(&Actor::Courier(courier(no)), command, tale)
    }

    /// What rule speaks against a command.
    pub(crate) fn refusal_to(
        &self,
        actor: &Actor,
        command: &Command,
        tale: &Tale,
    ) -> Option<Refusal> {
        match self.decide(actor, command, &[tale]) {
            Ok(decision) => decision.refusal,
            Err(refusal) => Some(refusal),
        }
    }

    /// The facts of a courier's command that no rule speaks against, group by group.
    pub(crate) fn facts(&self, no: &str, command: &Command, tales: &[&Tale]) -> Vec<Vec<Draft>> {
        let decision = self.decide(&Actor::Courier(courier(no)), command, tales).ok().unwrap();
        assert_eq!(decision.refusal, None);
        decision.decided.groups
    }
}

/// Of a parcel whose persons are erased the hub reads the cases too.
fn erases_all(command: &Command) -> bool {
    matches!(command, Command::ErasePerson { lane: Lane::Parcel(_), .. })
}

pub(crate) fn clerk_acts() -> Actor {
    Actor::Clerk(clerk())
}

/// A person nobody is.
pub(crate) fn person() -> Person {
    Person {
        name: "Wang Ceshi".into(),
        phone: "139 0000 0000".into(),
        address: "1 Test Road".into(),
        lng: None,
        lat: None,
    }
}

/// A captured photo.
pub(crate) fn photo() -> EvidenceRef {
    EvidenceRef {
        id: EvidenceId(Uuid::from_u128(0xF070)),
        sha256: Digest([7; 32]),
        kind: MediaKind::Jpeg,
        bytes: 1000,
        source: MediaSource::Camera,
        at: moment(0),
    }
}

/// A key by its number.
pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new(n: u8) -> Self {
        Self(SigningKey::from_slice(&[n; 32]).unwrap())
    }

    /// SEC1 uncompressed, hexadecimal.
    pub(crate) fn public(&self) -> String {
        data_encoding::HEXLOWER.encode(self.0.verifying_key().to_sec1_point(false).as_bytes())
    }

    /// Signs, raw.
    pub(crate) fn sign(&self, text: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(text);
        signature.to_bytes().to_vec()
    }

    pub(crate) fn sign_hex(&self, text: &str) -> String {
        data_encoding::HEXLOWER.encode(&self.sign(text.as_bytes()))
    }
}

/// A hub that signs badges.
pub(crate) struct Issuer {
    root: Key,
    working: Key,
}

impl Issuer {
    pub(crate) fn new(n: u8) -> Self {
        Self { root: Key::new(100 + n), working: Key::new(200 + n) }
    }

    /// Its root key, as phones pin it.
    pub(crate) fn root(&self) -> String {
        self.root.public()
    }

    /// The badge of a courier whose phone has the key of this number, good for twelve hours.
    pub(crate) fn badge(&self, no: &str, key: Option<u8>) -> Badge {
        let public = self.working.public();
        let name = key_name(&public);
        let certificate = self.root.sign_hex(&key_text(&name, &public));
        let profile = Profile {
            device: DeviceId(Uuid::from_u128(u128::from(key.unwrap_or_default()))),
            courier: courier(no),
            station: station(),
            public_key: key.map(|n| Key::new(n).public()),
            valid_until_ms: MORNING_MS + 12 * 3_600_000,
        };
        let signature = self.working.sign_hex(&profile.text());
        Badge { key: HubKey { key: name, public, certificate }, profile, signature }
    }
}
