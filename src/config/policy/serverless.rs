//! The autoscalers that can also stop: Knative's and KEDA's.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Behavior;
use crate::units::duration;

/// Knative's pod autoscaler: a long window for quiet times, a short one for panic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knative {
    /// The utilisation aimed at (`container-concurrency-target-percentage`).
    pub target_ratio: f64,
    /// The window of quiet times.
    #[serde(with = "duration")]
    pub stable_window: Duration,
    /// The window of panic, as a share of the other.
    pub panic_window_ratio: f64,
    /// From this multiple of the ready replicas on, what the short window asks for is panic.
    pub panic_threshold_ratio: f64,
    /// The largest count of one decision, as a multiple of the ready replicas.
    pub max_scale_up_rate: f64,
    /// The smallest count of one decision, as a divisor of the ready replicas.
    pub max_scale_down_rate: f64,
    /// A shrink goes no lower than the highest count of this time.
    #[serde(with = "duration")]
    pub scale_down_delay: Duration,
    /// The fewest replicas.
    pub min_replicas: u32,
}

impl Default for Knative {
    fn default() -> Self {
        Self {
            target_ratio: 0.7,
            stable_window: Duration::from_secs(60),
            panic_window_ratio: 0.1,
            panic_threshold_ratio: 2.0,
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            scale_down_delay: Duration::ZERO,
            min_replicas: 1,
        }
    }
}

/// KEDA: whether anything is to be done at all, and then an HPA on the load per replica (`AverageValue`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keda {
    /// The load per replica aimed at, as a share of what one carries (the trigger's `threshold`).
    pub target_ratio: f64,
    /// A load of more than this is work (`activationThreshold`); it outranks the target.
    pub activation_load: f64,
    /// How long after the last work the count falls to `idle_replicas`, or to `min_replicas`.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// The fewest replicas. KEDA's own default is 0; no guard lets that through.
    pub min_replicas: u32,
    /// The replicas without work; fewer than `min_replicas`.
    pub idle_replicas: Option<u32>,
    /// What holds while the load is not known.
    pub fallback: Fallback,
    /// How fast the HPA may move.
    pub behavior: Behavior,
}

impl Default for Keda {
    fn default() -> Self {
        Self {
            target_ratio: 0.7,
            activation_load: 0.0,
            cooldown: Duration::from_secs(300),
            min_replicas: 1,
            idle_replicas: None,
            fallback: Fallback::default(),
            behavior: Behavior::default(),
        }
    }
}

/// What holds while the load is not known. Fewer replicas than there are never do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fallback {
    /// So many failures in a row are borne.
    pub failure_threshold: u32,
    /// From then on at least this many; `null` for those that there are.
    pub replicas: Option<u32>,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { failure_threshold: 3, replicas: None }
    }
}
