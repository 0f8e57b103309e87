//! One CSV file → rows. The first line names the columns; they may stand in any order.

use std::io::Read;

use csv::StringRecord;
use flate2::read::MultiGzDecoder;

use super::Failure;
use crate::features::cloud::Sample;
use crate::features::kubernetes::{METRICS, Record};
use crate::units::Timestamp;

/// What a row of a file can become.
pub trait Rows: Sized {
    /// The columns that must be there.
    const NEEDED: &'static [&'static str];

    /// The row of these cells.
    fn read(cells: &Cells) -> Result<Self, Failure>;
}

/// The cells of a row, by column.
pub struct Cells<'a> {
    name: &'a str,
    columns: &'a StringRecord,
    record: &'a StringRecord,
}

impl Cells<'_> {
    /// The text of `column`; empty where there is no such column.
    fn text(&self, column: &str) -> &str {
        let place = self.columns.iter().position(|name| name == column);
        place.and_then(|place| self.record.get(place)).unwrap_or_default()
    }

    fn wrong(&self, column: &str, expected: &str) -> Failure {
        let line = self.record.position().map_or(0, csv::Position::line);
        let found = self.text(column);
        let name = self.name;
        format!("{name}: line {line}: column {column:?}: expected {expected}, found {found:?}")
            .into()
    }

    fn time(&self) -> Result<Timestamp, Failure> {
        let at = Timestamp::parse(self.text("timestamp"));
        at.map_err(|_| self.wrong("timestamp", "a time such as 2026-01-31T12:00:00Z"))
    }

    /// A number; `None` where there is none.
    fn number(&self, column: &str) -> Result<Option<f64>, Failure> {
        match self.text(column) {
            "" => Ok(None),
            "true" | "True" => Ok(Some(1.0)),
            "false" | "False" => Ok(Some(0.0)),
            text => match text.parse::<f64>() {
                Ok(value) => Ok(Some(value).filter(|value| value.is_finite())),
                Err(_) => Err(self.wrong(column, "a number or nothing")),
            },
        }
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, Failure> {
        Ok(self.number(column)?.map(|value| value != 0.0))
    }
}

impl Rows for Record {
    // The label is made of these; another metric may be missing in all rows.
    const NEEDED: &'static [&'static str] =
        &["timestamp", "service_name", "cpu_usage_percent", "ram_usage_percent", "replica_count"];

    fn read(cells: &Cells) -> Result<Self, Failure> {
        let service = cells.text("service_name");
        if service.is_empty() {
            return Err(cells.wrong("service_name", "the name of a service"));
        }
        let mut record = Self::empty(cells.time()?, service.into());
        for (metric, name) in record.metrics.iter_mut().zip(METRICS) {
            *metric = cells.number(name)?;
        }
        record.replicas = cells.number("replica_count")?;
        if record.replicas.is_some_and(|count| count < 0.0) {
            return Err(cells.wrong("replica_count", "a number that is not negative"));
        }
        record.is_holiday = cells.flag("is_holiday")?;
        record.is_weekend = cells.flag("is_weekend")?;
        Ok(record)
    }
}

impl Rows for Sample {
    const NEEDED: &'static [&'static str] = &crate::features::cloud::COLUMNS;

    fn read(cells: &Cells) -> Result<Self, Failure> {
        let number = |column| cells.number(column);
        let (cpu, ram, disk) = (number("cpu")?, number("ram")?, number("disk")?);
        Ok(Self { at: cells.time()?, cpu, ram, disk })
    }
}

/// The rows of the file `name`, unzipped where its name ends in `.gz`. The first thing that is wrong
/// ends it: half a file teaches less than it hides.
pub fn read<T: Rows>(name: &str, bytes: &[u8]) -> Result<Vec<T>, Failure> {
    let bytes: Box<dyn Read + '_> =
        if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let of_file = |error: csv::Error| format!("{name}: {error}");
    let columns = reader.headers().map_err(of_file)?.clone();
    if columns.iter().all(str::is_empty) {
        return Err(format!("{name}: expected a line that names the columns, found nothing").into());
    }
    for needed in T::NEEDED {
        match columns.iter().filter(|column| column == needed).count() {
            1 => {}
            0 => {
                let found = columns.iter().collect::<Vec<_>>().join(", ");
                return Err(format!(
                    "{name}: line 1: no column {needed:?}; the columns are {found}"
                )
                .into());
            }
            _ => {
                return Err(
                    format!("{name}: line 1: the column {needed:?} stands there twice").into()
                );
            }
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(of_file)?;
        rows.push(T::read(&Cells { name, columns: &columns, record: &record })?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::kubernetes::Metric;

    const HEADER: &str =
        "service_name,timestamp,replica_count,cpu_usage_percent,ram_usage_percent,is_weekend\n";

    fn records(text: &str) -> Result<Vec<Record>, String> {
        read("a.csv", text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name_and_may_be_missing() {
        let text = format!("{HEADER}shop,2026-01-31T12:00:00+07:00,2,55.5,,True\n");
        let rows = records(&text).expect("rows");
        assert_eq!(rows[0].at, Timestamp::from_millis(1_769_835_600_000));
        assert_eq!((rows[0].get(Metric::Cpu), rows[0].get(Metric::Ram)), (Some(55.5), None));
        assert_eq!((rows[0].replicas, rows[0].is_weekend), (Some(2.0), Some(true)));
        assert_eq!((rows[0].get(Metric::ErrorRate), rows[0].is_holiday), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("", "a.csv: expected a line that names the columns, found nothing"),
            (
                "timestamp,service_name\n",
                "a.csv: line 1: no column \"cpu_usage_percent\"; the columns are timestamp, service_name",
            ),
            (
                &format!("{HEADER}shop,1,2,55,much,1\n"),
                "a.csv: line 2: column \"ram_usage_percent\": expected a number or nothing, found \"much\"",
            ),
            (
                &format!("{HEADER}shop,1,2,55,5,1\nshop,then,2,55,5,1\n"),
                "a.csv: line 3: column \"timestamp\": expected a time such as 2026-01-31T12:00:00Z, found \"then\"",
            ),
            (
                &format!("{HEADER},1,2,55,5,1\n"),
                "a.csv: line 2: column \"service_name\": expected the name of a service, found \"\"",
            ),
            (
                &format!("{HEADER}shop,1,-2,55,5,1\n"),
                "a.csv: line 2: column \"replica_count\": expected a number that is not negative, found \"-2\"",
            ),
        ] {
            assert_eq!(records(text).expect_err(expected), expected);
        }
        let cells = records(&format!("{HEADER}shop,1\n")).expect_err("too few cells");
        assert!(cells.starts_with("a.csv: CSV error: record 1 (line: 2"), "{cells}");
    }
}
