//! The reference hub of lastmile: takes what couriers recorded, gives it its order, and tells
//! those who may see it.
//!
//! [`Hub`] is the whole of it: [`Hub::handle`] answers one [`Request`] with one [`Response`],
//! without a socket, a thread or a clock of its own. The server in [`serve`] puts it on a port;
//! the simulator calls it directly. The protocol's prose is `docs/protocol.md`.

#![allow(clippy::similar_names, reason = "line and link, head and held are the protocol's words")]

mod backup;
mod bundle;
mod chores;
mod clerk;
pub mod client;
mod codes;
pub mod conform;
pub mod demo;
mod enrol;
pub mod gateway;
mod http;
mod hub;
mod keys;
mod media;
mod policy;
mod problem;
mod secret;
pub mod serve;
mod settings;
mod station;
pub mod store;
mod sync;
mod verify;

pub use bundle::{Bundle, BundleDevice, BundleEvent, BundleLane, BundleMedia, BundleStretch};
pub use http::{Request, Response};
pub use hub::{Hub, Parts};
pub use keys::Keys;
/// The library whose rules this hub keeps: its clocks, ids and limits are part of this interface.
pub use lastmile_core;
pub use media::{FolderMedia, MediaStore, MemoryMedia};
pub use problem::{HubError, Result};
pub use settings::Settings;
pub use station::RecordedFact;
pub use verify::{Report, verify};
