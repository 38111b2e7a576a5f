//! A phone that holds other events of today's lanes than the hub finds it out and fetches those
//! lanes again, and no other.

use lastmile_core::LogLine;
use lastmile_core::event::Lane;
use lastmile_core::id::CourierNo;
use lastmile_core::sync::{HubReply, Next, SyncChannel};
use lastmile_tests::invented::{hand_over, person, waybill};
use lastmile_tests::world::{Phone, Station, TrueTime, carry_until_idle, reply_of, request_of};
use rusqlite::Connection;

const PARCELS: usize = 8;

/// A phone with parcels of which the hub has all, and what it holds.
fn day() -> (Station, Phone, Vec<LogLine>) {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let enrolment = station.enrol(&CourierNo::new("4849").expect("a plain number"), None);
    let mut rng = fastrand::Rng::with_seed(1);
    for n in 0..PARCELS {
        station.announce(&waybill(n), person(), person(), &mut rng);
        station.assign(&waybill(n), &enrolment.courier);
    }
    let mut phone = Phone::new(&time, 1, enrolment, None);
    phone.start().expect("a good disk");
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    phone.take_out(&(0..PARCELS).map(waybill).collect::<Vec<_>>()).expect("his parcels");
    phone
        .courier()
        .and_then(|courier| courier.record(&hand_over(0)))
        .expect("no rule is against it");
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let log = held(&mut phone);
    (station, phone, log)
}

/// What a phone holds, whatever the order in which it came.
fn held(phone: &mut Phone) -> Vec<LogLine> {
    let mut log = phone.courier().and_then(|courier| courier.log()).expect("a good disk");
    log.sort_by_key(|line| (line.lane.clone(), line.lane_seq));
    log
}

/// Does something to the store behind the library's back, then starts the app and syncs. Returns
/// how many events came and how many lanes were mended.
fn after(station: &Station, phone: &mut Phone, harm: impl Fn(&Connection)) -> (usize, u64) {
    phone.kill();
    harm(&phone.database());
    phone.start().expect("a good disk");
    let mut events = 0;
    while let Next::Send { request } =
        phone.courier().and_then(|courier| courier.next_request(SyncChannel::Events)).expect("sent")
    {
        let mut asked = request_of(phone, &request);
        asked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Accept-Encoding"));
        let reply = reply_of(station.ask(&asked));
        if let HubReply::Answer { body, .. } = &reply {
            let reply = lastmile_core::sync::wire::Reply::parse(body).expect("a reply");
            events += reply.events.len();
        }
        phone.courier().and_then(|it| it.apply_reply(request.id, &reply)).expect("a good reply");
    }
    let told = phone.courier().and_then(|courier| courier.diagnostics()).expect("a good disk");
    (events, told.mended)
}

/// The events of a lane.
fn events_of(log: &[LogLine], lane: &Lane) -> usize {
    log.iter().filter(|line| line.lane == *lane).count()
}

#[test]
fn a_phone_that_holds_what_the_hub_holds_fetches_nothing() {
    let (station, mut phone, log) = day();
    assert_eq!(after(&station, &mut phone, |_| {}), (0, 0));
    assert!(held(&mut phone) == log);
}

#[test]
fn an_event_that_rotted_comes_again_with_its_lane_alone() {
    let lane = Lane::Parcel(waybill(3));
    let (_, _, log) = day();
    for seq in (0..events_of(&log, &lane)).map(|n| n + 1) {
        let (station, mut phone, log) = day();
        let harm = |db: &Connection| {
            let rotten = db.execute(
                "UPDATE event SET bytes = CAST(replace(CAST(bytes AS TEXT), 'a', 'b') AS BLOB)
                 WHERE lane_seq = ?1 AND lane = (SELECT n FROM lane WHERE name = ?2)",
                (seq, lane.to_string()),
            );
            assert_eq!(rotten.expect("a good disk"), 1);
        };
        assert_eq!(after(&station, &mut phone, harm), (events_of(&log, &lane), 1), "event {seq}");
        assert!(held(&mut phone) == log, "event {seq} is as it was");
        let view = phone.courier().and_then(|courier| courier.parcel(&waybill(3)));
        assert!(view.expect("a good disk").is_some_and(|parcel| parcel.stage.is_on_the_way()));
        assert_eq!(after(&station, &mut phone, |_| {}), (0, 1), "once");
    }
}

#[test]
fn a_lane_that_is_gone_or_has_too_much_is_put_right() {
    let lane = Lane::Parcel(waybill(5));
    let name = lane.to_string();
    let (station, mut phone, log) = day();
    let sql = [
        // Others' events of the lane are gone, or one is in a place that the hub has not given out.
        "DELETE FROM event WHERE inc IS NULL AND lane = (SELECT n FROM lane WHERE name = ?1)",
        "INSERT INTO event (lane, lane_seq, bytes)
             SELECT lane, 40, bytes FROM event
             WHERE lane_seq = 1 AND lane = (SELECT n FROM lane WHERE name = ?1)",
        "UPDATE lane SET folded_seq = 0, fold_version = 0 WHERE name = ?1",
    ];
    for (n, harm) in (1..).zip(&sql[..2]) {
        let harm = |db: &Connection| {
            db.execute(harm, [&name]).expect("a good disk");
            db.execute(sql[2], [&name]).expect("a good disk");
        };
        assert_eq!(after(&station, &mut phone, harm), (events_of(&log, &lane), n));
        assert!(held(&mut phone) == log);
    }
}

#[test]
fn nothing_is_compared_while_something_is_unconfirmed() {
    let (station, mut phone, _) = day();
    phone
        .courier()
        .and_then(|courier| courier.record(&hand_over(1)))
        .expect("no rule is against it");
    let harm = |db: &Connection| {
        let sql = "DELETE FROM event WHERE inc IS NULL AND lane_seq = 1
                   AND lane = (SELECT n FROM lane WHERE name = ?1)";
        db.execute(sql, [Lane::Parcel(waybill(3)).to_string()]).expect("a good disk");
    };
    let (_, mended) = after(&station, &mut phone, harm);
    assert_eq!(mended, 0, "the only request pushed");
    phone.courier().expect("it runs").pull_soon();
    carry_until_idle(&station, &mut phone, SyncChannel::Events);
    let told = phone.courier().and_then(|courier| courier.diagnostics()).expect("a good disk");
    assert_eq!(told.mended, 1, "with the next that did not");
}

#[test]
fn an_own_event_that_is_as_it_was_recorded_gives_way_to_nothing_the_hub_says() {
    let (station, mut phone, log) = day();
    let lane = Lane::Parcel(waybill(2)).to_string();
    // The hub's disk rots, at an event of the phone's own.
    let hub = station.database();
    let at = "lane = (SELECT row FROM lane WHERE key = ?1) AND lane_seq = 4";
    let sql = format!("SELECT CAST(bytes AS TEXT) FROM event WHERE {at}");
    let text: String = hub.query_row(&sql, [&lane], |row| row.get(0)).expect("a good disk");
    let rotten = text.replace("\"policy\":1", "\"policy\":3");
    assert_ne!(text, rotten);
    let sql = format!("UPDATE event SET leaf = zeroblob(32), bytes = CAST(?2 AS BLOB) WHERE {at}");
    assert_eq!(hub.execute(&sql, [&lane, &rotten]).expect("a good disk"), 1);
    drop(hub);
    let (events, mended) = after(&station, &mut phone, |_| {});
    assert!(events > 0 && mended == 1, "the lane was fetched: {events}, {mended}");
    assert!(held(&mut phone) == log, "and the phone's own word stands");
}
