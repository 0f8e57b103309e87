//! The parameters of the anchors: what Kubernetes, AWS, Knative and KEDA call themselves.

use std::time::Duration;

use super::policy::{AT_LEAST_ZERO, SHARE};
use super::{ABOVE_ZERO, Bound, Check, Range};
use crate::config::{
    AdjustmentType, Behavior, Hpa, Keda, Knative, ScalingRules, SelectPolicy, StepAlarm,
    StepScaling, TargetTracking,
};
use crate::units::duration;

/// The longest stabilization window and the longest period that Kubernetes takes.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);
const LONGEST_PERIOD: Duration = Duration::from_secs(1800);
/// More points would cost memory and say little of now.
const MOST_POINTS: u32 = 10_000;

impl Check<'_> {
    pub(super) fn hpa(&mut self, key: &str, hpa: &Hpa) {
        let targets = [
            ("target_ratio", Some(hpa.target_ratio)),
            ("cpu_target_ratio", hpa.cpu_target_ratio),
            ("memory_target_ratio", hpa.memory_target_ratio),
        ];
        for (name, target) in targets {
            if let Some(target) = target {
                self.in_range(target, ABOVE_ZERO, format!("{key}.{name}"));
            }
        }
        self.in_range(hpa.tolerance_up_ratio, AT_LEAST_ZERO, format!("{key}.tolerance_up_ratio"));
        self.in_range(
            hpa.tolerance_down_ratio,
            AT_LEAST_ZERO,
            format!("{key}.tolerance_down_ratio"),
        );
        self.at_least_one(hpa.min_replicas, &format!("{key}.min_replicas"));
        self.behavior(&format!("{key}.behavior"), &hpa.behavior);
    }

    fn behavior(&mut self, key: &str, behavior: &Behavior) {
        self.scaling_rules(&format!("{key}.scale_up"), &behavior.scale_up);
        self.scaling_rules(&format!("{key}.scale_down"), &behavior.scale_down);
    }

    fn scaling_rules(&mut self, key: &str, rules: &ScalingRules) {
        self.that(
            rules.stabilization_window <= LONGEST_WINDOW,
            format!("{key}.stabilization_window"),
            format!(
                "expected at most {}, found {}",
                duration::format(LONGEST_WINDOW),
                duration::format(rules.stabilization_window)
            ),
        );
        self.that(
            rules.select_policy == SelectPolicy::Disabled || !rules.policies.is_empty(),
            format!("{key}.policies"),
            "expected at least one policy, found none: select_policy disabled moves nothing",
        );
        for (i, policy) in rules.policies.iter().enumerate() {
            let key = format!("{key}.policies[{i}]");
            self.at_least_one(policy.value, &format!("{key}.value"));
            self.that(
                !policy.period.is_zero() && policy.period <= LONGEST_PERIOD,
                format!("{key}.period"),
                format!(
                    "expected a duration above 0s, at most {}, found {}",
                    duration::format(LONGEST_PERIOD),
                    duration::format(policy.period)
                ),
            );
        }
    }

    pub(super) fn target_tracking(&mut self, key: &str, policy: &TargetTracking) {
        self.in_range(policy.target_ratio, ABOVE_ZERO, format!("{key}.target_ratio"));
        self.positive(policy.period, format!("{key}.period"));
        self.points(policy.points_out, &format!("{key}.points_out"));
        self.points(policy.points_in, &format!("{key}.points_in"));
        self.in_range(policy.margin_in_ratio, SHARE, format!("{key}.margin_in_ratio"));
        self.at_least_one(policy.min_replicas, &format!("{key}.min_replicas"));
    }

    fn points(&mut self, count: u32, key: &str) {
        self.that(
            (1..=MOST_POINTS).contains(&count),
            key,
            format!("expected 1 to {MOST_POINTS}, found {count}"),
        );
    }

    pub(super) fn step_scaling(&mut self, key: &str, policy: &StepScaling) {
        self.positive(policy.period, format!("{key}.period"));
        self.step_alarm(&format!("{key}.scale_out"), &policy.scale_out, 1.0);
        self.step_alarm(&format!("{key}.scale_in"), &policy.scale_in, -1.0);
        self.that(
            policy.scale_in.threshold_ratio < policy.scale_out.threshold_ratio,
            format!("{key}.scale_in.threshold_ratio"),
            format!(
                "expected less than that of scale_out ({}), found {}",
                policy.scale_out.threshold_ratio, policy.scale_in.threshold_ratio
            ),
        );
        self.at_least_one(policy.min_replicas, &format!("{key}.min_replicas"));
    }

    /// `side` is 1 where the steps lie above the threshold, -1 where below.
    fn step_alarm(&mut self, key: &str, alarm: &StepAlarm, side: f64) {
        self.in_range(alarm.threshold_ratio, AT_LEAST_ZERO, format!("{key}.threshold_ratio"));
        self.points(alarm.points, &format!("{key}.points"));
        let key = format!("{key}.steps");
        let mut steps = alarm.steps.clone();
        steps.sort_by(|a, b| {
            let start = |from: Option<f64>| from.unwrap_or(f64::NEG_INFINITY);
            start(a.from).total_cmp(&start(b.from))
        });
        self.that(!steps.is_empty(), key.as_str(), "expected at least one step, found none");
        self.that(
            steps.windows(2).all(|pair| match pair {
                [a, b] => a.to.is_some() && a.to == b.from,
                _ => true,
            }),
            key.as_str(),
            "expected each step to begin where another one ends",
        );
        for step in &steps {
            let bounds = [step.from, step.to].into_iter().flatten();
            let exact = alarm.adjustment_type == AdjustmentType::ExactCapacity;
            let sign = if exact { 1.0 } else { side };
            self.that(
                bounds.clone().all(|bound| bound.is_finite() && bound * side >= 0.0)
                    && step.from.unwrap_or(f64::NEG_INFINITY) < step.to.unwrap_or(f64::INFINITY)
                    && (step.adjustment.is_finite() && step.adjustment * sign >= 0.0),
                key.as_str(),
                "expected steps on the alarm's side of the threshold that lead away from it",
            );
        }
    }

    pub(super) fn knative(&mut self, key: &str, policy: &Knative) {
        self.in_range(policy.target_ratio, ABOVE_ZERO, format!("{key}.target_ratio"));
        self.positive(policy.stable_window, format!("{key}.stable_window"));
        let share = Range::new(0.0, Bound::Open, 1.0, "a ratio above 0, at most 1");
        self.in_range(policy.panic_window_ratio, share, format!("{key}.panic_window_ratio"));
        let above_one = Range::new(1.0, Bound::Open, f64::MAX, "a number above 1");
        for (name, rate) in [
            ("panic_threshold_ratio", policy.panic_threshold_ratio),
            ("max_scale_up_rate", policy.max_scale_up_rate),
            ("max_scale_down_rate", policy.max_scale_down_rate),
        ] {
            self.in_range(rate, above_one, format!("{key}.{name}"));
        }
        self.that(
            policy.scale_down_delay <= LONGEST_WINDOW,
            format!("{key}.scale_down_delay"),
            format!("expected at most {}", duration::format(LONGEST_WINDOW)),
        );
        self.at_least_one(policy.min_replicas, &format!("{key}.min_replicas"));
    }

    pub(super) fn keda(&mut self, key: &str, policy: &Keda) {
        self.in_range(policy.target_ratio, ABOVE_ZERO, format!("{key}.target_ratio"));
        self.in_range(policy.activation_load, AT_LEAST_ZERO, format!("{key}.activation_load"));
        if let Some(idle) = policy.idle_replicas {
            self.that(
                idle < policy.min_replicas,
                format!("{key}.idle_replicas"),
                format!("expected less than min_replicas ({}), found {idle}", policy.min_replicas),
            );
        }
        if let Some(replicas) = policy.fallback.replicas {
            self.at_least_one(replicas, &format!("{key}.fallback.replicas"));
        }
        self.behavior(&format!("{key}.behavior"), &policy.behavior);
    }
}
