//! Telling the app that something changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lastmile_core::event::Lane;

use crate::Result;

/// Is told what changed. It is never called while the library is locked, so it may call back; it
/// is called on the thread that made the change, so it should only pass the word on.
#[uniffi::export(foreign)]
pub trait ChangeListener: Send + Sync {
    /// These lanes changed; an empty list says that any may have: read what is shown.
    ///
    /// Called once at the start with an empty list. What it throws then is given to who
    /// subscribed; later it is dropped, as the change has happened all the same.
    fn on_change(&self, lanes: Vec<Lane>) -> Result<()>;
}

/// Keeps a listener told. Dropping it (in Kotlin: closing it) ends that.
#[derive(uniffi::Object)]
pub struct Subscription {
    id: u64,
    listeners: Weak<Listeners>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.remove(self.id);
        }
    }
}

type Listener = (u64, Arc<dyn ChangeListener>);

/// The listeners of one store.
#[derive(Default)]
pub(crate) struct Listeners {
    next: AtomicU64,
    all: Mutex<Vec<Listener>>,
}

impl Listeners {
    pub(crate) fn add(self: &Arc<Self>, listener: Arc<dyn ChangeListener>) -> Result<Subscription> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        // Listed first, so that no change falls between the two; a failure ends it again.
        self.all().push((id, Arc::clone(&listener)));
        let subscription = Subscription { id, listeners: Arc::downgrade(self) };
        listener.on_change(Vec::new())?;
        Ok(subscription)
    }

    pub(crate) fn tell(&self, lanes: &[Lane]) {
        let all = self.all().clone();
        for (_, listener) in all {
            let _ = listener.on_change(lanes.to_vec());
        }
    }

    fn remove(&self, id: u64) {
        // Taken out under the lock, dropped after it: a listener may do anything when it goes.
        let gone = {
            let mut all = self.all();
            let at = all.iter().position(|listener| listener.0 == id);
            at.map(|at| all.swap_remove(at))
        };
        drop(gone);
    }

    fn all(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
