//! What the settings of the detection must hold.

use super::{ABOVE_ZERO, Bound, Check, Range};
use crate::config::{Calibrated, Detection, View};

const NOT_NEGATIVE: Range = Range::new(0.0, Bound::Closed, 1e6, "a number from 0 to 1e6");

impl Check<'_> {
    pub(super) fn detection(&mut self, detection: &Detection) {
        let d = detection;
        self.in_range(
            d.contamination,
            Range::new(0.0, Bound::Open, 0.5, "a ratio above 0, at most 0.5"),
            "detection.contamination",
        );
        self.in_range(d.spike_threshold, ABOVE_ZERO, "detection.spike_threshold");
        for (value, least, most, name) in [
            (d.n_estimators, 1, 10_000, "n_estimators"),
            (d.max_samples, 2, 1_000_000, "max_samples"),
            (d.rolling_window, 2, 10_000, "rolling_window"),
            (d.min_training_rows, 2, 1_000_000, "min_training_rows"),
            (d.max_contributors, 0, 100, "max_contributors"),
        ] {
            self.that(
                (least..=most).contains(&value),
                format!("detection.{name}"),
                format!("expected {least} to {most}, found {value}"),
            );
        }
        self.positive(d.refit_interval, "detection.refit_interval");
        self.calibrated(&d.calibrated);
    }

    fn calibrated(&mut self, c: &Calibrated) {
        for (value, range, name) in [
            (
                c.threshold,
                Range::new(0.0, Bound::Open, 0.99, "a score above 0, at most 0.99"),
                "threshold",
            ),
            (c.joint_weight, NOT_NEGATIVE, "joint_weight"),
            (c.views_weight, NOT_NEGATIVE, "views_weight"),
            (
                c.forest_weight,
                Range::new(0.0, Bound::Closed, 1.0, "a share, 0 to 1"),
                "forest_weight",
            ),
            (c.exclude_above, ABOVE_ZERO, "exclude_above"),
            (c.rate_penalty, NOT_NEGATIVE, "rate_penalty"),
        ] {
            self.in_range(value, range, format!("detection.calibrated.{name}"));
        }
        let top_views = format!("expected 1 to {}, found {}", View::COUNT, c.top_views);
        let in_range = (1..=View::COUNT).contains(&c.top_views);
        self.that(in_range, "detection.calibrated.top_views", top_views);
        self.that(
            c.refit_rows > 0,
            "detection.calibrated.refit_rows",
            "expected at least 1, found 0",
        );
        self.positive(c.adapt_after, "detection.calibrated.adapt_after");
        let looks = c.joint_weight > 0.0 || !c.views.is_empty();
        self.that(
            looks,
            "detection.calibrated",
            "expected some view or a joint_weight above 0, found nothing to look at",
        );
    }
}
