//! Our own hub behind a proxy that does one thing wrong.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a test function")]

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use lastmile_core::id::{ClerkNo, CourierNo, StationId};
use lastmile_core::time::{SystemClock, SystemEntropy};
use lastmile_hub::conform::Kit;
use lastmile_hub::serve::{self, Background};
use lastmile_hub::{Hub, Request, Response};
use tokio::sync::oneshot;

pub mod breaks;

/// What the proxy does to what passes through it.
#[derive(Clone, Copy)]
pub struct Tamper {
    pub ask: fn(&mut Request),
    pub answer: fn(&Request, &mut Response),
}

impl Default for Tamper {
    fn default() -> Self {
        Self { ask: |_| {}, answer: |_, _| {} }
    }
}

/// A hub behind the proxy, until it is dropped.
pub struct Broken {
    pub hub: Arc<Hub>,
    url: String,
    token: String,
    _stop: oneshot::Sender<()>,
}

fn station() -> StationId {
    StationId::new("CONFORM").unwrap()
}

impl Broken {
    pub fn start(tamper: Tamper) -> Self {
        let hub = new_hub();
        let token = hub.new_clerk(ClerkNo::new("conform").unwrap(), Some(station())).unwrap();
        let hub = Arc::new(hub);
        let behind = Arc::clone(&hub);
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let pass = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
                    into_axum(pass(&behind, tamper, of_axum(&method, &uri, &headers, &body)))
                };
                let stopped = async { drop(stopped.await) };
                let served = axum::serve(listener, Router::new().fallback(pass));
                served.with_graceful_shutdown(stopped).await.unwrap();
            });
        });
        let url = format!("http://{}", told.recv().unwrap());
        Self { hub, url, token, _stop: stop }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn kit(&self) -> Kit {
        Kit::with_clerk(&self.url, &self.token)
    }
}

/// A line of a list of codes.
pub fn codes(hub: &Hub, courier: &str) -> String {
    let no = CourierNo::new(courier).unwrap();
    let code = || hub.new_code(no.clone(), station()).unwrap();
    format!("{courier} {} {} {}\n", code(), code(), code())
}

/// A hub without a proxy.
pub fn honest() -> (Arc<Hub>, Background) {
    let hub = Arc::new(new_hub());
    let served = serve::in_background(Arc::clone(&hub)).unwrap();
    (hub, served)
}

fn new_hub() -> Hub {
    Hub::in_memory(Arc::new(SystemClock::new(480)), Arc::new(SystemEntropy)).unwrap()
}

fn pass(hub: &Hub, tamper: Tamper, mut request: Request) -> Response {
    (tamper.ask)(&mut request);
    let mut answer = hub.handle(&request);
    (tamper.answer)(&request, &mut answer);
    answer
}

fn of_axum(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Request {
    let mut request = Request::new(method.as_str(), uri.path_and_query().unwrap().as_str());
    for (name, value) in headers {
        request = request.header(name.as_str(), value.to_str().unwrap());
    }
    request.with_body(body.to_vec())
}

fn into_axum(answer: Response) -> axum::response::Response {
    let mut response = axum::response::Response::new(answer.body.into());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).unwrap();
        response.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
    }
    response
}
