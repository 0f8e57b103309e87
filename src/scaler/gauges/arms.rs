//! Which rule the policy `default` obeys, and what that rests on.

use std::fmt::Error;

use super::{Series, TargetFamily};
use crate::policy::shadow::{Record, Standing};
use crate::scaler::engine::TargetState;

pub(super) const FAMILIES: [TargetFamily; 4] = [
    TargetFamily {
        name: "loadline_arm_info",
        help: "Always 1; the label arm names the rule that the policy default obeys, and the next best",
        put: |s, rule, t| {
            each(t, |dimension, standing| {
                let runner_up = standing.next.as_ref().map(|next| ("runner_up", next));
                for (role, candidate) in [("obeyed", &standing.obeyed)].into_iter().chain(runner_up)
                {
                    let labels =
                        [("dimension", dimension), ("role", role), ("arm", &candidate.name)];
                    s.put(rule, t, &labels, 1.0)?;
                }
                Ok(())
            })
        },
    },
    TargetFamily {
        name: "loadline_arm_replicas",
        help: "Replicas on average under a rule in shadow: the obeyed one, the next best, the reference",
        put: |s, rule, t| records(s, rule, t, |record| record.replicas),
    },
    TargetFamily {
        name: "loadline_arm_short_ratio",
        help: "Share of the time in which the load is more than the replicas carry, under a rule in shadow",
        put: |s, rule, t| records(s, rule, t, |record| record.short_ratio),
    },
    TargetFamily {
        name: "loadline_arm_changes_per_hour",
        help: "Changes an hour under a rule in shadow",
        put: |s, rule, t| records(s, rule, t, |record| record.changes * 60.0),
    },
];

/// One value of each record that counts.
fn records(
    series: &mut Series<'_>,
    rule: &str,
    target: &TargetState,
    value: fn(&Record) -> f64,
) -> Result<(), Error> {
    each(target, |dimension, standing| {
        let runner_up = standing.next.as_ref().map(|next| ("runner_up", &next.record));
        let two = [("obeyed", &standing.obeyed.record), ("reference", &standing.reference)];
        for (role, record) in two.into_iter().chain(runner_up) {
            let labels = [("dimension", dimension), ("role", role)];
            series.put(rule, target, &labels, value(record))?;
        }
        Ok(())
    })
}

fn each(
    target: &TargetState,
    mut put: impl FnMut(&'static str, &Standing) -> Result<(), Error>,
) -> Result<(), Error> {
    for (dimension, state) in &target.dimensions {
        if let Some(standing) = state.policy().standing() {
            put(dimension.name(), &standing)?;
        }
    }
    Ok(())
}
