//! One column of a CSV file → a regular series: what forecasts, training and simulation start from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::table::{Table, TableError};
use crate::forecast::{Regular, Series, SeriesError};

/// Why a column is no series. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{path}: column {column:?}: {source}", path = .path.display())]
    Series { path: PathBuf, column: String, source: SeriesError },
}

/// Reads `column` of the file `path`, row by row. Rows may come in any order; those that fall on the same
/// step are averaged. Without a `step` it is the one that the rows keep.
pub fn read(
    path: &Path,
    time_column: Option<&str>,
    column: &str,
    step: Option<Duration>,
) -> Result<Series, TraceError> {
    let of_series =
        |source| TraceError::Series { path: path.to_owned(), column: column.to_owned(), source };
    let mut table = Table::open(path, time_column, Some(&[column.to_owned()]))?;
    let mut regular =
        step.map_or_else(|| Ok(Regular::at_own_step()), Regular::at_step).map_err(of_series)?;
    while let Some(row) = table.next_row()? {
        regular.push(row.at, row.values.first().copied().flatten()).map_err(of_series)?;
    }
    regular.finish().map_err(of_series)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    fn read_text(name: &str, text: &str, step: Option<Duration>) -> Result<Series, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path, None, "load", step).map_err(|error| {
            error.to_string().replace(&format!("{}/", folder.path().display()), "")
        })
    }

    #[test]
    fn reads_a_column_of_a_zipped_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv.gz");
        let mut file = GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast());
        write!(
            file,
            ",other,load\n1970-01-01T00:05:00Z,x,2\n1970-01-01 00:00:00,y,1\n600,,\n1200,z,4\n"
        )
        .unwrap();
        file.finish().unwrap();
        let series = read(&path, None, "load", None).unwrap();
        assert_eq!((series.start.millis(), series.step), (0, Duration::from_secs(300)));
        assert_eq!(format!("{:?}", series.values), "[1.0, 2.0, NaN, NaN, 4.0]");
        let series = read(&path, None, "load", Some(TEN_MINUTES)).unwrap();
        assert_eq!(format!("{:?}", series.values), "[1.5, NaN, 4.0]");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let wrong = [
            ("", "a.csv: the file is empty: expected a line that names the columns"),
            ("timestamp,load\n", "a.csv: column \"load\": there are no samples"),
            (
                "timestamp,a,b\n1,2,3\n",
                "a.csv: line 1: no column \"load\"; the columns are timestamp, a, b",
            ),
            (
                "timestamp,load\n1,\n2,NaN\n",
                "a.csv: column \"load\": there is not one value: all 2 samples are missing",
            ),
            (
                "timestamp,load\n1,2\n2,much\n",
                "a.csv: line 3: column \"load\": expected a number or nothing, found \"much\"",
            ),
        ];
        for (text, expected) in wrong {
            assert_eq!(read_text("a.csv", text, None), Err(expected.to_owned()));
        }
        let once = read_text("a.csv", "timestamp,load\n1,2\n", None).unwrap_err();
        assert!(once.contains("name it"), "{once}");
    }
}
