//! Samples at a regular step.

use std::ops::Range;
use std::time::Duration;

use super::ForecastError;
use super::regular::{Regular, SeriesError};
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
    /// The series of samples in any order, averaged over steps (see [`Regular`]); the step is found where
    /// none is given.
    ///
    /// # Errors
    /// There is no sample, no value, or no way to tell the step.
    pub fn from_samples(
        samples: impl IntoIterator<Item = (Timestamp, Option<f64>)>,
        step: Option<Duration>,
    ) -> Result<Self, SeriesError> {
        let mut regular = step.map_or_else(|| Ok(Regular::at_own_step()), Regular::at_step)?;
        for (at, value) in samples {
            regular.push(at, value)?;
        }
        regular.finish()
    }

    /// When the sample at `index` was taken, or will be.
    pub fn at(&self, index: usize) -> Timestamp {
        let steps = u32::try_from(index).unwrap_or(u32::MAX);
        self.start.plus(self.step.saturating_mul(steps))
    }

    /// How many samples were taken before `time`.
    pub fn before(&self, time: Timestamp) -> usize {
        let steps = time.since(self.start).as_millis().div_ceil(self.step.as_millis().max(1));
        usize::try_from(steps).unwrap_or(usize::MAX).min(self.values.len())
    }

    /// How long it lasts: a step for each sample.
    pub fn length(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.values.len()).unwrap_or(u32::MAX))
    }

    /// Refuses a history that is shorter than `model` needs.
    pub(super) fn at_least(
        &self,
        needed: Duration,
        model: &'static str,
    ) -> Result<(), ForecastError> {
        let found = self.length();
        if found < needed { Err(ForecastError::TooShort { model, needed, found }) } else { Ok(()) }
    }

    /// How many steps a time takes, rounded; at least one.
    pub fn steps(&self, time: Duration) -> usize {
        steps(self.step, time)
    }

    /// The samples at these indices.
    pub fn part(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.values.len());
        let start = range.start.min(end);
        Self { start: self.at(start), step: self.step, values: self.values[start..end].to_vec() }
    }

    /// The mean over longer steps, which begin at whole multiples of it since the epoch.
    ///
    /// # Errors
    /// The step is shorter than a millisecond, or there is no value.
    pub fn resampled(&self, step: Duration) -> Result<Self, SeriesError> {
        let samples = self.values.iter().enumerate().map(|(i, value)| (self.at(i), Some(*value)));
        Self::from_samples(samples, Some(step))
    }

    /// Gaps between two values filled along the straight line, of each the first `most` samples; the rest
    /// of a longer gap stays missing. What is filled in knows the value after the gap.
    pub fn interpolated(mut self, most: usize) -> Self {
        let mut left = None;
        for right in 0..self.values.len() {
            let to = self.values[right];
            if to.is_nan() {
                continue;
            }
            if let Some((left, from)) = left {
                let slope = (to - from) / (right - left) as f64;
                for i in (left + 1..right).take(most) {
                    self.values[i] = from + slope * (i - left) as f64;
                }
            }
            left = Some((right, to));
        }
        self
    }

    /// The longest part without a missing sample, the first of several.
    pub fn longest_stretch(&self) -> Range<usize> {
        let (mut longest, mut start) = (0..0, 0);
        for (i, value) in self.values.iter().enumerate() {
            if value.is_nan() {
                start = i + 1;
            } else if i + 1 - start > longest.len() {
                longest = start..i + 1;
            }
        }
        longest
    }
}

/// How many steps of this length a time takes, rounded; at least one.
pub fn steps(step: Duration, time: Duration) -> usize {
    ((time.as_secs_f64() / step.as_secs_f64()).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: f64 = f64::NAN;

    fn series(values: &[f64]) -> Series {
        let step = Duration::from_secs(60);
        Series { start: Timestamp::from_millis(60_000), step, values: values.to_vec() }
    }

    fn bits(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect()
    }

    #[test]
    fn the_beginning_of_a_gap_is_filled_and_its_ends_are_not() {
        let filled = series(&[X, 1.0, X, 3.0, X, X, X, 11.0, X]).interpolated(2);
        assert_eq!(bits(&filled.values), bits(&[X, 1.0, 2.0, 3.0, 5.0, 7.0, X, 11.0, X]));
        assert_eq!(bits(&series(&[X, X]).interpolated(2).values), bits(&[X, X]));
    }

    #[test]
    fn finds_the_longest_stretch() {
        assert_eq!(series(&[1.0, X, 1.0, 2.0, X, 3.0, 4.0]).longest_stretch(), 2..4);
        assert_eq!(series(&[X]).longest_stretch(), 0..0);
    }

    #[test]
    fn counts_what_came_before() {
        let series = series(&[1.0, 2.0, 3.0]);
        let before = |ms| series.before(Timestamp::from_millis(ms));
        assert_eq!([0, 60_000, 60_001, 120_000, 900_000].map(before), [0, 0, 1, 1, 3]);
    }

    #[test]
    fn means_over_longer_steps() {
        let means = series(&[1.0, 2.0, X, X, 6.0]).resampled(Duration::from_secs(120)).unwrap();
        assert_eq!((means.start.millis(), bits(&means.values)), (0, bits(&[1.0, 2.0, 6.0])));
    }
}
