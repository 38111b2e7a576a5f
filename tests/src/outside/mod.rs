//! Every byte that comes from outside, changed at will, and what must hold whatever arrives.
//!
//! A target takes a case, which is any bytes, makes of it what arrives, and panics if the library or
//! the hub does what it must not. The fuzzer in `tests/fuzz` looks for such cases; the test
//! `outside.rs` plays those that are kept, and as many again by chance.

mod bundle;
mod code;
mod document;
mod line;
mod manifest;
mod media;
mod push;
mod reply;
mod upload;

use data_encoding::HEXLOWER;

use crate::invented::{complaint, hand_over, person, report, waybill};
use crate::world::{Phone, SoftSigner, Station, TrueTime, carry_until_idle};
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::id::CourierNo;
use lastmile_core::sync::SyncChannel;

/// Something that takes bytes from outside.
pub struct Target {
    /// Its name, and that of the file with its kept cases.
    pub name: &'static str,
    /// Plays a case.
    pub play: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "line", play: line::play },
    Target { name: "reply", play: reply::play },
    Target { name: "push", play: push::play },
    Target { name: "upload", play: upload::play },
    Target { name: "bundle", play: bundle::play },
    Target { name: "code", play: code::play },
    Target { name: "document", play: document::play },
    Target { name: "manifest", play: manifest::play },
    Target { name: "media", play: media::play },
];

/// Plays a case of the target of that name.
///
/// # Panics
/// If there is no such target, or the case shows a mistake.
pub fn play(name: &str, case: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of that name").play)(case);
}

/// Reads a target's kept cases: a line each, in hexadecimal, and behind it a name if it has one.
///
/// # Panics
/// If there are none.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let file = format!("{}/fuzz/corpus/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(file).expect("a file of kept cases");
    let case = |line: &str| {
        let hex = line.split(' ').next().unwrap_or_default();
        HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")
    };
    lines.lines().map(case).collect()
}

/// Takes a case apart.
struct Case<'a>(&'a [u8]);

impl<'a> Case<'a> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next byte; 0 behind the end.
    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// Returns one of some.
    fn one_of<'b, T: ?Sized>(&mut self, some: &[&'b T]) -> &'b T {
        some[usize::from(self.byte()) % some.len()]
    }

    fn place(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        some
    }

    /// Returns as many short lines as its next byte says, each behind its length.
    fn lines(&mut self) -> Vec<String> {
        let lines = self.byte() % 8;
        let line = |_| {
            let length = usize::from(self.byte());
            String::from_utf8_lossy(self.bytes(length)).into_owned()
        };
        (0..lines).map(line).collect()
    }

    /// Makes what arrives of the rest: its bytes as they are after a 0, else a genuine message with
    /// edits, of which each is a place, how many bytes go there, how many come, and those.
    fn arrives(mut self, genuine: &[Vec<u8>]) -> Vec<u8> {
        let Some(chosen) = usize::from(self.byte()).checked_sub(1) else {
            return self.0.to_vec();
        };
        let mut message = genuine[chosen % genuine.len()].clone();
        while !self.is_over() {
            let from = self.place() % (message.len() + 1);
            let to = (from + usize::from(self.byte())).min(message.len());
            let comes = usize::from(self.byte());
            message.splice(from..to, self.bytes(comes).iter().copied());
        }
        message
    }

    fn arrives_as_text(self, genuine: &[Vec<u8>]) -> String {
        String::from_utf8_lossy(&self.arrives(genuine)).into_owned()
    }
}

/// A station with two couriers, of whom the first has acts and a photo that have yet to arrive.
struct Day {
    time: TrueTime,
    station: Station,
    phone: Phone,
    other: Phone,
}

impl Day {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut phones = [("4849", 1), ("5021", 2)].map(|(no, seed)| {
            let courier = CourierNo::new(no).expect("a plain number");
            let signer = SoftSigner::new(seed);
            let enrolment = station.enrol(&courier, Some(signer.public()));
            Phone::new(&time, seed, enrolment, Some(signer.into()))
        });
        for n in 0..4 {
            station.announce(&waybill(n), person(), person(), &mut rng);
            station.assign(&waybill(n), &phones[0].enrolment.courier);
        }
        for phone in &mut phones {
            phone.start().expect("a good disk");
            let badge = phone.enrolment.badge.clone().expect("this hub signs badges");
            phone.courier().and_then(|courier| courier.keep_badge(&badge)).expect("a good badge");
            carry_until_idle(&station, phone, SyncChannel::Events);
        }
        let [mut phone, other] = phones;
        phone.take_out(&[0, 1, 2, 3].map(waybill)).expect("parcels that are his");
        carry_until_idle(&station, &mut phone, SyncChannel::Events);
        let courier = phone.courier().expect("it was started");
        let case = courier.new_case();
        let lane = Lane::Exception(case);
        let photo = courier.capture_bytes(&lane, PHOTO, MediaSource::Camera).expect("a photo");
        for command in [hand_over(0), complaint(courier.new_case(), 1), report(case, vec![photo])] {
            courier.record(&command).expect("nothing speaks against it");
        }
        Self { time, station, phone, other }
    }

    /// The first courier's phone as it is now, once more.
    fn another_phone(&self) -> Phone {
        let mut phone = self.phone.cloned(&self.time);
        phone.start().expect("a good disk");
        phone
    }
}

/// What the day's photo holds.
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 a door that nobody opened";
