//! What the day came to, in tables that fit a terminal of 100 columns.

use std::fmt::Write as _;

use super::Trouble;
use super::accounts::Accounts;
use super::day::Day;
use super::play::Play;

/// Longer names are cut in a table.
const MOST_NAME: usize = 14;

/// Lays out rows: the first column to the left, all others to the right.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([title.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            // Writing into a String cannot fail.
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text += line.trim_end();
        text.push('\n');
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// Adds a line of sums, if there is more than one to sum up.
fn with_total(mut rows: Vec<(String, Vec<u64>)>) -> Vec<(String, Vec<u64>)> {
    if rows.len() > 1 {
        let columns = rows.first().map_or(0, |(_, numbers)| numbers.len());
        let sum = |column: usize| rows.iter().filter_map(|(_, numbers)| numbers.get(column)).sum();
        let total = (0..columns).map(sum).collect();
        rows.push(("all".to_owned(), total));
    }
    rows
}

fn written(rows: Vec<(String, Vec<u64>)>) -> Vec<Vec<String>> {
    rows.into_iter()
        .map(|(name, numbers)| {
            let mut cells = vec![name];
            cells.extend(numbers.iter().map(u64::to_string));
            cells
        })
        .collect()
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(MOST_NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1000)
}

/// Writes what was done, how it travelled, and what the rules refused.
pub fn tables(day: &Day, play: &Play, accounts: &Accounts) -> Result<String, Trouble> {
    let (mut done, mut travelled) = (Vec::new(), Vec::new());
    for (at, phone) in play.phones.iter().enumerate() {
        let name = cut(phone.no.as_str());
        let (deeds, carried) = (phone.deeds, phone.link.carried);
        let parcels = day.deliveries.iter().filter(|delivery| delivery.courier == at).count();
        let places = accounts.places[at];
        done.push((
            name.clone(),
            vec![
                parcels as u64,
                deeds.delivered.into(),
                deeds.stored.into(),
                deeds.exceptions.into(),
                deeds.complaints.into(),
                deeds.photos.into(),
                deeds.signatures.into(),
                places.far.into(),
                places.at_station.into(),
            ],
        ));
        let (recorded, confirmed) = phone.events()?;
        travelled.push((
            name,
            vec![
                recorded,
                confirmed,
                phone.status()?.parked.unsigned_abs(),
                deeds.most_waiting,
                carried.requests,
                phone.link.lost.into(),
                phone.link.cut.into(),
                kilobytes(carried.bytes_up),
                kilobytes(carried.bytes_down),
            ],
        ));
    }
    // A sum of peaks says nothing.
    let peak = travelled.iter().map(|(_, numbers)| numbers[3]).max().unwrap_or(0);
    let mut travelled = with_total(travelled);
    if let (true, Some((_, total))) = (travelled.len() > 1, travelled.last_mut()) {
        total[3] = peak;
    }
    let mut text = String::from("What the couriers did\n\n");
    text += &table(
        &[
            "courier",
            "parcels",
            "delivered",
            "stored",
            "exceptions",
            "complaints",
            "photos",
            "signed",
            ">100 m",
            "at station",
        ],
        &written(with_total(done)),
    );
    text += "\n>100 m: recorded that far from the address; at station: within 60 m of where parcels \
             are\naccepted. A flag for the station to ask about, never a gate.\n";
    text += "\nHow it came to the hub (recorded, confirmed and parked are events)\n\n";
    text += &table(
        &[
            "courier",
            "recorded",
            "confirmed",
            "parked",
            "peak",
            "requests",
            "answers lost",
            "uploads cut",
            "kB sent",
            "kB got",
        ],
        &written(travelled),
    );
    text += "\npeak: the most events and pictures that ever waited on a phone for a signal.\n";
    text += "\nRefused by a rule on the phone; nothing was written\n\n";
    for (code, (count, refusal)) in &play.refusals {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{code}, {count} x: {refusal}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_sums_are_below() {
        let rows = vec![("435".to_owned(), vec![71, 1]), ("1558".to_owned(), vec![2, 0])];
        let text = table(&["courier", "parcels", "x"], &written(with_total(rows)));
        assert_eq!(
            text,
            "courier  parcels  x\n\
             435           71  1\n\
             1558           2  0\n\
             all           73  1\n"
        );
    }

    #[test]
    fn a_long_name_does_not_widen_the_table() {
        assert_eq!(cut("courier-of-the-far-north"), "courier-of-the…");
        assert_eq!(cut("435"), "435");
    }
}
