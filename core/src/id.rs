//! Identifiers: one newtype each, so that a case is never mistaken for an event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Entropy;

/// Declares an identifier that is a UUID version 7, made on the device.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a new identifier; `ms` is the wall clock in UTC milliseconds and only sorts it.
            pub fn new(ms: i64, entropy: &dyn Entropy) -> Self {
                Self(new_uuid(ms, entropy))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Error;
            fn from_str(text: &str) -> Result<Self, crate::Error> {
                Uuid::parse_str(text).map(Self).map_err(|_| crate::Error::BadArgument {
                    field: stringify!($name),
                    expected: "a UUID",
                })
            }
        }

        #[cfg(feature = "uniffi")]
        uniffi::custom_type!($name, String, {
            try_lift: |text| Ok(text.parse::<$name>().map_err(crate::LastmileError::from)?),
            lower: |id| id.to_string(),
        });
    };
}

/// Declares an identifier the company gives: a short text without spaces.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes 1 to 40 characters of `A-Z a-z 0-9 _ . -`; anything else is refused, so that
            /// no identifier can carry a path, a name or a phone number with its spaces.
            pub fn new(text: impl Into<String>) -> crate::Result<Self> {
                let text = text.into();
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
                if text.is_empty() || text.len() > 40 || !text.chars().all(plain) {
                    return Err(crate::Error::BadArgument {
                        field: stringify!($name),
                        expected: "1 to 40 letters, digits, '_', '.' or '-'",
                    });
                }
                Ok(Self(text))
            }

            /// Returns the identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "uniffi")]
        uniffi::custom_type!($name, String, {
            try_lift: |text| Ok($name::new(text).map_err(crate::LastmileError::from)?),
            lower: |id| id.0,
        });
    };
}

uuid_id!(
    /// One recorded fact.
    EventId
);
uuid_id!(
    /// One phone's store, or one station's hub, as the hub enrolled it.
    DeviceId
);
uuid_id!(
    /// One exception case or one complaint.
    CaseId
);
uuid_id!(
    /// One photo, video or signature, from the moment of capture.
    EvidenceId
);
uuid_id!(
    /// One consent to temporary storage.
    ConsentId
);
uuid_id!(
    /// One morning's list of expected parcels.
    ManifestId
);
uuid_id!(
    /// One transfer of parcels from a courier to another.
    TransferId
);
uuid_id!(
    /// One life of a hub's database; a restored backup starts a new one.
    HubEpoch
);

text_id!(
    /// A courier's number (工号), as on the badge.
    CourierNo
);
text_id!(
    /// A clerk's number at a station.
    ClerkNo
);
text_id!(
    /// A delivery station (网点).
    StationId
);
text_id!(
    /// A place that may hold parcels: station counter, locker, property desk, neighbour.
    SiteId
);
text_id!(
    /// A pick-up order (揽收单号), as the station or the platform numbers it.
    OrderNo
);

/// Makes a UUID version 7.
pub(crate) fn new_uuid(ms: i64, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0u8; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(ms).unwrap_or(0), &random).into_uuid()
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Hashes the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Takes exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Digest {
    type Err = crate::Error;
    fn from_str(text: &str) -> crate::Result<Self> {
        data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or(crate::Error::BadArgument { field: "Digest", expected: "64 hexadecimal digits" })
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Digest, String, {
    try_lift: |text| Ok(text.parse::<Digest>().map_err(crate::LastmileError::from)?),
    lower: |digest| digest.to_string(),
});
