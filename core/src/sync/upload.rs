//! Media go up by tus 1.0: create, ask where it stands, send a chunk from there.
//!
//! Only the upload's address is stored. Where it stands is asked after every doubt, so that a
//! file is never called sent because somebody once thought so: the hub says so, after it has
//! compared the digest of the whole.

use super::wire::Limits;
use super::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel, header};
use crate::bug::{Bug, planted};
use crate::courier::Courier;
use crate::error::{Error, MediaError, ReplyError, Result};
use crate::evidence::{EvidenceRef, MediaKind};
use crate::id::{Digest, EvidenceId};
use crate::store::{Key, Media, MediaState, Upload, media};

pub(super) const TUS: &str = "1.0.0";

/// The most of a file in one request, whatever the hub takes: it lies in memory, opened.
const MOST_AT_A_TIME: u64 = 256 << 10;

/// A media request on its way.
pub(crate) struct MediaInFlight {
    pub(super) id: u64,
    pub(super) item: EvidenceRef,
    pub(super) step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The preview, in this version.
    Show {
        version: i64,
    },
    Create,
    Ask,
    Send {
        offset: u64,
    },
}

/// Where an upload stands, as the hub last said in this process.
pub(crate) struct Offset {
    evidence: EvidenceId,
    bytes: u64,
}

impl Courier {
    pub(super) fn next_media(&mut self) -> Result<Next> {
        if let Some(preview) = self.preview_before_files()? {
            return Ok(preview);
        }
        match self.next_upload()? {
            Next::Idle => Ok(self.next_preview()?.unwrap_or(Next::Idle)),
            next => Ok(next),
        }
    }

    fn next_upload(&mut self) -> Result<Next> {
        loop {
            let store = self.store()?;
            let Some(upload) = Upload::next(&store.db)? else { return Ok(Next::Idle) };
            let limits = Key::Limits.get::<Limits>(&store.db)?.unwrap_or_default();
            let known = self.machine.offset.as_ref().filter(|at| at.evidence == upload.item.id);
            // Nothing is read before an upload is begun, but for whether the file is there.
            let (from, len) = match (&upload.url, known) {
                (Some(_), Some(at)) => (at.bytes, limits.media_chunk.clamp(1, MOST_AT_A_TIME)),
                _ => (0, 0),
            };
            let bytes = match store.media.read(&upload.item, from, len) {
                Err(Error::Media(MediaError::Damaged)) => {
                    self.record_lost(&upload.item)?;
                    continue;
                }
                bytes => bytes?,
            };
            let (step, method, path, headers, body) = match (&upload.url, known) {
                (None, _) => {
                    let headers = create_headers(&upload.item);
                    (Step::Create, "POST", "/v1/media".to_owned(), headers, Body::Empty)
                }
                (Some(url), None) => (Step::Ask, "HEAD", url.clone(), Vec::new(), Body::Empty),
                (Some(url), Some(at)) => {
                    let headers = vec![
                        Header::new("content-type", "application/offset+octet-stream"),
                        Header::new("upload-offset", at.bytes.to_string()),
                    ];
                    let body = Body::Bytes { bytes };
                    (Step::Send { offset: at.bytes }, "PATCH", url.clone(), headers, body)
                }
            };
            let mut all = vec![Header::new("tus-resumable", TUS)];
            all.extend(headers);
            let id = self.machine.new_id();
            self.machine.media = Some(MediaInFlight { id, item: upload.item, step });
            return Ok(Next::Send {
                request: HubRequest {
                    id,
                    channel: SyncChannel::Media,
                    method: method.to_owned(),
                    path,
                    headers: all,
                    auth: Auth::Device,
                    body,
                },
            });
        }
    }

    pub(super) fn apply_media(&mut self, reply: &HubReply) -> Result<()> {
        let Some(open) = self.machine.media.take() else { return Ok(()) };
        let settled = match reply {
            HubReply::Answer { headers, .. } => self.settle_by(headers, &open.item),
            HubReply::NoAnswer => Ok(false),
        };
        if let Step::Show { version } = open.step {
            return self.apply_preview(open.item.id, version, reply, settled);
        }
        // After every doubt the hub is asked where the upload stands.
        if !planted(Bug::OffsetKept) {
            self.machine.offset = None;
        }
        if settled? {
            self.machine.previews.hub_answers();
            return Ok(());
        }
        self.apply_upload(&open, reply)
    }

    /// Takes the hub's last word about a file, if there is one in these headers.
    fn settle_by(&mut self, headers: &[Header], item: &EvidenceRef) -> Result<bool> {
        let named = |name| -> Result<bool> {
            let Some(digest) = header(headers, name) else { return Ok(false) };
            let digest: Digest = digest.trim().parse().map_err(|_| ReplyError::Malformed)?;
            if digest == item.sha256 { Ok(true) } else { Err(ReplyError::Malformed.into()) }
        };
        if named("lastmile-confirmed")? {
            self.settle_media(item, MediaState::Confirmed)?;
            return Ok(true);
        }
        // Everybody has done with it: the person it shows was erased.
        if named("lastmile-erased")? {
            self.settle_media(item, MediaState::Erased)?;
            let store = self.store()?;
            media::delete_erased(&store.db, &store.media)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Takes what came back for a request about a file that has not come to its end.
    fn apply_upload(&mut self, open: &MediaInFlight, reply: &HubReply) -> Result<()> {
        let HubReply::Answer { status, headers, .. } = reply else {
            if planted(Bug::SentIsConfirmed) && matches!(open.step, Step::Send { .. }) {
                return self.settle_media(&open.item, MediaState::Confirmed);
            }
            return Ok(());
        };
        if *status < 500 {
            self.machine.previews.hub_answers();
        }
        let upload = Upload { item: open.item.clone(), url: None };
        match (open.step, status) {
            (Step::Create, 201) => {
                let url = header(headers, "location").ok_or(ReplyError::Malformed)?;
                let path = path_of(url).ok_or(ReplyError::Malformed)?;
                upload.set_url(&self.store()?.db, Some(path))
            }
            (Step::Ask | Step::Send { .. }, 200 | 204) => {
                let offset = header(headers, "upload-offset")
                    .and_then(|offset| offset.trim().parse::<u64>().ok())
                    .ok_or(ReplyError::Malformed)?;
                let backwards = matches!(open.step, Step::Send { offset: from } if offset < from);
                if backwards || offset > open.item.bytes {
                    return Err(ReplyError::Malformed.into());
                }
                if offset == open.item.bytes {
                    // All bytes are there, and yet the digest was not confirmed: ask again.
                    return Err(ReplyError::Malformed.into());
                }
                self.machine.offset = Some(Offset { evidence: open.item.id, bytes: offset });
                Ok(())
            }
            // The hub's copy does not have our digest. Either a chunk was damaged on its way, or
            // our own file is: only the second is final.
            (_, 460) => {
                upload.set_url(&self.store()?.db, None)?;
                if self.file_digest(&open.item)? == Some(open.item.sha256) {
                    Err(ReplyError::Malformed.into())
                } else {
                    self.record_lost(&open.item)
                }
            }
            // The upload is not known any more: begin anew.
            (Step::Ask | Step::Send { .. }, 404 | 410) => upload.set_url(&self.store()?.db, None),
            // Somebody else holds the upload, or the hub is busy: the pace decides.
            (_, 409 | 423 | 429 | 500..) => Ok(()),
            (_, 401 | 403) => Err(ReplyError::Unauthorised.into()),
            (_, 413) => Err(ReplyError::TooLarge.into()),
            _ => Err(ReplyError::Malformed.into()),
        }
    }

    fn settle_media(&mut self, item: &EvidenceRef, state: MediaState) -> Result<()> {
        Media::settle(&self.store()?.db, &item.sha256, state)
    }

    /// Hashes a media file as it lies on the phone; `None` if it is damaged or gone.
    fn file_digest(&self, item: &EvidenceRef) -> Result<Option<Digest>> {
        use sha2::Digest as _;
        let folder = &self.store()?.media;
        let mut hash = sha2::Sha256::new();
        let mut offset = 0;
        loop {
            match folder.read(item, offset, MOST_AT_A_TIME) {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => {
                    offset += bytes.len() as u64;
                    hash.update(&bytes);
                }
                Err(Error::Media(MediaError::Damaged)) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Digest(hash.finalize().into())))
    }

    /// Reads a photo, video or signature that was captured here, to show it: at most `len` bytes
    /// from `offset`, and never more than a MiB at a time. None behind the end, which
    /// [`EvidenceRef::bytes`] tells.
    ///
    /// # Errors
    /// `NotFound` for what was not captured on this phone, was erased, or has left it; `MediaDamaged`
    /// if the file is gone or is not the one that was captured.
    pub fn read_media(&self, evidence: EvidenceId, offset: u64, len: u64) -> Result<Vec<u8>> {
        let store = self.store()?;
        let erased = |state| matches!(state, MediaState::Erased | MediaState::Gone);
        let media = Media::load(&store.db, evidence)?.filter(|media| !erased(media.state));
        let media = media.ok_or(Error::NotFound { what: "the picture" })?;
        store.media.read(&media.item, offset, len.min(1 << 20))
    }
}

fn create_headers(item: &EvidenceRef) -> Vec<Header> {
    let base64 = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    let kind = match item.kind {
        MediaKind::Jpeg => "jpeg",
        MediaKind::Png => "png",
        MediaKind::Heic => "heic",
        MediaKind::Mp4 => "mp4",
    };
    let metadata = format!(
        "sha256 {},evidence {},kind {}",
        base64(&item.sha256.to_string()),
        base64(&item.id.to_string()),
        base64(kind)
    );
    vec![
        Header::new("upload-length", item.bytes.to_string()),
        Header::new("upload-metadata", metadata),
    ]
}

/// Takes the path of a `Location`, absolute or not; a path of another kind is refused.
fn path_of(url: &str) -> Option<&str> {
    let path = match url.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => url,
    };
    (path.starts_with("/v1/media/") && !path.contains("..")).then_some(path)
}
