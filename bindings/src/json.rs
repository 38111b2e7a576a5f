//! What comes and goes as JSON: acts that are data, and what an app keeps between two runs.

use lastmile_core::evidence::EvidenceRef;
use lastmile_core::sync::wire::Enrolment;
use lastmile_core::{Command, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;

/// Reads an act from its JSON form, `{"do": "arrive", "waybill": …}`.
///
/// For acts that come as data (a form sent by the station, a scenario file). An app's own
/// screens construct a `Command`.
#[uniffi::export]
pub fn command_from_json(json: String) -> Result<Command> {
    read(&json, "command", "the JSON form of a command")
}

/// Writes captured evidence as it stands in the JSON form of a command.
#[uniffi::export]
pub fn evidence_to_json(evidence: EvidenceRef) -> String {
    write(&evidence)
}

/// Reads an enrolment: what the hub answered, or what was kept with [`enrolment_to_json`].
#[uniffi::export]
pub fn parse_enrolment(json: String) -> Result<Enrolment> {
    read(&json, "enrolment", "the JSON form of an enrolment")
}

/// Writes an enrolment to be kept. It holds tokens: Keystore or Keychain, never a plain file.
#[uniffi::export]
pub fn enrolment_to_json(enrolment: Enrolment) -> String {
    write(&enrolment)
}

fn read<T: DeserializeOwned>(json: &str, field: &'static str, expected: &'static str) -> Result<T> {
    // The parser's own message would quote what it read, names and phone numbers included.
    Ok(serde_json::from_str(json).map_err(|_| Error::BadArgument { field, expected })?)
}

pub(crate) fn write(value: &impl Serialize) -> String {
    // Serialising plain structs into memory cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}
