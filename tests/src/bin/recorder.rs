//! Records and syncs until it is killed. `tests/kill.rs` starts it, kills it with `kill -9`, and
//! looks at what is left.
//!
//! Prints the id of each event after the call that recorded it has returned; what is printed must
//! be in the store afterwards, whatever happens.

use std::io::Write as _;

use lastmile_core::Command;
use lastmile_core::complaint::{ComplaintClass, ComplaintSource};
use lastmile_core::event::Lane;
use lastmile_core::evidence::MediaSource;
use lastmile_core::exception_report::ExceptionKind;
use lastmile_core::privacy::Person;
use lastmile_core::waybill::Waybill;
use lastmile_hub::client::Carried;
use lastmile_tests::place::open_as_told;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut courier, client) = open_as_told()?;
    let mut out = std::io::stdout().lock();
    // A picture of its own each time: the hub keeps one file per digest.
    let mut picture = std::process::id().to_le_bytes().to_vec();
    for round in 0u32.. {
        let case = courier.new_case();
        let waybill = Waybill::parse(&format!("SF2{round:012}"))?;
        let command = if round % 3 == 0 {
            picture.extend_from_slice(&round.to_le_bytes());
            let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
            jpeg.extend(picture.iter().cycle().take(40_000));
            let photo =
                courier.capture_bytes(&Lane::Exception(case), &jpeg, MediaSource::Camera)?;
            Command::ReportException {
                case,
                kind: ExceptionKind::Delay,
                waybill: None,
                evidence: vec![photo],
                shows: Vec::new(),
                note: Some("Seen from the stairs".to_owned()),
            }
        } else {
            Command::ReceiveComplaint {
                case,
                waybill,
                complainant: Person {
                    name: "王小明".to_owned(),
                    phone: "13900000000".to_owned(),
                    ..Person::default()
                },
                demand: "Bring it today".to_owned(),
                source: ComplaintSource::Customer,
                class: ComplaintClass::Delay,
                about: None,
            }
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
