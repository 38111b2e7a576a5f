//! A phone whose clock is a day off: nothing is out of order, late never looks like on time, and one
//! contact with the hub puts the time right.

use lastmile_core::Command;
use lastmile_core::deadline::{DeadlineKind, Timeliness};
use lastmile_core::delivery::Channel;
use lastmile_core::event::Lane;
use lastmile_core::id::{CaseId, CourierNo};
use lastmile_core::sync::SyncChannel;
use lastmile_tests::invented::complaint;
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// What a contact over a slow link may leave open.
const BOUND_MS: i64 = 2_000;

struct World {
    time: TrueTime,
    station: Station,
    phone: Phone,
    case: CaseId,
}

impl World {
    /// A phone that has met the hub in this boot.
    fn new() -> Self {
        let time = TrueTime::at(1_790_000_000_000);
        let station = Station::new(&time, 1);
        let enrolment = station.enrol(&CourierNo::new("4849").unwrap(), None);
        let mut phone = Phone::new(&time, 1, enrolment, None);
        phone.start().unwrap();
        let case = phone.courier().unwrap().new_case();
        let mut world = Self { time, station, phone, case };
        world.meet_the_hub();
        world
    }

    fn meet_the_hub(&mut self) {
        self.phone.courier().unwrap().pull_soon();
        carry_until_idle(&self.station, &mut self.phone, SyncChannel::Events);
    }

    /// The phone was off, and its clock is `wrong_ms` ahead when it starts again.
    fn reboot(&mut self, wrong_ms: i64) {
        self.phone.courier = None;
        self.phone.clock.reboot();
        self.phone.clock.turn(wrong_ms);
        self.phone.start().unwrap();
    }

    fn complaint(&mut self) {
        let complaint = complaint(self.case, 1);
        self.phone.courier().unwrap().record(&complaint).unwrap();
    }

    fn contact(&mut self) {
        let call =
            Command::ContactCustomer { case: self.case, channel: Channel::Phone, reached: true };
        self.phone.courier().unwrap().record(&call).unwrap();
    }

    fn lane(&self) -> Lane {
        Lane::Complaint(self.case)
    }

    fn first_contact(&mut self) -> Timeliness {
        let lane = self.lane();
        let clocks = self.phone.courier().unwrap().deadlines(&lane).unwrap();
        clocks
            .iter()
            .find(|clock| clock.kind == DeadlineKind::ComplaintFirstContact)
            .unwrap()
            .standing
    }

    fn kinds(&mut self) -> Vec<String> {
        let lane = self.lane();
        let history = self.phone.courier().unwrap().history(&lane).unwrap();
        history.into_iter().map(|entry| entry.kind).collect()
    }
}

const DAYS: [i64; 2] = [-DAY_MS, DAY_MS];

#[test]
fn a_clock_that_is_turned_while_the_phone_runs_is_not_believed() {
    for wrong_ms in DAYS {
        let mut world = World::new();
        world.complaint();
        world.phone.clock.turn(wrong_ms);
        world.time.pass(50 * MINUTE_MS);
        world.contact();
        assert_eq!(world.first_contact(), Timeliness::OnTime, "{wrong_ms}");
        let now = world.phone.courier().unwrap().now();
        assert!((now.ms - world.time.ms()).abs() <= i64::from(now.unsure_ms.unwrap()));
        assert_eq!(world.kinds(), ["ComplaintReceived", "CustomerFirstContacted"]);
    }
}

#[test]
fn late_does_not_look_like_on_time_because_a_clock_was_turned() {
    for wrong_ms in DAYS {
        let mut world = World::new();
        world.complaint();
        world.phone.clock.turn(wrong_ms);
        world.time.pass(70 * MINUTE_MS);
        world.contact();
        assert_eq!(world.first_contact(), Timeliness::Late, "{wrong_ms}");
    }
}

#[test]
fn after_a_reboot_nothing_is_certain_until_the_hub_is_met() {
    for wrong_ms in DAYS {
        let mut world = World::new();
        world.complaint();
        world.time.pass(70 * MINUTE_MS);
        world.reboot(wrong_ms);
        world.contact();
        assert_eq!(world.first_contact(), Timeliness::CannotTell, "{wrong_ms}");
        let lane = world.lane();
        let before = world.phone.courier().unwrap().history(&lane).unwrap();
        assert_eq!(before[1].at.unsure_ms, None);
        let (recorded_ms, order) = (world.time.ms(), world.kinds());

        world.time.pass(5 * MINUTE_MS);
        world.meet_the_hub();

        let courier = world.phone.courier().unwrap();
        let now = courier.now();
        let bound_ms = i64::from(now.unsure_ms.unwrap());
        assert!(bound_ms <= BOUND_MS && (now.ms - world.time.ms()).abs() <= bound_ms);
        let history = courier.history(&lane).unwrap();
        let at = history[1].at;
        assert!((at.ms - recorded_ms).abs() <= i64::from(at.unsure_ms.unwrap()), "{wrong_ms}");
        assert_eq!(world.kinds(), order, "both sides keep the order in which it was recorded");
        // What the event says stays what the phone knew then.
        assert_eq!(world.first_contact(), Timeliness::CannotTell);
    }
}
