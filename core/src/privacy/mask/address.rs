//! Unit and room of an address (R22).
//!
//! A Chinese address runs from the province to the room: from the first sign of
//! a building, unit or room everything is hidden. An address in letters runs the
//! other way or either way: only the words that name a unit or room are hidden.
//! A number in a Chinese address is shown only before a word of the street level
//! (号, 路, 弄, 村 …); what is not known to be public is hidden.

use std::ops::Range;

const HIDDEN: &str = "***";

/// Words after a number that belong to the street and not to the door.
const STREET_WORDS: [&str; 38] = [
    "号", "號", "路", "街", "道", "大道", "大街", "弄", "巷", "胡同", "里", "村", "组", "組", "队",
    "隊", "社", "镇", "鎮", "乡", "鄉", "区", "區", "期", "环", "段", "公里", "米", "国道", "省道",
    "县道", "线", "坊", "条", "厂", "团", "院", "站",
];
/// Words that may stand between a number and `路`, as in 八一七北路.
const DIRECTIONS: &str = "东西南北中東";
/// What turns `5号` into a building or a room.
const DOOR_WORDS: &str = "楼樓房室铺舖栋棟幢座层層单單厅户戶库屋";
/// Words that make a door of the number before them, in figures or in words.
const UNIT_WORDS: [&str; 13] =
    ["栋", "棟", "幢", "座", "单元", "單元", "层", "層", "楼", "樓", "室", "户", "戶"];
/// Words that make a unit of a direction before them: 东单元, 甲座, 中户.
const SIDED_WORDS: [&str; 9] = ["栋", "棟", "幢", "座", "单元", "單元", "室", "户", "戶"];
/// Words behind which a bare number is a room.
const BUILDING_ENDS: [&str; 10] = ["楼", "樓", "栋", "棟", "幢", "座", "层", "層", "单元", "單元"];
const SIDES: &str = "东西南北中左右前后東後甲乙丙丁戊";
const NUMERALS: &str = "零〇一二三四五六七八九十百千两壹贰叁肆伍陆柒捌玖拾";
const NUMERALS_WITH_PLACE: &str = "十百千拾";

/// English and Russian words whose next word is a unit or a room.
const ROOM_WORDS: [&str; 12] = [
    "room",
    "rm",
    "apt",
    "apartment",
    "suite",
    "ste",
    "unit",
    "flat",
    "кв",
    "квартира",
    "офис",
    "оф",
];
/// Words whose next word is one only when it is a number or a single letter.
const BUILDING_WORDS: [&str; 11] =
    ["floor", "fl", "flr", "bldg", "building", "block", "blk", "tower", "door", "level", "корпус"];

/// Hides unit and room.
pub(super) fn mask_address(address: &str) -> String {
    let mut masked = address.to_owned();
    // Each round hides at least one more character, so this ends.
    loop {
        let signs: Vec<char> = masked.chars().collect();
        let Some(next) = hide(&signs, &door_spans(&signs)) else { return masked };
        masked = next;
    }
}

/// Returns the parts of an address that [`Mask::address`](super::Mask::address) hides first, as written.
pub(crate) fn doors(address: &str) -> Vec<String> {
    let signs: Vec<char> = address.chars().collect();
    door_spans(&signs).into_iter().map(|span| signs[span].iter().collect()).collect()
}

fn door_spans(signs: &[char]) -> Vec<Range<usize>> {
    if signs.iter().copied().any(is_east) {
        first_door(signs).map(|start| start..signs.len()).into_iter().collect()
    } else {
        western_doors(signs)
    }
}

/// Hides what is certainly a unit or a room and keeps the rest of the text.
pub(super) fn mask_rooms(text: &str) -> String {
    let mut masked = text.to_owned();
    loop {
        let signs: Vec<char> = masked.chars().collect();
        let mut spans = keyword_rooms(&words(&signs), &signs, &ROOM_WORDS);
        spans.extend(certain_rooms(&signs));
        let Some(next) = hide(&signs, &spans) else { return masked };
        masked = next;
    }
}

/// Replaces the spans; `None` when nothing is left to hide.
fn hide(signs: &[char], spans: &[Range<usize>]) -> Option<String> {
    let clear = |span: &&Range<usize>| signs[(*span).clone()].iter().any(|&sign| sign != '*');
    let spans: Vec<_> = spans.iter().filter(clear).collect();
    if spans.is_empty() {
        return None;
    }
    let inside = |at: usize| spans.iter().any(|span| span.contains(&at));
    let mut text = String::new();
    for (at, &sign) in signs.iter().enumerate() {
        if !inside(at) {
            text.push(sign);
        } else if at == 0 || !inside(at - 1) {
            text.push_str(HIDDEN);
        }
    }
    Some(text)
}

/// Returns where the first building, unit or room of a Chinese address begins.
fn first_door(signs: &[char]) -> Option<usize> {
    let written = (0..signs.len()).find(|&at| starts_door(signs, at));
    let named = western_rooms(signs).into_iter().map(|span| span.start).min();
    written.into_iter().chain(named).min()
}

fn starts_door(signs: &[char], at: usize) -> bool {
    let figure = run(signs, at, is_figure_part);
    let numeral = run(signs, at, |sign| NUMERALS.contains(sign));
    if figure > at {
        return !follows_run(signs, at, is_figure_part) && figure_is_door(signs, at, figure);
    }
    if numeral > at {
        return !follows_run(signs, at, |sign| NUMERALS.contains(sign))
            && numeral_is_door(signs, at, numeral);
    }
    starts_with_any(&signs[at..], &["单元", "單元"])
        || SIDES.contains(signs[at]) && starts_with_any(&signs[at + 1..], &SIDED_WORDS)
}

/// Judges a run of figures, letters and hyphens: `501`, `3-2-501`, `B1`, `A`.
fn figure_is_door(signs: &[char], start: usize, end: usize) -> bool {
    let token = &signs[start..end];
    let after = skip_spaces(&signs[end..]);
    if !token.iter().copied().any(is_figure) {
        let letters = token.iter().filter(|&&sign| is_latin(sign)).count();
        return (1..=2).contains(&letters) && starts_with_any(after, &UNIT_WORDS);
    }
    let postcode = start == 0 && token.len() == 6 && token.iter().copied().all(is_figure);
    if postcode && !starts_with_any(after, &UNIT_WORDS) {
        return false;
    }
    if token.iter().all(|&sign| is_figure(sign) || is_latin(sign)) {
        return !is_street_level(after);
    }
    let hyphens = token.iter().filter(|&&sign| is_joint(sign)).count();
    let on_street = signs[..start].last().is_some_and(|&sign| "路街道巷弄".contains(sign));
    let plain = token.iter().all(|&sign| is_figure(sign) || is_joint(sign));
    !(hyphens == 1 && plain && on_street && is_street_level(after))
}

fn numeral_is_door(signs: &[char], start: usize, end: usize) -> bool {
    let after = skip_spaces(&signs[end..]);
    let building = matches!(after, ['号' | '號', door, ..] if DOOR_WORDS.contains(*door));
    let bare = end - start >= 3
        && !signs[start..end].iter().any(|&sign| NUMERALS_WITH_PLACE.contains(sign))
        && !is_street_level(after);
    building || bare || starts_with_any(after, &UNIT_WORDS)
}

fn is_street_level(after: &[char]) -> bool {
    if let ['号' | '號', next, ..] = after {
        return !DOOR_WORDS.contains(*next);
    }
    let turned = matches!(after, [side, rest @ ..]
        if DIRECTIONS.contains(*side) && starts_with_any(rest, &["路", "街", "道", "大"]));
    turned || starts_with_any(after, &STREET_WORDS)
}

/// Returns what can only be a unit or a room in any text: 2单元, 501室, `3-2-501`,
/// and a bare number straight behind a building.
fn certain_rooms(signs: &[char]) -> Vec<Range<usize>> {
    let part = |sign| is_figure_part(sign) || NUMERALS.contains(sign) || SIDES.contains(sign);
    let mut rooms = Vec::new();
    let mut at = 0;
    while at < signs.len() {
        let end = run(signs, at, part);
        if end == at {
            at += 1;
            continue;
        }
        let token = &signs[at..end];
        let spaces = signs[end..].iter().take_while(|sign| sign.is_whitespace()).count();
        let after = &signs[end + spaces..];
        let behind_building = ends_with_any(&signs[..at], &BUILDING_ENDS);
        let named_place = is_street_level(after) && token.len() < 3;
        let numbered = token.iter().any(|&sign| is_figure(sign) || NUMERALS.contains(sign));
        let word = ["单元", "單元", "号房", "号室", "室", "房", "户", "戶"]
            .into_iter()
            .find(|word| starts_with_any(after, &[word]));
        if let Some(word) = word {
            rooms.push(at..end + spaces + word.chars().count());
        } else if is_door_chain(token)
            || numbered && behind_building && !named_place && !starts_with_any(after, &UNIT_WORDS)
        {
            rooms.push(at..end);
        }
        at = end;
    }
    rooms
}

/// Tells whether a run is building, unit and room, `3-2-501`, and no date or telephone number.
fn is_door_chain(token: &[char]) -> bool {
    let parts: Vec<&[char]> = token.split(|&sign| is_joint(sign)).collect();
    let Some((room, before)) = parts.split_last() else { return false };
    before.len() >= 2
        && before.iter().all(|part| (1..=2).contains(&part.len()))
        && (3..=4).contains(&room.iter().filter(|&&sign| is_figure(sign)).count())
        && room.len() <= 5
}

/// Returns the units and rooms of an address in letters.
fn western_doors(signs: &[char]) -> Vec<Range<usize>> {
    let words = words(signs);
    let mut doors = western_rooms(signs);
    for (nth, word) in words.iter().enumerate() {
        let end = chain_end(&words, signs, nth);
        let token = &signs[word.start..words[end].end];
        let figures = token.iter().take_while(|&&sign| is_figure(sign)).count();
        let rest: String = token[figures..].iter().collect::<String>().to_lowercase();
        let next = words.get(end + 1).map(|next| lower(signs, next)).unwrap_or_default();
        let ordinal = ["st", "nd", "rd", "th"].contains(&rest.as_str())
            && ["floor", "fl", "flr", "level"].contains(&next.as_str());
        let floor = ["f", "/f"].contains(&rest.as_str());
        let lettered = nth > 0 && figures <= 4 && rest.chars().count() == 1 && rest != "*";
        let chained = end > nth
            && words[nth..=end]
                .iter()
                .all(|part| signs[part.clone()].iter().copied().any(is_figure));
        if figures > 0 && (ordinal || floor || lettered) || chained {
            doors.push(word.start..words[end].end);
        }
    }
    doors
}

/// Returns what a room word, a building word or a `#` names.
fn western_rooms(signs: &[char]) -> Vec<Range<usize>> {
    let words = words(signs);
    let mut rooms = keyword_rooms(&words, signs, &ROOM_WORDS);
    let numbered =
        |span: &Range<usize>| span.len() == 1 || signs[span.clone()].iter().copied().any(is_figure);
    rooms.extend(keyword_rooms(&words, signs, &BUILDING_WORDS).into_iter().filter(numbered));
    for (nth, word) in words.iter().enumerate() {
        if signs[..word.start].last().is_some_and(|&sign| matches!(sign, '#' | '＃' | '№')) {
            rooms.push(word.start..words[chain_end(&words, signs, nth)].end);
        }
    }
    rooms
}

fn keyword_rooms(words: &[Range<usize>], signs: &[char], keys: &[&str]) -> Vec<Range<usize>> {
    let mut rooms = Vec::new();
    for (nth, word) in words.iter().enumerate() {
        let text = lower(signs, word);
        let glued =
            |key: &&&str| text.strip_prefix(**key).is_some_and(|rest| rest.starts_with(is_figure));
        if keys.iter().any(|key| glued(&key)) {
            rooms.push(word.start..words[chain_end(words, signs, nth)].end);
        }
        if !keys.contains(&text.as_str()) {
            continue;
        }
        let mut named = nth + 1;
        if words.get(named).is_some_and(|next| lower(signs, next) == "no") {
            named += 1;
        }
        let Some(room) = words.get(named) else { continue };
        let gap = &signs[word.end..words[nth + 1].start];
        if gap.iter().all(|&sign| sign.is_whitespace() || ".:：#＃№-".contains(sign)) {
            rooms.push(room.start..words[chain_end(words, signs, named)].end);
        }
    }
    rooms
}

/// Returns the runs of letters and figures; Chinese and Latin writing part words.
fn words(signs: &[char]) -> Vec<Range<usize>> {
    let belongs = |sign: char| sign == '*' || sign.is_alphanumeric();
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, &sign) in signs.iter().enumerate() {
        if !belongs(sign) {
            continue;
        }
        match words.last_mut() {
            Some(word) if word.end == at && is_east(signs[at - 1]) == is_east(sign) => {
                word.end += 1;
            }
            _ => words.push(at..at + 1),
        }
    }
    words
}

/// Returns the last word that hangs on word `nth` by hyphens or slashes.
fn chain_end(words: &[Range<usize>], signs: &[char], nth: usize) -> usize {
    let joined = |pair: &[Range<usize>]| matches!(&signs[pair[0].end..pair[1].start], [joint] if is_joint(*joint));
    nth + words[nth..].windows(2).take_while(|pair| joined(pair)).count()
}

fn lower(signs: &[char], word: &Range<usize>) -> String {
    signs[word.clone()].iter().collect::<String>().to_lowercase()
}

fn run(signs: &[char], at: usize, belongs: impl Fn(char) -> bool) -> usize {
    at + signs[at..].iter().take_while(|&&sign| belongs(sign)).count()
}

fn follows_run(signs: &[char], at: usize, belongs: impl Fn(char) -> bool) -> bool {
    signs[..at].last().is_some_and(|&sign| belongs(sign))
}

fn skip_spaces(signs: &[char]) -> &[char] {
    &signs[signs.iter().take_while(|sign| sign.is_whitespace()).count()..]
}

fn starts_with_any(signs: &[char], words: &[&str]) -> bool {
    words.iter().any(|word| signs.iter().copied().take(word.chars().count()).eq(word.chars()))
}

fn ends_with_any(signs: &[char], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| signs.iter().rev().copied().take(word.chars().count()).eq(word.chars().rev()))
}

/// Figures, letters and what joins them into one door number.
fn is_figure_part(sign: char) -> bool {
    is_figure(sign) || is_latin(sign) || is_joint(sign) || matches!(sign, '#' | '＃')
}

fn is_figure(sign: char) -> bool {
    sign.is_numeric() && !NUMERALS.contains(sign)
}

fn is_latin(sign: char) -> bool {
    sign.is_ascii_alphabetic() || matches!(sign, 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

fn is_joint(sign: char) -> bool {
    matches!(sign, '-' | '/' | '－' | '／' | '~' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Chinese, Japanese and Korean writing.
fn is_east(sign: char) -> bool {
    matches!(sign, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
        || matches!(sign, '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
