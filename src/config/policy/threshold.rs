//! Utilisation thresholds.

use serde::{Deserialize, Serialize};

use crate::target::Dimension;
use crate::units::amount;

/// Grow above one utilisation, shrink below another, and aim at a third in both cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threshold {
    /// For the CPU quota.
    pub cpu: ThresholdDimension,
    /// For the memory limit.
    pub memory: ThresholdDimension,
    /// For the number of replicas; what is used is the load over `workload.capacity`.
    pub replicas: ThresholdDimension,
    /// How much of a new, lower need is believed at each tick, in (0, 1]:
    /// `smoothed ← smoothed + factor · (need − smoothed)`. A higher need is believed at once.
    pub smoothing_factor: f64,
    /// A CPU throttled in this share of its enforcement periods, or more, grows even where its usage
    /// looks moderate: the quota caps what is used, so usage says less than the need. 0–1.
    pub throttled_ratio: f64,
    /// The smallest growth, as a share of the present size, beside `chunk`: what an alert, throttling
    /// or an anomaly asks for at least. Below the guard's `tolerance_ratio` the guard would hold it.
    pub min_growth_ratio: f64,
}

impl Threshold {
    /// The parameters of one dimension.
    pub fn dimension(&self, dimension: Dimension) -> &ThresholdDimension {
        match dimension {
            Dimension::Cpu => &self.cpu,
            Dimension::Memory => &self.memory,
            Dimension::Replicas => &self.replicas,
        }
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            cpu: ThresholdDimension {
                scale_up_ratio: 0.75,
                scale_down_ratio: 0.30,
                target_ratio: 0.50,
                chunk: 0.1,
                upper_limit: 4.0,
            },
            memory: ThresholdDimension {
                scale_up_ratio: 0.75,
                scale_down_ratio: 0.30,
                target_ratio: 0.50,
                chunk: (50 << 20) as f64,
                upper_limit: (1 << 30) as f64,
            },
            replicas: ThresholdDimension {
                scale_up_ratio: 0.75,
                scale_down_ratio: 0.30,
                target_ratio: 0.50,
                chunk: 1.0,
                upper_limit: 4.0,
            },
            smoothing_factor: 0.1,
            throttled_ratio: 0.25,
            min_growth_ratio: 0.1,
        }
    }
}

/// The thresholds of one dimension. Ratios are usage over limit, 0–1; sizes are cores, bytes or replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdDimension {
    /// Grow above this.
    pub scale_up_ratio: f64,
    /// Shrink below this.
    pub scale_down_ratio: f64,
    /// The utilisation aimed at.
    pub target_ratio: f64,
    /// The smallest change, and the grain of sizes (the seeds' `ram_chunk_size`).
    #[serde(with = "amount")]
    pub chunk: f64,
    /// The largest change of one decision (the seeds' `ram_upper_limit`).
    #[serde(with = "amount")]
    pub upper_limit: f64,
}
