//! From scores to alerts: one alert an episode, and fewer from targets that alert often.

use serde::{Deserialize, Serialize};

use crate::config::Calibrated;

/// The count of a target's alerts falls by this share with every row.
const FORGET: f64 = 1e-4;

/// A kept row counts towards the target's rate of alerts from this score on, in full from the next.
const COUNTED_FROM: f64 = 2.5;
const COUNTED_IN_FULL: f64 = 3.5;

/// What is remembered of a target's alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    /// Rows since the last kept row; `None` before the first.
    since_kept: Option<u32>,
    /// The best score since the last time that nothing was kept for `hold_rows`.
    best: f64,
    /// The fading count of kept rows with a high score.
    count: f64,
}

impl Alerts {
    /// The alert score of the next row, of score `score`: `None` while an earlier, higher row of the same
    /// episode holds it back.
    pub fn push(&mut self, score: f64, config: &Calibrated) -> Option<f64> {
        let since = self.since_kept.map(|rows| rows.saturating_add(1));
        let open = since.is_none_or(|rows| rows > config.hold_rows);
        self.count *= 1.0 - FORGET;
        if !(open || score > self.best) {
            self.since_kept = since;
            return None;
        }
        (self.since_kept, self.best) = (Some(0), score);
        let emitted = score - config.rate_penalty * self.count;
        let counted = (score - COUNTED_FROM) / (COUNTED_IN_FULL - COUNTED_FROM);
        self.count += counted.clamp(0.0, 1.0);
        Some(emitted)
    }
}
