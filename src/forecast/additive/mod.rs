//! A sum of what can be named: a trend that bends, seasons, events; and what is left from them now.
//!
//! Prophet's idea, with its two mistakes mended that cost most in this trade: the trend does not run away
//! after the last sample, and a forecast starts from now, not from where the fit ended.

mod basis;
mod calendar;
mod normal;
mod rehearsal;
mod remainder;
mod robust;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ndarray::Array2;

pub use basis::TrendAfter;
pub use calendar::Calendar;
pub use remainder::quantile;

use super::{ForecastError, Forecaster, Series, Task};
use crate::units::Timestamp;
use basis::Basis;
use rehearsal::Rehearsal;
use remainder::{Remainder, Running};
use robust::Fit;

const NAME: &str = crate::config::Event::MODEL;

/// The slope of the trend halves in this time after the last sample.
const HALF_LIFE: Duration = Duration::from_secs(12 * 3600);
/// The coefficients are solved for again after this time of updates.
const SOLVED_EVERY: Duration = Duration::from_secs(6 * 3600);
/// The fewest samples to learn from, beside those of the farthest horizon twice.
const FEWEST: usize = 24;
/// A spread below this share of the largest value is rounding.
const ROUNDING: f64 = 1e-9;

/// The additive model.
#[derive(Clone, Debug)]
pub struct Prophet {
    task: Task,
    after: TrendAfter,
    learnt: Option<Learnt>,
}

#[derive(Clone, Debug)]
struct Learnt {
    unit: Unit,
    basis: Basis,
    penalties: Vec<f64>,
    fit: Fit,
    /// One a horizon.
    remainders: Vec<Remainder>,
    running: Running,
    /// Until when the trend is known.
    known: Timestamp,
    newest: Timestamp,
    /// How many samples the fit rests on.
    samples: usize,
    since_solved: usize,
}

/// What is fitted is counted from the median, in deviations.
#[derive(Clone, Copy, Debug)]
struct Unit {
    median: f64,
    deviation: f64,
    /// A signal that was never below 0 is not expected to be.
    least: f64,
}

impl Prophet {
    /// A model whose trend fades.
    pub fn new(task: &Task) -> Self {
        Self::with(task, TrendAfter::Damped(HALF_LIFE))
    }

    /// A model whose trend goes on like this.
    pub fn with(task: &Task, after: TrendAfter) -> Self {
        Self { task: task.clone(), after, learnt: None }
    }
}

impl Forecaster for Prophet {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let mut sorted: Vec<f64> =
            history.values.iter().copied().filter(|value| value.is_finite()).collect();
        if sorted.is_empty() {
            return Err(ForecastError::NoValues);
        }
        let far = self.task.horizons.last().copied().unwrap_or(0);
        let needed = FEWEST.saturating_add(far.saturating_mul(2));
        if sorted.len() < needed {
            return Err(ForecastError::TooShort {
                model: NAME,
                needed: time(history.step, needed),
                found: time(history.step, sorted.len()),
            });
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let unit = Unit::of(&sorted);
        let targets: Vec<f64> = history.values.iter().map(|value| unit.inside(*value)).collect();
        let basis = Basis::new(history, &self.task.events, self.after);
        let penalties = basis.penalties();
        let fit = robust::fit(&targets, &penalties, |index, row| {
            let at = history.at(index);
            basis.row(at, at, row);
        });
        let rehearsal = Rehearsal {
            history,
            targets: &targets,
            basis: &basis,
            penalties: &penalties,
            fit: &fit,
            horizons: &self.task.horizons,
        };
        let (running, origins) = (rehearsal.running(), rehearsal.origins());
        let learn = |index| Remainder::learn(&origins, index, &self.task.levels);
        let newest = history.at(targets.len() - 1);
        self.learnt = Some(Learnt {
            unit,
            remainders: (0..self.task.horizons.len()).map(learn).collect(),
            running,
            known: newest,
            newest,
            samples: sorted.len(),
            since_solved: 0,
            basis,
            penalties,
            fit,
        });
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(learnt) = &mut self.learnt {
            learnt.update(value, self.task.step);
        }
    }

    fn predict(&self) -> Array2<f64> {
        let mut answer =
            Array2::from_elem((self.task.horizons.len(), self.task.levels.len()), f64::NAN);
        let Some(learnt) = &self.learnt else { return answer };
        let mut row = vec![0.0; learnt.penalties.len()];
        let horizons = self.task.horizons.iter().zip(&learnt.remainders);
        for ((steps, remainder), mut cells) in horizons.zip(answer.rows_mut()) {
            let at = learnt.newest.plus(time(self.task.step, *steps));
            learnt.basis.row(at, learnt.known, &mut row);
            let expected = learnt.fit.value(&row);
            let left = remainder.quantiles(&learnt.running, expected);
            for (cell, left) in cells.iter_mut().zip(left) {
                *cell = learnt.unit.outside(expected + left);
            }
        }
        answer
    }
}

impl Learnt {
    fn update(&mut self, value: f64, step: Duration) {
        self.newest = self.newest.plus(step);
        self.since_solved += 1;
        let target = self.unit.inside(value);
        if target.is_finite() {
            let mut row = vec![0.0; self.penalties.len()];
            self.basis.row(self.newest, self.known, &mut row);
            let left = target - self.fit.value(&row);
            self.running.push(left);
            let weight = self.fit.weight(left);
            self.fit.follow(left);
            self.fit.equations.add(&row, target, weight);
        }
        if self.since_solved >= super::series::steps(step, SOLVED_EVERY) {
            self.solve();
        }
    }

    /// Learns the coefficients from the samples of the updates too; as many of the oldest fade away.
    fn solve(&mut self) {
        let faded = self.since_solved as f64 / (self.samples + self.since_solved) as f64;
        self.since_solved = 0;
        self.fit.equations.fade(1.0 - faded);
        let Some(coefficients) = self.fit.equations.solve(&self.penalties) else { return };
        let mut row = vec![0.0; self.penalties.len()];
        self.basis.row(self.newest, self.known, &mut row);
        // What is left is counted from the new expectation.
        self.running.shift(self.fit.value(&row) - robust::dot(&coefficients, &row));
        self.fit.coefficients = coefficients;
    }
}

impl Unit {
    fn of(sorted: &[f64]) -> Self {
        let median = quantile(sorted, 0.5);
        let deviation = robust::deviation(sorted.iter().map(|value| value - median));
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        // Where more than half of all samples are the same, the median deviation says nothing.
        let mean = sorted.iter().map(|v| (v - median).abs() / sorted.len() as f64).sum::<f64>();
        let rounding = ROUNDING * low.abs().max(high.abs());
        let deviation = [deviation, mean].into_iter().find(|deviation| *deviation > rounding);
        Self {
            median,
            deviation: deviation.unwrap_or(1.0),
            least: if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY },
        }
    }

    fn inside(self, value: f64) -> f64 {
        (value - self.median) / self.deviation
    }

    fn outside(self, value: f64) -> f64 {
        (self.median + self.deviation * value).max(self.least)
    }
}

fn time(step: Duration, steps: usize) -> Duration {
    step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
}
