//! The hub itself: what it is made of, and which request goes where.

use std::path::Path;
use std::sync::Arc;

use lastmile_core::event::Fact;
use lastmile_core::id::{ClerkNo, DeviceId, HubEpoch, StationId};
use lastmile_core::sync::wire::HubKey;
use lastmile_core::time::{Clock, Entropy, Moment};

use crate::http::{Request, Response};
use crate::keys::{Keys, write_secret};
use crate::media::{FolderMedia, MediaStore, MemoryMedia};
use crate::problem::{HubError, Result};
use crate::settings::Settings;
use crate::store::{Clerk, Device, HubStore, SqliteStore, Station, Tx};
use crate::{clerk, enrol, media, secret, sync};

/// What a hub is made of. Nothing in it is global: a test or the simulator makes as many as it
/// likes, each with its own clock and random bytes.
pub struct Parts {
    /// Where records are kept.
    pub store: Box<dyn HubStore>,
    /// Where media files are kept.
    pub media: Arc<dyn MediaStore>,
    /// The keys.
    pub keys: Keys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The numbers.
    pub settings: Settings,
}

/// The reference hub. It opens no socket, starts no thread and reads no clock of its own.
pub struct Hub {
    pub(crate) store: Box<dyn HubStore>,
    pub(crate) media: Arc<dyn MediaStore>,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
}

impl Hub {
    /// Puts a hub together. A new database gets its epoch here.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { store, media, keys, clock, entropy, settings } = parts;
        let hub = Self { store, media, keys, clock, entropy, settings };
        let tx = hub.store.begin()?;
        if tx.meta("epoch")?.is_none() {
            hub.start_epoch(&*tx)?;
        }
        hub.list_key(&*tx, hub.keys.certificate())?;
        hub.learn_kinds(&*tx)?;
        tx.commit()?;
        Ok(hub)
    }

    /// Lists a key among those of this hub, if it is new. Receipts name the key that signed them:
    /// certificates are kept for ever.
    fn list_key(&self, tx: &dyn Tx, key: HubKey) -> Result<()> {
        let mut keys = Self::keys(tx)?;
        if keys.contains(&key) {
            return Ok(());
        }
        keys.push(key);
        let keys = serde_json::to_string(&keys).map_err(|_| HubError::Damaged("its keys"))?;
        tx.put_meta("keys", &keys)?;
        tx.put_meta("key_since_ms", &self.now_ms().to_string())
    }

    /// Signs with a new working key from now on. It is listed before it signs anything; what the
    /// old ones signed stays good.
    pub fn rotate_key(&self) -> Result<()> {
        let next = self.keys.next(&*self.entropy);
        let tx = self.store.begin()?;
        self.list_key(&*tx, next.certificate.clone())?;
        tx.commit()?;
        self.keys.install(next)
    }

    /// The same, if the working key is older than the settings want.
    pub(crate) fn rotate_old_key(&self) -> Result<()> {
        let since = self.store.begin()?.meta("key_since_ms")?.and_then(|ms| ms.parse::<i64>().ok());
        if since.is_some_and(|since| self.now_ms() - since < self.settings.key_ms) {
            return Ok(());
        }
        self.rotate_key()
    }

    /// Looks again at what is parked when a release knows more kinds than the one before it.
    fn learn_kinds(&self, tx: &dyn Tx) -> Result<()> {
        let kinds = Fact::KINDS.len().to_string();
        let before = tx.meta("kinds")?;
        if before.as_ref() == Some(&kinds) {
            return Ok(());
        }
        if before.is_some() {
            let mut ledger = sync::Ledger::new(self, tx)?;
            for device in tx.devices(None)? {
                sync::reconsider_device(&mut ledger, &device)?;
            }
            ledger.settle()?;
        }
        tx.put_meta("kinds", &kinds)
    }

    /// Opens the hub in a folder, and makes whatever is missing there: the database, the keys,
    /// the media folder, and at the first start `admin.token`.
    pub fn in_folder(
        folder: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Settings,
    ) -> Result<Self> {
        make_private(folder)?;
        let hub = Self::new(Parts {
            store: Box::new(SqliteStore::open(&folder.join("hub.db"))?),
            media: Arc::new(FolderMedia::open(&folder.join("media"))?),
            keys: Keys::in_folder(folder, &*entropy)?,
            clock,
            entropy,
            settings,
        })?;
        let token_file = folder.join("admin.token");
        if !token_file.exists() {
            write_secret(&token_file, &hub.new_clerk(ClerkNo::new("admin")?, None)?)?;
        }
        Ok(hub)
    }

    /// Makes a hub that is gone when it is dropped.
    pub fn in_memory(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        Self::new(Parts {
            store: Box::new(SqliteStore::in_memory()?),
            media: Arc::new(MemoryMedia::default()),
            keys: Keys::generate(&*entropy),
            clock,
            entropy,
            settings: Settings::default(),
        })
    }

    /// Answers a request. Never fails: an error is an answer too.
    pub fn handle(&self, request: &Request) -> Response {
        let answer = self.route(request).unwrap_or_else(|error| {
            if error.status() >= 500 {
                tracing::error!(%error, "a request failed");
            }
            Response::from(&error)
        });
        answer.zipped_for(request)
    }

    fn route(&self, request: &Request) -> Result<Response> {
        match (request.method.as_str(), request.parts().as_slice()) {
            (_, ["v1", "media", rest @ ..]) => Ok(media::handle(self, request, rest)),
            _ if request.cut => Err(HubError::malformed("complete")),
            ("POST", ["v1", "sync"]) => sync::sync(self, request),
            ("POST", ["v1", "enrol"]) => enrol::enrol(self, request),
            ("POST", ["v1", "enrol", "again"]) => enrol::enrol_again(self, request),
            ("POST", ["v1", "session"]) => enrol::renew_session(self, request),
            ("DELETE", ["v1", "session"]) => enrol::end_session(self, request),
            (_, ["v1", "clerk", rest @ ..]) => clerk::handle(self, request, rest),
            ("GET", ["v1", "keys"]) => {
                let tx = self.store.begin()?;
                Ok(Response::json(200, &Self::keys(&*tx)?))
            }
            ("GET", ["v1", "successions"]) => self.tell_successions(),
            ("GET", ["healthz"]) => self.health(),
            _ => Err(HubError::not_found("this path")),
        }
    }

    /// Returns how long the body of a request may be, so that nothing longer is even read.
    pub(crate) fn body_limit(&self, request: &Request) -> u64 {
        match request.parts().as_slice() {
            ["v1", "sync"] => self.settings.limits.push_bytes,
            ["v1", "media", ..] => self.settings.patch_bytes,
            ["v1", "clerk", ..] => self.settings.clerk_bytes,
            _ => 4096,
        }
    }

    /// Healthy is: the database takes a transaction.
    fn health(&self) -> Result<Response> {
        let tx = self.store.begin()?;
        let epoch = Self::epoch(&*tx)?;
        Ok(Response::json(200, &serde_json::json!({ "healthy": true, "epoch": epoch })))
    }

    /// Returns the root key's public half, as devices pin it.
    pub fn root_key(&self) -> String {
        self.keys.root_public()
    }

    pub(crate) fn start_epoch(&self, tx: &dyn Tx) -> Result<HubEpoch> {
        let epoch = HubEpoch::new(self.now_ms(), &*self.entropy);
        tx.put_meta("epoch", &epoch.to_string())?;
        Ok(epoch)
    }

    pub(crate) fn epoch(tx: &dyn Tx) -> Result<HubEpoch> {
        let epoch = tx.meta("epoch")?.and_then(|text| text.parse().ok());
        epoch.ok_or(HubError::Damaged("its epoch"))
    }

    /// Returns the certificates of all keys this hub ever signed with.
    pub(crate) fn keys(tx: &dyn Tx) -> Result<Vec<HubKey>> {
        match tx.meta("keys")? {
            Some(text) => serde_json::from_str(&text).map_err(|_| HubError::Damaged("its keys")),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let reading = self.clock.read();
        Moment::exact(reading.wall_ms, reading.offset_min)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.read().wall_ms
    }

    /// Adds a clerk and returns his token, which is kept only as its hash. An admin has no
    /// station.
    pub fn new_clerk(&self, no: ClerkNo, station: Option<StationId>) -> Result<String> {
        let token = secret::new_token(&*self.entropy);
        let tx = self.store.begin()?;
        if let Some(station) = &station {
            self.station(&*tx, station)?;
        }
        tx.put_clerk(&secret::hash(&token), &Clerk { no, station })?;
        tx.commit()?;
        Ok(token)
    }

    /// Returns a station, made if it is new: the hub becomes a device there.
    pub(crate) fn station(&self, tx: &dyn Tx, id: &StationId) -> Result<Station> {
        if let Some(station) = tx.station(id)? {
            return Ok(station);
        }
        let now_ms = self.now_ms();
        let mut device = Device {
            row: 0,
            id: DeviceId::new(now_ms, &*self.entropy),
            courier: None,
            station: id.clone(),
            public_key: None,
            quarantined: false,
            enrolled_ms: now_ms,
            seen_ms: now_ms,
            pending: 0,
        };
        device.row = tx.add_device(&device, None)?;
        let mut directory = lastmile_core::directory::Directory::empty(id.clone());
        directory.version = 1;
        tx.put_station(id, device.row, &directory)?;
        Ok(Station { device, directory })
    }

    /// Returns the device whose token a request carries.
    pub(crate) fn device_of(tx: &dyn Tx, request: &Request) -> Result<Device> {
        let token = request.token().ok_or_else(HubError::unauthorised)?;
        tx.device_by_token(&secret::hash(token))?.ok_or_else(HubError::unauthorised)
    }
}

/// Makes a folder that only the hub's own user may look into: it holds persons and keys.
fn make_private(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(folder)?)
}
