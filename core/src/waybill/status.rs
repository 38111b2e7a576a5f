//! What other systems' status codes mean here (M14, M36).
//!
//! The table `statuses.csv` is data: vocabulary, code, meaning, and the kind of fact it comes to;
//! empty where it comes to none. A kind that this release does not write is none either.

use std::sync::LazyLock;

use crate::event::Fact;

/// One code of one vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CarrierStatus {
    /// Whose code it is: `kdniao`, `kuaidi100`, `upu_emsevt`.
    pub vocabulary: &'static str,
    /// The code.
    pub code: &'static str,
    /// What its owner says it means.
    pub meaning: &'static str,
    /// The kind of fact it comes to, if any.
    pub fact: Option<&'static str>,
}

static STATUSES: LazyLock<Vec<CarrierStatus>> =
    LazyLock::new(|| include_str!("statuses.csv").lines().skip(1).filter_map(read_line).collect());

fn read_line(line: &'static str) -> Option<CarrierStatus> {
    let mut cells = line.splitn(4, ',');
    let (vocabulary, code, meaning) = (cells.next()?, cells.next()?, cells.next()?);
    let kind = cells.next()?;
    let known = Fact::KINDS.iter().map(|(known, _)| *known).find(|known| *known == kind);
    Some(CarrierStatus { vocabulary, code, meaning, fact: known })
}

/// Returns every code known, in the table's order.
pub fn carrier_statuses() -> &'static [CarrierStatus] {
    &STATUSES
}

/// Returns what a code means; `None` if it is not known.
pub fn carrier_status(vocabulary: &str, code: &str) -> Option<&'static CarrierStatus> {
    STATUSES.iter().find(|status| status.vocabulary == vocabulary && status.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/vocab/status_vocab.csv");

    #[test]
    fn the_table_is_the_public_one() {
        assert_eq!(include_str!("statuses.csv"), std::fs::read_to_string(SOURCE).unwrap());
        assert_eq!(carrier_statuses().len(), 97);
    }

    #[test]
    fn a_code_comes_to_one_kind_of_fact() {
        let fact = |vocabulary, code| carrier_status(vocabulary, code).and_then(|found| found.fact);
        assert_eq!(fact("kdniao", "1"), Some("ParcelCollected"));
        assert_eq!(fact("kuaidi100", "501"), Some("ParcelStored"));
        assert_eq!(fact("upu_emsevt", "EMA"), Some("ParcelCollected"));
        assert_eq!(fact("kdniao", "10"), None, "it waits to be picked up: nothing happened");
        assert_eq!(carrier_status("kdniao", "999"), None);
        let codes: std::collections::BTreeSet<_> =
            carrier_statuses().iter().map(|status| (status.vocabulary, status.code)).collect();
        assert_eq!(codes.len(), carrier_statuses().len(), "each code once");
    }
}
