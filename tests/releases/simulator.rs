//! The simulator, built with two releases of the library.

#[path = "../src/disk/mod.rs"]
pub mod disk;
#[path = "../src/sim/mod.rs"]
pub mod sim;
#[path = "../src/world/mod.rs"]
pub mod world;
