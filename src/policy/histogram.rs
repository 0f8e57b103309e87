//! How a use was distributed, the past counting less and less: buckets that widen exponentially, as those
//! of the VerticalPodAutoscaler.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// What weighs less is nothing.
const EPSILON: f64 = 1e-4;
/// How many half-lives a new sample may be ahead of the reference until weights are scaled down.
const LONGEST_LEAD: f64 = 100.0;

/// Where buckets begin: bucket `b` at `first · (ratio^b − 1) / (ratio − 1)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// The width of the first bucket.
    pub(super) first: f64,
    /// How much wider each is than the one before.
    pub(super) ratio: f64,
    /// What the last bucket must hold.
    pub(super) most: f64,
}

impl Grid {
    /// Where bucket `index` begins.
    pub(super) fn start(&self, index: usize) -> f64 {
        self.first * (self.ratio.powf(index as f64) - 1.0) / (self.ratio - 1.0)
    }

    /// The bucket of `value`. What is larger than all falls into the last one.
    pub(super) fn bucket(&self, value: f64) -> usize {
        let index = (value * (self.ratio - 1.0) / self.first + 1.0).ln() / self.ratio.ln();
        (index as usize).min(self.last())
    }

    /// The last bucket.
    fn last(&self) -> usize {
        let index = (self.most * (self.ratio - 1.0) / self.first + 1.0).ln() / self.ratio.ln();
        index.ceil() as usize
    }

    /// What a value in bucket `index` is at most; of the last bucket, which has no end, where it begins.
    fn end(&self, index: usize) -> f64 {
        self.start(if index < self.last() { index + 1 } else { index })
    }
}

/// Weights of buckets. A sample's weight doubles with each half-life that it is younger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Histogram {
    /// Up to the highest bucket that was ever used.
    weights: Vec<f64>,
    /// A sample of this moment weighs one; `None` before the first.
    reference: Option<Timestamp>,
}

impl Histogram {
    /// Counts `value`, `weight` times.
    pub(super) fn add(
        &mut self,
        grid: &Grid,
        half_life: Duration,
        at: Timestamp,
        value: f64,
        weight: f64,
    ) {
        let index = grid.bucket(value);
        if self.weights.len() <= index {
            self.weights.resize(index + 1, 0.0);
        }
        let weight = weight * self.scale(half_life, at);
        if let Some(bucket) = self.weights.get_mut(index) {
            *bucket = (*bucket + weight).max(0.0);
        }
    }

    /// How much a sample of `at` weighs.
    fn scale(&mut self, half_life: Duration, at: Timestamp) -> f64 {
        let half_life = half_life.as_secs_f64().max(1.0);
        let reference = *self.reference.get_or_insert(at);
        let lead = (at.millis() - reference.millis()) as f64 / 1000.0 / half_life;
        if lead <= LONGEST_LEAD {
            return lead.exp2();
        }
        let shift = lead.round();
        for weight in &mut self.weights {
            *weight *= (-shift).exp2();
        }
        self.reference = Some(reference.plus(Duration::from_secs_f64(shift * half_life)));
        (lead - shift).exp2()
    }

    /// The end of the bucket up to which the share `percentile` of the weight lies; `None` without weight.
    pub(super) fn percentile(&self, grid: &Grid, percentile: f64) -> Option<f64> {
        self.walk(grid, percentile, |_| 1.0)
    }

    /// The same where each sample weighs as much as it is large.
    pub(super) fn load_percentile(&self, grid: &Grid, percentile: f64) -> Option<f64> {
        self.walk(grid, percentile, |index| grid.end(index))
    }

    fn walk(&self, grid: &Grid, percentile: f64, of: impl Fn(usize) -> f64) -> Option<f64> {
        let last = self.weights.iter().rposition(|weight| *weight >= EPSILON)?;
        let weighed = || self.weights.iter().enumerate().map(|(index, w)| w * of(index));
        let wanted = percentile * weighed().sum::<f64>();
        let mut sum = 0.0;
        let reached = weighed().position(|weight| {
            sum += weight;
            sum >= wanted
        });
        Some(grid.end(reached.map_or(last, |index| index.min(last))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPU: Grid = Grid { first: 0.01, ratio: 1.05, most: 1000.0 };
    const MEMORY: Grid = Grid { first: 1e7, ratio: 1.05, most: 1e12 };
    const DAY: Duration = Duration::from_secs(86_400);
    const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn buckets_begin_where_those_of_the_vpa_begin() {
        for (index, start) in [(0, 0.0), (1, 0.01), (2, 0.0205), (3, 0.031_525)] {
            assert!(close(CPU.start(index) + 1.0, start + 1.0), "{index}: {}", CPU.start(index));
        }
        assert_eq!(CPU.last(), 175, "176 buckets");
        assert_eq!(MEMORY.last(), 175);
        for index in 0..CPU.last() {
            let middle = (CPU.start(index) + CPU.start(index + 1)) / 2.0;
            assert_eq!(CPU.bucket(middle), index);
        }
        assert_eq!(CPU.bucket(1e9), CPU.last());
    }

    #[test]
    fn a_percentile_is_the_end_of_its_bucket() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(&CPU, 0.5), None);
        for value in [0.005, 0.015, 0.025, 0.035] {
            histogram.add(&CPU, DAY, START, value, 1.0);
        }
        for (percentile, bucket) in [(0.0, 0), (0.25, 0), (0.26, 1), (0.5, 1), (0.75, 2), (1.0, 3)]
        {
            let found = histogram.percentile(&CPU, percentile).unwrap();
            assert_eq!(found, CPU.start(bucket + 1), "{percentile}");
        }
        let mut high = Histogram::default();
        high.add(&CPU, DAY, START, 1e9, 1.0);
        assert_eq!(high.percentile(&CPU, 0.5), Some(CPU.start(CPU.last())), "it has no end");
    }

    #[test]
    fn a_half_life_halves() {
        let mut histogram = Histogram::default();
        histogram.add(&CPU, DAY, START, 0.015, 3.0);
        histogram.add(&CPU, DAY, START.plus(DAY), 0.995, 1.0);
        // 3 against 2: three fifths of the weight lie in the lower bucket.
        let of = |share| histogram.percentile(&CPU, share).unwrap();
        assert_eq!((of(0.59) < 0.1, of(0.61) < 0.1), (true, false));
    }

    #[test]
    fn a_long_life_changes_nothing() {
        let (mut short, mut long) = (Histogram::default(), Histogram::default());
        long.add(&CPU, DAY, START, 0.3, 1.0);
        for day in 1000..1010 {
            let at = START.plus(DAY * day);
            for histogram in [&mut short, &mut long] {
                histogram.add(&CPU, DAY, at, f64::from(day - 999) / 10.0, 1.0);
            }
        }
        for share in [0.1, 0.3, 0.5, 0.9, 0.99] {
            assert_eq!(short.percentile(&CPU, share), long.percentile(&CPU, share));
        }
        assert!(long.weights.iter().all(|weight| weight.is_finite()));
    }

    #[test]
    fn large_samples_weigh_more_by_their_load() {
        let mut histogram = Histogram::default();
        histogram.add(&CPU, DAY, START, 0.1, 9.0);
        histogram.add(&CPU, DAY, START, 1.0, 1.0);
        // By count nine tenths are small; by load about a half is.
        assert!(histogram.percentile(&CPU, 0.8).unwrap() < 0.2);
        assert!(histogram.load_percentile(&CPU, 0.8).unwrap() > 0.9);
    }
}
