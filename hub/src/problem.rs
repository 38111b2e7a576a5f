//! Why the hub did not do what it was asked, and what to do about it.
//!
//! No name, phone, address, free text, token or SQL value is ever part of one.

use lastmile_core::document::Unfit;
use lastmile_core::sync::wire::Problem;

/// The result of everything in the hub that can fail.
pub type Result<T, E = HubError> = std::result::Result<T, E>;

/// Why a request failed. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The one who asks must ask differently.
    #[error("{code}: {advice}")]
    Asked {
        /// The HTTP status.
        status: u16,
        /// Stable code.
        code: &'static str,
        /// What to do.
        advice: String,
    },
    /// A rule speaks against a clerk's act.
    #[error("{0}")]
    Refused(lastmile_core::Refusal),
    /// A policy pack or a directory is not adopted.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The core refused an argument or failed.
    #[error("{0}")]
    Core(#[from] lastmile_core::Error),
    /// The database was written by a newer release.
    #[error("the hub's database was written by a newer release; update lastmile-hub")]
    NewerStore,
    /// The database failed.
    #[error("the hub's database failed ({code})")]
    Database {
        /// `SQLite`'s extended result code.
        code: i32,
    },
    /// A file could not be read or written.
    #[error("a file of the hub could not be read or written ({0:?})")]
    Io(std::io::ErrorKind),
    /// Something the hub wrote itself cannot be read back.
    #[error("the hub's own record of {0} is damaged")]
    Damaged(&'static str),
}

impl HubError {
    /// A mistake of the one who asks.
    pub fn asked(status: u16, code: &'static str, advice: impl Into<String>) -> Self {
        Self::Asked { status, code, advice: advice.into() }
    }

    /// The token is missing, wrong or has expired.
    pub fn unauthorised() -> Self {
        Self::asked(401, "Unauthorised", "the token is missing, wrong or expired; sign in again")
    }

    /// There is no such thing, or it is not for the one who asks.
    pub fn not_found(what: &str) -> Self {
        Self::asked(404, "NotFound", format!("{what} is not known at this hub"))
    }

    /// A body has the wrong shape.
    pub fn malformed(expected: &str) -> Self {
        Self::asked(400, "Malformed", format!("the body is not {expected}"))
    }

    /// A body is longer than allowed.
    pub fn too_large(limit: u64) -> Self {
        let advice = format!("the body is longer than {limit} bytes; send it in smaller parts");
        Self::asked(413, "RequestTooLarge", advice)
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Asked { status, .. } => *status,
            Self::Unfit(Unfit::Faulty { .. }) => 422,
            Self::Unfit(_) | Self::Refused(_) | Self::Core(lastmile_core::Error::Refused(_)) => 409,
            Self::Core(lastmile_core::Error::NotFound { .. }) => 404,
            Self::Core(_) => 400,
            Self::NewerStore | Self::Database { .. } | Self::Io(_) | Self::Damaged(_) => 500,
        }
    }

    /// Returns the body of the answer.
    pub fn problem(&self) -> Problem {
        let (code, advice) = match self {
            Self::Asked { code, advice, .. } => (*code, advice.clone()),
            Self::Refused(refusal) => (refusal.code(), refusal.to_string()),
            Self::Unfit(unfit) => (unfit.code(), unfit.to_string()),
            Self::Core(error) => (error.code(), error.to_string()),
            Self::NewerStore | Self::Database { .. } | Self::Io(_) | Self::Damaged(_) => {
                ("HubFailed", "the hub could not do it now; try again later".to_owned())
            }
        };
        Problem { code: code.to_owned(), advice }
    }
}

impl From<lastmile_core::Refusal> for HubError {
    fn from(refusal: lastmile_core::Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<rusqlite::Error> for HubError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                Self::Database { code: failure.extended_code }
            }
            _ => Self::Database { code: 0 },
        }
    }
}

impl From<std::io::Error> for HubError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}
