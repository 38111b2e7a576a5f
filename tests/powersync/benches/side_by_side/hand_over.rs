//! WAL bytes of a recorded hand-over, by the growth of the log's file.

use std::path::Path;

use lastmile_core::sync::SyncChannel;
use lastmile_tests::invented::{hand_over, waybill};
use lastmile_tests::world::carry_until_idle;

use crate::days::Days;
use crate::powersync::{PowerSync, Pragmas};
use crate::report::{at_most, figure, float};

const HAND_OVERS: usize = 1_000;

/// Hands over a thousand parcels with each.
pub fn compare() {
    let ours = ours();
    println!("a recorded hand-over, counted over {HAND_OVERS}");
    figure("WAL bytes, Lastmile", ours);
    for (pages, pragmas) in [("pages as ours", Pragmas::Ours), ("pages of 4 KiB", Pragmas::Sdk)] {
        let theirs = theirs(pragmas);
        figure(&format!("WAL bytes, PowerSync core, {pages}"), theirs);
        let ratio = float(ours) / float(theirs);
        at_most(&format!("Lastmile / PowerSync core, {pages}"), ratio, 1.0, Some(0.5));
    }
}

fn ours() -> usize {
    let mut days = Days::new();
    let parcels = days.announce(HAND_OVERS);
    let folder = tempfile::tempdir().unwrap();
    let mut phone = days.phone_in(folder.path(), 2);
    carry_until_idle(&days.station, &mut phone, SyncChannel::Events);
    phone.take_out(&parcels.clone().map(waybill).collect::<Vec<_>>()).unwrap();
    let courier = phone.courier().unwrap();
    // The log begins anew, and is long enough for all that follows.
    courier.suspend().unwrap();
    courier.resume().unwrap();
    for n in parcels {
        courier.record(&hand_over(n)).unwrap();
    }
    each(&folder.path().join("lastmile.db-wal"))
}

fn theirs(pragmas: Pragmas) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let power_sync = PowerSync::in_folder(folder.path(), pragmas);
    power_sync.take_out(HAND_OVERS);
    power_sync.db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    power_sync.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    (0..HAND_OVERS).for_each(|n| power_sync.hand_over(n));
    assert_eq!(power_sync.pending(), HAND_OVERS);
    each(&folder.path().join("powersync.db-wal"))
}

/// The bytes of a log that began empty, for each hand-over.
fn each(log: &Path) -> usize {
    usize::try_from(log.metadata().unwrap().len()).unwrap() / HAND_OVERS
}
