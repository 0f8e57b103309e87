//! Samples as they come → samples at a regular step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::Series;
use crate::units::{Timestamp, duration};

/// How many samples are looked at before the step is decided.
const LOOKED_AT: usize = 10_000;

/// The longest series: at a step of a second more than a year.
const MOST_SAMPLES: i128 = 50_000_000;

/// Why samples cannot become a series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// There is not one sample.
    #[error("there are no samples")]
    NoSamples,
    /// Samples there are, but each is missing.
    #[error("there is not one value: all {samples} samples are missing")]
    NoValues {
        /// How many.
        samples: u64,
    },
    /// Nothing says how far apart samples are.
    #[error("all samples are from {at}: the step between samples cannot be told, name it")]
    NoStep {
        /// The one time.
        at: Timestamp,
    },
    /// A step of nothing.
    #[error("the step between samples is at least 1ms, found 0s")]
    ZeroStep,
    /// The grid would not fit into memory.
    #[error(
        "from {from} to {to} there are {samples} steps of {}, at most {MOST_SAMPLES}: \
         a time is wrong, or a longer --step is needed",
        duration::format(*.step)
    )]
    TooLong {
        /// The earliest time.
        from: Timestamp,
        /// The latest time.
        to: Timestamp,
        /// The step.
        step: Duration,
        /// How many steps that is.
        samples: i128,
    },
}

/// Makes a regular [`Series`] of samples that come in any order, twice, late, or not at all. It holds no
/// more than the series itself and the first ten thousand samples, however many are pushed.
///
/// Samples that fall on the same step are averaged; a step on which none falls is missing.
#[derive(Debug)]
pub struct Regular {
    grid: Option<Grid>,
    waiting: Vec<(Timestamp, Option<f64>)>,
    pushed: u64,
    values: u64,
}

impl Regular {
    /// Samples are averaged over steps of this length, which begin at whole multiples of it since the
    /// epoch; the time of a step is its beginning.
    ///
    /// # Errors
    /// The step is shorter than a millisecond.
    pub fn at_step(step: Duration) -> Result<Self, SeriesError> {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        if step == 0 {
            return Err(SeriesError::ZeroStep);
        }
        let grid = Grid::new(step, 0, 0);
        Ok(Self { grid: Some(grid), waiting: Vec::new(), pushed: 0, values: 0 })
    }

    /// The step is what lies between most neighbours among the first samples; each sample goes to the
    /// nearest step from the earliest of these on.
    pub fn at_own_step() -> Self {
        Self { grid: None, waiting: Vec::new(), pushed: 0, values: 0 }
    }

    /// Takes in a sample; `None`, or what is not finite, where nothing was measured.
    ///
    /// # Errors
    /// The series would become too long.
    pub fn push(&mut self, at: Timestamp, value: Option<f64>) -> Result<(), SeriesError> {
        let value = value.filter(|v| v.is_finite());
        self.pushed += 1;
        self.values += u64::from(value.is_some());
        match &mut self.grid {
            Some(grid) => grid.add(at, value),
            None => {
                self.waiting.push((at, value));
                if self.waiting.len() < LOOKED_AT { Ok(()) } else { self.settle() }
            }
        }
    }

    /// The series.
    ///
    /// # Errors
    /// There is no sample, no value, or no way to tell the step.
    pub fn finish(mut self) -> Result<Series, SeriesError> {
        if self.pushed == 0 {
            return Err(SeriesError::NoSamples);
        }
        if self.values == 0 {
            return Err(SeriesError::NoValues { samples: self.pushed });
        }
        if self.grid.is_none() {
            self.settle()?;
        }
        self.grid.map(Grid::series).ok_or(SeriesError::NoSamples)
    }

    /// Decides the step by the samples that wait, and lets them in.
    fn settle(&mut self) -> Result<(), SeriesError> {
        let mut times: Vec<i64> = self.waiting.iter().map(|(at, _)| at.millis()).collect();
        times.sort_unstable();
        times.dedup();
        let (Some(first), Some(step)) = (times.first().copied(), usual_difference(&times)) else {
            let at = self.waiting.first().map_or(Timestamp::default(), |(at, _)| *at);
            return Err(SeriesError::NoStep { at });
        };
        let phase = first.rem_euclid(step);
        let mut grid = Grid::new(step, phase, step / 2);
        for (at, value) in std::mem::take(&mut self.waiting) {
            grid.add(at, value)?;
        }
        self.grid = Some(grid);
        Ok(())
    }
}

/// The most frequent difference of neighbours where at least half agree; else the median, which clocks
/// that are never quite on time need, to the second.
fn usual_difference(sorted: &[i64]) -> Option<i64> {
    let mut differences: Vec<i64> =
        sorted.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for difference in &differences {
        *counts.entry(*difference).or_default() += 1;
    }
    let (usual, count) = counts.into_iter().rev().max_by_key(|(_, count)| *count)?;
    if 2 * count >= differences.len() {
        return Some(usual);
    }
    differences.sort_unstable();
    let median = differences[differences.len() / 2];
    Some(if median < 1000 { median } else { (median + 500) / 1000 * 1000 })
}

/// Sums over steps.
#[derive(Debug)]
struct Grid {
    step: i64,
    /// When steps begin: `phase` past a whole multiple of `step` since the epoch.
    phase: i64,
    /// Added to a time before it is rounded down to a step.
    shift: i64,
    /// The number of the first step.
    first: i64,
    /// One a step; they become the series in their place, so that it is never held twice.
    sums: VecDeque<f64>,
    /// How many samples each sum has.
    counts: VecDeque<u32>,
}

impl Grid {
    fn new(step: i64, phase: i64, shift: i64) -> Self {
        let (sums, counts) = (VecDeque::new(), VecDeque::new());
        Self { step, phase, shift, first: 0, sums, counts }
    }

    fn add(&mut self, at: Timestamp, value: Option<f64>) -> Result<(), SeriesError> {
        let step = self.step_of(at);
        if self.sums.is_empty() {
            self.first = step;
        }
        let last = self.first.saturating_add(self.sums.len() as i64 - 1);
        let (from, to) = (self.first.min(step), last.max(step));
        let samples = i128::from(to) - i128::from(from) + 1;
        if samples > MOST_SAMPLES {
            return Err(SeriesError::TooLong {
                from: self.time_of(from),
                to: self.time_of(to),
                step: Duration::from_millis(self.step.unsigned_abs()),
                samples,
            });
        }
        while step < self.first {
            self.sums.push_front(0.0);
            self.counts.push_front(0);
            self.first -= 1;
        }
        let index = (step - self.first) as usize;
        if index >= self.sums.len() {
            self.sums.resize(index + 1, 0.0);
            self.counts.resize(index + 1, 0);
        }
        if let Some(value) = value {
            self.sums[index] += value;
            self.counts[index] = self.counts[index].saturating_add(1);
        }
        Ok(())
    }

    fn step_of(&self, at: Timestamp) -> i64 {
        at.millis().saturating_sub(self.phase).saturating_add(self.shift).div_euclid(self.step)
    }

    fn time_of(&self, step: i64) -> Timestamp {
        Timestamp::from_millis(step.saturating_mul(self.step).saturating_add(self.phase))
    }

    fn series(mut self) -> Series {
        for (sum, count) in self.sums.iter_mut().zip(&self.counts) {
            *sum = if *count == 0 { f64::NAN } else { *sum / f64::from(*count) };
        }
        Series {
            start: self.time_of(self.first),
            step: Duration::from_millis(self.step.unsigned_abs()),
            values: self.sums.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn own(samples: &[(i64, Option<f64>)]) -> Result<Series, SeriesError> {
        let samples = samples.iter().map(|(at, value)| (Timestamp::from_millis(*at), *value));
        Series::from_samples(samples, None)
    }

    fn values(series: &Series) -> Vec<Option<f64>> {
        series.values.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect()
    }

    #[test]
    fn finds_the_step_through_gaps_duplicates_and_disorder() {
        let series = own(&[
            (3 * MINUTE, Some(3.0)),
            (MINUTE, Some(1.0)),
            (2 * MINUTE, None),
            (MINUTE, Some(2.0)),
            (6 * MINUTE, Some(f64::INFINITY)),
            (7 * MINUTE, Some(7.0)),
        ]);
        let series = series.unwrap();
        assert_eq!((series.start.millis(), series.step), (MINUTE, Duration::from_secs(60)));
        let expected = [Some(1.5), None, Some(3.0), None, None, None, Some(7.0)];
        assert_eq!(values(&series), expected);
    }

    #[test]
    fn a_clock_that_is_never_quite_on_time_loses_no_sample() {
        let late = [0, 3, -4, 8, -9, 2, 11, -7, 5, -2, 4];
        let samples: Vec<_> =
            (0i64..).zip(late).map(|(i, ms)| (i * 15_000 + ms, Some(i as f64))).collect();
        let series = own(&samples).unwrap();
        assert_eq!(series.step, Duration::from_secs(15));
        assert_eq!(series.values, (0..11).map(f64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_given_step_averages_as_pandas_does() {
        let samples = [(4 * MINUTE, 1.0), (5 * MINUTE, 2.0), (9 * MINUTE, 4.0), (20 * MINUTE, 5.0)];
        let samples = samples.map(|(at, value)| (Timestamp::from_millis(at), Some(value)));
        let series = Series::from_samples(samples, Some(Duration::from_secs(300))).unwrap();
        assert_eq!(series.start.millis(), 0);
        assert_eq!(values(&series), [Some(1.0), Some(3.0), None, None, Some(5.0)]);
    }

    #[test]
    fn what_cannot_be_a_series_is_refused() {
        assert_eq!(own(&[]), Err(SeriesError::NoSamples));
        let missing = [(0, None), (MINUTE, Some(f64::NAN))];
        assert_eq!(own(&missing), Err(SeriesError::NoValues { samples: 2 }));
        let at = Timestamp::from_millis(5);
        assert_eq!(own(&[(5, Some(1.0)), (5, Some(2.0))]), Err(SeriesError::NoStep { at }));
        let centuries =
            own(&[(0, Some(1.0)), (1, Some(1.0)), (2, Some(1.0)), (i64::MAX, Some(1.0))]);
        assert!(matches!(centuries, Err(SeriesError::TooLong { .. })), "{centuries:?}");
        assert_eq!(Regular::at_step(Duration::ZERO).unwrap_err(), SeriesError::ZeroStep);
    }

    proptest! {
        #[test]
        fn any_samples_become_a_series_or_are_refused(
            samples in prop::collection::vec((any::<i64>(), prop::option::of(any::<f64>())), 0..30),
        ) {
            let _ = own(&samples);
        }

        #[test]
        fn the_order_does_not_matter(
            samples in prop::collection::vec((-50i64..50, prop::option::of(-9i32..9)), 1..30),
        ) {
            let samples: Vec<_> = samples.into_iter()
                .map(|(at, value)| (at * MINUTE, value.map(f64::from))).collect();
            let mut turned = samples.clone();
            turned.reverse();
            let text = |found| format!("{found:?}");
            prop_assert_eq!(text(own(&samples)), text(own(&turned)));
        }
    }
}
