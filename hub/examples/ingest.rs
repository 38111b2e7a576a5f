//! Measures how many verified, folded, durable events a hub takes in a second.
//!
//! `cargo run --release -p lastmile-hub --example ingest -- [DEVICES] [PUSHES EACH] [DIRECTORY]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use lastmile_core::decide::Draft;
use lastmile_core::delivery::{AddressArrived, Channel, Party, RecipientContacted};
use lastmile_core::event::{self, Actor, Envelope, Event, Fact, Lane};
use lastmile_core::id::{CourierNo, Digest, EventId, StationId};
use lastmile_core::parcel::{GoodsFlags, ParcelAnnounced, ParcelAssigned, ParcelOutForDelivery};
use lastmile_core::privacy::VaultRef;
use lastmile_core::sync::wire::{self, EnrolRequest, Enrolment, PushHeader};
use lastmile_core::time::{Moment, SystemClock, SystemEntropy};
use lastmile_core::waybill::Waybill;
use lastmile_hub::{Hub, Request, Settings};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

const EVENTS: usize = 500;
const PER_PARCEL: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let devices: usize = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let pushes: usize = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("lastmile-ingest-{}", std::process::id()));
    let clock = Arc::new(SystemClock::new(480));
    let hub = Hub::in_folder(&folder, clock, Arc::new(SystemEntropy), Settings::default())?;
    let hub = Arc::new(hub);

    let requests: Vec<Vec<Request>> =
        (0..devices).map(|device| prepare(&hub, device, pushes)).collect::<Result<_, _>>()?;
    let count = devices * pushes * EVENTS;
    println!(
        "{count} events from {devices} devices in pushes of {EVENTS}, signed, {PER_PARCEL} a parcel"
    );

    let (start, cpu) = (Instant::now(), cpu_seconds());
    let half = devices.div_ceil(2);
    std::thread::scope(|scope| {
        for part in requests.chunks(half) {
            let hub = &hub;
            scope.spawn(move || {
                for n in 0..pushes {
                    for device in part {
                        let answer = hub.handle(&device[n]);
                        assert_eq!(answer.status, 200);
                    }
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person to read")]
    let rate = count as f64 / seconds;
    println!("{seconds:.2} s, {rate:.0} events/s");
    if let (Some(before), Some(after)) = (cpu, cpu_seconds()) {
        // What the rate would be on two cores that nobody else uses, if they were used up.
        println!("{:.2} s of processor time", after - before);
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Processor time of this process, where the system tells it (in hundredths of a second).
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Enrols a device, announces and assigns its parcels, and makes its pushes.
fn prepare(hub: &Hub, device: usize, pushes: usize) -> Result<Vec<Request>, Failure> {
    let station = StationId::new("JL31")?;
    let courier = CourierNo::new(format!("c{device}"))?;
    let mut secret = [1u8; 32];
    secret[0] = u8::try_from(device % 200)? + 1;
    let key = SigningKey::from_slice(&secret)?;
    let public =
        data_encoding::HEXLOWER.encode(key.verifying_key().to_sec1_point(false).as_bytes());
    let code = hub.new_code(courier.clone(), station.clone())?;
    let enrol = EnrolRequest { code, public_key: Some(public) };
    let answer = hub.handle(&Request::new("POST", "/v1/enrol").json(&enrol));
    let enrolment: Enrolment = serde_json::from_slice(&answer.body)?;
    let mut link = Digest::default();
    let mut requests = Vec::new();
    for push in 0..pushes {
        let parcels: Vec<Lane> = (0..EVENTS / PER_PARCEL)
            .map(|n| Waybill::parse(&format!("LM{device:04}{push:04}{n:04}")).map(Lane::Parcel))
            .collect::<Result<_, _>>()?;
        let announced = |lane: &Lane| -> Vec<Draft> {
            let vault = |n: u8| VaultRef(Digest::of(&[lane.to_string().as_bytes(), &[n]]));
            let announced = ParcelAnnounced {
                station: station.clone(),
                recipient: vault(1),
                sender: vault(2),
                goods: GoodsFlags::default(),
                promise_ms: None,
                freight: lastmile_core::Fen(800),
                insured: None,
            };
            let assigned = ParcelAssigned { courier: courier.clone(), epoch: 1 };
            let draft = |fact: Fact| Draft { lane: lane.clone(), fact };
            vec![draft(announced.into()), draft(assigned.into())]
        };
        let groups = parcels.iter().map(announced).collect();
        hub.record_facts(&station, &Actor::Station(station.clone()), groups, &[])?;

        let mut lines = Vec::with_capacity(EVENTS);
        for step in 0..PER_PARCEL {
            for lane in &parcels {
                lines.push(line(&enrolment, lane, step));
            }
        }
        let first_seq = (push * EVENTS + 1) as u64;
        let prev_link = link;
        for line in &lines {
            link = event::link(&link, &event::leaf(line));
        }
        let last = first_seq + EVENTS as u64 - 1;
        let text = wire::head_text(enrolment.device, 1, last, &link);
        let signature: DerSignature = key.sign(text.as_bytes());
        let header = PushHeader {
            protocol: wire::PROTOCOL,
            device: enrolment.device,
            incarnation: 1,
            first_seq,
            prev_link,
            epoch: None,
            events: u32::try_from(EVENTS)?,
            vault: 0,
            pending: 0,
            media_lost: Vec::new(),
            lost_acts: Vec::new(),
            signature: Some(data_encoding::HEXLOWER.encode(&signature.to_bytes())),
            pull: None,
        };
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        requests.push(
            Request::new("POST", "/v1/sync").bearer(&enrolment.device_token).with_body(wire::body(
                &header,
                &lines,
                &[],
            )),
        );
    }
    Ok(requests)
}

fn line(enrolment: &Enrolment, lane: &Lane, step: usize) -> Vec<u8> {
    let ms = 1_795_000_000_000 + i64::try_from(step).unwrap_or(0);
    let fact: Fact = match step {
        0 => ParcelOutForDelivery {}.into(),
        1 => AddressArrived {}.into(),
        _ => RecipientContacted { channel: Channel::Phone, party: Party::Recipient }.into(),
    };
    let envelope = Envelope {
        id: EventId::new(ms, &SystemEntropy),
        lane: lane.clone(),
        device: enrolment.device,
        actor: Actor::Courier(enrolment.courier.clone()),
        at: Moment { ms, offset_min: 480, unsure_ms: Some(40) },
        boot: None,
        place: None,
        seen: 2,
        policy: 1,
        epoch: Some(1),
        group: None,
        against: None,
        late: None,
        must_understand: false,
    };
    Event { envelope, fact }.to_bytes()
}
