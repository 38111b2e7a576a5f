//! Carries a phone's requests to the hub in this process, as the app's own stack would.

use lastmile_core::sync::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel};
use lastmile_core::{Error, Result};
use lastmile_hub::{Request, Response};

use super::{Phone, Station};

/// Adds the tokens and the bytes of a file, as the app's own stack would.
pub fn request_of(phone: &Phone, request: &HubRequest) -> Result<Request> {
    let mut ask =
        Request::new(&request.method, &request.path).bearer(&phone.enrolment.device_token);
    if request.auth == Auth::DeviceAndSession {
        ask = ask.header("Lastmile-Session", &phone.enrolment.session_token);
    }
    for Header { name, value } in &request.headers {
        ask = ask.header(name, value);
    }
    let body = match &request.body {
        Body::Empty => Vec::new(),
        Body::Bytes { bytes } => bytes.clone(),
        Body::File { name, offset, len, .. } => {
            phone.courier.as_ref().ok_or(Error::Suspended)?.read_media(name, *offset, *len)?
        }
    };
    Ok(ask.with_body(body))
}

/// Turns the hub's answer into what the library takes.
pub fn reply_of(response: Response) -> HubReply {
    HubReply::Answer {
        status: response.status,
        headers: response.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        body: response.body,
    }
}

/// Carries a phone's requests over a clean link until the channel is idle.
pub fn carry_until_idle(station: &Station, phone: &mut Phone, channel: SyncChannel) {
    while let Next::Send { request } =
        phone.courier().and_then(|courier| courier.next_request(channel)).expect("a good disk")
    {
        let ask = request_of(phone, &request).expect("a good disk");
        let reply = reply_of(station.ask(&ask));
        let applied = phone.courier().and_then(|courier| courier.apply_reply(request.id, &reply));
        applied.expect("a good reply");
    }
}
