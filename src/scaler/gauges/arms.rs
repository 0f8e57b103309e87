//! Which rule the policy `default` obeys, and what that rests on.

use std::fmt::Error;

use super::{Series, TargetFamily};
use crate::policy::{shadow, vertical_shadow};
use crate::scaler::engine::TargetState;
use crate::target::Dimension;

pub(super) const FAMILIES: [TargetFamily; 5] = [
    TargetFamily {
        name: "loadline_arm_info",
        help: "Always 1; the label arm names the rule that the policy default obeys, and the next best",
        put: |s, rule, t| {
            each(t, |dimension, standing| {
                for (role, arm) in standing.names() {
                    s.put(rule, t, &[dimension, ("role", role), ("arm", arm)], 1.0)?;
                }
                Ok(())
            })
        },
    },
    TargetFamily {
        name: "loadline_arm_replicas",
        help: "Replicas on average under a rule in shadow: the obeyed one, the next best, the reference",
        put: |s, rule, t| {
            records(s, rule, t, |standing| standing.of_replicas(|record| record.replicas))
        },
    },
    TargetFamily {
        name: "loadline_arm_limit",
        help: "The mean limit under a rule in shadow, in cores or bytes: the obeyed one, the next best",
        put: |s, rule, t| {
            records(s, rule, t, |standing| standing.of_limit(|record| record.mean_limit))
        },
    },
    TargetFamily {
        name: "loadline_arm_short_ratio",
        help: "Share of the time in which the load is more than the replicas carry, or the need comes near the limit, under a rule in shadow",
        put: |s, rule, t| {
            records(s, rule, t, |standing| {
                let mut all = standing.of_replicas(|record| record.short_ratio);
                all.extend(standing.of_limit(|record| record.short_ratio));
                all
            })
        },
    },
    TargetFamily {
        name: "loadline_arm_changes_per_hour",
        help: "Changes of the replicas an hour under a rule in shadow",
        put: |s, rule, t| {
            records(s, rule, t, |standing| standing.of_replicas(|record| record.changes * 60.0))
        },
    },
];

const OBEYED: &str = "obeyed";
const RUNNER_UP: &str = "runner_up";
const REFERENCE: &str = "reference";

/// What the policy rests on in one dimension.
enum Standing {
    Replicas(shadow::Standing),
    Limit(vertical_shadow::Standing),
}

impl Standing {
    /// The rules by their roles.
    fn names(&self) -> Vec<(&'static str, &str)> {
        let (obeyed, next) = match self {
            Self::Replicas(of) => (&of.obeyed.name, of.next.as_ref().map(|next| &next.name)),
            Self::Limit(of) => (&of.obeyed.name, of.next.as_ref().map(|next| &next.name)),
        };
        let next = next.map(|next| (RUNNER_UP, next.as_str()));
        [(OBEYED, obeyed.as_str())].into_iter().chain(next).collect()
    }

    /// A value of each record of replicas that counts, by its role.
    fn of_replicas(&self, value: fn(&shadow::Record) -> f64) -> Vec<(&'static str, f64)> {
        let Self::Replicas(of) = self else { return Vec::new() };
        let next = of.next.as_ref().map(|next| (RUNNER_UP, value(&next.record)));
        let two = [(OBEYED, value(&of.obeyed.record)), (REFERENCE, value(&of.reference))];
        two.into_iter().chain(next).collect()
    }

    /// A value of each record of limits that counts, by its role.
    fn of_limit(&self, value: fn(&vertical_shadow::Candidate) -> f64) -> Vec<(&'static str, f64)> {
        let Self::Limit(of) = self else { return Vec::new() };
        let next = of.next.as_ref().map(|next| (RUNNER_UP, value(next)));
        [(OBEYED, value(&of.obeyed))].into_iter().chain(next).collect()
    }
}

/// One value a role.
fn records(
    series: &mut Series<'_>,
    rule: &str,
    target: &TargetState,
    values: fn(&Standing) -> Vec<(&'static str, f64)>,
) -> Result<(), Error> {
    each(target, |dimension, standing| {
        for (role, value) in values(standing) {
            series.put(rule, target, &[dimension, ("role", role)], value)?;
        }
        Ok(())
    })
}

/// Calls `put` with the label of each dimension in which a rule is obeyed.
fn each(
    target: &TargetState,
    mut put: impl FnMut((&'static str, &'static str), &Standing) -> Result<(), Error>,
) -> Result<(), Error> {
    for (dimension, state) in &target.dimensions {
        let standing = match dimension {
            Dimension::Replicas => state.policy().standing().map(Standing::Replicas),
            _ => state.policy().limit_standing(*dimension).map(Standing::Limit),
        };
        if let Some(standing) = standing {
            put(("dimension", dimension.name()), &standing)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, RwLock};
    use std::time::Duration;

    use super::super::{LoopMetrics, registry};
    use crate::config::{Detection, Forecast, Policy};
    use crate::scaler::engine::{DimensionSettings, Engine, Quiet, RuleSettings};
    use crate::scaler::observed::Observed;
    use crate::target::{Dimension, Labels, Mode, Signal, Target};
    use crate::units::Timestamp;
    use crate::window::{Observation, Reading};

    /// What is published of the arms after so many ticks of five minutes.
    fn published(ticks: u32) -> Vec<String> {
        let of = |dimension| {
            let policy = Policy::named("default");
            (dimension, DimensionSettings::new(dimension, None, policy, None))
        };
        let settings = RuleSettings {
            mode: Mode::Advise,
            dimensions: Dimension::LIMITS.into_iter().map(of).collect(),
            workload: None,
        };
        let mut engine = Engine::new(Detection::default(), Forecast::default(), 20);
        engine.set_rules([("shop".into(), settings)]).expect("valid settings");
        let target = Target { id: "a".into(), rule: "shop".into(), labels: Labels::new() };
        let target = Arc::new(target);
        for tick in 0..ticks {
            let at = Timestamp::from_millis(0).plus(Duration::from_secs(300) * tick);
            let mut observation = Observation::empty(at);
            let cores = 0.5 + 0.1 * f64::from(tick % 12) / 12.0;
            observation.set(Signal::CpuUsageCores, Reading::fresh(cores));
            observation.set(Signal::CpuLimitCores, Reading::fresh(2.0));
            observation.set(Signal::MemoryWorkingSetBytes, Reading::fresh(cores * 1e9));
            observation.set(Signal::MemoryLimitBytes, Reading::fresh(2e9));
            let target = Arc::clone(&target);
            let observed = vec![Observed { target, observation, sampled_at: Some(at) }];
            engine.tick("shop", at, observed, &Quiet);
        }
        let registry = registry(&LoopMetrics::default(), Arc::new(RwLock::new(engine)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("in memory");
        let arms = text.lines().filter(|line| line.starts_with("loadline_arm_"));
        arms.map(str::to_owned).collect()
    }

    #[test]
    fn the_rule_of_a_limit_is_told_with_its_record_and_the_next_best() {
        assert_eq!(published(200), Vec::<String>::new(), "no rule is obeyed on the first day");
        let lines = published(600);
        let value = |family: &str, dimension: &str, role: &str| -> Vec<f64> {
            let labels = format!("dimension=\"{dimension}\",role=\"{role}\"");
            let of = lines.iter().filter(|line| line.starts_with(family) && line.contains(&labels));
            of.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect()
        };
        for (dimension, peak) in [("cpu", 0.6), ("memory", 0.6e9)] {
            for role in ["obeyed", "runner_up"] {
                assert_eq!(value("loadline_arm_info{", dimension, role), [1.0], "{lines:#?}");
                let limit = value("loadline_arm_limit{", dimension, role);
                assert!(matches!(limit[..], [l] if l > 0.9 * peak && l < 2.0 * peak), "{limit:?}");
                let short = value("loadline_arm_short_ratio{", dimension, role);
                assert!(matches!(short[..], [s] if (0.0..0.5).contains(&s)), "{short:?}");
            }
        }
        let of_memory = "dimension=\"memory\",role=\"obeyed\",arm=\"1.1 times the peak of ";
        assert!(lines.iter().any(|line| line.contains(of_memory)), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("loadline_arm_replicas")), "{lines:#?}");
    }
}
