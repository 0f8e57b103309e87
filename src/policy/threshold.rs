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
    let Some(usage) = situation.used() else {
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
#[cfg(test)]
mod tests {
    use super::super::fixtures::{alert, anomalous, cpu, memory};
    use super::*;
    use crate::promql::Freshness;

    const MIB: f64 = (1 << 20) as f64;

    fn run(situation: &Situation, state: &mut PolicyState) -> Proposal {
        propose(&Threshold::default(), situation, state)
    }

    /// What is proposed without a history.
    fn at_once(situation: &Situation) -> (Action, Option<f64>) {
        let proposal = run(situation, &mut PolicyState::default());
        (proposal.action, proposal.desired)
    }

    #[test]
    fn growth_aims_at_the_target_in_chunks() {
        assert_eq!(at_once(&cpu(0.5, 0.48)), (Action::ScaleUp, Some(1.0)));
        assert_eq!(at_once(&cpu(1.0, 0.76)), (Action::ScaleUp, Some(1.6)));
        assert_eq!(at_once(&cpu(1.0, 0.75)), (Action::NoScaling, Some(1.0)));
        let memory = memory(512.0 * MIB, 400.0 * MIB);
        assert_eq!(at_once(&memory), (Action::ScaleUp, Some(800.0 * MIB)));
    }

    #[test]
    fn one_decision_adds_at_most_the_upper_limit() {
        assert_eq!(at_once(&cpu(8.0, 8.0)), (Action::ScaleUp, Some(12.0)));
        let memory = memory(4096.0 * MIB, 4000.0 * MIB);
        assert_eq!(at_once(&memory), (Action::ScaleUp, Some(5120.0 * MIB)));
    }

    #[test]
    fn a_shrink_waits_until_the_smoothed_need_has_come_down() {
        let mut state = PolicyState::default();
        assert_eq!(run(&cpu(2.0, 0.9), &mut state).action, Action::NoScaling);
        let mut ticks = 0;
        let shrink = loop {
            ticks += 1;
            let proposal = run(&cpu(2.0, 0.1), &mut state);
            if proposal.action != Action::NoScaling {
                break proposal;
            }
            assert!(ticks < 100, "never shrinks");
        };
        // 0.9 wants 1.8, a chunk less than 2.0: the first lower tick may shrink, a little.
        assert_eq!((ticks, shrink.action), (1, Action::ScaleDown));
        assert_eq!(shrink.desired, Some(1.7));
        for _ in 0..100 {
            run(&cpu(2.0, 0.1), &mut state);
        }
        assert_eq!(run(&cpu(2.0, 0.1), &mut state).desired, Some(0.3));
        run(&cpu(2.0, 0.9), &mut state);
        assert_eq!(state.smoothed_need, Some(0.9), "a higher need is believed at once");
    }

    #[test]
    fn a_lower_need_is_believed_only_where_it_is_fresh_and_usual() {
        for situation in [
            Situation { freshness: Freshness::Partial, ..cpu(2.0, 0.1) },
            Situation { freshness: Freshness::Stale, ..cpu(2.0, 0.1) },
            anomalous(cpu(2.0, 0.1)),
        ] {
            let mut state = PolicyState { smoothed_need: Some(0.9), ..PolicyState::default() };
            run(&situation, &mut state);
            assert_eq!(state.smoothed_need, Some(0.9), "{situation:?}");
        }
    }

    #[test]
    fn sizes_below_one_chunk_and_changes_below_one_are_not_proposed() {
        assert_eq!(at_once(&cpu(0.5, 0.0)), (Action::ScaleDown, Some(0.1)));
        assert_eq!(at_once(&cpu(0.1, 0.0)), (Action::NoScaling, Some(0.1)));
        assert_eq!(at_once(&cpu(0.15, 0.0)), (Action::NoScaling, Some(0.15)));
    }

    #[test]
    fn one_decision_takes_at_most_the_upper_limit() {
        assert_eq!(at_once(&cpu(16.0, 0.1)), (Action::ScaleDown, Some(12.0)));
    }

    #[test]
    fn a_throttled_cpu_grows_at_moderate_usage() {
        let throttled = |share| Situation { throttled_ratio: Some(share), ..cpu(1.0, 0.2) };
        assert_eq!(at_once(&throttled(0.25)), (Action::ScaleUp, Some(1.1)));
        assert_eq!(at_once(&throttled(0.24)).0, Action::ScaleDown);
        let of_memory = Situation { throttled_ratio: Some(1.0), ..memory(1e9, 4e8) };
        assert_eq!(at_once(&of_memory).0, Action::NoScaling, "memory is not throttled");
    }

    #[test]
    fn growth_after_an_oom_kill_follows_vpa() {
        let killed = |current: f64| Situation {
            oom_kills: Some(1.0),
            ..memory(current * MIB, current * 0.5 * MIB)
        };
        assert_eq!(at_once(&killed(200.0)), (Action::ScaleUp, Some(300.0 * MIB)));
        assert_eq!(at_once(&killed(1000.0)), (Action::ScaleUp, Some(1200.0 * MIB)));
        let of_cpu = Situation { oom_kills: Some(1.0), ..cpu(1.0, 0.5) };
        assert_eq!(at_once(&of_cpu).0, Action::NoScaling);
    }

    #[test]
    fn alerts_ask_for_growth_from_a_weight_of_one_on() {
        let with = |weights: &[f64]| Situation {
            alerts: weights.iter().map(|w| alert("Busy", *w)).collect(),
            ..cpu(4.0, 1.6)
        };
        assert_eq!(at_once(&with(&[0.5])).0, Action::NoScaling);
        assert_eq!(at_once(&with(&[0.5, 0.5])), (Action::ScaleUp, Some(4.4)), "10 %");
        assert_eq!(at_once(&with(&[f64::NAN, -3.0, 0.5])).0, Action::NoScaling);
        let mut expired = with(&[1.0]);
        expired.alerts[0].expires_at = expired.at;
        assert_eq!(at_once(&expired).0, Action::NoScaling);
    }

    #[test]
    fn an_anomalous_moment_never_shrinks_and_grows_by_one_step_above_the_target() {
        assert_eq!(at_once(&anomalous(cpu(1.0, 0.0))), (Action::NoScaling, Some(1.0)));
        assert_eq!(at_once(&anomalous(cpu(1.0, 0.5))), (Action::NoScaling, Some(1.0)));
        assert_eq!(at_once(&anomalous(cpu(1.0, 0.7))), (Action::ScaleUp, Some(1.1)));
        assert_eq!(at_once(&anomalous(cpu(1.0, 0.8))), (Action::ScaleUp, Some(1.6)));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for usage in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0)] {
            let situation = Situation { usage, ..cpu(1.0, 0.0) };
            assert_eq!(at_once(&situation), (Action::NoScaling, None), "{usage:?}");
        }
        let unlimited = Situation { current: Some(Limit::Max), ..cpu(1.0, 0.42) };
        assert_eq!(at_once(&unlimited), (Action::ScaleDown, Some(0.9)));
        let unknown = Situation { current: None, ..cpu(1.0, 0.42) };
        assert_eq!(at_once(&unknown), (Action::NoScaling, Some(0.9)));
    }

    #[test]
    fn reasons_are_sentences_with_figures() {
        let situation = Situation {
            throttled_ratio: Some(0.4),
            alerts: vec![alert("ContainerCpuSaturated", 1.0)],
            ..cpu(8.0, 7.9)
        };
        let proposal = run(&anomalous(situation), &mut PolicyState::default());
        assert_eq!(
            proposal.reasons,
            [
                "usage of 7.9 cores is 98.8 % of 8 cores, above 75 %",
                "throttled in 40 % of the periods, from 25 % on it grows",
                "alerts weigh 1, from 1 on it grows: ContainerCpuSaturated",
                "the moment is anomalous and usage of 7.9 cores is 98.8 % of 8 cores, \
                 above the target of 50 %",
                "one decision adds at most 4 cores",
            ]
        );
    }
}
