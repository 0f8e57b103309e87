//! `loadline simulate`: a recorded load before every policy with every forecaster.

mod arguments;
pub(super) mod forecast_file;
mod given;
mod limits;
mod shown;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

pub use arguments::Arguments;

use super::CommandResult;
use super::output::write_atomically;
use crate::simulate::{self, Contestant, Run, Setting, Sink, Source, report};

impl Arguments {
    /// Plays the load, writes what came of it, prints a table.
    ///
    /// # Errors
    /// What is wrong with the arguments, the files they name, or the folder that is written to.
    pub fn run(&self) -> CommandResult {
        self.only_what_counts()?;
        let settings = self.settings()?;
        if let Some(resource) = self.resource() {
            return self.run_limits(resource, &settings);
        }
        let setting = self.setting(&settings)?;
        let contestants = self.contestants(&settings)?;
        let sources = self.sources(&setting)?;
        fs::create_dir_all(&self.out)
            .map_err(|e| format!("--out {}: cannot make the folder: {e}", self.out.display()))?;
        let runs = play(&setting, &contestants, &sources, &self.out)?;
        let pictures = report::pictures(&setting, &runs)?;
        for picture in &pictures {
            let path = self.out.join(format!("{}.png", picture.name));
            write_atomically(&path, |file| file.write_all(&picture.png))?;
        }
        let page = report::page(&self.title(), &setting, &runs, &pictures);
        write_atomically(&self.out.join("report.html"), |file| file.write_all(page.as_bytes()))?;
        write_summary(&self.out.join("metrics_summary.csv"), &runs)?;
        shown::print(&runs)
    }

    /// What is played, for a person.
    fn title(&self) -> String {
        match (&self.trace, &self.column) {
            (Some(path), Some(column)) => {
                format!("{}: {column}", path.file_name().unwrap_or_default().to_string_lossy())
            }
            _ => self.history.title(),
        }
    }
}

/// Plays all, each run into a file of its own, with a bar on a terminal.
fn play(
    setting: &Setting,
    contestants: &[Contestant],
    sources: &[Source],
    out: &Path,
) -> Result<Vec<Run>, io::Error> {
    let bar = ProgressBar::new(simulate::size(setting, contestants, sources));
    // The only error is a template that cannot be read.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent} %, {eta} left") {
        bar.set_style(style);
    }
    let sink = |policy: &str, forecaster: &str| -> io::Result<Option<Sink>> {
        let path = out.join(format!("sim_{forecaster}_{policy}.csv"));
        let file = File::create(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: cannot write: {error}", path.display()))
        })?;
        let lines: Box<dyn Write + Send> = Box::new(BufWriter::new(file));
        Ok(Some(Sink::from_writer(lines)))
    };
    let runs = simulate::run(setting, contestants, sources, &sink, &|played| bar.inc(played))?;
    bar.finish_and_clear();
    Ok(runs)
}

/// Written last: where it is, everything else is whole.
fn write_summary(path: &Path, runs: &[Run]) -> CommandResult {
    write_atomically(path, |file| {
        let mut lines = csv::Writer::from_writer(file);
        lines.write_record(report::COLUMNS)?;
        for run in runs {
            lines.write_record(report::record(run))?;
        }
        Ok(lines.flush()?)
    })
}
