//! Lastmile core: a courier's day, recorded offline, safe the moment a call returns.
//!
//! [`Courier`] is the one handle: the open store and the clock. [`Courier::record`] decides a
//! [`Command`] by the rules and records facts; [`Courier::next_request`] and
//! [`Courier::apply_reply`] sync without a socket. Start with `courier.rs`; each subject has a
//! folder of the same shape: `mod.rs` facts, `rules.rs` what may be done, `state.rs` what is so.
//!
//! ```
//! use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
//! use lastmile_core::id::{CourierNo, DeviceId, HubEpoch, StationId};
//! use lastmile_core::privacy::Person;
//! use lastmile_core::waybill::Waybill;
//! use lastmile_core::{Command, Courier, DataKey, Identity, Options};
//!
//! # let folder = tempfile::tempdir()?;
//! let identity = Identity {
//!     device: DeviceId("018f0000-0000-7000-8000-000000000001".parse()?),
//!     courier: CourierNo::new("4849")?,
//!     station: StationId::new("JL31")?,
//!     root_key: String::new(),
//!     epoch: HubEpoch("018f0000-0000-7000-8000-000000000002".parse()?),
//! };
//! let key = DataKey::random(); // made once, kept in the Keystore
//! let mut courier = Courier::open(Options::folder(folder.path(), key, 480), identity)?;
//! let waybill = Waybill::parse("SF1000000000001")?;
//!
//! let refused = courier.record(&Command::Arrive { waybill: waybill.clone() });
//! assert_eq!(refused.unwrap_err().code(), "UnknownParcel");
//!
//! courier.record(&Command::ReceiveComplaint {
//!     case: courier.new_case(),
//!     waybill,
//!     complainant: Person { name: "王小明".into(), phone: "13900000000".into(), ..Person::default() },
//!     demand: "Bring it today".into(),
//!     source: ComplaintSource::Customer,
//!     class: ComplaintClass::Delay,
//!     about: None,
//! })?;
//! assert_eq!(courier.open_complaints()?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!("lastmile_core");

pub mod badge;
#[doc(hidden)]
pub mod bug;
pub mod chore;
pub mod command;
mod compact;
pub mod complaint;
pub mod conflict;
mod courier;
pub mod deadline;
pub mod decide;
pub mod delivery;
pub mod diagnostics;
pub mod directory;
pub mod document;
mod error;
pub mod event;
pub mod evidence;
pub mod exception_report;
pub mod explain;
pub mod fold;
pub mod id;
mod keep;
mod money;
pub mod notice;
pub mod parcel;
pub mod pickup;
pub mod policy;
pub mod privacy;
pub mod react;
mod record;
mod refusal;
pub mod screens;
pub mod shift;
pub mod signature;
mod store;
pub mod sync;
pub mod temporary_storage;
#[cfg(test)]
mod testing;
pub mod time;
pub mod transfer;
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
pub use screens::{
    CaseWorkView, ComplaintView, ExceptionView, Objection, ParcelView, PickupView, PromiseView,
};
pub use store::{
    DataKey, DiskFolder, Durability, Location, Lock, MediaFile, MediaFolder, Salvaged,
};
pub use views::{Entry, LogLine, Progress, Stop, SyncStatus};
