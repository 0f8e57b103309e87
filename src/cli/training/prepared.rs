//! Rows as they were read → a data set that models can be fitted on and judged by.

use serde::Serialize;

use super::{Failure, Source};
use crate::features::kubernetes::Record;
use crate::predict::clean::{Cleaning, clean};
use crate::predict::dataset::{Dataset, Split};

/// A data set, split by time, and how it came about.
pub struct Prepared {
    /// The records, sorted by service and time.
    pub records: Vec<Record>,
    /// The rows.
    pub data: Dataset,
    /// Which of them are for what.
    pub split: Split,
    /// What was read.
    pub origin: Origin,
}

/// What a data set was made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// How many files were read; 0 for the history of a Prometheus.
    pub files: usize,
    /// The files that were left out, and why.
    pub skipped_files: Vec<String>,
    /// What was done to the records.
    pub cleaning: Cleaning,
    /// The services.
    pub services: Vec<String>,
    /// How many rows models learn from.
    pub train_rows: usize,
    /// How many rows they are judged by.
    pub test_rows: usize,
    /// When those begin.
    pub test_from: String,
}

impl Prepared {
    /// Reads and cleans what `source` names, and says what is odd about it.
    pub fn read(source: &Source) -> Result<Self, Failure> {
        let mut read = source.records()?;
        let cleaning = clean(&mut read.rows);
        if cleaning.single_replica {
            tracing::warn!(
                "there is never more than one replica in the data: when to scale cannot be learnt from them"
            );
        }
        let data = Dataset::new(&read.rows)?;
        let split = data.split()?;
        let origin = Origin {
            files: read.files,
            skipped_files: read.skipped,
            cleaning,
            services: data.inputs.services().iter().map(|service| service.to_string()).collect(),
            train_rows: split.fit.len() + split.stop.len(),
            test_rows: split.test.len(),
            test_from: split.test_from.to_string(),
        };
        Ok(Self { records: read.rows, data, split, origin })
    }
}

impl Origin {
    /// On one line, for a person.
    pub fn summary(&self) -> String {
        let Self { files, skipped_files, cleaning, services, .. } = self;
        let from = match files {
            0 => "Prometheus".to_owned(),
            1 => "1 file".to_owned(),
            _ => format!("{files} files"),
        };
        let mut text = format!("{} rows of {} services from {from}", cleaning.kept, services.len());
        for (count, what) in [
            (skipped_files.len(), "files left out"),
            (cleaning.capped, "rows capped"),
            (cleaning.contradictory, "rows with load but no replica dropped"),
            (cleaning.silent, "rows of zeros dropped"),
            (cleaning.repeated, "repeated rows dropped"),
        ] {
            if count > 0 {
                text += &format!(", {what}: {count}");
            }
        }
        let Self { train_rows, test_rows, test_from, .. } = self;
        text + &format!("; {train_rows} to learn from, {test_rows} from {test_from} on to judge by")
    }
}
