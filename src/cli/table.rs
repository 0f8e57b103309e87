//! CSV files with a time column, plain or gzipped, row by row.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use flate2::read::MultiGzDecoder;

use crate::units::Timestamp;

/// What is wrong with a table. Every message names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{path}: cannot open: {source}", path = .path.display())]
    Open { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}", path = .path.display())]
    Csv { path: PathBuf, source: csv::Error },
    #[error("{path}: the file is empty: expected a line that names the columns", path = .path.display())]
    Empty { path: PathBuf },
    #[error("{path}: line 1: no column {column:?}; the columns are {found}{hint}", path = .path.display())]
    NoColumn { path: PathBuf, column: String, found: String, hint: &'static str },
    #[error("{path}: line 1: the column {column:?} stands there twice", path = .path.display())]
    Twice { path: PathBuf, column: String },
    #[error("{path}: line 1: expected columns beside {time_column:?}, found none", path = .path.display())]
    NoValues { path: PathBuf, time_column: String },
    #[error("{path}: line {line}: column {column:?}: expected {expected}, found {found:?}", path = .path.display())]
    Cell { path: PathBuf, line: u64, column: String, expected: &'static str, found: String },
}

/// A table that is being read.
pub struct Table {
    path: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    time: Column,
    values: Vec<Column>,
}

struct Column {
    name: String,
    index: usize,
}

/// One row.
pub struct Row {
    /// The time as it stands in the file.
    pub time_text: String,
    pub at: Timestamp,
    /// One a value column; `None` where the cell is empty or not a finite number such as `NaN`.
    pub values: Vec<Option<f64>>,
}

impl Table {
    /// Opens the CSV file `path`, gzipped where its name ends in `.gz`, and reads its header. The value
    /// columns are `columns`, or all but the time column. The time is in `timestamp` where no column is
    /// named, or else in the first one.
    pub fn open(
        path: &Path,
        time_column: Option<&str>,
        columns: Option<&[String]>,
    ) -> Result<Self, TableError> {
        let file = File::open(path)
            .map_err(|source| TableError::Open { path: path.to_owned(), source })?;
        let gzipped = path.extension().is_some_and(|e| e == "gz");
        let bytes: Box<dyn Read> =
            if gzipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = reader
            .headers()
            .map_err(|source| TableError::Csv { path: path.to_owned(), source })?
            .clone();
        if header.iter().all(str::is_empty) {
            return Err(TableError::Empty { path: path.to_owned() });
        }
        let time_column = time_column.unwrap_or_else(|| usual_time_column(&header));
        let time = find(path, &header, time_column, "; name the time with --time-column")?;
        let values = match columns {
            Some(names) => {
                names.iter().map(|name| find(path, &header, name, "")).collect::<Result<_, _>>()?
            }
            None => header
                .iter()
                .filter(|name| *name != time_column)
                .map(|name| find(path, &header, name, ""))
                .collect::<Result<Vec<_>, _>>()?,
        };
        if values.is_empty() {
            let time_column = time_column.to_owned();
            return Err(TableError::NoValues { path: path.to_owned(), time_column });
        }
        Ok(Self { path: path.to_owned(), reader, time, values })
    }

    /// The names of the value columns.
    pub fn columns(&self) -> Vec<String> {
        self.values.iter().map(|column| column.name.clone()).collect()
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let mut record = StringRecord::new();
        let more = self
            .reader
            .read_record(&mut record)
            .map_err(|source| TableError::Csv { path: self.path.clone(), source })?;
        if !more {
            return Ok(None);
        }
        let cell = |column: &Column| record.get(column.index).unwrap_or_default();
        let fail = |column: &Column, expected| TableError::Cell {
            path: self.path.clone(),
            line: record.position().map_or(0, csv::Position::line),
            column: column.name.clone(),
            expected,
            found: cell(column).to_owned(),
        };
        let time_text = cell(&self.time);
        let at = Timestamp::parse(time_text).map_err(|_| fail(&self.time, Timestamp::NOTATIONS))?;
        let values = self.values.iter().map(|column| match cell(column) {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(value) => Ok(Some(value).filter(|v| v.is_finite())),
                Err(_) => Err(fail(column, "a number or nothing")),
            },
        });
        let values = values.collect::<Result<_, _>>()?;
        Ok(Some(Row { time_text: time_text.to_owned(), at, values }))
    }
}

fn usual_time_column(header: &StringRecord) -> &str {
    let usual = "timestamp";
    let found = header.iter().any(|name| name == usual);
    if found { usual } else { header.get(0).unwrap_or(usual) }
}

fn find(
    path: &Path,
    header: &StringRecord,
    name: &str,
    hint: &'static str,
) -> Result<Column, TableError> {
    let (path, column) = (path.to_owned(), name.to_owned());
    let mut places = header.iter().enumerate().filter(|(_, found)| *found == name);
    match (places.next(), places.next()) {
        (Some((index, _)), None) => Ok(Column { name: column, index }),
        (Some(_), Some(_)) => Err(TableError::Twice { path, column }),
        (None, _) => {
            let found = header.iter().collect::<Vec<_>>().join(", ");
            Err(TableError::NoColumn { path, column, found, hint })
        }
    }
}
