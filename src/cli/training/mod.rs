//! What models are trained on: CSV files of a folder or a bucket, or the history of a Prometheus.

mod csv_file;
mod date;
mod history;
mod local;
mod prepared;
mod s3;
mod s3_credentials;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::csv_file::Rows;
use self::date::DateFilter;
pub use self::prepared::{Origin, Prepared};
use super::history::History;
use super::progress;
use crate::config;
use crate::features::cloud::Sample;
use crate::features::kubernetes::Record;

type Failure = Box<dyn Error + Send + Sync>;

/// Where the rows come from.
#[derive(Args)]
pub struct Source {
    /// CSV files (.csv or .csv.gz): a file, a folder with all that is below it, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "PATH|URL", help_heading = "Data")]
    data: Option<String>,
    /// Only files of this month or day: YYYY-MM or YYYY-MM-DD, by their names, as in
    /// metrics/2026/01/metrics_20260131.csv
    #[arg(long, value_name = "DATE", requires = "data", help_heading = "Data")]
    date: Option<DateFilter>,
    #[command(flatten)]
    s3: s3::Flags,
    #[command(flatten)]
    history: History,
    /// With --query: the label that names the service
    #[arg(
        long,
        value_name = "LABEL",
        default_value = "service",
        requires = "queries",
        help_heading = "History"
    )]
    service_label: String,
    /// Settings: with --query the section prometheus counts
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was read, and what could not be.
pub struct Read<T> {
    /// The rows, file after file.
    pub rows: Vec<T>,
    /// How many files they are from.
    pub files: usize,
    /// The files that were left out, and why.
    pub skipped: Vec<String>,
}

impl Source {
    /// Reads the records of services: the 23 columns of `features::kubernetes::COLUMNS`.
    pub fn records(&self) -> Result<Read<Record>, Failure> {
        match &self.data {
            Some(data) => self.read(data),
            None => history::records(&self.fetch()?, &self.service_label),
        }
    }

    /// Reads the samples of an instance: the columns of `features::cloud::COLUMNS`.
    pub fn samples(&self) -> Result<Read<Sample>, Failure> {
        match &self.data {
            Some(data) => self.read(data),
            None => history::samples(&self.fetch()?),
        }
    }

    /// The time from one row to the next, where it was given.
    pub fn step(&self) -> Option<Duration> {
        self.history.step()
    }

    fn fetch(&self) -> Result<super::history::Labelled, Failure> {
        let file = self.config.as_deref().map(config::load_detection).transpose()?;
        self.history.labelled(file.and_then(|file| file.prometheus))
    }

    /// Reads all files of `data`. One that cannot be read is left out, and said so.
    fn read<T: Rows>(&self, data: &str) -> Result<Read<T>, Failure> {
        let store: Box<dyn Store> = match data.strip_prefix("s3://") {
            Some(address) => Box::new(s3::Bucket::open(&self.s3, address)?),
            None => Box::new(local::Folder::open(data)?),
        };
        let listed = store.list()?;
        let names: Vec<&String> = listed
            .iter()
            .filter(|name| name.ends_with(".csv") || name.ends_with(".csv.gz"))
            .filter(|name| self.date.is_none_or(|date| date.matches(name)))
            .collect();
        if names.is_empty() {
            let of = self.date.map_or_else(String::new, |date| format!(" of {date}"));
            let found = listed.len();
            return Err(format!(
                "{data}: expected at least one .csv or .csv.gz file{of}, found none among {found} files"
            )
            .into());
        }
        let mut read = Read { rows: Vec::new(), files: 0, skipped: Vec::new() };
        let bar = progress::bar("reading", names.len() as u64);
        for name in names {
            let rows = store.get(name).and_then(|bytes| csv_file::read(name, &bytes));
            match rows {
                Ok(rows) => {
                    read.rows.extend(rows);
                    read.files += 1;
                }
                Err(error) => {
                    bar.suspend(|| tracing::warn!("left out: {error}"));
                    read.skipped.push(error.to_string());
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if read.files == 0 {
            return Err(
                format!("{data}: not one file can be read: {}", read.skipped.join("; ")).into()
            );
        }
        Ok(read)
    }
}

/// Somewhere that files are kept.
trait Store {
    /// The names of all files, in order.
    fn list(&self) -> Result<Vec<String>, Failure>;

    /// What is in the file `name`.
    fn get(&self, name: &str) -> Result<Vec<u8>, Failure>;
}
