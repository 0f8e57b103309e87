//! Forecasters out of trees: a model of its own for each horizon.

use std::time::Duration;

use ndarray::Array2;

use super::boosting::{Boosting, Params};
use super::forest::{ForestParams, RandomForest};
use super::lagged::Lagged;
use super::loss::Loss;
use super::narrow_row;
use crate::forecast::{ForecastError, Forecaster, Series, Task};

/// The newest history that is learnt from; what is older only fills features.
const LONGEST: Duration = Duration::from_secs(17 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);
/// The most rows that are learnt from: seventeen days by the minute.
const MOST_ROWS: usize = 17 * 1440;
/// The fewest samples that are learnt from.
const FEWEST: u32 = 120;

/// What a model of one horizon makes of its rows.
trait Learner: Sized + Sync + Send + 'static {
    /// The model's name, for errors.
    const NAME: &'static str;

    fn learn(x: &Array2<f64>, y: &[f64], day: usize, task: &Task) -> Self;

    /// The quantiles of the task, as `y` was told.
    fn quantiles(&self, row: &[f32], said: &mut [f64]);
}

/// Gradient boosting, a run for each horizon and level, over lags, windows, seasons and the clock.
pub(in crate::forecast) fn boosting(task: &Task) -> Box<dyn Forecaster> {
    Box::new(Direct::<Vec<Boosting>>::new(task))
}

/// A random forest for each horizon, over the same features as [`boosting`]. Around what it says lie the
/// errors of the last days, each told by the trees that had not seen it.
pub(in crate::forecast) fn random_forest(task: &Task) -> Box<dyn Forecaster> {
    Box::new(Direct::<Forest>::new(task))
}

/// A model for each horizon, with the state from which all predict.
struct Direct<L> {
    task: Task,
    state: Option<Lagged>,
    /// One a horizon.
    models: Vec<L>,
}

impl<L: Learner> Direct<L> {
    fn new(task: &Task) -> Self {
        Self { task: task.clone(), state: None, models: Vec::new() }
    }
}

impl<L: Learner> Forecaster for Direct<L> {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let furthest = self.task.horizons.last().copied().unwrap_or(0);
        let furthest = u32::try_from(furthest).unwrap_or(u32::MAX);
        let needed = history.step.saturating_mul(FEWEST.saturating_add(furthest));
        let found = history.length();
        if found < needed {
            return Err(ForecastError::TooShort { model: L::NAME, needed, found });
        }
        if history.values.iter().all(|value| value.is_nan()) {
            return Err(ForecastError::NoValues);
        }
        let (state, rows) = learn(history, &self.task.horizons);
        let day = history.steps(DAY);
        self.models = rows.iter().map(|Rows { x, y }| L::learn(x, y, day, &self.task)).collect();
        self.state = Some(state);
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(state) = &mut self.state {
            state.push(value);
        }
    }

    fn predict(&self) -> Array2<f64> {
        let shape = (self.task.horizons.len(), self.task.levels.len());
        let mut all = Array2::from_elem(shape, f64::NAN);
        let Some(state) = &self.state else { return all };
        let (mut row, mut said) = (Vec::new(), vec![f64::NAN; shape.1]);
        for ((ahead, model), mut out) in
            self.task.horizons.iter().zip(&self.models).zip(all.rows_mut())
        {
            state.features(*ahead, &mut row);
            model.quantiles(&narrow_row(&row), &mut said);
            said.sort_unstable_by(f64::total_cmp);
            for (out, said) in out.iter_mut().zip(&said) {
                *out = state.level() + said * state.unrest();
            }
        }
        all
    }
}

/// What was seen at the samples of a history, and what followed.
struct Rows {
    x: Array2<f64>,
    y: Vec<f64>,
}

/// The state after the newest sample and, for each horizon, what was seen at the samples before it and
/// what followed.
fn learn(history: &Series, horizons: &[usize]) -> (Lagged, Vec<Rows>) {
    let n = history.values.len();
    // Of the first day half of the features are missing.
    let warm = history.steps(DAY).min(n / 2);
    let first = n.saturating_sub(history.steps(LONGEST).min(MOST_ROWS)).max(warm);
    let mut state = Lagged::new(history.start, history.step);
    let mut rows = vec![(Vec::new(), Vec::new()); horizons.len()];
    let mut row = Vec::new();
    for (at, value) in history.values.iter().enumerate() {
        state.push(*value);
        if at < first || value.is_nan() {
            continue;
        }
        for (ahead, (x, y)) in horizons.iter().zip(&mut rows) {
            let Some(then) = history.values.get(at + ahead) else { continue };
            state.features(*ahead, &mut row);
            x.extend_from_slice(&row);
            y.push((then - value) / state.unrest());
        }
    }
    let matrix = |(x, y): (Vec<f64>, Vec<f64>)| {
        let width = x.len() / y.len().max(1);
        Rows { x: Array2::from_shape_vec((y.len(), width), x).unwrap_or_default(), y }
    };
    (state, rows.into_iter().map(matrix).collect())
}

impl Learner for Vec<Boosting> {
    const NAME: &'static str = "boosting";

    fn learn(x: &Array2<f64>, y: &[f64], _day: usize, task: &Task) -> Self {
        let losses: Vec<Loss> = task.levels.iter().map(|level| Loss::Pinball(*level)).collect();
        let params = Params { seed: task.seed, ..Params::default() };
        Boosting::fit_all(x.view(), y, None, &losses, &params)
    }

    fn quantiles(&self, row: &[f32], said: &mut [f64]) {
        for (said, model) in said.iter_mut().zip(self) {
            *said = model.predict_narrow(row);
        }
    }
}

/// How many days of errors make the spread of a forest.
const ERROR_DAYS: usize = 3;
/// The share of the features that each node of a forest looks at.
const MAX_FEATURES: f64 = 1.0 / 3.0;

/// A forest with the quantiles of its errors.
struct Forest {
    forest: RandomForest,
    errors: Vec<f64>,
}

impl Learner for Forest {
    const NAME: &'static str = "random_forest";

    fn learn(x: &Array2<f64>, y: &[f64], day: usize, task: &Task) -> Self {
        let params = ForestParams {
            max_features: MAX_FEATURES,
            max_bins: 64,
            random_state: task.seed,
            ..ForestParams::default()
        };
        let (forest, outside) = RandomForest::fit_out_of_bag(x.view(), y, &params);
        let newest = y.len().saturating_sub(ERROR_DAYS * day);
        let errors = y.iter().zip(outside).skip(newest).map(|(y, said)| (y - said, 1.0));
        let mut errors: Vec<(f64, f64)> = errors.filter(|(error, _)| !error.is_nan()).collect();
        let of = |level: &f64| Loss::Pinball(*level).constant(&mut errors, 0.0);
        Self { forest, errors: task.levels.iter().map(of).collect() }
    }

    fn quantiles(&self, row: &[f32], said: &mut [f64]) {
        let middle = self.forest.predict_narrow(row);
        for (said, error) in said.iter_mut().zip(&self.errors) {
            *said = middle + error;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::units::Timestamp;

    const STEPS_A_DAY: usize = 48;

    /// A day's wave with noise that grows with it, and a few gaps.
    fn history(steps: usize) -> Series {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let value = |at: usize| {
            let noise = rng.random::<f64>() - 0.5;
            let value = wave(at) * (1.0 + 0.2 * noise);
            if at % 83 == 17 { f64::NAN } else { value }
        };
        Series {
            start: Timestamp::from_millis(1_700_000_000_000),
            step: Duration::from_secs(1800),
            values: (0..steps).map(value).collect(),
        }
    }

    fn wave(at: usize) -> f64 {
        100.0 + 80.0 * (at as f64 / STEPS_A_DAY as f64 * TAU).sin()
    }

    fn task() -> Task {
        Task {
            step: Duration::from_secs(1800),
            horizons: vec![1, 8],
            levels: vec![0.05, 0.5, 0.95],
            seed: 42,
            events: Default::default(),
        }
    }

    fn both() -> [Box<dyn Forecaster>; 2] {
        [boosting(&task()), random_forest(&task())]
    }

    #[test]
    fn a_day_and_its_noise_are_learnt() {
        let all = history(9 * STEPS_A_DAY);
        let learnt = 8 * STEPS_A_DAY;
        let past = Series { values: all.values[..learnt].to_vec(), ..all.clone() };
        for mut model in both() {
            model.fit(&past).unwrap();
            let (mut error, mut still, mut inside, mut count) = (0.0, 0.0, 0.0, 0.0);
            for at in learnt..all.values.len() - 8 {
                model.update(all.values[at]);
                let said = model.predict();
                for (row, ahead) in said.rows().into_iter().zip([1, 8]) {
                    let (wanted, measured) = (wave(at + ahead), all.values[at + ahead]);
                    error += (row[1] - wanted).abs();
                    still += (wave(at) - wanted).abs();
                    inside += f64::from(measured.is_nan() || (row[0]..=row[2]).contains(&measured));
                    count += 1.0;
                    assert!(row.to_vec().is_sorted(), "{row}");
                }
            }
            assert!(
                error < 0.2 * still,
                "{} a sample, {} if it stood still",
                error / count,
                still / count
            );
            assert!((0.75..1.0).contains(&(inside / count)), "{}", inside / count);
        }
    }

    #[test]
    fn features_are_the_same_live_as_in_training() {
        let all = history(10 * STEPS_A_DAY);
        let past = Series { values: all.values[..9 * STEPS_A_DAY].to_vec(), ..all.clone() };
        let (_, rows) = learn(&all, &[1, 8]);
        let (mut live, before) = learn(&past, &[1, 8]);
        let mut row = Vec::new();
        for (rows, before) in rows.iter().zip(&before) {
            // Rows that had no future yet come next.
            let next = before.y.len();
            assert_eq!(bits(rows.x.slice(ndarray::s![..next, ..])), bits(before.x.view()));
            assert!(rows.x.nrows() > next + STEPS_A_DAY / 2);
        }
        let measured = |values: &[f64]| values.iter().filter(|value| !value.is_nan()).count();
        let warm = measured(&all.values[..STEPS_A_DAY]);
        for at in past.values.len()..all.values.len() - 8 {
            live.push(all.values[at]);
            if all.values[at].is_nan() {
                continue;
            }
            for (ahead, Rows { x, .. }) in [1, 8].iter().zip(&rows) {
                live.features(*ahead, &mut row);
                let place = measured(&all.values[..at]) - warm;
                assert_eq!(bits(x.row(place)), bits(ndarray::aview1(&row)), "{at}");
            }
        }
        // After a week every feature is there.
        assert!(row.iter().all(|value| value.is_finite()), "{row:?}");
    }

    fn bits<D: ndarray::Dimension>(values: ndarray::ArrayView<f64, D>) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn what_cannot_be_learnt_is_refused_and_changes_nothing() {
        for mut model in both() {
            assert!(model.predict().iter().all(|value| value.is_nan()));
            let short = model.fit(&history(100));
            assert!(matches!(short, Err(ForecastError::TooShort { .. })));
            model.fit(&Series { values: vec![3.0; 200], ..history(0) }).unwrap();
            let nothing = Series { values: vec![f64::NAN; 200], ..history(0) };
            assert_eq!(model.fit(&nothing), Err(ForecastError::NoValues));
            model.update(f64::NAN);
            assert_eq!(model.predict(), Array2::from_elem((2, 3), 3.0));
        }
    }

    #[test]
    fn the_same_history_gives_the_same_forecast() {
        for [mut a, mut b] in [
            [boosting(&task()), boosting(&task())],
            [random_forest(&task()), random_forest(&task())],
        ] {
            let past = history(4 * STEPS_A_DAY);
            a.fit(&past).unwrap();
            b.fit(&history(3 * STEPS_A_DAY)).unwrap();
            b.fit(&past).unwrap();
            for value in [110.0, f64::NAN, 130.0] {
                a.update(value);
                b.update(value);
                assert_eq!(bits(a.predict().view()), bits(b.predict().view()));
            }
        }
    }
}
