//! A second process at a phone's store: a share extension, a service that the system started.

use std::mem;

use lastmile_core::sync::SyncChannel;
use lastmile_core::{Courier, Error};

use super::Sim;

impl Sim {
    /// A second process comes to the store. While the app has it open it is turned away; while the app
    /// is suspended it works on, and the app gets the store back only when it is gone.
    pub(super) fn second_process(&mut self, who: usize) -> Result<(), String> {
        if self.phones[who].disk.crashed() || self.phones[who].courier.is_none() {
            return Ok(());
        }
        // A full disk may have kept the app from coming back when it was suspended last.
        if let Err(error) = self.phones[who].courier().and_then(Courier::resume) {
            return self.trouble(who, &error);
        }
        if self.rng.bool() {
            self.tally.count("fault", "second process, turned away");
            return self.is_turned_away(who, |phone| phone.open().map(drop));
        }
        if let Err(error) = self.phones[who].courier().and_then(Courier::suspend) {
            return self.trouble(who, &error);
        }
        let second = match self.phones[who].open() {
            Ok(second) => second,
            Err(error) => return self.trouble(who, &error),
        };
        self.tally.count("fault", "second process, in turn");
        let starts = self.phones[who].starts;
        let mut app = self.phones[who].courier.replace(second);
        self.courier_acts(who)?;
        self.sync(who, SyncChannel::Events, 35)?;
        if self.phones[who].starts != starts {
            // The phone went down meanwhile, and the suspended app with it.
            return Ok(());
        }
        self.is_turned_away(who, |_| app.as_mut().map_or(Ok(()), Courier::resume))?;
        if self.phones[who].starts != starts {
            return Ok(());
        }
        mem::swap(&mut self.phones[who].courier, &mut app);
        drop(app);
        match self.phones[who].courier().and_then(Courier::resume) {
            Ok(()) => Ok(()),
            Err(error) => self.trouble(who, &error),
        }
    }

    /// Of two processes that want a store, the second is told that it is open elsewhere.
    fn is_turned_away(
        &mut self,
        who: usize,
        come: impl FnOnce(&mut crate::world::Phone) -> lastmile_core::Result<()>,
    ) -> Result<(), String> {
        match come(&mut self.phones[who]) {
            Err(Error::OpenElsewhere) => Ok(()),
            Ok(()) => Err(format!("phone {who}: two processes have its store open")),
            Err(error) => self.trouble(who, &error),
        }
    }
}
