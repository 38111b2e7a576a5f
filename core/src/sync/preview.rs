//! Previews go before files: one request each, never resumed.
//!
//! A hub need not know them, and a preview may be lost. So one that the hub does not want is dropped,
//! one that does not get through lets a file go before it is tried again, and is given up in the end.

use super::upload::{MediaInFlight, Step, TUS};
use super::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel};
use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::error::{ReplyError, Result};
use crate::evidence::MediaKind;
use crate::id::EvidenceId;
use crate::store::Preview;

/// So often a preview is tried while other requests get through.
const MOST_TRIES: u32 = 5;
const UNKNOWN: &str = "application/octet-stream";

/// How the previews of this process get on.
#[derive(Debug, Default)]
pub(crate) struct Previews {
    /// The one that failed last, and how often.
    failed: Option<(EvidenceId, u32)>,
    /// A file has its turn first.
    rest: bool,
}

impl Previews {
    /// Notes that a file's request was answered: the hub can be reached.
    pub(super) fn hub_answers(&mut self) {
        self.rest = false;
    }

    /// Notes that a preview came to nothing, and whether anything came back. Returns whether it is to be
    /// given up: silence counts only when something else got through since the last try.
    fn fail(&mut self, of: EvidenceId, answered: bool) -> bool {
        let before = self.failed.filter(|(failed, _)| *failed == of).map_or(0, |(_, tries)| tries);
        let tries = before + u32::from(answered || !self.rest);
        self.failed = Some((of, tries));
        self.rest = true;
        tries >= MOST_TRIES
    }
}

impl Courier {
    /// Returns the request that sends the next preview, unless a file has its turn.
    pub(super) fn preview_before_files(&mut self) -> Result<Option<Next>> {
        if self.machine.previews.rest { Ok(None) } else { self.next_preview() }
    }

    /// Returns the request that sends the next preview.
    pub(super) fn next_preview(&mut self) -> Result<Option<Next>> {
        loop {
            let store = self.store()?;
            let Some(preview) = Preview::next(&store.db)? else { return Ok(None) };
            let picture = preview.picture(&store.media);
            let Preview { item, version, .. } = preview;
            let Some(bytes) = picture else {
                Preview::forget(&store.db, item.id, version)?;
                continue;
            };
            let kind = MediaKind::of(&bytes).map_or(UNKNOWN, MediaKind::content_type);
            let path = format!("/v1/media/previews/{}", item.sha256);
            let id = self.machine.new_id();
            self.machine.media = Some(MediaInFlight { id, item, step: Step::Show { version } });
            return Ok(Some(Next::Send {
                request: HubRequest {
                    id,
                    channel: SyncChannel::Media,
                    method: "PUT".to_owned(),
                    path,
                    headers: vec![
                        Header::new("tus-resumable", TUS),
                        Header::new("content-type", kind),
                    ],
                    auth: Auth::Device,
                    body: Body::Bytes { bytes },
                },
            }));
        }
    }

    /// Takes what came back for a preview of this version. `settled` says whether that was the hub's
    /// last word about the file: what ends a file ends its preview.
    pub(super) fn apply_preview(
        &mut self,
        of: EvidenceId,
        version: i64,
        reply: &HubReply,
        settled: Result<bool>,
    ) -> Result<()> {
        let status = match reply {
            HubReply::Answer { status, .. } => Some(*status),
            HubReply::NoAnswer => None,
        };
        let (done, result) = match (settled, status) {
            (Ok(true), _) => (true, Ok(())),
            (Err(error), _) => (false, Err(error)),
            (_, Some(401)) => (false, Err(ReplyError::Unauthorised.into())),
            // One that mends itself: the pace decides.
            (_, None | Some(408 | 409 | 423 | 425 | 429 | 500 | 502..)) => (false, Ok(())),
            // Taken, or not wanted here: the hub does not know previews, or not this one.
            (_, Some(204 | 400..)) => (true, Ok(())),
            // Something in front of the hub answered.
            (_, Some(_)) => (false, Err(ReplyError::Malformed.into())),
        };
        if done {
            self.machine.previews.hub_answers();
        }
        let over = done || self.machine.previews.fail(of, status.is_some());
        if over && !(planted(Bug::PreviewInsistedOn) && status == Some(404)) {
            Preview::forget(&self.store()?.db, of, version)?;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(n: u128) -> EvidenceId {
        EvidenceId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_preview_is_given_up_when_others_get_through_and_it_does_not() {
        let mut previews = Previews::default();
        for _ in 1..MOST_TRIES {
            assert!(!previews.fail(evidence(1), false));
            previews.hub_answers();
        }
        assert!(previews.fail(evidence(1), false));
    }

    #[test]
    fn a_preview_waits_out_the_time_in_which_nothing_gets_through() {
        let mut previews = Previews::default();
        assert!((0..100).all(|_| !previews.fail(evidence(1), false)));
    }

    #[test]
    fn each_preview_has_tries_of_its_own() {
        let mut previews = Previews::default();
        for n in [1, 2, 1, 2, 1, 2, 1, 2, 1, 2] {
            assert!(!previews.fail(evidence(n), true));
        }
    }
}
