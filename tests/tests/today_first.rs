//! A courier's new phone is sent the lanes that are his now before his past, over a link that cuts
//! and with an app that is killed, and no lane is ever shown without its beginning.

use std::collections::BTreeMap;

use lastmile_core::delivery::Party;
use lastmile_core::event::Lane;
use lastmile_core::id::CourierNo;
use lastmile_core::privacy::ErasureReason;
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_core::{Command, SyncStatus};
use lastmile_hub::Settings;
use lastmile_tests::invented::{hand_over, person, waybill};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, reply_of, request_of};

/// Parcels of the past, and of today.
const PAST: usize = 60;
const TODAY: usize = 5;
/// The hub's pages are short, so that there are many.
const PAGE: u32 = 20;

struct Scene {
    time: TrueTime,
    station: Station,
    old: Phone,
    new: Phone,
    rng: fastrand::Rng,
}

impl Scene {
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let settings = Settings { pull_events: PAGE, ..Settings::default() };
        let station = Station::with(&time, 1, settings);
        let courier = CourierNo::new("4849").expect("a plain number");
        let phone = |seed| Phone::new(&time, seed, station.enrol(&courier, None), None);
        let (old, new) = (phone(1), phone(2));
        let mut scene = Self { time, station, old, new, rng: fastrand::Rng::with_seed(1) };
        scene.old.start().expect("a good disk");
        let past: Vec<_> = (0..PAST).map(waybill).collect();
        for n in 0..PAST {
            scene.give_out(n);
        }
        scene.carry_old();
        scene.old.take_out(&past).expect("his parcels");
        for n in 0..PAST {
            let courier = scene.old.courier().expect("it runs");
            courier.record(&hand_over(n)).expect("no rule speaks against it");
        }
        scene.carry_old();
        for n in PAST..PAST + TODAY {
            scene.give_out(n);
        }
        scene.carry_old();
        scene.new.start().expect("a good disk");
        scene
    }

    fn give_out(&mut self, n: usize) {
        self.station.announce(&waybill(n), person(), person(), &mut self.rng);
        self.station.assign(&waybill(n), &self.old.enrolment.courier);
    }

    fn carry_old(&mut self) {
        self.old.courier().expect("it runs").pull_soon();
        carry_until_idle(&self.station, &mut self.old, SyncChannel::Events);
    }

    /// Carries one request and its answer; false if there was none. `lost` loses the answer.
    fn carry_one(&mut self, lost: bool) -> bool {
        let next = self.new.courier().expect("it runs").next_request(SyncChannel::Events);
        let request = match next.expect("a good disk") {
            Next::Send { request } => request,
            Next::Wait { ms } => {
                self.time.pass(i64::try_from(ms).expect("a short wait"));
                return true;
            }
            Next::Idle => return false,
        };
        let answer = self.station.ask(&request_of(&self.new, &request));
        let reply = if lost { HubReply::NoAnswer } else { reply_of(answer) };
        let courier = self.new.courier().expect("it runs");
        courier.apply_reply(request.id, &reply).expect("a good reply");
        self.no_lane_lacks_its_beginning();
        true
    }

    fn no_lane_lacks_its_beginning(&mut self) {
        let mut lanes: BTreeMap<Lane, Vec<u64>> = BTreeMap::new();
        for line in self.new.courier().and_then(|courier| courier.log()).expect("a good disk") {
            lanes.entry(line.lane).or_default().extend(line.lane_seq);
        }
        for (lane, mut places) in lanes {
            places.sort_unstable();
            let dense = places.iter().zip(1..).all(|(place, due)| *place == due);
            assert!(dense, "{lane} has {places:?}");
        }
    }

    fn status(&mut self) -> SyncStatus {
        self.new.courier().and_then(|courier| courier.sync_status()).expect("a good disk")
    }

    /// The parcels that the new phone knows, of some.
    fn known(&mut self, some: std::ops::Range<usize>) -> usize {
        let courier = self.new.courier().expect("it runs");
        let known = |n: &usize| courier.parcel(&waybill(*n)).expect("a good disk").is_some();
        some.filter(known).count()
    }

    fn both_phones_agree(&mut self) {
        self.carry_old();
        for n in 0..PAST + TODAY {
            let lane = Lane::Parcel(waybill(n));
            let old = self.old.courier().and_then(|courier| courier.lane(&lane));
            let new = self.new.courier().and_then(|courier| courier.lane(&lane));
            assert_eq!(old.expect("a good disk"), new.expect("a good disk"), "{lane}");
        }
    }
}

#[test]
fn todays_lanes_come_first_and_the_rest_follows() {
    let mut scene = Scene::new();
    assert!(!scene.status().today_here, "nothing is here yet");
    let mut answers = 0;
    while !scene.status().today_here {
        assert!(scene.carry_one(false));
        answers += 1;
    }
    assert!(answers <= 3, "{answers} answers for {TODAY} parcels");
    assert_eq!(scene.known(PAST..PAST + TODAY), TODAY);
    assert!(scene.known(0..PAST) < PAST / 4, "the past waits");
    let mut to_come = scene.status().to_come;
    assert!(to_come > 0);
    while scene.carry_one(false) {
        let now = scene.status().to_come;
        assert!(now <= to_come, "{now} after {to_come}");
        to_come = now;
    }
    assert_eq!(to_come, 0);
    assert_eq!(scene.known(0..PAST), PAST);
    scene.both_phones_agree();
}

#[test]
fn what_is_new_does_not_wait_for_the_past() {
    let mut scene = Scene::new();
    while !scene.status().today_here {
        assert!(scene.carry_one(false));
    }
    // A parcel more for today, and news of one that was handed over long ago.
    scene.give_out(PAST + TODAY);
    assert_eq!(scene.known(PAST - 1..PAST), 0, "it is of the past");
    let waybill = waybill(PAST - 1);
    let (lane, party, reason) =
        (Lane::Parcel(waybill.clone()), Party::Sender, ErasureReason::Asked);
    let erase = Command::ErasePerson { lane, party, reason };
    assert!(scene.station.command(&erase) < 300);
    assert!(scene.carry_one(false));
    assert_eq!(scene.known(PAST + TODAY..PAST + TODAY + 1), 1, "with the next answer");
    let erased = scene.new.courier().and_then(|courier| courier.parcel(&waybill));
    let erased = erased.expect("a good disk").expect("it came with its beginning");
    assert!(erased.margin.erasure.is_some() && erased.ended().is_some());
    assert!(scene.status().to_come > 0, "the past still waits");
    while scene.carry_one(false) {}
    scene.both_phones_agree();
}

#[test]
fn lost_answers_and_kills_lose_nothing_of_it() {
    for seed in 0..10 {
        let mut scene = Scene::new();
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut spared = PAST + TODAY;
        loop {
            let lost = chance.u8(..4) == 0;
            if !scene.carry_one(lost) {
                break;
            }
            if chance.u8(..6) == 0 {
                scene.new.kill();
                scene.new.start().expect("a good disk");
            }
            if chance.u8(..10) == 0 && spared < PAST + TODAY + 3 {
                scene.give_out(spared);
                spared += 1;
            }
        }
        assert_eq!(scene.status().to_come, 0);
        assert_eq!(scene.known(0..spared), spared);
        scene.both_phones_agree();
    }
}
