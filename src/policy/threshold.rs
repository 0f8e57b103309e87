//! Grow above one utilisation, shrink below another, and aim at a third.

use super::size::{describe, finest, percent, round_up, short};
use super::{Action, PolicyState, Proposal, Situation, known};
use crate::config::{Threshold, ThresholdDimension};
use crate::target::Dimension;
use crate::units::Limit;

/// The smallest addition after an OOM kill (VPA's recommender: `max(used + 100 MiB, used · 1.2)`).
const OOM_ADDITION_BYTES: f64 = (100 << 20) as f64;
/// The smallest factor after an OOM kill, of the same formula.
const OOM_FACTOR: f64 = 1.2;

pub(super) fn propose(
    threshold: &Threshold,
    situation: &Situation,
    state: &mut PolicyState,
) -> Proposal {
    let Some(usage) = known(situation.usage) else {
        let reason = format!("{} usage is not known", situation.dimension);
        return Proposal { action: Action::NoScaling, desired: None, reasons: vec![reason] };
    };
    let need = believe(threshold.smoothing_factor, situation, usage, state);
    let parameters = threshold.dimension(situation.dimension);
    let sizing = Sizing { threshold, parameters, situation, usage, need };
    let proposal = match situation.limit() {
        Some(Limit::At(current)) => sizing.of_limited(current),
        Some(Limit::Max) => sizing.of_unlimited(Action::ScaleDown, "there is no limit"),
        None => sizing.of_unlimited(Action::NoScaling, "the present limit is not known"),
    };
    match proposal.desired {
        Some(size) if size.is_finite() => proposal,
        _ => Proposal { action: Action::NoScaling, desired: None, ..proposal },
    }
}

/// The need after this tick: a higher usage is believed at once, a lower one by and by, and only where
/// it is fresh and usual.
fn believe(factor: f64, situation: &Situation, usage: f64, state: &mut PolicyState) -> f64 {
    let need = match known(state.smoothed_need) {
        Some(before) if usage < before => {
            if situation.freshness.allows_shrink() && !situation.anomalous() {
                before + factor * (usage - before)
            } else {
                before
            }
        }
        _ => usage,
    };
    if situation.freshness.allows_growth() && need.is_finite() {
        state.smoothed_need = Some(need);
    }
    need
}

/// One proposal in the making. Amounts are cores or bytes.
struct Sizing<'a> {
    threshold: &'a Threshold,
    parameters: &'a ThresholdDimension,
    situation: &'a Situation,
    usage: f64,
    need: f64,
}

impl Sizing<'_> {
    fn of_limited(&self, current: f64) -> Proposal {
        let causes = self.causes_of_growth(current);
        if let Some(size) = causes.iter().map(|cause| cause.size).reduce(f64::max) {
            return self.growth(current, size, causes);
        }
        let ratio = self.usage / current;
        if ratio >= self.parameters.scale_down_ratio {
            return self.hold(current, self.usage_of(current));
        }
        if self.situation.anomalous() {
            let reason = format!("{}, and the moment is anomalous", self.usage_of(current));
            return self.hold(current, reason);
        }
        self.shrink(current)
    }

    /// Every cause that asks for growth, each with the size that it asks for.
    fn causes_of_growth(&self, current: f64) -> Vec<Cause> {
        let situation = self.situation;
        let step = self.finest(current + self.smallest_growth(current));
        let aimed = self.aimed_at(self.usage).max(step);
        let mut causes = Vec::new();
        let mut cause = |size, reason| causes.push(Cause { size, reason });

        let ratio = self.usage / current;
        if ratio > self.parameters.scale_up_ratio {
            let limit = percent(self.parameters.scale_up_ratio);
            cause(aimed, format!("{}, above {limit}", self.usage_of(current)));
        }
        if let Some(throttled) = self.throttled() {
            let limit = percent(self.threshold.throttled_ratio);
            let share = percent(throttled);
            cause(aimed, format!("throttled in {share} of the periods, from {limit} on it grows"));
        }
        let kills = situation.memory_kills();
        if kills > 0.0 {
            let used = current.max(self.usage).max(known(situation.peak).unwrap_or(0.0));
            let size = (used + OOM_ADDITION_BYTES).max(used * OOM_FACTOR);
            let kills = short(kills, 0);
            cause(self.grained(size).max(aimed), format!("OOM kills since the last tick: {kills}"));
        }
        let weight = self.weight_of_alerts();
        if weight >= 1.0 {
            let names: Vec<&str> =
                situation.standing_alerts().map(|alert| alert.alertname.as_str()).collect();
            let weight = short(weight, 2);
            cause(
                aimed,
                format!("alerts weigh {weight}, from 1 on it grows: {}", names.join(", ")),
            );
        }
        if situation.anomalous() && ratio > self.parameters.target_ratio {
            let target = percent(self.parameters.target_ratio);
            let usage = self.usage_of(current);
            cause(
                step,
                format!("the moment is anomalous and {usage}, above the target of {target}"),
            );
        }
        causes
    }

    fn growth(&self, current: f64, size: f64, causes: Vec<Cause>) -> Proposal {
        let mut reasons: Vec<String> = causes.into_iter().map(|cause| cause.reason).collect();
        let highest = self.finest(current + self.parameters.upper_limit);
        if size > highest {
            let most = self.describe(self.parameters.upper_limit);
            reasons.push(format!("one decision adds at most {most}"));
        }
        Proposal { action: Action::ScaleUp, desired: Some(size.min(highest)), reasons }
    }

    fn shrink(&self, current: f64) -> Proposal {
        let ThresholdDimension { chunk, upper_limit, scale_down_ratio, .. } = *self.parameters;
        let aimed = self.aimed_at(self.need).max(chunk);
        let lowest = self.finest(current - upper_limit);
        let size = aimed.max(lowest);
        let smoothed = self.describe(self.need);
        if current - size < chunk * (1.0 - 1e-9) {
            let reason = format!(
                "{}, but the smoothed need of {smoothed} wants {}",
                self.usage_of(current),
                self.describe(aimed)
            );
            return self.hold(current, reason);
        }
        let mut reasons = vec![format!(
            "{}, below {}; the smoothed need is {smoothed}",
            self.usage_of(current),
            percent(scale_down_ratio)
        )];
        if aimed < lowest {
            reasons.push(format!("one decision takes at most {}", self.describe(upper_limit)));
        }
        Proposal { action: Action::ScaleDown, desired: Some(size), reasons }
    }

    fn hold(&self, current: f64, reason: String) -> Proposal {
        Proposal { action: Action::NoScaling, desired: Some(current), reasons: vec![reason] }
    }

    /// The size that the need asks for, where there is none to compare it with.
    fn of_unlimited(&self, action: Action, why: &str) -> Proposal {
        let size = self.aimed_at(self.need).max(self.parameters.chunk);
        let reason = format!(
            "{why}; the need of {} asks for {}",
            self.describe(self.need),
            self.describe(size)
        );
        Proposal { action, desired: Some(size), reasons: vec![reason] }
    }

    /// The size at which `need` is the utilisation aimed at.
    fn aimed_at(&self, need: f64) -> f64 {
        self.grained(need / self.parameters.target_ratio)
    }

    /// `chunk`, or as many of them as `min_growth_ratio` of the present size takes.
    fn smallest_growth(&self, current: f64) -> f64 {
        self.grained(current * self.threshold.min_growth_ratio).max(self.parameters.chunk)
    }

    /// The share of throttled periods, where it is a cause of growth.
    fn throttled(&self) -> Option<f64> {
        let throttled = known(self.situation.throttled_ratio)?;
        let cpu = self.situation.dimension == Dimension::Cpu;
        (cpu && throttled >= self.threshold.throttled_ratio).then_some(throttled)
    }

    fn weight_of_alerts(&self) -> f64 {
        self.situation.standing_alerts().filter_map(|alert| known(Some(alert.weight))).sum()
    }

    fn grained(&self, size: f64) -> f64 {
        round_up(self.situation.dimension, size, self.parameters.chunk)
    }

    fn finest(&self, size: f64) -> f64 {
        finest(self.situation.dimension, size)
    }

    fn describe(&self, size: f64) -> String {
        describe(self.situation.dimension, size)
    }

    fn usage_of(&self, current: f64) -> String {
        let (usage, limit) = (self.describe(self.usage), self.describe(current));
        format!("usage of {usage} is {} of {limit}", percent(self.usage / current))
    }
}

struct Cause {
    size: f64,
    reason: String,
}
