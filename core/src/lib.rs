//! Lastmile core: a courier's day, recorded offline, safe the moment a call returns.

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("lastmile_core");

pub mod command;
pub mod complaint;
pub mod conflict;
mod courier;
pub mod deadline;
pub mod decide;
pub mod delivery;
pub mod directory;
mod error;
pub mod event;
pub mod evidence;
pub mod exception_report;
pub mod fold;
pub mod id;
mod money;
pub mod notice;
pub mod parcel;
pub mod policy;
pub mod privacy;
pub mod react;
mod refusal;
pub mod screens;
mod store;
pub mod sync;
pub mod temporary_storage;
#[cfg(test)]
mod testing;
pub mod time;
pub mod views;
pub mod visibility;
pub mod waybill;

pub use command::Command;
pub use courier::{Courier, DeviceSigner, Here, Identity, Options, Recorded};
#[cfg(feature = "uniffi")]
pub use error::LastmileError;
pub use error::{Error, MediaError, ReplyError, Result};
pub use money::Fen;
pub use refusal::Refusal;
pub use screens::{ComplaintView, ExceptionView, Objection, ParcelView};
pub use store::{DiskFolder, Durability, Location, MediaFile, MediaFolder};
pub use views::{Entry, LogLine, Progress, Stop, SyncStatus};
