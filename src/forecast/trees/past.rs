//! The newest samples, and what a window over them holds: each sample costs the same, however long the
//! windows are.

use std::collections::VecDeque;

/// The newest samples; not a number where nothing was measured.
#[derive(Clone, Debug)]
pub(super) struct Past {
    values: Vec<f64>,
    /// How many were pushed.
    count: usize,
}

impl Past {
    /// Keeps `capacity` samples at least.
    pub fn new(capacity: usize) -> Self {
        Self { values: vec![f64::NAN; capacity.next_power_of_two()], count: 0 }
    }

    pub fn push(&mut self, value: f64) {
        let place = self.count & (self.values.len() - 1);
        self.values[place] = value;
        self.count += 1;
    }

    /// The sample so many steps before the newest one; not a number where it is forgotten or never was.
    #[inline]
    pub fn back(&self, steps: usize) -> f64 {
        if steps >= self.count.min(self.values.len()) {
            return f64::NAN;
        }
        self.values[(self.count - 1 - steps) & (self.values.len() - 1)]
    }

    /// How many samples there were.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Mean, deviation and maximum of the newest samples.
#[derive(Clone, Debug)]
pub(super) struct Rolling {
    window: usize,
    /// Sums are taken of what is above or below it, so that they stay small.
    pivot: f64,
    count: usize,
    sum: f64,
    squares: f64,
    /// Samples until the sums are taken anew, which forgets what rounding has added.
    until_anew: usize,
    /// Falling values with their places: the first is the maximum.
    maxima: VecDeque<(usize, f64)>,
}

impl Rolling {
    pub fn new(window: usize) -> Self {
        Self {
            window,
            pivot: 0.0,
            count: 0,
            sum: 0.0,
            squares: 0.0,
            until_anew: 0,
            maxima: VecDeque::new(),
        }
    }

    /// Takes in the newest sample of `past`.
    pub fn update(&mut self, past: &Past) {
        let (place, newest) = (past.count(), past.back(0));
        while self.maxima.front().is_some_and(|(at, _)| at + self.window <= place) {
            self.maxima.pop_front();
        }
        if !newest.is_nan() {
            while self.maxima.back().is_some_and(|(_, value)| *value <= newest) {
                self.maxima.pop_back();
            }
            self.maxima.push_back((place, newest));
        }
        if self.until_anew == 0 {
            self.take_anew(past);
            return;
        }
        self.until_anew -= 1;
        self.add(newest, 1);
        self.add(past.back(self.window), -1);
    }

    fn take_anew(&mut self, past: &Past) {
        self.until_anew = self.window;
        (self.count, self.sum, self.squares) = (0, 0.0, 0.0);
        let newest = past.back(0);
        self.pivot = if newest.is_nan() { self.pivot } else { newest };
        for steps in 0..self.window {
            self.add(past.back(steps), 1);
        }
    }

    fn add(&mut self, value: f64, times: i8) {
        if !value.is_nan() {
            let (above, times_f) = (value - self.pivot, f64::from(times));
            self.count = self.count.saturating_add_signed(isize::from(times));
            self.sum += times_f * above;
            self.squares += times_f * above * above;
        }
    }

    /// The mean; not a number where nothing was measured.
    pub fn mean(&self) -> f64 {
        self.pivot + self.sum / self.count as f64
    }

    /// The standard deviation of the samples, those of a population.
    pub fn deviation(&self) -> f64 {
        let count = self.count as f64;
        let mean = self.sum / count;
        // Not a number stays what it is.
        (self.squares / count - mean * mean).clamp(0.0, f64::INFINITY).sqrt()
    }

    /// The maximum; not a number where nothing was measured.
    pub fn max(&self) -> f64 {
        self.maxima.front().map_or(f64::NAN, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values with gaps.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![4 => (-50_i8..50).prop_map(f64::from), 1 => Just(f64::NAN)];
        prop::collection::vec(value, 1..120)
    }

    proptest! {
        #[test]
        fn windows_hold_what_the_newest_samples_hold(values in values(), window in 1_usize..20) {
            let (mut past, mut rolling) = (Past::new(window + 1), Rolling::new(window));
            for (at, value) in values.iter().enumerate() {
                past.push(*value);
                rolling.update(&past);
                let newest = &values[(at + 1).saturating_sub(window)..=at];
                let found: Vec<f64> = newest.iter().copied().filter(|v| !v.is_nan()).collect();
                let count = found.len() as f64;
                let mean = found.iter().sum::<f64>() / count;
                let squares = found.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                let max = found.iter().copied().fold(f64::NAN, f64::max);
                let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-6;
                prop_assert!(same(rolling.mean(), mean), "{} {mean}", rolling.mean());
                prop_assert!((same(rolling.deviation(), squares.sqrt())), "{}", rolling.deviation());
                prop_assert!(same(rolling.max(), max), "{} {max}", rolling.max());
            }
        }

        #[test]
        fn the_past_is_what_was(values in values(), capacity in 1_usize..20) {
            let mut past = Past::new(capacity);
            prop_assert!(past.back(0).is_nan());
            for value in &values {
                past.push(*value);
            }
            for (steps, value) in values.iter().rev().enumerate() {
                let found = past.back(steps);
                let kept = steps < capacity;
                prop_assert!(!kept || found == *value || value.is_nan() && found.is_nan());
            }
            prop_assert!(past.back(values.len()).is_nan());
        }
    }
}
