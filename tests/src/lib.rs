//! Worlds of phones, links and a hub.
//!
//! `disk` loses what was not synced, `world` holds clocks, chance, a hub in this process and the
//! phones it enrolled, `sim` plays seeded days with faults over them, `scenario` plays files that tell
//! one behaviour each, `invented` names people, parcels and acts, `outside` changes what arrives,
//! `place` holds a served hub and a
//! phone for real processes, `planted` looks for what must not be found.

pub mod coverage;
pub mod disk;
pub mod invented;
pub mod outside;
pub mod place;
pub mod planted;
pub mod scenario;
pub mod sim;
pub mod world;

/// The READMEs' Rust examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
