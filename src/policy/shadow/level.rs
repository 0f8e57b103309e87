//! Where the load is, and how far off that was.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pace::{Pace, blend, minutes};
use crate::units::Timestamp;

/// How much of a sample the plain means believe, a minute.
const GAINS: [f64; 5] = [0.1, 0.2, 0.4, 0.7, 1.0];
/// The plain means and the damped trend.
const CANDIDATES: usize = GAINS.len() + 1;
/// The damped trend: how much it believes of a sample, of a slope, and what is left of a slope after a minute.
const TREND_GAIN: f64 = 0.7;
const SLOPE_GAIN: f64 = 0.07;
const DAMPING: f64 = 0.9;
/// After how long a candidate's error counts half, in minutes.
const CHOICE_HALF_LIFE: f64 = 360.0;
/// After how long an error counts half in the spread, in minutes.
const SPREAD_HALF_LIFE: f64 = 240.0;
/// A mean absolute error as a standard deviation.
const SPREAD_FACTOR: f64 = 1.25;
/// How many spreads one error may count, and after how many minutes that holds: one burst must not widen
/// the margin for hours.
const CLIP: f64 = 3.0;
const CLIP_AFTER: f64 = 20.0;
/// How many spreads above what was expected a load is a burst.
const BURST: f64 = 3.0;
/// The most expectations that wait for their time.
const WAITING: usize = 512;

/// What is learnt of the level of a load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    /// The newest sample.
    newest: f64,
    means: [f64; GAINS.len()],
    trend: f64,
    slope: f64,
    /// The mean absolute error of each candidate.
    errors: [f64; CANDIDATES],
    /// The mean absolute error of the chosen candidate, clipped.
    error: f64,
    /// How many minutes the errors were watched.
    judged: f64,
    /// What was expected, until its time has come: the oldest first.
    expected: VecDeque<Expected>,
}

/// What was expected at a moment of the time one horizon later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    at: Timestamp,
    candidates: [f64; CANDIDATES],
    chosen: f64,
}

/// What the level says of the time one horizon from now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outlook {
    /// The expected load.
    pub(super) level: f64,
    /// Its standard deviation.
    pub(super) spread: f64,
    /// In a burst: the load that it may reach.
    pub(super) burst: Option<f64>,
    /// How far the sample lies above what was expected of it; `None` where nothing was.
    pub(super) error: Option<f64>,
}

impl Level {
    /// Takes in a sample, and looks one `horizon` ahead.
    pub(super) fn observe(
        &mut self,
        at: Timestamp,
        load: f64,
        pace: Pace,
        horizon: Duration,
    ) -> Outlook {
        let error = self.judge(at, load, pace, horizon);
        let spread = self.spread();
        let burst = self.expected.back().and_then(|before| {
            let rise = (load - self.newest).max(0.0);
            (load - before.chosen > BURST * spread).then_some(load + rise)
        });
        self.learn(load, pace.minutes);
        let candidates = self.candidates(minutes(horizon));
        let level = candidates[self.best()];
        if self.expected.len() >= WAITING {
            self.expected.pop_front();
        }
        self.expected.push_back(Expected { at, candidates, chosen: level });
        Outlook { level, spread, burst, error }
    }

    fn spread(&self) -> f64 {
        SPREAD_FACTOR * self.error
    }

    /// Compares a sample with what was expected of it.
    fn judge(&mut self, at: Timestamp, load: f64, pace: Pace, horizon: Duration) -> Option<f64> {
        let made = at.minus(horizon);
        while self.expected.get(1).is_some_and(|next| next.at <= made) {
            self.expected.pop_front();
        }
        let due = self.expected.front().filter(|first| first.at <= made)?;
        self.judged += pace.minutes;
        let pace = Pace { elapsed: self.judged, ..pace };
        let weight = pace.weight(CHOICE_HALF_LIFE);
        for (mean, candidate) in self.errors.iter_mut().zip(due.candidates) {
            blend(mean, (load - candidate).abs(), weight);
        }
        let error = load - due.chosen;
        let most = if self.judged > CLIP_AFTER { CLIP * self.spread() } else { f64::MAX };
        blend(&mut self.error, error.abs().min(most), pace.weight(SPREAD_HALF_LIFE));
        Some(error)
    }

    /// Moves every candidate towards a sample.
    fn learn(&mut self, load: f64, minutes: f64) {
        if self.expected.is_empty() {
            self.means = [load; GAINS.len()];
            self.trend = load;
        } else {
            for (mean, gain) in self.means.iter_mut().zip(GAINS) {
                blend(mean, load, faded(gain, minutes));
            }
            let expected = self.trend + self.slope * damped(minutes);
            let surprise = load - expected;
            self.trend = expected + faded(TREND_GAIN, minutes) * surprise;
            self.slope = DAMPING.powf(minutes) * self.slope
                + faded(SLOPE_GAIN, minutes) * surprise / minutes;
        }
        self.newest = load;
    }

    /// What each candidate expects after this many minutes.
    fn candidates(&self, horizon: f64) -> [f64; CANDIDATES] {
        let mut all = [self.trend + self.slope * damped(horizon); CANDIDATES];
        all[..GAINS.len()].copy_from_slice(&self.means);
        all
    }

    /// The candidate with the least error.
    fn best(&self) -> usize {
        let mut best = 0;
        for (place, error) in self.errors.iter().enumerate() {
            if *error < self.errors[best] {
                best = place;
            }
        }
        best
    }
}

/// How much a mean that believes `gain` of a sample a minute believes after so many.
fn faded(gain: f64, minutes: f64) -> f64 {
    1.0 - (1.0 - gain).powf(minutes)
}

/// How far a damped slope of 1 a minute goes within so many minutes.
fn damped(minutes: f64) -> f64 {
    DAMPING * (1.0 - DAMPING.powf(minutes)) / (1.0 - DAMPING)
}
