//! One courier's phone: a disk, clocks, tokens, and the library on top while the app runs.

use std::path::PathBuf;
use std::sync::Arc;

use lastmile_core::command::Command;
use lastmile_core::id::ManifestId;
use lastmile_core::sync::wire::{Enrolment, Withheld};
use lastmile_core::waybill::Waybill;
use lastmile_core::{
    Courier, DataKey, DeviceSigner, Durability, Error, Identity, Location, Options, Result,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use uuid::Uuid;

use super::{FakeClock, LossyFolder, SeededEntropy, TrueTime};
use crate::disk::Disk;

/// The key that tests seal a phone's store under.
pub fn key() -> DataKey {
    DataKey::from_bytes(&[7; 32]).expect("32 bytes")
}

/// A device key in memory, as Keystore and Secure Enclave hold one in hardware.
pub struct SoftSigner(SigningKey);

impl SoftSigner {
    /// Makes the key that a seed decides.
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        loop {
            let mut bytes = [0u8; 32];
            rng.fill(&mut bytes);
            if let Ok(key) = SigningKey::from_slice(&bytes) {
                return Self(key);
            }
        }
    }

    /// Returns the public key: SEC1 uncompressed, hexadecimal.
    pub fn public(&self) -> String {
        data_encoding::HEXLOWER.encode(self.0.verifying_key().to_sec1_point(false).as_bytes())
    }
}

impl DeviceSigner for SoftSigner {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        let signature: Signature = self.0.sign(text);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// One phone.
pub struct Phone {
    /// What it stores on.
    pub disk: Disk,
    /// Its clocks.
    pub clock: FakeClock,
    /// Whose it is, with the tokens the app keeps.
    pub enrolment: Enrolment,
    /// What its store is sealed under.
    pub key: DataKey,
    /// Its key, if it was enrolled with one.
    pub signer: Option<Arc<SoftSigner>>,
    /// The library, while the app runs.
    pub courier: Option<Courier>,
    /// What it keeps for acts that find its disk full.
    pub reserve_bytes: u64,
    /// The app did not sign the courier out.
    pub signed_in: bool,
    /// How often the app was started.
    pub starts: u64,
    entropy: SeededEntropy,
    seed: u64,
}

impl Phone {
    /// A new phone of an enrolled courier; the app does not run yet.
    pub fn new(
        time: &TrueTime,
        seed: u64,
        enrolment: Enrolment,
        signer: Option<Arc<SoftSigner>>,
    ) -> Self {
        Self {
            disk: Disk::new(),
            clock: FakeClock::new(time, u128::from(seed) << 64),
            enrolment,
            key: key(),
            signer,
            courier: None,
            reserve_bytes: 0,
            signed_in: true,
            starts: 0,
            entropy: SeededEntropy::new(seed),
            seed,
        }
    }

    /// Starts the app.
    pub fn start(&mut self) -> Result<()> {
        self.starts += 1;
        self.courier = None;
        self.courier = Some(self.open()?);
        Ok(())
    }

    /// Opens the store, as any process of the app does.
    pub fn open(&self) -> Result<Courier> {
        let options = Options {
            location: Location::Vfs {
                path: PathBuf::from(self.disk.path("courier.db")),
                vfs: Disk::VFS.to_owned(),
                keys: Arc::new(LossyFolder::top(self.disk.files())),
                media: Arc::new(LossyFolder::media(self.disk.files())),
            },
            key: self.key.clone(),
            capture_folder: None,
            durability: Durability::Full,
            reserve_bytes: self.reserve_bytes,
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(self.entropy.clone()),
            signer: self.signer.clone().map(|signer| signer as Arc<dyn DeviceSigner>),
        };
        Courier::open(options, self.identity())
    }

    /// Returns what the library is told about whose phone it is.
    pub fn identity(&self) -> Identity {
        self.enrolment.identity()
    }

    /// Returns the running library, or `Suspended` if the app does not run.
    pub fn courier(&mut self) -> Result<&mut Courier> {
        self.courier.as_mut().ok_or(Error::Suspended)
    }

    /// Receives parcels and takes them out, a hundred at a time. They must be assigned.
    pub fn take_out(&mut self, waybills: &[Waybill]) -> Result<()> {
        for (n, some) in (0..).zip(waybills.chunks(100)) {
            let received = Command::ReconcileManifest {
                manifest: ManifestId(Uuid::from_u128(n)),
                expected: some.to_vec(),
                scanned: some.to_vec(),
                damaged: Vec::new(),
            };
            self.courier()?.record(&received)?;
            self.courier()?.record(&Command::TakeOut { waybills: some.to_vec() })?;
        }
        Ok(())
    }

    /// Takes other random bytes from now on: a restored phone does not repeat those it drew before.
    pub fn new_chance(&mut self) {
        self.seed = self.seed.wrapping_add(0x9e37_79b9);
        self.entropy = SeededEntropy::new(self.seed);
    }

    /// Makes another phone with a copy of all that this one stores: it goes on as the same device.
    #[must_use]
    pub fn cloned(&self, time: &TrueTime) -> Self {
        let seed = self.seed.wrapping_add(0x7f4a_7c15);
        Self {
            disk: self.disk.duplicate(),
            clock: FakeClock::new(time, u128::from(seed) << 64),
            enrolment: self.enrolment.clone(),
            signer: self.signer.clone(),
            courier: None,
            key: self.key.clone(),
            reserve_bytes: self.reserve_bytes,
            signed_in: self.signed_in,
            starts: 0,
            entropy: SeededEntropy::new(seed),
            seed,
        }
    }

    /// Deletes one media file behind the library's back. Returns its name, `None` if there is none.
    pub fn lose_a_photo(&self, rng: &mut fastrand::Rng) -> Option<String> {
        let files = self.disk.files();
        let mut names = files.list("media").unwrap_or_default();
        if names.is_empty() {
            return None;
        }
        let name = names.swap_remove(rng.usize(..names.len()));
        files.remove(&format!("media/{name}")).is_ok().then_some(name)
    }

    /// Turns a bit of an event of a parcel of today that the hub has confirmed, unless something here
    /// is unconfirmed. Returns false if there is none, or if the bit says nothing: of a withheld line
    /// the leaf alone is read. The app must be off.
    pub fn rot(&self, rng: &mut fastrand::Rng) -> bool {
        let db = self.database();
        let found = db.query_row(
            "SELECT e.n, e.bytes FROM event e JOIN parcel p ON p.lane = e.lane
             WHERE p.today = 1 AND NOT EXISTS (SELECT 1 FROM event WHERE lane_seq IS NULL)
             ORDER BY e.n LIMIT 1 OFFSET ?1",
            [rng.u32(..20)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
        );
        let Ok((n, mut bytes)) = found else { return false };
        let at = rng.usize(..bytes.len());
        let stands_for = |line: &[u8]| Withheld::parse(line).map(|line| line.withheld);
        let before = stands_for(&bytes);
        bytes[at] ^= 1 << rng.u8(..8);
        if before.is_some() && stands_for(&bytes) == before {
            return false;
        }
        db.execute("UPDATE event SET bytes = ?1 WHERE n = ?2", (bytes, n)).is_ok()
    }

    /// Opens the store's file beside the library.
    ///
    /// # Panics
    /// If the disk fails.
    pub fn database(&self) -> rusqlite::Connection {
        self.disk.open("courier.db").expect("a good disk")
    }

    /// The battery dies: what was not synced is gone.
    pub fn power_loss(&mut self, rng: &mut fastrand::Rng) {
        // In this order: closing a database cleanly would write what a dead battery never writes.
        self.disk.power_loss(rng);
        self.courier = None;
        self.clock.reboot();
    }

    /// The system ends the app: the file system keeps what was written.
    pub fn kill(&mut self) {
        self.disk.process_kill();
        self.courier = None;
    }
}
