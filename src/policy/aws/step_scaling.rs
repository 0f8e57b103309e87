//! Step scaling: the further the utilisation is from a threshold, the larger the step.

use super::super::service::{Service, hold, replicas, toward};
use super::super::size::percent;
use super::super::{Proposal, Situation};
use super::State;
use crate::config::{AdjustmentType, StepAdjustment, StepAlarm, StepScaling};

/// A bound is reached whatever the last bit of a difference says.
const ROUNDING: f64 = 1e-9;

pub(in super::super) fn propose(
    policy: &StepScaling,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let points = (policy.period, policy.scale_out.points.max(policy.scale_in.points));
    super::propose(situation, state, points, |service, state| choose(policy, service, state))
}

fn choose(policy: &StepScaling, service: &Service, state: &State) -> Proposal {
    let situation = service.situation;
    let newest = state.newest();
    let says = format!("the utilisation is {}", percent(newest));
    let (out, into) = (&policy.scale_out, &policy.scale_in);
    if state.last_are(out.points, |point| point.mean() >= out.threshold_ratio) {
        // What is starting was asked for by this breach: only the difference to it is added.
        let count = step(out, newest, Side::Above).map_or(service.current, |step| {
            adjusted(out, step, service.ready().min(service.current))
        });
        let count = count.max(service.current);
        let threshold = percent(out.threshold_ratio);
        return toward(
            situation,
            count,
            format!("{says}, from {threshold} on: {}", replicas(count)),
        );
    }
    if !state.last_are(into.points, |p| p.trusted && p.mean() <= into.threshold_ratio) {
        return hold(situation, says);
    }
    if service.ready() < service.current {
        return hold(situation, format!("{says}, but replicas are starting"));
    }
    if let Some(reason) = state.pause.holds(situation.at, policy.cooldown) {
        return hold(situation, format!("{says}, but {reason}"));
    }
    let count = step(into, newest, Side::Below)
        .map_or(service.current, |step| adjusted(into, step, service.current));
    let count = count.max(f64::from(policy.min_replicas)).min(service.current);
    let threshold = percent(into.threshold_ratio);
    toward(situation, count, format!("{says}, at most {threshold}: {}", replicas(count)))
}

/// On which side of the threshold a step lies: its bound next to the threshold belongs to it.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Above,
    Below,
}

fn step(alarm: &StepAlarm, used: f64, side: Side) -> Option<&StepAdjustment> {
    let breach = used - alarm.threshold_ratio;
    alarm.steps.iter().find(|step| {
        let (from, to) = (step.from, step.to);
        match side {
            Side::Above => {
                let breach = breach + ROUNDING;
                from.is_none_or(|from| from <= breach) && to.is_none_or(|to| breach < to)
            }
            Side::Below => {
                let breach = breach - ROUNDING;
                from.is_none_or(|from| from < breach) && to.is_none_or(|to| breach <= to)
            }
        }
    })
}

/// `base` after a step. Parts of a replica are dropped, but a change is one replica at least.
fn adjusted(alarm: &StepAlarm, step: &StepAdjustment, base: f64) -> f64 {
    match alarm.adjustment_type {
        AdjustmentType::ExactCapacity => step.adjustment.trunc(),
        AdjustmentType::ChangeInCapacity => base + step.adjustment.trunc(),
        AdjustmentType::PercentChangeInCapacity => {
            let change = base * step.adjustment / 100.0;
            if change == 0.0 {
                return base;
            }
            let least = f64::from(alarm.min_adjustment_magnitude.max(1));
            base + change.trunc().abs().max(least).copysign(change)
        }
    }
}
