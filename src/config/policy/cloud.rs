//! Seeds 3 and 4: one step at a time, by the use of a service or of a machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SafetyNet;
use crate::units::{amount, duration};

/// One replica more where any sign is high, one less where all are low: seed 3's thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// One more above this use of the CPU, 0–1.
    pub cpu_up_ratio: f64,
    /// One less only below this use of the CPU.
    pub cpu_down_ratio: f64,
    /// One more above this use of the memory, 0–1.
    pub memory_up_ratio: f64,
    /// One less only below this use of the memory.
    pub memory_down_ratio: f64,
    /// One more where answers take longer.
    pub latency_up_seconds: f64,
    /// One less only where answers take less, if it is measured.
    pub latency_down_seconds: f64,
    /// One more where a larger share of the requests fails, 0–1.
    pub error_up_ratio: f64,
    /// The fewest replicas.
    pub min_replicas: u32,
    /// The most replicas.
    pub max_replicas: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cpu_up_ratio: 0.70,
            cpu_down_ratio: 0.30,
            memory_up_ratio: 0.75,
            memory_down_ratio: 0.35,
            latency_up_seconds: 0.5,
            latency_down_seconds: 0.1,
            error_up_ratio: 0.05,
            min_replicas: 1,
            max_replicas: 10,
        }
    }
}

/// One replica more or less, by seed 4's order of questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cloud {
    /// The questions.
    pub decision: CloudDecision,
    /// The fewest replicas.
    pub min_replicas: u32,
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            decision: CloudDecision::default(),
            min_replicas: 1,
            safety_net: SafetyNet::default(),
        }
    }
}

/// The questions, in this order: too soon after the last action? too little confidence? too much use
/// expected? too little?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudDecision {
    /// How long nothing is done after an action.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// Nothing is done below this confidence, 0–1: `1 / (1 + deviation / mean)` of the recent use.
    pub min_confidence: f64,
    /// How many samples the confidence rests on; before there are as many nothing is done.
    pub samples: u32,
    /// Up above this expected use, 0–1.
    pub scale_up_ratio: f64,
    /// Down below this expected use.
    pub scale_down_ratio: f64,
}

impl Default for CloudDecision {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(600),
            min_confidence: 0.6,
            samples: 60,
            scale_up_ratio: 0.75,
            scale_down_ratio: 0.30,
        }
    }
}

/// The next or the previous one of an ordered list of sizes, by the same questions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ladder {
    /// The questions.
    pub decision: CloudDecision,
    /// The sizes, the smallest first. A size that is none of them is left alone.
    pub instances: Vec<Instance>,
    /// What overrides the forecast.
    pub safety_net: SafetyNet,
}

impl Default for Ladder {
    fn default() -> Self {
        let gib = f64::from(1 << 30);
        let instance = |name: &str, gibs| Instance { name: name.to_owned(), size: gibs * gib };
        Self {
            decision: CloudDecision::default(),
            instances: vec![
                instance("t2.small", 2.0),
                instance("t2.medium", 4.0),
                instance("t2.large", 8.0),
            ],
            safety_net: SafetyNet::default(),
        }
    }
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// What it is called, such as an instance type.
    pub name: String,
    /// How large it is in the dimension that is moved: cores or bytes.
    #[serde(with = "amount")]
    pub size: f64,
}
