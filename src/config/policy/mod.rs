//! How a size is chosen: one file a family of policies.

mod count;
mod hpa;
mod shadow;
mod threshold;
mod vertical;

use serde::{Deserialize, Serialize};

use crate::target::Dimension;

pub use count::{Buffered, ConfidenceAware, SafetyNet, SimpleCeiling, Static, Step};
pub use hpa::{Behavior, GrowthFrom, Hpa, ScalingKind, ScalingPolicy, ScalingRules, SelectPolicy};
pub use shadow::{Aim, Shadow};
pub use threshold::{Threshold, ThresholdDimension};
pub use vertical::{Autopilot, Senpai, SenpaiProgram, ShadowLimits, Statistic, Vpa};

/// Which policy, with its parameters. Keyed by variant: `policy: { threshold: { … } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Rules in shadow, the best of which is obeyed.
    #[serde(rename = "default")]
    Shadow(Shadow),
    /// Utilisation thresholds with absolute sizes.
    Threshold(Threshold),
    /// Always the same count.
    Static(Static),
    /// As many replicas as the expected load fills.
    SimpleCeiling(SimpleCeiling),
    /// The same with a margin.
    Buffered(Buffered),
    /// As many replicas as a high quantile of the forecast fills.
    ConfidenceAware(ConfidenceAware),
    /// One replica at a time, with a pause after each action.
    Step(Step),
    /// The Kubernetes HorizontalPodAutoscaler.
    Hpa(Hpa),
    /// The recommender of the Kubernetes VerticalPodAutoscaler.
    Vpa(Vpa),
    /// Autopilot's moving window.
    Autopilot(Autopilot),
    /// senpai: as little memory as tasks do not wait for.
    Senpai(Senpai),
}

impl Policy {
    /// The names of all policies, as `loadline simulate --policies` takes them.
    pub const NAMES: [&str; 19] = [
        "default",
        "slo",
        "price",
        "threshold",
        "static",
        "simple_ceiling",
        "buffered",
        "confidence_aware",
        "step",
        "hpa",
        "vpa",
        "autopilot",
        "autopilot_peak",
        "autopilot_mean",
        "autopilot_p98",
        "autopilot_p95",
        "autopilot_p90",
        "autopilot_p60",
        "senpai",
    ];

    /// The policy of this name, with every default. `static5` is `static` with five replicas.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "default" => Self::Shadow(Shadow::default()),
            "slo" => Self::Shadow(Shadow { aim: Aim::Slo, ..Shadow::default() }),
            "price" => Self::Shadow(Shadow { aim: Aim::Price, ..Shadow::default() }),
            "threshold" => Self::Threshold(Threshold::default()),
            "simple_ceiling" => Self::SimpleCeiling(SimpleCeiling::default()),
            "buffered" => Self::Buffered(Buffered::default()),
            "confidence_aware" => Self::ConfidenceAware(ConfidenceAware::default()),
            "step" => Self::Step(Step::default()),
            "hpa" => Self::Hpa(Hpa::default()),
            "vpa" => Self::Vpa(Vpa::default()),
            "autopilot" => Self::Autopilot(Autopilot::default()),
            "senpai" => Self::Senpai(Senpai::default()),
            _ if name.starts_with("autopilot_") => {
                let named = |statistic: &Statistic| statistic.policy_name() == name;
                let statistic = Some(Statistic::ALL.into_iter().find(named)?);
                Self::Autopilot(Autopilot { statistic, ..Autopilot::default() })
            }
            _ => Self::Static(match name.strip_prefix("static")? {
                "" => Static::default(),
                replicas => Static { replicas: replicas.parse().ok().filter(|n| *n > 0)? },
            }),
        })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Shadow(policy) => policy.aim.name(),
            Self::Threshold(_) => "threshold",
            Self::Static(_) => "static",
            Self::SimpleCeiling(_) => "simple_ceiling",
            Self::Buffered(_) => "buffered",
            Self::ConfidenceAware(_) => "confidence_aware",
            Self::Step(_) => "step",
            Self::Hpa(_) => "hpa",
            Self::Vpa(_) => "vpa",
            Self::Autopilot(policy) => match policy.statistic {
                Some(statistic) => statistic.policy_name(),
                None => "autopilot",
            },
            Self::Senpai(_) => "senpai",
        }
    }

    /// Whether it can size `dimension`.
    pub const fn supports(&self, dimension: Dimension) -> bool {
        match self {
            Self::Threshold(_) | Self::Shadow(_) => {
                matches!(dimension, Dimension::Cpu | Dimension::Memory | Dimension::Replicas)
            }
            Self::Vpa(_) | Self::Autopilot(_) => {
                matches!(dimension, Dimension::Cpu | Dimension::Memory)
            }
            Self::Senpai(_) => matches!(dimension, Dimension::Memory),
            Self::Static(_)
            | Self::SimpleCeiling(_)
            | Self::Buffered(_)
            | Self::ConfidenceAware(_)
            | Self::Step(_)
            | Self::Hpa(_) => matches!(dimension, Dimension::Replicas),
        }
    }

    /// Whether it waits between two changes by rules of its own, so that the guard's cooldown,
    /// stabilization, tolerance and steps stay out of its way unless they are configured. Seed 5's
    /// policies wait for nothing, and are measured as such.
    pub const fn paces_itself(&self) -> bool {
        match self {
            Self::Threshold(_) => false,
            Self::Shadow(_)
            | Self::Static(_)
            | Self::SimpleCeiling(_)
            | Self::Buffered(_)
            | Self::ConfidenceAware(_)
            | Self::Step(_)
            | Self::Hpa(_)
            | Self::Vpa(_)
            | Self::Autopilot(_)
            | Self::Senpai(_) => true,
        }
    }

    /// What overrides the forecast that it follows, if it follows one.
    pub const fn safety_net(&self) -> Option<&SafetyNet> {
        match self {
            Self::SimpleCeiling(policy) => Some(&policy.safety_net),
            Self::Buffered(policy) => Some(&policy.safety_net),
            Self::ConfidenceAware(policy) => Some(&policy.safety_net),
            Self::Step(policy) => Some(&policy.safety_net),
            Self::Shadow(_)
            | Self::Threshold(_)
            | Self::Static(_)
            | Self::Hpa(_)
            | Self::Vpa(_)
            | Self::Autopilot(_)
            | Self::Senpai(_) => None,
        }
    }

    /// The policy of a dimension for which none is configured.
    pub fn default_for(dimension: Dimension) -> Self {
        match dimension {
            Dimension::Cpu | Dimension::Memory => Self::Threshold(Threshold::default()),
            Dimension::Replicas => Self::Shadow(Shadow::default()),
        }
    }
}
