//! Scores of the history of a real Prometheus, which are those of the same values in a file.

use std::fmt::Write;
use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use loadline::units::Timestamp;
use tempfile::TempDir;

use super::{detect, message, series};
use crate::support::Prometheus;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

const ROWS: usize = 200;

/// Rows without a sample of memory.
const SILENCE: std::ops::Range<usize> = 90..95;

/// The cells of [`series`], with the silence.
fn cells() -> Vec<(String, String)> {
    let text = series(ROWS, |row| (row == 150).then_some(25.0));
    let rows = text.lines().skip(1).enumerate().map(|(row, line)| {
        let mut cells = line.split(',').skip(1).map(str::to_owned);
        let (load, memory) = (cells.next().expect("load"), cells.next().expect("memory"));
        (load, if SILENCE.contains(&row) { String::new() } else { memory })
    });
    rows.collect()
}

/// The same as samples of the past; each family as the format demands.
fn samples(cells: &[(String, String)]) -> String {
    let mut text = String::new();
    for (family, of) in [
        ("demo_load", (|cells| &cells.0) as fn(&(String, String)) -> &String),
        ("demo_memory_bytes", |cells| &cells.1),
    ] {
        writeln!(text, "# TYPE {family} gauge").expect("text");
        for (row, cells) in cells.iter().enumerate().filter(|(_, cells)| !of(cells).is_empty()) {
            let at = START + 60 * row as i64;
            writeln!(text, "{family}{{job=\"demo\"}} {} {at}", of(cells)).expect("text");
        }
    }
    text
}

fn at(row: usize) -> String {
    Timestamp::from_seconds((START + 60 * row as i64) as f64).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_scores_as_a_file_of_the_same_values() {
    let folder = TempDir::new().expect("a folder");
    let cells = cells();
    let prometheus = Prometheus::with_data(&samples(&cells), "").await;
    let mut file = "timestamp,demo_load,memory\n".to_owned();
    for (row, (load, memory)) in cells.iter().enumerate() {
        writeln!(file, "{},{load},{memory}", at(row)).expect("text");
    }
    fs::write(folder.path().join("in.csv"), file).expect("writable");
    let output = detect(folder.path(), &["--input", "in.csv", "--output", "file.csv"]);
    assert!(output.status.success(), "{}", message(&output));

    fs::write(
        folder.path().join("loadline.yml"),
        format!("prometheus: {{url: {}}}\n", prometheus.url),
    )
    .expect("writable");
    let (start, end) = (at(0), (START + 60 * (ROWS as i64 - 1)).to_string());
    let asked = [
        ["--config", "loadline.yml"],
        ["--query", "demo_load"],
        ["--query", "memory=last_over_time(demo_memory_bytes[30s])"],
        ["--start", &start],
        ["--end", &end],
        ["--output", "history.csv.gz"],
    ];
    let output = detect(folder.path(), asked.as_flattened());
    assert!(output.status.success(), "{}", message(&output));

    let mut history = String::new();
    let zipped = fs::File::open(folder.path().join("history.csv.gz")).expect("written");
    GzDecoder::new(zipped).read_to_string(&mut history).expect("gzip");
    let file = fs::read_to_string(folder.path().join("file.csv")).expect("written");
    assert_eq!(history.lines().count(), ROWS + 1);
    assert_eq!(history, file);
    assert!(history.lines().nth(151).expect("the fault").contains(",true,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_query_has_a_column_a_series_and_a_step_of_its_own() {
    let folder = TempDir::new().expect("a folder");
    let prometheus = Prometheus::with_data(&samples(&cells()), "").await;
    let output = detect(
        folder.path(),
        &[
            "--prometheus.url",
            &prometheus.url,
            "--query",
            r#"{job="demo"}"#,
            "--start",
            &at(0),
            "--end",
            &at(ROWS - 1),
            "--step",
            "2m",
            "--output",
            "out.csv",
            "--detection.mode",
            "plain",
        ],
    );
    assert!(output.status.success(), "{}", message(&output));
    let text = fs::read_to_string(folder.path().join("out.csv")).expect("written");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), ROWS / 2);
    assert!(lines[75].starts_with("2026-01-01T02:30:00.000Z,"), "{}", lines[75]);
    assert!(lines[75].contains("demo_load"), "{}", lines[75]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_settings() {
    let certified = TempDir::new().expect("a folder");
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    for (name, text) in [("cert.pem", key.cert.pem()), ("key.pem", key.signing_key.serialize_pem())]
    {
        fs::write(certified.path().join(name), text).expect("writable");
    }
    // bcrypt of "secret", at the lowest cost.
    let web = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}
basic_auth_users: {reader: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW}
";
    let prometheus = Prometheus::behind(certified, web).await;
    let folder = TempDir::new().expect("a folder");
    let settings = "prometheus:
  url: http://127.0.0.1:1
  http_config:
    basic_auth: {username: reader, password: secret}
    tls_config: {insecure_skip_verify: true}
";
    fs::write(folder.path().join("loadline.yml"), settings).expect("writable");
    let asked = [
        ["--prometheus.url", &prometheus.url],
        ["--query", "vector(1)"],
        ["--start", "0"],
        ["--end", "60"],
        ["--output", "out.csv"],
    ];
    let refused = detect(folder.path(), asked.as_flattened());
    assert_eq!(refused.status.code(), Some(1));
    assert!(message(&refused).contains("certificate"), "{}", message(&refused));
    let with_settings = [["--config", "loadline.yml"].as_slice(), asked.as_flattened()].concat();
    let answered = detect(folder.path(), &with_settings);
    assert!(answered.status.success(), "{}", message(&answered));
    let text = fs::read_to_string(folder.path().join("out.csv")).expect("written");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_told() {
    let folder = TempDir::new().expect("a folder");
    let prometheus = Prometheus::start("", "").await;
    let url = &*prometheus.url;
    let times = ["--start", "0", "--end", "600", "--output", "out.csv"];
    for (arguments, code, expected) in [
        (["--prometheus.url", url, "--query", "absent"].as_slice(), 1, "found none; query: absent"),
        (&["--prometheus.url", url, "--query", "sum("], 1, "unclosed left parenthesis"),
        (
            &["--prometheus.url", url, "--query", "vector(1)", "--query", "vector(1)"],
            1,
            r#"two series are called "vector(1)": name the query, as in NAME=vector(1)"#,
        ),
        (
            &["--prometheus.url", url, "--query", "vector(1)", "--step", "0"],
            1,
            "--step: expected a duration above 0",
        ),
        (
            &["--prometheus.url", "ftp://x", "--query", "vector(1)"],
            1,
            "--prometheus.url: expected an http:// or https:// URL",
        ),
        (&["--query", "vector(1)"], 1, "expected the address of a Prometheus"),
        (&["--prometheus.url", url], 2, "--input"),
        (&["--prometheus.url", url, "--query", "x", "--columns", "a"], 2, "cannot be used with"),
    ] {
        let output = detect(folder.path(), &[arguments, &times].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", message(&output));
        assert!(message(&output).contains(expected), "{}\nlacks {expected}", message(&output));
        assert!(!folder.path().join("out.csv").exists());
    }
    for (start, end, code, expected) in [
        ("600", "0", 1, "--end: expected a time after --start"),
        ("soon", "0", 2, "expected a time such as 2026-01-31T12:00:00Z"),
        ("0", "2026-01-01T00:00:00Z", 1, "expected at most 10000000 steps"),
    ] {
        let asked = [
            ["--prometheus.url", url],
            ["--query", "vector(1)"],
            ["--start", start],
            ["--end", end],
            ["--output", "out.csv"],
        ];
        let output = detect(folder.path(), asked.as_flattened());
        assert_eq!(output.status.code(), Some(code), "{start} {end}: {}", message(&output));
        assert!(message(&output).contains(expected), "{}\nlacks {expected}", message(&output));
    }
}
