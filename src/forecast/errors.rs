//! What the errors of one model at one horizon were, so that its point becomes quantiles.

use super::histogram::Histogram;

/// Errors above so many times their usual size move the scale no further: one burst makes no interval
/// wide for hours.
const MOST_OF_SCALE: f64 = 8.0;

/// The calm scale keeps the lively one from vanishing.
const LEAST_OF_CALM: f64 = 0.05;

/// How many scales there are: the calm one of days, and the lively one of the last hour.
pub(super) const SCALES: usize = 2;

/// The errors of a point forecast, twice: in units of their usual size over days, and in units of their
/// size in the last hour, which follows bursts. Which of the two serves better is for the blend to find.
#[derive(Clone, Debug)]
pub(super) struct Errors {
    calm: f64,
    lively: f64,
    seen: f64,
    memory: Memory,
    scaled: [Histogram; SCALES],
}

/// How long errors are remembered, in samples: the time after which one counts half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// In the distribution, and in the calm scale.
    pub(super) long: f64,
    /// In the lively scale.
    pub(super) short: f64,
}

impl Errors {
    pub(super) fn new(memory: Memory) -> Self {
        let scaled = std::array::from_fn(|_| Histogram::new(memory.long));
        Self { calm: 0.0, lively: 0.0, seen: 0.0, memory, scaled }
    }

    /// What a forecast made now is measured by, once its outcome is known.
    pub(super) fn scales(&self) -> [f64; SCALES] {
        [self.calm, self.lively + LEAST_OF_CALM * self.calm]
    }

    /// Takes in the error of a forecast, and the scales of the time at which it was made.
    pub(super) fn learn(&mut self, error: f64, scales: [f64; SCALES]) {
        if !error.is_finite() {
            return;
        }
        for (histogram, scale) in self.scaled.iter_mut().zip(scales) {
            if scale > 0.0 {
                histogram.push(error / scale);
            }
        }
        self.seen += 1.0;
        let size = error.abs();
        let bounded = if self.calm > 0.0 { size.min(MOST_OF_SCALE * self.calm) } else { size };
        let follow = |scale: &mut f64, half_life: f64, size: f64| {
            let gain = 1.0 - 0.5f64.powf(1.0 / half_life);
            *scale += gain.max(1.0 / self.seen) * (size - *scale);
        };
        follow(&mut self.lively, self.memory.short, bounded);
        // Unbounded, so that it finds its way from any start.
        follow(&mut self.calm, self.memory.long, size);
    }

    /// The quantiles around `point`, a row for each scale. At the median the first row is the point
    /// itself, the second is moved by the errors like all others.
    pub(super) fn quantiles(
        &self,
        point: f64,
        levels: &[f64],
        mut each: impl FnMut(usize, usize, f64),
    ) {
        for (row, (histogram, scale)) in self.scaled.iter().zip(self.scales()).enumerate() {
            histogram.quantiles(levels, |column, value| {
                let stays = row == 0 && levels[column] == 0.5;
                each(row, column, if stays { point } else { point + scale * value });
            });
        }
    }
}
