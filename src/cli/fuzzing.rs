//! The parsers of this room for `fuzz/`, with what must hold of them.

use std::path::Path;
use std::time::Duration;

use super::events;
use super::simulate::forecast_file;
use super::table::Table;
use super::trace;
use crate::forecast::{Calendar, Series};
use crate::simulate::{ByTime, Source};
use crate::units::Timestamp;

/// A table in the file `path`: each row has its time and as many values as the others.
pub fn table(path: &Path) {
    let Ok(mut table) = Table::open(path, Some("time"), None) else { return };
    let mut width = None;
    while let Ok(Some(row)) = table.next_row() {
        assert_eq!(*width.get_or_insert(row.values.len()), row.values.len());
        assert!(row.values.iter().flatten().all(|value| value.is_finite()));
    }
}

/// A trace in the file `path`, at its own step or at that of a minute: a series begins with a sample, and
/// holds no infinity; what is refused is refused in the name of the file.
pub fn trace(path: &Path, at_own_step: bool) {
    let step = (!at_own_step).then_some(Duration::from_secs(60));
    match trace::read(path, None, "load", step) {
        Ok(series) => {
            assert!(!series.step.is_zero() && !series.values.is_empty());
            assert!(series.values.iter().any(|value| value.is_finite()));
            assert!(!series.values.iter().any(|value| value.is_infinite()));
        }
        Err(error) => names_the_file(&error.to_string(), path),
    }
}

/// Ready-made forecasts in the file `path` for the first hour of 1970: as many as there are samples, or by their
/// origins in order.
pub fn forecasts(path: &Path) {
    let load = Series {
        start: Timestamp::default(),
        step: Duration::from_secs(60),
        values: vec![1.0; 60],
    };
    for at_once in [false, true] {
        match forecast_file::read(path, &load, at_once) {
            Ok(Source::ByTime(ByTime { point, upper })) => {
                assert_eq!(point.len(), 60);
                assert!(upper.is_none_or(|upper| upper.len() == 60));
            }
            Ok(Source::ByOrigin(forecasts)) => {
                assert!(forecasts.is_sorted_by(|a, b| a.origin < b.origin));
                for forecast in &forecasts {
                    let width = forecast.levels.len();
                    let sound = |values: &Vec<f64>| values.len() == width && values.is_sorted();
                    assert!(forecast.horizons.iter().all(|horizon| sound(&horizon.values)));
                    assert!(forecast.horizons.is_sorted_by(|a, b| a.after < b.after));
                }
            }
            Ok(source) => panic!("no file is {}", source.name()),
            Err(error) => names_the_file(&error.to_string(), path),
        }
    }
}

/// A calendar in the file `path`: each event has a name and a length, and is on at its start.
pub fn events(path: &Path) {
    match events::read(path) {
        Ok(events) => {
            assert!(events.iter().all(|event| !event.name.is_empty() && !event.length.is_zero()));
            let calendar = Calendar::new(&events);
            for event in &events {
                assert!(calendar.are_on(event.start).any(|on| on), "{event:?}");
            }
        }
        Err(error) => names_the_file(&error, path),
    }
}

fn names_the_file(error: &str, path: &Path) {
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cells that are a time, a number and a name alike.
    const RIGHT: [&str; 7] = ["0", "60", "120", "1800", "3540", "0.5", "0.95"];

    const ODD: [&str; 14] = [
        "",
        "-2.5",
        "1e300",
        "-1e300",
        "1m",
        "NaN",
        "inf",
        "much",
        "1970-01-01T00:30:00Z",
        "1970-01-01 00:31:00",
        "\"1\"",
        "\"a,b\"",
        "\"",
        "\u{fffd}",
    ];

    const HEADERS: [&str; 9] = [
        "timestamp,load",
        "load,timestamp",
        "timestamp,yhat",
        "timestamp,value,upper",
        "origin,horizon_seconds,quantile,value",
        "name,start,end",
        "start,end,name,every",
        "timestamp,load,load",
        "a",
    ];

    /// A table with a header; most cells are right, and most rows have one a column.
    fn tables() -> impl Strategy<Value = String> {
        prop::sample::select(HEADERS.to_vec()).prop_flat_map(|header| {
            let columns = header.split(',').count();
            let cell = prop_oneof![
                30 => prop::sample::select(RIGHT.to_vec()),
                1 => prop::sample::select(ODD.to_vec()),
            ];
            let width = prop_oneof![30 => Just(columns), 1 => 1..6usize];
            let row = width.prop_flat_map(move |width| prop::collection::vec(cell.clone(), width));
            let rows = prop::collection::vec(row.prop_map(|cells| cells.join(",")), 0..6);
            rows.prop_map(move |rows| format!("{header}\n{}\n", rows.join("\n")))
        })
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![9 => tables(), 1 => "\\PC{0,60}"]
    }

    proptest! {
        /// Each is read or refused with a word, and what is read is as it must be.
        #[test]
        fn any_text_is_read_or_refused(text in texts(), gzipped in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(if gzipped { "a.csv.gz" } else { "a.csv" });
            std::fs::write(&path, text).unwrap();
            table(&path);
            trace(&path, true);
            trace(&path, false);
            forecasts(&path);
            events(&path);
        }
    }
}
