//! One measurement of boosting for `bench.py`, on rows that it shares with its peer.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use loadline::forecast::trees::{Boosting, Loss, Params};
use ndarray::Array2;
use rustix::time::{ClockId, clock_gettime};

use super::{HORIZONS, LEARNT, LEVELS, STEPS_A_DAY, load};

/// Steps back to samples that each have a feature.
const AGES: [usize; 17] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 24, 36, 72, 144, 287];
const WINDOWS: [usize; 4] = [6, 12, 36, 288];
/// The first day only fills features.
const FIRST: usize = STEPS_A_DAY;

/// Writes, for each horizon, `x-HORIZON.f64` (row after row), `y-HORIZON.f64` and `said-HORIZON.f64`
/// (a row for each test row, a column for each level) into `folder`, and prints shapes, parameters and the
/// CPU seconds of fits and predictions, all horizons together, as JSON.
pub fn run(folder: &Path) {
    let y = load(21, STEPS_A_DAY).values;
    let params = Params::default();
    let (mut fit, mut predict, mut n_tests, mut n_features) = (0.0, 0.0, 0, 0);
    for ahead in HORIZONS {
        let (x, target) = rows(&y, ahead);
        let n_learnt = LEARNT - FIRST - ahead;
        let losses = LEVELS.map(Loss::Pinball);
        let learnt = x.slice(ndarray::s![..n_learnt, ..]);
        let (seconds, models) =
            cpu_seconds(|| Boosting::fit_all(learnt, &target[..n_learnt], None, &losses, &params));
        fit += seconds;
        let tests: Vec<Vec<f64>> =
            x.rows().into_iter().skip(LEARNT - FIRST).map(|row| row.to_vec()).collect();
        let (seconds, said) = cpu_seconds(|| -> Vec<f64> {
            let all = |row: &Vec<f64>| models.iter().map(|model| model.predict(row)).collect();
            tests.iter().flat_map::<Vec<f64>, _>(all).collect()
        });
        predict += seconds;
        n_tests += tests.len();
        n_features = x.ncols();
        let write = |name: &str, values: &mut dyn Iterator<Item = f64>| {
            let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
            fs::write(folder.join(format!("{name}-{ahead}.f64")), bytes).expect("writable");
        };
        write("x", &mut x.iter().copied());
        write("y", &mut target.iter().copied());
        write("said", &mut said.iter().copied());
    }
    println!(
        "{}",
        serde_json::json!({
            "horizons": HORIZONS, "levels": LEVELS, "features": n_features,
            "first_test": LEARNT - FIRST, "trees": params.trees, "rate": params.rate,
            "leaves": params.leaves, "min_leaf": params.min_leaf, "l2": params.l2,
            "rows": params.rows, "columns": params.columns, "bins": params.bins,
            "fit": fit, "predict": predict / n_tests as f64,
        })
    );
}

/// What is seen at each sample, and how far it is to the one `ahead`.
fn rows(y: &[f64], ahead: usize) -> (Array2<f64>, Vec<f64>) {
    let (mut x, mut target) = (Vec::new(), Vec::new());
    for at in FIRST..y.len() - ahead {
        let now = y[at];
        x.push(now);
        x.extend(AGES.map(|age| y[at - age] - now));
        for window in WINDOWS {
            let newest = &y[at + 1 - window..=at];
            let mean = newest.iter().sum::<f64>() / window as f64;
            let squares = newest.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            let max = newest.iter().copied().fold(f64::NAN, f64::max);
            x.extend([mean - now, (squares / window as f64).sqrt(), max - now]);
        }
        x.extend([y[at + ahead - STEPS_A_DAY] - now, y[at - STEPS_A_DAY] - now]);
        x.push(((at + ahead) % STEPS_A_DAY) as f64);
        target.push(y[at + ahead] - now);
    }
    let width = x.len() / target.len();
    (Array2::from_shape_vec((target.len(), width), x).expect("whole rows"), target)
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
