//! What one tick of the scaler costs: windows, features, score and decision of N targets with 8 signals
//! and 2 limits each, their past in memory, the answers received; then the same with the answers still
//! to be read, in the bytes in which Prometheus sends them.
//!
//! `cargo bench --bench tick -- --targets=100,1000,10000 --rows=1440 --past=200`: a window holds `rows`
//! ticks of a minute, `past` of them are lived through before the first tick is measured. Times are CPU
//! seconds of the one thread that does the work, medians of `TICKS` ticks.

// A benchmark that cannot be set up has nothing better to do than to stop, and its table is its purpose.
#![allow(clippy::expect_used, clippy::print_stdout)]

#[path = "tick/fleet.rs"]
mod fleet;
#[path = "tick/prometheus.rs"]
mod prometheus;

use std::hint::black_box;
use std::time::Duration;

use fleet::Fleet;
use loadline::config::{self, Detection, Forecast, TargetRule};
use loadline::features;
use loadline::promql::{Client, Observer};
use loadline::scaler::engine::{DimensionSettings, Engine, Quiet, RuleSettings};
use loadline::scaler::observed::Observed;
use loadline::target::{Dimension, Mode};
use loadline::window::Window;
use rustix::time::{ClockId, clock_gettime};

const TICKS: usize = 9;

struct Arguments {
    targets: Vec<usize>,
    rows: usize,
    past: usize,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self { targets: vec![100, 1000, 10_000], rows: 1440, past: 200 };
        for argument in std::env::args().skip(1) {
            let number = |text: &str| text.parse().expect("a whole number");
            match argument.split_once('=') {
                Some(("--targets", list)) => read.targets = list.split(',').map(number).collect(),
                Some(("--rows", rows)) => read.rows = number(rows),
                Some(("--past", past)) => read.past = number(past),
                // Cargo's own word.
                _ => assert_eq!(argument, "--bench", "expected --targets=, --rows= or --past="),
            }
        }
        read
    }
}

fn main() {
    let Arguments { targets, rows, past } = Arguments::read();
    println!("a tick of 8 signals, {past} of {rows} rows of the past; µs of CPU a target\n");
    println!(
        "{:>8} {:>8} {:>9} {:>7} {:>7} {:>9} {:>7} {:>9} {:>9} {:>13} {:>12}",
        "targets",
        "window",
        "features",
        "score",
        "decide",
        "tick",
        "parse",
        "join",
        "whole s",
        "resident MB",
        "window KB"
    );
    for targets in targets {
        let fleet = Fleet { targets };
        let tick = of_engine(&fleet, rows, past);
        let answers = of_answers(&fleet);
        // Long enough for rows to leave the recent ones.
        let windows = of_windows(&fleet, rows, past.min(100));
        let per_target = |seconds: f64| seconds * 1e6 / targets as f64;
        println!(
            "{targets:>8} {:>8.2} {:>9.2} {:>7.2} {:>7.2} {:>9.2} {:>7.2} {:>9.2} {:>9.3} {:>13.1} {:>12.1}",
            per_target(windows.push),
            per_target(windows.features),
            per_target(tick.observe - windows.push - windows.features),
            per_target(tick.decide),
            per_target(tick.observe + tick.decide),
            per_target(answers.parse),
            per_target(answers.join),
            tick.observe + tick.decide + answers.parse + answers.join,
            tick.resident_bytes / 1e6,
            windows.bytes_a_target / 1e3,
        );
    }
}

struct Tick {
    /// Windows, features, scores.
    observe: f64,
    decide: f64,
    /// Of the whole process, after the last tick.
    resident_bytes: f64,
}

fn of_engine(fleet: &Fleet, rows: usize, past: usize) -> Tick {
    let settings = RuleSettings {
        mode: Mode::Observe,
        dimensions: Dimension::LIMITS
            .into_iter()
            .map(|dimension| (dimension, DimensionSettings::new(dimension, None, None, None)))
            .collect(),
        workload: None,
        step: RuleSettings::SHORTEST_STEP,
    };
    let mut engine = Engine::new(Detection::default(), Forecast::default(), rows);
    engine.set_rules([(fleet::RULE.into(), settings)]).expect("default settings");
    for row in 0..past {
        fleet.observed(row).for_each(|observed| engine.recall(fleet::RULE, observed));
    }
    let mut observe = Vec::new();
    let mut decide = Vec::new();
    for row in past..past + TICKS {
        let observed: Vec<Observed> = fleet.observed(row).collect();
        observe.push(cpu_seconds(|| {
            observed.into_iter().for_each(|observed| engine.recall(fleet::RULE, observed));
        }));
        // Nothing more is found: what is left of the tick is the decisions on what was seen just now.
        decide.push(cpu_seconds(|| {
            black_box(engine.tick(fleet::RULE, fleet::at(row), Vec::new(), &Quiet));
        }));
    }
    Tick { observe: median(observe), decide: median(decide), resident_bytes: resident_bytes() }
}

struct Windows {
    push: f64,
    features: f64,
    bytes_a_target: f64,
}

/// The windows alone, to tell their share of the tick.
fn of_windows(fleet: &Fleet, rows: usize, past: usize) -> Windows {
    let config = Detection::default();
    let mut windows = vec![Window::new(rows); fleet.targets];
    let mut push = Vec::new();
    let mut features = Vec::new();
    for row in 0..past + TICKS {
        let observed: Vec<Observed> = fleet.observed(row).collect();
        push.push(cpu_seconds(|| {
            for (window, observed) in windows.iter_mut().zip(&observed) {
                window.push(&observed.observation).expect("in order");
            }
        }));
        if row >= past {
            features.push(cpu_seconds(|| {
                for window in &windows {
                    black_box(features::extract(window, &config));
                }
            }));
        }
    }
    let bytes: usize = windows.iter().map(Window::memory_bytes).sum();
    Windows {
        push: median(push.split_off(past)),
        features: median(features),
        bytes_a_target: bytes as f64 / fleet.targets as f64,
    }
}

struct Answers {
    parse: f64,
    join: f64,
}

/// From the bytes of the answers to what the engine takes.
fn of_answers(fleet: &Fleet) -> Answers {
    let server = config::Prometheus::at("http://localhost:9090");
    let mut observer = Observer::new(&TargetRule::named(fleet::RULE), &server);
    let client = Client::new(&server).expect("nothing is connected yet");
    let mut parse = Vec::new();
    let mut join = Vec::new();
    for row in 0..TICKS {
        let bodies = prometheus::Bodies::of(fleet, row);
        let mut answers = None;
        parse.push(cpu_seconds(|| answers = Some(bodies.parse())));
        let (discovered, signals) = answers.expect("parsed");
        join.push(cpu_seconds(|| {
            let round = observer.join(&client, fleet::at(row), &discovered, signals.map(Ok));
            assert_eq!(round.targets.len(), fleet.targets);
            let observed = round.targets.into_iter().map(|r| Observed::now(r, fleet::at(row)));
            black_box(observed.collect::<Vec<_>>());
        }));
    }
    Answers { parse: median(parse), join: median(join) }
}

fn cpu_seconds(work: impl FnOnce()) -> f64 {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("not negative");
    let before = now();
    work();
    (now() - before).as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024.0
}
