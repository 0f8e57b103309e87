//! `--events`: a calendar of known events in a CSV file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::config::Event;
use crate::forecast::{Calendar, Kind};
use crate::units::{Timestamp, duration};

/// The columns that must be there, in any order; `every` may be.
const NEEDED: [&str; 3] = ["name", "start", "end"];

/// Reads the events in the file `path`. Every message names the file, and the line where there is one.
pub fn read(path: &Path) -> Result<Vec<Event>, String> {
    let name = path.display();
    let file = File::open(path).map_err(|e| format!("{name}: cannot open: {e}"))?;
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let of_csv = |error: csv::Error| format!("{name}: {error}");
    let header = reader.headers().map_err(of_csv)?.clone();
    let place = |column: &str| header.iter().position(|found| found == column);
    if let Some(missing) = NEEDED.into_iter().find(|column| place(column).is_none()) {
        return Err(format!(
            "{name}: line 1: expected the columns name, start, end, and every where \
             events come again; there is no {missing}"
        ));
    }
    let mut events = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(of_csv)? {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: &str| {
            let found = place(column).and_then(|place| record.get(place));
            found.unwrap_or_default().to_owned()
        };
        events.push(event(cell).map_err(|problem| format!("{name}: line {line}: {problem}"))?);
    }
    match Event::problem(&events) {
        Some(problem) => Err(format!("{name}: {problem}")),
        None if events.is_empty() => {
            Err(format!("{name}: expected at least one event, found none"))
        }
        None => Ok(events),
    }
}

/// The event in a row, by the names of its cells.
fn event(cell: impl Fn(&str) -> String) -> Result<Event, String> {
    let time = |column: &str| {
        let at = Timestamp::parse(&cell(column));
        at.map_err(|problem| format!("column {column:?}: {problem}"))
    };
    let every = Some(cell("every")).filter(|text| !text.is_empty());
    let every = every
        .map(|text| duration::parse(&text))
        .transpose()
        .map_err(|problem| format!("column \"every\": {problem}"))?;
    Event::new(cell("name"), time("start")?, time("end")?, every)
}

/// The calendar in the file of `--events`, which one of the models that `flag` names must know.
pub fn calendar(
    path: Option<&Path>,
    kinds: impl IntoIterator<Item = Kind>,
    flag: &str,
) -> Result<Arc<Calendar>, String> {
    let Some(path) = path else { return Ok(Arc::default()) };
    if !kinds.into_iter().any(Kind::knows_events) {
        let knows = Event::MODEL;
        return Err(format!(
            "--events: expected auto or {knows} as {flag}: no other model knows of events"
        ));
    }
    Ok(Arc::new(Calendar::new(&read(path)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Event>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.csv");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn reads_events_in_any_notation_of_time() {
        let events = read_text(
            "end, start, name, every\n\
             2026-01-31T06:00:00Z, 1769817600, sale,\n\
             2026-02-01 02:00:00, 2026-02-01, backup, 1d\n",
        )
        .unwrap();
        let told: Vec<String> = events
            .iter()
            .map(|e| format!("{} {} {:?} {:?}", e.name, e.start, e.length, e.every))
            .collect();
        assert_eq!(
            told,
            [
                "sale 2026-01-31T00:00:00.000Z 21600s None",
                "backup 2026-02-01T00:00:00.000Z 7200s Some(86400s)"
            ]
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let times = "a time such as 2026-01-31T12:00:00Z, 2026-01-31 12:00:00 or Unix seconds";
        for (text, expected) in [
            (
                "",
                "line 1: expected the columns name, start, end, and every where events come again; \
                 there is no name"
                    .to_owned(),
            ),
            ("name,start,end\n", "expected at least one event, found none".to_owned()),
            (
                "name,start,end\na,soon,2\n",
                format!("line 2: column \"start\": expected {times}, found \"soon\""),
            ),
            (
                "name,start,end\na,1,2\n,1,2\n",
                "line 3: expected a name, found none".to_owned(),
            ),
            (
                "name,start,end\na,60,0\n",
                "line 2: expected an end after the start (1970-01-01T00:01:00.000Z), found \
                 1970-01-01T00:00:00.000Z"
                    .to_owned(),
            ),
            (
                "name,start,end,every\na,0,3600,30m\n",
                "line 2: expected every to be at least as long as the event (1h), found 30m"
                    .to_owned(),
            ),
            (
                "name,start,end,every\na,0,3600,often\n",
                "line 2: column \"every\": expected a duration such as 30s, 5m or 1h30m, found \
                 \"often\""
                    .to_owned(),
            ),
        ] {
            assert_eq!(read_text(text), Err(format!("events.csv: {expected}")), "{text}");
        }
    }
}
