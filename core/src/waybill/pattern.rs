//! The little pattern language of `formats.json`.
//!
//! A regular expression engine would weigh more than the rest of this subject,
//! and the numbers of carriers need only fixed classes, counts and a few fixed
//! words. One pattern is read from the left:
//!
//! | written | stands for |
//! | --- | --- |
//! | `#` `@` `?` | a digit, a letter, either |
//! | `[3-68X]` | one of these characters |
//! | `<77\|43>` | one of these words |
//! | `{12}` `{9,10}` | so many of the item before |
//! | `(` `)` | the serial that the check digit is computed from |
//! | `!` | the next item is the check digit |
//! | a space | or else: another pattern of the same format |
//! | anything else | itself |

/// The alternatives of one format.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Vec<Vec<Item>>);

#[derive(Debug, Clone)]
enum Item {
    /// Between `least` and `most` characters of one class.
    Class {
        allowed: Class,
        least: usize,
        most: usize,
    },
    /// One of these words.
    Words(Vec<String>),
    SerialStarts,
    SerialEnds,
    CheckDigit,
}

/// A set over the 36 characters of a number: bit 0 to 9 the digits, 10 to 35 the letters.
type Class = u64;

const DIGITS: Class = 0x3ff;
const LETTERS: Class = 0x3ff_ffff << 10;

/// Where a number shows its serial and its check digit, by position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts {
    start: usize,
    end: usize,
    check: Option<usize>,
}

impl Parts {
    /// Returns the serial and the check character, when the format has one.
    pub(super) fn of(self, number: &[u8]) -> Option<(&[u8], u8)> {
        Some((number.get(self.start..self.end)?, *number.get(self.check?)?))
    }
}

impl Pattern {
    /// Reads the alternatives; `None` when the text is not in the language.
    pub(super) fn read(text: &str) -> Option<Self> {
        text.split(' ').map(read_alternative).collect::<Option<_>>().map(Self)
    }

    /// Returns every way in which this pattern explains the whole of `number`.
    pub(super) fn explain(&self, number: &[u8]) -> Vec<Parts> {
        let mut found = Vec::new();
        for items in &self.0 {
            walk(items, number, 0, Parts::default(), &mut found);
        }
        found
    }
}

fn walk(items: &[Item], number: &[u8], at: usize, mut parts: Parts, found: &mut Vec<Parts>) {
    let Some((item, rest)) = items.split_first() else {
        if at == number.len() {
            found.push(parts);
        }
        return;
    };
    match item {
        Item::SerialStarts => parts.start = at,
        Item::SerialEnds => parts.end = at,
        Item::CheckDigit => parts.check = Some(at),
        Item::Words(words) => {
            for word in words {
                if number[at..].starts_with(word.as_bytes()) {
                    walk(rest, number, at + word.len(), parts, found);
                }
            }
            return;
        }
        Item::Class { allowed, least, most } => {
            let run =
                number[at..].iter().take(*most).take_while(|&&byte| holds(*allowed, byte)).count();
            for taken in *least..=run {
                walk(rest, number, at + taken, parts, found);
            }
            return;
        }
    }
    walk(rest, number, at, parts, found);
}

fn read_alternative(text: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        let one = |allowed| Item::Class { allowed, least: 1, most: 1 };
        let item = match sign {
            '(' => Item::SerialStarts,
            ')' => Item::SerialEnds,
            '!' => Item::CheckDigit,
            '#' => one(DIGITS),
            '@' => one(LETTERS),
            '?' => one(DIGITS | LETTERS),
            '[' => one(read_set(take_until(&mut rest, ']')?)?),
            '<' => Item::Words(take_until(&mut rest, '>')?.split('|').map(str::to_owned).collect()),
            '{' => {
                let count = take_until(&mut rest, '}')?;
                let (low, high) = count.split_once(',').unwrap_or((count, count));
                let Some(Item::Class { least, most, .. }) = items.last_mut() else { return None };
                (*least, *most) = (low.parse().ok()?, high.parse().ok()?);
                continue;
            }
            literal => one(bit(u8::try_from(literal).ok()?)?),
        };
        items.push(item);
    }
    Some(items)
}

fn take_until<'a>(rest: &mut &'a str, end: char) -> Option<&'a str> {
    let (taken, after) = rest.split_once(end)?;
    *rest = after;
    Some(taken)
}

fn read_set(text: &str) -> Option<Class> {
    let mut set = 0;
    let mut bytes = text.bytes().peekable();
    while let Some(first) = bytes.next() {
        let last = if bytes.next_if_eq(&b'-').is_some() { bytes.next()? } else { first };
        for byte in first..=last {
            set |= bit(byte)?;
        }
    }
    Some(set)
}

fn bit(byte: u8) -> Option<Class> {
    match byte {
        b'0'..=b'9' => Some(1 << (byte - b'0')),
        b'A'..=b'Z' => Some(1 << (byte - b'A' + 10)),
        _ => None,
    }
}

fn holds(class: Class, byte: u8) -> bool {
    bit(byte).is_some_and(|bit| class & bit != 0)
}
