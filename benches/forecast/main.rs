//! What forecasts cost: the update of a smoothing model with one sample, its prediction, its fit, and
//! `auto` with all its models, on 17 days of a noisy daily wave at five minutes.
//!
//! `cargo bench --bench forecast`

// A benchmark that cannot be set up has nothing better to do than to stop.
#![allow(clippy::expect_used)]

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use loadline::forecast::{Auto, Forecaster, Kind, Series, Task};
use loadline::units::Timestamp;

const STEP: Duration = Duration::from_secs(300);
const A_DAY: usize = 288;

fn main() {
    divan::main();
}

fn task() -> Task {
    Task {
        step: STEP,
        horizons: vec![1, 3, 12],
        levels: vec![0.05, 0.5, 0.9, 0.95],
        seed: 42,
        events: Arc::default(),
    }
}

fn load(i: usize) -> f64 {
    // Something that looks like noise and needs no generator.
    let noise = ((i as f64 * 12.9898).sin() * 43758.5453).fract();
    100.0 + 40.0 * (TAU * i as f64 / A_DAY as f64).sin() + 5.0 * noise
}

fn history() -> Series {
    let values = (0..17 * A_DAY).map(load).collect();
    Series { start: Timestamp::default(), step: STEP, values }
}

fn fitted(kind: Kind) -> Box<dyn Forecaster> {
    let mut model = kind.model(&task());
    model.fit(&history()).expect("long enough");
    model
}

#[divan::bench(args = Kind::CHEAP.iter().map(|kind| kind.name()))]
fn update(bencher: Bencher<'_, '_>, name: &str) {
    let mut model = fitted(Kind::from_name(name).expect("a name"));
    let mut i = 17 * A_DAY;
    bencher.bench_local(|| {
        model.update(black_box(load(i)));
        i += 1;
    });
}

#[divan::bench(args = Kind::AUTO.iter().map(|kind| kind.name()))]
fn predict(bencher: Bencher<'_, '_>, name: &str) {
    let model = fitted(Kind::from_name(name).expect("a name"));
    bencher.bench_local(|| black_box(model.predict()));
}

#[divan::bench(args = Kind::AUTO.iter().map(|kind| kind.name()), sample_count = 5, sample_size = 1)]
fn fit(bencher: Bencher<'_, '_>, name: &str) {
    let history = history();
    let mut model = Kind::from_name(name).expect("a name").model(&task());
    bencher.bench_local(|| model.fit(black_box(&history)));
}

#[divan::bench]
fn auto_update(bencher: Bencher<'_, '_>) {
    let mut auto = Auto::new(&task(), Kind::CHEAP);
    auto.fit(&history()).expect("long enough");
    let mut i = 17 * A_DAY;
    bencher.bench_local(|| {
        auto.update(black_box(load(i)));
        i += 1;
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn auto_fit(bencher: Bencher<'_, '_>) {
    let history = history();
    let mut auto = Auto::new(&task(), Kind::CHEAP);
    bencher.bench_local(|| auto.fit(black_box(&history)));
}
