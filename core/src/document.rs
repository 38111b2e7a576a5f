//! Signed documents: the policy pack and the directory travel as the exact bytes the hub signed.
//!
//! The hub's key is certified by the root key that the phone pinned at enrolment, so a document
//! is believed whoever brings it. What is wrong with one is told all at once, and a document with
//! a fault is refused whole: the one in force stays.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::signature::verifies;
use crate::sync::wire::HubKey;

/// A document as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The exact bytes of the document: JSON with its version inside.
    pub body: String,
    /// The hub's key that signed, with the root's certificate.
    pub key: HubKey,
    /// P-256 signature over [`document_text`], DER in hexadecimal.
    pub signature: String,
}

/// What a signed document is. Part of what is signed, so that none can stand for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Document {
    /// The policy pack.
    Policy,
    /// The directory of one station.
    Directory,
    /// A [`Succession`](crate::sync::wire::Succession).
    Succession,
}

/// The text that the hub signs for a document.
pub fn document_text(document: Document, body: &str) -> String {
    let name = match document {
        Document::Policy => "policy",
        Document::Directory => "directory",
        Document::Succession => "succession",
    };
    format!("lastmile {name} v1\n{body}")
}

impl Signed {
    /// Returns the document's bytes if the root key (P-256 SEC1, hexadecimal) stands behind them.
    ///
    /// # Errors
    /// `BadSignature` if the root did not certify the key, or the key did not sign these bytes.
    pub fn verified(&self, document: Document, root_key: &str) -> Result<&str, Unfit> {
        let text = document_text(document, &self.body);
        if self.key.is_certified_by(root_key)
            && verifies(&self.key.public, text.as_bytes(), &self.signature)
        {
            Ok(&self.body)
        } else {
            Err(Unfit::BadSignature)
        }
    }
}

/// Why a document is not adopted. The one in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No key that the pinned root certified signed these bytes.
    #[error("the document is not signed by this hub; the one in force stays, tell the station")]
    BadSignature,
    /// The version is not above the one in force.
    #[error("version {offered} is not newer than {in_force}, which is in force; raise the version")]
    NotNewer {
        /// The version offered.
        offered: u32,
        /// The version in force.
        in_force: u32,
    },
    /// Everything that is wrong with it.
    #[error("{}", listed(faults))]
    Faulty {
        /// All faults, in the order of the document.
        faults: Vec<Fault>,
    },
}

fn listed(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    format!("{} faults: {}", faults.len(), lines.join("; "))
}

impl Unfit {
    /// Returns the stable code, which never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadSignature => "DocumentBadSignature",
            Self::NotNewer { .. } => "DocumentNotNewer",
            Self::Faulty { .. } => "DocumentFaulty",
        }
    }

    /// Passes if `faults` is empty.
    pub(crate) fn if_any(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self::Faulty { faults }) }
    }

    /// Passes if the version is above the one in force.
    pub(crate) fn if_older(offered: u32, in_force: u32) -> Result<(), Self> {
        if offered > in_force { Ok(()) } else { Err(Self::NotNewer { offered, in_force }) }
    }
}

/// A document that the hub offered and this phone did not adopt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAdopted {
    /// Which.
    pub document: Document,
    /// Why.
    pub why: Unfit,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The part of the document: a layer of the pack (`company`, `station JL31`, `peak spring`),
    /// a site or an entry of the catalogue.
    pub part: String,
    /// The value or field, empty if the fault is the whole part's.
    pub name: String,
    /// What is wrong.
    pub problem: Problem,
}

impl Fault {
    /// A fault of one value of a part.
    pub(crate) fn new(part: impl Into<String>, name: impl Into<String>, problem: Problem) -> Self {
        Self { part: part.into(), name: name.into(), problem }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.name.is_empty() { "" } else { ", " };
        write!(f, "{}{between}{}: {}", self.part, self.name, self.problem)
    }
}

/// What is wrong with a part of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("expected {expected}")]
    WrongType {
        /// What it should be.
        expected: String,
    },
    /// There is no such field, layer or value.
    #[error("no such name here")]
    Unknown,
    /// It is there twice.
    #[error("stands twice")]
    Twice,
    /// It must be there.
    #[error("is missing or empty")]
    Missing,
    /// A floor may only be tightened.
    #[error("would loosen the floor {floor}")]
    Loosened {
        /// The value that may only be tightened, as JSON.
        floor: String,
    },
    /// A value of which neither side is stricter cannot be a floor.
    #[error("cannot be a floor: neither side of it is stricter")]
    NoStricterSide,
    /// A time window ends before it starts.
    #[error("a window ends before it starts")]
    WindowBackwards,
    /// Two peaks would be on at one time.
    #[error("is on at the same time as {other}")]
    Overlaps {
        /// The other peak.
        other: String,
    },
}

#[cfg(test)]
pub(crate) mod tests {
    use p256::ecdsa::signature::Signer as _;
    use p256::ecdsa::{DerSignature, SigningKey};

    use uuid::Uuid;

    use super::*;
    use crate::courier::{Courier, Identity, Options};
    use crate::id::{DeviceId, HubEpoch};
    use crate::sync::wire::{self, Limits, PROTOCOL, ReplyHeader, key_text};
    use crate::sync::{HubReply, Next, SyncChannel};
    use crate::testing::{MORNING_MS, key, station};

    /// A root and a working key, as a hub has them.
    pub(crate) struct TestHub {
        root: SigningKey,
        working: SigningKey,
    }

    impl TestHub {
        pub(crate) fn new(seed: u8) -> Self {
            let key = |n: u8| SigningKey::from_slice(&[n; 32]).unwrap();
            Self { root: key(seed), working: key(seed + 100) }
        }

        pub(crate) fn root_key(&self) -> String {
            hex(self.root.verifying_key().to_sec1_point(false).as_bytes())
        }

        pub(crate) fn sign(&self, document: Document, body: &str) -> Signed {
            let public = hex(self.working.verifying_key().to_sec1_point(false).as_bytes());
            let certificate: DerSignature = self.root.sign(key_text("hub-1", &public).as_bytes());
            let signature: DerSignature =
                self.working.sign(document_text(document, body).as_bytes());
            Signed {
                body: body.to_owned(),
                key: HubKey {
                    key: "hub-1".into(),
                    public,
                    certificate: hex(&certificate.to_bytes()),
                },
                signature: hex(&signature.to_bytes()),
            }
        }
    }

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    #[test]
    fn a_document_is_believed_for_the_pinned_root_alone() {
        let (ours, theirs) = (TestHub::new(1), TestHub::new(2));
        let signed = ours.sign(Document::Policy, "{}");
        assert_eq!(signed.verified(Document::Policy, &ours.root_key()), Ok("{}"));
        for root in [theirs.root_key(), String::new()] {
            assert_eq!(signed.verified(Document::Policy, &root), Err(Unfit::BadSignature));
        }
    }

    #[test]
    fn a_changed_byte_or_another_purpose_breaks_the_signature() {
        let hub = TestHub::new(1);
        let signed = hub.sign(Document::Policy, r#"{"version":2}"#);
        let changed = Signed { body: r#"{"version":3}"#.into(), ..signed.clone() };
        let root = hub.root_key();
        assert_eq!(changed.verified(Document::Policy, &root), Err(Unfit::BadSignature));
        assert_eq!(signed.verified(Document::Directory, &root), Err(Unfit::BadSignature));
    }

    /// Takes a reply that holds nothing but a policy pack.
    fn pull(courier: &mut Courier, policy: Option<Signed>) {
        courier.pull_soon();
        let Next::Send { request } = courier.next_request(SyncChannel::Events).unwrap() else {
            panic!("a pull was asked for");
        };
        let header = ReplyHeader {
            protocol: PROTOCOL,
            epoch: courier.identity().epoch,
            hub_ms: MORNING_MS,
            verdicts: Vec::new(),
            vault_refused: Vec::new(),
            receipt: None,
            received_to: 0,
            durable_to: None,
            lane_seqs: Vec::new(),
            vault: 0,
            cursor: 7,
            rest: None,
            more: false,
            lanes: None,
            directory: None,
            policy,
            codes: Vec::new(),
            session_ended: false,
            limits: Limits::default(),
            retry_after_ms: None,
        };
        let body = wire::body(&header, &[], &[]);
        let reply = HubReply::Answer { status: 200, headers: Vec::new(), body };
        courier.apply_reply(request.id, &reply).unwrap();
    }

    #[test]
    fn a_pack_that_does_not_fit_is_refused_whole_and_holds_nothing_up() {
        let (ours, theirs) = (TestHub::new(1), TestHub::new(2));
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity {
            device: DeviceId(Uuid::from_u128(1)),
            courier: crate::testing::courier("A"),
            station: station(),
            root_key: ours.root_key(),
            epoch: HubEpoch(Uuid::from_u128(2)),
        };
        let mut courier =
            Courier::open(Options::folder(folder.path(), key(), 480), identity).unwrap();
        let pack = |version: u32, closure_h: u32, source: &str| {
            let values = format!(
                r#"{{"name":"closure_h","value":{closure_h},"floor":true,"source":"{source}"}}"#
            );
            format!(
                r#"{{"format":"lastmile policy v1","version":{version},"layers":[{{"layer":"company","values":[{values}]}}]}}"#
            )
        };
        let in_force = |courier: &Courier| (courier.policy().version, courier.policy().closure_h);
        let code = |courier: &Courier| courier.not_adopted().first().map(|not| not.why.code());

        pull(&mut courier, Some(theirs.sign(Document::Policy, &pack(2, 12, "theirs"))));
        assert_eq!((in_force(&courier), code(&courier)), ((1, 24), Some("DocumentBadSignature")));
        pull(&mut courier, Some(ours.sign(Document::Policy, &pack(2, 12, ""))));
        assert_eq!((in_force(&courier), code(&courier)), ((1, 24), Some("DocumentFaulty")));

        pull(&mut courier, Some(ours.sign(Document::Policy, &pack(3, 12, "ours"))));
        assert_eq!((in_force(&courier), code(&courier)), ((3, 12), None));
        assert_eq!(courier.explain_policy("closure_h").unwrap().source, "ours");
        assert!(courier.explain_policy("closure_hours").is_err());

        pull(&mut courier, Some(ours.sign(Document::Policy, &pack(2, 20, "replayed"))));
        assert_eq!((in_force(&courier), code(&courier)), ((3, 12), Some("DocumentNotNewer")));
        courier.suspend().unwrap();
        courier.resume().unwrap();
        assert_eq!(in_force(&courier), (3, 12), "it survives a restart");
    }
}
