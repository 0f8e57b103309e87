//! Additive Holt-Winters: level, damped trend and the course of a day.

use std::time::Duration;

use ndarray::Array2;

use super::damped::fading;
use super::simplex::{logistic, minimize};
use super::task::{DAY, Task};
use super::{ForecastError, Forecaster, Series, steps};

/// What the parameters are fitted to.
const FITTED_TO: Duration = Duration::from_secs(10 * 86_400);

const ROUNDS: usize = 60;
const DAMPING: f64 = 0.98;

/// Smooths level, trend and one value for each step of the day; a sample costs a handful of
/// multiplications, however long the day.
#[derive(Clone, Debug)]
pub struct HoltWinters {
    task: Task,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    weights: Weights,
    level: f64,
    trend: f64,
    season: Vec<f64>,
    /// The place in the season of the sample to come.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    level: f64,
    trend: f64,
    season: f64,
}

impl HoltWinters {
    /// A model that has seen nothing yet.
    pub fn new(task: &Task) -> Self {
        Self { task: task.clone(), state: None }
    }
}

impl Forecaster for HoltWinters {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let day = self.task.season(DAY, "holt_winters")?;
        history.at_least(2 * DAY, "holt_winters")?;
        let latest = steps(history.step, FITTED_TO).min(history.values.len());
        let values = &history.values[history.values.len() - latest..];
        let first = State::of_first_day(&values[..day])?;
        let run = |[level, trend, season]: [f64; 3]| {
            let level = logistic(level);
            let season = (1.0 - level) * logistic(season);
            let weights = Weights { level, trend: level * logistic(trend), season };
            let mut state = State { weights, ..first.clone() };
            // The first day is known already.
            for value in &values[..day] {
                state.update(*value);
            }
            let errors = values[day..].iter().map(|value| state.update(*value));
            let cost: f64 = errors.map(|error| error * error).sum();
            (state, cost)
        };
        self.state = Some(run(minimize(|at| run(*at).1, [0.0, -5.0, -1.0], ROUNDS)).0);
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
    /// The mean of a day, and what each step of it differs.
    fn of_first_day(values: &[f64]) -> Result<Self, ForecastError> {
        let measured = values.iter().filter(|value| !value.is_nan());
        let count = measured.clone().count();
        if count == 0 {
            return Err(ForecastError::NoValues);
        }
        let mean = measured.sum::<f64>() / count as f64;
        let weights = Weights { level: 0.0, trend: 0.0, season: 0.0 };
        let differs = |value: &f64| if value.is_nan() { 0.0 } else { value - mean };
        let season = values.iter().map(differs).collect();
        Ok(Self { weights, level: mean, trend: 0.0, season, next: 0 })
    }

    /// Takes in a sample; its error, 0 where there is none.
    fn update(&mut self, value: f64) -> f64 {
        let drift = DAMPING * self.trend;
        let season = &mut self.season[self.next];
        let expected = self.level + drift + *season;
        let error = if value.is_nan() { 0.0 } else { value - expected };
        self.level += drift + self.weights.level * error;
        self.trend = drift + self.weights.trend * error;
        *season += self.weights.season * error;
        self.next = (self.next + 1) % self.season.len();
        error
    }

    fn ahead(&self, steps: usize) -> f64 {
        let place = (self.next + steps - 1) % self.season.len();
        self.level + self.trend * fading(DAMPING, steps) + self.season[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures;

    #[test]
    fn a_worked_example() {
        let weights = Weights { level: 0.5, trend: 0.1, season: 0.2 };
        let season = vec![1.0, -1.0, 0.0];
        let mut state = State { weights, level: 10.0, trend: 0.0, season, next: 1 };
        // Expected 9, found 11.
        assert_eq!(state.update(11.0), 2.0);
        assert_eq!((state.level, state.trend, state.season[1]), (11.0, 0.2, -0.6));
        // The step after is the third of the season, the one after that the first.
        assert!((state.ahead(1) - (11.0 + 0.196 + 0.0)).abs() < 1e-12);
        assert!((state.ahead(2) - (11.0 + 0.196 + 0.98 * 0.196 + 1.0)).abs() < 1e-12);
    }

    #[test]
    fn knows_the_course_of_a_day() {
        let task = fixtures::task(&[1, 6], &[0.5]);
        let mut model = HoltWinters::new(&task);
        let wave = fixtures::waves(5 * fixtures::A_DAY, |_| 0.0);
        model.fit(&wave).unwrap();
        for (horizon, expected) in model.predict().column(0).iter().zip([0, 5]) {
            let expected = fixtures::wave(wave.values.len() + expected);
            assert!((horizon - expected).abs() < 0.5, "{horizon} is not {expected}");
        }
    }
}
