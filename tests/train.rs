//! `loadline train` and `loadline compare`, as a user runs them.

#![allow(clippy::expect_used)]

mod buckets;
mod comparing;
mod history;
mod serve;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::loadline;

/// Rows of two services, every half minute from `hour` o'clock of the `day`th of January 2026 on: the
/// requests tell what the CPU will be three minutes later.
fn rows(day: u32, hour: u32, steps: u32) -> String {
    let mut text = "timestamp,service_name,cpu_usage_percent,ram_usage_percent,\
                    request_count_per_second,response_time_ms,replica_count\n"
        .to_owned();
    for step in 0..steps {
        let (minute, second) = (step / 2 % 60, step % 2 * 30);
        for (service, phase) in [("cart", 0.0), ("shop", 1.5)] {
            let load = |step: u32| 50.0 + 45.0 * (f64::from(step) * 0.08 + phase).sin();
            let hour = hour + step / 120;
            writeln!(
                text,
                "2026-01-{day:02}T{hour:02}:{minute:02}:{second:02},{service},{:.2},30,{:.2},120,3",
                load(step),
                2.0 * load(step + 6)
            )
            .expect("a string");
        }
    }
    text
}

/// Two days in the third seed's layout, below `folder`.
fn two_days(folder: &Path) -> PathBuf {
    let month = folder.join("metrics/2026/01");
    fs::create_dir_all(&month).expect("a folder");
    for day in [1, 2] {
        let name = format!("metrics_202601{day:02}.csv");
        fs::write(month.join(name), rows(day, 6, 240)).expect("written");
    }
    month
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    loadline().current_dir(folder).args(arguments).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn is_png(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG"))
}

#[test]
fn a_model_is_fitted_judged_saved_and_kept_until_a_better_one_comes() {
    let folder = TempDir::new().expect("a folder");
    two_days(folder.path());
    let train = |more: &[&str]| {
        let arguments = ["train", "--data", "metrics", "--output", "models", "--model", "boosting"];
        stdout(&run(folder.path(), &[&arguments, more].concat()))
    };
    let told = train(&[]);
    assert!(told.contains("960 rows of 2 services from 2 files; "), "{told}");
    assert!(told.contains("models/replicas.model: saved: there was no model"), "{told}");
    let models = folder.path().join("models");
    let metrics = json(&models.join("metrics.json"));
    assert_eq!(metrics["model"], "boosting");
    assert!(metrics["scores"]["exact_accuracy"].as_f64().is_some_and(|v| v > 0.8), "{metrics}");
    assert_eq!(metrics["data"]["services"], serde_json::json!(["cart", "shop"]));
    assert!(metrics["data"]["test_from"].as_str().is_some_and(|t| t.starts_with("2026-01-02")));
    let importances =
        fs::read_to_string(models.join("feature_importance.csv")).expect("importances");
    assert_eq!(importances.lines().count(), 36, "a header, 33 features, 2 services");
    assert!(is_png(&models.join("feature_importance.png")));

    let first = fs::read(models.join("replicas.model")).expect("a model");
    assert!(train(&[]).contains("kept: the old model is as good or better on the same rows"));
    assert_eq!(json(&models.join("metrics.json"))["saved"], false);
    // A worse one is saved only by force; then the better one comes back by itself.
    let worse = train(&["--date", "2026-01-01"]);
    assert!(worse.contains("kept: the old model has learnt from rows"), "{worse}");
    assert_eq!(fs::read(models.join("replicas.model")).expect("a model"), first);
    let forced = train(&["--date", "2026-01-01", "--force-save"]);
    assert!(forced.contains("saved: --force-save"), "{forced}");
    assert_ne!(fs::read(models.join("replicas.model")).expect("a model"), first);
    let back = train(&[]);
    assert!(back.contains("saved: better than the old model on the same rows"), "{back}");
    assert_eq!(fs::read(models.join("replicas.model")).expect("a model"), first, "the same again");
}

#[test]
fn one_bad_file_is_named_and_does_not_lose_the_others() {
    let folder = TempDir::new().expect("a folder");
    let month = two_days(folder.path());
    fs::write(month.join("metrics_20260103.csv"), "timestamp,cpu\n1,2\n").expect("written");
    let broken = rows(4, 6, 10).replace(",30,", ",much,");
    fs::write(month.join("metrics_20260104.csv"), broken).expect("written");
    fs::write(month.join("notes.txt"), "no table").expect("written");
    let arguments = ["train", "--data", "metrics", "--output", "out", "--model", "boosting"];
    let output = run(folder.path(), &arguments);
    assert!(stdout(&output).contains("from 2 files, files left out: 2"), "{}", stdout(&output));
    let skipped = json(&folder.path().join("out/metrics.json"))["data"]["skipped_files"].clone();
    assert_eq!(
        skipped,
        serde_json::json!([
            "metrics/2026/01/metrics_20260103.csv: line 1: no column \"service_name\"; the columns \
             are timestamp, cpu",
            "metrics/2026/01/metrics_20260104.csv: line 2: column \"ram_usage_percent\": expected a \
             number or nothing, found \"much\"",
        ])
    );
    assert!(stderr(&output).contains("left out: metrics/2026/01/metrics_20260103.csv"));
}

#[test]
fn what_cannot_be_is_told_before_the_work() {
    let folder = TempDir::new().expect("a folder");
    two_days(folder.path());
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    fs::create_dir(folder.path().join("few")).expect("a folder");
    fs::write(folder.path().join("few/a.csv"), rows(1, 6, 20)).expect("written");
    fs::write(folder.path().join("bad.csv"), "a,b\n1,2\n").expect("written");
    fs::create_dir(folder.path().join("models")).expect("a folder");
    fs::write(folder.path().join("models/replicas.model"), "else").expect("written");
    let wrong = [
        (&["--data", "absent"][..], "absent: cannot open: "),
        (&["--data", "empty"], "empty: expected at least one .csv or .csv.gz file, found none"),
        (&["--data", "metrics", "--date", "2025-01"], "file of 2025-01, found none among 2 files"),
        (&["--data", "bad.csv"], "bad.csv: not one file can be read: bad.csv: line 1: no column"),
        (&["--data", "few"], "expected at least 100 rows with a replica count"),
        (
            &["--data", "metrics", "--output", "models"],
            "models/replicas.model: not a loadline replica file",
        ),
        (&["--data", "metrics", "--features", "cloud"], "line 1: no column \"cpu\""),
        (&["--data", "s3:///x"], "s3:///x: expected s3://BUCKET/PREFIX, found no bucket"),
    ];
    for (arguments, expected) in wrong {
        let output_folder =
            if arguments.contains(&"--output") { &[][..] } else { &["--output", "out"] };
        let output = run(folder.path(), &[&["train"], arguments, output_folder].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}\nlacks {expected}", stderr(&output));
    }
    for (arguments, expected) in [
        (&["train", "--output", "out"][..], "--data <PATH|URL>"),
        (
            &["train", "--data", "metrics", "--output", "out", "--model", "oracle"],
            "expected auto or",
        ),
        (&["train", "--data", "metrics", "--output", "out", "--model", "lstm"], "expected auto or"),
        (&["train", "--data", "metrics", "--output", "out", "--date", "January"], "'January'"),
        (
            &["train", "--data", "metrics", "--output", "out", "--query", "a=b"],
            "cannot be used with",
        ),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}\nlacks {expected}", stderr(&output));
    }
}

#[test]
fn the_cpu_of_an_instance_is_learnt_too() {
    let folder = TempDir::new().expect("a folder");
    let mut text = "timestamp,cpu,ram,disk\n".to_owned();
    for step in 0..1500 {
        let cpu = 50.0 + 30.0 * (f64::from(step) * 0.13).sin();
        writeln!(text, "{},{cpu:.3},40,{}", 1_767_225_600 + 5 * step, 1000 + step % 7)
            .expect("a string");
    }
    fs::write(folder.path().join("live.csv"), text).expect("written");
    let train = || {
        let arguments = ["train", "--features", "cloud", "--data", "live.csv", "--output", "out"];
        stdout(&run(folder.path(), &arguments))
    };
    let told = train();
    assert!(told.contains("out/cloud.model: saved: there was no model"), "{told}");
    let training = json(&folder.path().join("out/metrics.json"))["training"].clone();
    let rmse = |of: &str| training[of]["rmse"].as_f64().expect("a number");
    assert!(rmse("scores") < 0.5 * rmse("naive"), "{training}");
    assert!(train().contains("kept: the old model is as good or better"));
}
