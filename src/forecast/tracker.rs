//! The last correction: quantiles moved until as many samples fall below them as should.
//!
//! Adaptive conformal inference (Gibbs and Candès, 2021) on the value itself: each miss moves the quantile
//! a small step, in proportion to how wrong the level then was. In the long run the share below is the
//! level, whatever the series does.

/// How far one outcome moves a quantile, in units of the usual error.
const STEP: f64 = 0.02;

/// Outcomes before the first move: until then the usual error is a guess.
const FIRST: f64 = 30.0;

/// The usual error is over so many outcomes at least.
const OUTCOMES: f64 = 200.0;

/// Errors above so many times the usual one count as that many.
const MOST_OF_USUAL: f64 = 8.0;

/// What is added to the quantiles of one horizon.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    offsets: Vec<f64>,
    usual_error: f64,
    seen: f64,
}

impl Tracker {
    pub(super) fn new(levels: usize) -> Self {
        Self { offsets: vec![0.0; levels], usual_error: 0.0, seen: 0.0 }
    }

    /// The quantiles, moved; they never fall from one level to the next.
    pub(super) fn corrected(&self, quantiles: &[f64]) -> Vec<f64> {
        let moved = quantiles.iter().zip(&self.offsets).map(|(value, offset)| value + offset);
        let mut moved: Vec<f64> = moved.collect();
        moved.sort_by(f64::total_cmp);
        moved
    }

    /// Takes in an outcome: what was said of it, and the error of the blend's median. The median itself
    /// stays.
    pub(super) fn learn(&mut self, levels: &[f64], said: &[f64], error: f64, outcome: f64) {
        if !error.is_finite() || said.iter().any(|value| !value.is_finite()) {
            return;
        }
        self.seen += 1.0;
        let size = error.abs();
        let size =
            if self.seen > FIRST { size.min(MOST_OF_USUAL * self.usual_error) } else { size };
        self.usual_error += (1.0 / self.seen).max(1.0 / OUTCOMES) * (size - self.usual_error);
        if self.seen <= FIRST {
            return;
        }
        for ((offset, level), said) in self.offsets.iter_mut().zip(levels).zip(said) {
            if *level != 0.5 {
                let below = if outcome < *said { 1.0 } else { 0.0 };
                *offset += STEP * self.usual_error * (level - below);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures::noise;

    #[test]
    fn the_share_below_becomes_the_level() {
        let levels = [0.1, 0.5, 0.95];
        let mut tracker = Tracker::new(3);
        let mut noise = noise(9);
        let (mut below, rounds) = ([0.0; 3], 100_000);
        for _ in 0..rounds {
            // Quantiles that are far too narrow.
            let said = tracker.corrected(&[0.0; 3]);
            let outcome = 3.0 * noise();
            for (below, said) in below.iter_mut().zip(&said) {
                *below += if outcome < *said { 1.0 / f64::from(rounds) } else { 0.0 };
            }
            tracker.learn(&levels, &said, outcome, outcome);
        }
        for (below, level) in below.iter().zip(levels) {
            assert!((below - level).abs() < 0.01, "{below} is not {level}");
        }
        assert_eq!(tracker.corrected(&[0.0; 3])[1], 0.0);
    }
}
