//! The way out for messages to customers (M27, M32): a company's own sender behind one call.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lastmile_core::delivery::Channel;
use lastmile_core::id::{EventId, StationId};
use serde::Serialize;

use crate::client;

/// One message, ready to be sent. Never printed: `Debug` shows its id alone.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The event that handed it over. The same at every try: who sends it sends each id once.
    pub id: EventId,
    /// The station it comes from.
    pub station: StationId,
    /// How.
    pub channel: Channel,
    /// The number as dialled.
    pub phone: String,
    /// The template's id and version, such as `T01.1`.
    pub template: String,
    /// What is said.
    pub text: String,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.id)
    }
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// The sender does not answer, or asks to wait: it is tried again.
    Later,
    /// The sender refuses it: it is never sent.
    Never,
}

/// Who sends messages.
pub trait MessageGateway: Send + Sync {
    /// Sends a message, or finds that it was sent before under the same id.
    ///
    /// # Errors
    /// Whether it is worth another try.
    fn send(&self, message: &Message) -> Result<(), NotSent>;
}

/// Puts each message into a file of its own, named by its id: for the demo, and until a company
/// names its sender. A second try writes the same file.
#[derive(Debug)]
pub struct FolderGateway(PathBuf);

impl FolderGateway {
    /// Writes into `folder`, made at the first message.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn write(&self, message: &Message) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let draft = self.0.join(format!("{}.draft", message.id));
        let mut file = std::fs::File::create(&draft)?;
        serde_json::to_writer(&mut file, message)?;
        file.flush()?;
        file.sync_all()?;
        std::fs::rename(draft, self.0.join(format!("{}.json", message.id)))
    }
}

impl MessageGateway for FolderGateway {
    fn send(&self, message: &Message) -> Result<(), NotSent> {
        self.write(message).map_err(|_| NotSent::Later)
    }
}

/// Keeps what it is given, each id once: for tests.
#[derive(Debug, Default)]
pub struct MemoryGateway(Mutex<Vec<Message>>);

impl MemoryGateway {
    /// Returns what was sent, in order.
    pub fn sent(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MessageGateway for MemoryGateway {
    fn send(&self, message: &Message) -> Result<(), NotSent> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.iter().all(|earlier| earlier.id != message.id) {
            sent.push(message.clone());
        }
        Ok(())
    }
}

/// Posts each message as JSON to one address. The header `Idempotency-Key` is the message's id.
///
/// 2xx, and 409 for an id that was sent before, count as sent; 408, 429 and 5xx as try again; any
/// other status as never.
pub struct Webhook {
    agent: ureq::Agent,
    url: String,
}

impl Webhook {
    /// Posts to `url`, which speaks plain HTTP: a relay on the same machine, or behind its proxy.
    pub fn new(url: impl Into<String>) -> Self {
        Self { agent: client::agent(), url: url.into() }
    }
}

impl MessageGateway for Webhook {
    fn send(&self, message: &Message) -> Result<(), NotSent> {
        let body = serde_json::to_vec(message).map_err(|_| NotSent::Never)?;
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(&self.url)
            .header("content-type", "application/json")
            .header("idempotency-key", message.id.to_string())
            .body(body)
            .map_err(|_| NotSent::Later)?;
        // What went wrong may quote what was sent: it goes no further.
        let status = self.agent.run(request).map_err(|_| NotSent::Later)?.status().as_u16();
        match status {
            200..=299 | 409 => Ok(()),
            408 | 429 | 500.. => Err(NotSent::Later),
            _ => Err(NotSent::Never),
        }
    }
}
