//! Worlds of phones, links and a hub.

pub mod disk;
