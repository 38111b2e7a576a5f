//! The errors of the core: precise, typed, with a stable code and words that say what to do.
//!
//! No name, phone, address, free text or SQL value is ever part of one.

use crate::notice::NoticeError;
use crate::refusal::Refusal;
use crate::waybill::WaybillError;

/// The result of every call that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. Nothing was half-written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule speaks against the act.
    #[error("{0}")]
    Refused(Refusal),
    /// An argument has the wrong shape.
    #[error("{field}: expected {expected}")]
    BadArgument {
        /// Which one.
        field: &'static str,
        /// What it should look like.
        expected: &'static str,
    },
    /// A waybill number is not one.
    #[error("{0}")]
    Waybill(#[from] WaybillError),
    /// A notice cannot be rendered.
    #[error("{0}")]
    Notice(#[from] NoticeError),
    /// There is no such lane, case or item on this phone.
    #[error("{what} is not known on this phone; sync first")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// The store is closed because the app is suspended.
    #[error("the store is suspended; call resume() first")]
    Suspended,
    /// Another process has the store.
    #[error("the store is open in another process; close it there first")]
    OpenElsewhere,
    /// The file was written by a newer release.
    #[error(
        "the store was written by a newer release (schema {found}, this one knows {known}); update the app"
    )]
    NewerStore {
        /// The file's schema.
        found: u32,
        /// The highest this release knows.
        known: u32,
    },
    /// The file is a database, but not ours.
    #[error("the file is not a Lastmile store; choose another folder")]
    ForeignStore,
    /// The store belongs to another courier or device.
    #[error("the store belongs to another enrolment; open the folder of this courier")]
    OtherEnrolment,
    /// The app's key is not the one that the store was made with, or last rotated to.
    #[error(
        "the key does not open this store; open it with the key it was made with or last rotated to"
    )]
    WrongKey,
    /// `SQLite` says the file is damaged.
    #[error("the store's file is damaged; keep it and contact support")]
    Corrupt,
    /// The disk is full.
    #[error("the phone's storage is full; free some space and try again")]
    DiskFull,
    /// A media file is refused.
    #[error("{0}")]
    Media(#[from] MediaError),
    /// The device's key did not sign.
    #[error("the phone's key could not sign; unlock the phone and try again")]
    Signer,
    /// The hub's answer cannot be used; nothing of it was taken.
    #[error("{0}")]
    Reply(#[from] ReplyError),
    /// The database failed in another way.
    #[error("the database failed ({code}); try again, then restart the app")]
    Database {
        /// `SQLite`'s extended result code.
        code: i32,
    },
    /// The file system failed.
    #[error("a file could not be read or written ({0:?}); try again")]
    Io(std::io::ErrorKind),
}

/// Why a media file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// No bytes.
    #[error("the file is empty; take the picture again")]
    Empty,
    /// Over the limit for its kind.
    #[error("the file has {bytes} bytes, {limit} are allowed; take a smaller one")]
    TooLarge {
        /// Its length, or how much was read before giving up.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Its first bytes are not those of JPEG, PNG, HEIC or MP4.
    #[error("the file is not a JPEG, PNG, HEIC or MP4; take the picture again")]
    NotMedia,
    /// A path that leads out of the media folder, or names no ordinary file.
    #[error("the path does not name an ordinary file that may be read")]
    BadPath,
    /// The file is gone from the phone, or is not the one that was captured any more.
    #[error("the file on this phone is damaged or gone; take the picture again if you still can")]
    Damaged,
    /// The item belongs to another attempt or case, or is unknown.
    #[error("the item was not captured for this act; capture it again")]
    NotBoundHere,
    /// A preview is not so small a picture that it can go before its file.
    #[error(
        "the preview has {bytes} bytes, {limit} are allowed; scale it down, or compress it more"
    )]
    PreviewTooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A preview is empty, a video, or no picture at all.
    #[error("a preview is a JPEG, PNG or HEIC; of a video hand over one of its pictures")]
    PreviewNotPicture,
}

/// Why a hub's answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// It is cut off or malformed.
    #[error("the hub's answer is incomplete or malformed; it is asked again")]
    Malformed,
    /// It answers a request that is no longer open.
    #[error("the answer is to an older request; it is ignored")]
    Stale,
    /// It comes from another hub than the one this device was enrolled at.
    #[error("the answer comes from another hub than the one this phone was enrolled at")]
    OtherHub,
    /// Its receipt is not signed by a key that the pinned root key certified, or signs something
    /// else.
    #[error("the hub's receipt does not hold; what was sent stays here and is sent again")]
    BadReceipt,
    /// There was none.
    #[error("the hub cannot be reached; try again where there is a signal")]
    NoAnswer,
    /// The one-time code is not taken.
    #[error("the code is wrong, used, expired or another courier's; ask the station for another")]
    CodeSpent,
    /// The token is wrong, or the hub does not know it.
    #[error("the session has ended; sign in again, and if that is refused too, enrol again")]
    Unauthorised,
    /// The hub says a body was too large.
    #[error("the hub refused the size of the request")]
    TooLarge,
    /// The hub does not speak this protocol any more, for pulling.
    #[error("the hub asks for a newer app to receive; recording and sending go on")]
    UpgradeRequired,
}

impl Error {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::BadArgument { .. } => "BadArgument",
            Self::Waybill(error) => error.code(),
            Self::Notice(error) => error.code(),
            Self::NotFound { .. } => "NotFound",
            Self::Suspended => "Suspended",
            Self::OpenElsewhere => "OpenElsewhere",
            Self::NewerStore { .. } => "NewerStore",
            Self::ForeignStore => "ForeignStore",
            Self::OtherEnrolment => "OtherEnrolment",
            Self::WrongKey => "WrongKey",
            Self::Corrupt => "Corrupt",
            Self::DiskFull => "DiskFull",
            Self::Media(error) => match error {
                MediaError::Empty => "MediaEmpty",
                MediaError::TooLarge { .. } => "MediaTooLarge",
                MediaError::NotMedia => "NotMedia",
                MediaError::BadPath => "MediaBadPath",
                MediaError::Damaged => "MediaDamaged",
                MediaError::NotBoundHere => "MediaNotBoundHere",
                MediaError::PreviewTooLarge { .. } => "PreviewTooLarge",
                MediaError::PreviewNotPicture => "PreviewNotPicture",
            },
            Self::Reply(error) => match error {
                ReplyError::Malformed => "ReplyMalformed",
                ReplyError::Stale => "ReplyStale",
                ReplyError::OtherHub => "OtherHub",
                ReplyError::BadReceipt => "ReceiptRefused",
                ReplyError::NoAnswer => "NoAnswer",
                ReplyError::CodeSpent => "CodeSpent",
                ReplyError::Unauthorised => "Unauthorised",
                ReplyError::TooLarge => "RequestTooLarge",
                ReplyError::UpgradeRequired => "UpgradeRequired",
            },
            Self::Signer => "SignerFailed",
            Self::Database { .. } => "Database",
            Self::Io(_) => "Io",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::DiskFull,
            kind => Self::Io(kind),
        }
    }
}

impl Error {
    /// Tells whether it comes from a damaged database, and not from a disk that fails or is full.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt | Self::ForeignStore => true,
            // A value of another type than was written, a table that is not there.
            Self::Database { code } => matches!(code & 0xff, 0 | 1),
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::ErrorCode;
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::DiskFull,
                ErrorCode::DatabaseCorrupt => Self::Corrupt,
                ErrorCode::NotADatabase => Self::ForeignStore,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::OpenElsewhere,
                _ => Self::Database { code: failure.extended_code },
            },
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound { what: "the row" },
            _ => Self::Database { code: 0 },
        }
    }
}

/// The error that Kotlin and Swift see: one case per screen.
#[cfg(feature = "uniffi")]
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum LastmileError {
    /// A rule speaks against the act: show `advice`, offer what it says.
    #[error("{code}: {advice}")]
    Refused {
        /// The stable code.
        code: String,
        /// What to do.
        advice: String,
    },
    /// The input cannot be used: mark the field.
    #[error("{code}: {advice}")]
    BadInput {
        /// The stable code.
        code: String,
        /// What to do.
        advice: String,
    },
    /// Not known on this phone.
    #[error("NotFound: {advice}")]
    NotFound {
        /// What to do.
        advice: String,
    },
    /// The store is closed because the app is suspended.
    #[error("Suspended: call resume() first")]
    Suspended,
    /// The phone must be looked after: storage full, file damaged, wrong key, open elsewhere, app
    /// too old.
    #[error("{code}: {advice}")]
    Store {
        /// The stable code.
        code: String,
        /// What to do.
        advice: String,
    },
    /// The hub's answer could not be used.
    #[error("{code}: {advice}")]
    Hub {
        /// The stable code.
        code: String,
        /// What to do.
        advice: String,
    },
    /// A mistake in this library or in a callback.
    #[error("Internal: {report}")]
    Internal {
        /// What to send to support; holds no personal data.
        report: String,
    },
}

#[cfg(feature = "uniffi")]
impl From<Error> for LastmileError {
    fn from(error: Error) -> Self {
        let (code, advice) = (error.code().to_owned(), error.to_string());
        match error {
            Error::Refused(_) => Self::Refused { code, advice },
            Error::BadArgument { .. } | Error::Waybill(_) | Error::Media(_) | Error::Notice(_) => {
                Self::BadInput { code, advice }
            }
            Error::NotFound { .. } => Self::NotFound { advice },
            Error::Suspended => Self::Suspended,
            Error::OpenElsewhere
            | Error::NewerStore { .. }
            | Error::ForeignStore
            | Error::OtherEnrolment
            | Error::WrongKey
            | Error::Corrupt
            | Error::DiskFull
            | Error::Signer
            | Error::Io(_) => Self::Store { code, advice },
            Error::Reply(_) => Self::Hub { code, advice },
            Error::Database { .. } => Self::Internal { report: format!("{code}: {advice}") },
        }
    }
}

#[cfg(feature = "uniffi")]
impl From<uniffi::UnexpectedUniFFICallbackError> for LastmileError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // The reason may hold what the app's own exception says, personal data included.
        Self::Internal { report: "a callback of the app failed".to_owned() }
    }
}
