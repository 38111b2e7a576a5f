//! Small real pictures: a door with the waybill's digits on it, a dented box, a signature.

use fastrand::Rng;
use jpeg_encoder::{ColorType, Encoder, EncodingError};

const WIDTH: u16 = 320;
const HEIGHT: u16 = 240;
const QUALITY: u8 = 85;

type Colour = [u8; 3];

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motif {
    /// The parcel in front of the door where it changed hands.
    Door,
    /// The shelf of a storage site.
    Shelf,
    /// A dented box.
    Dent,
    /// A signature on the screen.
    Signature,
}

/// Draws a picture about the parcel with this waybill number and encodes it as JPEG.
pub fn draw(motif: Motif, waybill: &str, seed: u64) -> Result<Vec<u8>, EncodingError> {
    let mut rng = Rng::with_seed(seed ^ number(waybill) ^ ((motif as u64) << 56));
    let mut canvas = Canvas::new([rng.u8(150..230), rng.u8(150..230), rng.u8(140..210)]);
    let colour = [rng.u8(30..200), rng.u8(30..160), rng.u8(30..160)];
    match motif {
        Motif::Door => {
            canvas.fill(110, 20, 100, 190, colour);
            canvas.fill(194, 110, 8, 14, [220, 200, 90]);
            canvas.fill(140, 178, 50, 32, [176, 132, 84]);
            canvas.digits(waybill, 8, 218);
        }
        Motif::Shelf => {
            for shelf in 0..3 {
                canvas.fill(10, 66 + shelf * 66, 300, 6, [90, 70, 50]);
                for slot in 0..6 {
                    let tall = rng.u16(24..56);
                    let brown = [rng.u8(150..200), rng.u8(110..150), rng.u8(60..100)];
                    canvas.fill(16 + slot * 49, 66 + shelf * 66 - tall, 40, tall, brown);
                }
            }
            canvas.digits(waybill, 8, 218);
        }
        Motif::Dent => {
            canvas.fill(60, 40, 200, 150, [178, 134, 86]);
            let (x, y) = (rng.u16(80..180), rng.u16(60..130));
            canvas.fill(x, y, 60, 40, [96, 66, 40]);
            canvas.fill(x + 12, y + 10, 30, 18, [50, 34, 22]);
            canvas.digits(waybill, 8, 218);
        }
        Motif::Signature => {
            canvas = Canvas::new([250, 250, 250]);
            canvas.scribble(&mut rng);
        }
    }
    if motif != Motif::Signature {
        canvas.grain(&mut rng);
    }
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, QUALITY).encode(&canvas.pixels, WIDTH, HEIGHT, ColorType::Rgb)?;
    Ok(jpeg)
}

/// The digits of a waybill as a number: each parcel has pictures of its own.
fn number(waybill: &str) -> u64 {
    waybill.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// Digits in three columns and five rows, the top row first, one bit per block.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];

struct Canvas {
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(colour: Colour) -> Self {
        let pixels = usize::from(WIDTH) * usize::from(HEIGHT);
        Self { pixels: colour.repeat(pixels) }
    }

    fn fill(&mut self, left: u16, top: u16, width: u16, height: u16, colour: Colour) {
        for y in top..top.saturating_add(height).min(HEIGHT) {
            for x in left..left.saturating_add(width).min(WIDTH) {
                let at = (usize::from(y) * usize::from(WIDTH) + usize::from(x)) * 3;
                self.pixels[at..at + 3].copy_from_slice(&colour);
            }
        }
    }

    fn digits(&mut self, waybill: &str, left: u16, top: u16) {
        let mut x = left;
        for digit in waybill.bytes().filter(u8::is_ascii_digit) {
            let blocks = DIGITS[usize::from(digit - b'0')];
            for bit in 0..15_u16 {
                if blocks >> (14 - bit) & 1 == 1 {
                    self.fill(x + bit % 3 * 4, top + bit / 3 * 4, 4, 4, [20, 20, 30]);
                }
            }
            x += 18;
        }
    }

    fn scribble(&mut self, rng: &mut Rng) {
        let (mut y, mut up) = (120_i16, -3_i16);
        for x in 60..560_u16 {
            self.fill(x / 2, y.unsigned_abs(), 3, 3, [20, 20, 60]);
            if rng.u8(..14) == 0 {
                up = rng.i16(-4..5);
            }
            if !(70..170).contains(&(y + up)) {
                up = -up;
            }
            y += up;
        }
    }

    /// No camera sees a plain surface.
    fn grain(&mut self, rng: &mut Rng) {
        for value in &mut self.pixels {
            *value = value.saturating_add(rng.u8(..14));
        }
    }
}

#[cfg(test)]
mod tests {
    use lastmile_core::evidence::MediaKind;

    use super::*;

    #[test]
    fn every_motif_is_a_small_jpeg_of_its_own() {
        let motifs = [Motif::Door, Motif::Shelf, Motif::Dent, Motif::Signature];
        let pictures = motifs.map(|motif| draw(motif, "SF0000003322376", 1).unwrap());
        for picture in &pictures {
            assert_eq!(MediaKind::of(picture), Some(MediaKind::Jpeg));
            assert!((2_000..80_000).contains(&picture.len()), "{} bytes", picture.len());
        }
        assert!(pictures[0] != pictures[1]);
        assert_ne!(pictures[0], draw(Motif::Door, "SF0000004093119", 1).unwrap());
        assert_eq!(pictures[0], draw(Motif::Door, "SF0000003322376", 1).unwrap());
    }
}
