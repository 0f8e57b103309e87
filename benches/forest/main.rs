//! Isolation Forest: 100 000 rows × 10 features, 100 trees × 256 rows, as in the usual comparisons.
//! With `--beside FOLDER` it leaves data and scores there for `bench.py`, and prints what each step took.

#![allow(clippy::expect_used, clippy::print_stdout)]

mod beside;

use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use loadline::config::{Detection, DetectionMode};
use loadline::detect::forest::{Contamination, Forest, Parameters};
use loadline::detect::plain::Model;
use loadline::features::{self, Features, Schema};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROWS: usize = 100_000;
const FEATURES: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--beside") {
        Some(flag) => beside::run(Path::new(arguments.get(flag + 1).expect("a folder"))),
        None => divan::main(),
    }
}

fn parameters(contamination: Contamination) -> Parameters {
    Parameters { n_estimators: 100, max_samples: 256, contamination, random_state: 42 }
}

/// Two clouds. One row in twenty is planted: two of its features are anywhere.
fn rows() -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    Array2::from_shape_fn((ROWS, FEATURES), |(row, feature)| {
        let cloud = if row % 5 < 2 { 3.0 } else { 0.0 };
        let bell: f32 = (0..4).map(|_| rng.random::<f32>() - 0.5).sum();
        let anywhere = is_planted(row) && feature / 2 == row / 20 % (FEATURES / 2);
        if anywhere { rng.random_range(-6.0..8.0) } else { cloud + bell }
    })
}

fn is_planted(row: usize) -> bool {
    row.is_multiple_of(20)
}

#[divan::bench]
fn fit(bencher: Bencher) {
    let rows = rows();
    bencher.bench(|| Forest::fit(rows.view(), &parameters(Contamination::Auto)));
}

#[divan::bench]
fn fit_with_contamination(bencher: Bencher) {
    let rows = rows();
    bencher.bench(|| Forest::fit(rows.view(), &parameters(Contamination::Share(0.05))));
}

#[divan::bench]
fn score_all_rows(bencher: Bencher) {
    let rows = rows();
    let forest = Forest::fit(rows.view(), &parameters(Contamination::Auto)).expect("a forest");
    bencher
        .counter(divan::counter::ItemsCount::new(ROWS))
        .bench(|| forest.score_samples(rows.view()));
}

#[divan::bench]
fn score_row_by_row(bencher: Bencher) {
    let rows = rows();
    let forest = Forest::fit(rows.view(), &parameters(Contamination::Auto)).expect("a forest");
    bencher.counter(divan::counter::ItemsCount::new(1000usize)).bench(|| {
        let rows = rows.rows().into_iter().take(1000);
        rows.filter_map(|row| row.to_slice()).map(|row| forest.score_row(row)).sum::<f64>()
    });
}

/// What one target costs: a model of 256 rows of the live features, and one moment of it.
#[divan::bench]
fn fit_model_of_live_features(bencher: Bencher) {
    let (rows, schema) = live_rows();
    let config = Detection::default();
    bencher.bench(|| Model::fit(rows.view(), Arc::clone(&schema), &config));
}

#[divan::bench]
fn assess_live_features(bencher: Bencher) {
    let (rows, schema) = live_rows();
    let model =
        Model::fit(rows.view(), Arc::clone(&schema), &Detection::default()).expect("a model");
    let moments: Vec<Features> = rows
        .rows()
        .into_iter()
        .map(|row| {
            Features::new(Arc::clone(&schema), row.iter().map(|value| Some(f64::from(*value))))
        })
        .collect();
    bencher.counter(divan::counter::ItemsCount::new(moments.len())).bench(|| {
        moments.iter().filter_map(|m| model.assess(m).ok()).filter(|a| a.anomalous).count()
    });
}

fn live_rows() -> (Array2<f32>, Arc<Schema>) {
    let schema = features::schema(DetectionMode::Plain);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    (Array2::from_shape_simple_fn((256, schema.len()), || rng.random()), schema)
}
