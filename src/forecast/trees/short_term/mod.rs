//! Boosting for the next minutes of a load: what the arms of the autoscaling policy ask.
//!
//! The features look for what a load does on the clock, such as jobs that start at a certain minute of
//! every hour, beside what it has just done. All of them are in units of what one replica bears.

mod learner;
mod stream;

use std::collections::VecDeque;
use std::time::Duration;

use ndarray::Array2;

pub use learner::Learner;
pub use stream::{Question, Stream};

use super::boosting::{Boosting, Params};
use super::loss::Loss;
use super::past::{Past, Rolling};
use crate::forecast::{ForecastError, Series};
use crate::units::Timestamp;

/// The name in tables, files and forecasts.
pub const NAME: &str = "short_term";

/// The levels of the quantiles that are told.
pub const LEVELS: [f64; 4] = [0.5, 0.9, 0.97, 0.99];

const PARAMS: Params = Params {
    trees: 200,
    rate: 0.05,
    leaves: 15,
    min_leaf: 40,
    l2: 1.0,
    rows: 0.8,
    columns: 0.6,
    bins: 64,
    seed: 42,
};

/// The most rows that are learnt from, the newest: seventeen days by the minute.
const MOST_ROWS: usize = 17 * 1440;
const SHORTEST: Duration = Duration::from_secs(6 * 3600);

/// Steps back to samples that each have a feature.
const AGES: [usize; 12] = [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60];
/// Steps over which mean, deviation and maximum are taken.
const WINDOWS: [usize; 4] = [5, 15, 60, 180];
/// Days ago on which the time of the target is looked up.
const DAYS: [usize; 4] = [1, 2, 3, 7];
/// How many hours the jumps at a minute of the hour are remembered.
const HOURS: usize = 24;
/// Either side of a moment, where a burst may come early or late.
const AROUND: usize = 2;
const HALF_HOUR: Duration = Duration::from_secs(1800);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A fitted model with the state from which it predicts.
#[derive(Clone, Debug)]
pub struct ShortTerm {
    state: State,
    models: Vec<Boosting>,
}

impl ShortTerm {
    /// Learns what a load does `ahead` steps after a sample, in units of `unit`, which one replica bears.
    ///
    /// # Errors
    /// Less than six hours of history, or no value in it.
    pub fn fit(history: &Series, ahead: usize, unit: f64) -> Result<Self, ForecastError> {
        let found = history.length();
        if found < SHORTEST {
            return Err(ForecastError::TooShort { model: "boosting", needed: SHORTEST, found });
        }
        let (state, x, y) = learn(history, ahead, unit);
        if y.iter().all(|value| value.is_nan()) {
            return Err(ForecastError::NoValues);
        }
        let models = Boosting::fit_all(x.view(), &y, None, &LEVELS.map(Loss::Pinball), &PARAMS);
        Ok(Self { state, models })
    }

    /// Takes in the sample one step after the newest one; not a number where nothing was measured.
    pub fn update(&mut self, value: f64) {
        self.state.push(value);
    }

    /// The quantiles of [`LEVELS`], in the signal's unit, never falling.
    pub fn predict(&self) -> [f64; 4] {
        let mut row = Vec::with_capacity(64);
        self.state.features(&mut row);
        let row = super::narrow_row(&row);
        let mut said = [f64::NAN; 4];
        for (said, model) in said.iter_mut().zip(&self.models) {
            *said = (self.state.level + model.predict_narrow(&row)) * self.state.unit;
        }
        said.sort_by(f64::total_cmp);
        said
    }
}

/// The state after the newest sample, and what was seen and what followed at the samples before it.
fn learn(history: &Series, ahead: usize, unit: f64) -> (State, Array2<f64>, Vec<f64>) {
    let mut state = State::new(history, ahead, unit);
    let n_rows = history.values.len().saturating_sub(ahead);
    let first = n_rows.saturating_sub(MOST_ROWS);
    let (mut x, mut y, mut row) = (Vec::new(), Vec::new(), Vec::new());
    for (at, value) in history.values.iter().enumerate() {
        state.push(*value);
        if (first..n_rows).contains(&at) && !value.is_nan() {
            state.features(&mut row);
            x.extend_from_slice(&row);
            y.push(history.values[at + ahead] / unit - state.level);
        }
    }
    let x = Array2::from_shape_vec((y.len(), row.len()), x).unwrap_or_default();
    (state, x, y)
}

/// From what features are told; moves by a sample at a time.
#[derive(Clone, Debug)]
struct State {
    start: Timestamp,
    step: Duration,
    unit: f64,
    ahead: usize,
    /// Steps of a day.
    day: usize,
    half_hour: usize,
    /// The samples in units.
    past: Past,
    rolling: [Rolling; WINDOWS.len()],
    /// For each minute of the hour, the newest rises that ended there.
    rises: Vec<VecDeque<f64>>,
    /// The newest measured value, in units.
    level: f64,
}

impl State {
    fn new(history: &Series, ahead: usize, unit: f64) -> Self {
        let day = history.steps(DAY);
        let longest = DAYS[DAYS.len() - 1] * day + WINDOWS[0];
        Self {
            start: history.start,
            step: history.step,
            unit,
            ahead,
            day,
            half_hour: history.steps(HALF_HOUR),
            past: Past::new(longest),
            rolling: WINDOWS.map(Rolling::new),
            rises: vec![VecDeque::new(); history.steps(HOUR)],
            level: f64::NAN,
        }
    }

    fn push(&mut self, value: f64) {
        let value = value / self.unit;
        self.past.push(value);
        for rolling in &mut self.rolling {
            rolling.update(&self.past);
        }
        if value.is_nan() {
            return;
        }
        self.level = value;
        let rise = value - self.past.back(self.ahead);
        if !rise.is_nan() {
            let phase = self.phase(0);
            let rises = &mut self.rises[phase];
            rises.push_back(rise.max(0.0));
            if rises.len() > HOURS {
                rises.pop_front();
            }
        }
    }

    /// The place in the hour, so many steps after the newest sample.
    fn phase(&self, ahead: usize) -> usize {
        (self.past.count() + ahead).saturating_sub(1) % self.rises.len()
    }

    fn features(&self, row: &mut Vec<f64>) {
        row.clear();
        let level = self.level;
        row.push(level);
        row.extend(AGES.map(|age| self.past.back(age) - level));
        for rolling in &self.rolling {
            row.extend([rolling.mean() - level, rolling.deviation(), rolling.max() - level]);
        }
        let rises = &self.rises[self.phase(self.ahead)];
        row.push(rises.iter().sum::<f64>() / rises.len() as f64);
        row.push(rises.iter().copied().fold(f64::NAN, f64::max));
        for days in DAYS {
            let now = days * self.day;
            let target = now.saturating_sub(self.ahead);
            let before = (now..=now + 2 * AROUND).map(|steps| self.past.back(steps));
            let around = (target.saturating_sub(AROUND)..=target + AROUND)
                .map(|steps| self.past.back(steps));
            let burst = around.fold(f64::NAN, f64::max) - before.fold(f64::NAN, f64::min);
            row.extend([self.past.back(target) - level, burst]);
        }
        let target = self.day.saturating_sub(self.ahead);
        let after = self.mean_around(target);
        row.push(after - self.mean_around(target + self.half_hour + self.ahead));
        let at = self.start.plus(self.step.saturating_mul(self.steps(self.ahead))).seconds();
        let day = at.div_euclid(DAY.as_secs_f64());
        row.extend([at.rem_euclid(DAY.as_secs_f64()), (day + 4.0).rem_euclid(7.0)]);
        row.push(at.rem_euclid(HOUR.as_secs_f64()));
    }

    /// Steps from the first sample to one so many steps after the newest.
    fn steps(&self, ahead: usize) -> u32 {
        u32::try_from((self.past.count() + ahead).saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The mean of half an hour around a moment so many steps back.
    fn mean_around(&self, steps: usize) -> f64 {
        let from = steps.saturating_sub(self.half_hour / 2);
        let all = from..from + self.half_hour;
        let add = |(sum, count): (f64, f64), value: f64| {
            if value.is_nan() { (sum, count) } else { (sum + value, count + 1.0) }
        };
        let (sum, count) = all.map(|steps| self.past.back(steps)).fold((0.0, 0.0), add);
        sum / count
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A noisy load by the minute that leaps at one minute of every hour, with a few gaps.
    fn history(minutes: usize) -> Series {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let value = |minute: usize| {
            let leap = if minute % 60 == 32 { 50.0 } else { 0.0 };
            let load = 100.0 + leap + 4.0 * rng.random::<f64>();
            if minute % 97 == 5 { f64::NAN } else { load }
        };
        Series {
            start: Timestamp::from_millis(1_700_000_040_000),
            step: Duration::from_secs(60),
            values: (0..minutes).map(value).collect(),
        }
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_leap_on_the_clock_is_foreseen() {
        let all = history(2000);
        let learnt = 1440;
        let past = Series { values: all.values[..learnt].to_vec(), ..all.clone() };
        let mut model = ShortTerm::fit(&past, 2, 10.0).unwrap();
        for (minute, value) in all.values.iter().enumerate().skip(learnt) {
            model.update(*value);
            let said = model.predict();
            assert!(said.is_sorted(), "{said:?}");
            match minute % 60 {
                30 => assert!(said[2] > 145.0, "minute {minute}: {said:?}"),
                // Minutes beside it may share a leaf with it.
                0..20 | 40..60 => assert!(said[2] < 125.0, "minute {minute}: {said:?}"),
                _ => {}
            }
        }
    }

    #[test]
    fn features_are_the_same_live_as_in_training() {
        let all = history(9 * 1440);
        let (_, x, _) = learn(&all, 2, 10.0);
        let past = Series { values: all.values[..8 * 1440].to_vec(), ..all.clone() };
        let (mut live, _, _) = learn(&past, 2, 10.0);
        let measured = all.values.iter().filter(|value| !value.is_nan());
        let mut next = past.values.iter().filter(|value| !value.is_nan()).count();
        let mut row = Vec::new();
        for value in &all.values[past.values.len()..all.values.len() - 2] {
            live.push(*value);
            if !value.is_nan() {
                live.features(&mut row);
                assert_eq!(bits(&row), bits(&x.row(next).to_vec()), "row {next}");
                next += 1;
            }
        }
        assert!(next + 2 >= measured.count() && row.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn what_cannot_be_learnt_is_refused() {
        let short = ShortTerm::fit(&history(300), 2, 10.0);
        assert!(matches!(short, Err(ForecastError::TooShort { .. })));
        let nothing = Series { values: vec![f64::NAN; 2000], ..history(1) };
        assert_eq!(ShortTerm::fit(&nothing, 2, 10.0).err(), Some(ForecastError::NoValues));
        // Six hours are enough, and a signal that stands still is said to stand still.
        let still = Series { values: vec![30.0; 360], ..history(1) };
        assert_eq!(ShortTerm::fit(&still, 2, 10.0).unwrap().predict(), [30.0; 4]);
    }
}
