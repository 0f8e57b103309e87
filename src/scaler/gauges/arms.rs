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
