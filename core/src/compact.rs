//! The short form of what phones show each other as a QR code: bytes, written in the letters that
//! a QR code holds best (base 32: the alphanumeric mode, which every scanner returns as text).

use data_encoding::BASE32_NOPAD;

use crate::id::CourierNo;
use crate::waybill::Waybill;

/// The most characters of a code. They fit into a QR code of version 17 with the lowest error
/// correction, which a phone shows and another reads at arm's length.
pub const MOST_CODE_CHARACTERS: usize = 900;

/// Digits up to this many fit into a 128-bit number.
const MOST_DIGITS: usize = 38;

/// Marks a tail that is written as a number.
const IS_NUMBER: u8 = 0x80;

/// Writes a code.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A time in UTC milliseconds, in 6 bytes: enough for 8,900 years.
    pub(crate) fn time(&mut self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or_default().to_be_bytes();
        self.bytes(&ms[2..]);
    }

    /// A text of at most 255 bytes.
    pub(crate) fn text(&mut self, text: &str) {
        self.byte(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes(text.as_bytes());
    }

    /// A waybill number, by how much of it is the same as the one before it: the numbers of one
    /// round often differ in their last digits only. A tail of digits takes half a byte each.
    pub(crate) fn waybill(&mut self, before: &str, waybill: &str) {
        let same = before.bytes().zip(waybill.bytes()).take_while(|(one, two)| one == two).count();
        let tail = &waybill[same..];
        let byte = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        self.byte(byte(same));
        match tail.parse::<u128>() {
            Ok(number) if tail.len() <= MOST_DIGITS => {
                self.byte(byte(tail.len()) | IS_NUMBER);
                self.bytes(&number.to_be_bytes()[16 - width(tail.len())..]);
            }
            _ => self.text(tail),
        }
    }

    pub(crate) fn code(&self) -> String {
        BASE32_NOPAD.encode(&self.bytes)
    }
}

/// The bytes that a number of so many digits takes.
fn width(digits: usize) -> usize {
    // log2(10) is a little less than 3.3220.
    (digits * 33_220).div_ceil(80_000)
}

/// Reads a code. `None` where it ends too early or says what no writer writes.
pub(crate) struct Reader {
    bytes: std::vec::IntoIter<u8>,
}

impl Reader {
    pub(crate) fn new(code: &str) -> Option<Self> {
        let code = code.trim();
        if code.len() > MOST_CODE_CHARACTERS {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(code.as_bytes()).ok()?;
        Some(Self { bytes: bytes.into_iter() })
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.bytes.next()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let bytes: Vec<u8> = self.bytes.by_ref().take(count).collect();
        (bytes.len() == count).then_some(bytes)
    }

    pub(crate) fn time(&mut self) -> Option<i64> {
        let bytes = self.bytes(6)?;
        Some(bytes.into_iter().fold(0, |ms, byte| ms << 8 | i64::from(byte)))
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let length = self.byte()?;
        String::from_utf8(self.bytes(usize::from(length))?).ok()
    }

    pub(crate) fn courier(&mut self) -> Option<CourierNo> {
        CourierNo::new(self.text()?).ok()
    }

    pub(crate) fn waybill(&mut self, before: &str) -> Option<Waybill> {
        let same = before.get(..usize::from(self.byte()?))?;
        let length = self.byte()?;
        let digits = usize::from(length & !IS_NUMBER);
        let tail = if length & IS_NUMBER == 0 {
            String::from_utf8(self.bytes(digits)?).ok()?
        } else if digits <= MOST_DIGITS {
            let bytes = self.bytes(width(digits))?;
            let number = bytes.into_iter().fold(0u128, |n, byte| n << 8 | u128::from(byte));
            format!("{number:0digits$}")
        } else {
            return None;
        };
        let text = format!("{same}{tail}");
        Waybill::recorded(&text).ok().filter(|waybill| waybill.as_str() == text)
    }

    /// Tells whether everything was read.
    pub(crate) fn is_done(&self) -> bool {
        self.bytes.as_slice().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_digits_has_room_for_its_greatest_number() {
        for digits in 1..=MOST_DIGITS {
            let greatest = 10u128.pow(u32::try_from(digits).unwrap()) - 1;
            let bytes = greatest.to_be_bytes();
            assert!(bytes[..16 - width(digits)].iter().all(|byte| *byte == 0), "{digits}");
        }
    }

    #[test]
    fn waybills_read_back_however_much_they_have_in_common() {
        let numbers = [
            "00000000",
            "0000000000",
            "JDVA00012345678",
            "SF1000000000001",
            "SF1000000000001",
            "SF1000000000020",
            "1Z999AA10123456784",
            "9999999999999999999999999999999999999999",
            "99999999999999999999999999999999999999",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN",
        ];
        let mut writer = Writer::default();
        let mut before = "";
        for number in numbers {
            writer.waybill(before, number);
            before = number;
        }
        let mut reader = Reader::new(&writer.code()).unwrap();
        let mut before = String::new();
        for number in numbers {
            before = reader.waybill(&before).unwrap().as_str().to_owned();
            assert_eq!(before, number);
        }
        assert!(reader.is_done());
    }
}
