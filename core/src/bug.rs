//! Mistakes that somebody could have made, planted to see that the simulator finds them.
//!
//! Each stands in the line that asks for it. Without the feature `planted-bugs`, which the tests
//! package alone turns on, [`planted`] is a constant `false`, and nothing of them is compiled into
//! what ships.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A mistake that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

bugs! {
    /// The phone takes a push that was not answered for one that was received.
    SilenceIsReceipt,
    /// The phone leaves a request in flight when its answer is lost.
    InFlightKept,
    /// The phone takes any answer for that to its open request, whatever its receipt is for.
    AnyAnswerTaken,
    /// The phone remembers that its session ended after the courier signed in again.
    SessionEndKept,
    /// The phone forgets what is left of its feed after today's lanes.
    RestForgotten,
    /// The phone does not fetch again what the hub holds otherwise.
    DriftIgnored,
    /// The phone moves its cursor before it stores what the feed brought.
    CursorFirst,
    /// The phone opens a store that another process has open.
    LockIgnored,
    /// The phone goes on where its store ended before another process had it.
    ResumedBlindly,
    /// The phone does not sync a recorded act.
    ActNotSynced,
    /// The phone syncs no act that is recorded while an answer is half stored.
    SyncsForgotten,
    /// The phone does not sync a captured photo.
    PhotoNotSynced,
    /// The phone gives out positions again that the hub knows from before it was restored.
    SequenceReused,
    /// The phone offers what was pending at a fork again under new ids.
    NewIdsAfterFork,
    /// The phone deletes what the hub parked.
    ParkedDeleted,
    /// The phone cuts a group where a push ends.
    GroupCut,
    /// The phone folds over a gap in a lane.
    FoldsOverGap,
    /// The phone stores what others did and does not fold it.
    FeedNotFolded,
    /// The phone goes on as before when the hub lost its memory.
    EpochIgnored,
    /// The phone keeps what a restored hub has lost of others.
    DoubtNeverEnds,
    /// The phone offers events again without the persons and texts that belong to them.
    VaultLeftBehind,
    /// The phone takes a part of a photo that was sent for the hub's word that it has it.
    SentIsConfirmed,
    /// The phone goes on where it believes an upload to stand, after a doubt.
    OffsetKept,
    /// The phone tells nobody that a photo is gone.
    LostPhotoHushed,
    /// The phone offers a preview again to a hub that does not know previews.
    PreviewInsistedOn,
    /// The phone keeps the persons of a lane that the courier lost sight of.
    PersonsKept,
    /// The phone trusts what it learned of the hub's clock before it was started anew.
    ContactOutlivesBoot,
    /// The hub skips an event of the feed where a page ends.
    FeedSkipsAtBorder,
    /// The hub tells an event that is offered again by its position alone, not by its id.
    IdsForgotten,
    /// The hub folds an event before it asks whether it has it.
    FoldsBeforeDedupe,
    /// The hub does not hold back what comes after a parked event of its lane.
    LaneNotHeldBack,
    /// The hub parks an event without keeping it.
    ParkedNotKept,
    /// The hub answers before what it took is durable, and gives positions out twice.
    HubSyncsLate,
    /// The hub does not send a new holder what happened before.
    CatchUpForgotten,
    /// The hub does not tell a phone that a parked event of its own has a place now.
    ReleaseHushed,
    /// The hub sends persons to whoever sees the fact.
    PersonsForAll,
    /// The hub confirms a photo without comparing its digest.
    DigestUnchecked,
    /// The hub keeps the preview of a photo that it has.
    PreviewKept,
}

/// Tells whether a bug is planted here.
#[cfg(not(feature = "planted-bugs"))]
#[inline]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted-bugs")]
mod chosen {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Tells whether a bug is planted here.
    pub fn planted(bug: Bug) -> bool {
        CHOSEN.get() == Some(bug)
    }

    /// Plants a bug in all that this thread runs from now on, or none.
    pub fn plant(bug: Option<Bug>) {
        CHOSEN.set(bug);
    }
}

#[cfg(feature = "planted-bugs")]
pub use chosen::{plant, planted};
