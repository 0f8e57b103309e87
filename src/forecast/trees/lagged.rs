//! What the trees see of a signal: how its newest value stands to those before it.

use std::time::Duration;

use super::past::{Past, Rolling};
use crate::forecast::series;
use crate::units::Timestamp;

/// The newest samples before the last one that each have a feature.
const NEWEST: usize = 12;
/// Times ago at which a sample has a feature.
const AGES_MINUTES: [u64; 9] = [15, 20, 30, 45, 60, 120, 180, 360, 720];
/// Windows with mean, deviation and maximum; beside them one of so many samples.
const WINDOWS_MINUTES: [u64; 4] = [30, 60, 180, 1440];
const SHORTEST_WINDOW: usize = 6;
/// How much a day moves the mean of its minutes.
const PROFILE_GAIN: f64 = 0.3;
/// The least unrest, as a share of that of all the time before.
const LEAST_UNREST: f64 = 0.1;

const HOUR_SECONDS: f64 = 3600.0;
const DAY_SECONDS: f64 = 86_400.0;

/// The state from which features are told; moves by a sample at a time. What is learnt from and what is
/// predicted from are told by the same code from the same state.
#[derive(Clone, Debug)]
pub(super) struct Lagged {
    start: Timestamp,
    step: Duration,
    /// Steps of a day and of a week.
    seasons: [usize; 2],
    ages: Vec<usize>,
    past: Past,
    rolling: Vec<Rolling>,
    /// A mean over the days for each step of a day; not a number where there is none yet.
    profile: Vec<f64>,
    /// The newest measured value.
    level: f64,
    unrest: Unrest,
}

impl Lagged {
    /// A state before its first sample, which will be taken at `start`.
    pub fn new(start: Timestamp, step: Duration) -> Self {
        let minutes = |minutes: &u64| series::steps(step, Duration::from_secs(minutes * 60));
        let seasons = [1, 7].map(|days| minutes(&(days * 1440)));
        let mut ages: Vec<usize> = (1..=NEWEST).chain(AGES_MINUTES.iter().map(minutes)).collect();
        ages.push(seasons[0].saturating_sub(1).max(1));
        let mut windows: Vec<usize> = WINDOWS_MINUTES.iter().map(minutes).collect();
        windows.push(SHORTEST_WINDOW);
        windows.retain(|window| *window > 1);
        for steps in [&mut ages, &mut windows] {
            steps.sort_unstable();
            steps.dedup();
        }
        Self {
            start,
            step,
            seasons,
            ages,
            past: Past::new(seasons[1] + 1),
            rolling: windows.into_iter().map(Rolling::new).collect(),
            profile: vec![f64::NAN; seasons[0]],
            level: f64::NAN,
            unrest: Unrest::new(seasons[0]),
        }
    }

    /// Takes in the next sample; not a number where nothing was measured.
    pub fn push(&mut self, value: f64) {
        self.past.push(value);
        for rolling in &mut self.rolling {
            rolling.update(&self.past);
        }
        if value.is_nan() {
            return;
        }
        self.unrest.push((value - self.level).abs());
        self.level = value;
        let place = self.place_in_day(0);
        let usual = &mut self.profile[place];
        *usual = if usual.is_nan() { value } else { *usual + PROFILE_GAIN * (value - *usual) };
    }

    /// The newest measured value: what targets and most features are told relative to.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// How much the signal moves from one sample to the next these days; more than 0. Targets are told
    /// in it, so that what was learnt of a quiet day serves on a restless one.
    pub fn unrest(&self) -> f64 {
        self.unrest.value()
    }

    /// Writes the features for a target so many steps ahead: always as many, in the same order.
    pub fn features(&self, ahead: usize, row: &mut Vec<f64>) {
        let level = self.level;
        row.clear();
        row.push(level);
        row.extend(self.ages.iter().map(|age| self.past.back(*age) - level));
        for rolling in &self.rolling {
            row.extend([rolling.mean() - level, rolling.deviation(), rolling.max() - level]);
        }
        for season in self.seasons {
            let target = season.checked_sub(ahead).map_or(f64::NAN, |steps| self.past.back(steps));
            row.extend([target - level, target - self.past.back(season)]);
        }
        let [now, then] = [0, ahead].map(|ahead| self.profile[self.place_in_day(ahead)]);
        row.extend([then - level, then - now]);
        let steps = u32::try_from(self.steps(ahead)).unwrap_or(u32::MAX);
        let at = self.start.plus(self.step.saturating_mul(steps)).seconds();
        // Day 0 was a Thursday.
        let weekday = (at.div_euclid(DAY_SECONDS) + 4.0).rem_euclid(7.0);
        row.extend([at.rem_euclid(DAY_SECONDS), weekday, at.rem_euclid(HOUR_SECONDS)]);
    }

    /// Steps from the first sample to one so many steps after the newest.
    fn steps(&self, ahead: usize) -> usize {
        (self.past.count() + ahead).saturating_sub(1)
    }

    fn place_in_day(&self, ahead: usize) -> usize {
        self.steps(ahead) % self.profile.len()
    }
}

/// The mean size of a move from one sample to the next, over about a day.
#[derive(Clone, Debug)]
struct Unrest {
    gain: f64,
    count: f64,
    recent: f64,
    ever: f64,
}

impl Unrest {
    fn new(day: usize) -> Self {
        Self { gain: 2.0 / (1.0 + day as f64), count: 0.0, recent: 0.0, ever: 0.0 }
    }

    fn push(&mut self, size: f64) {
        if size.is_finite() {
            self.count += 1.0;
            self.recent += self.gain.max(1.0 / self.count) * (size - self.recent);
            self.ever += (size - self.ever) / self.count;
        }
    }

    fn value(&self) -> f64 {
        let unrest = self.recent.max(LEAST_UNREST * self.ever);
        // A signal that never moved is told in its own unit.
        if unrest > 0.0 { unrest } else { 1.0 }
    }
}
