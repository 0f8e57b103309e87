//! Seasons taken away by local regressions, the rest smoothed: MSTL + ETS.

use std::time::Duration;

use ndarray::Array2;

use super::damped::{FITTED_TO, Smoother};
use super::task::{DAY, Task};
use super::{ForecastError, Forecaster, Series, steps};

/// What is taken apart.
const TAKEN_APART: Duration = Duration::from_secs(14 * 86_400);

/// Over how many days the value of one time of day is smoothed: long, as each day tells but one sample
/// of it, and its noise would be forecast.
const SEASONAL_DAYS: usize = 23;

/// Takes the course of a day out of the history (STL), and smooths what is left with a damped trend. The
/// course stands until the next fit; level and trend move with every sample.
#[derive(Clone, Debug)]
pub struct Mstl {
    task: Task,
    state: Option<State>,
}

#[derive(Clone, Debug)]
struct State {
    day: Vec<f64>,
    /// The place in the day of the sample to come.
    next: usize,
    rest: Smoother,
}

impl Mstl {
    /// A model that has seen nothing yet.
    pub fn new(task: &Task) -> Self {
        Self { task: task.clone(), state: None }
    }
}

impl Forecaster for Mstl {
    fn fit(&mut self, history: &Series) -> Result<(), ForecastError> {
        let day = self.task.season(DAY, "mstl")?;
        history.at_least(2 * DAY, "mstl")?;
        let latest = steps(history.step, TAKEN_APART).min(history.values.len());
        let gaps = &history.values[history.values.len() - latest..];
        let values = filled(gaps).ok_or(ForecastError::NoValues)?;
        let parts = stlrs::params()
            .seasonal_length(SEASONAL_DAYS)
            .fit(&values, day)
            .map_err(|_| ForecastError::NoValues)?;
        let seasonal = parts.seasonal();
        let fitted_to = steps(history.step, FITTED_TO).min(values.len());
        let first = values.len() - fitted_to;
        let rest: Vec<f64> =
            gaps[first..].iter().zip(&seasonal[first..]).map(|(value, s)| value - s).collect();
        let day = seasonal[seasonal.len() - day..].to_vec();
        self.state = Some(State { day, next: 0, rest: Smoother::fit(&rest) });
        Ok(())
    }

    fn update(&mut self, value: f64) {
        if let Some(state) = &mut self.state {
            state.rest.update(value - state.day[state.next]);
            state.next = (state.next + 1) % state.day.len();
        }
    }

    fn predict(&self) -> Array2<f64> {
        self.task.points(|ahead| {
            self.state.as_ref().map_or(f64::NAN, |state| {
                state.rest.ahead(ahead) + state.day[(state.next + ahead - 1) % state.day.len()]
            })
        })
    }
}

/// Gaps along the straight line, the ends by their neighbour; `None` where all are missing.
fn filled(values: &[f64]) -> Option<Vec<f64>> {
    let first = values.iter().position(|value| !value.is_nan())?;
    let mut whole = vec![values[first]; first];
    let mut left = values[first];
    let mut gap = 0;
    for value in &values[first..] {
        if value.is_nan() {
            gap += 1;
            continue;
        }
        let slope = (value - left) / (gap + 1) as f64;
        whole.extend((1..=gap).map(|i| left + slope * f64::from(i)));
        whole.push(*value);
        (left, gap) = (*value, 0);
    }
    whole.extend((0..gap).map(|_| left));
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures;

    #[test]
    fn fills_gaps_and_ends() {
        let x = f64::NAN;
        let whole = filled(&[x, 1.0, x, x, 4.0, x]);
        assert_eq!(whole, Some(vec![1.0, 1.0, 2.0, 3.0, 4.0, 4.0]));
        assert_eq!(filled(&[x]), None);
    }

    #[test]
    fn a_wave_is_seen_through_noise_and_gaps() {
        let task = fixtures::task(&[1, 12], &[0.5]);
        let mut model = Mstl::new(&task);
        let mut noise = fixtures::noise(3);
        let wave =
            fixtures::waves(7 * fixtures::A_DAY, |i| if i % 50 == 0 { f64::NAN } else { noise() });
        model.fit(&wave).unwrap();
        for (found, ahead) in model.predict().column(0).iter().zip([1, 12]) {
            let expected = fixtures::wave(wave.values.len() + ahead - 1);
            assert!((found - expected).abs() < 2.0, "{found} is not {expected}");
        }
    }
}
