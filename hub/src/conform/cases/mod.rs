//! The cases, one file per subject.

/// Lists a subject's cases: what each needs, the heading it rests on, and its function, whose
/// name is the rule.
macro_rules! cases {
    ($($level:ident $section:literal $name:ident;)*) => {
        pub(in crate::conform) const CASES: &[crate::conform::run::Case] = &[$(
            crate::conform::run::Case {
                name: stringify!($name),
                section: $section,
                level: crate::conform::run::Level::$level,
                ask: $name,
            }
        ),*];
    };
}

mod bad_media;
mod bodies;
mod chain;
mod desk;
mod documents;
mod enrolment;
mod feed;
mod groups;
mod media;
mod parcels;
mod park;
mod places;
mod previews;
mod receipts;
mod sessions;
mod signatures;
mod sites;
mod together;
mod transfer;
mod vault;

use super::run::Case;

/// Every subject, the simplest first.
pub(super) const SUBJECTS: &[(&str, &[Case])] = &[
    ("enrolment", enrolment::CASES),
    ("sessions", sessions::CASES),
    ("places in a lane", places::CASES),
    ("chains and forks", chain::CASES),
    ("signatures", signatures::CASES),
    ("the park", park::CASES),
    ("groups", groups::CASES),
    ("receipts", receipts::CASES),
    ("bodies and problems", bodies::CASES),
    ("feeds", feed::CASES),
    ("persons and texts", vault::CASES),
    ("policy and directory", documents::CASES),
    ("media", media::CASES),
    ("media that are refused", bad_media::CASES),
    ("previews", previews::CASES),
    ("requests at the same time", together::CASES),
    ("transfers", transfer::CASES),
    ("parcels of the station", parcels::CASES),
    ("the clerk's desk", desk::CASES),
    ("sites and their codes", sites::CASES),
];
