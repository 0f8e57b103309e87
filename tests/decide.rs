//! `loadline decide`: a question on stdin, an answer on stdout.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::support::loadline;

fn ask(question: &str) -> Output {
    let mut child = loadline()
        .arg("decide")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(question.as_bytes()).expect("reads all");
    drop(stdin);
    child.wait_with_output().expect("ends")
}

fn answer(question: &str) -> Value {
    let output = ask(question);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{question}: {stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A fresh, quiet moment of a container of one core, changed by `changes`.
fn question(changes: Value) -> String {
    let mut question = json!({
        "mode": "enforce",
        "scale": { "min": 0.25, "max": 4 },
        "situation": {
            "at": "2026-03-01T12:00:00Z",
            "target": "web/host1:9100,shop",
            "dimension": "cpu",
            "current": 1.0,
            "usage": 0.1,
            "peak": 0.2,
            "freshness": "fresh",
        },
        "guard_state": { "started": true },
    });
    merge(&mut question, changes);
    question.to_string()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[test]
fn the_example_of_the_help_works() {
    let output = loadline().args(["decide", "--help"]).output().expect("runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let example = help.split_once("<<'END'\n").and_then(|(_, rest)| rest.split_once("\nEND"));
    let (example, _) = example.unwrap_or_else(|| panic!("no example: {help}"));
    let answer = answer(example);
    assert_eq!(answer["decision"]["action"], "Scale Up");
    assert_eq!(answer["decision"]["desired"], 1.0);
}

#[test]
fn the_worked_example_of_the_docs_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deciding.md");
    let text = std::fs::read_to_string(path).expect("reads");
    let blocks: Vec<&str> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("an end").0)
        .collect();
    let [question, expected] = blocks[..] else { panic!("{} blocks", blocks.len()) };
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(answer(question), expected);
}

/// One question for each thing the guard can say, in a file that shows the answers whole.
#[test]
fn answers_are_golden() {
    let mib = 1048576.0;
    let memory = json!({ "dimension": "memory", "current": 1000.0 * mib, "usage": 100.0 * mib,
        "peak": null });
    let assessment = json!({ "score": 0.7, "threshold": 0.6, "anomalous": true, "contributors": [
        { "feature": "cpu_usage_cores", "share": 1.0 }
    ] });
    let alert = json!({ "alertname": "ContainerCpuSaturated", "fingerprint": "00aa", "weight": 1.0,
        "expires_at": "2026-03-01T12:15:00Z" });
    let cases = [
        ("a shrink by the largest step", json!({})),
        ("the first tick after a start", json!({ "guard_state": { "started": false } })),
        ("stale data", json!({ "situation": { "freshness": "stale" } })),
        ("nothing known", json!({ "situation": { "usage": null, "freshness": "empty" } })),
        ("no limit", json!({ "situation": { "current": "max" } })),
        ("an anomaly", json!({ "situation": { "usage": 0.6, "assessment": assessment } })),
        ("an alert", json!({ "situation": { "alerts": [alert] } })),
        ("paused while busy", json!({ "paused": true, "situation": { "usage": 0.99 } })),
        ("no bounds", json!({ "scale": null, "situation": { "usage": 0.99 } })),
        ("memory without a peak", json!({ "scale": { "max": 1e12 }, "situation": memory })),
    ];
    let mut text = String::new();
    for (name, changes) in cases {
        let answer = answer(&question(changes));
        let pretty = serde_json::to_string_pretty(&answer["decision"]).expect("JSON");
        text.push_str(&format!("== {name}\n{pretty}\n"));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_does_not_fit_is_named_with_its_place() {
    let good = r#"{
  "mode": "advise",
  "scale": { "min": "64MiB", "max": 4e9 },
  "situation": {
    "at": "2026-03-01T12:00:00Z",
    "target": "web/shop",
    "dimension": "memory",
    "current": 1e9,
    "usage": 5e8,
    "freshness": "fresh"
  }
}"#;
    answer(good);
    let mut text = String::new();
    for (from, to) in [
        ("\"advise\"", "\"advice\""),
        ("\"usage\"", "\"usages\""),
        ("5e8", "\"500MiB\""),
        ("5e8", "1e999"),
        ("1e9,", "true,"),
        ("4e9", "[]"),
        ("\"64MiB\"", "\"64 moles\""),
        ("\"64MiB\"", "5e9"),
        ("\"fresh\"", "\"old\""),
        ("T12:", "at noon"),
        ("\"mode\"", "\"policy\": {\"threshold\": {\"smoothing_factor\": 0}}, \"mode\""),
        ("\"mode\"", "\"guard\": {\"tolerance_ratio\": 7, \"max_shrink_ratio\": 1}, \"mode\""),
        ("\"mode\"", "\"guard\": {\"cooldown_up\": \"soon\"}, \"mode\""),
        ("\"dimension\": \"memory\",", ""),
        ("5e8,", "5e8"),
        ("\n}", "\n}}"),
        (good, ""),
        (good, "{}"),
        (good, "\u{0}"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let output = ask(&bad);
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{bad}: {stderr}");
        assert!(output.stdout.is_empty(), "{bad}");
        text.push_str(&format!("{}\n", stderr.trim_end()));
    }
    insta::assert_snapshot!(text);
}

/// The states of an answer are those of the next question: a shrink waits for its window.
#[test]
fn states_go_from_answer_to_question() {
    let mut states = json!({ "guard_state": { "started": false } });
    let mut shrunk_at = None;
    for tick in 0..20u64 {
        let minute = tick / 2;
        let second = tick % 2 * 30;
        let at = format!("2026-03-01T12:{minute:02}:{second:02}Z");
        merge(&mut states, json!({ "situation": { "at": at } }));
        let answer = answer(&question(states));
        if answer["decision"]["action"] == "Scale Down" && shrunk_at.is_none() {
            shrunk_at = Some(at);
        }
        states = json!({
            "policy_state": answer["policy_state"],
            "guard_state": answer["guard_state"],
        });
    }
    assert_eq!(shrunk_at.as_deref(), Some("2026-03-01T12:05:00Z"));
}
