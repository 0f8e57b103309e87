//! `loadline simulate`: a load in a file, every policy's scores in a folder.

mod seed5;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::support::{Prometheus, loadline};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// A folder with `load.csv`: one sample a minute.
fn folder(loads: impl IntoIterator<Item = f64>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "timestamp,load\n".to_owned();
    for (minute, load) in (0..).zip(loads) {
        let load = if load.is_nan() { String::new() } else { load.to_string() };
        writeln!(text, "{},{load}", START + 60 * minute).expect("text");
    }
    fs::write(folder.path().join("load.csv"), text).expect("written");
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = loadline();
    command.current_dir(folder).args(["simulate", "--out", "out"]);
    if !arguments.contains(&"--query") {
        command.args(["--trace", "load.csv"]);
    }
    if !arguments.contains(&"--column") && !arguments.contains(&"--query") {
        command.args(["--column", "load"]);
    }
    command.args(arguments).output().expect("the program runs")
}

/// The lines of a file of the output, by column.
fn lines(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let path = folder.join("out").join(name);
    let mut reader = csv::Reader::from_path(&path).expect("a table");
    reader.deserialize().map(|line| line.expect("a line")).collect()
}

fn failure(loads: &[f64], arguments: &[&str]) -> String {
    let folder = folder(loads.iter().copied());
    let output = run(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// A wave of a day: loads of 20 to 180, replicas of 10.
fn wave(minutes: u32) -> impl Iterator<Item = f64> {
    (0..minutes).map(|minute| (100.0 - 80.0 * (f64::from(minute) / 229.0).cos()).round())
}

#[test]
fn every_run_leaves_a_line_and_a_file() {
    let folder = folder(wave(3 * 1440));
    let arguments = ["--capacity", "10", "--train-until", "2026-01-02", "--policies", "threshold"];
    let output = run(folder.path(), &arguments);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.contains("threshold") && stdout.contains("oracle"), "{stdout}");

    let summary = lines(folder.path(), "metrics_summary.csv");
    let of = |line: &BTreeMap<String, String>, key: &str| line[key].parse::<f64>().expect(key);
    assert_eq!(summary.len(), 2);
    for line in &summary {
        assert_eq!((of(line, "steps"), line["forecaster"].as_str()), (2880.0, "none"));
        let rows = lines(folder.path(), &format!("sim_none_{}.csv", line["policy"]));
        assert_eq!(rows.len(), 2880);
        assert_eq!(rows[0]["timestamp"], "2026-01-02T00:00:00Z");
        let containers = rows.iter().map(|row| of(row, "containers")).sum::<f64>() / 60.0;
        assert!((of(line, "replica_hours") - containers).abs() < 1e-9);
        let under = rows.iter().filter(|row| row["under"] == "1").count() as f64 / 28.80;
        assert!((of(line, "under_time_percent") - under).abs() < 1e-9);
        let acted = rows.iter().filter(|row| !row["action"].is_empty()).count() as f64;
        assert_eq!(of(line, "actions"), acted);
    }
    let oracle = &summary[1];
    assert_eq!(of(oracle, "under_time_percent"), 0.0, "who knows the future misses nothing");
    assert!(of(oracle, "replica_hours") < of(&summary[0], "replica_hours"));
}

#[test]
fn what_is_wrong_is_said() {
    let some = [1.0, 2.0, 3.0];
    for (loads, arguments, expected) in [
        (&some[..], &["--capacity", "1", "--column", "other"][..], "no column \"other\""),
        (&[], &["--capacity", "1"], "there are no samples"),
        (&[f64::NAN, f64::NAN], &["--capacity", "1"], "there is not one value"),
        (&[1.0, -2.0], &["--capacity", "1"], "the load is -2 somewhere"),
        (&some, &["--capacity", "1", "--policies", "sorcery"], "no policy \"sorcery\""),
        (
            &some,
            &["--capacity", "1", "--forecasters", "sorcery"],
            "\"sorcery\" is not short_term, and no model: expected auto",
        ),
        (&some, &["--capacity", "1", "--interval", "90s"], "a multiple of 1m"),
        (&some, &["--capacity", "1", "--train-until", "2025-01-01"], "expected a time after"),
        (&some, &["--capacity", "1", "--train-until", "2027-01-01"], "and not after"),
        (&some, &["--capacity", "1", "--forecast-file", "none.csv"], "none.csv: cannot open"),
    ] {
        let stderr = failure(loads, arguments);
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn policies_that_take_forecasts_play_with_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = loadline();
    let generate = ["workload", "generate", "--days", "3", "--output", "load.csv"];
    let output = command.current_dir(folder.path()).args(generate).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let arguments = ["--column", "req_per_min", "--capacity", "5", "--train-until", "2025-01-03"];
    let who = ["--policies", "default,hpa,simple_ceiling", "--forecasters", "naive,ets", "--front"];
    let output = run(folder.path(), &[&arguments[..], &who[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = lines(folder.path(), "metrics_summary.csv");
    let names: Vec<String> = summary
        .iter()
        .map(|line| format!("{} {}", line["policy"], line["forecaster"]))
        .filter(|name| !name.starts_with("hpa@"))
        .collect();
    let expected = [
        "default none",
        "default ets",
        "hpa none",
        "simple_ceiling naive",
        "simple_ceiling ets",
        "oracle none",
    ];
    assert_eq!(names, expected);
    assert_eq!(summary.len(), expected.len() + 13, "the front");

    let out = folder.path().join("out");
    for picture in
        ["demand_vs_forecast", "containers_over_time", "latency_over_time", "policy_bars", "pareto"]
    {
        let bytes = fs::read(out.join(format!("{picture}.png"))).expect(picture);
        assert!(bytes.starts_with(b"\x89PNG"), "{picture}");
    }
    let html = fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(html.contains("Where the default did worse than the HPA"));
    assert!(!html.contains("http://") && !html.contains("https://"), "it needs nothing else");
}

/// Rows out of order, twice and missing are the same load; the forecasts of `loadline forecast` fit it.
#[test]
fn the_load_is_put_in_order_and_forecasts_come_from_a_file() {
    let folder = folder(wave(600));
    let path = folder.path().join("load.csv");
    let mut forecast = loadline();
    forecast.current_dir(folder.path()).args(["forecast", "--input", "load.csv"]);
    forecast.args(["--column", "load", "--horizons", "1m,2m,3m", "--output", "forecast.csv"]);
    let output = forecast.args(["--model", "naive"]).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let arguments = ["--capacity", "10", "--policies", "buffered,step"];
    let arguments = [&arguments[..], &["--forecast-file", "forecast.csv"]].concat();
    let play = || {
        let output = run(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(folder.path().join("out/metrics_summary.csv")).expect("a summary")
    };
    let in_order = play();
    assert!(in_order.contains("buffered,file,"), "{in_order}");
    let text = fs::read_to_string(&path).expect("the load");
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    rows.push(rows[17]);
    fs::write(&path, format!("timestamp,load\n{}\n", rows.join("\n"))).expect("written");
    assert_eq!(in_order, play());
}

/// What a file says of a sample decides for that sample: in a row of its own, as other tools write it, or
/// by the newest of the forecasts that say something of it.
#[test]
fn a_forecast_is_followed_in_the_sample_that_it_is_for() {
    let folder = folder([30.0, 20.0, 55.0, 10.0]);
    let of_rows = "timestamp,note,yhat,yhat_upper\n2026-01-01 00:00:00,a,30,40\n\
                   2026-01-01 00:01:00,b,26,60\n2026-01-01 00:03:00,c,51,76\n";
    let of_origins = "origin,horizon_seconds,quantile,value\n\
                      2026-01-01 00:00:00,0,0.5,30\n2026-01-01 00:00:00,0,0.95,40\n\
                      2026-01-01 00:00:00,60,0.5,99\n2026-01-01 00:00:00,60,0.95,99\n\
                      2026-01-01 00:01:00,0,0.5,26\n2026-01-01 00:01:00,0,0.95,60\n\
                      2026-01-01 00:01:00,120,0.5,51\n2026-01-01 00:01:00,120,0.95,76\n";
    for file in [of_rows, of_origins] {
        fs::write(folder.path().join("forecast.csv"), file).expect("written");
        let arguments = ["--capacity", "25", "--forecast-file", "forecast.csv"];
        let who = ["--policies", "static2,simple_ceiling,buffered,confidence_aware"];
        let output = run(folder.path(), &[&arguments[..], &who[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (name, expected) in [
            ("sim_none_static2.csv", ["2", "2", "2", "2"]),
            ("sim_file_simple_ceiling.csv", ["2", "2", "3", "3"]),
            ("sim_file_buffered.csv", ["2", "2", "3", "3"]),
            ("sim_file_confidence_aware.csv", ["2", "3", "3", "4"]),
        ] {
            let rows = lines(folder.path(), name);
            let containers: Vec<&str> = rows.iter().map(|row| row["containers"].as_str()).collect();
            assert_eq!(containers, expected, "{name}: {file}");
        }
    }
}

/// The history of a real Prometheus is the same load, and the settings of a file count.
#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_is_as_good_as_a_file() {
    let folder = folder(wave(300));
    let mut samples = "# TYPE demo_load gauge\n".to_owned();
    for (minute, load) in (0..).zip(wave(300)) {
        writeln!(samples, "demo_load {load} {}", START + 60 * minute).expect("text");
    }
    let prometheus = Prometheus::with_data(&samples, "").await;
    let settings = format!(
        "prometheus: {{url: {}}}\npolicy: {{hpa: {{target_ratio: 0.5}}}}\n",
        prometheus.url
    );
    fs::write(folder.path().join("loadline.yml"), settings).expect("written");
    let common = ["--capacity", "10", "--policies", "hpa", "--config", "loadline.yml", "--front"];
    let end = (START + 60 * 299).to_string();
    let query = ["--query", "demo_load", "--start", "2026-01-01", "--end", &end];
    let mut played = Vec::new();
    for source in [&query[..], &[]] {
        let output = run(folder.path(), &[&common[..], source].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        played.push(lines(folder.path(), "metrics_summary.csv"));
    }
    assert_eq!(played[0], played[1]);
    let hours = |policy: &str| {
        let line = played[0].iter().find(|line| line["policy"] == policy).expect(policy);
        line["replica_hours"].clone()
    };
    assert_eq!(hours("hpa"), hours("hpa@50"), "the target of the file counts");
    assert_ne!(hours("hpa"), hours("hpa@70"));
}

#[test]
fn the_limit_of_a_container_is_played_for_every_policy_of_limits() {
    let folder = folder(wave(4 * 1440));
    let arguments =
        ["--dimension", "memory", "--unit", "100MB", "--step", "5m", "--interval", "5m"];
    let output = run(folder.path(), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = lines(folder.path(), "metrics_summary.csv");
    let names: Vec<&str> = summary.iter().map(|line| line["policy"].as_str()).collect();
    for name in ["default", "default_12h", "vpa", "autopilot_p98", "senpai", "static"] {
        assert!(names.contains(&name), "{name} of {names:?}");
        let rows = lines(folder.path(), &format!("sim_none_{name}.csv"));
        assert_eq!(rows.len(), 288, "{name}: the fourth day is scored");
    }
    let of = |name: &str, column: &str| -> f64 {
        let line = summary.iter().find(|line| line["policy"] == name).expect("a line");
        line[column].parse().expect("a number")
    };
    assert_eq!(of("static", "changes_per_day"), 0.0);
    assert_eq!(of("clairvoyant", "oom_events"), 0.0);
    assert!(of("default", "mean_limit") >= of("default", "clairvoyant_limit") * 0.3);
    for file in ["limits.png", "report.html"] {
        assert!(folder.path().join("out").join(file).is_file(), "{file}");
    }
}

#[test]
fn what_is_of_replicas_is_refused_for_limits_and_the_other_way_round() {
    for (arguments, expected) in [
        (&["--dimension", "cpu", "--policies", "hpa"][..], "there is no policy \"hpa\" of cpu"),
        (
            &["--dimension", "cpu", "--startup-delay", "0s"],
            "--startup-delay: it counts with --dimension replicas only",
        ),
        (
            &["--capacity", "1", "--initial-limit", "2"],
            "--initial-limit: it counts with --dimension cpu or memory only",
        ),
    ] {
        let error = failure(&[1.0, 2.0], arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

/// Two hours of every day at another time of day, each a leap of the load.
#[test]
fn a_calendar_makes_the_leap_of_a_sale_expected() {
    let starts = |day: usize| day * 1440 + day * 7 % 18 * 60;
    let on = |minute: usize| (starts(minute / 1440)..starts(minute / 1440) + 120).contains(&minute);
    let folder = folder(
        (0..10 * 1440)
            .zip(wave(10 * 1440))
            .map(|(minute, load)| load + if on(minute) { 300.0 } else { 0.0 }),
    );
    let time = |minute: usize| START + 60 * minute as i64;
    let mut events = "name,start,end\n".to_owned();
    for day in 0..10 {
        let (from, to) = (time(starts(day)), time(starts(day) + 120));
        writeln!(events, "sale,{from},{to}").expect("text");
    }
    fs::write(folder.path().join("events.csv"), events).expect("written");
    let train_until = time(8 * 1440).to_string();
    let asked =
        ["--capacity", "10", "--step", "30m", "--startup-delay", "30m", "--interval", "30m"];
    let played = |more: &[&str]| -> f64 {
        let of = ["--policies", "buffered", "--forecasters", "prophet", "--train-until"];
        let all = [&asked[..], &of, &[&train_until], more].concat();
        let output = run(folder.path(), &all);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary = lines(folder.path(), "metrics_summary.csv");
        let run = summary.iter().find(|line| line["policy"] == "buffered").expect("it played");
        run["under_volume_percent"].parse().expect("a number")
    };
    let without = played(&[]);
    let with = played(&["--events", "events.csv"]);
    assert!(with < 0.75 * without, "{with} % with a calendar, {without} % without");
}

#[test]
fn a_calendar_needs_a_model_that_knows_events() {
    let asked = ["--capacity", "10", "--events", "load.csv"];
    let error = failure(&[1.0, 2.0, 3.0], &asked);
    assert!(error.contains("--events: expected auto or prophet as --forecasters"), "{error}");
    let error = failure(&[1.0, 2.0, 3.0], &[&asked[..], &["--forecasters", "prophet"]].concat());
    assert!(error.contains("load.csv: line 1: expected the columns name, start, end"), "{error}");
    let error = failure(&[1.0, 2.0, 3.0], &[&asked[2..], &["--dimension", "cpu"]].concat());
    assert!(error.contains("--events: it counts with --dimension replicas only"), "{error}");
}
