//! The server: puts a [`Hub`] on a port. Thin: every rule is in the hub, which knows no socket.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};

use crate::gateway::{MemoryGateway, MessageGateway};
use crate::http::{Request, Response};
use crate::hub::Hub;
use crate::problem::HubError;

/// A part of an upload is written when so much of it is here, so that little is lost with a
/// connection.
const PART_BYTES: usize = 256 << 10;
/// A link that is silent for so long is cut.
const SILENCE: Duration = Duration::from_secs(30);
/// How often the hub looks for what is due: a notice waits no longer.
const CHORES_EVERY: Duration = Duration::from_secs(5);
/// How often the hub looks for uploads that nobody finished, for files that were erased and are
/// still there, and at the age of its key; the first time at the start.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Serves `hub` on `listener` until `stop` comes, and has it do its chores; what it sends to
/// customers goes by `gateway`. Requests under way are finished first.
pub async fn serve(
    hub: Arc<Hub>,
    gateway: Arc<dyn MessageGateway>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let tidy = tokio::spawn(tidy(Arc::clone(&hub)));
    let chores = tokio::spawn(chores(Arc::clone(&hub), gateway));
    let app = Router::new().fallback(take).with_state(hub);
    let served = axum::serve(listener, app).with_graceful_shutdown(stop).await;
    tidy.abort();
    chores.abort();
    served
}

/// A hub that serves on a thread of its own, on a free port of loopback, until it is dropped.
pub struct Background {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// Serves `hub` in the background: the demo and tests want no process of its own.
///
/// What it would send to customers it keeps.
pub fn in_background(hub: Arc<Hub>) -> std::io::Result<Background> {
    let gateway = Arc::new(MemoryGateway::default());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(TcpListener::bind(address))?;
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        runtime.block_on(serve(hub, gateway, listener, async move {
            // Whether it is told to stop or nobody is left to tell it, it stops.
            let _ = stopped.await;
        }))
    });
    Ok(Background { url, stop: Some(stop), thread: Some(thread) })
}

impl Background {
    /// Returns where it listens, such as `http://127.0.0.1:40213`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // If it has stopped already, nobody listens.
            let _ = stop.send(());
        }
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the hub's thread ended badly");
        }
    }
}

async fn tidy(hub: Arc<Hub>) {
    loop {
        let own = Arc::clone(&hub);
        match spawn_blocking(move || (own.tidy(), own.rotate_old_key())).await {
            Ok((thrown_away, rotated)) => {
                match thrown_away {
                    Ok(0) => {}
                    Ok(count) => tracing::info!(count, "unfinished uploads were thrown away"),
                    Err(error) => tracing::error!(%error, "expired uploads stay"),
                }
                if let Err(error) = rotated {
                    tracing::error!(%error, "the hub goes on with its old key");
                }
            }
            Err(_) => return,
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}

async fn chores(hub: Arc<Hub>, gateway: Arc<dyn MessageGateway>) {
    loop {
        tokio::time::sleep(CHORES_EVERY).await;
        let (hub, gateway) = (Arc::clone(&hub), Arc::clone(&gateway));
        match spawn_blocking(move || hub.do_chores(&*gateway)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "chores were done"),
            Ok(Err(error)) => tracing::error!(%error, "the hub's chores wait"),
            Err(_) => return,
        }
    }
}

/// Takes a request. It runs on by itself when the connection is lost, so that what arrived of an
/// upload is kept.
async fn take(
    State(hub): State<Arc<Hub>>,
    request: axum::extract::Request,
) -> Result<axum::response::Response, Infallible> {
    let answer = tokio::spawn(answer(hub, request)).await.unwrap_or_else(|error| failed(&error));
    Ok(into_axum(answer))
}

fn failed(error: &JoinError) -> Response {
    tracing::error!(panicked = error.is_panic(), "a request was not finished");
    Response::from(&HubError::Damaged("a request"))
}

async fn answer(hub: Arc<Hub>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let head = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: headers(&head.headers),
        body: Vec::new(),
        cut: false,
    };
    let mut body = Incoming { body, rest: Bytes::new() };
    if head.is_upload_part() && head.get("Upload-Checksum").is_none() {
        return upload(hub, head, body).await;
    }
    let limit = hub.body_limit(&head);
    match body.read(usize::try_from(limit).unwrap_or(usize::MAX)).await {
        Part::Full(_) => Response::from(&HubError::too_large(limit)),
        Part::Last(bytes) => ask(hub, Request { body: bytes, ..head }).await,
        Part::Cut(bytes) => ask(hub, Request { body: bytes, cut: true, ..head }).await,
    }
}

/// Takes the body of an upload part by part, each as a request of its own.
async fn upload(hub: Arc<Hub>, head: Request, mut body: Incoming) -> Response {
    let mut offset = head.get("Upload-Offset").and_then(|offset| offset.parse::<u64>().ok());
    loop {
        let part = body.read(PART_BYTES).await;
        let (bytes, more, cut) = match part {
            Part::Full(bytes) => (bytes, true, false),
            Part::Last(bytes) => (bytes, false, false),
            Part::Cut(bytes) => (bytes, false, true),
        };
        let length = bytes.len() as u64;
        let mut request = Request { body: bytes, cut, ..head.clone() };
        if let Some(offset) = offset {
            request.set("Upload-Offset", offset.to_string());
        }
        let answer = ask(Arc::clone(&hub), request).await;
        if !more || answer.status >= 300 {
            return answer;
        }
        offset = offset.map(|offset| offset + length);
    }
}

async fn ask(hub: Arc<Hub>, request: Request) -> Response {
    spawn_blocking(move || hub.handle(&request)).await.unwrap_or_else(|error| failed(&error))
}

/// A body that arrives in pieces.
struct Incoming {
    body: Body,
    rest: Bytes,
}

enum Part {
    /// As many bytes as were asked for, and there are more.
    Full(Vec<u8>),
    /// All that was left.
    Last(Vec<u8>),
    /// What came before the connection was lost.
    Cut(Vec<u8>),
}

impl Incoming {
    /// Reads at most `limit` bytes.
    async fn read(&mut self, limit: usize) -> Part {
        let mut bytes = Vec::new();
        loop {
            let room = limit - bytes.len();
            if self.rest.len() > room {
                bytes.extend_from_slice(&self.rest.split_to(room));
                return Part::Full(bytes);
            }
            bytes.extend_from_slice(&std::mem::take(&mut self.rest));
            match tokio::time::timeout(SILENCE, self.next()).await {
                Ok(Some(Ok(piece))) => self.rest = piece,
                Ok(None) => return Part::Last(bytes),
                Ok(Some(Err(_))) | Err(_) => return Part::Cut(bytes),
            }
        }
    }

    /// Returns the next piece; `Err` when the connection is lost.
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        loop {
            // A frame that is not data is a trailer: nothing here sends or reads any.
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    map.iter().filter_map(text).collect()
}

fn into_axum(answer: Response) -> axum::response::Response {
    let mut response = axum::response::Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
