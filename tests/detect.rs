//! `loadline detect`, as a user runs it.

#![allow(clippy::expect_used)]

mod history;
mod picture;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn detect(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadline"))
        .current_dir(folder)
        .arg("detect")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Every minute a gentle wave, every 97 rows a jump; `value` overrides rows.
fn series(rows: usize, value: impl Fn(usize) -> Option<f64>) -> String {
    let mut text = "timestamp,load,memory\n".to_owned();
    for row in 0..rows {
        let wave = 1.0 + 0.2 * (row as f64 * 0.7).sin() + 0.01 * ((row * 37) % 11) as f64;
        let load = value(row).unwrap_or(if row % 97 == 96 { 3.0 } else { wave });
        let (hour, minute) = (row / 60, row % 60);
        let memory = 500 + (row * 7) % 13;
        text += &format!(
            "2026-01-{:02} {:02}:{minute:02}:00,{load},{memory}\n",
            1 + hour / 24,
            hour % 24
        );
    }
    text
}

struct Line {
    score: Option<f64>,
    anomalous: bool,
    contributors: String,
    text: String,
}

fn scores(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).expect("an output");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("timestamp,score,alert_score,threshold,anomalous,contributors"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), 6, "{line}");
            Line {
                score: cells[1].parse().ok(),
                anomalous: cells[4] == "true",
                contributors: cells[5].to_owned(),
                text: line.to_owned(),
            }
        })
        .collect()
}

#[test]
fn a_planted_fault_is_found_and_explained() {
    let folder = TempDir::new().expect("a folder");
    let text = series(500, |row| (row == 450).then_some(25.0));
    fs::write(folder.path().join("in.csv"), text).expect("writable");
    for (mode, first) in [("calibrated", 30), ("plain", 20)] {
        let arguments = ["--input", "in.csv", "--output", "out.csv", "--detection.mode", mode];
        let output = detect(folder.path(), &arguments);
        assert!(output.status.success(), "{}", message(&output));
        let lines = scores(&folder.path().join("out.csv"));
        assert_eq!(lines.len(), 500);
        assert!(lines[..first].iter().all(|line| line.score.is_none()), "nothing to judge by yet");
        let in_range = |l: &Line| l.score.is_some_and(|s| (0.0..=1.0).contains(&s));
        assert!(lines[first..].iter().all(in_range), "{mode}");
        assert!(lines[450].anomalous, "{mode}: {}", lines[450].text);
        assert!(lines[450].contributors.starts_with("load"), "{}", lines[450].contributors);
        assert!(lines[450].score > lines[440].score);
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 2, "no temporary file is left");
    }
}

#[test]
fn the_future_does_not_reach_earlier_scores() {
    let folder = TempDir::new().expect("a folder");
    let shuffled = |row: usize| (row >= 300).then(|| ((row * 7919) % 200) as f64 / 10.0);
    for (name, text) in [("a", series(400, |_| None)), ("b", series(400, shuffled))] {
        fs::write(folder.path().join(format!("{name}.csv")), text).expect("writable");
        let (input, output) = (format!("{name}.csv"), format!("{name}.out"));
        let output = detect(folder.path(), &["--input", &input, "--output", &output]);
        assert!(output.status.success(), "{}", message(&output));
    }
    let [a, b] = ["a.out", "b.out"].map(|name| scores(&folder.path().join(name)));
    let same = a.iter().zip(&b).take_while(|(a, b)| a.text == b.text).count();
    assert_eq!(same, 300, "the first row that differs is the first that may");
}

#[test]
fn a_trained_model_scores_from_the_first_row_and_reads_gzip() {
    let folder = TempDir::new().expect("a folder");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(series(300, |_| None).as_bytes()).expect("compresses");
    fs::write(folder.path().join("train.csv.gz"), encoder.finish().expect("compresses"))
        .expect("writable");
    fs::write(folder.path().join("in.csv"), series(50, |_| None)).expect("writable");
    let arguments = [
        ["--train", "train.csv.gz"],
        ["--input", "in.csv"],
        ["--output", "out.csv"],
        ["--columns", "load"],
    ];
    let output = detect(folder.path(), arguments.as_flattened());
    assert!(output.status.success(), "{}", message(&output));
    let lines = scores(&folder.path().join("out.csv"));
    assert_eq!(lines.iter().filter(|line| line.score.is_some()).count(), 50);
    assert!(lines.iter().all(|line| !line.contributors.contains("memory")));
}

#[test]
fn bad_input_is_named_by_file_line_and_column_and_nothing_is_written() {
    let folder = TempDir::new().expect("a folder");
    let good = "timestamp,load\n1,2\n2,3\n";
    let cases = [
        ("timestamp,load\n1,2\n2,high\n", r#"in.csv: line 3: column "load": expected a number"#),
        ("timestamp,load\n1,2\nsoon,3\n", r#"in.csv: line 3: column "timestamp": expected a time"#),
        ("timestamp,load\n1,2\n2\n", "in.csv: CSV error: record 2 (line: 3"),
        (
            "time,load\n1,2\n",
            r#"in.csv: line 1: no column "timestamp"; the columns are time, load"#,
        ),
        ("timestamp,a,a\n1,2,3\n", r#"in.csv: line 1: the column "a" stands there twice"#),
        ("timestamp\n1\n", "in.csv: line 1: expected columns beside"),
    ];
    for (text, expected) in cases {
        fs::write(folder.path().join("in.csv"), text).expect("writable");
        let output = detect(folder.path(), &["--input", "in.csv", "--output", "out.csv"]);
        assert_eq!(output.status.code(), Some(1), "{text:?}");
        assert!(message(&output).contains(expected), "{}\nlacks {expected}", message(&output));
        assert!(!folder.path().join("out.csv").exists());
    }
    fs::write(folder.path().join("in.csv"), good).expect("writable");
    fs::write(folder.path().join("empty.csv"), "timestamp,load\n").expect("writable");
    for (arguments, expected) in [
        (["--input", "absent.csv", "--output", "out.csv"].as_slice(), "absent.csv: cannot open"),
        (&["--input", "in.csv", "--output", "no/out.csv"], "no/out.csv: cannot write"),
        (
            &["--input", "in.csv", "--output", "out.csv", "--detection.contamination", "0.7"],
            "detection.contamination: expected more than 0 and at most 0.5, found 0.7",
        ),
        (
            &["--input", "in.csv", "--output", "out.csv", "--train", "empty.csv"],
            "empty.csv: expected at least 2 rows",
        ),
    ] {
        let output = detect(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(message(&output).contains(expected), "{}\nlacks {expected}", message(&output));
    }
}

#[test]
fn settings_come_from_a_file_and_flags_go_before_them() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("in.csv"), series(120, |_| None)).expect("writable");
    let run = |settings: Option<&str>, flags: &[&str]| {
        if let Some(text) = settings {
            fs::write(folder.path().join("loadline.yml"), text).expect("writable");
        }
        let config = settings.map_or([].as_slice(), |_| &["--config", "loadline.yml"]);
        // Here the seed shows from the first score on.
        let plain = &["--detection.mode", "plain"];
        let arguments =
            [&["--input", "in.csv", "--output", "out.csv"], config, flags, plain].concat();
        let output = detect(folder.path(), &arguments);
        let text = output
            .status
            .success()
            .then(|| fs::read_to_string(folder.path().join("out.csv")).expect("an output"));
        text.ok_or_else(|| message(&output))
    };
    let seeded = run(None, &["--detection.random-state", "7"]);
    assert!(seeded.is_ok(), "{seeded:?}");
    assert_ne!(seeded, run(None, &[]));
    let section = "detection: {random_state: 7}\n";
    assert_eq!(run(Some(section), &[]), seeded);
    let whole = format!("prometheus: {{url: http://p}}\ntargets: [{{name: a}}]\n{section}");
    assert_eq!(run(Some(&whole), &[]), seeded);
    assert_eq!(
        run(Some("detection: {random_state: 9}\n"), &["--detection.random-state", "7"]),
        seeded
    );
    assert_eq!(
        run(Some("detection:\n  n_estimators: many\n"), &[]),
        Err("loadline: error: loadline.yml:2:17: detection.n_estimators: expected a whole number \
             that is not negative, found \"many\""
            .to_owned())
    );
}
