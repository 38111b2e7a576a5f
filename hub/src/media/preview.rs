//! Previews: small pictures that go before their files, so that a clerk sees at once what happened.
//!
//! A preview lies in the database and not beside the files, so that it goes in the transaction in
//! which its file is confirmed or erased: nothing is ever left of one.

use lastmile_core::evidence::may_be_preview;
use lastmile_core::id::Digest;
use lastmile_core::{Error, MediaError};

use super::tus::{CONFIRMED, ERASED, erased};
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::{HubError, Result};
use crate::store::Device;

/// Takes the preview of a file that an event of this device names and that is not here.
pub(super) fn put(hub: &Hub, request: &Request, device: &Device, sha256: &str) -> Result<Response> {
    let sha256: Digest = sha256.parse().map_err(|_| HubError::not_found("the file"))?;
    may_be_preview(&request.body).map_err(refused)?;
    let tx = hub.store.begin()?;
    if tx.is_erased_media(&sha256)? {
        return Ok(Response::from(&erased()).header(ERASED, sha256.to_string()));
    }
    let answer = Response::new(204);
    if tx.upload_of(device.row, &sha256)?.is_some_and(|upload| upload.confirmed) {
        return Ok(answer.header(CONFIRMED, sha256.to_string()));
    }
    if !tx.names_media(device.row, &sha256)? {
        let advice =
            "no event of this device that has its place names the file; send the event first";
        return Err(HubError::asked(409, "NotNamed", advice));
    }
    tx.put_preview(device.row, &sha256, &request.body)?;
    tx.commit()?;
    Ok(answer)
}

fn refused(why: MediaError) -> HubError {
    let status = if matches!(why, MediaError::PreviewTooLarge { .. }) { 413 } else { 415 };
    let error = Error::from(why);
    HubError::asked(status, error.code(), error.to_string())
}
