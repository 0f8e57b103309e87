//! The parameters of the policies of limits.

use super::{ABOVE_ZERO, Bound, Check, Range};
use crate::config::{Autopilot, Senpai, ShadowLimits, Vpa};

const SHARE: Range = Range::new(0.0, Bound::Closed, 1.0, "a ratio from 0 to 1");
const PERCENTILE: Range = Range::new(0.0, Bound::Open, 1.0, "a share above 0, at most 1");
const MARGIN: Range = Range::new(0.0, Bound::Closed, f64::MAX, "a ratio of at least 0");
const AMOUNT: Range = Range::new(0.0, Bound::Closed, f64::MAX, "an amount of at least 0");

impl Check<'_> {
    pub(super) fn vpa(&mut self, key: &str, policy: &Vpa) {
        for (name, percentile) in [
            ("target_percentile", policy.target_percentile),
            ("lower_percentile", policy.lower_percentile),
            ("upper_percentile", policy.upper_percentile),
        ] {
            self.in_range(percentile, PERCENTILE, format!("{key}.{name}"));
        }
        self.that(
            policy.lower_percentile <= policy.target_percentile
                && policy.target_percentile <= policy.upper_percentile,
            format!("{key}.target_percentile"),
            format!(
                "expected lower_percentile <= target_percentile <= upper_percentile, found {}, {} \
                 and {}",
                policy.lower_percentile, policy.target_percentile, policy.upper_percentile
            ),
        );
        self.in_range(policy.margin_ratio, MARGIN, format!("{key}.margin_ratio"));
        self.in_range(policy.min_cores, AMOUNT, format!("{key}.min_cores"));
        self.in_range(policy.min_change_ratio, SHARE, format!("{key}.min_change_ratio"));
        self.lasting(policy.half_life, format!("{key}.half_life"));
    }

    pub(super) fn autopilot(&mut self, key: &str, policy: &Autopilot) {
        self.in_range(policy.margin_ratio, MARGIN, format!("{key}.margin_ratio"));
        self.lasting(policy.cpu_half_life, format!("{key}.cpu_half_life"));
        self.lasting(policy.memory_half_life, format!("{key}.memory_half_life"));
    }

    pub(super) fn senpai(&mut self, key: &str, policy: &Senpai) {
        self.lasting(policy.pressure, format!("{key}.pressure"));
        self.lasting(policy.interval, format!("{key}.interval"));
        self.in_range(policy.max_probe_ratio, SHARE, format!("{key}.max_probe_ratio"));
        self.in_range(policy.max_backoff_ratio, MARGIN, format!("{key}.max_backoff_ratio"));
        self.in_range(policy.probe_coefficient, ABOVE_ZERO, format!("{key}.probe_coefficient"));
        self.in_range(policy.backoff_coefficient, ABOVE_ZERO, format!("{key}.backoff_coefficient"));
        self.in_range(policy.calm_ratio, SHARE, format!("{key}.calm_ratio"));
    }

    pub(super) fn shadow_limits(&mut self, key: &str, limits: &ShadowLimits) {
        for (name, ratio) in [
            ("memory_short_ratio", limits.memory_short_ratio),
            ("cpu_short_ratio", limits.cpu_short_ratio),
        ] {
            self.that(
                0.0 < ratio && ratio < 1.0,
                format!("{key}.{name}"),
                format!("expected a ratio between 0 and 1, found {ratio}"),
            );
        }
    }

    fn lasting(&mut self, time: std::time::Duration, key: String) {
        self.that(!time.is_zero(), key, "expected a duration above 0s");
    }
}
