//! The future is what it was a day, or a week, ago.

use std::time::Duration;

use ndarray::Array2;

use super::task::Task;
use super::{ForecastError, Forecaster, Series};

/// Expects the sample of the same time in the season before; where `follows`, also what is left of the
/// present difference from it: an autoregression of order 1 on the seasonal differences.
#[derive(Clone, Debug)]
pub struct Seasonal {
    name: &'static str,
    task: Task,
    season: Duration,
    follows: bool,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    /// The last season, in a ring: what was missing as it was expected.
    samples: Vec<f64>,
    /// The place in the ring of the sample to come.
    next: usize,
    /// The newest sample without the one a season before.
    difference: f64,
    /// What of the difference is left a step later.
    left: f64,
}

impl Seasonal {
    /// A model that has seen nothing yet, of this name.
    pub fn new(name: &'static str, task: &Task, season: Duration, follows: bool) -> Self {
        Self { name, task: task.clone(), season, follows, state: None }
    }
}

impl Forecaster for Seasonal {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let season = self.task.season(self.season, self.name)?;
        history.at_least(history.step.saturating_mul(season as u32 + 2), self.name)?;
        let (first, later) = history.values.split_at(season);
        let samples = without_gaps(first).ok_or(ForecastError::NoValues)?;
        let differences = differences(&history.values, season);
        let left = if self.follows { autocorrelation(differences) } else { 0.0 };
        let mut state = State { samples, next: 0, difference: 0.0, left };
        later.iter().for_each(|value| state.update(*value));
        self.state = Some(state);
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(state) = &mut self.state {
            state.update(value);
        }
    }

    fn predict(&self) -> Array2<f64> {
        self.task.points(|ahead| self.state.as_ref().map_or(f64::NAN, |state| state.ahead(ahead)))
    }
}

impl State {
    fn update(&mut self, value: f64) {
        let before = self.samples[self.next];
        let value = if value.is_nan() { self.ahead(1) } else { value };
        self.difference = value - before;
        self.samples[self.next] = value;
        self.next = (self.next + 1) % self.samples.len();
    }

    fn ahead(&self, steps: usize) -> f64 {
        let place = (self.next + steps - 1) % self.samples.len();
        let left = self.left.powi(i32::try_from(steps).unwrap_or(i32::MAX));
        self.samples[place] + left * self.difference
    }
}

/// Each sample without the one a season before.
fn differences(values: &[f64], season: usize) -> impl Iterator<Item = f64> {
    values[season..].iter().zip(values).map(|(now, before)| now - before)
}

/// What of a value is left in the next one, in [0, 0.999], by least squares; a pair with a missing value
/// says nothing.
fn autocorrelation(values: impl Iterator<Item = f64>) -> f64 {
    let (mut products, mut squares, mut before) = (0.0, 0.0, f64::NAN);
    for value in values {
        if !value.is_nan() && !before.is_nan() {
            products += value * before;
            squares += before * before;
        }
        before = value;
    }
    if squares > 0.0 { (products / squares).clamp(0.0, 0.999) } else { 0.0 }
}

/// Missing samples by the last one before, or else the first one after; `None` where all are missing.
fn without_gaps(values: &[f64]) -> Option<Vec<f64>> {
    let mut newest = *values.iter().find(|value| !value.is_nan())?;
    let fill = |value: &f64| {
        if !value.is_nan() {
            newest = *value;
        }
        newest
    };
    Some(values.iter().map(fill).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures;
    use crate::forecast::task::DAY;

    fn fitted(follows: bool, values: &[f64]) -> Vec<f64> {
        // A day of four samples.
        let mut task = fixtures::task(&[1, 2, 5], &[0.5]);
        task.step = DAY / 4;
        let mut model = Seasonal::new("seasonal", &task, DAY, follows);
        let (history, latest) = values.split_at(values.len() - 1);
        model.fit(&Series { step: task.step, ..fixtures::series(history.to_vec()) }).unwrap();
        model.update(latest[0]);
        model.predict().column(0).to_vec()
    }

    #[test]
    fn expects_yesterday() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, f64::NAN];
        // The missing seventh is as the third was.
        assert_eq!(fitted(false, &values), [4.0, 5.0, 4.0]);
    }

    #[test]
    fn keeps_what_is_left_of_the_difference() {
        // Differences from the day before: 8, 4, 2, 1, so half is left each time.
        let values = [0.0, 0.0, 0.0, 0.0, 8.0, 4.0, 2.0, 1.0];
        assert_eq!(fitted(true, &values), [8.0 + 0.5, 4.0 + 0.25, 8.0 + 1.0 / 32.0]);
    }
}
