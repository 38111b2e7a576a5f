//! Records and syncs until it is killed. `tests/kill.rs` starts it, kills it with `kill -9`, and
//! looks at what is left.
//!
//! Prints the id of each event after the call that recorded it has returned; what is printed must
//! be in the store afterwards, whatever happens.

use std::io::Write as _;

use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_hub::client::Carried;
use lastmile_tests::invented::{complaint, report};
use lastmile_tests::place::open_as_told;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut courier, client) = open_as_told()?;
    let mut out = std::io::stdout().lock();
    // A picture of its own each time: the hub keeps one file per digest.
    let mut picture = std::process::id().to_le_bytes().to_vec();
    for round in 0usize.. {
        let case = courier.new_case();
        let command = if round % 3 == 0 {
            picture.extend_from_slice(&round.to_le_bytes());
            let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
            jpeg.extend(picture.iter().cycle().take(40_000));
            let photo =
                courier.capture_bytes(&Lane::Exception(case), &jpeg, MediaSource::Camera)?;
            report(case, vec![photo])
        } else {
            complaint(case, round)
        };
        for event in courier.record(&command)?.events {
            writeln!(out, "{event}")?;
        }
        out.flush()?;
        if round % 2 == 1 {
            client.sync(&mut courier, &mut Carried::default())?;
        }
    }
    Ok(())
}
