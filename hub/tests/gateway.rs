//! The webhook over a real socket: what it posts, and what each answer means.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use lastmile_core::delivery::Channel;
use lastmile_core::id::{EventId, StationId};
use lastmile_hub::gateway::{Message, MessageGateway as _, NotSent, Webhook};
use uuid::Uuid;

/// Posts a message to somebody who answers with this status; returns what he read.
fn post(status: u16) -> (Result<(), NotSent>, Vec<String>, serde_json::Value) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/messages", listener.local_addr().expect("its address"));
    let company = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("a reader");
        (head, serde_json::from_slice(&body).expect("JSON"))
    });
    let message = Message {
        id: EventId(Uuid::from_u128(7)),
        station: StationId::new("JL31").expect("a plain id"),
        channel: Channel::Sms,
        phone: "13900000000".into(),
        template: "T01.1".into(),
        text: "Your parcel lies at the desk".into(),
    };
    let sent = Webhook::new(url).send(&message);
    let (head, body) = company.join().expect("an answer");
    (sent, head, body)
}

#[test]
fn a_message_is_posted_under_the_id_of_its_event() {
    let (sent, head, body) = post(204);
    assert_eq!(sent, Ok(()));
    let id = Uuid::from_u128(7).to_string();
    assert!(head.contains(&format!("idempotency-key: {id}")), "{head:?}");
    let expected = serde_json::json!({
        "id": id, "station": "JL31", "channel": "sms", "phone": "13900000000",
        "template": "T01.1", "text": "Your parcel lies at the desk",
    });
    assert_eq!(body, expected);
}

#[test]
fn a_busy_company_is_asked_again_and_a_refusal_is_final() {
    assert_eq!(post(409).0, Ok(()), "it was sent before");
    assert_eq!(post(429).0, Err(NotSent::Later));
    assert_eq!(post(503).0, Err(NotSent::Later));
    assert_eq!(post(400).0, Err(NotSent::Never));
    let nobody = Webhook::new("http://127.0.0.1:1/").send(&Message {
        id: EventId(Uuid::from_u128(7)),
        station: StationId::new("JL31").expect("a plain id"),
        channel: Channel::Sms,
        phone: String::new(),
        template: "T01.1".into(),
        text: String::new(),
    });
    assert_eq!(nobody, Err(NotSent::Later));
}
