//! The parameters of the policies.

use std::time::Duration;

use super::{ABOVE_ZERO, Bound, Check, Range};
use crate::config::{Hpa, Policy, SafetyNet, ScalingRules, SelectPolicy, Shadow, Threshold};
use crate::target::Dimension;
use crate::units::duration;

/// The longest stabilization window and the longest period that Kubernetes takes.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);
const LONGEST_PERIOD: Duration = Duration::from_secs(1800);

const SHARE: Range = Range::new(0.0, Bound::Closed, 1.0, "a ratio from 0 to 1");
const AT_LEAST_ZERO: Range = Range::new(0.0, Bound::Closed, f64::MAX, "a ratio of at least 0");

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
            Policy::ConfidenceAware(policy) => {
                self.that(
                    0.0 < policy.level && policy.level < 1.0,
                    format!("{key}.level"),
                    format!("expected a level between 0 and 1, found {}", policy.level),
                );
            }
            Policy::Step(policy) => {
                self.in_range(policy.scale_down_ratio, SHARE, format!("{key}.scale_down_ratio"));
                self.at_least_one(policy.min_replicas, &format!("{key}.min_replicas"));
                self.that(
                    policy.min_replicas <= policy.max_replicas,
                    format!("{key}.max_replicas"),
                    format!(
                        "expected at least min_replicas ({}), found {}",
                        policy.min_replicas, policy.max_replicas
                    ),
                );
            }
            Policy::Hpa(policy) => self.hpa(key, policy),
            Policy::Vpa(policy) => self.vpa(key, policy),
            Policy::Autopilot(policy) => self.autopilot(key, policy),
            Policy::Senpai(policy) => self.senpai(key, policy),
        }
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

    fn at_least_one(&mut self, count: u32, key: &str) {
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

    fn hpa(&mut self, key: &str, hpa: &Hpa) {
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
        self.scaling_rules(&format!("{key}.behavior.scale_up"), &hpa.behavior.scale_up);
        self.scaling_rules(&format!("{key}.behavior.scale_down"), &hpa.behavior.scale_down);
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
