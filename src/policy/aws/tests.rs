use std::time::Duration;

use super::super::fixtures::{START, replicas};
use super::super::{Proposal, Situation};
use super::*;
use crate::config::{AdjustmentType, StepAdjustment, StepAlarm, StepScaling, TargetTracking};
use crate::promql::Freshness;

/// A service under one of the two, minute by minute. A replica carries 10.
struct Run<P> {
    propose: P,
    state: Option<Box<State>>,
    minute: u64,
    count: f64,
}

impl<P: Fn(&Situation, &mut Option<Box<State>>) -> Proposal> Run<P> {
    fn of(count: f64, propose: P) -> Self {
        Self { propose, state: None, minute: 0, count }
    }

    /// One minute at this utilisation, with every replica ready.
    fn at(&mut self, used: f64) -> f64 {
        let count = self.count;
        self.situation(replicas(count, used * 10.0 * count))
    }

    fn situation(&mut self, situation: Situation) -> f64 {
        let at = START.plus(Duration::from_secs(60 * self.minute));
        let proposal = (self.propose)(&Situation { at, ..situation }, &mut self.state);
        self.minute += 1;
        self.count = proposal.desired.unwrap_or(self.count);
        self.count
    }
}

fn tracking(
    policy: TargetTracking,
    count: f64,
) -> Run<impl Fn(&Situation, &mut Option<Box<State>>) -> Proposal> {
    Run::of(count, move |situation, state| target_tracking::propose(&policy, situation, state))
}

fn half() -> TargetTracking {
    TargetTracking { target_ratio: 0.5, ..TargetTracking::default() }
}

#[test]
fn three_points_above_the_target_add_in_proportion() {
    let mut run = tracking(half(), 4.0);
    assert_eq!([0.8, 0.8].map(|used| run.at(used)), [4.0, 4.0]);
    assert_eq!(run.at(0.8), 7.0, "4 · 0.8 / 0.5 = 6.4");

    let mut run = tracking(half(), 4.0);
    assert_eq!([0.8, 0.8, 0.5, 0.8, 0.8].map(|used| run.at(used)), [4.0; 5], "not in a row");
    assert_eq!(run.at(0.6), 5.0);
}

#[test]
fn fifteen_points_well_below_the_target_take() {
    let mut run = tracking(half(), 10.0);
    for minute in 0..14 {
        assert_eq!(run.at(0.2), 10.0, "minute {minute}");
    }
    assert_eq!(run.at(0.21), 5.0, "10 · 0.21 / 0.5 = 4.2, and the target is kept");

    let mut run = tracking(half(), 10.0);
    for _ in 0..40 {
        assert_eq!(run.at(0.46), 10.0, "below the target, but not by a tenth of it");
    }
}

#[test]
fn a_gap_takes_nothing() {
    let mut run = tracking(half(), 10.0);
    for _ in 0..14 {
        run.at(0.2);
    }
    let unknown = Situation { usage: None, ..replicas(10.0, 0.0) };
    assert_eq!(run.situation(unknown), 10.0);
    for _ in 0..14 {
        assert_eq!(run.at(0.2), 10.0);
    }
    assert_eq!(run.at(0.2), 4.0);

    let mut run = tracking(half(), 10.0);
    for minute in 0..30 {
        let freshness = if minute % 10 == 9 { Freshness::Partial } else { Freshness::Fresh };
        let situation = Situation { freshness, ..replicas(10.0, 20.0) };
        assert_eq!(run.situation(situation), 10.0, "a point that is not fresh is none");
    }
}

#[test]
fn what_is_starting_is_not_asked_for_twice() {
    let mut run = tracking(half(), 4.0);
    let busy = || {
        let mut situation = replicas(7.0, 32.0);
        situation.workload.as_mut().expect("there").ready = Some(4.0);
        situation
    };
    for _ in 0..5 {
        assert_eq!(run.situation(busy()), 7.0, "4 ready replicas at 80 % ask for 7");
    }
    let mut busier = busy();
    busier.usage = Some(40.0);
    assert_eq!(run.situation(busier), 8.0, "and for one more at 100 %");
}

#[test]
fn a_pause_and_a_switch_keep_from_taking() {
    let mut run = tracking(half(), 10.0);
    for _ in 0..15 {
        run.at(0.2);
    }
    assert_eq!(run.count, 4.0);
    for minute in 1..5 {
        assert_eq!(run.at(0.2), 4.0, "{minute} min after the last");
    }
    assert_eq!(run.at(0.2), 2.0);

    let mut run = tracking(TargetTracking { disable_scale_in: true, ..half() }, 10.0);
    for _ in 0..40 {
        assert_eq!(run.at(0.1), 10.0);
    }
}

#[test]
fn samples_of_one_period_are_one_point() {
    let policy = half();
    let (mut state, mut count) = (None, 0.0);
    for second in (0..=150).step_by(30) {
        let at = START.plus(Duration::from_secs(second));
        let situation = Situation { at, ..replicas(4.0, 32.0) };
        count = target_tracking::propose(&policy, &situation, &mut state).desired.expect("one");
        assert_eq!(count, if second < 120 { 4.0 } else { 7.0 }, "after {second} s");
    }
    assert_eq!(count, 7.0);
}

/// The documentation's example: alarms at 50 %, and within ten points of them nothing.
fn documented() -> StepScaling {
    let step = |from, to, adjustment| StepAdjustment { from, to, adjustment };
    let alarm = |steps| StepAlarm {
        threshold_ratio: 0.5,
        points: 1,
        adjustment_type: AdjustmentType::PercentChangeInCapacity,
        min_adjustment_magnitude: 1,
        steps,
    };
    StepScaling {
        scale_out: alarm(vec![
            step(Some(0.0), Some(0.1), 0.0),
            step(Some(0.1), Some(0.2), 10.0),
            step(Some(0.2), None, 30.0),
        ]),
        scale_in: alarm(vec![
            step(Some(-0.1), Some(0.0), 0.0),
            step(Some(-0.2), Some(-0.1), -10.0),
            step(None, Some(-0.2), -30.0),
        ]),
        cooldown: Duration::ZERO,
        ..StepScaling::default()
    }
}

fn stepping(
    policy: StepScaling,
    count: f64,
) -> Run<impl Fn(&Situation, &mut Option<Box<State>>) -> Proposal> {
    Run::of(count, move |situation, state| step_scaling::propose(&policy, situation, state))
}

/// 10 instances: 60 % adds a tenth (1), 70 % three tenths of 11 (3), 40 % takes a tenth of 14 (1), 30 %
/// three tenths of 13 (3).
#[test]
fn the_documented_steps() {
    let mut run = stepping(documented(), 10.0);
    assert_eq!([0.55, 0.60, 0.70].map(|used| run.at(used)), [10.0, 11.0, 14.0]);
    assert_eq!([0.45, 0.40, 0.30].map(|used| run.at(used)), [14.0, 13.0, 10.0]);
}

/// While the instance of a first breach starts, a second, larger one adds the difference only.
#[test]
fn a_second_breach_adds_the_difference() {
    let mut run = stepping(documented(), 10.0);
    let starting = |used: f64| {
        let mut situation = replicas(11.0, used * 100.0);
        situation.workload.as_mut().expect("there").ready = Some(10.0);
        situation
    };
    assert_eq!(run.situation(starting(0.65)), 11.0, "that one is starting already");
    assert_eq!(run.situation(starting(0.75)), 13.0, "three in all");
    assert_eq!(run.situation(starting(0.2)), 11.0, "nothing is taken while one starts");
}

#[test]
fn adjustments_count_in_three_ways() {
    let of = |kind, adjustment, least| {
        let mut policy = documented();
        policy.scale_out.adjustment_type = kind;
        policy.scale_out.min_adjustment_magnitude = least;
        policy.scale_out.steps = vec![StepAdjustment { from: None, to: None, adjustment }];
        stepping(policy, 10.0).at(0.9)
    };
    assert_eq!(of(AdjustmentType::ChangeInCapacity, 3.0, 1), 13.0);
    assert_eq!(of(AdjustmentType::ExactCapacity, 12.0, 1), 12.0);
    assert_eq!(of(AdjustmentType::PercentChangeInCapacity, 33.0, 1), 13.0, "3.3 is 3");
    assert_eq!(of(AdjustmentType::PercentChangeInCapacity, 5.0, 1), 11.0, "0.5 is 1");
    assert_eq!(of(AdjustmentType::PercentChangeInCapacity, 10.0, 4), 14.0, "four at least");
}

#[test]
fn the_pause_holds_what_takes() {
    let policy = StepScaling { cooldown: Duration::from_secs(300), ..documented() };
    let mut run = stepping(policy, 10.0);
    assert_eq!(run.at(0.3), 7.0);
    assert_eq!([0.3; 4].map(|used| run.at(used)), [7.0; 4]);
    assert_eq!(run.at(0.3), 5.0, "2.1 is 2");
    assert_eq!(run.at(0.9), 6.0, "what adds does not wait");
}
