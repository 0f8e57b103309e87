//! `loadline workload generate`: the demand of every minute, as a file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::super::CommandResult;
use super::super::output::write_maybe_gzipped;
use crate::units::Timestamp;
use crate::workload::{Daily, Minute};

#[derive(Args)]
pub struct Generate {
    /// How lively it is
    #[arg(long, value_name = "NAME", default_value = "mixed")]
    pattern: Liveliness,
    /// How many days
    #[arg(long, value_name = "COUNT", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The first minute, a Wednesday for the pattern: RFC 3339, "2026-01-31 12:00:00" (UTC) or Unix
    /// seconds
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse, default_value = "2025-01-01T00:00:00Z")]
    start: Timestamp,
    /// Decides what is left to chance
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// Where to write to, .csv or .csv.gz: timestamp, req_per_min, is_event
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Liveliness {
    /// Days and weeks, with some spikes
    Mixed,
    /// Flatter, hardly any spikes
    Smooth,
    /// Steeper, many high spikes
    Spiky,
}

impl Generate {
    /// Writes the file.
    pub fn run(&self) -> CommandResult {
        write_maybe_gzipped(&self.output, |file| Ok(self.write(file)?))
    }

    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let daily = match self.pattern {
            Liveliness::Mixed => Daily::MIXED,
            Liveliness::Smooth => Daily::SMOOTH,
            Liveliness::Spiky => Daily::SPIKY,
        };
        writeln!(file, "timestamp,req_per_min,is_event")?;
        for minute in 0..u64::from(self.days) * 1440 {
            let at = Timestamp::from_millis(self.start.millis() + minute as i64 * 60_000);
            let Minute { demand, is_event } = daily.minute(minute, self.seed);
            writeln!(file, "{at},{demand:.3},{}", u8::from(is_event))?;
        }
        Ok(())
    }
}
