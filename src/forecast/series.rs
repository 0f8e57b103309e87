//! Samples at a regular step.

use std::time::Duration;

use crate::units::Timestamp;

/// Samples at a regular step, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// When the first sample was taken.
    pub start: Timestamp,
    /// The time between two samples; not zero.
    pub step: Duration,
    /// The samples in the signal's unit; not a number where nothing was measured, never infinite.
    pub values: Vec<f64>,
}

impl Series {
    /// When the sample at `index` was taken, or will be.
    pub fn at(&self, index: usize) -> Timestamp {
        let steps = u32::try_from(index).unwrap_or(u32::MAX);
        self.start.plus(self.step.saturating_mul(steps))
    }

    /// How long it lasts: a step for each sample.
    pub fn length(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.values.len()).unwrap_or(u32::MAX))
    }

    /// How many steps a time takes, rounded; at least one.
    pub fn steps(&self, time: Duration) -> usize {
        steps(self.step, time)
    }
}

/// How many steps of this length a time takes, rounded; at least one.
pub fn steps(step: Duration, time: Duration) -> usize {
    ((time.as_secs_f64() / step.as_secs_f64()).round() as usize).max(1)
}
