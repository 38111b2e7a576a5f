//! Carries what waits to the hub, once, and prints the most memory it took meanwhile, in bytes.
//! `tests/torn_upload.rs` starts it, tears its connection and kills it.

use std::path::PathBuf;

use lastmile_core::sync::wire::Enrolment;
use lastmile_core::{Courier, Options};
use lastmile_hub::client::{Carried, Client};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("usage: sender FOLDER HUB ENROLMENT")?);
    let hub = args.next().ok_or("the hub's address is missing")?;
    let enrolment: Enrolment =
        serde_json::from_slice(&std::fs::read(args.next().ok_or("the enrolment is missing")?)?)?;
    let mut courier = Courier::open(Options::folder(folder, 480), enrolment.identity())?;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    Client::new(&hub, &enrolment).sync(&mut courier, &mut Carried::default())?;
    println!("{}", MEMORY.peak_usage() - before);
    Ok(())
}
