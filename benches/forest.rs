//! Isolation Forest: 100 000 rows × 10 features, 100 trees × 256 rows, as in the usual comparisons.

use divan::Bencher;
use loadline::detect::{Contamination, Forest, Parameters};
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ROWS: usize = 100_000;
const FEATURES: usize = 10;

fn main() {
    divan::main();
}

fn parameters(contamination: Contamination) -> Parameters {
    Parameters { n_estimators: 100, max_samples: 256, contamination, random_state: 42 }
}

/// Two correlated clouds, and one row in twenty anywhere.
fn rows() -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    Array2::from_shape_fn((ROWS, FEATURES), |(row, _)| {
        let cloud = if row % 5 < 2 { 3.0 } else { 0.0 };
        let bell: f32 = (0..4).map(|_| rng.random::<f32>() - 0.5).sum();
        if row % 20 == 0 { rng.random_range(-6.0..8.0) } else { cloud + bell }
    })
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
fn score_one_row(bencher: Bencher) {
    let rows = rows();
    let forest = Forest::fit(rows.view(), &parameters(Contamination::Auto)).expect("a forest");
    let mut next = (0..ROWS).cycle();
    bencher
        .with_inputs(|| next.next().unwrap_or(0))
        .bench_local_values(|row| forest.score_samples(rows.slice(s![row..=row, ..])));
}
