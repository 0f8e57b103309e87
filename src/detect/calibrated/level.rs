//! Running levels of a series, each in a few numbers.

use serde::{Deserialize, Serialize};

/// How many values a level must have seen before a distance from it means anything.
const FIRST_ROWS: u32 = 6;

/// How many values a level must have seen before it defends itself against far ones.
const CLIP_FROM_ROWS: u32 = 20;

/// An exponentially weighted mean that begins as a plain one: its weight is at least `1/(k+1)` after
/// `k` values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ewma {
    rows: u32,
    mean: f64,
}

impl Ewma {
    /// The mean; 0 before the first value.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Takes in a value with the weight `rate`.
    pub fn push(&mut self, value: f64, rate: f64) {
        self.mean += weight(self.rows, rate) * (value - self.mean);
        self.rows = self.rows.saturating_add(1);
    }
}

/// A weighted mean with its mean absolute deviation. A far value moves it no further than a value at
/// `clip` deviations would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    rows: u32,
    mean: f64,
    deviation: f64,
}

impl Level {
    /// The mean; 0 before the first value.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// How many deviations `value` is from the level, in the level's eyes before it takes it in. A
    /// deviation is at least `floor`, in the value's unit.
    pub fn push(&mut self, value: f64, rate: f64, clip: f64, floor: f64) -> f64 {
        if self.rows == 0 {
            *self = Self { rows: 1, mean: value, deviation: 0.0 };
            return 0.0;
        }
        let scale = self.deviation + floor;
        let distance = value - self.mean;
        let taken_in = if self.rows < CLIP_FROM_ROWS {
            distance
        } else {
            distance.clamp(-clip * scale, clip * scale)
        };
        let weight = weight(self.rows, rate);
        self.deviation += weight * (taken_in.abs() - self.deviation);
        self.mean += weight * taken_in;
        self.rows = self.rows.saturating_add(1);
        if self.rows <= FIRST_ROWS { 0.0 } else { distance / scale }
    }
}

/// A weighted mean and standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    rows: u32,
    mean: f64,
    variance: f64,
}

impl Spread {
    /// How many values it has seen.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Takes in a value with the weight `rate`.
    pub fn push(&mut self, value: f64, rate: f64) {
        let weight = weight(self.rows, rate);
        let distance = value - self.mean;
        self.mean += weight * distance;
        self.variance = (1.0 - weight) * (self.variance + weight * distance * distance);
        self.rows = self.rows.saturating_add(1);
    }

    /// How many standard deviations `value` is above the mean.
    pub fn standardised(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation()
    }

    /// The standard deviation; more than 0.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt() + 1e-9
    }
}

fn weight(rows: u32, rate: f64) -> f64 {
    rate.max(1.0 / (f64::from(rows) + 1.0))
}
