//! Sync: a machine without sockets. It says what to send and takes what came back.

pub mod wire;
