//! One measurement of the forest for `bench.py`, on data that it shares with its peer.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use loadline::detect::forest::{Contamination, Forest};
use rustix::time::{ClockId, clock_gettime};

use super::{FEATURES, ROWS, is_planted, parameters, rows};

const SINGLE_ROWS: usize = 5000;

/// Writes `rows.f32` (row after row), `labels.u8` (1 where planted) and `scores.f64` (higher is more
/// unusual) into `folder`, and prints the CPU seconds of each step as JSON.
pub fn run(folder: &Path) {
    let rows = rows();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.join(name), bytes).expect("writable");
    write("rows.f32", rows.iter().flat_map(|value| value.to_le_bytes()).collect());
    write("labels.u8", (0..ROWS).map(|row| u8::from(is_planted(row))).collect());

    let automatic = parameters(Contamination::Auto);
    let share = parameters(Contamination::Share(0.05));
    let fits: Vec<f64> =
        (0..11).map(|_| cpu_seconds(|| Forest::fit(rows.view(), &automatic)).0).collect();
    let (fit_with_contamination, _) = cpu_seconds(|| Forest::fit(rows.view(), &share));
    let forest = Forest::fit(rows.view(), &automatic).expect("a forest");
    let (batch, scores) = cpu_seconds(|| forest.score_samples(rows.view()).expect("scores"));
    let (single, _) = cpu_seconds(|| {
        for row in rows.rows().into_iter().take(SINGLE_ROWS) {
            black_box(forest.score_row(row.as_slice().expect("contiguous")));
        }
    });
    write("scores.f64", scores.iter().flat_map(|score| (-score).to_le_bytes()).collect());
    println!(
        "{}",
        serde_json::json!({
            "rows": ROWS,
            "features": FEATURES,
            "trees": automatic.n_estimators,
            "samples": automatic.max_samples,
            "random_state": automatic.random_state,
            "fit": median(fits),
            "fit_with_contamination": fit_with_contamination,
            "batch": batch,
            "single": single / SINGLE_ROWS as f64,
        })
    );
}

/// What this thread took for `work`, and its result.
fn cpu_seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let before = now();
    let result = black_box(work());
    (now() - before, result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
