//! Requests and answers without a socket: the server and the simulator speak these to the hub.

use std::io::{Read as _, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{HubError, Result};

/// Answers shorter than this are not worth compressing.
const GZIP_FROM: usize = 300;

/// What somebody asks of the hub.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, such as `/v1/sync`.
    pub path: String,
    /// Names in any case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// The connection was lost before the whole body was here. Only an upload makes use of it.
    pub cut: bool,
}

impl Request {
    /// A request without body.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Adds a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a body in JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.header("Content-Type", "application/json").with_body(body)
    }

    /// Returns a header's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Changes a header's value.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
    }

    /// Returns the method that is meant: some proxies and old clients can send nothing but POST.
    pub(crate) fn method(&self) -> &str {
        self.get("X-HTTP-Method-Override").unwrap_or(&self.method)
    }

    /// Tells whether the body is part of a file.
    pub(crate) fn is_upload_part(&self) -> bool {
        self.method() == "PATCH" && self.parts().starts_with(&["v1", "media"])
    }

    /// Returns the bearer token.
    pub(crate) fn token(&self) -> Option<&str> {
        self.get("Authorization")?.strip_prefix("Bearer ").map(str::trim)
    }

    /// Returns the path without its query, in parts.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.trim_matches('/').split('/').collect()
    }

    /// Returns one value of the query. Values are ids and numbers: nothing is percent-decoded.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Reads a JSON body.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, expected: &str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|_| HubError::malformed(expected))
    }

    /// Returns the body as it was before compression, at most `limit` bytes of it: a small body
    /// cannot unfold into one that fills the memory.
    pub(crate) fn plain_body(&self, limit: u64) -> Result<std::borrow::Cow<'_, [u8]>> {
        let length = self.body.len() as u64;
        match self.get("Content-Encoding") {
            None | Some("identity") if length <= limit => Ok(self.body.as_slice().into()),
            Some("gzip") if length <= limit => {
                let mut plain = Vec::new();
                let mut unzip = flate2::read::GzDecoder::new(self.body.as_slice()).take(limit + 1);
                unzip.read_to_end(&mut plain).map_err(|_| HubError::malformed("gzip"))?;
                if plain.len() as u64 > limit {
                    return Err(HubError::too_large(limit));
                }
                Ok(plain.into())
            }
            None | Some("identity" | "gzip") => Err(HubError::too_large(limit)),
            Some(_) => {
                Err(HubError::asked(415, "UnknownEncoding", "send the body plain or with gzip"))
            }
        }
    }

    fn takes_gzip(&self) -> bool {
        self.get("Accept-Encoding")
            .is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")))
    }
}

/// What the hub answers.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // Serialising plain structs into memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(status).header("Content-Type", "application/json").with_body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Returns a header's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Compresses the body if the asker can read that and it is worth it.
    pub(crate) fn zipped_for(mut self, request: &Request) -> Self {
        if self.body.len() < GZIP_FROM || !request.takes_gzip() {
            return self;
        }
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing into memory cannot fail.
        if let Ok(body) = zip.write_all(&self.body).and_then(|()| zip.finish()) {
            self.body = body;
            self.headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
        }
        self
    }
}

impl From<&HubError> for Response {
    fn from(error: &HubError) -> Self {
        Self::json(error.status(), &error.problem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_body_cannot_unfold_into_a_huge_one() {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        zip.write_all(&vec![0; 1 << 20]).unwrap();
        let bomb = Request::new("POST", "/v1/sync")
            .header("content-encoding", "gzip")
            .with_body(zip.finish().unwrap());

        assert!(bomb.body.len() < 2000);
        assert_eq!(bomb.plain_body(64 << 10).unwrap_err().status(), 413);
        assert_eq!(bomb.plain_body(1 << 20).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_cut_gzip_body_is_malformed_and_not_taken_in_part() {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        zip.write_all(b"a line that ends\nand one more\n").unwrap();
        let mut body = zip.finish().unwrap();
        body.truncate(body.len() - 4);
        let cut = Request::new("POST", "/v1/sync").header("Content-Encoding", "gzip");

        assert_eq!(cut.with_body(body).plain_body(1000).unwrap_err().status(), 400);
    }
}
