//! Masking, as GB/T 41833-2022 asks of a waybill (rules R20 to R22).
//!
//! Each mask is total: whatever a customer typed comes back with at least the
//! required part hidden, and where the text is not understood more is hidden,
//! never less. A masked text masks to itself. A hidden character becomes `*`.

mod address;
#[cfg(test)]
mod tests;

use crate::policy::Policy;

pub(crate) use address::doors;

/// How much is hidden: the mask values of a policy. The default is the law's floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    /// The fewest characters hidden of each part of a name (R20).
    pub name_chars: usize,
    /// The fewest digits hidden of each phone number (R21).
    pub phone_digits: usize,
    /// Unit and room are hidden (R22).
    pub doors: bool,
}

impl Default for Mask {
    fn default() -> Self {
        Policy::default().mask()
    }
}

/// Surnames of two characters; every other Chinese surname is taken as one.
const COMPOUND_SURNAMES: [&str; 50] = [
    "欧阳", "歐陽", "司马", "司馬", "上官", "诸葛", "諸葛", "夏侯", "东方", "東方", "皇甫", "尉迟",
    "尉遲", "公孙", "公孫", "慕容", "令狐", "宇文", "长孙", "長孫", "司徒", "司空", "端木", "南宫",
    "南宮", "西门", "西門", "东郭", "百里", "呼延", "轩辕", "軒轅", "闻人", "澹台", "公冶", "宗政",
    "濮阳", "淳于", "单于", "太叔", "申屠", "仲孙", "钟离", "鲜于", "拓跋", "独孤", "赫连", "梁丘",
    "左丘", "纳兰",
];

impl Mask {
    /// Hides the given name and shows the surname (R20): 王小明 becomes `王**`.
    ///
    /// A compound surname stays whole (欧阳娜 becomes `欧阳*`), a name of one
    /// character is hidden altogether, and each part of a foreign name keeps its
    /// first letter (`J*** S****`), unless the policy asks for more.
    pub fn name(&self, name: &str) -> String {
        let mut masked = String::with_capacity(name.len());
        let mut part = Vec::new();
        for character in name.chars() {
            if separates_names(character) {
                push_name(&mut masked, &part, self.name_chars);
                part.clear();
                masked.push(character);
            } else {
                part.push(character);
            }
        }
        push_name(&mut masked, &part, self.name_chars);
        masked
    }

    /// Hides six digits or more, as the policy asks, of each number (R21): `138******78`.
    ///
    /// The country code, the network or area code and at most two last digits stay,
    /// an extension is hidden whole, and letters are left out, for they are no part
    /// of a number. Several numbers in one text are masked each.
    pub fn phone(&self, phone: &str) -> String {
        let mut masked = String::with_capacity(phone.len());
        let mut number = Vec::new();
        for character in phone.chars() {
            if matches!(character, ',' | '，' | ';' | '；' | '/' | '／' | '、' | '|' | '\n') {
                masked.extend(mask_number(&number, self.phone_digits));
                number.clear();
                masked.push(character);
            } else {
                push_sign(&mut number, character);
            }
        }
        masked.extend(mask_number(&number, self.phone_digits));
        masked
    }

    /// Hides unit and room of an address (R22): 文三路100号阳光小区3栋2单元501室 becomes
    /// 文三路100号阳光小区`***`.
    ///
    /// Knows 栋, 号楼, 单元, 层, 室, `3-2-501`, bare room numbers and `Room 12B`. Hides more than it
    /// must where the text leaves a doubt.
    pub fn address(&self, address: &str) -> String {
        if self.doors { address::mask_address(address) } else { address.to_owned() }
    }

    /// Hides what is certainly a unit or a room and keeps the rest of the text.
    ///
    /// For texts that are not addresses but may name one, such as a place on a notice.
    pub fn place(&self, text: &str) -> String {
        if self.doors { address::mask_rooms(text) } else { text.to_owned() }
    }
}

fn push_name(masked: &mut String, part: &[char], hidden: usize) {
    let compound =
        COMPOUND_SURNAMES.iter().any(|surname| part.iter().copied().take(2).eq(surname.chars()));
    let shown = match part.len() {
        0 | 1 => 0,
        2 => 1,
        _ if compound => 2,
        _ => 1,
    };
    let shown = shown.min(part.len().saturating_sub(hidden));
    masked.extend(part.iter().take(shown));
    masked.extend(part.iter().skip(shown).map(|_| '*'));
}

/// Everything that stands between names. What is not known here counts as a name.
fn separates_names(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || (character.is_ascii_punctuation() && character != '*')
        || matches!(character, '·' | '・' | '•' | '‧')
        || matches!(character, '\u{2010}'..='\u{2027}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301f}')
        || matches!(character, '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
}

/// What stands between the main number and an extension in a masked number.
const EXTENSION: char = '转';

/// Appends one character of a number in its plain form; what is none is dropped.
fn push_sign(number: &mut Vec<char>, character: char) {
    let sign = match character {
        '０'..='９' => char::from_u32(character as u32 - '０' as u32 + '0' as u32),
        '+' | '＋' => Some('+'),
        '(' | '（' => Some('('),
        ')' | '）' => Some(')'),
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '－' => Some('-'),
        '转' | '轉' | '分' | '#' | '＃' | 'x' | 'X' => Some(EXTENSION),
        other if other.is_whitespace() => Some(' '),
        other if is_position(other) => Some(other),
        _ => None,
    };
    number.extend(sign);
}

/// A digit of any script, a digit in words, or a digit that is hidden already.
fn is_position(character: char) -> bool {
    character == '*' || character.is_numeric() || "零一二三四五六七八九幺".contains(character)
}

fn mask_number(number: &[char], to_hide: usize) -> Vec<char> {
    let positions: Vec<usize> = (0..number.len()).filter(|&at| is_position(number[at])).collect();
    let digits: Vec<char> = positions.iter().map(|&at| number[at]).collect();
    let sign = number.iter().position(|&sign| sign == EXTENSION).unwrap_or(number.len());
    let before_sign = positions.iter().filter(|&&at| at < sign).count();
    let country = country_code(number, &digits[..before_sign]);
    let main = if sign < number.len() { before_sign } else { main_digits(number, country) };
    let (first, last) = shown_ends(&digits[..main], country, to_hide);
    let hidden = first..main - last;

    let mut masked = number.to_vec();
    for (nth, &at) in positions.iter().enumerate() {
        if hidden.contains(&nth) || nth >= main {
            masked[at] = '*';
        }
    }
    masked
}

/// Returns how many leading digits are a country code.
fn country_code(number: &[char], digits: &[char]) -> usize {
    let starts = |code: &str| digits.iter().copied().take(code.len()).eq(code.chars());
    let plus = number.iter().find(|sign| !matches!(sign, ' ' | '(')) == Some(&'+');
    let whole = digits.len() == 13 && (starts("861") || starts("86*"));
    if starts("0086") {
        4
    } else if plus && starts("86") || whole {
        2
    } else if plus && ["852", "853", "886"].into_iter().any(starts) {
        3
    } else {
        0
    }
}

/// Returns how many digits stand before an extension without a sign: a short last
/// group behind a number that is complete without it (`010-12345678-801`).
fn main_digits(number: &[char], country: usize) -> usize {
    let count = |signs: &[char]| signs.iter().filter(|&&sign| is_position(sign)).count();
    let (all, hyphen) = (count(number), number.iter().rposition(|&sign| sign == '-'));
    let main = hyphen.map_or(all, |hyphen| count(&number[..hyphen]));
    if main >= country + 10 && all - main <= 6 { main } else { all }
}

/// Returns how many digits may be shown at both ends of a number.
///
/// What may be shown goes to the country code first (whole, or nothing is shown), then to the last
/// two digits, then to the network or area code: the digits of a stricter mask are always among those
/// of a milder one, so who sees both learns nothing from the stricter.
fn shown_ends(digits: &[char], country: usize, to_hide: usize) -> (usize, usize) {
    let Some(spare) = digits.len().checked_sub(country + to_hide) else { return (0, 0) };
    let code = match digits[country..] {
        ['0', '1' | '2', ..] => 3,
        ['0', ..] => 4,
        _ => 3,
    };
    let last = spare.min(2);
    (country + code.min(spare - last), last)
}
