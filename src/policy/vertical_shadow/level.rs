//! A smoothed level of the need, and how far the need strays from it.

use serde::{Deserialize, Serialize};

/// After so many spans an error counts half: four hours.
const HALF_LIFE_SPANS: f64 = 48.0;
/// An error counts as so many spreads at most, once some are known: one burst widens nothing for hours.
const LARGEST_ERROR_SPREADS: f64 = 4.0;
const KNOWN_FROM: f64 = 20.0;
/// From the mean absolute error to a standard deviation.
const DEVIATION: f64 = 1.25;

/// One smoothed level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    level: f64,
    spread: f64,
}

impl Level {
    /// How much of a new need each level takes over.
    pub(super) const SMOOTHING: [f64; 3] = [0.1, 0.3, 0.7];

    /// Takes in the need of a span, the `seen`th, into all levels; the first makes them.
    pub(super) fn learn(levels: &mut Vec<Self>, amount: f64, seen: f64) {
        if levels.is_empty() {
            levels.extend(Self::SMOOTHING.map(|_| Self { level: amount, spread: 0.0 }));
            return;
        }
        let gain = (1.0 - (-1.0 / HALF_LIFE_SPANS).exp2()).max(1.0 / seen.max(1.0));
        for (level, smoothing) in levels.iter_mut().zip(Self::SMOOTHING) {
            let mut error = (amount - level.level).abs();
            if seen > KNOWN_FROM && level.spread > 0.0 {
                error = error.min(LARGEST_ERROR_SPREADS * level.spread);
            }
            level.spread += gain * (error * DEVIATION - level.spread);
            level.level += smoothing * (amount - level.level);
        }
    }

    /// So many spreads above the level.
    pub(super) fn above(&self, spreads: f64) -> f64 {
        self.level + spreads * self.spread
    }
}
