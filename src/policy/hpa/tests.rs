use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{START, replicas};
use super::super::{Action, PolicyState};
use super::*;
use crate::config::{
    Behavior, GrowthFrom, Policy, ScalingKind, ScalingPolicy, ScalingRules, SelectPolicy,
};
use crate::promql::Freshness;
use crate::units::Limit;

/// A service under an HPA: what is asked for is there `delay` later.
struct Run {
    policy: Hpa,
    state: Option<Box<State>>,
    at: Timestamp,
    every: Duration,
    current: f64,
}

impl Run {
    fn of(policy: Hpa, current: f64) -> Self {
        Self { policy, state: None, at: START, every: Duration::from_secs(15), current }
    }

    /// One sync at which the load is `load`; every replica serves. A replica carries 10.
    fn sync(&mut self, load: f64) -> f64 {
        let situation = Situation { at: self.at, ..replicas(self.current, load) };
        self.situation(&situation)
    }

    fn situation(&mut self, situation: &Situation) -> f64 {
        let proposal = propose(&self.policy, situation, &mut self.state);
        self.at = self.at.plus(self.every);
        self.current = proposal.desired.unwrap_or(self.current);
        self.current
    }
}

/// As Kubernetes has it, with a target of 50 %.
fn kubernetes() -> Hpa {
    let behavior = Behavior { growth_from: GrowthFrom::Wanted, ..Behavior::default() };
    Hpa { target_ratio: 0.5, first_is_current: true, behavior, ..Hpa::default() }
}

fn rules(select_policy: SelectPolicy, policies: &[(ScalingKind, u32, u64)]) -> ScalingRules {
    let policies = policies.iter().map(|(kind, value, seconds)| ScalingPolicy {
        kind: *kind,
        value: *value,
        period: Duration::from_secs(*seconds),
    });
    ScalingRules {
        stabilization_window: Duration::ZERO,
        select_policy,
        policies: policies.collect(),
    }
}

/// The documentation of the algorithm: twice the target doubles, half of it halves, and within a tenth
/// nothing moves.
#[test]
fn the_ratio_moves_the_count() {
    let at_once = |load: f64| {
        let mut policy = kubernetes();
        policy.first_is_current = false;
        policy.behavior.scale_down.stabilization_window = Duration::ZERO;
        Run::of(policy, 4.0).sync(load)
    };
    assert_eq!(at_once(40.0), 8.0, "100 % of a target of 50 %");
    assert_eq!(at_once(10.0), 2.0, "25 % of a target of 50 %");
    assert_eq!(at_once(21.9), 4.0, "the ratio is just below 1.1");
    assert_eq!(at_once(18.1), 4.0, "the ratio is just above 0.9");
    assert_eq!(at_once(22.1), 5.0, "beyond the tolerance every part of a replica is a replica");
    assert_eq!(at_once(0.0), 1.0, "never none");
}

#[test]
fn tolerance_is_set_per_direction() {
    let mut policy = kubernetes();
    policy.behavior.scale_down.stabilization_window = Duration::ZERO;
    policy.first_is_current = false;
    policy.tolerance_up_ratio = 0.0;
    policy.tolerance_down_ratio = 0.4;
    assert_eq!(Run::of(policy.clone(), 4.0).sync(20.1), 5.0);
    assert_eq!(Run::of(policy.clone(), 4.0).sync(12.1), 4.0);
    assert_eq!(Run::of(policy, 4.0).sync(11.9), 3.0);
}

/// "Scale down": the highest recommendation of the last 300 s, the first of which is the count at the
/// start.
#[test]
fn a_shrink_waits_for_its_window() {
    let mut run = Run::of(kubernetes(), 10.0);
    let counts: Vec<f64> = (0..22).map(|_| run.sync(10.0)).collect();
    assert_eq!(counts[..20], [10.0; 20], "the start is 300 s old at the 21st sync");
    assert_eq!(counts[20..], [2.0, 2.0]);

    let mut run = Run::of(Hpa { first_is_current: false, ..kubernetes() }, 10.0);
    assert_eq!(run.sync(10.0), 2.0, "one that has run for long saw nothing else");
}

/// A dip within the window is smoothed away, and a peak holds for 300 s.
#[test]
fn the_highest_recommendation_holds() {
    let mut run = Run::of(Hpa { first_is_current: false, ..kubernetes() }, 4.0);
    let loads = [20.0, 60.0, 5.0];
    assert_eq!(loads.map(|load| run.sync(load)), [4.0, 8.0, 8.0], "growth is limited to +100 %");
    for _ in 0..18 {
        assert_eq!(run.sync(5.0), 8.0);
    }
    assert_eq!(run.sync(5.0), 1.0, "the wish for 12 is 300 s old");
}

/// The walkthrough's `behavior`: at most 100 % or 4 pods in 15 s, whichever is more.
#[test]
fn the_default_growth_is_the_larger_of_two_limits() {
    let mut run = Run::of(kubernetes(), 1.0);
    let counts: Vec<f64> = (0..6).map(|_| run.sync(1000.0)).collect();
    assert_eq!(counts, [5.0, 10.0, 20.0, 40.0, 80.0, 160.0]);
}

/// "Default behavior" of KEP 853: a rate of 4 pods a minute is shared by the syncs of that minute.
#[test]
fn a_period_counts_what_it_added_already() {
    let mut policy = kubernetes();
    policy.behavior.scale_up = rules(SelectPolicy::Max, &[(ScalingKind::Pods, 4, 60)]);
    let mut run = Run::of(policy, 2.0);
    let counts: Vec<f64> = (0..9).map(|_| run.sync(1000.0)).collect();
    assert_eq!(counts, [6.0, 6.0, 6.0, 6.0, 10.0, 10.0, 10.0, 10.0, 14.0]);
}

/// The documentation's example: 4 pods or 10 % a minute, 80 replicas to 10. Above 40 the percentage is
/// larger: 80 to 72, 72 to 64 (7.2 is 8 pods, rounded up), and so on; then 4 at a time.
#[test]
fn a_shrink_by_percent_and_by_pods() {
    let mut policy = kubernetes();
    policy.first_is_current = false;
    policy.behavior.scale_down =
        rules(SelectPolicy::Max, &[(ScalingKind::Pods, 4, 60), (ScalingKind::Percent, 10, 60)]);
    let mut run = Run { every: Duration::from_secs(60), ..Run::of(policy.clone(), 80.0) };
    let counts: Vec<f64> = (0..8).map(|_| run.sync(50.0)).collect();
    assert_eq!(counts, [72.0, 64.0, 57.0, 51.0, 45.0, 40.0, 36.0, 32.0]);

    policy.behavior.scale_down.select_policy = SelectPolicy::Min;
    let mut run = Run { every: Duration::from_secs(60), ..Run::of(policy.clone(), 80.0) };
    assert_eq!(run.sync(50.0), 76.0, "the smaller change of the two");

    policy.behavior.scale_down.select_policy = SelectPolicy::Disabled;
    assert_eq!(Run::of(policy, 80.0).sync(50.0), 80.0, "never");
}

#[test]
fn growth_can_be_switched_off() {
    let mut policy = kubernetes();
    policy.behavior.scale_up.select_policy = SelectPolicy::Disabled;
    assert_eq!(Run::of(policy, 4.0).sync(1000.0), 4.0);
}

/// A window of its own makes a growth wait for the lowest wish of that time.
#[test]
fn a_growth_can_be_stabilized() {
    let mut policy = kubernetes();
    policy.behavior.scale_up.stabilization_window = Duration::from_secs(30);
    let mut run = Run::of(policy, 4.0);
    assert_eq!([30.0, 40.0, 40.0, 40.0].map(|load| run.sync(load)), [4.0, 4.0, 8.0, 8.0]);
}

#[test]
fn without_a_behavior_the_older_rules_hold() {
    let policy = Hpa { without_behavior: true, ..kubernetes() };
    assert_eq!(Run::of(policy.clone(), 1.0).sync(1000.0), 4.0, "at least 4");
    assert_eq!(Run::of(policy.clone(), 10.0).sync(1000.0), 20.0, "else twice as many");
    let mut run = Run::of(policy, 10.0);
    let counts: Vec<f64> = (0..21).map(|_| run.sync(10.0)).collect();
    assert_eq!(counts[..20], [10.0; 20]);
    assert_eq!(counts[20], 2.0);
}

/// The replicas that are starting use nothing yet, and are not asked for twice.
#[test]
fn only_ready_replicas_are_averaged() {
    let mut situation = replicas(8.0, 40.0);
    situation.workload.as_mut().expect("there").ready = Some(4.0);
    assert_eq!(Run::of(kubernetes(), 8.0).situation(&situation), 8.0);
    situation.workload.as_mut().expect("there").ready = Some(0.0);
    assert_eq!(Run::of(kubernetes(), 8.0).situation(&situation), 8.0, "none serves yet");
}

/// kubernetes#99394: several metrics grow on any, and shrink only where all are known.
#[test]
fn the_highest_metric_wins_and_a_missing_one_lowers_nothing() {
    let policy = Hpa { cpu_target_ratio: Some(0.5), first_is_current: false, ..kubernetes() };
    let with_cpu = |load, cpu| {
        let mut situation = replicas(4.0, load);
        situation.workload.as_mut().expect("there").cpu_ratio = cpu;
        Run::of(policy.clone(), 4.0).situation(&situation)
    };
    assert_eq!(with_cpu(10.0, Some(0.75)), 6.0);
    assert_eq!(with_cpu(30.0, Some(0.25)), 6.0);
    assert_eq!(with_cpu(10.0, Some(0.25)), 2.0);
    assert_eq!(with_cpu(10.0, None), 4.0);
    assert_eq!(with_cpu(10.0, Some(f64::NAN)), 4.0);
    assert_eq!(with_cpu(30.0, None), 6.0);
}

/// A moment without data counts as one that needs what there is, for as long as the window is.
#[test]
fn an_outage_lowers_nothing() {
    let mut run = Run::of(Hpa { first_is_current: false, ..kubernetes() }, 8.0);
    let unknown = Situation { usage: None, at: START, ..replicas(8.0, 40.0) };
    assert_eq!(run.situation(&unknown), 8.0);
    let stale = Situation { freshness: Freshness::Stale, at: run.at, ..replicas(8.0, 10.0) };
    assert_eq!(run.situation(&stale), 8.0);
    for _ in 0..19 {
        assert_eq!(run.sync(10.0), 8.0);
    }
    assert_eq!(run.sync(10.0), 2.0);
}

#[test]
fn the_state_survives_json() {
    let policy = Policy::Hpa(kubernetes());
    let mut state = PolicyState::default();
    for (n, load) in [20.0, 60.0, 10.0].into_iter().enumerate() {
        let at = START.plus(Duration::from_secs(15 * n as u64));
        let current = if n == 2 { 8.0 } else { 4.0 };
        let situation = Situation { at, ..replicas(current, load) };
        super::super::propose(&policy, &situation, &mut state);
    }
    let text = serde_json::to_string(&state).expect("writes");
    assert_eq!(serde_json::from_str::<PolicyState>(&text).expect("reads"), state, "{text}");
}

#[test]
fn the_reason_holds_the_figures() {
    let situation = Situation { current: Some(Limit::At(4.0)), ..replicas(4.0, 100.0) };
    let proposal = propose(&kubernetes(), &situation, &mut None);
    assert_eq!(proposal.action, Action::ScaleUp);
    assert_eq!(
        proposal.reasons,
        [
            "the load is 250 % of 4 replicas, the target 50 %: 20 replicas; within the limits: 8 replicas"
        ]
    );
}

/// The yardstick, word for word as its definition goes: minutes, 2 min until a replica serves.
fn yardstick(loads: &[f64], capacity: f64, start: i64) -> Vec<(i64, i64)> {
    let mut serving = start;
    let mut pending: Vec<(usize, i64)> = Vec::new();
    let mut recent: Vec<i64> = Vec::new();
    let mut counts = Vec::new();
    for (t, load) in loads.iter().enumerate() {
        while pending.first().is_some_and(|(due, _)| *due <= t) {
            serving += pending.remove(0).1;
        }
        let wanted = serving + pending.iter().map(|(_, n)| n).sum::<i64>();
        let ratio = load / (serving as f64 * capacity) / 0.7;
        let mut desired = if (ratio - 1.0).abs() <= 0.1 {
            wanted
        } else {
            (serving as f64 * ratio).ceil() as i64
        };
        desired = desired.min((2 * serving).max(serving + 4));
        recent.push(desired.max(1));
        if recent.len() > 5 {
            recent.remove(0);
        }
        let newest = desired.max(1);
        let highest = *recent.iter().max().expect("not empty");
        desired = if desired > wanted { newest } else { highest };
        if newest <= wanted {
            desired = desired.min(wanted);
        }
        if desired > wanted {
            pending.push((t + 2, desired - wanted));
        } else {
            let mut less = wanted - desired;
            while less > 0 && !pending.is_empty() {
                let last = pending.last_mut().expect("not empty");
                let taken = less.min(last.1);
                less -= taken;
                last.1 -= taken;
                if last.1 == 0 {
                    pending.pop();
                }
            }
            serving -= less;
        }
        counts.push((serving, desired));
    }
    counts
}

/// The same service under the policy that ships, with its defaults.
fn shipped(loads: &[f64], capacity: f64, start: u32) -> Vec<(i64, i64)> {
    let policy = Hpa::default();
    let mut plant = super::super::plant::Plant::new(start);
    let (mut state, mut at) = (None, START);
    let mut counts = Vec::new();
    for load in loads {
        let ready = plant.tick(at);
        let mut situation = Situation { at, ..replicas(f64::from(plant.wanted()), *load) };
        let workload = situation.workload.as_mut().expect("there");
        workload.ready = Some(f64::from(ready));
        workload.capacity = capacity;
        let desired = propose(&policy, &situation, &mut state).desired.expect("a count");
        plant.scale_to(desired as u32, at, Duration::from_secs(120));
        counts.push((i64::from(plant.ready()), desired as i64));
        at = at.plus(Duration::from_secs(60));
    }
    counts
}

fn loads() -> impl Strategy<Value = Vec<f64>> {
    let part = (0.0..200.0, 0.0..0.5, 1usize..40).prop_flat_map(|(level, spread, minutes)| {
        let low = level * (1.0 - spread);
        let load = prop_oneof![9 => low..=level * (1.0 + spread), 1 => 0.0..1000.0];
        prop::collection::vec(load, minutes)
    });
    prop::collection::vec(part, 1..20).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every decision is the yardstick's own.
    #[test]
    fn it_is_the_yardstick(loads in loads(), capacity in 0.5..20.0, start in 1u32..30) {
        prop_assert_eq!(
            shipped(&loads, capacity, start),
            yardstick(&loads, capacity, i64::from(start))
        );
    }
}
