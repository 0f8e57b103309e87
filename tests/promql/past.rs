//! The past of a query over more instants than Prometheus answers at once.

use std::fmt::Write;
use std::time::Duration;

use loadline::config;
use loadline::promql::{Client, Grid};
use loadline::target::Labels;
use loadline::units::Timestamp;

use super::data::NOW;
use crate::support::{Prometheus, Victoria};

/// Seconds, one sample each: more than 11 000, and not a whole number of pieces.
const SECONDS: i64 = 20_500;

/// When the second series begins.
const LATE: i64 = 10_000;

/// When the first series is silent.
const SILENCE: std::ops::Range<i64> = 9_990..10_010;

fn samples() -> String {
    let mut text = "# TYPE wave gauge\n".to_owned();
    for t in (0..SECONDS).filter(|t| !SILENCE.contains(t)) {
        writeln!(text, "wave{{name=\"early\"}} {t} {}", NOW + t).expect("text");
    }
    for t in LATE..SECONDS {
        writeln!(text, "wave{{name=\"late\"}} -{t} {}", NOW + t).expect("text");
    }
    text
}

async fn a_long_past(url: &str) {
    let client = Client::new(&config::Prometheus::at(url)).expect("a client");
    let start = Timestamp::from_seconds(NOW as f64);
    let end = start.plus(Duration::from_secs(SECONDS as u64 - 1));
    let grid = Grid::new(start, end, Duration::from_secs(1));
    assert_eq!(grid.len() as i64, SECONDS);
    let past = client.past("last_over_time(wave[900ms])", &grid, |_| true).await.expect("answered");
    assert_eq!(past.warnings, Vec::<String>::new());
    let of = |name: &str| {
        let series = past.series.iter().find(|(labels, _)| labels["name"] == name);
        series.expect(name).1.clone()
    };
    let value = |t: i64| (!SILENCE.contains(&t)).then_some(t as f64);
    assert_eq!(of("early"), (0..SECONDS).map(value).collect::<Vec<_>>());
    let value = |t: i64| (t >= LATE).then_some(-t as f64);
    assert_eq!(of("late"), (0..SECONDS).map(value).collect::<Vec<_>>());
    assert_eq!(past.series.len(), 2);
    let late = |labels: &Labels| labels["name"] == "late";
    let one = client.past("last_over_time(wave[900ms])", &grid, late).await.expect("answered");
    assert_eq!(one.series.into_values().collect::<Vec<_>>(), [of("late")]);
}

#[tokio::test]
async fn a_long_past_by_prometheus() {
    a_long_past(&Prometheus::with_data(&samples(), "").await.url).await;
}

#[tokio::test]
async fn a_long_past_by_victoria_metrics() {
    a_long_past(&Victoria::with_data(&samples()).await.url).await;
}
