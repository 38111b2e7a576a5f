//! Progress bars while the day is played; none where nobody looks.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::day::{Day, local_time};

/// More couriers than this share one bar.
const MOST_BARS: usize = 8;

/// The bars of a day.
pub struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    /// One bar per courier, or one for all if there are many.
    pub fn of(day: &Day) -> Self {
        // Drawn on the error output, and only if that is a terminal.
        let all = MultiProgress::new();
        let mut bars = Vec::new();
        let mut add = |name: String, len: usize| {
            let bar = ProgressBar::new(len as u64).with_prefix(name).with_style(style());
            bars.push(all.add(bar));
        };
        if day.couriers.len() > MOST_BARS {
            add(format!("{} couriers", day.couriers.len()), day.deliveries.len());
        } else {
            for (at, worker) in day.couriers.iter().enumerate() {
                let parcels = day.deliveries.iter().filter(|delivery| delivery.courier == at);
                add(format!("courier {}", worker.no), parcels.count());
            }
        }
        Self { all, bars }
    }

    /// Shows that a courier has done something.
    pub fn step(&self, courier: usize, done: u64, waiting: u64, ms: i64) {
        let Some(bar) = self.bars.get(courier).or(self.bars.first()) else { return };
        let time = local_time(ms);
        let waiting = match waiting {
            0 => "all confirmed".to_owned(),
            n => format!("{n} waiting"),
        };
        bar.set_message(format!("{time}  {waiting}"));
        bar.inc(done);
    }

    /// Takes the bars away.
    pub fn clear(self) {
        // A terminal that is gone needs no clearing.
        let _ = self.all.clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:>14}  {bar:32}  {pos:>4}/{len:<4}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
