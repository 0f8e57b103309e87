//! The parameters of the policies.

use super::{ABOVE_ZERO, Bound, Check, Range};
use crate::config::{Policy, Threshold};
use crate::target::Dimension;

impl Check<'_> {
    pub(super) fn policy(&mut self, key: &str, policy: &Policy) {
        match policy {
            Policy::Threshold(threshold) => {
                self.threshold(&format!("{key}.threshold"), threshold);
            }
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
        let share = Range::new(0.0, Bound::Closed, 1.0, "a ratio from 0 to 1");
        self.in_range(threshold.throttled_ratio, share, format!("{key}.throttled_ratio"));
        let growth = Range::new(0.0, Bound::Closed, f64::MAX, "a ratio of at least 0");
        self.in_range(threshold.min_growth_ratio, growth, format!("{key}.min_growth_ratio"));
    }
}
