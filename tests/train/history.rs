//! Training on the history of a real Prometheus.

use std::fmt::Write;

use tempfile::TempDir;

use super::{json, run, stderr, stdout};
use crate::support::Prometheus;

#[tokio::test(flavor = "multi_thread")]
async fn queries_stand_for_columns() {
    let start = 1_767_225_600;
    let mut samples = String::new();
    for metric in ["cpu", "ram", "requests", "replicas"] {
        writeln!(samples, "# TYPE {metric} gauge").expect("a string");
        for service in ["cart", "shop"] {
            for step in 0..400 {
                let load = |step: i64| 50.0 + 45.0 * (step as f64 * 0.08).sin();
                let value = match metric {
                    "cpu" => load(step),
                    "ram" => 30.0,
                    "requests" => 2.0 * load(step + 6),
                    _ => 3.0,
                };
                let at = start + 30 * step;
                writeln!(samples, "{metric}{{app=\"{service}\"}} {value} {at}").expect("a string");
            }
        }
    }
    let prometheus = Prometheus::with_data(&samples, "").await;
    let folder = TempDir::new().expect("a folder");
    let (first, last) = (start.to_string(), (start + 399 * 30).to_string());
    let common = [
        "train",
        "--output",
        "out",
        "--model",
        "boosting",
        "--prometheus.url",
        &prometheus.url,
        "--start",
        &first,
        "--end",
        &last,
        "--step",
        "30s",
        "--query",
        "cpu_usage_percent=cpu",
    ];
    let others = [
        "--query",
        "ram_usage_percent=ram",
        "--query",
        "request_count_per_second=requests",
        "--query",
        "replica_count=replicas",
    ];
    let told =
        stdout(&run(folder.path(), &[&common, &others[..], &["--service-label", "app"]].concat()));
    assert!(told.contains("800 rows of 2 services from Prometheus"), "{told}");
    let metrics = json(&folder.path().join("out/metrics.json"));
    assert!(metrics["scores"]["exact_accuracy"].as_f64().is_some_and(|v| v > 0.8), "{metrics}");

    for (more, expected) in [
        (&others[..], "expected series with the label \"service\", which names the service"),
        (&["--service-label", "app", "--query", "ram"], "expected a name, as in NAME=ram"),
        (&["--service-label", "app", "--query", "memory=ram"], "found \"memory\"; the columns are"),
    ] {
        let output = run(folder.path(), &[&common, more].concat());
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        assert!(stderr(&output).contains(expected), "{}\nlacks {expected}", stderr(&output));
    }
}
