//! The distribution of errors that matters now: counts that fade, in bins that widen.

/// Bins on each side of zero.
const SIDE: usize = 48;

/// Bins from one magnitude to its double.
const BINS_A_DOUBLING: f64 = 4.0;

/// Magnitudes below 2⁻⁷ share the innermost bin, those from 2⁵ on the outermost.
const INNERMOST: f64 = -7.0 * BINS_A_DOUBLING;

/// Counts of signed numbers of the order of 1. Each new one makes the older ones count a little less, so
/// it forgets, and costs the same however many it has seen.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: [f32; 2 * SIDE],
    total: f32,
    /// What of a count is left after the next one.
    kept: f32,
}

impl Histogram {
    /// An empty one, in which a count is worth half after so many more.
    pub(super) fn new(half_life: f64) -> Self {
        Self { counts: [0.0; 2 * SIDE], total: 0.0, kept: 0.5f64.powf(1.0 / half_life) as f32 }
    }

    /// Counts `value`; one that is not finite is passed over.
    pub(super) fn push(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        for count in &mut self.counts {
            *count *= self.kept;
        }
        self.total = self.total * self.kept + 1.0;
        // The cast saturates: a value of 0 is in the innermost bin.
        let bin = (value.abs().log2() * BINS_A_DOUBLING - INNERMOST).floor() as usize;
        let bin = bin.min(SIDE - 1);
        self.counts[if value < 0.0 { SIDE - 1 - bin } else { SIDE + bin }] += 1.0;
    }

    /// The quantiles at `levels`, which rise; 0 while nothing was counted.
    pub(super) fn quantiles(&self, levels: &[f64], mut each: impl FnMut(usize, f64)) {
        let (mut bin, mut below) = (0, 0.0);
        for (i, level) in levels.iter().enumerate() {
            if self.total == 0.0 {
                each(i, 0.0);
                continue;
            }
            // As if one more had been seen, so that few samples make no narrow interval.
            let wanted = (*level as f32 * (self.total + 1.0) - 0.5).clamp(0.0, self.total);
            while bin + 1 < 2 * SIDE && below + self.counts[bin] < wanted {
                below += self.counts[bin];
                bin += 1;
            }
            let count = self.counts[bin];
            let share = if count > 0.0 { ((wanted - below) / count).clamp(0.0, 1.0) } else { 0.0 };
            let (low, high) = edges(bin);
            each(i, low + (high - low) * f64::from(share));
        }
    }
}

/// From where to where a bin reaches.
fn edges(bin: usize) -> (f64, f64) {
    if bin >= SIDE {
        (edge(bin - SIDE), edge(bin - SIDE + 1))
    } else {
        (-edge(SIDE - bin), -edge(SIDE - 1 - bin))
    }
}

/// The inner edge of a bin on the positive side.
fn edge(bin: usize) -> f64 {
    if bin == 0 { 0.0 } else { ((bin as f64 + INNERMOST) / BINS_A_DOUBLING).exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fixtures::noise;

    fn quantiles(histogram: &Histogram, levels: &[f64]) -> Vec<f64> {
        let mut found = Vec::new();
        histogram.quantiles(levels, |_, value| found.push(value));
        found
    }

    #[test]
    fn knows_the_quantiles_of_noise() {
        let mut histogram = Histogram::new(5000.0);
        let mut noise = noise(1);
        (0..20_000).for_each(|_| histogram.push(noise()));
        let found = quantiles(&histogram, &[0.05, 0.5, 0.9, 0.95]);
        for (found, expected) in found.iter().zip([-1.645, 0.0, 1.282, 1.645]) {
            assert!((found - expected).abs() < 0.06, "{found} is not {expected}");
        }
    }

    #[test]
    fn forgets() {
        let mut histogram = Histogram::new(10.0);
        (0..100).for_each(|_| histogram.push(8.0));
        (0..100).for_each(|_| histogram.push(1.1));
        let high = quantiles(&histogram, &[0.9])[0];
        assert!((1.0..1.2).contains(&high), "{high}");
    }

    #[test]
    fn takes_anything() {
        let mut histogram = Histogram::new(10.0);
        assert_eq!(quantiles(&histogram, &[0.5]), [0.0]);
        for value in [f64::NAN, f64::INFINITY, 0.0, -0.0, f64::MIN, f64::MAX, 5e-324] {
            histogram.push(value);
        }
        let found = quantiles(&histogram, &[0.01, 0.5, 0.99]);
        assert!(found.is_sorted() && found.iter().all(|value| value.is_finite()), "{found:?}");
    }
}
