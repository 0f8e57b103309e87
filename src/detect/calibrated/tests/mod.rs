//! The parts by themselves, what holds for any input, what lasts, and how well faults are found.

mod explanation;
mod life;
mod parts;
mod properties;
mod quality;
mod statistics;

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::Detection;
use crate::detect::{Assessment, Detector};
use crate::features::{Features, Schema};
use crate::target::TargetId;
use crate::units::Timestamp;

const MINUTE: i64 = 60_000;
const FIVE_MINUTES: i64 = 5 * MINUTE;
const DAY_ROWS: usize = 288;

fn schema(width: usize) -> Arc<Schema> {
    Arc::new(Schema::new((0..width).map(|i| format!("s{i}")).collect()))
}

/// Few trees: fast without optimization.
fn small() -> Detection {
    Detection { n_estimators: 25, max_samples: 64, ..Detection::default() }
}

fn detector(width: usize) -> Detector {
    Detector::new(schema(width), small()).expect("in range")
}

fn bell(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Rows every five minutes of signals that share a daily wave in pairs, each with noise of its own. Row 0
/// is at the epoch's midnight.
fn days(rows: usize, width: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut rng = rng(seed);
    (0..rows)
        .map(|row| {
            let turn = std::f64::consts::TAU * row as f64 / DAY_ROWS as f64;
            let pairs: Vec<f64> = (0..width.div_ceil(2)).map(|_| 0.5 * bell(&mut rng)).collect();
            (0..width)
                .map(|i| {
                    let wave = (turn + i as f64).sin();
                    10.0 + 2.0 * wave + pairs[i / 2] + 0.15 * bell(&mut rng)
                })
                .collect()
        })
        .collect()
}

fn known(row: &[f64]) -> Vec<Option<f64>> {
    row.iter().copied().map(Some).collect()
}

fn observe(
    detector: &mut Detector,
    target: &str,
    at_millis: i64,
    row: &[Option<f64>],
) -> Option<Assessment> {
    let features = Features::new(schema(row.len()), row.iter().copied());
    let at = Timestamp::from_millis(at_millis);
    detector.observe(&TargetId::from(target), &features, at).expect("same schema")
}

/// What the detector says of `rows`, one every five minutes from the row of number `first` on.
fn feed(detector: &mut Detector, first: usize, rows: &[Vec<f64>]) -> Vec<Option<Assessment>> {
    let times = (first as i64..).map(|row| row * FIVE_MINUTES);
    times.zip(rows).map(|(at, row)| observe(detector, "a", at, &known(row))).collect()
}
