//! A courier's days: parcels come, go out and are handed over, and the hub is told.

use lastmile_core::Command;
use lastmile_core::delivery::{Channel, Party};
use lastmile_core::id::{CourierNo, ManifestId};
use lastmile_core::privacy::Person;
use lastmile_core::sync::{HubReply, HubRequest, SyncChannel};
use lastmile_core::waybill::Waybill;
use lastmile_core::{Courier, Durability, Here, Location, Options};
use lastmile_hub::Request;
use lastmile_tests::invented::{hand_over, waybill};
use lastmile_tests::world::{
    Phone, Station, TrueTime, carry_until_idle, key, reply_of, request_of,
};

const SECOND_MS: i64 = 1_000;

/// A station, and a phone of its courier that lies on a simulated disk.
pub struct Days {
    pub station: Station,
    pub phone: Phone,
    time: TrueTime,
    courier: CourierNo,
    rng: fastrand::Rng,
    parcels: usize,
}

impl Days {
    /// Before the first day.
    pub fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let courier = CourierNo::new("4849").unwrap();
        let mut phone = Phone::new(&time, 1, station.enrol(&courier, None), None);
        phone.start().unwrap();
        let rng = fastrand::Rng::with_seed(1);
        Self { station, phone, time, courier, rng, parcels: 0 }
    }

    /// Enrols another phone of the courier, with its store in a folder.
    pub fn phone_in(&self, folder: &std::path::Path, seed: u64) -> Phone {
        let enrolment = self.station.enrol(&self.courier, None);
        let mut phone = Phone::new(&self.time, seed, enrolment, None);
        let options = Options {
            location: Location::Folder(folder.to_owned()),
            key: key(),
            capture_folder: None,
            durability: Durability::Full,
            // A file of zeros for a full disk says nothing of what is stored.
            reserve_bytes: 0,
            clock: std::sync::Arc::new(phone.clock.clone()),
            entropy: std::sync::Arc::new(lastmile_core::time::SystemEntropy),
            signer: None,
        };
        phone.courier = Some(Courier::open(options, phone.identity()).unwrap());
        phone
    }

    /// Announces parcels and gives them to the courier. Returns their numbers.
    pub fn announce(&mut self, parcels: usize) -> std::ops::Range<usize> {
        let today = self.parcels..self.parcels + parcels;
        self.parcels = today.end;
        for n in today.clone() {
            let (recipient, sender) = (self.somebody(), self.somebody());
            self.station.announce(&waybill(n), recipient, sender, &mut self.rng);
            self.station.assign(&waybill(n), &self.courier);
            self.pass(2);
        }
        today
    }

    /// Plays a day: the courier calls a third of the recipients, comes to every door and hands
    /// everything over. He syncs after every twenty-fifth.
    pub fn play(&mut self, parcels: usize) {
        // A session lasts for a shift.
        self.phone.enrolment.session_token = self.station.new_session(&self.phone.enrolment);
        self.phone.courier().unwrap().set_signed_in(true).unwrap();
        let today = self.announce(parcels);
        self.sync();
        let waybills: Vec<Waybill> = today.clone().map(waybill).collect();
        let received = Command::ReconcileManifest {
            manifest: ManifestId(uuid::Uuid::from_u128(today.start as u128)),
            expected: waybills.clone(),
            scanned: waybills.clone(),
            damaged: Vec::new(),
        };
        self.record(&received);
        self.pass(1_200);
        self.record(&Command::TakeOut { waybills });
        for n in today {
            self.pass(240);
            if self.rng.u8(..3) == 0 {
                let reached = self.rng.bool();
                self.record(&Command::Contact {
                    waybill: waybill(n),
                    channel: Channel::Phone,
                    party: Party::Recipient,
                    reached,
                });
            }
            self.pass(120);
            let somewhere = |middle: f64, chance: f64| middle + chance / 10.0;
            let (lng, lat) = (self.rng.f64(), self.rng.f64());
            let here = Here { lng: somewhere(126.5, lng), lat: somewhere(43.8, lat) };
            self.phone.courier().unwrap().set_here(Some(here));
            self.record(&Command::Arrive { waybill: waybill(n) });
            self.pass(30);
            self.record(&hand_over(n));
            if n % 25 == 0 {
                self.sync();
            }
        }
        self.sync();
        self.pass(40_000);
    }

    fn record(&mut self, command: &Command) {
        self.phone.courier().unwrap().record(command).unwrap();
    }

    fn sync(&mut self) {
        self.phone.courier().unwrap().pull_soon();
        carry_until_idle(&self.station, &mut self.phone, SyncChannel::Events);
    }

    /// Lets about so many seconds pass.
    fn pass(&mut self, seconds: i64) {
        self.time.pass(self.rng.i64(seconds * SECOND_MS / 2..=seconds * SECOND_MS * 3 / 2));
    }

    fn somebody(&mut self) -> Person {
        let mut pick = |from: &[&str]| from[self.rng.usize(..from.len())].to_owned();
        let surname = pick(&["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"]);
        let name = pick(&["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "小明"]);
        let street = pick(&["解放", "人民", "中山", "建设", "和平", "长江", "吉林", "松江"]);
        let mut number = |below: u32| 1 + self.rng.u32(..below);
        let address = format!(
            "{street}路 {} 号 {} 单元 {} 室",
            number(300),
            number(6),
            number(30) * 100 + number(4)
        );
        Person {
            name: surname + &name,
            phone: format!("139{:08}", number(99_999_999)),
            address,
            ..Person::default()
        }
    }
}

/// Asks the hub what a phone asks; returns the request and the answer, and adds the bytes of both:
/// request and status lines, headers with tokens, bodies.
pub fn ask(station: &Station, phone: &Phone, ask: &HubRequest, bytes: &mut usize) -> HubReply {
    let asked: Request = request_of(phone, ask);
    let line = |(name, value): &(String, String)| name.len() + value.len() + 4;
    *bytes += asked.method.len() + asked.path.len() + " HTTP/1.1\r\n\r\n".len() + 1;
    *bytes += asked.headers.iter().map(line).sum::<usize>() + asked.body.len();
    let answer = station.ask(&asked);
    *bytes += "HTTP/1.1 200 OK\r\n\r\n".len() + answer.body.len();
    *bytes += answer.headers.iter().map(line).sum::<usize>();
    reply_of(answer)
}
