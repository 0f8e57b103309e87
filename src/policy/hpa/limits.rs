//! How far one period may move.

use std::collections::VecDeque;
use std::time::Duration;

use super::Service;
use crate::config::{Behavior, GrowthFrom, Hpa, ScalingKind, ScalingPolicy, SelectPolicy};
use crate::units::Timestamp;

/// The factor and the least count of a growth without a `behavior`.
const OLD_GROWTH: (f64, f64) = (2.0, 4.0);

/// How far back a limit looks.
pub(super) fn longest_period(behavior: &Behavior) -> Duration {
    let rules = behavior.scale_up.policies.iter().chain(&behavior.scale_down.policies);
    rules.map(|policy| policy.period).max().unwrap_or_default()
}

/// `wanted`, as far as the periods allow it.
pub(super) fn allowed(
    policy: &Hpa,
    service: &Service,
    wanted: f64,
    changes: &VecDeque<(Timestamp, f64)>,
) -> f64 {
    let current = service.current;
    if policy.without_behavior {
        let (factor, least) = OLD_GROWTH;
        return wanted.min((factor * current).max(least));
    }
    let (up, down) = (&policy.behavior.scale_up, &policy.behavior.scale_down);
    let began = |period| current - changed_within(changes, service.situation.at, period);
    if wanted > current {
        let highest = up.policies.iter().map(|limit| match policy.behavior.growth_from {
            GrowthFrom::Ready => grown(limit, service.ready()),
            GrowthFrom::Wanted => grown(limit, began(limit.period)),
        });
        let highest = match up.select_policy {
            SelectPolicy::Max => highest.reduce(f64::max),
            SelectPolicy::Min => highest.reduce(f64::min),
            SelectPolicy::Disabled => None,
        };
        // A limit below what there is already takes nothing away.
        return wanted.min(highest.unwrap_or(current).max(current));
    }
    if wanted < current {
        let lowest = down.policies.iter().map(|limit| shrunk(limit, began(limit.period)));
        let lowest = match down.select_policy {
            SelectPolicy::Max => lowest.reduce(f64::min),
            SelectPolicy::Min => lowest.reduce(f64::max),
            SelectPolicy::Disabled => None,
        };
        return wanted.max(lowest.unwrap_or(current).min(current));
    }
    wanted
}

/// By how much the count has changed within `period`.
fn changed_within(changes: &VecDeque<(Timestamp, f64)>, at: Timestamp, period: Duration) -> f64 {
    let recent = changes.iter().rev().take_while(|(then, _)| at.since(*then) < period);
    recent.map(|(_, change)| change).sum()
}

fn grown(limit: &ScalingPolicy, start: f64) -> f64 {
    let value = f64::from(limit.value);
    match limit.kind {
        ScalingKind::Pods => start + value,
        ScalingKind::Percent => (start * (1.0 + value / 100.0)).ceil(),
    }
}

fn shrunk(limit: &ScalingPolicy, start: f64) -> f64 {
    let value = f64::from(limit.value);
    match limit.kind {
        ScalingKind::Pods => start - value,
        ScalingKind::Percent => (start * (1.0 - value / 100.0)).trunc(),
    }
}
