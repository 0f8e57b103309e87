use std::io::{BufReader, Write};
use std::sync::Arc;

use super::*;
use crate::policy::Action;
use crate::promql::Freshness;
use crate::scaler::engine::{Change, DimensionSettings, RuleSettings};
use crate::scaler::event::Stood;
use crate::scaler::observed::Observed;
use crate::scaler::recording::Recorder;
use crate::target::{Dimension, Labels, Mode, Signal, Target};
use crate::units::{Limit, Timestamp};
use crate::window::{Observation, Reading};

fn at(tick: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + tick * 30_000)
}

fn seen(name: &str, tick: i64) -> Observed {
    let target = Target { id: name.into(), rule: "shop".into(), labels: Labels::new() };
    let mut observation = Observation::empty(at(tick));
    let usage = 0.1 + 0.3 * ((tick * 7 + name.len() as i64) % 11) as f64 / 3.0;
    observation.set(Signal::CpuUsageCores, Reading::fresh(usage));
    observation.set(Signal::CpuLimitCores, Reading::fresh(1.0));
    let memory = Reading { value: Some(1e8), freshness: Freshness::Partial };
    observation.set(Signal::MemoryWorkingSetBytes, memory);
    Observed { target: target.into(), observation, sampled_at: Some(at(tick)) }
}

/// What a scaler with a restart in it is told.
fn events() -> Vec<Event> {
    let of = |dimension| (dimension, DimensionSettings::new(dimension, None, None, None));
    let settings = RuleSettings {
        mode: Mode::Advise,
        dimensions: Dimension::LIMITS.into_iter().map(of).collect(),
        workload: None,
    };
    let rule: Arc<str> = "shop".into();
    let (detection, forecast) = (Detection::default(), Forecast::default());
    let start = Event::Start { detection, forecast, rows: 50 };
    let rules = Event::Rules(vec![(rule.clone(), settings)]);
    let change = |tick| Change {
        target: "a".into(),
        dimension: Dimension::Cpu,
        direction: Action::ScaleUp,
        at: at(tick),
    };
    let mut events = vec![start.clone(), rules.clone()];
    events.extend((0..20).map(|i| Event::Recall { rule: rule.clone(), observed: seen("a", i) }));
    for tick in 20..80 {
        if tick == 50 {
            events.extend([start.clone(), rules.clone(), Event::Remember(change(49))]);
        }
        let observed = vec![seen("a", tick), seen("bb", tick)];
        let paused = (tick % 9 == 0).then(|| "bb".into()).into_iter().collect();
        let standing = Stood { paused, ..Stood::default() };
        events.push(Event::Tick { rule: rule.clone(), at: at(tick), observed, standing });
        if tick % 13 == 0 {
            events.push(Event::Confirm(change(tick), Limit::At(1.5)));
        }
    }
    events
}

/// The recording of `events`, as the scaler makes it.
fn recording(events: Vec<Event>) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording.jsonl");
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 1);
    let mut recorder = Recorder::open(&path).expect("writable");
    for event in events {
        if matches!(event, Event::Start { .. }) {
            drop(recorder);
            // A crash in the middle of a line.
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
            file.write_all(br#"{"event":{"tick"#).expect("writable");
            recorder = Recorder::open(&path).expect("writable");
        }
        let is_tick = matches!(event, Event::Tick { .. });
        recorder.note(&Line::Event(Box::new(event.clone())));
        let decisions = event.tell(&mut engine).expect("taken");
        if is_tick {
            recorder.note(&Line::Decided(decisions));
        }
    }
    drop(recorder);
    std::fs::read(&path).expect("there")
}

#[test]
fn the_same_is_decided_again_byte_for_byte() {
    let recording = recording(events());
    let mut sizes = std::collections::BTreeSet::new();
    let each = |decision: &Decision| {
        sizes.insert(format!("{:?} {:?}", decision.action, decision.desired));
    };
    let result = replay(BufReader::new(&*recording), each).expect("readable");
    assert_eq!(result.ticks, 60);
    assert_eq!(result.decisions, 60 * 4);
    assert_eq!((result.equal, result.difference), (60, None));
    assert!(sizes.len() > 3, "the case is worth nothing where nothing is decided: {sizes:?}");
}

#[test]
fn another_decision_is_found_and_shown() {
    let text = String::from_utf8(recording(events())).expect("text");
    let changed = text.replacen(
        "\"mode\":\"advise\",\"current\":1.0",
        "\"mode\":\"advise\",\"current\":7.5",
        1,
    );
    assert_ne!(changed, text);
    let result = replay(changed.as_bytes(), |_| {}).expect("readable");
    let difference = result.difference.expect("one");
    assert!(difference.recorded.contains("7.5") && !difference.replayed.contains("7.5"));
    assert_eq!(result.equal, 59);
}

#[test]
fn what_is_no_recording_is_named_by_its_line() {
    let fails =
        |text: &str| replay(text.as_bytes(), |_| {}).expect_err("not a recording").to_string();
    assert!(fails("{}\n").starts_with("line 1: expected a line of a recording"));
    let tick = r#"{"event":{"tick":{"rule":"a","at":"2026-01-01T00:00:00Z","observed":[],"standing":{"alerts":{},"paused":[]}}}}"#;
    let error = fails(&format!("{tick}\n"));
    assert_eq!(error, "line 1: expected the start of a process, found something else");
    let torn = replay(tick.as_bytes(), |_| {}).expect("a torn line is left out");
    assert!(torn.torn && torn.ticks == 0);
}
