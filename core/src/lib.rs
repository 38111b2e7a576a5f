//! Lastmile core: a courier's day, recorded offline, safe the moment a call returns.

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("lastmile_core");

pub mod command;
pub mod complaint;
pub mod conflict;
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
pub mod parcel;
pub mod policy;
pub mod privacy;
pub mod react;
mod refusal;
pub mod sync;
pub mod temporary_storage;
#[cfg(test)]
mod testing;
pub mod time;
pub mod visibility;
pub mod waybill;

pub use command::Command;
#[cfg(feature = "uniffi")]
pub use error::LastmileError;
pub use error::{Error, MediaError, ReplyError, Result};
pub use money::Fen;
pub use refusal::Refusal;
