//! What a hub allows and how long things live. The defaults suit one city.

use lastmile_core::sync::wire::Limits;

const HOUR_MS: i64 = 3_600_000;

/// The numbers of one hub.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What devices are told they may send.
    pub limits: Limits,
    /// Events in one reply, whatever a device asks for.
    pub pull_events: u32,
    /// Event bytes in one reply; one event more may follow.
    pub pull_bytes: usize,
    /// How long a session lives: a shift.
    pub session_ms: i64,
    /// How long a one-time code is good for.
    pub code_ms: i64,
    /// How long the hub signs with one working key.
    pub key_ms: i64,
    /// How long an unfinished upload is kept.
    pub upload_ms: i64,
    /// How long a notice is tried to be sent; then it failed.
    pub notice_ms: i64,
    /// The longest body of one upload request.
    pub patch_bytes: u64,
    /// The longest body of a clerk's request.
    pub clerk_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            pull_events: 1000,
            pull_bytes: 1 << 20,
            session_ms: 12 * HOUR_MS,
            code_ms: HOUR_MS / 2,
            key_ms: 90 * 24 * HOUR_MS,
            upload_ms: 7 * 24 * HOUR_MS,
            notice_ms: HOUR_MS,
            patch_bytes: 4 << 20,
            clerk_bytes: 32 << 20,
        }
    }
}
