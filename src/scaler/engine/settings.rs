//! What the engine holds of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Guard, Policy, Scale, TargetRule, WorkloadRule};
use crate::target::{Dimension, Mode};

/// What the engine holds of one rule's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// The mode of its targets.
    pub mode: Mode,
    /// Which dimensions are decided, and how.
    pub dimensions: BTreeMap<Dimension, DimensionSettings>,
    /// What the replicas carry; `None` where they are not looked after.
    pub workload: Option<WorkloadRule>,
    /// The steps in which a policy of replicas learns the load: a minute, or a tick where that is longer.
    #[serde(with = "crate::units::duration")]
    pub step: Duration,
}

/// How one dimension is decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionSettings {
    /// Its bounds. `None`: advice without bounds.
    pub scale: Option<Scale>,
    /// How a size is chosen.
    pub policy: Policy,
    /// What a change must pass.
    pub guard: Guard,
}

impl DimensionSettings {
    /// The settings of `dimension`, with its defaults for what is not configured.
    pub fn new(
        dimension: Dimension,
        scale: Option<Scale>,
        policy: Option<Policy>,
        guard: Option<Guard>,
    ) -> Self {
        let policy = policy
            .filter(|policy| policy.supports(dimension))
            .unwrap_or_else(|| Policy::default_for(dimension));
        let guard = guard.unwrap_or_else(|| Guard::default_for(dimension, &policy));
        Self { scale, policy, guard }
    }
}

impl RuleSettings {
    /// The default policy was worked out on loads by the minute.
    pub const SHORTEST_STEP: Duration = Duration::from_secs(60);

    /// The settings of `rule`, with what it inherits from `config`. A rule that names no dimension
    /// gets advice on all limits, and on replicas where it says what they carry.
    pub fn of(rule: &TargetRule, config: &Config) -> Self {
        let scales: Vec<(Dimension, Option<Scale>)> = if rule.scale.is_empty() {
            let replicas = rule.workload.as_ref().map(|_| Dimension::Replicas);
            Dimension::LIMITS.into_iter().chain(replicas).map(|d| (d, None)).collect()
        } else {
            rule.scale.iter().map(|(d, s)| (*d, Some(s.clone()))).collect()
        };
        let policy = rule.policy.as_ref().or(config.policy.as_ref());
        let guard = rule.guard.as_ref().or(config.guard.as_ref());
        let of = |(dimension, scale)| {
            let settings =
                DimensionSettings::new(dimension, scale, policy.cloned(), guard.cloned());
            (dimension, settings)
        };
        Self {
            mode: rule.mode.unwrap_or(config.global.mode),
            dimensions: scales.into_iter().map(of).collect(),
            workload: rule.workload.clone(),
            step: config.global.evaluation_interval.max(Self::SHORTEST_STEP),
        }
    }

    /// What the replicas carry, where a policy that learns from their load looks after them.
    pub(super) fn foreseen_workload(&self) -> Option<&WorkloadRule> {
        let policy = &self.dimensions.get(&Dimension::Replicas)?.policy;
        self.workload.as_ref().filter(|_| policy.learns())
    }
}
