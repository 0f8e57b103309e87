//! How the unusual is found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// The Isolation Forest's parameters, with scikit-learn's names, and what surrounds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// The share of training rows that count as anomalous; it sets the threshold. In (0, 0.5].
    pub contamination: f64,
    /// How many trees.
    pub n_estimators: usize,
    /// How many rows each tree sees.
    pub max_samples: usize,
    /// The seed: the same rows and the same seed give the same model.
    pub random_state: u64,
    /// How many standard deviations from the rolling mean make a spike.
    pub spike_threshold: f64,
    /// The samples of the rolling statistics; the spike's window excludes the current sample.
    pub rolling_window: usize,
    /// How many rows a first model needs, counted over all targets of a rule.
    pub min_training_rows: usize,
    /// How often models are fitted anew.
    #[serde(with = "duration")]
    pub refit_interval: Duration,
    /// How many features an explanation names.
    pub max_contributors: usize,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            contamination: 0.05,
            n_estimators: 100,
            max_samples: 256,
            random_state: 42,
            spike_threshold: 2.0,
            rolling_window: 5,
            min_training_rows: 20,
            refit_interval: Duration::from_secs(3600),
            max_contributors: 3,
        }
    }
}
