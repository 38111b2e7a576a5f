//! The same work done by Lastmile and by the PowerSync core, side by side in one run and on one disk.
//!
//! `cargo xtask powersync [hand_over | first_sync | drain]`, which fetches the core first: the library in the npm package
//! `@powersync/node`, loaded into the SQLite that we are built with. Every figure stands beside its
//! budget (`docs/architecture.md`, section 10). The core is opened twice: with our pragmas, and as
//! its SDKs for phones open it (pages of 4 KiB, commits not synced, 50 MB of cache).
//!
//! - **A hand-over**: our command against one update of the parcel's row through the core's view,
//!   which writes the row and its queue entry. Ours also decides by the rules, chains and hashes the
//!   event, and keeps what was before; the update overwrites it.
//! - **A first sync**: both take the same history, ours as the hub's answers, the core as lines of
//!   its service in BSON with one row for each event and each person. Timed is what the phone does,
//!   not the hub and not the air; ours includes unpacking. Ours checks the digest of every person,
//!   folds every lane by the rules, writes the lists, and seals persons; the core adds up one
//!   checksum a row, trusts it, and stores each row twice. Its rows carry no subkey, which a
//!   service sends.
//! - **A drain**: ours is pushed to a hub in this process, accepted under a receipt that is checked,
//!   and folded. The core's queue is read and deleted, and nobody answers.
//!
//! Timings are worth no more than the ratios between them.

mod days;
mod drain;
mod first_sync;
mod hand_over;
mod lines;
mod powersync;
mod report;

use crate::powersync::{PowerSync, Pragmas};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let version = PowerSync::in_folder(folder.path(), Pragmas::Ours).version();
    println!("PowerSync core {version}, SQLite {}", rusqlite::version());
    let only = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    let runs = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if runs("hand_over") {
        hand_over::compare();
    }
    if runs("first_sync") {
        first_sync::compare();
    }
    if runs("drain") {
        drain::compare();
    }
}
