//! What the joint score looks at: a few features of each signal's last rows.

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Features a signal: its value, its means over [`SHORT`] and [`LONG`] rows, and the mean size of its
/// last [`CHANGES`] changes.
pub const FEATURES: usize = 4;

const SHORT: usize = 5;
const LONG: usize = 20;
const CHANGES: usize = 10;

/// After so many intervals without a value, the values before have nothing to say about the next: what
/// went on in between would look like a jump.
const GAP_INTERVALS: f64 = CHANGES as f64;

/// The last rows of one signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// The last values, the newest first.
    values: Vec<f64>,
    last_at: Option<Timestamp>,
}

impl Recent {
    /// Takes in the `value` of the moment `at` and tells the features; not-a-number for what needs more
    /// than one value. Rows come every `interval_seconds`.
    pub fn push(&mut self, value: f64, at: Timestamp, interval_seconds: f64) -> [f64; FEATURES] {
        let gap = |last: Timestamp| at.since(last).as_secs_f64() > GAP_INTERVALS * interval_seconds;
        if self.last_at.replace(at).is_some_and(gap) {
            self.values.clear();
        }
        self.values.truncate(LONG - 1);
        self.values.insert(0, value);
        let mean = |n: usize| {
            let values = &self.values[..n.min(self.values.len())];
            values.iter().sum::<f64>() / values.len() as f64
        };
        let changes = self.values.windows(2).take(CHANGES);
        let n = changes.len() as f64;
        let change = changes.map(|pair| (pair[0] - pair[1]).abs()).sum::<f64>() / n;
        [value, mean(SHORT), mean(LONG), change]
    }
}
