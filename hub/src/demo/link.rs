//! A bad link: stretches without a signal, answers that get lost, uploads that break off.

use fastrand::Rng;
use lastmile_core::sync::{Body, HubReply, HubRequest, SyncChannel};

use super::day::OFFSET_MIN;
use crate::client::{Carried, Client, Fate};

/// Minutes without a signal in each round.
pub const SILENT_MIN: i64 = 60;
/// Minutes of a round.
pub const ROUND_MIN: i64 = 180;
/// One answer in so many is lost.
pub const LOST_ONE_IN: u32 = 8;
/// One upload in so many breaks off.
pub const CUT_ONE_IN: u32 = 4;

/// Each phone's silence begins so many minutes after that of the phone before it.
const APART_MIN: i64 = 53;

/// Tells whether a courier's phone has a signal at a time.
pub fn has_signal(courier: usize, ms: i64) -> bool {
    let minute = ms / 60_000 + i64::from(OFFSET_MIN);
    let apart = i64::try_from(courier).unwrap_or(0) * APART_MIN;
    (minute + apart).rem_euclid(ROUND_MIN) >= SILENT_MIN
}

/// One phone's link to the hub.
pub struct Link {
    client: Client,
    rng: Rng,
    /// At the station everything gets through.
    pub steady: bool,
    /// What was carried.
    pub carried: Carried,
    /// Answers lost on their way back.
    pub lost: u32,
    /// Uploads broken off.
    pub cut: u32,
}

impl Link {
    /// A link whose accidents a seed decides.
    pub fn new(client: Client, seed: u64) -> Self {
        let carried = Carried::default();
        Self { client, rng: Rng::with_seed(seed), steady: true, carried, lost: 0, cut: 0 }
    }

    /// Returns the client, to renew its session.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Carries a request over real HTTP, as well as the link does.
    pub fn carry(&mut self, request: &HubRequest) -> HubReply {
        let fate = self.fate(request);
        match fate {
            Fate::Arrives => {}
            Fate::AnswerLost => self.lost += 1,
            Fate::CutAfter(_) => self.cut += 1,
        }
        self.client.carry(request, fate, &mut self.carried)
    }

    fn fate(&mut self, request: &HubRequest) -> Fate {
        if self.steady {
            return Fate::Arrives;
        }
        if let (SyncChannel::Media, Body::Bytes { bytes }) = (request.channel, &request.body)
            && self.rng.u32(..CUT_ONE_IN) == 0
        {
            return Fate::CutAfter(bytes.len() as u64 / 2);
        }
        if self.rng.u32(..LOST_ONE_IN) == 0 { Fate::AnswerLost } else { Fate::Arrives }
    }
}
