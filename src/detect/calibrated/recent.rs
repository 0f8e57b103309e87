//! What the joint score looks at: a few features of each signal's last rows.

use serde::{Deserialize, Serialize};

/// Features a signal: its value, its means over [`SHORT`] and [`LONG`] rows, and the mean size of its
/// last [`CHANGES`] changes.
pub const FEATURES: usize = 4;

const SHORT: usize = 5;
const LONG: usize = 20;
const CHANGES: usize = 10;

/// The last rows of one signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// The last values, the newest first.
    values: Vec<f64>,
}

impl Recent {
    /// Takes in `value` and tells the features.
    pub fn push(&mut self, value: f64) -> [f64; FEATURES] {
        self.values.truncate(LONG - 1);
        self.values.insert(0, value);
        let mean = |n: usize| {
            let values = &self.values[..n.min(self.values.len())];
            values.iter().sum::<f64>() / values.len() as f64
        };
        let changes = self.values.windows(2).take(CHANGES);
        let n = changes.len().max(1) as f64;
        let change = changes.map(|pair| (pair[0] - pair[1]).abs()).sum::<f64>() / n;
        [value, mean(SHORT), mean(LONG), change]
    }
}
