//! One rule obeyed in shadow: the limit that it would have, and its record.

use serde::{Deserialize, Serialize};

use super::recent::WEEK;
use crate::config::ShadowLimits;
use crate::target::Dimension;

/// How a rule becomes a limit, and what its record counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A limit is raised when the rule names more than this many times as much.
    pub(super) raise_factor: f64,
    /// A limit is lowered when the rule names less than this many times as much.
    pub(super) lower_factor: f64,
    /// And when it has stood for so many spans.
    pub(super) hold_spans: i64,
    /// After a need above the limit it is at least this many times the need.
    pub(super) short_factor: f64,
    /// A need so near the limit counts against the rule, though nothing happened yet: it is multiplied.
    pub(super) near_factor: f64,
    /// The share of spans in which that may be.
    pub(super) short_ratio: f64,
}

impl Rules {
    pub(super) fn of(settings: &ShadowLimits, dimension: Dimension) -> Self {
        let spans = |hold: std::time::Duration| {
            let millis = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX);
            millis / super::recent::SPAN_MILLIS
        };
        match dimension {
            Dimension::Memory => Self {
                raise_factor: 1.02,
                lower_factor: 0.9,
                hold_spans: spans(settings.memory_hold),
                short_factor: 1.2,
                near_factor: 1.05,
                short_ratio: settings.memory_short_ratio,
            },
            Dimension::Cpu | Dimension::Replicas => Self {
                raise_factor: 1.05,
                lower_factor: 0.9,
                hold_spans: spans(settings.cpu_hold),
                short_factor: 1.02,
                near_factor: 1.02,
                short_ratio: settings.cpu_short_ratio,
            },
        }
    }
}

/// What a rule would have done so far. The past counts half after a week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arm {
    limit: f64,
    /// The span of its last change.
    changed: i64,
    /// Whether the need of the present span came near.
    near: bool,
    /// Its mean limit.
    pub(super) mean_limit: f64,
    /// The share of spans in which the need came near its limit.
    pub(super) short: f64,
}

/// A need, as every arm meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) span: i64,
    pub(super) need: f64,
    /// How many spans something is known of.
    pub(super) seen: f64,
    /// Whether the need is the first of its span; otherwise it is the highest so far.
    pub(super) is_new: bool,
    /// Whether enough is known of the last hour to lower anything.
    pub(super) may_lower: bool,
}

/// How much the newest of `seen` spans counts.
pub(super) fn gain(seen: f64) -> f64 {
    (1.0 - (-1.0 / WEEK as f64).exp2()).max(1.0 / seen.max(1.0))
}

impl Arm {
    /// Begins with the limit that its rule names, and above the first need.
    pub(super) fn new(named: f64, need: f64, span: i64) -> Self {
        let limit = named.max(need * 1.2);
        Self { limit, changed: span, near: false, mean_limit: 0.0, short: 0.0 }
    }

    /// Lives through a need: counts it against the limit of before, then follows its rule.
    pub(super) fn step(&mut self, rules: &Rules, now: &Now, named: f64) {
        let gain = gain(now.seen);
        if now.is_new {
            self.mean_limit += gain * (self.limit - self.mean_limit);
            self.short -= gain * self.short;
            self.near = false;
        }
        if !self.near && now.need * rules.near_factor > self.limit {
            self.near = true;
            self.short += gain;
        }
        let is_short = now.need > self.limit;
        let named = if is_short { named.max(now.need * rules.short_factor) } else { named };
        let held = now.span.saturating_sub(self.changed) >= rules.hold_spans;
        let lower = now.may_lower && held && named < rules.lower_factor * self.limit;
        if is_short || named > rules.raise_factor * self.limit || lower {
            (self.limit, self.changed) = (named, now.span);
        }
    }

    /// What its record costs: its mean limit, and far more for each time too often that the need came near.
    pub(super) fn cost(&self, rules: &Rules, mean_need: f64) -> f64 {
        let excess = (self.short - rules.short_ratio).max(0.0) / rules.short_ratio;
        self.mean_limit + 1000.0 * mean_need * excess
    }
}
