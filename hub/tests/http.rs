//! The server on a real socket.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use common::{World, answer, problem};
use lastmile_core::id::Digest;
use lastmile_core::sync::wire::Verdict;
use lastmile_hub::{FolderMedia, Hub, Keys, Parts, Request, Response, Settings, serve};

/// A world whose hub listens on a port of its own.
struct Server {
    world: Arc<World>,
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let world = World::with(|clock, entropy| {
            Hub::new(Parts {
                store: Box::new(lastmile_hub::store::SqliteStore::open(&path.join("hub.db"))?),
                media: Arc::new(FolderMedia::open(&path.join("media"))?),
                keys: Keys::generate(&*entropy),
                clock,
                entropy,
                settings: Settings::default(),
            })
        });
        let world = Arc::new(world);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let hub = Arc::clone(&world.hub);
        let gateway = Arc::new(lastmile_hub::gateway::MemoryGateway::default());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                serve::serve(hub, gateway, listener, stopped).await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        Self { world, address, stop: Some(stop), thread: Some(thread), _folder: folder }
    }

    /// Sends a request through the socket instead of straight to the hub.
    fn send(&self, request: &Request) -> Response {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let url = format!("http://{}{}", self.address, request.path);
        let mut builder = ureq::http::Request::builder().method(request.method.as_str()).uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = builder.body(request.body.clone()).unwrap();
        let mut response = config.new_agent().run(sent).unwrap();
        let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
        Response {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
            body: response.body_mut().read_to_vec().unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_phone_syncs_over_http_in_both_directions() {
    let server = Server::start();
    let a = server.world.phone("A");
    server.world.announce(1);
    server.world.assign(1, "A");
    let lines = [a.out(1).to_bytes()];
    let request = a.request(&a.header(&lines), &lines, &[]).header("Accept-Encoding", "gzip");

    let mut response = server.send(&request);

    assert_eq!(response.get("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&response.body[..]).read_to_end(&mut plain).unwrap();
    response.body = plain;
    let answer = answer(&response);
    assert_eq!(answer.header.verdicts, [Verdict::Accepted(3)]);
    assert_eq!(answer.lines.len(), 2);
}

#[test]
fn the_hub_says_that_it_is_well() {
    let server = Server::start();
    let response = server.send(&Request::new("GET", "/healthz"));
    assert_eq!(response.status, 200);
    assert!(String::from_utf8(response.body).unwrap().contains(r#""healthy":true"#));
    assert_eq!(problem(&server.send(&Request::new("GET", "/v1/nothing"))).code, "NotFound");
}

#[test]
fn a_body_over_the_limit_is_refused_with_advice() {
    let server = Server::start();
    let a = server.world.phone("A");
    let request = Request::new("POST", "/v1/sync").bearer(&a.enrolment.device_token);

    let answer = server.send(&request.with_body(vec![b'x'; (1 << 20) + 1]));

    assert_eq!(answer.status, 413);
    let problem = problem(&answer);
    assert_eq!(problem.code, "RequestTooLarge");
    assert!(problem.advice.contains("smaller parts"));
}

#[test]
fn an_upload_goes_on_after_its_connection_was_cut() {
    let server = Server::start();
    let a = server.world.phone("A");
    let mut file = vec![0xff, 0xd8, 0xff, 0xe0];
    file.resize(700_000, 7);
    let location = server.world.create_upload(&a, &file);
    let head = a.media("HEAD", &location);

    let mut link = TcpStream::connect(server.address).unwrap();
    write!(
        link,
        "PATCH {location} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {}\r\n\
         Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
        a.enrolment.device_token,
        file.len()
    )
    .unwrap();
    link.write_all(&file[..400_001]).unwrap();
    drop(link);
    let mut kept = 0;
    for _ in 0..200 {
        kept = server.send(&head).get("upload-offset").unwrap().parse().unwrap();
        if kept == 400_001 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(kept, 400_001, "every byte that arrived is kept");

    let rest = a.part(&location, kept, &file[kept..]);
    let done = server.send(&rest);

    let sha256 = Digest::of(&[&file]).to_string();
    assert_eq!((done.status, done.get("lastmile-confirmed")), (204, Some(sha256.as_str())));
}

#[test]
fn a_request_under_way_is_finished_before_the_server_stops() {
    let mut server = Server::start();
    let a = server.world.phone("A");
    server.world.announce(1);
    let lines = [a.out(1).to_bytes()];
    let request = a.request(&a.header(&lines), &lines, &[]);
    let mut link = TcpStream::connect(server.address).unwrap();
    let (first, rest) = request.body.split_at(request.body.len() / 2);
    write!(
        link,
        "POST /v1/sync HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        a.enrolment.device_token,
        request.body.len()
    )
    .unwrap();
    link.write_all(first).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));

    drop(server.stop.take());
    std::thread::sleep(std::time::Duration::from_millis(50));
    link.write_all(rest).unwrap();

    let mut answer = String::new();
    link.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#"{"a":2}"#));
}
