//! The open stores of this process: one per folder, whoever asks.
//!
//! An app's screens and its background work each open "the" store; `SQLite` and the lock file
//! would take them for two apps. A store closes with the last handle of it, under the same lock
//! that opening takes, so that a folder is never both closing and opening.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lastmile_core::event::Lane;
use lastmile_core::sync::HubReply;
use lastmile_core::{Courier, DataKey, Error, Identity, LastmileError, Options};

use crate::Result;
use crate::handle::Lastmile;
use crate::listen::Listeners;

static OPEN: Mutex<BTreeMap<PathBuf, Held>> = Mutex::new(BTreeMap::new());

/// An open store and how many handles of it there are. They are counted here, under the lock:
/// of two handles that end at once, a count of their pointers tells neither that it is the last.
struct Held {
    shared: Arc<Shared>,
    handles: usize,
}

/// What all handles of one folder share.
pub(crate) struct Shared {
    courier: Mutex<Courier>,
    /// Held while one waits for the store: who has just used it queues behind who waits. Without it
    /// a long answer that is taken part by part would take the store again and again.
    turn: Mutex<()>,
    pub(crate) listeners: Arc<Listeners>,
}

impl Shared {
    /// Locks the store for one call.
    pub(crate) fn courier(&self) -> Result<MutexGuard<'_, Courier>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic under the lock may have left memory and file apart: only a restart is sure.
        self.courier.lock().map_err(|_| LastmileError::Internal {
            report: "an earlier call failed inside the library; restart the app".to_owned(),
        })
    }

    /// Takes what came back for a request, part by part: who waits has the store between two.
    pub(crate) fn take_reply(&self, id: u64, reply: &HubReply) -> Result<()> {
        let mut more = self.courier()?.begin_reply(id, reply)?;
        while more {
            more = self.courier()?.apply_more()?;
        }
        Ok(())
    }

    /// Makes a call that changes something; tells the listeners after the lock is released.
    pub(crate) fn telling<T>(
        &self,
        call: impl FnOnce(&mut Courier) -> lastmile_core::Result<T>,
        changed: impl FnOnce(&T) -> Vec<Lane>,
    ) -> Result<T> {
        let done = call(&mut *self.courier()?)?;
        self.listeners.tell(&changed(&done));
        Ok(done)
    }
}

/// Opens a folder's store, or joins the one that is open, for whoever has its key.
pub(crate) fn open(
    folder: &Path,
    key: DataKey,
    identity: Identity,
    with: impl FnOnce(&mut Options),
) -> Result<Lastmile> {
    std::fs::create_dir_all(folder).map_err(Error::from)?;
    let folder = folder.canonicalize().map_err(Error::from)?;
    let mut open = stores();
    if let Some(held) = open.get_mut(&folder) {
        let courier = held.shared.courier()?;
        if !courier.has_key(&key) {
            return Err(Error::WrongKey.into());
        }
        if !courier.identity().opens_with(&identity) {
            return Err(Error::OtherEnrolment.into());
        }
        drop(courier);
        held.handles += 1;
        return Ok(Lastmile { shared: Arc::clone(&held.shared) });
    }
    let mut options = Options::folder(&folder, key, 0);
    with(&mut options);
    let courier = Mutex::new(Courier::open(options, identity)?);
    let shared = Arc::new(Shared { courier, turn: Mutex::default(), listeners: Arc::default() });
    open.insert(folder, Held { shared: Arc::clone(&shared), handles: 1 });
    Ok(Lastmile { shared })
}

/// Ends a handle; the last one closes the files.
pub(crate) fn close(shared: &Arc<Shared>) {
    let mut open = stores();
    let Some(held) = open.values_mut().find(|held| Arc::ptr_eq(&held.shared, shared)) else {
        return;
    };
    held.handles -= 1;
    if held.handles > 0 {
        return;
    }
    open.retain(|_, held| !Arc::ptr_eq(&held.shared, shared));
    // A store that cannot be closed cleanly is closed by the system: nothing recorded is lost.
    if let Ok(mut courier) = shared.courier.lock() {
        let _ = courier.suspend();
    }
}

fn stores() -> MutexGuard<'static, BTreeMap<PathBuf, Held>> {
    // The map is whole between any two statements: a panic elsewhere does not spoil it.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use lastmile_core::Durability;

    use super::*;
    use crate::phone::{BootClock, BootReading};

    const DEVICE: &str = "018f0000-0000-7000-8000-000000000001";

    fn identity() -> Identity {
        crate::parse_enrolment(format!(
            r#"{{"device":"{DEVICE}","courier":"4849","station":"JL31","device_token":"d",
                "session_token":"s","root_key":"04","epoch":"{DEVICE}"}}"#
        ))
        .map(crate::identity_of)
        .unwrap()
    }

    fn open_in(folder: &Path, clock: Option<Arc<dyn BootClock>>) -> Result<Lastmile> {
        let folder = folder.to_str().unwrap().to_owned();
        Lastmile::open(folder, vec![7; 32], identity(), 480, Durability::Normal, clock, None)
    }

    #[test]
    fn a_second_open_and_a_resume_ask_for_the_key_that_is_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let first = open_in(folder.path(), None).unwrap();
        first.rotate_key(vec![8; 32]).unwrap();
        first.suspend().unwrap();
        let Err(LastmileError::Store { code, .. }) = open_in(folder.path(), None) else {
            panic!("the old key opens nothing");
        };
        assert_eq!(code, "WrongKey");
        first.resume().unwrap();
        assert!(matches!(first.rotate_key(vec![8; 31]), Err(LastmileError::BadInput { .. })));
        first.rotate_key(vec![7; 32]).unwrap();
        open_in(folder.path(), None).unwrap();
    }

    #[test]
    fn a_store_that_is_open_opens_with_a_later_enrolment_of_its_device_and_with_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let key = || DataKey::from_bytes(&[7; 32]).unwrap();
        let first = open(folder.path(), key(), identity(), |_| {}).unwrap();
        let later = lastmile_core::id::HubEpoch(uuid::Uuid::from_u128(2));
        open(folder.path(), key(), Identity { epoch: later, ..identity() }, |_| {}).unwrap();
        let other = Identity { root_key: "05".to_owned(), ..identity() };
        let Err(LastmileError::Store { code, .. }) = open(folder.path(), key(), other, |_| {})
        else {
            panic!("another hub's enrolment opens nothing");
        };
        assert_eq!(code, "OtherEnrolment");
        drop(first);
    }

    #[test]
    fn a_folder_that_is_closing_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..100 {
                        open_in(folder.path(), None).unwrap().sync_status().unwrap();
                    }
                });
            }
        });
        let folder = folder.path().canonicalize().unwrap();
        assert!(!stores().contains_key(&folder), "nothing is left behind");
    }

    #[test]
    fn who_waits_for_the_store_has_his_turn_before_who_has_just_used_it() {
        let folder = tempfile::tempdir().unwrap();
        let lastmile = open_in(folder.path(), None).unwrap();
        let uses = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..100 {
                    let courier = lastmile.shared.courier().unwrap();
                    uses.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                    drop(courier);
                }
            });
            while uses.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            for _ in 0..10 {
                let before = uses.load(Ordering::SeqCst);
                drop(lastmile.shared.courier().unwrap());
                // The use that was under way, and one that stood before this one in the queue.
                assert!(uses.load(Ordering::SeqCst) - before <= 2);
            }
        });
    }

    /// A clock that breaks when it is told to.
    #[derive(Default)]
    struct Breaks(AtomicBool);

    impl BootClock for Breaks {
        fn read(&self) -> Result<BootReading> {
            let broken = self.0.load(Ordering::SeqCst);
            assert!(!broken, "a callback that Rust itself implements may panic under the lock");
            Ok(BootReading { boot: "1".to_owned(), ms: 0 })
        }
    }

    #[test]
    fn a_panic_under_the_lock_is_an_error_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Breaks::default());
        let lastmile = open_in(folder.path(), Some(clock.clone())).unwrap();
        clock.0.store(true, Ordering::SeqCst);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lastmile.new_case()));
        assert!(caught.is_err());
        assert!(matches!(lastmile.stops(), Err(LastmileError::Internal { .. })));
    }
}
