//! Counts of replicas from a forecast: the policies of seed 5, and what overrides a forecast.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// Always the same count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Static {
    /// How many replicas.
    pub replicas: u32,
}

impl Default for Static {
    fn default() -> Self {
        Self { replicas: 2 }
    }
}

/// As many replicas as the expected load fills: `max(1, ⌈expected / capacity⌉)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimpleCeiling {
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

/// The same with a margin: `max(1, ⌈expected · buffer_ratio / capacity⌉)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Buffered {
    /// What the expected load is multiplied by.
    pub buffer_ratio: f64,
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

impl Default for Buffered {
    fn default() -> Self {
        Self { buffer_ratio: 1.15, safety_net: SafetyNet::default() }
    }
}

/// As many replicas as a high quantile of the forecast fills.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfidenceAware {
    /// The level of the quantile, in (0, 1); the nearest one that the forecast has is taken.
    pub level: f64,
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

impl Default for ConfidenceAware {
    fn default() -> Self {
        Self { level: 0.95, safety_net: SafetyNet::default() }
    }
}

/// One replica at a time, with a pause after each action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// How long nothing is done after an action, the safety net's and anyone else's included.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// One replica less where the need is below this share of the present count.
    pub scale_down_ratio: f64,
    /// The fewest replicas.
    pub min_replicas: u32,
    /// The most replicas.
    pub max_replicas: u32,
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(600),
            scale_down_ratio: 0.6,
            min_replicas: 1,
            max_replicas: 20,
            safety_net: SafetyNet::default(),
        }
    }
}

/// What overrides a forecast that says too little: one replica more while the service suffers, and no
/// lower limit while a container starves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyNet {
    /// Of replicas: answers slower than this add a replica.
    pub latency_seconds: f64,
    /// Of replicas: a higher use of their CPU than this adds a replica, 0–1.
    pub cpu_ratio: f64,
    /// Of limits: from this share of time on in which tasks wait for the resource, nothing is lowered, 0–1.
    pub pressure_ratio: f64,
    /// Of limits: from this share of throttled periods on nothing is lowered, 0–1.
    pub throttled_ratio: f64,
}

impl Default for SafetyNet {
    fn default() -> Self {
        Self { latency_seconds: 0.15, cpu_ratio: 0.9, pressure_ratio: 0.1, throttled_ratio: 0.25 }
    }
}
