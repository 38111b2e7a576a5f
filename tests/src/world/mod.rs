//! A world: true time, a hub in this process, and phones that reach it only through a link.

mod at_hub;
mod carry;
mod clock;
mod later;
mod media;
mod phone;
mod station;

pub use at_hub::{AtHub, at_hub};
pub use carry::{carry_until_idle, reply_of, request_of, station_and_phone};
pub use clock::{FakeClock, SeededEntropy, TrueTime};
pub use later::Later;
pub use media::LossyFolder;
pub use phone::{Phone, SoftSigner, key};
pub use station::{Chained, Everything, Sent, Station};
