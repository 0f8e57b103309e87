//! How many of the labelled faults of real servers are alerted, and how often nothing was wrong: a check
//! against decay, not a benchmark. It counts windows with an alert and alerts outside windows, no more.
//!
//! The data are NAB's (`nab/realAWSCloudwatch/*.csv.gz` and `nab/combined_windows.json` under `anomaly` of
//! the folder that `LOADLINE_DATA` names).

#![allow(clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use loadline::config::Detection;
use loadline::detect::{Assessment, Detector};
use loadline::features::{Features, Schema};
use loadline::target::TargetId;
use loadline::units::Timestamp;

const SET: &str = "realAWSCloudwatch";

/// Labelled windows that begin earlier in a file are not counted, nor are alerts: there is little to
/// judge by.
const FIRST_ROWS: usize = 600;

#[derive(Debug, Default, PartialEq)]
struct Count {
    windows: usize,
    found: usize,
    false_alerts: usize,
    rows: usize,
}

#[test]
fn faults_of_real_servers_are_alerted_and_little_else() {
    let Some(folder) = data_folder() else {
        eprintln!("skipped: no anomaly/nab/{SET} under $LOADLINE_DATA or ../shared/data");
        return;
    };
    let windows = windows(&folder.join("combined_windows.json"));
    let mut total = Count::default();
    for (name, windows) in windows.iter().filter(|(name, _)| name.starts_with(SET)) {
        let path = folder.join(format!("{name}.gz"));
        assert!(path.exists(), "{} is missing: fetch the data anew", path.display());
        count(&read(&path), windows, &mut total);
    }
    eprintln!("{total:?}");
    assert_eq!((total.windows, total.rows), (28, 57_540), "the files are as they were");
    // Measured: 25 found, 66 false alerts.
    assert!(total.found >= 22, "{total:?}");
    assert!(total.false_alerts <= 85, "{total:?}");
}

/// Adds what the default detector, which knows nothing yet, makes of a file.
fn count(rows: &[(Timestamp, f64)], windows: &[[Timestamp; 2]], total: &mut Count) {
    let Some((first, _)) = rows.get(FIRST_ROWS) else { return };
    let windows: Vec<_> = windows.iter().filter(|window| window[0] >= *first).collect();
    let mut found = vec![false; windows.len()];
    for at in alerts(rows).into_iter().filter(|at| at >= first) {
        match windows.iter().position(|[from, to]| *from <= at && at <= *to) {
            Some(window) => found[window] = true,
            None => total.false_alerts += 1,
        }
    }
    total.windows += windows.len();
    total.found += found.into_iter().filter(|found| *found).count();
    total.rows += rows.len() - FIRST_ROWS;
}

/// The moments that are worth an alert.
fn alerts(rows: &[(Timestamp, f64)]) -> Vec<Timestamp> {
    let schema = Arc::new(Schema::new(vec!["value".to_owned()]));
    let mut detector =
        Detector::new(Arc::clone(&schema), Detection::default()).expect("the default");
    let target = TargetId::from("a");
    let mut is_alert = |at: Timestamp, value: f64| {
        let features = Features::new(Arc::clone(&schema), [Some(value)]);
        let found = detector.observe(&target, &features, at).expect("same schema");
        found.as_ref().is_some_and(Assessment::is_alert)
    };
    rows.iter().filter(|(at, value)| is_alert(*at, *value)).map(|(at, _)| *at).collect()
}

fn read(path: &Path) -> Vec<(Timestamp, f64)> {
    let file = std::fs::File::open(path).expect("readable");
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    reader
        .deserialize()
        .map(|row| {
            let (at, value): (String, f64) = row.expect("a time and a number");
            (time(&at), value)
        })
        .collect()
}

/// From the name of a file to the first and the last moment of each labelled fault.
fn windows(path: &Path) -> BTreeMap<String, Vec<[Timestamp; 2]>> {
    let text = std::fs::read_to_string(path).expect("readable");
    let all: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text).expect("windows");
    let times = |window: [String; 2]| window.map(|at| time(&at));
    all.into_iter()
        .map(|(name, windows)| (name, windows.into_iter().map(times).collect()))
        .collect()
}

fn time(text: &str) -> Timestamp {
    let time: DateTime = text.parse().expect("a time");
    let time = time.to_zoned(TimeZone::UTC).expect("in range").timestamp();
    Timestamp::from_millis(time.as_millisecond())
}

fn data_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = std::env::var_os("LOADLINE_DATA").map_or(beside, PathBuf::from);
    Some(data.join("anomaly/nab")).filter(|folder| folder.join(SET).is_dir())
}
