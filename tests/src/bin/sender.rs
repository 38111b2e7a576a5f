//! Carries what waits to the hub, once, and prints the most memory it took meanwhile, in bytes.
//! `tests/torn_upload.rs` starts it, tears its connection and kills it.

use lastmile_hub::client::Carried;
use lastmile_tests::place::open_as_told;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut courier, client) = open_as_told()?;
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    client.sync(&mut courier, &mut Carried::default())?;
    println!("{}", MEMORY.peak_usage() - before);
    Ok(())
}
