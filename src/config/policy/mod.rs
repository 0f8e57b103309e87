//! How a size is chosen: one file a family of policies.

mod aws;
mod cloud;
mod count;
mod hpa;
mod serverless;
mod shadow;
mod threshold;
mod vertical;

use serde::{Deserialize, Serialize};

use crate::target::Dimension;

pub use aws::{AdjustmentType, StepAdjustment, StepAlarm, StepScaling, TargetTracking};
pub use cloud::{Cloud, CloudDecision, Instance, Ladder, Thresholds};
pub use count::{Buffered, ConfidenceAware, SafetyNet, SimpleCeiling, Static, Step};
pub use hpa::{Behavior, GrowthFrom, Hpa, ScalingKind, ScalingPolicy, ScalingRules, SelectPolicy};
pub use serverless::{Fallback, Keda, Knative};
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
    /// One replica more where any sign is high, one less where all are low.
    Thresholds(Thresholds),
    /// One replica more or less, by an order of questions.
    Cloud(Cloud),
    /// The next or the previous one of an ordered list of sizes.
    Ladder(Ladder),
    /// AWS: keep the utilisation near a target.
    TargetTracking(TargetTracking),
    /// AWS: the further from a threshold, the larger the step.
    StepScaling(StepScaling),
    /// The Kubernetes HorizontalPodAutoscaler.
    Hpa(Hpa),
    /// Knative's pod autoscaler.
    Knative(Knative),
    /// KEDA.
    Keda(Keda),
    /// The recommender of the Kubernetes VerticalPodAutoscaler.
    Vpa(Vpa),
    /// Autopilot's moving window.
    Autopilot(Autopilot),
    /// senpai: as little memory as tasks do not wait for.
    Senpai(Senpai),
}

impl Policy {
    /// Every policy with every default, by the names that `loadline simulate --policies` takes.
    pub fn all() -> Vec<Self> {
        let aiming = |aim| Self::Shadow(Shadow { aim, ..Shadow::default() });
        let following = |statistic| {
            Self::Autopilot(Autopilot { statistic: Some(statistic), ..Autopilot::default() })
        };
        let mut all = vec![
            Self::Shadow(Shadow::default()),
            aiming(Aim::Slo),
            aiming(Aim::Price),
            Self::Threshold(Threshold::default()),
            Self::Static(Static::default()),
            Self::SimpleCeiling(SimpleCeiling::default()),
            Self::Buffered(Buffered::default()),
            Self::ConfidenceAware(ConfidenceAware::default()),
            Self::Step(Step::default()),
            Self::Thresholds(Thresholds::default()),
            Self::Cloud(Cloud::default()),
            Self::Ladder(Ladder::default()),
            Self::TargetTracking(TargetTracking::default()),
            Self::StepScaling(StepScaling::default()),
            Self::Hpa(Hpa::default()),
            Self::Knative(Knative::default()),
            Self::Keda(Keda::default()),
            Self::Vpa(Vpa::default()),
            Self::Autopilot(Autopilot::default()),
        ];
        all.extend(Statistic::ALL.map(following));
        all.push(Self::Senpai(Senpai::default()));
        all
    }

    /// The names of all policies that can size `dimension`.
    pub fn names(dimension: Dimension) -> Vec<&'static str> {
        let all = Self::all();
        all.iter().filter(|policy| policy.supports(dimension)).map(Self::name).collect()
    }

    /// The policy of this name, with every default. `static5` is `static` with five replicas.
    pub fn named(name: &str) -> Option<Self> {
        let replicas = name.strip_prefix("static").and_then(|count| count.parse().ok());
        match replicas {
            Some(replicas) => (replicas > 0).then_some(Self::Static(Static { replicas })),
            None => Self::all().into_iter().find(|policy| policy.name() == name),
        }
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
            Self::Thresholds(_) => "thresholds",
            Self::Cloud(_) => "cloud",
            Self::Ladder(_) => "ladder",
            Self::TargetTracking(_) => "target_tracking",
            Self::StepScaling(_) => "step_scaling",
            Self::Hpa(_) => "hpa",
            Self::Knative(_) => "knative",
            Self::Keda(_) => "keda",
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
            | Self::Thresholds(_)
            | Self::Cloud(_)
            | Self::TargetTracking(_)
            | Self::StepScaling(_)
            | Self::Hpa(_)
            | Self::Knative(_)
            | Self::Keda(_) => matches!(dimension, Dimension::Replicas),
            Self::Ladder(_) => matches!(dimension, Dimension::Cpu | Dimension::Memory),
        }
    }

    /// Whether it learns from days of what it sizes.
    pub const fn learns(&self) -> bool {
        matches!(self, Self::Shadow(_) | Self::Vpa(_) | Self::Autopilot(_))
    }

    /// Whether it waits between two changes by rules of its own, so that the guard's cooldown,
    /// stabilization, tolerance and steps stay out of its way unless they are configured. Seed 5's
    /// policies wait for nothing, and are measured as such.
    pub const fn paces_itself(&self) -> bool {
        match self {
            Self::Threshold(_) | Self::Thresholds(_) => false,
            Self::Shadow(_)
            | Self::Static(_)
            | Self::SimpleCeiling(_)
            | Self::Buffered(_)
            | Self::ConfidenceAware(_)
            | Self::Step(_)
            | Self::Cloud(_)
            | Self::Ladder(_)
            | Self::TargetTracking(_)
            | Self::StepScaling(_)
            | Self::Hpa(_)
            | Self::Knative(_)
            | Self::Keda(_)
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
            Self::Cloud(policy) => Some(&policy.safety_net),
            Self::Ladder(policy) => Some(&policy.safety_net),
            Self::Shadow(_)
            | Self::Threshold(_)
            | Self::Static(_)
            | Self::Thresholds(_)
            | Self::TargetTracking(_)
            | Self::StepScaling(_)
            | Self::Hpa(_)
            | Self::Knative(_)
            | Self::Keda(_)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const DOCUMENTED: &str = include_str!("../../../docs/policies.md");

    /// The settings in the documentation, a policy each.
    fn blocks() -> impl Iterator<Item = &'static str> {
        DOCUMENTED.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next())
    }

    fn keys(value: &serde_json::Value) -> Vec<String> {
        match value {
            serde_json::Value::Object(entries) => {
                entries.iter().flat_map(|(key, v)| [vec![key.clone()], keys(v)].concat()).collect()
            }
            serde_json::Value::Array(items) => items.iter().flat_map(keys).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_documented_settings_are_the_defaults_and_name_every_key() {
        let mut seen = Vec::new();
        for block in blocks() {
            let lines: Vec<String> = block.lines().map(|line| format!("  {line}")).collect();
            let head = "prometheus: {url: http://p}\ntargets: [{name: a}]\npolicy:\n";
            let text = format!("{head}{}\n", lines.join("\n"));
            let read = config::parse(&text, "f").unwrap_or_else(|error| panic!("{block}{error}"));
            let policy = read.policy.expect("a policy");
            assert_eq!(Some(&policy), Policy::named(policy.name()).as_ref());
            for key in keys(&serde_json::to_value(&policy).expect("writes")) {
                assert!(block.contains(&format!("{key}:")), "{}: {key}", policy.name());
            }
            seen.push(policy.name());
        }
        let elsewhere = ["slo", "price", "threshold"];
        let own = |name: &&str| !elsewhere.contains(name) && !name.starts_with("autopilot_");
        for name in Policy::all().iter().map(Policy::name).filter(own) {
            assert!(seen.contains(&name), "docs/policies.md does not speak of {name}");
        }
    }
}
