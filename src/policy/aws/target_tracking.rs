//! Target tracking: add as soon as a few points are above the target, take when many are well below it.

use super::super::service::{Service, hold, replicas, toward};
use super::super::size::percent;
use super::super::{Proposal, Situation};
use super::State;
use crate::config::TargetTracking;

pub(in super::super) fn propose(
    policy: &TargetTracking,
    situation: &Situation,
    state: &mut Option<Box<State>>,
) -> Proposal {
    let points = (policy.period, policy.points_out.max(policy.points_in));
    super::propose(situation, state, points, |service, state| choose(policy, service, state))
}

fn choose(policy: &TargetTracking, service: &Service, state: &State) -> Proposal {
    let situation = service.situation;
    let (target, newest) = (policy.target_ratio, state.newest());
    let count = (service.ready() * newest / target).ceil();
    let says = format!("the utilisation is {}, the target {}", percent(newest), percent(target));
    if state.last_are(policy.points_out, |point| point.mean() > target) {
        let more = count.max(service.current);
        let reason = format!("{says}, {} points in a row: {}", policy.points_out, replicas(more));
        return toward(situation, more, reason);
    }
    let low = target * (1.0 - policy.margin_in_ratio);
    if policy.disable_scale_in
        || !state.last_are(policy.points_in, |point| point.trusted && point.mean() < low)
    {
        return hold(situation, says);
    }
    if service.ready() < service.current {
        return hold(situation, format!("{says}, but replicas are starting"));
    }
    if let Some(reason) = state.pause.holds(situation.at, policy.cooldown_in) {
        return hold(situation, format!("{says}, but {reason}"));
    }
    let less = count.max(f64::from(policy.min_replicas)).min(service.current);
    let reason = format!("{says}, low in {} points: {}", policy.points_in, replicas(less));
    toward(situation, less, reason)
}
