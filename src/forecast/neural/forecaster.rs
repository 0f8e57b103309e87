//! The networks as models of one signal.

use ndarray::{Array2, ArrayView2};

use super::architecture::Architecture;
use super::regressor::{Lesson, Regressor};
use super::sequences::{Recent, bridge};
use crate::forecast::{ForecastError, Forecaster, Series, Task};
use crate::units::Timestamp;

/// A network that foretells one signal.
///
/// It learns changes from the newest sample. Asked for several horizons it tells the sample at each; asked
/// for one, the mean of all samples until then. Its quantiles are those of its errors on the newest fifth
/// of the history, which it did not learn from.
pub struct Neural {
    architecture: Architecture,
    task: Task,
    learnt: Option<Learnt>,
}

struct Learnt {
    regressor: Regressor,
    /// Around what the network says: one row a horizon, one column a level.
    errors: Array2<f64>,
    /// Around the newest sample, for as long as a gap leaves the network too few samples.
    changes: Array2<f64>,
    recent: Recent,
    newest: f64,
    at: Timestamp,
}

/// How many samples the means and deviations of a row look back on, in rows of the two branches.
const LOOK_BACK: usize = 36;
const NEAR: usize = 6;

const DAY_SECONDS: f64 = 86_400.0;

impl Neural {
    /// A model that has learnt nothing yet.
    pub fn new(architecture: Architecture, task: &Task) -> Self {
        Self { architecture, task: task.clone(), learnt: None }
    }

    /// How many samples an answer needs.
    fn samples(&self) -> usize {
        match self.architecture {
            Architecture::Lstm => self.architecture.length(),
            Architecture::LstmCnn => self.architecture.length() + LOOK_BACK - 1,
        }
    }

    /// The rows of these samples, of which the last one was taken at `end`; the first ones of a run have
    /// too little to look back on, and are none.
    fn rows(&self, values: &[f64], end: Timestamp) -> Array2<f64> {
        let count = values.len();
        match self.architecture {
            Architecture::Lstm => Array2::from_shape_fn((count, 1), |(row, _)| values[row]),
            Architecture::LstmCnn => {
                let mut rows = Array2::from_elem((count, COLUMNS), f64::NAN);
                for (index, mut row) in rows.rows_mut().into_iter().enumerate() {
                    let after = (count - 1 - index) as f64 * self.task.step.as_secs_f64();
                    let seconds = end.seconds() - after;
                    if let Some(first) = (index + 1).checked_sub(LOOK_BACK) {
                        let columns = describe(&values[first..=index], seconds);
                        row.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column);
                    }
                }
                rows
            }
        }
    }

    /// The changes after each sample; not a number where one of them is not known.
    fn changes(&self, values: &[f64]) -> Array2<f64> {
        let horizons = &self.task.horizons;
        let mean = horizons.len() == 1;
        Array2::from_shape_fn((values.len(), horizons.len()), |(row, index)| {
            let first = if mean { row + 1 } else { row + horizons[index] };
            let after = values.get(first..=row + horizons[index]).unwrap_or(&[f64::NAN]);
            after.iter().sum::<f64>() / after.len() as f64 - values[row]
        })
    }
}

const COLUMNS: usize = 7;

/// The newest of these values, its change, what is usual of late, and the time of day.
fn describe(values: &[f64], seconds: f64) -> [f64; COLUMNS] {
    let count = values.len();
    let (now, before) = (values[count - 1], values[count.saturating_sub(2)]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (near, all) = (mean(&values[count.saturating_sub(NEAR)..]), mean(values));
    let squares = values.iter().map(|value| (value - all).powi(2)).sum::<f64>();
    let phase = std::f64::consts::TAU * seconds.rem_euclid(DAY_SECONDS) / DAY_SECONDS;
    let deviation = (squares / count as f64).sqrt();
    [now, now - before, now - near, now - all, deviation, phase.sin(), phase.cos()]
}

impl Forecaster for Neural {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let newest = history.values.iter().rev().find(|value| value.is_finite());
        let newest = *newest.ok_or(ForecastError::NoValues)?;
        let (values, mut runs) = bridge(&history.values);
        let at = history.at(values.len() - 1);
        let targets = self.changes(&values);
        let short = self.samples() - self.architecture.length();
        for run in &mut runs {
            run.start = (run.start + short).min(run.end);
        }
        let rows = self.rows(&values, at);
        let lesson = Lesson { rows: rows.view(), runs: &runs, targets: targets.view() };
        let training = self.architecture.training(self.task.seed);
        let trained = Regressor::fit(self.architecture, &lesson, &training, &mut |_| {})?;
        let changes: Vec<(usize, Vec<f64>)> =
            trained.apart.iter().map(|(row, said)| (*row, vec![0.0; said.len()])).collect();
        let levels = &self.task.levels;
        let mut recent = Recent::new(self.samples());
        history.values.iter().for_each(|value| recent.push(*value));
        self.learnt = Some(Learnt {
            errors: errors(&trained.apart, targets.view(), levels),
            changes: errors(&changes, targets.view(), levels),
            regressor: trained.regressor,
            recent,
            newest,
            at,
        });
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(learnt) = &mut self.learnt {
            learnt.at = learnt.at.plus(self.task.step);
            learnt.recent.push(value);
            if value.is_finite() {
                learnt.newest = value;
            }
        }
    }

    fn predict(&self) -> Array2<f64> {
        let shape = (self.task.horizons.len(), self.task.levels.len());
        let Some(learnt) = &self.learnt else { return Array2::from_elem(shape, f64::NAN) };
        let values = learnt.recent.values();
        if values.len() < self.samples() {
            return &learnt.changes + learnt.newest;
        }
        let change = learnt.regressor.predict(self.rows(values, learnt.at).view());
        // The last of the samples that the network was shown: a short gap repeats the newest measured one.
        Array2::from_shape_fn(shape, |(row, column)| {
            learnt.newest + change[row] + learnt.errors[[row, column]]
        })
    }
}

/// The quantiles of what came against what was said: one row an output, one column a level.
fn errors(said: &[(usize, Vec<f64>)], came: ArrayView2<'_, f64>, levels: &[f64]) -> Array2<f64> {
    let mut quantiles = Array2::zeros((came.ncols(), levels.len()));
    for (output, mut row) in quantiles.rows_mut().into_iter().enumerate() {
        let mut errors: Vec<f64> =
            said.iter().map(|(at, said)| came[[*at, output]] - said[output]).collect();
        errors.sort_unstable_by(f64::total_cmp);
        for (cell, level) in row.iter_mut().zip(levels) {
            *cell = crate::forecast::additive::quantile(&errors, *level);
        }
    }
    quantiles
}
