//! The parameters of the policies.

use super::{ABOVE_ZERO, Bound, Check, Node, Problem, Range};
use crate::config::{
    Cloud, CloudDecision, ConfidenceAware, Instance, Ladder, Policy, PolicyFile, SafetyNet, Shadow,
    Step, Threshold, Thresholds,
};
use crate::target::Dimension;

pub(super) const SHARE: Range = Range::new(0.0, Bound::Closed, 1.0, "a ratio from 0 to 1");
pub(super) const AT_LEAST_ZERO: Range =
    Range::new(0.0, Bound::Closed, f64::MAX, "a ratio of at least 0");

/// More samples would cost memory and say little of now.
const MOST_SAMPLES: u32 = 10_000;

/// Everything that is wrong with the settings of a simulation, of whose file `root` is the tree.
pub(in crate::config) fn policy_file_problems(file: &PolicyFile, root: &Node) -> Vec<Problem> {
    let mut check = Check { root, problems: Vec::new() };
    if let Some(prometheus) = &file.prometheus {
        check.prometheus(prometheus);
    }
    if let Some(policy) = &file.policy {
        check.policy("policy", policy);
    }
    if let Some(guard) = &file.guard {
        check.guard("guard", guard);
    }
    check.problems
}

impl Check<'_> {
    pub(super) fn policy(&mut self, key: &str, policy: &Policy) {
        let name = match policy {
            Policy::Shadow(_) => "default",
            Policy::Autopilot(_) => "autopilot",
            policy => policy.name(),
        };
        let key = &format!("{key}.{name}");
        if let Some(net) = policy.safety_net() {
            self.safety_net(&format!("{key}.safety_net"), net);
        }
        match policy {
            Policy::Shadow(policy) => self.shadow(key, policy),
            Policy::Threshold(threshold) => self.threshold(key, threshold),
            Policy::Static(policy) => {
                self.at_least_one(policy.replicas, &format!("{key}.replicas"))
            }
            Policy::SimpleCeiling(_) => {}
            Policy::Buffered(policy) => {
                self.in_range(policy.buffer_ratio, ABOVE_ZERO, format!("{key}.buffer_ratio"));
            }
            Policy::ConfidenceAware(policy) => self.confidence_aware(key, policy),
            Policy::Step(policy) => self.step(key, policy),
            Policy::Thresholds(policy) => self.thresholds(key, policy),
            Policy::Cloud(policy) => self.cloud(key, policy),
            Policy::Ladder(policy) => self.ladder(key, policy),
            Policy::TargetTracking(policy) => self.target_tracking(key, policy),
            Policy::StepScaling(policy) => self.step_scaling(key, policy),
            Policy::Hpa(policy) => self.hpa(key, policy),
            Policy::Knative(policy) => self.knative(key, policy),
            Policy::Keda(policy) => self.keda(key, policy),
            Policy::Vpa(policy) => self.vpa(key, policy),
            Policy::Autopilot(policy) => self.autopilot(key, policy),
            Policy::Senpai(policy) => self.senpai(key, policy),
        }
    }

    fn confidence_aware(&mut self, key: &str, policy: &ConfidenceAware) {
        self.that(
            0.0 < policy.level && policy.level < 1.0,
            format!("{key}.level"),
            format!("expected a level between 0 and 1, found {}", policy.level),
        );
    }

    fn step(&mut self, key: &str, policy: &Step) {
        self.in_range(policy.scale_down_ratio, SHARE, format!("{key}.scale_down_ratio"));
        self.counts(key, policy.min_replicas, policy.max_replicas);
    }

    fn thresholds(&mut self, key: &str, policy: &Thresholds) {
        for (name, down, up) in [
            ("cpu_down_ratio", policy.cpu_down_ratio, policy.cpu_up_ratio),
            ("memory_down_ratio", policy.memory_down_ratio, policy.memory_up_ratio),
            ("latency_down_seconds", policy.latency_down_seconds, policy.latency_up_seconds),
        ] {
            self.that(
                0.0 <= down && down < up && up.is_finite(),
                format!("{key}.{name}"),
                format!("expected at least 0 and less than what is high ({up}), found {down}"),
            );
        }
        self.in_range(policy.error_up_ratio, SHARE, format!("{key}.error_up_ratio"));
        self.counts(key, policy.min_replicas, policy.max_replicas);
    }

    fn counts(&mut self, key: &str, min: u32, max: u32) {
        self.at_least_one(min, &format!("{key}.min_replicas"));
        self.that(
            min <= max,
            format!("{key}.max_replicas"),
            format!("expected at least min_replicas ({min}), found {max}"),
        );
    }

    fn cloud(&mut self, key: &str, policy: &Cloud) {
        self.cloud_decision(&format!("{key}.decision"), &policy.decision);
        self.at_least_one(policy.min_replicas, &format!("{key}.min_replicas"));
    }

    fn cloud_decision(&mut self, key: &str, decision: &CloudDecision) {
        let (down, up) = (decision.scale_down_ratio, decision.scale_up_ratio);
        self.that(
            0.0 <= down && down < up && up.is_finite(),
            key,
            format!("expected 0 <= scale_down_ratio < scale_up_ratio, found {down} and {up}"),
        );
        self.in_range(decision.min_confidence, SHARE, format!("{key}.min_confidence"));
        self.that(
            (2..=MOST_SAMPLES).contains(&decision.samples),
            format!("{key}.samples"),
            format!("expected 2 to {MOST_SAMPLES}, found {}", decision.samples),
        );
    }

    fn ladder(&mut self, key: &str, policy: &Ladder) {
        self.cloud_decision(&format!("{key}.decision"), &policy.decision);
        let rungs = &policy.instances;
        let key = format!("{key}.instances");
        self.that(!rungs.is_empty(), key.as_str(), "expected at least one size, found none");
        for (i, rung) in rungs.iter().enumerate() {
            self.in_range(rung.size, ABOVE_ZERO, format!("{key}[{i}].size"));
            self.not_empty(&rung.name, format!("{key}[{i}].name"));
        }
        let rising = |pair: &[Instance]| matches!(pair, [a, b] if a.size < b.size);
        self.that(rungs.windows(2).all(rising), key, "expected each size to be above the last");
    }

    fn shadow(&mut self, key: &str, policy: &Shadow) {
        self.that(
            0.0 < policy.short_ratio && policy.short_ratio < 1.0,
            format!("{key}.short_ratio"),
            format!("expected a ratio between 0 and 1, found {}", policy.short_ratio),
        );
        self.in_range(policy.max_cost_ratio, ABOVE_ZERO, format!("{key}.max_cost_ratio"));
        self.in_range(policy.short_price, AT_LEAST_ZERO, format!("{key}.short_price"));
        self.shadow_limits(&format!("{key}.limits"), &policy.limits);
    }

    pub(super) fn at_least_one(&mut self, count: u32, key: &str) {
        self.that(count >= 1, key, "expected at least 1, found 0");
    }

    fn safety_net(&mut self, key: &str, net: &SafetyNet) {
        self.in_range(net.latency_seconds, ABOVE_ZERO, format!("{key}.latency_seconds"));
        for (name, ratio) in [
            ("cpu_ratio", net.cpu_ratio),
            ("pressure_ratio", net.pressure_ratio),
            ("throttled_ratio", net.throttled_ratio),
        ] {
            self.in_range(ratio, SHARE, format!("{key}.{name}"));
        }
    }

    fn threshold(&mut self, key: &str, threshold: &Threshold) {
        for dimension in Dimension::ALL {
            let d = threshold.dimension(dimension);
            let key = format!("{key}.{dimension}");
            self.that(
                0.0 <= d.scale_down_ratio
                    && d.scale_down_ratio < d.target_ratio
                    && d.target_ratio < d.scale_up_ratio
                    && d.scale_up_ratio <= 1.0,
                key.as_str(),
                format!(
                    "expected 0 <= scale_down_ratio < target_ratio < scale_up_ratio <= 1, found \
                     {}, {} and {}",
                    d.scale_down_ratio, d.target_ratio, d.scale_up_ratio
                ),
            );
            self.in_range(d.chunk, ABOVE_ZERO, format!("{key}.chunk"));
            self.that(
                dimension != Dimension::Replicas || d.chunk.fract() == 0.0,
                format!("{key}.chunk"),
                format!("expected whole replicas, found {}", d.chunk),
            );
            self.that(
                d.chunk <= d.upper_limit,
                format!("{key}.upper_limit"),
                format!("expected at least chunk ({}), found {}", d.chunk, d.upper_limit),
            );
        }
        let factor = Range::new(0.0, Bound::Open, 1.0, "a factor above 0, at most 1");
        self.in_range(threshold.smoothing_factor, factor, format!("{key}.smoothing_factor"));
        self.in_range(threshold.throttled_ratio, SHARE, format!("{key}.throttled_ratio"));
        self.in_range(threshold.min_growth_ratio, AT_LEAST_ZERO, format!("{key}.min_growth_ratio"));
    }
}
