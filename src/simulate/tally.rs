//! Quantiles of many values, in memory that grows with how different they are.

use std::collections::BTreeMap;

/// Values to a hundredth, counted; and their exact sum.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<u64, u64>,
    count: u64,
    sum: f64,
}

const GRAINS_A_UNIT: f64 = 100.0;

impl Tally {
    /// Takes in a value of at least 0.
    pub fn add(&mut self, value: f64) {
        *self.counts.entry((value * GRAINS_A_UNIT).round() as u64).or_default() += 1;
        self.count += 1;
        self.sum += value;
    }

    /// The mean; not a number of no values.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The quantile at `level` (0–1), between two values along the straight line; not a number of no
    /// values.
    pub fn quantile(&self, level: f64) -> f64 {
        let place = level * self.count.saturating_sub(1) as f64;
        let (low, high) = (self.at(place.floor() as u64), self.at(place.ceil() as u64));
        low + (high - low) * place.fract()
    }

    /// The value at this place of the sorted ones.
    fn at(&self, place: u64) -> f64 {
        let mut before = 0;
        for (value, count) in &self.counts {
            before += count;
            if place < before {
                return *value as f64 / GRAINS_A_UNIT;
            }
        }
        f64::NAN
    }
}

/// The quantile at `level` (0–1) of the values that are numbers, between two of them along the straight
/// line; `None` where there is none.
pub fn quantile(values: impl IntoIterator<Item = f64>, level: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = level * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_nothing_there_is_nothing() {
        assert!(Tally::default().mean().is_nan());
        assert!(Tally::default().quantile(0.5).is_nan());
        assert_eq!(quantile([f64::NAN], 0.95), None);
    }

    proptest! {
        #[test]
        fn counting_is_sorting(values in prop::collection::vec(0u32..5000, 1..50), level in 0.0..1.0) {
            let values: Vec<f64> = values.into_iter().map(|v| f64::from(v) / 100.0).collect();
            let mut tally = Tally::default();
            values.iter().for_each(|value| tally.add(*value));
            let sorted = quantile(values.iter().copied(), level).unwrap();
            prop_assert!((tally.quantile(level) - sorted).abs() < 1e-9);
        }
    }
}
