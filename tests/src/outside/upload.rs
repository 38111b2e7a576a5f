//! The requests of an upload, as a phone, another maker's client or anybody with a token sends them.

use std::cell::LazyCell;

use lastmile_core::id::{Digest, EvidenceId};
use lastmile_hub::Request;
use uuid::Uuid;

use super::{Case, Day, PHOTO};

thread_local! {
    static DAY: LazyCell<Day> = LazyCell::new(Day::new);
}

/// The methods that tus knows, that of a preview, and one that means nothing here.
const METHODS: [&str; 7] = ["HEAD", "PATCH", "POST", "DELETE", "OPTIONS", "PUT", "GET"];
/// Headers that the protocol knows.
const HEADERS: [&str; 9] = [
    "Upload-Offset",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Defer-Length",
    "Content-Type",
    "Tus-Resumable",
    "X-HTTP-Method-Override",
    "Content-Length",
];
/// More requests than these make nothing new.
const MOST: usize = 12;

pub(super) fn play(case: &[u8]) {
    DAY.with(|day| {
        let station = day.station.twin();
        let enrolment = &day.phone.enrolment;
        let sha256 = Digest::of(&[PHOTO]);
        let metadata = format!(
            "sha256 {},evidence {},kind {}",
            encoded(&sha256.to_string()),
            encoded(&EvidenceId(Uuid::from_u128(7)).to_string()),
            encoded("jpeg"),
        );
        let ask = |method: &str, path: &str| {
            Request::new(method, path)
                .bearer(&enrolment.device_token)
                .header("Tus-Resumable", "1.0.0")
        };
        let mut path = "/v1/media".to_owned();
        let mut case = Case(case);
        for _ in 0..MOST {
            if case.is_over() {
                break;
            }
            let method = case.one_of(&METHODS);
            let mut request = match method {
                "POST" => ask(method, "/v1/media"),
                "PUT" => ask(method, &format!("/v1/media/previews/{sha256}")),
                _ => ask(method, &path),
            };
            request = match method {
                "POST" => request
                    .header("Upload-Length", PHOTO.len().to_string())
                    .header("Upload-Metadata", &metadata),
                "PATCH" => {
                    let from = usize::from(case.byte()) % (PHOTO.len() + 1);
                    let to = (from + usize::from(case.byte())).min(PHOTO.len());
                    request
                        .header("Content-Type", "application/offset+octet-stream")
                        .header("Upload-Offset", from.to_string())
                        .with_body(&PHOTO[from..to])
                }
                "PUT" => request.with_body(&PHOTO[..usize::from(case.byte()).min(PHOTO.len())]),
                _ => request,
            };
            for value in case.lines() {
                let name = case.one_of(&HEADERS);
                request.headers.retain(|(known, _)| known != name);
                request = request.header(name, value);
            }
            request.cut = case.byte() == 1;
            let answer = station.ask(&request);
            assert!(answer.status < 500, "the hub failed: {}", answer.status);
            if let Some(place) = answer.get("Location") {
                place.clone_into(&mut path);
            }
            if answer.get("Lastmile-Confirmed") == Some(&sha256.to_string()) {
                assert!(station.has_photo(enrolment.device, &sha256), "confirmed and not there");
            }
        }
        // Whatever came before, the photo can be brought to its end: at once, or after the hub threw
        // away what was not the photo.
        for _ in 0..2 {
            let created = station.ask(
                &ask("POST", "/v1/media")
                    .header("Upload-Length", PHOTO.len().to_string())
                    .header("Upload-Metadata", &metadata),
            );
            if created.get("Lastmile-Confirmed").is_some() {
                break;
            }
            let path = created.get("Location").expect("an upload can always be started");
            let at = created.get("Upload-Offset").expect("an upload says how far it is");
            let rest = &PHOTO[at.parse::<usize>().expect("a number")..];
            let rest = ask("PATCH", path)
                .header("Content-Type", "application/offset+octet-stream")
                .header("Upload-Offset", at)
                .with_body(rest);
            station.ask(&rest);
        }
        assert!(station.has_photo(enrolment.device, &sha256), "the photo never arrives");
    });
}

fn encoded(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}
