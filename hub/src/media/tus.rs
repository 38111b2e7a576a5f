//! The tus 1.0 protocol: core, creation, termination, expiration, and checksum for others'
//! clients. Ours sends no checksum per part: the whole file is checked at its end.

use std::io::Read as _;

use lastmile_core::bug::{Bug, planted};
use lastmile_core::evidence::MediaKind;
use lastmile_core::id::{Digest, EvidenceId};
use sha2::Digest as _;
use uuid::Uuid;

use super::preview;
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::{Device, Upload};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,termination,expiration,checksum";
pub(super) const CONFIRMED: &str = "Lastmile-Confirmed";
pub(super) const ERASED: &str = "Lastmile-Erased";
/// So many bytes at its beginning tell what a file is.
const KIND_BYTES: usize = 12;
const PART: &str = "application/offset+octet-stream";

/// Answers a request under `/v1/media`.
pub(crate) fn handle(hub: &Hub, request: &Request, path: &[&str]) -> Response {
    let answer = route(hub, request, path).unwrap_or_else(|error| {
        if error.status() >= 500 {
            tracing::error!(%error, "an upload failed");
        }
        Response::from(&error)
    });
    let answer = answer.header("Tus-Resumable", VERSION);
    if request.method == "OPTIONS" || answer.status == 412 {
        return answer.header("Tus-Version", VERSION);
    }
    answer
}

fn route(hub: &Hub, request: &Request, path: &[&str]) -> Result<Response> {
    let method = request.method();
    if method == "OPTIONS" {
        return Ok(Response::new(204)
            .header("Tus-Extension", EXTENSIONS)
            .header("Tus-Max-Size", MediaKind::Mp4.max_bytes().to_string())
            .header("Tus-Checksum-Algorithm", "sha1,sha256"));
    }
    if request.get("Tus-Resumable") != Some(VERSION) {
        return Err(HubError::asked(412, "TusVersion", "send Tus-Resumable: 1.0.0"));
    }
    let device = {
        let tx = hub.store.begin()?;
        Hub::device_of(&*tx, request)?
    };
    match (method, path) {
        ("POST", [] | [""]) if !request.cut => create(hub, request, &device),
        ("HEAD", [id]) => head(hub, &find(hub, &device, id)?),
        ("PATCH", [id]) => patch(hub, request, &device, &find(hub, &device, id)?),
        ("DELETE", [id]) => terminate(hub, &find(hub, &device, id)?),
        ("PUT", ["previews", sha256]) if !request.cut => {
            preview::put(hub, request, &device, sha256)
        }
        _ => Err(HubError::not_found("this path")),
    }
}

/// Finds an upload of this device; another's does not exist for it.
fn find(hub: &Hub, device: &Device, id: &str) -> Result<Upload> {
    let missing = || HubError::not_found("the upload");
    let id = Uuid::parse_str(id).map_err(|_| missing())?;
    let tx = hub.store.begin()?;
    let found = tx.upload(id)?.filter(|upload| upload.device == device.row);
    let mut upload = found.ok_or_else(missing)?;
    if upload.erased {
        return Err(erased());
    }
    if !upload.confirmed && hub.media.holds(device.id, &upload.sha256)? {
        // It was checked and kept, but the hub fell before it could write that down.
        upload.confirmed = true;
        tx.put_upload(&upload)?;
        tx.commit()?;
    } else if !upload.confirmed && upload.expires_ms < hub.now_ms() {
        hub.media.discard(upload.id)?;
        tx.remove_upload(upload.id)?;
        tx.commit()?;
        return Err(HubError::asked(
            410,
            "UploadExpired",
            "the upload waited too long; start anew",
        ));
    } else if !upload.confirmed && hub.media.length(upload.id)? == upload.length {
        // The hub fell when it had the last part and before it could check the whole.
        drop(tx);
        finish(hub, device, &upload)?;
        upload.confirmed = true;
    }
    Ok(upload)
}

/// The answer to who sends what was erased.
pub(super) fn erased() -> HubError {
    HubError::asked(410, "MediaErased", "the person it shows was erased; delete the file")
}

struct Announced {
    sha256: Digest,
    evidence: EvidenceId,
    kind: MediaKind,
    length: u64,
}

fn announced(request: &Request) -> Result<Announced> {
    let bad = |advice: &str| HubError::asked(400, "BadUpload", advice);
    let length: u64 = request
        .get("Upload-Length")
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| bad("Upload-Length is missing; a deferred length is not taken"))?;
    let metadata = request.get("Upload-Metadata").unwrap_or_default();
    let value = |name: &str| {
        let pair = metadata.split(',').find_map(|pair| {
            let (key, value) = pair.trim().split_once(' ')?;
            (key == name).then_some(value)
        })?;
        let bytes = data_encoding::BASE64.decode(pair.as_bytes()).ok()?;
        String::from_utf8(bytes).ok()
    };
    let sha256 = value("sha256").and_then(|text| text.to_ascii_lowercase().parse().ok());
    let sha256 = sha256.ok_or_else(|| bad("Upload-Metadata sha256 must be 64 hex digits"))?;
    let evidence = value("evidence").and_then(|text| text.parse().ok());
    let evidence = evidence.ok_or_else(|| bad("Upload-Metadata evidence must be a UUID"))?;
    let kind: Option<MediaKind> =
        value("kind").and_then(|text| serde_json::from_value(text.into()).ok());
    let kind = kind.ok_or_else(|| bad("Upload-Metadata kind must be jpeg, png, heic or mp4"))?;
    let limit = kind.max_bytes();
    if length == 0 {
        return Err(HubError::asked(400, "MediaEmpty", "the file is empty; take it again"));
    }
    if length > limit {
        let advice =
            format!("the file has {length} bytes, {limit} are allowed; take a smaller one");
        return Err(HubError::asked(413, "MediaTooLarge", advice));
    }
    Ok(Announced { sha256, evidence, kind, length })
}

/// Starts an upload; one that was started before goes on, one that was finished is finished.
fn create(hub: &Hub, request: &Request, device: &Device) -> Result<Response> {
    let Announced { sha256, evidence, kind, length } = announced(request)?;
    let tx = hub.store.begin()?;
    if tx.is_erased_media(&sha256)? {
        return Ok(Response::from(&erased()).header(ERASED, sha256.to_string()));
    }
    // What was erased before another act named the same file begins anew.
    let old = tx.upload_of(device.row, &sha256)?;
    let mut stale = None;
    let upload = match old {
        Some(old) if old.confirmed || (!old.erased && old.length == length && old.kind == kind) => {
            old
        }
        old => {
            if let Some(old) = old {
                tx.remove_upload(old.id)?;
                stale = Some(old.id);
            }
            let mut random = [0u8; 16];
            hub.entropy.fill(&mut random);
            Upload {
                id: uuid::Builder::from_random_bytes(random).into_uuid(),
                device: device.row,
                sha256,
                length,
                kind,
                evidence,
                confirmed: hub.media.holds(device.id, &sha256)?,
                erased: false,
                expires_ms: 0,
            }
        }
    };
    let upload = Upload { expires_ms: hub.now_ms() + hub.settings.upload_ms, ..upload };
    tx.put_upload(&upload)?;
    tx.commit()?;
    if let Some(stale) = stale {
        hub.media.discard(stale)?;
    }
    let answer = Response::new(201).header("Location", format!("/v1/media/{}", upload.id));
    with_state(hub, answer, &upload)
}

fn head(hub: &Hub, upload: &Upload) -> Result<Response> {
    let answer = Response::new(200)
        .header("Cache-Control", "no-store")
        .header("Upload-Length", upload.length.to_string());
    with_state(hub, answer, upload)
}

/// Adds how far an upload is.
fn with_state(hub: &Hub, answer: Response, upload: &Upload) -> Result<Response> {
    if upload.confirmed {
        return Ok(answer
            .header("Upload-Offset", upload.length.to_string())
            .header(CONFIRMED, upload.sha256.to_string()));
    }
    let offset = hub.media.length(upload.id)?;
    Ok(answer
        .header("Upload-Offset", offset.to_string())
        .header("Upload-Expires", http_date(upload.expires_ms)))
}

fn patch(hub: &Hub, request: &Request, device: &Device, upload: &Upload) -> Result<Response> {
    if request.get("Content-Type") != Some(PART) {
        return Err(HubError::asked(415, "BadUpload", format!("send Content-Type: {PART}")));
    }
    let offset = request.get("Upload-Offset").and_then(|offset| offset.parse::<u64>().ok());
    let here = if upload.confirmed { upload.length } else { hub.media.length(upload.id)? };
    if offset != Some(here) {
        let advice = format!("the hub has {here} bytes; go on from there");
        return Err(HubError::asked(409, "WrongOffset", advice));
    }
    let length = request.body.len() as u64;
    if length > hub.settings.patch_bytes {
        return Err(HubError::too_large(hub.settings.patch_bytes));
    }
    if here + length > upload.length {
        return Err(HubError::asked(413, "BeyondLength", "the file is longer than announced"));
    }
    if let Some(checksum) = request.get("Upload-Checksum") {
        check_part(checksum, &request.body)?;
    }
    if !upload.confirmed && length > 0 {
        hub.media.write(upload.id, here, &request.body)?;
    }
    let offset = here + length;
    let answer = Response::new(204);
    if upload.confirmed || offset < upload.length {
        return with_state(hub, answer, upload);
    }
    finish(hub, device, upload)?;
    with_state(hub, answer, &Upload { confirmed: true, ..upload.clone() })
}

/// Checks one part for a client that asks for it.
fn check_part(checksum: &str, body: &[u8]) -> Result<()> {
    let (algorithm, expected) = checksum.split_once(' ').unwrap_or((checksum, ""));
    let digest = match algorithm {
        // Every tus server must take this one; it guards against damage, not against an enemy.
        "sha1" => sha1::Sha1::digest(body).to_vec(),
        "sha256" => Digest::of(&[body]).0.to_vec(),
        _ => return Err(HubError::asked(400, "ChecksumAlgorithm", "use sha1 or sha256")),
    };
    if data_encoding::BASE64.decode(expected.trim().as_bytes()).ok() != Some(digest) {
        return Err(HubError::asked(
            460,
            "ChecksumMismatch",
            "the part was damaged; send it again",
        ));
    }
    Ok(())
}

/// Checks a whole file and keeps it, or throws it away.
fn finish(hub: &Hub, device: &Device, upload: &Upload) -> Result<()> {
    let (digest, start) = {
        let mut file = hub.media.read(upload.id)?;
        let mut hash = sha2::Sha256::new();
        let mut start = Vec::new();
        let mut buffer = vec![0u8; 64 << 10];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            let missing = KIND_BYTES.saturating_sub(start.len()).min(count);
            start.extend_from_slice(&buffer[..missing]);
        }
        (Digest(hash.finalize().into()), start)
    };
    let refused = if digest != upload.sha256 && !planted(Bug::DigestUnchecked) {
        Some(HubError::asked(
            460,
            "DigestMismatch",
            "the file does not hash to what was announced and was thrown away; send it again",
        ))
    } else if MediaKind::of(&start) != Some(upload.kind) {
        Some(HubError::asked(
            415,
            "NotMedia",
            "the file is not of its kind and was thrown away; take the picture again",
        ))
    } else {
        None
    };
    if let Some(refused) = refused {
        let tx = hub.store.begin()?;
        tx.remove_upload(upload.id)?;
        tx.commit()?;
        hub.media.discard(upload.id)?;
        return Err(refused);
    }
    // Kept before it is written down: if the hub falls in between, `find` sees the file.
    hub.media.keep(upload.id, device.id, &upload.sha256)?;
    let tx = hub.store.begin()?;
    if tx.upload(upload.id)?.is_some_and(|upload| upload.erased) {
        // It was erased while its last part was on the way.
        drop(tx);
        hub.media.remove(device.id, &upload.sha256)?;
        return Err(erased());
    }
    tx.put_upload(&Upload { confirmed: true, ..upload.clone() })?;
    tx.commit()?;
    Ok(())
}

/// Throws an unfinished upload away. A confirmed one is evidence and stays.
fn terminate(hub: &Hub, upload: &Upload) -> Result<Response> {
    if upload.confirmed {
        return Err(HubError::asked(403, "Confirmed", "the file is evidence now and stays"));
    }
    let tx = hub.store.begin()?;
    tx.remove_upload(upload.id)?;
    tx.commit()?;
    hub.media.discard(upload.id)?;
    Ok(Response::new(204))
}

impl Hub {
    /// Deletes what was erased and still lies in the media store, and throws away the uploads that
    /// waited too long. Returns how many uploads were thrown away.
    ///
    /// Files go before the records that name them: what a fall of the hub leaves goes the next time.
    pub fn tidy(&self) -> Result<usize> {
        self.delete_erased();
        let tx = self.store.begin()?;
        let expired = tx.expired_uploads(self.now_ms())?;
        for upload in &expired {
            self.media.discard(upload.id)?;
            tx.remove_upload(upload.id)?;
        }
        tx.commit()?;
        Ok(expired.len())
    }

    /// Deletes the files of what was erased. What cannot be deleted now is by the next
    /// [`tidy`](Self::tidy): the erasure itself stands.
    pub(crate) fn delete_erased(&self) {
        if let Err(error) = self.try_delete_erased() {
            tracing::error!(%error, "erased files wait to be deleted");
        }
    }

    fn try_delete_erased(&self) -> Result<()> {
        let erased = {
            let tx = self.store.begin()?;
            let uploads = tx.erased_uploads()?.into_iter();
            let with_device = |upload: Upload| Ok((tx.device(upload.device)?.id, upload));
            uploads.map(with_device).collect::<Result<Vec<_>>>()?
        };
        for (device, upload) in erased {
            self.media.discard(upload.id)?;
            self.media.remove(device, &upload.sha256)?;
        }
        Ok(())
    }
}

/// Writes a time as HTTP does (RFC 9110 section 5.6.7), as `Upload-Expires` demands.
fn http_date(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|time| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
