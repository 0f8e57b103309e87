//! How a size is chosen: one file a family of policies.

mod threshold;

use serde::{Deserialize, Serialize};

use crate::target::Dimension;

pub use threshold::{Threshold, ThresholdDimension};

/// Which policy, with its parameters. Keyed by variant: `policy: { threshold: { … } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Utilisation thresholds with absolute sizes.
    Threshold(Threshold),
}

impl Policy {
    /// The names of all policies, as `loadline simulate --policies` takes them.
    pub const NAMES: [&str; 1] = ["threshold"];

    /// The policy of this name, with every default.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "threshold" => Some(Self::Threshold(Threshold::default())),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Threshold(_) => "threshold",
        }
    }

    /// Whether it can size `dimension`.
    pub const fn supports(&self, dimension: Dimension) -> bool {
        match self {
            Self::Threshold(_) => {
                matches!(dimension, Dimension::Cpu | Dimension::Memory | Dimension::Replicas)
            }
        }
    }

    /// Whether it waits between two changes by rules of its own, so that the guard's cooldown,
    /// stabilization, tolerance and steps stay out of its way unless they are configured.
    pub const fn paces_itself(&self) -> bool {
        match self {
            Self::Threshold(_) => false,
        }
    }

    /// The policy of a dimension for which none is configured.
    pub fn default_for(_dimension: Dimension) -> Self {
        Self::Threshold(Threshold::default())
    }
}
