//! How the unusual is found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// The Isolation Forest's parameters, with scikit-learn's names, and what surrounds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detection {
    /// Which detector.
    pub mode: DetectionMode,
    /// The settings of the mode `calibrated`.
    pub calibrated: Calibrated,
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
            mode: DetectionMode::Calibrated,
            calibrated: Calibrated::default(),
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

/// Which detector judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectionMode {
    /// Calibrated views of each signal and a joint score of the whitened row.
    #[default]
    Calibrated,
    /// An Isolation Forest on rolling features of CPU and memory, as in the seeds.
    Plain,
}

/// The parts of the mode `calibrated`, their weights, and what becomes an alert. Rows are evaluations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calibrated {
    /// From this score on (0-1) a moment is anomalous, or worth an alert.
    pub threshold: f64,
    /// How each signal is looked at.
    pub views: Vec<View>,
    /// How many of the most surprising views of a signal count.
    pub top_views: usize,
    /// The weight of all signals together in the score; 0 leaves them out.
    pub joint_weight: f64,
    /// The weight of the signals by themselves in the score of several signals.
    pub views_weight: f64,
    /// The profile forest's share in the joint score of several signals, 0-1; the rest is the
    /// distance's. 0 grows no forest.
    pub forest_weight: f64,
    /// Rows whose joint score is more deviations than this above the usual are not learnt.
    pub exclude_above: f64,
    /// A new level that lasts this long is learnt nevertheless; in a young target sooner.
    #[serde(with = "duration")]
    pub adapt_after: Duration,
    /// How many rows lie between two fits of a target's joint model, at least.
    pub refit_rows: u32,
    /// After an alert, only a higher score alerts again within this many rows.
    pub hold_rows: u32,
    /// What each alert of the last 10 000 rows takes from the next one's surprise.
    pub rate_penalty: f64,
}

impl Default for Calibrated {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            views: View::ALL.to_vec(),
            top_views: 3,
            joint_weight: 1.0,
            views_weight: 0.125,
            forest_weight: 0.7,
            exclude_above: 3.0,
            adapt_after: Duration::from_secs(3 * 24 * 3600),
            refit_rows: 288,
            hold_rows: 200,
            rate_penalty: 0.1,
        }
    }
}

/// One way to look at a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Beyond everything seen before.
    Record,
    /// Far from the long-term level.
    Level,
    /// Far from the recent level.
    RecentLevel,
    /// A jump against the row before.
    Jump,
    /// Unusual for the time of day.
    TimeOfDay,
    /// A lasting shift against the usual day.
    Shift,
    /// Unusual for the time of day over several rows.
    SmoothedTimeOfDay,
    /// More or less restless than usual.
    Restlessness,
}

impl View {
    /// Every view, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Record,
        Self::Level,
        Self::RecentLevel,
        Self::Jump,
        Self::TimeOfDay,
        Self::Shift,
        Self::SmoothedTimeOfDay,
        Self::Restlessness,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
}
