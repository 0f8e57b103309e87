//! `loadline forecast`, as a user runs it.

#![allow(clippy::expect_used)]

use std::collections::BTreeSet;
use std::f64::consts::TAU;
use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::support::loadline;

/// Rows of ten minutes over ten days.
const ROWS: usize = 1440;

fn forecast(folder: &Path, arguments: &[&str]) -> Output {
    loadline()
        .current_dir(folder)
        .args(["forecast", "--input", "load.csv", "--column", "load"])
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn at(row: usize) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + row / 144, row / 6 % 24, row % 6 * 10)
}

/// A wave a day with a jitter, and a gap of an hour in each day; `changed` overrides rows.
fn write(folder: &Path, changed: impl Fn(usize) -> Option<f64>) {
    let mut text = "timestamp,load\n".to_owned();
    for row in 0..ROWS {
        let jitter = ((row * 37) % 11) as f64;
        let wave = 100.0 + 50.0 * (TAU * row as f64 / 144.0).sin() + jitter;
        let value = changed(row).unwrap_or(wave);
        let missing = row % 144 < 6;
        text += &if missing { format!("{},\n", at(row)) } else { format!("{},{value}\n", at(row)) };
    }
    fs::write(folder.join("load.csv"), text).expect("written");
}

const ASKED: [&str; 8] = [
    "--step",
    "10m",
    "--horizons",
    "1h,10m",
    "--quantiles",
    "0.95,0.05",
    "--test-from",
    "2026-01-09T00:00:00Z",
];

#[test]
fn every_sample_is_an_origin_and_no_forecast_knows_what_came_later() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), |_| None);
    let lines = |name: &str| -> Vec<String> {
        let output = forecast(
            folder.path(),
            &[&ASKED[..], &["--model", "cheap", "--output", name]].concat(),
        );
        assert!(output.status.success(), "{}", message(&output));
        let text = fs::read_to_string(folder.path().join(name)).expect("an output");
        text.lines().map(str::to_owned).collect()
    };
    let before = lines("before.csv");
    assert_eq!(before[0], "origin,horizon_seconds,quantile,value");
    // From the last sample of history on, two days of ten minutes, each with two horizons and quantiles.
    assert_eq!(before.len(), 1 + (2 * 144 + 1) * 4);
    assert!(before[1].starts_with("2026-01-08T23:50:00.000Z,600,0.05,"), "{}", before[1]);
    assert!(before[4].starts_with("2026-01-08T23:50:00.000Z,3600,0.95,"), "{}", before[4]);
    let numbers: BTreeSet<usize> = before.iter().map(|line| line.split(',').count()).collect();
    assert_eq!(numbers, BTreeSet::from([4]));

    // Within the gap of the last day: what is missing there must not be bridged with what follows.
    let change = ROWS - 144 + 3;
    write(folder.path(), |row| (row >= change).then_some(900.0));
    let after = lines("after.csv");
    let origin = |line: &&String| line.as_str() < at(change).as_str();
    let (known, later): (Vec<_>, Vec<_>) = before[1..].iter().partition(origin);
    assert_eq!(known, after[1..].iter().filter(origin).collect::<Vec<_>>());
    assert_ne!(later, after[1..].iter().skip(known.len()).collect::<Vec<_>>());
}

#[test]
fn the_summary_compares_models_with_naive() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), |_| None);
    let output =
        forecast(folder.path(), &[&ASKED[..], &["--model", "mstl,naive", "--summary"]].concat());
    assert!(output.status.success(), "{}", message(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let row = |model: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut rows = text.lines().map(words);
        rows.find(|row| row.starts_with(&[model.to_owned(), "1h".to_owned()])).expect("a row")
    };
    let ratio = |row: &[String]| row[3].parse::<f64>().expect("a number");
    assert_eq!(ratio(&row("naive")), 1.0, "{text}");
    assert!(ratio(&row("mstl")) < 0.5 && ratio(&row("mstl,naive")) < 0.5, "{text}");
}

/// Three hours at irregular times, the last in the days that are forecast.
const SALES: [usize; 7] = [40, 230, 380, 500, 777, 1000, 1300];
const SALE_ROWS: usize = 18;

/// How far the median an hour ahead was from what came, on average over the last two days' sales, and the
/// hours after them.
fn error_at_sales(folder: &Path, arguments: &[&str]) -> f64 {
    let asked = ["--horizons", "1h", "--quantiles", "0.5", "--test-from", "2026-01-09T00:00:00Z"];
    let all = [&asked[..], &["--model", "prophet", "--output", "out.csv"], arguments].concat();
    let output = forecast(folder, &all);
    assert!(output.status.success(), "{}", message(&output));
    let load = fs::read_to_string(folder.join("load.csv")).expect("the load");
    let load: Vec<Option<f64>> = load
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').and_then(|(_, value)| value.parse().ok()))
        .collect();
    let said = fs::read_to_string(folder.join("out.csv")).expect("an output");
    let errors = (8 * 144 - 1..).zip(said.lines().skip(1)).filter_map(|(origin, line)| {
        let row = origin + 6;
        let near = SALES.iter().any(|sale| (*sale..sale + 2 * SALE_ROWS).contains(&row));
        let said: f64 = line.rsplit_once(',')?.1.parse().ok()?;
        near.then_some((load.get(row).copied().flatten()? - said).abs())
    });
    let errors: Vec<f64> = errors.collect();
    assert!(errors.len() > SALE_ROWS, "{errors:?}");
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn a_calendar_helps_where_events_lift_the_load() {
    let folder = TempDir::new().expect("a folder");
    let sale = |row: usize| SALES.iter().any(|sale| (*sale..sale + SALE_ROWS).contains(&row));
    write(folder.path(), |row| {
        let wave = 100.0 + 50.0 * (TAU * row as f64 / 144.0).sin() + ((row * 37) % 11) as f64;
        sale(row).then_some(wave + 200.0)
    });
    let sales = SALES.map(|row| format!("sale,{},{}\n", at(row), at(row + SALE_ROWS)));
    let events = format!("name,start,end\n{}", sales.concat());
    fs::write(folder.path().join("events.csv"), events).expect("written");
    let without = error_at_sales(folder.path(), &[]);
    let with = error_at_sales(folder.path(), &["--events", "events.csv"]);
    assert!(with < 0.5 * without, "{with} with a calendar, {without} without");

    let asked = ["--horizons", "1h", "--summary", "--events"];
    let refused =
        |arguments: &[&str]| message(&forecast(folder.path(), &[&asked, arguments].concat()));
    let error = refused(&["events.csv", "--model", "cheap"]);
    assert!(error.contains("--events: expected auto or prophet as --model"), "{error}");
    let error = refused(&["load.csv"]);
    assert!(error.contains("load.csv: line 1: expected the columns name, start, end"), "{error}");
}

#[test]
fn what_cannot_be_forecast_is_refused() {
    let folder = TempDir::new().expect("a folder");
    write(folder.path(), |_| None);
    let wrong: [(&[&str], &str); 5] = [
        (&["--horizons", "25m"], "--horizons: expected multiples of the step 10m, found 25m"),
        (&["--horizons", "1h", "--quantiles", "1.5"], "expected it between 0 and 1"),
        (&["--horizons", "1h", "--test-from", "2020-01-01"], "--test-from: expected a time after"),
        (&["--horizons", "1h", "--model", "oracle"], "expected auto, cheap, or some of naive,"),
        (&["--horizons", "1h", "--time-column", "when"], "line 1: no column \"when\""),
    ];
    for (arguments, expected) in wrong {
        let output = forecast(folder.path(), &[arguments, &["--output", "out.csv"]].concat());
        assert!(!output.status.success() && message(&output).contains(expected), "{output:?}");
        assert!(!folder.path().join("out.csv").exists());
    }
}
