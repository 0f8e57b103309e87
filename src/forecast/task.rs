//! What is asked of a model.

use std::sync::Arc;
use std::time::Duration;

use ndarray::Array2;

use super::{Calendar, ForecastError, steps};

/// The season that most loads have.
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// The season that many loads have.
pub(super) const WEEK: Duration = Duration::from_secs(7 * 86_400);

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
    /// The events that are known, past and to come.
    pub events: Arc<Calendar>,
}

impl Task {
    /// The prediction of a model that knows no spread: its point forecast so many steps ahead.
    pub(super) fn points(&self, ahead: impl Fn(usize) -> f64) -> Array2<f64> {
        let mut rows = Array2::zeros((self.horizons.len(), self.levels.len()));
        for (mut row, steps) in rows.rows_mut().into_iter().zip(&self.horizons) {
            row.fill(ahead(*steps));
        }
        rows
    }

    /// How many steps a season has; at least two.
    pub(super) fn season(
        &self,
        season: Duration,
        model: &'static str,
    ) -> Result<usize, ForecastError> {
        let steps = steps(self.step, season);
        if steps < 2 {
            return Err(ForecastError::NoSeason { model, step: self.step });
        }
        Ok(steps)
    }
}
