//! Trees: what the arms of the autoscaling policy cost; the bench `forecast` has the forecasters.
//! With `--beside FOLDER` it leaves rows and forecasts there for `bench.py`, and prints what each step
//! took.

#![allow(clippy::expect_used, clippy::print_stdout)]

mod beside;

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use divan::Bencher;
use loadline::forecast::Series;
use loadline::forecast::trees::short_term::ShortTerm;
use loadline::units::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEPS_A_DAY: usize = 288;
const LEARNT: usize = 17 * STEPS_A_DAY;
const HORIZONS: [usize; 3] = [1, 3, 12];
const LEVELS: [f64; 4] = [0.05, 0.5, 0.9, 0.95];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--beside") {
        Some(flag) => beside::run(Path::new(arguments.get(flag + 1).expect("a folder"))),
        None => divan::main(),
    }
}

/// A load with a day, a level that wanders, noise that grows with the load, and a job every hour.
fn load(days: usize, steps_a_day: usize) -> Series {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut level = 1.0_f64;
    let value = |step: usize| {
        let noise: f64 = (0..4).map(|_| rng.random::<f64>() - 0.5).sum();
        level += 0.02 * (rng.random::<f64>() - 0.5) + 0.01 * (1.0 - level);
        let day = 1.0 + 0.6 * (step as f64 / steps_a_day as f64 * TAU).sin();
        let job = if step % (steps_a_day / 24) == steps_a_day / 48 { 0.5 } else { 0.0 };
        100.0 * level * (day + job) * (1.0 + 0.1 * noise)
    };
    Series {
        start: Timestamp::from_millis(1_700_000_000_000),
        step: Duration::from_secs(86_400 / steps_a_day as u64),
        values: (0..days * steps_a_day).map(value).collect(),
    }
}

/// The arms of the autoscaling policy: four quantiles, by the minute.
#[divan::bench(sample_count = 5)]
fn fit_short_term(bencher: Bencher) {
    let history = load(15, 1440);
    bencher.bench(|| ShortTerm::fit(&history, 2, 20.0).expect("enough history"));
}

#[divan::bench]
fn update_and_predict_short_term(bencher: Bencher) {
    let mut model = ShortTerm::fit(&load(3, 1440), 2, 20.0).expect("enough history");
    bencher.bench_local(|| {
        model.update(100.0);
        model.predict()
    });
}
