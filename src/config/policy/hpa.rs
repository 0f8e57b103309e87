//! The Kubernetes HorizontalPodAutoscaler, `autoscaling/v2`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// Keep the mean utilisation at a target. Names and defaults are those of `autoscaling/v2`, except where
/// a key says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hpa {
    /// The utilisation aimed at: the load over what the ready replicas carry.
    pub target_ratio: f64,
    /// The same of the replicas' CPU, beside the load; the highest wish wins.
    pub cpu_target_ratio: Option<f64>,
    /// The same of the replicas' memory.
    pub memory_target_ratio: Option<f64>,
    /// A utilisation this much above the target, as a share of it, changes nothing.
    pub tolerance_up_ratio: f64,
    /// A utilisation this much below the target, as a share of it, changes nothing.
    pub tolerance_down_ratio: f64,
    /// The fewest replicas.
    pub min_replicas: u32,
    /// Whether the count that is found at the start is the first recommendation, so that nothing is
    /// taken within the first window. Kubernetes does so after a restart of its controller; without it
    /// the policy acts as one that has run for long.
    pub first_is_current: bool,
    /// Whether `behavior` is not read and the older rules hold: the highest recommendation of 300 s, and
    /// growth to `max(2 · current, 4)` at most. An HPA without a `behavior` follows them.
    pub without_behavior: bool,
    /// How fast it may move.
    pub behavior: Behavior,
}

impl Default for Hpa {
    fn default() -> Self {
        Self {
            target_ratio: 0.7,
            cpu_target_ratio: None,
            memory_target_ratio: None,
            tolerance_up_ratio: 0.1,
            tolerance_down_ratio: 0.1,
            min_replicas: 1,
            first_is_current: false,
            without_behavior: false,
            behavior: Behavior::default(),
        }
    }
}

/// How fast it may move, per direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behavior {
    /// What the limits of a growth count from.
    pub growth_from: GrowthFrom,
    /// Growth.
    pub scale_up: ScalingRules,
    /// Shrink.
    pub scale_down: ScalingRules,
}

impl Default for Behavior {
    fn default() -> Self {
        let all = ScalingPolicy {
            kind: ScalingKind::Percent,
            value: 100,
            period: Duration::from_secs(15),
        };
        let four = ScalingPolicy { kind: ScalingKind::Pods, value: 4, ..all };
        Self {
            growth_from: GrowthFrom::Ready,
            scale_up: ScalingRules {
                stabilization_window: Duration::ZERO,
                select_policy: SelectPolicy::Max,
                policies: vec![all, four],
            },
            scale_down: ScalingRules {
                stabilization_window: Duration::from_secs(300),
                select_policy: SelectPolicy::Max,
                policies: vec![all],
            },
        }
    }
}

/// What the limits of a growth count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowthFrom {
    /// The replicas that serve.
    Ready,
    /// The replicas that were wanted when the period began, as in Kubernetes.
    Wanted,
}

/// The rules of one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingRules {
    /// A growth goes no higher than the lowest recommendation of this time, a shrink no lower than the
    /// highest.
    #[serde(with = "duration")]
    pub stabilization_window: Duration,
    /// Which of the policies counts.
    pub select_policy: SelectPolicy,
    /// How much each period may change.
    pub policies: Vec<ScalingPolicy>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectPolicy {
    /// The one that allows the most.
    Max,
    /// The one that allows the least.
    Min,
    /// None: nothing moves in this direction.
    Disabled,
}

/// How much one period may change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingPolicy {
    /// What `value` counts.
    pub kind: ScalingKind,
    /// The largest change of a period.
    pub value: u32,
    /// The period.
    #[serde(with = "duration")]
    pub period: Duration,
}

/// What the value of a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingKind {
    /// Replicas.
    Pods,
    /// Hundredths of the replicas at the start of the period.
    Percent,
}
