//! What is asked of a model.

use std::time::Duration;

/// What is asked of a model: which quantiles, how far ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The time between two samples.
    pub step: Duration,
    /// How many steps ahead, rising, each at least 1.
    pub horizons: Vec<usize>,
    /// The levels of the quantiles, rising, in (0, 1).
    pub levels: Vec<f64>,
    /// The seed of what is drawn at random.
    pub seed: u64,
}
