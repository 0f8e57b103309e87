use std::io::{BufReader, Write};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::config::{Policy, WorkloadRule};
use crate::policy::Action;
use crate::promql::Freshness;
use crate::scaler::engine::{Change, DimensionSettings, Lesson, RuleSettings};
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
        step: RuleSettings::SHORTEST_STEP,
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

/// So many minutes of a service, for the default policy and boosting.
fn lesson(minutes: u32) -> Lesson {
    Lesson {
        target: "a".into(),
        dimension: Dimension::Replicas,
        policy: Policy::default_for(Dimension::Replicas),
        workload: Some(WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(60) }),
        short_term: true,
        start: at(-2 * i64::from(minutes)),
        step: Duration::from_secs(60),
        values: (0..minutes).map(|i| (i % 9 != 0).then(|| 50.0 + f64::from(i * 7 % 11))).collect(),
    }
}

/// The lines of a short recording with something of everything, replicas and so many minutes of their past
/// included.
fn varied(minutes: u32) -> Vec<String> {
    let of = |dimension| (dimension, DimensionSettings::new(dimension, None, None, None));
    let workload = WorkloadRule { capacity: 10.0, startup_delay: Duration::from_secs(60) };
    let settings = RuleSettings {
        mode: Mode::Advise,
        dimensions: Dimension::ALL.into_iter().map(of).collect(),
        workload: Some(workload),
        step: RuleSettings::SHORTEST_STEP,
    };
    let step = Duration::from_secs(30);
    let forecast = Forecast {
        dimensions: vec![Dimension::Replicas, Dimension::Cpu],
        step,
        horizons: vec![step, step * 4],
        history: step * 50,
        ..Forecast::default()
    };
    let rule: Arc<str> = "shop".into();
    let loaded = |tick: i64| {
        let mut seen = seen("a", tick);
        let load = 50.0 + (tick * 13 % 17) as f64;
        seen.observation.set(Signal::Load, Reading::fresh(load));
        seen.observation.set(Signal::ReplicasReady, Reading::fresh(6.0));
        seen
    };
    let change = Change {
        target: "a".into(),
        dimension: Dimension::Cpu,
        direction: Action::ScaleUp,
        at: at(3),
    };
    let values = (0..40).map(|i| (i % 9 != 0).then(|| 50.0 + f64::from(i * 7 % 11))).collect();
    let mut events = vec![
        Event::Start { detection: Detection::default(), forecast, rows: 50 },
        Event::Rules(vec![(rule.clone(), settings)]),
        Event::Remember(change.clone()),
        Event::Recall { rule: rule.clone(), observed: loaded(4) },
        Event::Learn {
            target: "a".into(),
            dimension: Dimension::Replicas,
            start: at(-35),
            step,
            values,
        },
        Event::Confirm(change.clone(), Limit::At(1.5)),
        Event::School(lesson(minutes)),
        Event::Enrol("a".into(), Dimension::Replicas),
    ];
    events.extend((5..32).map(|tick| Event::Tick {
        rule: rule.clone(),
        at: at(tick),
        observed: vec![loaded(tick)],
        standing: Stood::default(),
    }));
    let (target, dimension) = ("a".into(), Dimension::Memory);
    events.insert(9, Event::Adopt { target, dimension, size: Limit::Max, at: at(7) });
    let mut engine = Engine::new(Detection::default(), Forecast::default(), 1);
    let mut lines = Vec::new();
    for event in events {
        let is_tick = matches!(event, Event::Tick { .. });
        lines.push(Line::Event(Box::new(event.clone())));
        let decisions = event.tell(&mut engine).expect("taken");
        lines.extend(is_tick.then_some(Line::Decided(decisions)));
    }
    lines.iter().map(|line| serde_json::to_string(line).expect("JSON")).collect()
}

fn replayed(lines: &[String]) -> Result<Replayed, ReplayError> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    replay(text.as_bytes(), |_| {})
}

/// How many values there are in `value`, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

/// The value at `place` of these, counted from the outside in.
fn nth(value: &mut Value, mut place: usize) -> &mut Value {
    if place == 0 {
        return value;
    }
    place -= 1;
    let parts: Vec<&mut Value> = match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => unreachable!("a value without parts is counted once"),
    };
    for part in parts {
        let size = size(part);
        if place < size {
            return nth(part, place);
        }
        place -= size;
    }
    unreachable!("places are below the size")
}

/// Values that a scaler hardly writes.
fn odd() -> impl Strategy<Value = Value> {
    let texts = ["", "0s", "1ms", "3y", "500000y", "max", "b", "9999-12-30T00:00:00Z"];
    prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
        prop::sample::select(vec![0.0, -1.0, 1e-300, 0.5, 1e18, 1e300]).prop_map(Value::from),
        prop::sample::select(vec![0, 1, 7, u64::MAX]).prop_map(Value::from),
        Just(Value::Null),
        Just(Value::Array(Vec::new())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in one place of a recording, it is lived through or refused with its line.
    #[test]
    fn a_recording_with_an_odd_value_is_replayed_or_refused(
        early in prop::bool::ANY,
        line in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        odd in odd(),
    ) {
        // Too little for boosting, which would take its time in each case.
        let mut lines = varied(60);
        // Settings are few lines, and the most can be wrong with them.
        let line = if early { line.index(7) } else { line.index(lines.len()) };
        let mut value: Value = serde_json::from_str(&lines[line]).expect("JSON");
        let place = place.index(size(&value));
        *nth(&mut value, place) = odd;
        lines[line] = value.to_string();
        if let Err(error) = replayed(&lines) {
            prop_assert!(error.to_string().starts_with("line "), "{error}");
        }
    }
}

#[test]
fn settings_that_the_scaler_would_have_refused_are_named() {
    let lines = varied(500);
    assert_eq!(replayed(&lines).expect("readable").equal, 27, "the case is whole");
    for (line, old, new, expected) in [
        (0, "\"rows\":50", "\"rows\":0", "line 1: rows: expected 1 to 100000"),
        (
            0,
            "\"n_estimators\":100",
            "\"n_estimators\":0",
            "line 1: detection.n_estimators: expected 1 to 10000, found 0",
        ),
        (
            0,
            "\"step\":\"30s\"",
            "\"step\":\"0s\"",
            "line 1: forecast.step: expected a duration above 0",
        ),
        (
            1,
            "\"capacity\":10.0",
            "\"capacity\":0.0",
            "line 2: workload.capacity: expected a number above 0",
        ),
        (1, "\"scale_up_ratio\":0.75", "\"scale_up_ratio\":-1.0", "line 2: policy.threshold"),
        (1, "\"step\":\"1m\"", "\"step\":\"0s\"", "line 2: step: expected a duration above 0"),
        (4, "\"step\":\"30s\"", "\"step\":\"0s\"", "line 5: step: expected a duration above 0"),
        (6, "\"step\":\"1m\"", "\"step\":\"0s\"", "line 7: step: expected a duration above 0"),
        (
            6,
            "\"capacity\":10.0",
            "\"capacity\":0.0",
            "line 7: workload.capacity: expected a number above 0",
        ),
    ] {
        let mut changed = lines.clone();
        changed[line] = lines[line].replacen(old, new, 1);
        assert_ne!(changed, lines, "{old}");
        let error = replayed(&changed).expect_err(new).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
