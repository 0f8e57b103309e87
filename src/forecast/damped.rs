//! Exponential smoothing with a damped trend: ETS(A,Ad,N).

use std::time::Duration;

use ndarray::Array2;

use super::simplex::{logistic, minimize};
use super::task::Task;
use super::{ForecastError, Forecaster, Series, steps};

/// What the parameters are fitted to.
pub(super) const FITTED_TO: Duration = Duration::from_secs(3 * 86_400);

const ROUNDS: usize = 120;

/// A level and a trend that fades; a sample costs a handful of multiplications.
#[derive(Clone, Copy, Debug)]
pub(super) struct Smoother {
    weights: Weights,
    level: f64,
    trend: f64,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    /// How much of an error goes into the level.
    level: f64,
    /// How much of an error goes into the trend.
    trend: f64,
    /// What of the trend is left a step later.
    damping: f64,
}

impl Smoother {
    /// The smoother with the least squared error one step ahead over `values`, after the last of them.
    pub(super) fn fit(values: &[f64]) -> Self {
        let run = |[level, trend, damping]: [f64; 3]| {
            let level = logistic(level);
            let weights = Weights {
                level,
                trend: level * logistic(trend),
                damping: 0.8 + 0.18 * logistic(damping),
            };
            let mut smoother = Self { weights, level: f64::NAN, trend: 0.0 };
            let errors = values.iter().map(|value| smoother.update(*value));
            let cost: f64 = errors.map(|error| error * error).sum();
            (smoother, cost)
        };
        run(minimize(|at| run(*at).1, [1.0, -3.0, 0.0], ROUNDS)).0
    }

    /// Takes in a sample; its error, 0 where there is none.
    pub(super) fn update(&mut self, value: f64) -> f64 {
        if self.level.is_nan() {
            self.level = value;
            return 0.0;
        }
        let drift = self.weights.damping * self.trend;
        let expected = self.level + drift;
        let error = if value.is_nan() { 0.0 } else { value - expected };
        self.level = expected + self.weights.level * error;
        self.trend = drift + self.weights.trend * error;
        error
    }

    /// What is expected so many steps ahead.
    pub(super) fn ahead(&self, steps: usize) -> f64 {
        self.level + self.trend * fading(self.weights.damping, steps)
    }
}

/// What a trend of 1 adds up to in so many steps, where each step leaves `damping` of it.
pub(super) fn fading(damping: f64, steps: usize) -> f64 {
    let left = damping.powi(i32::try_from(steps).unwrap_or(i32::MAX));
    damping * (1.0 - left) / (1.0 - damping)
}

/// The level and the damped trend, at every horizon.
#[derive(Clone, Debug)]
pub struct Damped {
    task: Task,
    smoother: Option<Smoother>,
}

impl Damped {
    /// A model that has seen nothing yet.
    pub fn new(task: &Task) -> Self {
        Self { task: task.clone(), smoother: None }
    }
}

impl Forecaster for Damped {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let latest = steps(history.step, FITTED_TO).min(history.values.len());
        let values = &history.values[history.values.len() - latest..];
        if values.iter().all(|value| value.is_nan()) {
            return Err(ForecastError::NoValues);
        }
        self.smoother = Some(Smoother::fit(values));
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(smoother) = &mut self.smoother {
            smoother.update(value);
        }
    }

    fn predict(&self) -> Array2<f64> {
        self.task.points(|ahead| self.smoother.map_or(f64::NAN, |smoother| smoother.ahead(ahead)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example() {
        let weights = Weights { level: 0.5, trend: 0.2, damping: 0.5 };
        let mut smoother = Smoother { weights, level: 10.0, trend: 2.0 };
        // Expected 11, found 13: 1 goes into the level, 0.4 into the trend.
        assert_eq!(smoother.update(13.0), 2.0);
        assert_eq!((smoother.level, smoother.trend), (12.0, 1.4));
        // 12 + 0.7 + 0.35.
        assert!((smoother.ahead(2) - 13.05).abs() < 1e-12);
        // A missing sample: the trend goes on and fades.
        assert_eq!(smoother.update(f64::NAN), 0.0);
        assert_eq!((smoother.level, smoother.trend), (12.7, 0.7));
    }

    #[test]
    fn follows_a_walk_and_averages_noise() {
        let mut walk = 0.0;
        let mut noise = crate::forecast::fixtures::noise(7);
        let steps: Vec<f64> = (0..600).map(|_| noise()).collect();
        let walks: Vec<f64> = steps
            .iter()
            .map(|step| {
                walk += step;
                walk
            })
            .collect();
        let followed = Smoother::fit(&walks);
        assert!(followed.weights.level > 0.8, "{followed:?}");
        let averaged = Smoother::fit(&steps);
        assert!(averaged.weights.level < 0.2, "{averaged:?}");
    }
}
