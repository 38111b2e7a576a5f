//! Carries a phone's requests to the hub in this process, as the app's own stack would.

use lastmile_core::id::CourierNo;
use lastmile_core::sync::{Auth, Body, Header, HubReply, HubRequest, Next, SyncChannel};
use lastmile_hub::{Request, Response};

use super::{Phone, Station, TrueTime};

/// Adds the tokens, as the app's own stack would.
pub fn request_of(phone: &Phone, request: &HubRequest) -> Request {
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
    };
    ask.with_body(body)
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
        let ask = request_of(phone, &request);
        let reply = reply_of(station.ask(&ask));
        let applied = phone.courier().and_then(|courier| courier.apply_reply(request.id, &reply));
        applied.expect("a good reply");
    }
}

/// A station, and the phone of its courier 4849, whose app runs.
pub fn station_and_phone() -> (Station, Phone) {
    let time = TrueTime::at(1_790_000_000_000);
    let station = Station::new(&time, 1);
    let enrolment = station.enrol(&CourierNo::new("4849").expect("a plain number"), None);
    let mut phone = Phone::new(&time, 1, enrolment, None);
    phone.start().expect("a good disk");
    (station, phone)
}
