//! Pickup codes (取件码): two phones without a signal never give out the same one (C6.12).
//!
//! A site's code numbers are handed out once each, by a row of the hub that only goes up. A phone
//! is lent a stretch of them while it has a signal and gives them out alone. A permutation under
//! the site's key turns a number into a code, so that nobody guesses the neighbour's. An event
//! holds a code's HMAC under the same key and never the code (C4.8).

use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::id::{Digest, SiteId};

/// Half of a code's digits: 10^4 values.
const HALF: u64 = 10_000;
/// Four rounds make such a network a permutation that cannot be told from chance; six cost nothing.
const ROUNDS: u8 = 6;
/// The block of SHA-256, as HMAC pads its key.
const BLOCK: usize = 64;

/// Who gives out the pickup codes of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CodeIssuer {
    /// The site, such as a locker's own system: the courier types what it shows.
    #[default]
    Site,
    /// The library, from numbers that the hub lent to the phone.
    Library,
}

/// A site's secret. Whoever has it can make and check the site's codes; it is never printed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeKey(pub Digest);

impl std::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

impl CodeKey {
    /// Returns what an event holds of a code. Spaces, hyphens and small letters do not matter.
    pub fn hash(&self, code: &str) -> Digest {
        let plain: String = code
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        self.hmac(&[b"lastmile code v1\n", plain.as_bytes()])
    }

    /// Returns the code of a number: eight digits, another one for each of 10^8 numbers.
    pub fn code(&self, number: u64) -> String {
        let (mut left, mut right) = ((number / HALF) % HALF, number % HALF);
        for round in 0..ROUNDS {
            let mac = self.hmac(&[b"lastmile code number v1\n", &[round], &right.to_be_bytes()]);
            let mixed = u64::from(u32::from_be_bytes([mac.0[0], mac.0[1], mac.0[2], mac.0[3]]));
            (left, right) = (right, (left + mixed) % HALF);
        }
        format!("{left:04}{right:04}")
    }

    /// HMAC-SHA256 (RFC 2104). The key is shorter than a block.
    fn hmac(&self, parts: &[&[u8]]) -> Digest {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(self.0.0).for_each(|(byte, key)| *byte ^= key);
            block
        };
        let mut inner: Vec<u8> = padded(0x36).to_vec();
        parts.iter().for_each(|part| inner.extend_from_slice(part));
        Digest::of(&[&padded(0x5c), &Digest::of(&[&inner]).0])
    }
}

/// A stretch of a site's code numbers that is one device's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeLease {
    /// Its first number.
    pub first: u64,
    /// How many.
    pub count: u32,
}

impl CodeLease {
    /// Returns the number after its last.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }
}

/// What a device asks for: a site's key and, if the library gives out its codes, more numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodesWanted {
    /// The site.
    pub site: SiteId,
    /// The end of the last lease that reached the device; 0 before the first. The hub sends a
    /// lease that ends beyond it again, so that a lost reply costs no numbers.
    pub to: u64,
}

/// What a device is sent of one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCodes {
    /// The site.
    pub site: SiteId,
    /// Its key.
    pub key: CodeKey,
    /// Numbers for this device alone; none where the site gives out its own codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<CodeLease>,
}

/// All that a device holds of the sites' codes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeBook(Vec<Page>);

/// One site's page in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Page {
    site: SiteId,
    key: CodeKey,
    /// The end of the last lease that came.
    to: u64,
    /// What is left of the leases, the oldest first.
    left: Vec<CodeLease>,
}

impl CodeBook {
    fn page(&self, site: &SiteId) -> Option<&Page> {
        self.0.iter().find(|page| &page.site == site)
    }

    /// Returns a site's key, if it has reached this device.
    pub fn key(&self, site: &SiteId) -> Option<&CodeKey> {
        self.page(site).map(|page| &page.key)
    }

    /// Returns the code that is given out next at a site; `None` when the lease is spent.
    pub fn next(&self, site: &SiteId) -> Option<String> {
        let page = self.page(site)?;
        page.left.first().map(|lease| page.key.code(lease.first))
    }

    /// Takes the number of a code that was given out off its lease. Tells whether it was one of
    /// these: a code that the site itself gave costs no number.
    pub fn spend(&mut self, code_hash: Option<Digest>) -> bool {
        let Some(code_hash) = code_hash else { return false };
        let given = self.0.iter_mut().find(|page| {
            let next = page.left.first().map(|lease| page.key.code(lease.first));
            next.is_some_and(|next| page.key.hash(&next) == code_hash)
        });
        let Some(page) = given else { return false };
        let lease = &mut page.left[0];
        lease.first += 1;
        lease.count -= 1;
        if lease.count == 0 {
            page.left.remove(0);
        }
        true
    }

    /// Adds what the hub sent. A lease that is here already is not added twice.
    pub fn take(&mut self, sent: &[SiteCodes]) {
        for codes in sent {
            let at = self.0.iter().position(|page| page.site == codes.site);
            let at = at.unwrap_or_else(|| {
                let (site, key) = (codes.site.clone(), codes.key);
                self.0.push(Page { site, key, to: 0, left: Vec::new() });
                self.0.len() - 1
            });
            let page = &mut self.0[at];
            if page.key != codes.key {
                // Another key makes other codes of the same numbers: none of the old count.
                *page = Page { key: codes.key, to: 0, left: Vec::new(), site: page.site.clone() };
            }
            if let Some(lease) =
                codes.lease.filter(|lease| lease.count > 0 && lease.end() > page.to)
            {
                page.to = lease.end();
                page.left.push(lease);
            }
        }
    }

    /// Forgets every lease: the store was found to be a copy of another, which may have spent
    /// them. The keys stay.
    pub(crate) fn forget_leases(&mut self) {
        for page in &mut self.0 {
            (page.to, page.left) = (0, Vec::new());
        }
    }

    /// Returns what to ask the hub for: keys that are not here, and numbers where fewer than a
    /// quarter of a lease of `lease` are left.
    pub fn wanted(&self, directory: &Directory, lease: u32) -> Vec<CodesWanted> {
        let wanted = directory.sites.iter().filter(|site| match self.page(&site.id) {
            None => true,
            Some(page) => {
                let left: u64 = page.left.iter().map(|lease| u64::from(lease.count)).sum();
                site.codes == CodeIssuer::Library && left < u64::from(lease).div_ceil(4)
            }
        });
        let to = |id| self.page(id).map_or(0, |page| page.to);
        wanted.map(|site| CodesWanted { site: site.id.clone(), to: to(&site.id) }).collect()
    }
}

/// What can be said here of a code that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum CodeCheck {
    /// It is one of those that were given out for this stay, and the stay is not over.
    Verified,
    /// It is none of those known here, or its time is over. A newer one may not have reached this
    /// phone: look at the label and the courier's number, and the hub compares it later.
    Unverified,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::id::StationId;
    use crate::testing::site;

    fn key(n: u8) -> CodeKey {
        CodeKey(Digest([n; 32]))
    }

    fn sent(lease: Option<CodeLease>) -> SiteCodes {
        SiteCodes { site: site("YZ-1"), key: key(1), lease }
    }

    fn book(first: u64, count: u32) -> CodeBook {
        let mut book = CodeBook::default();
        book.take(&[sent(Some(CodeLease { first, count }))]);
        book
    }

    fn directory(codes: CodeIssuer) -> Directory {
        let mut directory = Directory::empty(StationId::new("JL31").unwrap());
        directory.sites = crate::testing::Scene::new().directory.sites;
        directory.sites.truncate(1);
        directory.sites[0].codes = codes;
        directory
    }

    /// Gives out the next code, as storing a parcel does.
    fn give(book: &mut CodeBook) -> Option<String> {
        let code = book.next(&site("YZ-1"))?;
        assert!(book.spend(Some(key(1).hash(&code))));
        Some(code)
    }

    #[test]
    fn the_keyed_hash_is_hmac_sha256() {
        // RFC 4231, test case 2; a short key is padded with zeros.
        let mut jefe = Digest::default();
        jefe.0[..4].copy_from_slice(b"Jefe");
        let mac = CodeKey(jefe).hmac(&[b"what do ya want ", b"for nothing?"]);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(mac.to_string(), expected);
    }

    #[test]
    fn a_code_is_read_with_gaps_and_small_letters() {
        assert_eq!(key(1).hash("a12-34 5"), key(1).hash("A12345"));
        assert_ne!(key(1).hash("A12345"), key(2).hash("A12345"));
        assert_eq!(format!("{:?}", sent(None).key), "CodeKey(…)");
    }

    #[test]
    fn different_numbers_make_different_codes_that_do_not_look_like_neighbours() {
        let numbers =
            (0..20_000).chain(99_990_000..100_000_000).chain((0..10_000).map(|n| n * 9_973));
        let numbers: BTreeSet<u64> = numbers.collect();
        let codes: BTreeSet<String> = numbers.iter().map(|n| key(1).code(*n)).collect();
        assert_eq!(codes.len(), numbers.len());
        assert!(codes.iter().all(|code| code.len() == 8));
        let digits = |n| key(1).code(n).parse::<i64>().unwrap();
        let near = (0..1_000).filter(|n| (digits(n + 1) - digits(*n)).abs() < 1_000).count();
        assert!(near < 5, "{near} of 1,000 codes lie beside their neighbour");
    }

    #[test]
    fn a_spent_lease_gives_no_more_codes_and_more_are_asked_for_before() {
        let mut book = book(0, 4);
        let ours = directory(CodeIssuer::Library);
        assert_eq!(book.wanted(&ours, 4), []);
        let codes: BTreeSet<_> = std::iter::from_fn(|| give(&mut book)).collect();
        assert_eq!(codes.len(), 4);
        assert_eq!(book.wanted(&ours, 4), [CodesWanted { site: site("YZ-1"), to: 4 }]);
        assert_eq!(book.wanted(&directory(CodeIssuer::Site), 4), [], "a locker has its own");
        assert!(!book.spend(Some(key(1).hash("1234"))));
    }

    #[test]
    fn a_key_is_asked_for_once_wherever_codes_come_from() {
        let mut book = CodeBook::default();
        let theirs = directory(CodeIssuer::Site);
        assert_eq!(book.wanted(&theirs, 4).len(), 1);
        book.take(&[sent(None)]);
        assert_eq!(book.wanted(&theirs, 4), []);
    }

    #[test]
    fn a_copy_of_a_store_gives_out_no_code_of_the_old_lease() {
        let mut book = book(0, 4);
        book.forget_leases();
        assert_eq!(book.next(&site("YZ-1")), None);
        assert!(book.key(&site("YZ-1")).is_some());
    }

    proptest! {
        /// A hub that sends again what may not have arrived, two phones, replies that get lost or
        /// come twice: no code is ever given out twice.
        #[test]
        fn two_phones_never_give_out_the_same_code(
            acts in prop::collection::vec((0usize..2, 0u8..6), 0..200),
        ) {
            let ours = directory(CodeIssuer::Library);
            let mut phones = [CodeBook::default(), CodeBook::default()];
            let (mut next, mut last) = (0u64, [None::<CodeLease>; 2]);
            let mut given = BTreeSet::new();
            for (who, act) in acts {
                if act > 1 {
                    if let Some(code) = give(&mut phones[who]) {
                        prop_assert!(given.insert(code), "given out twice");
                    }
                    continue;
                }
                for wanted in phones[who].wanted(&ours, 8) {
                    let lease = last[who].filter(|last| last.end() > wanted.to);
                    let lease = lease.unwrap_or_else(|| {
                        next += 8;
                        CodeLease { first: next - 8, count: 8 }
                    });
                    last[who] = Some(lease);
                    if act == 0 {
                        phones[who].take(&[sent(Some(lease))]);
                        phones[who].take(&[sent(Some(lease))]);
                    }
                }
            }
        }
    }
}
