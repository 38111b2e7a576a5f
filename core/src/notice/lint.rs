//! Words that evade or stay vague (M03). The courier is warned and decides.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A named list of words and phrases to warn about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WordList {
    /// Its name, repeated in each finding: `evasive`, `vague`.
    pub name: String,
    /// The words. Latin letters match in either case and as whole words.
    pub words: Vec<String>,
    /// Phrases in which a word of the list is harmless: 尽可能 holds 可能.
    #[serde(default)]
    pub except: Vec<String>,
}

/// One word found in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Finding {
    /// Where it starts: the byte in UTF-8.
    pub start: u32,
    /// Where it ends: the byte after it.
    pub end: u32,
    /// The word, as the list writes it.
    pub word: String,
    /// The name of the list.
    pub list: String,
}

static WORD_LISTS: LazyLock<Vec<WordList>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("words.json")).expect("words.json is read by a test")
});

/// Returns the lists that come with the library: `evasive` and `vague`.
pub fn word_lists() -> &'static [WordList] {
    &WORD_LISTS
}

/// Finds the words of `lists` in a message, in the order in which they stand.
///
/// Warns and never blocks. At one place the longest word of a list is reported.
pub fn lint_message(text: &str, lists: &[WordList]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = lists.iter().flat_map(|list| findings(text, list)).collect();
    findings.sort_by_key(|finding| (finding.start, finding.end));
    findings
}

fn findings(text: &str, list: &WordList) -> Vec<Finding> {
    let mut found = Vec::new();
    let harmless: Vec<_> = list.except.iter().flat_map(|phrase| places(text, phrase)).collect();
    let mut hits: Vec<(usize, usize, &String)> = list
        .words
        .iter()
        .flat_map(|word| places(text, word).into_iter().map(move |(start, end)| (start, end, word)))
        .filter(|(start, end, _)| !harmless.iter().any(|(from, to)| from <= start && end <= to))
        .collect();
    hits.sort_by_key(|&(start, end, _)| (start, usize::MAX - end));
    let mut free = 0;
    for (start, end, word) in hits {
        if let (true, Ok(from), Ok(to)) = (start >= free, u32::try_from(start), u32::try_from(end))
        {
            free = end;
            found.push(Finding {
                start: from,
                end: to,
                word: word.clone(),
                list: list.name.clone(),
            });
        }
    }
    found
}

/// Returns where a word stands, as byte ranges.
fn places(text: &str, word: &str) -> Vec<(usize, usize)> {
    // ASCII alone is folded, so that every byte keeps its place.
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    if word.is_empty() {
        return Vec::new();
    }
    let whole = |start: usize, end: usize| {
        let latin = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric());
        !(latin(word.chars().next()) && latin(text[..start].chars().next_back())
            || latin(word.chars().next_back()) && latin(text[end..].chars().next()))
    };
    text.match_indices(&word)
        .map(|(start, hit)| (start, start + hit.len()))
        .filter(|&(start, end)| whole(start, end))
        .collect()
}

/// Words with which a message addresses its reader politely (M39).
const POLITE: [&str; 11] =
    ["您", "先生", "女士", "小姐", "老师", "客户", "hello", "dear", "please", "mr", "ms"];

/// Finds that a message does not address its reader politely: 您 in Chinese, a greeting in
/// English. An empty message offends nobody.
pub fn without_address(text: &str) -> Option<Finding> {
    let polite = POLITE.iter().any(|word| !places(text, word).is_empty());
    let (start, end) = (0, 0);
    let (word, list) = ("您".to_owned(), "impolite".to_owned());
    (!polite && !text.trim().is_empty()).then_some(Finding { start, end, word, list })
}
