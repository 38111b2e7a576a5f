//! Refusals: what a rule says before the act, in words that help the person who meets it.

/// A rule speaks against an act. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// This kind of actor may not do it.
    #[error("this act belongs to another role; ask the station")]
    NotForThisActor,
}

impl Refusal {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotForThisActor => "NotForThisActor",
        }
    }

    /// Tells whether an act already done may be recorded against this refusal with a reason.
    pub fn can_be_recorded_against(&self) -> bool {
        match self {
            Self::NotForThisActor => false,
        }
    }
}
