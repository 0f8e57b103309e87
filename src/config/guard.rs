//! What a change must pass.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::target::Dimension;
use crate::units::duration;

/// The guard's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// A change smaller than this share of the present size is not made, unless it reaches a bound.
    pub tolerance_ratio: f64,
    /// The largest growth of one decision, as a share of the present size: 1 doubles.
    pub max_growth_ratio: f64,
    /// The largest shrink of one decision, as a share of the present size: 0.5 halves.
    pub max_shrink_ratio: f64,
    /// How long after a confirmed growth no other growth is made.
    #[serde(with = "duration")]
    pub cooldown_up: Duration,
    /// How long after any confirmed change no shrink is made.
    #[serde(with = "duration")]
    pub cooldown_down: Duration,
    /// A shrink goes no lower than the highest need within this time.
    #[serde(with = "duration")]
    pub stabilization_down: Duration,
    /// A growth goes no higher than the lowest need within this time.
    #[serde(with = "duration")]
    pub stabilization_up: Duration,
    /// Memory stays above working set and recent peak by this share of them.
    pub memory_margin_ratio: f64,
    /// How far back the peak is looked for.
    #[serde(with = "duration")]
    pub peak_window: Duration,
    /// Whether a limit may be introduced where there is none.
    pub introduce_limits: bool,
}

impl Guard {
    /// The guard of a dimension for which nothing is configured. Replicas come and go whole and in any
    /// number, so there are no steps and no tolerance; a policy that paces itself is left to its pace, of
    /// limits too. What memory uses is kept from every policy.
    pub fn default_for(dimension: Dimension, policy: &Policy) -> Self {
        let limits = Self::default();
        if dimension != Dimension::Replicas && !policy.paces_itself() {
            return limits;
        }
        Self {
            tolerance_ratio: 0.0,
            max_growth_ratio: f64::MAX,
            max_shrink_ratio: 1.0,
            cooldown_up: Duration::ZERO,
            cooldown_down: if policy.paces_itself() {
                Duration::ZERO
            } else {
                limits.cooldown_down
            },
            stabilization_down: Duration::ZERO,
            ..limits
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            tolerance_ratio: 0.1,
            max_growth_ratio: 1.0,
            max_shrink_ratio: 0.5,
            cooldown_up: Duration::from_secs(30),
            cooldown_down: Duration::from_secs(300),
            stabilization_down: Duration::from_secs(300),
            stabilization_up: Duration::ZERO,
            memory_margin_ratio: 0.2,
            peak_window: Duration::from_secs(3600),
            introduce_limits: false,
        }
    }
}
